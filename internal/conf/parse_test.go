package conf

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type m = map[string]any
type a = []any

func noEnv(string) (string, bool) { return "", false }

func parse(t testing.TB, text string) map[string]any {
	t.Helper()
	got, err := Parse(text, "", t.TempDir(), noEnv)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return got.Plain()
}

func check(t *testing.T, text string, want map[string]any) {
	t.Helper()
	if diff := cmp.Diff(want, parse(t, text)); diff != "" {
		t.Errorf("%q:\n%s", text, diff)
	}
}

func refuse(t *testing.T, text, want string) {
	t.Helper()
	got, err := Parse(text, "", t.TempDir(), noEnv)
	if err == nil {
		t.Errorf("%q: accepted as %v", text, got.Plain())
		return
	}
	if err.Error() != want {
		t.Errorf("%q: got %q, want %q", text, err, want)
	}
}

// Go: TestPlainValue conf/lex_test.go:24
// Go: TestSimpleKeyStringValues conf/lex_test.go:33
// Go: TestSimpleKeyIntegerValues conf/lex_test.go:188
// Go: TestSimpleKeyNegativeIntegerValues conf/lex_test.go:208
// Go: TestSimpleKeyFloatValues conf/lex_test.go:345
// Go: TestSimpleTopLevel conf/parse_test.go:53
func TestKeysSeparatorsAndSimpleValues(t *testing.T) {
	for _, sep := range []string{" = ", "=", ": ", ":", " : ", " ", "\t", "  "} {
		check(t, "foo"+sep+"'bar'", m{"foo": "bar"})
		check(t, "foo"+sep+`"bar"`, m{"foo": "bar"})
		check(t, "foo"+sep+"bar", m{"foo": "bar"})
		check(t, "foo"+sep+"123", m{"foo": int64(123)})
		check(t, "foo"+sep+"-123", m{"foo": int64(-123)})
		check(t, "foo"+sep+"22.2", m{"foo": 22.2})
		check(t, "foo"+sep+"-22.2", m{"foo": -22.2})
	}
	check(t, "foo='1'; bar=2.2; baz=true; boo=22", m{"foo": "1", "bar": 2.2, "baz": true, "boo": int64(22)})
	check(t, "'foo bar' = 1\n\"b#z\" 2", m{"foo bar": int64(1), "b#z": int64(2)})
}

// Go: TestConvenientNumbers conf/parse_test.go:197
func TestIntegerSuffixes(t *testing.T) {
	for text, want := range map[string]int64{
		"8k": 8000, "4kb": 4096, "3ki": 3072, "4KiB": 4096, "1m": 1e6, "2MB": 2 << 20, "2Mi": 2 << 20, "64MiB": 64 << 20,
		"2g": 2e9, "22GB": 22 << 30, "22Gi": 22 << 30, "22GiB": 22 << 30, "22TB": 22 << 40, "22t": 22e12, "22TiB": 22 << 40,
		"22PB": 22 << 50, "22p": 22e15, "22PiB": 22 << 50, "2eb": 2 << 60, "2E": 2e18, "-1k": -1000, "0": 0, "007": 7,
		"9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	} {
		check(t, "n = "+text, m{"n": want})
	}
	check(t, "n = 3xyz", m{"n": "3xyz"})
	check(t, "n = 3Gyz", m{"n": "3Gyz"})
	for _, text := range []string{"9223372036854775808", "-9223372036854775809", "99999999999999999999999", "9eb", "99e"} {
		refuse(t, "n = "+text, "integer '"+text+"' is out of the range")
	}
}

// Go: TestBools conf/parse_test.go:63
func TestBooleans(t *testing.T) {
	for _, text := range []string{"true", "TRUE", "True", "yes", "YES", "on", "oN"} {
		check(t, "b = "+text, m{"b": true})
	}
	for _, text := range []string{"false", "FALSE", "no", "No", "off", "OFF"} {
		check(t, "b = "+text, m{"b": false})
	}
	check(t, "b = 'true'", m{"b": "true"})
	check(t, "b = truely", m{"b": "truely"})
}

