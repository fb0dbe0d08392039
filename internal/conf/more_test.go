package conf

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// layout renders what stands where: "key@line:column value@line:column", with
// { … } for a map, placed behind each brace, and [ … ] for an array, placed
// behind its end.
func layout(t *testing.T, text string) string {
	t.Helper()
	got, err := Parse(text, "", t.TempDir(), noEnv)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return strings.Join(appendMap(nil, got), " ")
}

func appendMap(words []string, from *Map) []string {
	for _, e := range from.Entries {
		words = append(words, e.Key+place(e.Pos))
		words = appendValue(words, e.Value)
	}
	return words
}

func appendValue(words []string, v Value) []string {
	switch data := v.Data.(type) {
	case *Map:
		words = append(words, "{"+place(data.Pos))
		return append(appendMap(words, data), "}"+place(v.Pos))
	case []Value:
		words = append(words, "[")
		for _, item := range data {
			words = appendValue(words, item)
		}
		return append(words, "]"+place(v.Pos))
	}
	return append(words, fmt.Sprint(v.Data)+place(v.Pos))
}

func place(p Position) string { return fmt.Sprintf("@%d:%d", p.Line, p.Column) }

func checkLayout(t *testing.T, text, want string) {
	t.Helper()
	if diff := cmp.Diff(want, layout(t, text)); diff != "" {
		t.Errorf("%q:\n%s", text, diff)
	}
}

// Go: TestSimpleKeyStringValues conf/lex_test.go:33
// Go: TestSimpleKeyIntegerValues conf/lex_test.go:188
// Go: TestSimpleKeyNegativeIntegerValues conf/lex_test.go:208
// Go: TestSimpleKeyFloatValues conf/lex_test.go:345
// Go: TestSimpleKeyBoolValues conf/lex_test.go:424
// Go: TestQuotedKeys conf/lex_test.go:714
// Go: TestQuotedKeysWithSpace conf/lex_test.go:734
// Go: TestColonKeySep conf/lex_test.go:752
// Go: TestWhitespaceKeySep conf/lex_test.go:786
func TestPlacesOfSimpleEntries(t *testing.T) {
	for text, want := range map[string]string{
		`foo = "bar"`:     "foo@1:0 bar@1:7",
		"foo = 'bar'":     "foo@1:0 bar@1:7",
		"foo='bar'":       "foo@1:0 bar@1:5",
		"foo='bar'\r\n":   "foo@1:0 bar@1:5",
		"foo=\t'bar'\t":   "foo@1:0 bar@1:6",
		"foo = 123":       "foo@1:0 123@1:6",
		"foo=123":         "foo@1:0 123@1:4",
		"foo=123\r\n":     "foo@1:0 123@1:4",
		"foo = -123":      "foo@1:0 -123@1:6",
		"foo=-123":        "foo@1:0 -123@1:4",
		"foo=-123\r\n":    "foo@1:0 -123@1:4",
		"foo = 22.2":      "foo@1:0 22.2@1:6",
		"foo=22.2":        "foo@1:0 22.2@1:4",
		"foo=22.2\r\n":    "foo@1:0 22.2@1:4",
		"foo = true":      "foo@1:0 true@1:6",
		"foo=true":        "foo@1:0 true@1:4",
		"foo=true\r\n":    "foo@1:0 true@1:4",
		"foo : 123":       "foo@1:0 123@1:6",
		"'foo' : 123":     "foo@1:1 123@1:8",
		`"foo" : 123`:     "foo@1:1 123@1:8",
		"' foo' : 123":    " foo@1:1 123@1:9",
		`" foo" : 123`:    " foo@1:1 123@1:9",
		"foo:123":         "foo@1:0 123@1:4",
		"foo: 123":        "foo@1:0 123@1:5",
		"foo:  123\r\n":   "foo@1:0 123@1:6",
		"foo 123":         "foo@1:0 123@1:4",
		"foo\t123":        "foo@1:0 123@1:4",
		"foo\t\t123\r\n":  "foo@1:0 123@1:5",
		"\n  foo\n\n 123": "foo@2:3 123@4:2",
	} {
		checkLayout(t, text, want)
	}
}

