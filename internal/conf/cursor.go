package conf

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// endOfText is what the cursor shows behind the last rune.
const endOfText rune = -1

// cursor walks over a text and keeps count of lines.
type cursor struct {
	text string
	file string
	at   int
	line int
	// lineBreak is the offset of the newline that began the current line, 0 on
	// the first line: columns are measured from it.
	lineBreak int
}

func newCursor(text, file string) cursor {
	return cursor{text: text, file: file, line: 1}
}

func (c *cursor) peek() rune {
	if c.at >= len(c.text) {
		return endOfText
	}
	r, _ := utf8.DecodeRuneInString(c.text[c.at:])
	return r
}

func (c *cursor) next() rune {
	if c.at >= len(c.text) {
		return endOfText
	}
	r, width := utf8.DecodeRuneInString(c.text[c.at:])
	if r == '\n' {
		c.line++
		c.lineBreak = c.at
	}
	c.at += width
	return r
}

func (c *cursor) position() Position {
	return Position{File: c.file, Line: c.line, Column: c.at - c.lineBreak}
}

// fail makes a syntax error. Its line is that of the last rune taken, a newline
// counting to the line it begins.
func (c *cursor) fail(format string, args ...any) error {
	return fmt.Errorf("Parse error on line %d: '%s'", c.line, fmt.Sprintf(format, args...)) // fixed text
}

// comment skips a comment up to its line end, if one begins here.
func (c *cursor) comment() bool {
	rest := c.text[c.at:]
	if rest == "" || rest[0] != '#' && (len(rest) < 2 || rest[:2] != "//") {
		return false
	}
	for r := c.peek(); r != endOfText && !isLineEnd(r); r = c.peek() {
		c.next()
	}
	return true
}

// blank skips spaces and tabs.
func (c *cursor) blank() {
	for isBlank(c.peek()) {
		c.next()
	}
}

// space skips white space of any kind, line ends among it.
func (c *cursor) space() {
	for unicode.IsSpace(c.peek()) {
		c.next()
	}
}

// gap skips white space and comments.
func (c *cursor) gap() {
	for c.space(); c.comment(); {
		c.space()
	}
}

// take moves over r if it comes next.
func (c *cursor) take(r rune) bool {
	if c.peek() != r {
		return false
	}
	c.next()
	return true
}

func isBlank(r rune) bool     { return r == ' ' || r == '\t' }
func isLineEnd(r rune) bool   { return r == '\n' || r == '\r' }
func isSeparator(r rune) bool { return r == '=' || r == ':' }
func isDigit(r rune) bool     { return r >= '0' && r <= '9' }

// endsBare tells whether r ends a value that stands without quotes.
func endsBare(r rune) bool {
	switch r {
	case endOfText, ';', ',', ']', '}', ' ', '\t', '\n', '\r':
		return true
	}
	return false
}

// show renders a rune for an error text.
func show(r rune) string {
	switch r {
	case endOfText:
		return "EOF"
	case '\n':
		return `\n`
	}
	return string(r)
}