// Go: TestDateValues conf/lex_test.go:499
// Go: TestSample5 conf/parse_test.go:345
func TestDates(t *testing.T) {
	want := time.Date(2016, 5, 4, 18, 53, 41, 0, time.UTC)
	check(t, "foo = 2016-05-04T18:53:41Z", m{"foo": want})
	check(t, "\n  now = 2016-05-04T18:53:41Z\n  gmt = false\n\n", m{"now": want, "gmt": false})
	refuse(t, "foo = 2016-05-04T18:53:41", "Parse error on line 1: 'Expected 'Z' in ISO8601 datetime, but found 'EOF' instead.'")
	refuse(t, "foo = 2016-05-04T18:53:41+01:00", "Parse error on line 1: 'Expected 'Z' in ISO8601 datetime, but found '+' instead.'")
	refuse(t, "foo = 2016-13-04T18:53:41Z", "expected Zulu formatted DateTime, but got '2016-13-04T18:53:41Z'")
}

// Go: TestEscapedString conf/lex_test.go:815
// Go: TestBinaryString conf/lex_test.go:168
// Go: TestBinaryStringLatin1 conf/lex_test.go:178
// Go: TestBadBinaryStringEndingAfterZeroHexChars conf/lex_test.go:365
// Go: TestBadBinaryStringEndingAfterOneHexChar conf/lex_test.go:375
// Go: TestBadBinaryStringWithZeroHexChars conf/lex_test.go:385
// Go: TestBadBinaryStringWithOneHexChar conf/lex_test.go:395
func TestStringsWithEscapes(t *testing.T) {
	check(t, `foo = "\x22baz\x22"`, m{"foo": `"baz"`})
	check(t, `foo = "\xe9"`, m{"foo": "\xe9"})
	check(t, `foo = "a\tb\nc\rd\"e\\f"`, m{"foo": "a\tb\nc\rd\"e\\f"})
	check(t, `foo = a\tb`, m{"foo": "a\tb"})
	check(t, `foo = 'a\tb'`, m{"foo": `a\tb`})
	check(t, "foo = \"two\nlines\"", m{"foo": "two\nlines"})
	refuse(t, `foo = "\y"`, `Parse error on line 1: 'Invalid escape character 'y'. Only the following escape characters are allowed: \xXX, \t, \n, \r, \", \\.'`)
	refuse(t, "foo = xyz\\x\n", `Parse error on line 2: 'Expected two hexadecimal digits after '\x', but hit end of line'`)
	refuse(t, "foo = xyz\\xF\n", `Parse error on line 2: 'Expected two hexadecimal digits after '\x', but hit end of line'`)
	refuse(t, `foo = "xyz\x]"`, `Parse error on line 1: 'Expected two hexadecimal digits after '\x', but got ']"''`)
	refuse(t, `foo = "xyz\xe]"`, `Parse error on line 1: 'Expected two hexadecimal digits after '\x', but got 'e]''`)
}

// Go: TestBadFloatValues conf/lex_test.go:405
// Go: TestBadKey conf/lex_test.go:415
func TestBadNumbersAndKeys(t *testing.T) {
	refuse(t, "foo = .2", "Parse error on line 1: 'Floats must start with a digit'")
	refuse(t, "foo = -.2", "Parse error on line 1: 'Floats must start with a digit, not '.'.'")
	refuse(t, "foo = -x", "Parse error on line 1: 'Expected a digit but got 'x'.'")
	refuse(t, " :foo = 22", "Parse error on line 1: 'Unexpected key separator ':''")
	refuse(t, "foo =\n1", "Parse error on line 2: 'Expected value but found new line'")
}

// Go: TestComments conf/lex_test.go:444
func TestCommentsAnywhere(t *testing.T) {
	check(t, "# one\n// two\nfoo = 1 # three\nbar = 2 // four\n[]ignored 3", m{"foo": int64(1), "bar": int64(2), "[]ignored": int64(3)})
	check(t, "a [ # one\n 1 // two\n # three\n 2\n]\nb { # four\n c 1 # five\n}", m{"a": a{int64(1), int64(2)}, "b": m{"c": int64(1)}})
	check(t, "url = nats://a#b:1", m{"url": "nats://a#b:1"})
}

