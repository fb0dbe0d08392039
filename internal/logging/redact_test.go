package logging

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func checkRedacted(t *testing.T, line, want string) {
	t.Helper()
	before := line
	if got := string(RedactConnect([]byte(line))); got != want {
		t.Errorf("RedactConnect(%q)\n got %q\nwant %q", line, got, want)
	}
	if line != before {
		t.Error("the argument was changed")
	}
}

// secretShapes are ways in which a client may write a secret, well formed or
// not: KEY is the name of the field, HIDDEN what has to be gone afterwards.
var secretShapes = []struct{ name, line, want string }{
	{"alone", `CONNECT {"KEY":"HIDDEN"}` + "\r\n", `CONNECT {"KEY":"[REDACTED]"}` + "\r\n"},
	{"after the user", `CONNECT {"user":"ann","KEY":"HIDDEN"}` + "\r\n", `CONNECT {"user":"ann","KEY":"[REDACTED]"}` + "\r\n"},
	{"first of many", `CONNECT {"KEY":"HIDDEN","tls_required":false,"name":"n1"}`, `CONNECT {"KEY":"[REDACTED]","tls_required":false,"name":"n1"}`},
	{"blanks before the value", `CONNECT {"KEY":  "HIDDEN"}`, `CONNECT {"KEY":  "[REDACTED]"}`},
	{"blanks after the value", `CONNECT {"KEY": "HIDDEN"   }`, `CONNECT {"KEY": "[REDACTED]"   }`},
	{"blanks before the colon", `CONNECT {"KEY" :"HIDDEN"}`, `CONNECT {"KEY" :"[REDACTED]"}`},
	{"blanks before the object", "CONNECT \t {\"KEY\":\"HIDDEN\"}", "CONNECT \t {\"KEY\":\"[REDACTED]\"}"},
	{"empty", `CONNECT {"KEY":""}`, `CONNECT {"KEY":"[REDACTED]"}`},
	{"only blanks", `CONNECT {"KEY":"    "}`, `CONNECT {"KEY":"[REDACTED]"}`},
	{"with blanks", `CONNECT {"KEY":"HIDDEN and HIDDEN, HIDDEN}"}`, `CONNECT {"KEY":"[REDACTED]"}`},
	{"with quotes", `CONNECT {"KEY":"HIDDEN\"HIDDEN\\","x":"y"}`, `CONNECT {"KEY":"[REDACTED]","x":"y"}`},
	{"long", `CONNECT {"KEY":"` + strings.Repeat("HIDDEN", 50) + `"}`, `CONNECT {"KEY":"[REDACTED]"}`},
	{"trailing comma", `CONNECT {"KEY":"HIDDEN",}`, `CONNECT {"KEY":"[REDACTED]",}`},
	{"twice", `CONNECT {"KEY":"HIDDEN","KEY":"HIDDEN"}`, `CONNECT {"KEY":"[REDACTED]","KEY":"[REDACTED]"}`},
	{"next to a wrong password field", `CONNECT {"KEY":"HIDDEN", "password": "HIDDEN"}`, `CONNECT {"KEY":"[REDACTED]", "password": "[REDACTED]"}`},
	{"without quotes", `CONNECT {KEY:HIDDEN ,   password =  HIDDEN}`, `CONNECT {KEY:[REDACTED],   password =  [REDACTED]}`},
	{"equals sign", `CONNECT {user = ann, KEY =  HIDDEN}`, `CONNECT {user = ann, KEY =  [REDACTED]}`},
	{"equals sign without blanks", `CONNECT {user=ann, KEY=HIDDEN}`, `CONNECT {user=ann, KEY=[REDACTED]}`},
	{"quoted value of a bare name", `CONNECT {KEY = "HIDDEN",KEY= "HIDDEN",password ="HIDDEN"}`, `CONNECT {KEY = "[REDACTED]",KEY= "[REDACTED]",password ="[REDACTED]"}`},
	{"no closing brace", `CONNECT {KEY:HIDDEN` + "\r\n", `CONNECT {KEY:[REDACTED]` + "\r\n"},
	{"no object", "CONNECT KEY=HIDDEN\r\n", "CONNECT KEY=[REDACTED]\r\n"},
	{"no closing quote", `CONNECT {"KEY":"HIDDEN HIDDEN` + "\r\n", `CONNECT {"KEY":"[REDACTED]` + "\r\n"},
	{"single quotes", `CONNECT {'KEY':'HIDDEN'}`, `CONNECT {'KEY':[REDACTED]}`},
	{"inside of another value", `CONNECT {"name":"x KEY:HIDDEN","KEY":"HIDDEN","user":"ann"}`, `CONNECT {"name":"x KEY:[REDACTED]","KEY":"[REDACTED]","user":"ann"}`},
	{"after an unfinished value", `CONNECT {"name":"unfinished,"KEY":"HIDDEN"}`, `CONNECT {"name":"unfinished,"KEY":"[REDACTED]"}`},
	{"object", `CONNECT {"KEY":{"a":"HIDDEN"},"b":1}` + "\r\n", `CONNECT {"KEY":[REDACTED]` + "\r\n"},
	{"number", `CONNECT {"KEY":HIDDEN}`, `CONNECT {"KEY":[REDACTED]}`},
	{"same text elsewhere", `CONNECT {"user":"same","KEY":"same","name":"same"}`, `CONNECT {"user":"same","KEY":"[REDACTED]","name":"same"}`},
}