// Go: TestStringStartingWithNumber conf/lex_test.go:90
func TestWordsThatStartWithDigits(t *testing.T) {
	for text, want := range map[string]string{
		"foo = 3xyz":                      "foo@1:0 3xyz@1:6",
		"foo = 3xyz,":                     "foo@1:0 3xyz@1:6",
		"foo = 3xyz;":                     "foo@1:0 3xyz@1:6",
		"\n        foo = 3xyz\n    ":      "foo@2:9 3xyz@2:15",
		"\n  map {\n    foo = 3xyz}":      "map@2:3 {@2:8 foo@3:5 3xyz@3:11 }@3:16",
		"\n  map {\n    foo = 3xyz;\n  }": "map@2:3 {@2:8 foo@3:5 3xyz@3:11 }@4:4",
		"\n  map {\n    foo = 3xyz,\n    bar = 4wqs\n  }": "map@2:3 {@2:8 foo@3:5 3xyz@3:11 bar@4:5 4wqs@4:11 }@5:4",
	} {
		checkLayout(t, text, want)
	}
}

// Go: TestConvenientIntegerValues conf/lex_test.go:228
func TestSuffixesOfAnyCaseAndWhatOnlyLooksLikeOne(t *testing.T) {
	for text, want := range map[string]any{
		"1k": int64(1000), "1K": int64(1000), "1m": int64(1e6), "1M": int64(1e6), "1g": int64(1e9), "1G": int64(1e9),
		"1MB": int64(1 << 20), "1Gb": int64(1 << 30), "-1m": int64(-1e6), "-1GB ": int64(-1 << 30),
		"1Ghz": "1Ghz", "2Pie": "2Pie", "3Mbs,": "3Mbs", "10s": "10s", "100ms": "100ms", "1kbb": "1kbb",
	} {
		check(t, "foo = "+text, m{"foo": want})
	}
	check(t, "foo = 4Gb, bar = 5Gø", m{"foo": int64(4 << 30), "bar": "5Gø"})
	check(t, "foo = [1k,2, 3kb]", m{"foo": a{int64(1000), int64(2), int64(3072)}})
}

// Go: TestPlainValue conf/lex_test.go:24
func TestKeyAlone(t *testing.T) {
	refuse(t, "foo", "config is invalid (:1:3)")
}

// Go: TestComments conf/lex_test.go:444
// Go: TestTopValuesWithComments conf/lex_test.go:464
func TestCommentsAreNoValues(t *testing.T) {
	for _, text := range []string{"# This is a comment", "# This is a comment\r\n", "// This is a comment\r\n"} {
		check(t, text, m{})
	}
	checkLayout(t, "foo = 123 // This is a comment", "foo@1:0 123@1:6")
	checkLayout(t, "foo=123    # This is a comment", "foo@1:0 123@1:4")
	check(t, "# c\r\nfoo = 1 # d\r\nbar = 2", m{"foo": int64(1), "bar": int64(2)})
}

// Go: TestRawString conf/lex_test.go:487
// Go: TestNonQuotedStrings conf/lex_test.go:1040
// Go: TestOptionalSemicolons conf/lex_test.go:990
// Go: TestSemicolonChaining conf/lex_test.go:1010
func TestBareWords(t *testing.T) {
	checkLayout(t, "foo = bar", "foo@1:0 bar@1:6")
	checkLayout(t, "foo = bar' ", "foo@1:0 bar@1:6")
	check(t, "\nfoo = 123\nbar = baz\nbaz=boo\nmap {\n id:one\n id2 : onetwo\n}\nt true\nf false\ntstr \"true\"\ntkey = two\nfkey = five # a comment\n", m{
		"foo": int64(123), "bar": "baz", "baz": "boo", "map": m{"id": "one", "id2": "onetwo"},
		"t": true, "f": false, "tstr": "true", "tkey": "two", "fkey": "five"})
	checkLayout(t, "\nfoo = 123;\nbar = 'baz';\nbaz = 'boo'\nmap {\n id = 1;\n}\n",
		"foo@2:1 123@2:7 bar@3:1 baz@3:8 baz@4:1 boo@4:8 map@5:1 {@5:6 id@6:2 1@6:7 }@7:2")
	checkLayout(t, "foo='1'; bar=2.2; baz=true;", "foo@1:0 1@1:5 bar@1:9 2.2@1:13 baz@1:18 true@1:22")
}