// Go: TestArrays conf/lex_test.go:536
// Go: TestMultilineArrays conf/lex_test.go:588
// Go: TestMultilineArraysNoSep conf/lex_test.go:623
// Go: TestArrayOfMaps conf/lex_test.go:1368
// Go: TestSample4 conf/parse_test.go:329
func TestArrays(t *testing.T) {
	check(t, "foo = [1, 2, 3, 'bar', [4], {a: 1}, true]", m{"foo": a{int64(1), int64(2), int64(3), "bar", a{int64(4)}, m{"a": int64(1)}, true}})
	check(t, "foo = [\n1\n2,\n\n'x'\n, y\n]", m{"foo": a{int64(1), int64(2), "x", "y"}})
	check(t, "foo = []", m{"foo": a{}})
	check(t, "foo [1,]", m{"foo": a{int64(1)}})
	check(t, "array [\n { abc: 123 }\n { xyz: \"word\" }\n]", m{"array": a{m{"abc": int64(123)}, m{"xyz": "word"}}})
	check(t, "listen = [localhost:4222, localhost:4333]", m{"listen": a{"localhost:4222", "localhost:4333"}})
	refuse(t, "foo = [1 2]", `Parse error on line 1: 'Expected an array value terminator "," or an array terminator "]", but got '2' instead.'`)
	refuse(t, "foo = [,]", "Parse error on line 1: 'Unexpected array value terminator ','.'")
	refuse(t, "foo = [1", "Parse error on line 1: 'Unexpected EOF processing array.'")
}

// Go: TestSimpleMap conf/lex_test.go:643
// Go: TestMultilineMap conf/lex_test.go:666
// Go: TestNestedMaps conf/lex_test.go:695
// Go: TestQuotedKeys conf/lex_test.go:714
// Go: TestMapQuotedKeys conf/lex_test.go:1188
// Go: TestSpecialCharsMapQuotedKeys conf/lex_test.go:1203
// Go: TestDoubleNestedMapsNewLines conf/lex_test.go:1229
// Go: TestSample1 conf/parse_test.go:249
// Go: TestSample3 conf/parse_test.go:312
// Go: TestSemicolonChaining conf/lex_test.go:1010
// Go: TestNonQuotedStrings conf/lex_test.go:1040
// Go: TestUnquotedIPAddr conf/lex_test.go:1289
func TestMaps(t *testing.T) {
	check(t, "foo = {ip='127.0.0.1', port = 4242}", m{"foo": m{"ip": "127.0.0.1", "port": int64(4242)}})
	check(t, "foo {\n  ip = '127.0.0.1'\n  port= 4242 // c\n}", m{"foo": m{"ip": "127.0.0.1", "port": int64(4242)}})
	check(t, "foo{host{ip='1.2.3.4';port=1}}", m{"foo": m{"host": m{"ip": "1.2.3.4", "port": int64(1)}}})
	check(t, "foo : { 'a b' : 1, \"c{d\" = 2; 'e' 3 }", m{"foo": m{"a b": int64(1), "c{d": int64(2), "e": int64(3)}})
	check(t, "systems {\n allinone {\n  description: \"This.\"\n }\n}", m{"systems": m{"allinone": m{"description": "This."}}})
	check(t, "foo { expr = '(true == \"false\")'\n text = 'two\nlines.' }", m{"foo": m{"expr": `(true == "false")`, "text": "two\nlines."}})
	check(t, "foo='1'; bar=2; baz { x=1; y=2; }\n", m{"foo": "1", "bar": int64(2), "baz": m{"x": int64(1), "y": int64(2)}})
	check(t, "foo = 123\nbar = baz\nmap {\n id one\n id2 : onetwo\n}\ntkey = two\nfkey = five # c", m{
		"foo": int64(123), "bar": "baz", "map": m{"id": "one", "id2": "onetwo"}, "tkey": "two", "fkey": "five"})
	for _, v := range []string{"127.0.0.1:4222", "127.0.0.1", "apcera.me:80", "nats.io:-1", ":-1", ":80", "1:2", "2001:db8::1"} {
		check(t, "listen: "+v, m{"listen": v})
	}
	check(t, "k = 1\nk = 2", m{"k": int64(2)})
	refuse(t, "foo { a 1 b 2 }", `Parse error on line 1: 'Expected a map value terminator "," or a map terminator "}", but got 'b' instead.'`)
	refuse(t, "foo = 1 bar = 2", "Parse error on line 1: 'Expected a top-level value to end with a new line, comment or EOF, but got 'b' instead.'")
	refuse(t, "foo = { a", `Parse error on line 1: 'Unexpected EOF processing map key.'`)
}

