package logging

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// oneLine makes text safe for a line of the log: what could end the line, move
// the cursor or reorder what a terminal shows becomes an escape. Line ends at
// the end of text are dropped: there they are habit and not content.
func oneLine(text string) string {
	text = strings.TrimRight(text, "\r\n")
	for i := 0; i < len(text); i++ {
		if text[i] < ' ' || text[i] > '~' {
			return string(appendEscaped([]byte(text[:i]), text[i:]))
		}
	}
	return text
}

func appendEscaped(dst []byte, text string) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == utf8.RuneError && size == 1:
			dst = fmt.Appendf(dst, `\x%02x`, text[0])
		case r < utf8.RuneSelf && unicode.IsControl(r):
			dst = fmt.Appendf(dst, `\x%02x`, r)
		case isTreacherous(r):
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = append(dst, text[:size]...)
		}
		text = text[size:]
	}
	return dst
}

// isTreacherous reports whether a character outside ASCII changes the layout of
// text instead of adding to it.
func isTreacherous(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}