// Go: TestComplexStringValues conf/lex_test.go:79
// Go: TestBinaryString conf/lex_test.go:168
// Go: TestBinaryStringLatin1 conf/lex_test.go:178
// Go: TestEscapedString conf/lex_test.go:815
// Go: TestCompoundStringES conf/lex_test.go:833
// Go: TestCompoundStringSE conf/lex_test.go:843
// Go: TestCompoundStringEE conf/lex_test.go:853
// Go: TestCompoundStringSEE conf/lex_test.go:863
// Go: TestCompoundStringSES conf/lex_test.go:873
// Go: TestCompoundStringEES conf/lex_test.go:883
// Go: TestCompoundStringESE conf/lex_test.go:893
// Go: TestNonBool conf/lex_test.go:913
// Go: TestNonVariable conf/lex_test.go:923
// Go: TestEmptyStringDQ conf/lex_test.go:933
// Go: TestEmptyStringSQ conf/lex_test.go:943
func TestEscapesAlone(t *testing.T) {
	for value, want := range map[string]string{
		`'bar\r\n  \t'`:       `bar\r\n  \t`,
		`\x65`:                "e",
		`\xe9`:                "\xe9",
		`\t`:                  "\t",
		`\r`:                  "\r",
		`\n`:                  "\n",
		`\"`:                  `"`,
		`\\`:                  `\`,
		`"\\end"`:             `\end`,
		`"start\\"`:           `start\`,
		`\x45\x71`:            "Eq",
		`start\x45\x71`:       "startEq",
		`start\x7Cend`:        "start|end",
		`\x3c\x3eend`:         "<>end",
		`\x3cmiddle\x3E`:      "<middle>",
		`\\true`:              `\true`,
		`\\$var`:              `\$var`,
		`""`:                  "",
		`''`:                  "",
		`\x74rue`:             "true",
		`"a, b; c} d] # e$f"`: "a, b; c} d] # e$f",
	} {
		check(t, "foo = "+value, m{"foo": want})
	}
}

// Go: TestBadStringEscape conf/lex_test.go:903
// Go: TestBadBinaryStringWithZeroHexChars conf/lex_test.go:385
// Go: TestBadBinaryStringWithOneHexChar conf/lex_test.go:395
func TestBadEscapesInAnyString(t *testing.T) {
	bad := `Parse error on line 1: 'Invalid escape character 'y'. Only the following escape characters are allowed: \xXX, \t, \n, \r, \", \\.'`
	refuse(t, `foo = \y`, bad)
	refuse(t, `foo = "\y"`, bad)
	refuse(t, `foo = "[\x]"`, `Parse error on line 1: 'Expected two hexadecimal digits after '\x', but got ']"''`)
	refuse(t, `foo = "[\xe]"`, `Parse error on line 1: 'Expected two hexadecimal digits after '\x', but got 'e]''`)
}

// Go: TestVariableValues conf/lex_test.go:510
func TestPlacesOfVariables(t *testing.T) {
	for text, column := range map[string]int{"foo = $bar": 7, "foo =$bar": 6, "foo $bar": 5} {
		got, err := Parse("bar = 1\n"+text, "", "", noEnv)
		if err != nil {
			t.Fatal(err)
		}
		e, _ := got.Get("foo")
		// The second line counts its columns from one.
		if want := (Position{Line: 2, Column: column + 1}); e.Value.Pos != want || !e.Value.IsVariable {
			t.Errorf("%q: at %v, variable %v", text, e.Value.Pos, e.Value.IsVariable)
		}
		refuse(t, text, "variable reference for 'bar' on line 1 can not be found")
	}
}