// Go: TestDanglingQuotedString conf/lex_test.go:1079
// Go: TestKeyDanglingQuotedString conf/lex_test.go:1097
// Go: TestDanglingSingleQuotedString conf/lex_test.go:1115
// Go: TestKeyDanglingSingleQuotedString conf/lex_test.go:1133
// Go: TestMapDanglingBracket conf/lex_test.go:1154
// Go: TestBlockDanglingParens conf/lex_test.go:1177
func TestWhatIsNeverClosed(t *testing.T) {
	for _, text := range []string{
		"\nlisten: \"localhost:4242\n\nhttp: localhost:8222\n", "\nlisten: 'localhost:4242\n\nhttp: localhost:8222\n",
		"\nfoo = \"\nlisten: \"localhost:4242\"\n", "\n\"listen: x\n", "\n'listen: x\n",
		"\nlisten = 4222\ncluster = {\n foo = bar\n", "\nlisten (\n1\n ) \n",
	} {
		_, err := Parse(text, "", "", noEnv)
		if err == nil || !strings.Contains(err.Error(), "Unexpected EOF") && !strings.Contains(err.Error(), "Expected a top-level value") {
			t.Errorf("%q: %v", text, err)
		}
	}
	refuse(t, "\nmap {\n a 1\n\n\n\n\n", "Parse error on line 8: 'Unexpected EOF processing map.'")
	refuse(t, "\nblock (\n a 1\n\n\n\n\n", "Parse error on line 8: 'Unexpected EOF processing block.'")
}

// Go: TestBlockString conf/lex_test.go:1251
// Go: TestBlockStringMultiLine conf/lex_test.go:1280
func TestBlockStrings(t *testing.T) {
	check(t, "numbers (\n1234567890\n)\n", m{"numbers": "\n1234567890\n"})
	check(t, "numbers (\n1234567890\n)", m{"numbers": "\n1234567890\n"})
	check(t, "numbers (\n12(34)56\n(\n)x\n)\nfoo 1", m{"numbers": "\n12(34)56\n(\n)x\n", "foo": int64(1)})
}

// Go: TestJSONCompat conf/lex_test.go:1458
func TestJSON(t *testing.T) {
	for _, text := range []string{
		`{"http_port": 8223, "users": [{"user":"a","p":null1}], "deep": {"x": [1, 2.5, true, "s"]}}`,
		"{\n  \"http_port\": 8223,\n  \"users\": [\n    {\"user\": \"a\", \"p\": \"null1\"}\n  ],\n  \"deep\": {\"x\": [1, 2.5, true, \"s\"]}\n}\n",
	} {
		check(t, text, m{"http_port": int64(8223), "users": a{m{"user": "a", "p": "null1"}},
			"deep": m{"x": a{int64(1), 2.5, true, "s"}}})
	}
}