func checkSecretShapes(t *testing.T, key string) {
	t.Helper()
	for _, shape := range secretShapes {
		t.Run(key+" "+shape.name, func(t *testing.T) {
			line := strings.ReplaceAll(strings.ReplaceAll(shape.line, "KEY", key), "HIDDEN", "s3cr3t")
			checkRedacted(t, line, strings.ReplaceAll(shape.want, "KEY", key))
		})
	}
}

// Go: TestRemovePassFromTrace server/log_test.go:224
func TestRedactPasswords(t *testing.T) {
	checkSecretShapes(t, "pass")
	checkSecretShapes(t, "password")
	checkSecretShapes(t, "PASS")
}

// Go: TestRemoveAuthTokenFromTrace server/log_test.go:352
func TestRedactTokens(t *testing.T) {
	checkSecretShapes(t, "auth_token")
	checkRedacted(t,
		`CONNECT {"auth_token":"A","auth_token":"B","pass":"C","password":"D"}`,
		`CONNECT {"auth_token":"[REDACTED]","auth_token":"[REDACTED]","pass":"[REDACTED]","password":"[REDACTED]"}`)
}

// Go: TestRemoveAdditionalAuthFieldsFromTrace server/log_test.go:480
func TestRedactSignaturesAndKeys(t *testing.T) {
	for _, key := range []string{"sig", "proxy_sig", "nkey", "jwt"} {
		checkSecretShapes(t, key)
	}
	for _, order := range [][2]string{{"proxy_sig", "sig"}, {"sig", "proxy_sig"}} {
		line := `CONNECT {"` + order[0] + `":"HIDDEN","` + order[1] + `":"HIDDEN","user":"ann"}` + "\r\n"
		checkRedacted(t, line, strings.ReplaceAll(line, "HIDDEN", "[REDACTED]"))
	}
}

func TestRedactLeavesTheRestAlone(t *testing.T) {
	for _, line := range []string{
		"", "CONNECT", "CONNECT {}\r\n",
		`CONNECT {"echo":true,"verbose":false,"user":"pass","name":"jwt","lang":"sig"}` + "\r\n",
		`CONNECT {"signature":"a","my_sig":"b","nkeys":"c","bypass":"d","compass":"e","token":"f"}`,
		`CONNECT {"user":"nkey"}`,
		"CONNECT \x00\xff\xfe",
	} {
		checkRedacted(t, line, line)
	}
}

// Whatever the other fields say, also if they look like names of secrets, no
// secret is left and nothing is cut from fields that merely hold text.
func TestRedactAnyConnect(t *testing.T) {
	words := []string{"pass", "sig", ":", "=", `"`, `\`, ",", "{", "}", "[", " ", "x", "ü", "\n"}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Map(rapid.SliceOfN(rapid.SampledFrom(words), 0, 8), func(w []string) string { return strings.Join(w, "") })
		secret := "s3cr3t" + text.Draw(t, "secret") + "s3cr3t"
		fields := map[string]any{"verbose": true}
		for _, name := range []string{"name", "user", "lang", "zone"} {
			fields[name] = text.Draw(t, name)
		}
		for _, name := range []string{"pass", "auth_token", "sig", "jwt"} {
			fields[name] = secret
		}
		encoded, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		got := RedactConnect(append([]byte("CONNECT "), encoded...))
		if bytes.Contains(got, []byte("s3cr3t")) {
			t.Fatalf("RedactConnect(%s) = %s", encoded, got)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-z ,{}\[\]"\\]{0,12}`)
		fields := map[string]any{"pass": text.Draw(t, "pass"), "name": text.Draw(t, "name"), "user": text.Draw(t, "user")}
		encoded, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(RedactConnect(encoded), &got); err != nil {
			t.Fatal(err)
		}
		fields["pass"] = redacted
		if !reflect.DeepEqual(got, fields) {
			t.Fatalf("RedactConnect(%s) = %v", encoded, got)
		}
	})
}

func FuzzRedactConnect(f *testing.F) {
	for _, shape := range secretShapes {
		f.Add([]byte(strings.ReplaceAll(shape.line, "KEY", "pass")))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		before := bytes.Clone(line)
		got := RedactConnect(line)
		if !bytes.Equal(line, before) {
			t.Fatal("the argument was changed")
		}
		if len(got) > len(line)+len(line)*(len(redacted)+2) {
			t.Fatalf("%d bytes became %d", len(line), len(got))
		}
		var fields struct {
			Pass string `json:"pass"`
		}
		// A password that the decoder would find must be gone, unless it is
		// written elsewhere in the line too.
		if json.Unmarshal(line, &fields) != nil || len(fields.Pass) < 4 || bytes.Count(line, []byte(fields.Pass)) != 1 {
			return
		}
		if strings.Contains(redacted, fields.Pass) || !bytes.Contains(bytes.ToLower(line), []byte(`"pass"`)) {
			return
		}
		if bytes.Contains(got, []byte(fields.Pass)) {
			t.Fatalf("RedactConnect(%q) = %q", line, got)
		}
	})
}
