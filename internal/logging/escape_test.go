package logging

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestOneLineEscapesWhatCouldForgeALine(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"plain", `User "x" - \n as two characters`, `User "x" - \n as two characters`},
		{"empty", "", ""},
		{"line feed", "a\n[1] 2026/01/01 [INF] Server is ready", `a\n[1] 2026/01/01 [INF] Server is ready`},
		{"carriage return", "a\rb", `a\rb`},
		{"line ends at the end", "a\r\n\n", "a"},
		{"only line ends", "\r\n", ""},
		{"tab", "a\tb", `a\tb`},
		{"escape sequence", "\x1b[2J\x1b]0;title\x07", `\x1b[2J\x1b]0;title\x07`},
		{"null and delete", "\x00\x7f", `\x00\x7f`},
		{"8 bit control sequence", "\u009b31m", `\u009b31m`},
		{"the same as a lone byte", "\x9b31m", `\x9b31m`},
		{"next line", "a\u0085b", `a\u0085b`},
		{"line separator", "a\u2028b\u2029c", `a\u2028b\u2029c`},
		{"right to left override", "a\u202eb\u2066c", `a\u202eb\u2066c`},
		{"not UTF-8", "a\xff\xc3b", `a\xff\xc3b`},
		{"other languages", "größe 水 🦆", "größe 水 🦆"},
		{"replacement character itself", "a\ufffdb", "a\ufffdb"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := oneLine(test.text); got != test.want {
				t.Errorf("oneLine(%q) = %q, want %q", test.text, got, test.want)
			}
		})
	}
}

// checkOneLine holds for every text: what comes out is one line of printable
// UTF-8, and stays as it is when it is escaped again.
func checkOneLine(t interface{ Fatalf(string, ...any) }, text string) {
	got := oneLine(text)
	if !utf8.ValidString(got) {
		t.Fatalf("oneLine(%q) = %q is not UTF-8", text, got)
	}
	for _, r := range got {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			t.Fatalf("oneLine(%q) = %q holds %U", text, got, r)
		}
	}
	if again := oneLine(got); again != got {
		t.Fatalf("oneLine(%q) = %q", got, again)
	}
}

func TestOneLineOfAnyText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.OneOf(
			rapid.String(),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
			rapid.SampledFrom([]string{"\n", "\r", "\x1b[", "\u2028", "\u202e", "\xc2"}),
		)).Draw(t, "parts")
		checkOneLine(t, strings.Join(parts, ""))
	})
}

func FuzzOneLine(f *testing.F) {
	f.Add("plain")
	f.Add("a\r\nb\x1b[0m\u202e\xff")
	f.Fuzz(func(t *testing.T, text string) { checkOneLine(t, text) })
}