// Go: TestSimpleVariable conf/parse_test.go:79
// Go: TestNestedVariable conf/parse_test.go:96
// Go: TestMissingVariable conf/parse_test.go:108
// Go: TestBcryptVariable conf/parse_test.go:169
// Go: TestVariableValues conf/lex_test.go:510
func TestVariables(t *testing.T) {
	check(t, "index = 22\nfoo = $index", m{"index": int64(22), "foo": int64(22)})
	check(t, "index = 22\nnest {\n index = 11\n foo = $index\n}\nbar = $index", m{
		"index": int64(22), "nest": m{"index": int64(11), "foo": int64(11)}, "bar": int64(22)})
	check(t, "x {a: 1}\ny = [$x, $x]", m{"x": m{"a": int64(1)}, "y": a{m{"a": int64(1)}, m{"a": int64(1)}}})
	check(t, "password: $2a$11$ooo", m{"password": "$2a$11$ooo"})
	check(t, "password: '$x'\nq = \"$x\"", m{"password": "$x", "q": "$x"})
	refuse(t, "\nfoo=$index", "variable reference for 'index' on line 2 can not be found")
	refuse(t, "foo=$later\nlater=1", "variable reference for 'later' on line 1 can not be found")
	got, err := Parse("used = 1\nfoo = $used\nother = 2", "", "", noEnv)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"used": true, "foo": false, "other": false} {
		if e, _ := got.Get(key); e.UsedVariable != want {
			t.Errorf("%s: used %v", key, e.UsedVariable)
		}
	}
	if e, _ := got.Get("foo"); !e.Value.IsVariable {
		t.Error("a reference is not marked")
	}
}