// Go: TestArrays conf/lex_test.go:536
// Go: TestMultilineArrays conf/lex_test.go:588
// Go: TestMultilineArraysNoSep conf/lex_test.go:623
// Go: TestArrayOfMaps conf/lex_test.go:1368
func TestPlacesInArrays(t *testing.T) {
	for text, want := range map[string]string{
		"foo = [1, 2, 3, 'bar']": "foo@1:0 [ 1@1:7 2@1:10 3@1:13 bar@1:17 ]@1:22",
		"foo = [1,2,3,'bar']":    "foo@1:0 [ 1@1:7 2@1:9 3@1:11 bar@1:14 ]@1:19",
		"foo = [1, 2,3,'bar']":   "foo@1:0 [ 1@1:7 2@1:10 3@1:12 bar@1:15 ]@1:20",
		"\n# top level comment\nfoo = [\n 1, # One\n 2, // Two\n 3 # Three\n 'bar'     ,\n \"bar\"\n]\n": "foo@3:1 [ 1@4:2 2@5:2 3@6:2 bar@7:3 bar@8:3 ]@9:2",
		"\n# top level comment\nfoo = [\n 1 // foo\n 2\n 3\n 'bar'\n \"bar\"\n]\n":                       "foo@3:1 [ 1@4:2 2@5:2 3@6:2 bar@7:3 bar@8:3 ]@9:2",
		"\nauthorization {\n    users = [\n      {user: alice, password: foo}\n      {user: bob,   password: bar}\n    ]\n    timeout: 0.5\n}\n": "authorization@2:1 {@2:16 users@3:5 [ {@4:8 user@4:8 alice@4:14 password@4:21 foo@4:31 }@4:35 " +
			"{@5:8 user@5:8 bob@5:14 password@5:21 bar@5:31 }@5:35 ]@6:6 timeout@7:5 0.5@7:14 }@8:2",
	} {
		checkLayout(t, text, want)
	}
}

// Go: TestSimpleMap conf/lex_test.go:643
// Go: TestMultilineMap conf/lex_test.go:666
// Go: TestNestedMaps conf/lex_test.go:695
// Go: TestNestedWhitespaceMaps conf/lex_test.go:962
// Go: TestMapQuotedKeys conf/lex_test.go:1188
// Go: TestSpecialCharsMapQuotedKeys conf/lex_test.go:1203
// Go: TestDoubleNestedMapsNewLines conf/lex_test.go:1229
func TestPlacesInMaps(t *testing.T) {
	for text, want := range map[string]string{
		"foo = {ip='127.0.0.1', port = 4242}":                                 "foo@1:0 {@1:7 ip@1:7 127.0.0.1@1:11 port@1:23 4242@1:30 }@1:35",
		"\nfoo = {\n  ip = '127.0.0.1' # the IP\n  port= 4242 // port\n}\n":   "foo@2:1 {@2:8 ip@3:3 127.0.0.1@3:9 port@4:3 4242@4:9 }@5:2",
		"\nfoo = {\n  host = {\n    ip = '127.0.0.1'\n    port= 42\n  }\n}\n": "foo@2:1 {@2:8 host@3:3 {@3:11 ip@4:5 127.0.0.1@4:11 port@5:5 42@5:11 }@6:4 }@7:2",
		"\nfoo  {\n  host  {\n    ip = '127.0.0.1'\n    port= 42\n  }\n}\n":   "foo@2:1 {@2:7 host@3:3 {@3:10 ip@4:5 127.0.0.1@4:11 port@5:5 42@5:11 }@6:4 }@7:2",
		"foo = {'bar' = 4242}":                                              "foo@1:0 {@1:7 bar@1:8 4242@1:15 }@1:20",
		`foo = {"bar" = 4242}`:                                              "foo@1:0 {@1:7 bar@1:8 4242@1:15 }@1:20",
		"foo = {'bar-1.2.3' = { port:4242 }}":                               "foo@1:0 {@1:7 bar-1.2.3@1:8 {@1:22 port@1:23 4242@1:28 }@1:34 }@1:35",
		`foo = {"bar-1.2.3" = { port:4242 }}`:                               "foo@1:0 {@1:7 bar-1.2.3@1:8 {@1:22 port@1:23 4242@1:28 }@1:34 }@1:35",
		"\nsystems {\n  allinone {\n    description: \"A text.\"\n  }\n}\n": "systems@2:1 {@2:10 allinone@3:3 {@3:13 description@4:5 A text.@4:19 }@5:4 }@6:2",
	} {
		checkLayout(t, text, want)
	}
}