// Go: TestEnvVariable conf/parse_test.go:118
// Go: TestEnvVariableString conf/parse_test.go:128
// Go: TestEnvVariableStringStartingWithNumberAndSizeUnit conf/parse_test.go:149
// Go: TestEnvVariableStringStartingWithNumberUsingQuotes conf/parse_test.go:159
func TestEnvironmentVariables(t *testing.T) {
	env := map[string]string{
		"N": "22", "S": "xyz", "G": "3Gyz", "Q": "'3xyz'", "LIST": "[1, $N]", "EMPTY": "", "SELF": "$SELF",
		"A": "$B", "B": "$A", "TWO": "1 2", "OPEN": "[1",
	}
	lookup := func(name string) (string, bool) { text, ok := env[name]; return text, ok }
	for name, want := range map[string]any{"N": int64(22), "S": "xyz", "G": "3Gyz", "Q": "3xyz", "LIST": a{int64(1), int64(22)}, "EMPTY": ""} {
		got, err := Parse("foo = $"+name, "", "", lookup)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(m{"foo": want}, got.Plain()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	for name, want := range map[string]string{"SELF": "variable reference cycle for 'SELF'", "A": "variable reference cycle for 'A'"} {
		if _, err := Parse("foo = $"+name, "", "", lookup); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"TWO", "OPEN"} {
		if _, err := Parse("foo = $"+name, "", "", lookup); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Go: TestIncludes conf/parse_test.go:354
// Go: TestInclude conf/lex_test.go:1396
// Go: TestMapInclude conf/lex_test.go:1415
func TestIncludes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "sub/passwords.conf", "ALICE: '$2a$x'\ninclude 'more.conf'\n")
	write(t, dir, "sub/more.conf", "BOB = b")
	main := write(t, dir, "main.conf", "listen: 1\nauthorization {\n  include \"./sub/passwords.conf\"\n  CAROL: foo\n  users = [{p: $ALICE}, {p: $BOB}]\n}\ninclude sub/more.conf\n")
	got, err := ParseFile(main, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	want := m{"listen": int64(1), "BOB": "b", "authorization": m{
		"ALICE": "$2a$x", "BOB": "b", "CAROL": "foo", "users": a{m{"p": "$2a$x"}, m{"p": "b"}}}}
	if diff := cmp.Diff(want, got.Plain()); diff != "" {
		t.Error(diff)
	}
	auth, _ := got.Get("authorization")
	alice, _ := auth.Value.Data.(*Map).Get("ALICE")
	if want := filepath.Join(dir, "sub/passwords.conf") + ":1:0"; alice.Pos.String() != want || !alice.UsedVariable {
		t.Errorf("at %s, want %s; used %v", alice.Pos, want, alice.UsedVariable)
	}
	loop := write(t, dir, "loop.conf", "include 'loop.conf'")
	if _, err := ParseFile(loop, noEnv); err == nil || !strings.Contains(err.Error(), "include cycle") {
		t.Errorf("loop: %v", err)
	}
	for _, text := range []string{"include [1]", "include {", "include\n", "include (", "include 5", "include 'missing.conf'"} {
		if _, err := Parse(text, "", dir, noEnv); err == nil {
			t.Errorf("%q: accepted", text)
		}
	}
}

// Go: TestParseWithNoValuesAreInvalid conf/parse_test.go:449
// Go: TestParseWithNoValuesEmptyConfigsAreValid conf/parse_test.go:497
// Go: TestParseWithTrailingBracketsAreValid conf/parse_test.go:529
func TestFilesWithoutValues(t *testing.T) {
	for text, where := range map[string]string{
		"\n   aaaaaaa\n": ":3:1", "aaaa": ":1:4", "\n# c\n  a,a,a,a\n    ": ":4:5", "\n a b\nx": ":3:2",
	} {
		_, err := Parse(text, "", "", noEnv)
		if err == nil || err.Error() != "config is invalid ("+where+")" {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "\n\n  ", "# c\n", "{}", "\n{\n# c\n}\n", "{a: 1}\n", "a { u = [{}]}\n}\n", "{\n a { u = [{}]}\n}\n"} {
		if _, err := Parse(text, "", "", noEnv); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPositions(t *testing.T) {
	got, err := Parse("one = 1\n  two = 2\n\t\"three\" {\n four: [\n  5,\n {six: 7}]\n}", "f", "", noEnv)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	var walk func(*Map)
	walk = func(m *Map) {
		for _, e := range m.Entries {
			found = append(found, e.Key+" "+e.Pos.String())
			switch v := e.Value.Data.(type) {
			case *Map:
				walk(v)
			case []Value:
				for _, item := range v {
					found = append(found, "item "+item.Pos.String())
				}
			}
		}
	}
	walk(got)
	want := []string{"one f:1:0", "two f:2:3", "three f:3:3", "four f:4:2", "item f:5:3", "item f:6:10"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

// Go: TestParseFileWithChecksDigestPreservesConfigKeyUsedAsVariable conf/parse_test.go:221
func TestDigest(t *testing.T) {
	digest := func(text string) string {
		got, err := Parse(text, "", "", noEnv)
		if err != nil {
			t.Fatal(err)
		}
		return got.Digest()
	}
	one := digest("a = 1\nb { c = 'x' }")
	if two := digest("# comment\n\"b\": {c: x}\na: 1"); one != two {
		t.Errorf("order and comments matter: %s, %s", one, two)
	}
	if other := digest("a = 2\nb { c = 'x' }"); other == one {
		t.Error("another value has the same digest")
	}
	if with, without := digest("port = 1\nmonitor_port = $port"), digest("monitor_port = 1"); with == without {
		t.Error("a key is lost when it is used as a variable")
	}
	if len(one) != len("sha256:")+64 {
		t.Errorf("got %s", one)
	}
}

func TestBounds(t *testing.T) {
	for name, text := range map[string]string{
		"maps":   strings.Repeat("a {", 1000),
		"arrays": "a " + strings.Repeat("[", 1000),
		"references": func() string {
			var b strings.Builder
			b.WriteString("a0 = [1,1,1,1,1,1,1,1,1,1]\n")
			for i := range 20 {
				fmt.Fprintf(&b, "a%d = [$a%d, $a%[2]d, $a%[2]d, $a%[2]d]\n", i+1, i)
			}
			return b.String()
		}(),
	} {
		if _, err := Parse(text, "", "", noEnv); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := ParseFile(filepath.Join(t.TempDir(), "missing"), noEnv); err == nil {
		t.Error("a missing file was read")
	}
}

func TestTheParserAlwaysEnds(t *testing.T) {
	for _, text := range []string{"A@@Føøøø?˛ø:{øøøø˙˙", "include 9/@", "include \"\xff", "=", "a=\\", "a=\"\\", "$", "a=$", "a=${", "\x00", "a\x00=\x00"} {
		Parse(text, "", t.TempDir(), noEnv) // only that it returns
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"a = 1", "a { b [1, {c: '$x'}] }", "a (\nx\n)\n", "include 'x'", "a = $b", "{\"a\": [1.5, true, \"\\x41\"]}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse(text, "", "/nowhere", noEnv)
		if err != nil {
			return
		}
		if _, err := json.Marshal(got.Plain()); err != nil {
			t.Fatal(err)
		}
		got.Digest()
	})
}