// Go: TestUnquotedIPAddr conf/lex_test.go:1289
func TestAddressesWithoutQuotes(t *testing.T) {
	for text, want := range map[string]any{
		"listen: 127.0.0.1:4222": "127.0.0.1:4222", "listen: 127.0.0.1": "127.0.0.1", "listen: example.net:80": "example.net:80",
		"listen: example.net:-1": "example.net:-1", "listen: -1": int64(-1), "listen: :-1": ":-1", "listen = :80": ":80",
		"listen = 10.0.0.0/8": "10.0.0.0/8",
	} {
		check(t, text, m{"listen": want})
	}
	checkLayout(t, "listen = [localhost:4222, localhost:4333]", "listen@1:0 [ localhost:4222@1:10 localhost:4333@1:26 ]@1:41")
}

// Go: TestDanglingQuotedString conf/lex_test.go:1079
// Go: TestKeyDanglingQuotedString conf/lex_test.go:1097
// Go: TestDanglingSingleQuotedString conf/lex_test.go:1115
// Go: TestKeyDanglingSingleQuotedString conf/lex_test.go:1133
// Go: TestMapDanglingBracket conf/lex_test.go:1154
// Go: TestBlockDanglingParens conf/lex_test.go:1177
func TestLineOfWhatIsNeverClosed(t *testing.T) {
	for _, quote := range []string{`"`, "'"} {
		refuse(t, "\nlisten: "+quote+"localhost:4242\n\nhttp: localhost:8222\n", "Parse error on line 5: 'Unexpected EOF.'")
		// The quotes pair up wrongly, and the last one stays alone.
		refuse(t, "\nfoo = "+quote+"\nlisten: "+quote+"\n\nhttp: localhost:8222\n\n"+quote+"\n", "Parse error on line 8: 'Unexpected EOF.'")
		check(t, "\nfoo = "+quote+"\nlisten: "+quote+"\n\nhttp: localhost:8222\n", m{"foo": "\nlisten: ", "http": "localhost:8222"})
	}
	refuse(t, "\nlisten = 4222\n\ncluster = {\n\n  foo = bar\n\n", "Parse error on line 8: 'Unexpected EOF processing map.'")
	refuse(t, "\nlisten = 4222\n\nquote = (\n\n  foo = bar\n\n", "Parse error on line 8: 'Unexpected EOF processing block.'")
}

// Go: TestBlockStringEOF conf/lex_test.go:1260
// Go: TestBlockStringMultiLine conf/lex_test.go:1280
func TestBlocksOfText(t *testing.T) {
	check(t, "\nnumbers (\n1234567890\n)\x00", m{"numbers": "\n1234567890\n"})
	check(t, "\nnumbers (\n  12(34)56\n  (\n    7890\n  )\n)\n", m{"numbers": "\n  12(34)56\n  (\n    7890\n  )\n"})
	check(t, "a (\r\nb\r\n)\r\nc 1", m{"a": "\r\nb\r\n", "c": int64(1)})
}

// Go: TestSample2 conf/parse_test.go:285
func TestCommentsBetweenEntriesOfAMap(t *testing.T) {
	check(t, `
cluster {
  port: 4244

  authorization {
    user: route_user
    password: top_secret
    timeout: 1
  }

  # The servers to connect to.

  // One a line, without commas.

  routes = [
    nats-route://foo:bar@one.example.net:4245
    nats-route://foo:bar@two.example.net:4246
  ]
}
`, m{"cluster": m{
		"port":          int64(4244),
		"authorization": m{"user": "route_user", "password": "top_secret", "timeout": int64(1)},
		"routes":        a{"nats-route://foo:bar@one.example.net:4245", "nats-route://foo:bar@two.example.net:4246"},
	}})
}

// Go: TestEnvVariableStringStartingWithNumber conf/parse_test.go:138
func TestDefinedVariablesDoNotHelpUndefinedOnes(t *testing.T) {
	env := func(name string) (string, bool) { return "3xyz", name == "DEFINED" }
	if got, err := Parse("foo = $%s", "", "", env); err == nil {
		t.Errorf("accepted as %v", got.Plain())
	}
	got, err := Parse("foo = $DEFINED", "", "", env)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m{"foo": "3xyz"}, got.Plain()); diff != "" {
		t.Error(diff)
	}
}

// Go: TestBlocks conf/parse_test.go:785
func TestBracesAroundTheFile(t *testing.T) {
	listen := m{"listen": "0.0.0.0:4222"}
	check(t, "{ listen: 0.0.0.0:4222 }", listen)
	check(t, "{\n\tlisten: 0.0.0.0:4222\n }", listen)
	check(t, "\n{\n\tlisten: 0.0.0.0:4222\n}\n# a comment\n", listen)
	check(t, "\n{\n\t{\n\t\tlisten: 0.0.0.0:4222 // one\n\t}\n\t# two\n}\n# three\n", listen)
	check(t, "\n{\n  \"debug\":       False\n  \"prof_port\":   8221\n  \"server_name\": \"a-1\"\n}\n",
		m{"debug": false, "prof_port": int64(8221), "server_name": "a-1"})
	check(t, "\n{\n  \"debug\":       False\n  \"server_name\": \"b-1\"\n\n  # a comment\n  \"prof_port\":   8221\n}\n",
		m{"debug": false, "prof_port": int64(8221), "server_name": "b-1"})
}

// Go: TestJSONCompat conf/lex_test.go:1458
// Go: TestJSONParseCompat conf/parse_test.go:642
func TestJSONFiles(t *testing.T) {
	const two, four = "                            ", "                              "
	checkLayout(t, "{\"http_port\": 8224,\"port\": 4224}\n  ", "http_port@1:2 8224@1:14 port@1:20 4224@1:27")
	checkLayout(t, "{\"http_port\": 8225,\"port\": 4225\n  }\n  ", "http_port@1:2 8225@1:14 port@1:20 4225@1:27")
	checkLayout(t, "\n  {\n    \"http_port\": 8223,\n    \"debug\": true,\n    \"max_payload\": \"5MB\"\n  }\n",
		"http_port@3:6 8223@3:18 debug@4:6 true@4:14 max_payload@5:6 5MB@5:21")
	uses := m{"http_port": int64(8227), "write_deadline": "1h",
		"cluster": m{"port": int64(6222), "routes": a{"nats://127.0.0.1:4222", "nats://127.0.0.1:4223"}}}
	check(t, `{"http_port": 8227,"write_deadline": "1h","cluster": {"port": 6222,"routes": ["nats://127.0.0.1:4222","nats://127.0.0.1:4223"]}}`, uses)
	check(t, "\n{\n\"http_port\": 8227,\n\"write_deadline\": \"1h\",\n\"cluster\": {\n"+two+"\"port\": 6222,\n"+two+"\"routes\": [\n"+
		four+"\"nats://127.0.0.1:4222\",\n"+four+"\"nats://127.0.0.1:4223\"\n"+two+"]\n}\n}\n", uses)
	check(t, "{\n \"jetstream\": {\n  \"store_dir\": \"/tmp/nats\"\n  \"max_mem\": 1000000,\n },\n \"port\": 4222,\n \"server_name\": \"nats1\"\n}\n",
		m{"jetstream": m{"store_dir": "/tmp/nats", "max_mem": int64(1e6)}, "port": int64(4222), "server_name": "nats1"})
	check(t, "{}", m{})
	check(t, "\n {\n }\n", m{})

	dir := t.TempDir()
	write(t, dir, "foo.json", `{ "users": [ {"user": "foo"} ] }`)
	write(t, dir, "bar.json", "{\n  \"users\": [ {\"user\": \"bar\"} ]\n}")
	write(t, dir, "quux.json", "{}")
	got, err := ParseFile(write(t, dir, "main.conf", "accounts {\n foo { include 'foo.json' }\n bar { include 'bar.json' }\n quux { include 'quux.json' }\n}\n"), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	want := m{"accounts": m{"foo": m{"users": a{m{"user": "foo"}}}, "bar": m{"users": a{m{"user": "bar"}}}, "quux": m{}}}
	if diff := cmp.Diff(want, got.Plain()); diff != "" {
		t.Error(diff)
	}
}

// Go: TestInclude conf/lex_test.go:1396
// Go: TestMapInclude conf/lex_test.go:1415
func TestWaysToWriteAnInclude(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "users.conf", "user = alice")
	for text, want := range map[string]m{
		`include "users.conf"`:         {"user": "alice"},
		"include 'users.conf'":         {"user": "alice"},
		"include users.conf":           {"user": "alice"},
		"Include users.conf;":          {"user": "alice"},
		"foo { include users.conf }":   {"foo": m{"user": "alice"}},
		"foo {include users.conf}":     {"foo": m{"user": "alice"}},
		"foo { include 'users.conf' }": {"foo": m{"user": "alice"}},
		`foo { include "users.conf"}`:  {"foo": m{"user": "alice"}},
		"include: users.conf":          {"include": "users.conf"},
		"'include' users.conf":         {"include": "users.conf"},
	} {
		got, err := Parse(text, "", dir, noEnv)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got.Plain()); diff != "" {
			t.Errorf("%q:\n%s", text, diff)
		}
	}
}

// Go: TestIncludes conf/parse_test.go:354
// Go: TestIncludeVariablesWithChecks conf/parse_test.go:400
func TestIncludedPasswords(t *testing.T) {
	const alice, bob = "$2a$10$abcdefghijklmnopqrstuu/i6.Nh9.x", "$2a$11$ABCDEFGHIJKLMNOPQRSTUUl5ly"
	dir := t.TempDir()
	passwords := write(t, dir, "parts/passwords.conf", "# Two hashes\nALICE: "+alice+"\nBOB: "+bob+"\n")
	write(t, dir, "parts/users.conf", "# Users\n\ninclude ./passwords.conf;\n\nusers = [\n  {user: alice, password: $ALICE}\n  {user: bob,   password: $BOB}\n]\n")
	main := write(t, dir, "main.conf", "listen: 127.0.0.1:4222\n\nauthorization {\n  include 'parts/users.conf' # from a file\n  timeout: 0.5\n}\n")
	got, err := ParseFile(main, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m{"listen": "127.0.0.1:4222", "authorization": m{
		"ALICE": alice, "BOB": bob, "timeout": 0.5,
		"users": a{m{"user": "alice", "password": alice}, m{"user": "bob", "password": bob}},
	}}, got.Plain()); diff != "" {
		t.Error(diff)
	}

	got, err = Parse("\nauthorization {\n\n  include \"./parts/passwords.conf\"\n\n  CAROL: foo\n\n  users = [\n   {user: alice, password: $ALICE}\n   {user: carol, password: $CAROL}\n  ]\n}\n", "main", dir, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	authorization, _ := got.Get("authorization")
	for key, want := range map[string]Position{
		"ALICE": {passwords, 2, 1}, "BOB": {passwords, 3, 1}, "CAROL": {"main", 6, 3},
	} {
		e, _ := authorization.Value.Data.(*Map).Get(key)
		if e.Pos != want || e.UsedVariable != (key != "BOB") {
			t.Errorf("%s: at %s, used %v", key, e.Pos, e.UsedVariable)
		}
	}
}

// Go: TestParseWithNoValuesAreInvalid conf/parse_test.go:449
// Go: TestParseWithNoValuesIncludes conf/parse_test.go:571
func TestKeysWithoutValuesAndWhereTheFileEnds(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("a", 41), strings.Repeat(" ", 14) + strings.Repeat("a", 27),
		strings.Repeat(" ", 5) + strings.Repeat("a", 27) + strings.Repeat(" ", 9),
	} {
		refuse(t, text, "config is invalid (:1:41)")
	}
	refuse(t, "\n  # one\n  # two\n  aaaaa\n"+strings.Repeat(" ", 24), "config is invalid (:5:25)")
	refuse(t, "\n  a,a,a,a,a\n"+strings.Repeat(" ", 24), "config is invalid (:3:25)")

	const text = "accounts {\n foo { include 'foo.conf'}\n bar { include 'bar.conf'}\n quux { include 'quux.conf'}\n}\n"
	comments := "\n   # nothing but comments\n   # is fine\n  "
	for _, garbage := range []string{strings.Repeat("?", 13), strings.Repeat("A", 34)} {
		dir := t.TempDir()
		write(t, dir, "foo.conf", "")
		write(t, dir, "bar.conf", comments)
		bad := write(t, dir, "quux.conf", garbage)
		_, err := ParseFile(write(t, dir, "main.conf", text), noEnv)
		want := fmt.Sprintf("error parsing include file 'quux.conf', config is invalid (%s:1:%d)", bad, len(garbage))
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		write(t, dir, "quux.conf", "user = a")
		if _, err := ParseFile(filepath.Join(dir, "main.conf"), noEnv); err != nil {
			t.Error(err)
		}
	}
}

// Go: TestParserNoInfiniteLoop conf/parse_test.go:439
func TestBrokenTextsEnd(t *testing.T) {
	for text, want := range map[string]string{
		"A@@Føøøø?˛ø:{øøøø˙˙": "Parse error on line 1: 'Unexpected EOF processing map key.'",
		"include \"9/\xef":    "Parse error on line 1: 'Unexpected EOF in double quoted include'",
		"include '9/":         "Parse error on line 1: 'Unexpected EOF in quoted include'",
		"{\"a":                "Parse error on line 1: 'Unexpected EOF.'",
		"x {\"a":              "Parse error on line 1: 'Unexpected EOF processing double quoted map key.'",
		"x {'a":               "Parse error on line 1: 'Unexpected EOF processing quoted map key.'",
	} {
		refuse(t, text, want)
	}
}

// Go: TestParseDigest conf/parse_test.go:896
func TestDigestsThatToolsHaveRecorded(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"foo", "bar", "quux"} {
		write(t, dir, name+".conf", ` users = [{user = "`+name+`"}]`)
	}
	const (
		fooBar   = "sha256:226e49e13d16e5e8aa0d62e58cd63361bf097d3e2b2444aa3044334628a2e8de"
		included = "sha256:e72d70c91b64b0f880f86decb95ec2600cbdcf8bdcd2355fce5ebc54a84a77e9"
	)
	for _, test := range []struct{ text, want string }{
		{"foo = bar", fooBar},
		{"# white space does not matter\n   foo = bar\n   ", fooBar},
		{"'foo': 'bar'", fooBar},
		{"{ 'foo': 'bar' }", fooBar},
		{`BAR_USERS = { users = [ {user = "bar"} ]}
		hello = 'world'
		accounts {
		  QUUX_USERS = [ { user: quux }]
		  bar = $BAR_USERS
		  quux = { users = $QUUX_USERS }
		}
		very { nested { env { VAR = 'NESTED', quux = $VAR }}}`,
			"sha256:bddb282343249c26d3edcef9bfaa9d2711505fc67210380e871405ba394a9186"},
		{`hello = 'world'
		accounts {
		  bar  = { users = [ { user = "bar" } ]}
		  quux = { users = [ { user: quux   } ]}
		}
		very { nested { env { quux = 'NESTED' }}}`,
			"sha256:34f8faf3f269fe7509edc4742f20c8c4a7ad51fe21f8b361764314b533ac3ab5"},
		{"BAR_USERS = { users = [ {user = \"foo\"} ]}\nbar = $BAR_USERS\naccounts {\n users = $BAR_USERS\n}",
			"sha256:b0e2ba0b8ec2cb75681b5c5d61789cda0c9942c2f9fe16cdb7f6703364485360"},
		{"bar = { users = [ {user = \"foo\"} ]}\naccounts {\n users = { users = [ {user = \"foo\"} ]}\n}",
			"sha256:f5d943b4ed22b80c6199203f8a7eaa8eb68ef7b2d46ef6b1b26f05e21f8beb13"},
		{"accounts {\n foo { include 'foo.conf'}\n bar { users = [{user = \"bar\"}] }\n quux { include 'quux.conf'}\n}", included},
		{"accounts {\n foo { include 'foo.conf'}\n bar { include 'bar.conf'}\n quux { include 'quux.conf'}\n}", included},
	} {
		got, err := Parse(test.text, "", dir, noEnv)
		if err != nil {
			t.Fatal(err)
		}
		if digest := got.Digest(); digest != test.want {
			t.Errorf("%q:\ngot  %s\nwant %s", test.text, digest, test.want)
		}
	}
}
