package conf

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// scalar makes a leaf. A long string weighs more than a short one, so that
// repeating it through variables is bounded too.
func scalar(data any, pos Position) Value {
	weight := 1
	if s, ok := data.(string); ok {
		weight += len(s) / 64
	}
	return Value{Data: data, Pos: pos, weight: weight}
}

func (p *parser) singleQuoted() (Value, error) {
	p.next()
	pos, start := p.position(), p.at
	for {
		switch p.next() {
		case endOfText:
			return Value{}, p.fail("Unexpected EOF.")
		case '\'':
			return scalar(p.text[start:p.at-1], pos), nil
		}
	}
}

func (p *parser) doubleQuoted() (Value, error) {
	p.next()
	pos, start := p.position(), p.at
	var unescaped strings.Builder
	for {
		switch p.next() {
		case endOfText:
			return Value{}, p.fail("Unexpected EOF.")
		case '"':
			unescaped.WriteString(p.text[start : p.at-1])
			return scalar(unescaped.String(), pos), nil
		case '\\':
			unescaped.WriteString(p.text[start : p.at-1])
			if err := p.escape(&unescaped); err != nil {
				return Value{}, err
			}
			start = p.at
		}
	}
}

// bare reads a value without quotes: a boolean, a variable or a string. Its
// text begins at start, before the cursor if it first looked like a number.
func (p *parser) bare(start int, pos Position) (Value, error) {
	first, escaped := start, false
	var unescaped strings.Builder
	for !endsBare(p.peek()) {
		switch p.next() {
		case '\'': // a closing quote without an opening one ends the string
			unescaped.WriteString(p.text[start : p.at-1])
			return scalar(unescaped.String(), pos), nil
		case '\\':
			escaped = true
			unescaped.WriteString(p.text[start : p.at-1])
			if err := p.escape(&unescaped); err != nil {
				return Value{}, err
			}
			start = p.at
		}
	}
	if escaped {
		unescaped.WriteString(p.text[start:p.at])
		return scalar(unescaped.String(), pos), nil
	}
	text := p.text[first:p.at]
	if truth, ok := boolean(text); ok {
		return scalar(truth, pos), nil
	}
	if name, ok := strings.CutPrefix(text, "$"); ok {
		pos.Column++
		return p.variable(name, pos)
	}
	return scalar(text, pos), nil
}

func boolean(text string) (truth, ok bool) {
	switch strings.ToLower(text) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	return false, false
}

// escape reads what follows a backslash.
func (p *parser) escape(into *strings.Builder) error {
	switch r := p.next(); r {
	case 'x':
		return p.escapeByte(into)
	case 't':
		into.WriteByte('\t')
	case 'n':
		into.WriteByte('\n')
	case 'r':
		into.WriteByte('\r')
	case '"', '\\':
		into.WriteRune(r)
	default:
		return p.fail(`Invalid escape character '%s'. Only the following escape characters are allowed: \xXX, \t, \n, \r, \", \\.`, show(r))
	}
	return nil
}

func (p *parser) escapeByte(into *strings.Builder) error {
	start := p.at
	for range 2 {
		if r := p.next(); r == endOfText || isLineEnd(r) {
			return p.fail(`Expected two hexadecimal digits after '\x', but hit end of line`)
		}
	}
	digits := p.text[start:p.at]
	decoded, err := hex.DecodeString(digits)
	if err != nil {
		return p.fail(`Expected two hexadecimal digits after '\x', but got '%s'`, digits)
	}
	into.Write(decoded)
	return nil
}

// blockString reads a string in parentheses. It ends at a closing parenthesis
// that stands alone at the beginning of a line.
func (p *parser) blockString() (Value, error) {
	p.next()
	pos, start := p.position(), p.at
	for {
		switch p.next() {
		case endOfText:
			return Value{}, p.fail("Unexpected EOF processing block.")
		case '\n':
			if p.peek() != ')' {
				continue
			}
			end := p.at
			p.next()
			if r := p.peek(); r == endOfText || isLineEnd(r) {
				return scalar(p.text[start:end], pos), nil
			}
		}
	}
}

func (p *parser) digits() {
	for isDigit(p.peek()) {
		p.next()
	}
}

// number reads what begins with a digit or a minus: an integer, a float, a
// date, an address, or a string that only began like a number.
func (p *parser) number() (Value, error) {
	start, pos := p.at, p.position()
	negative := p.take('-')
	if r := p.peek(); !isDigit(r) {
		if r == '.' {
			return Value{}, p.fail("Floats must start with a digit, not '.'.")
		}
		p.next()
		return Value{}, p.fail("Expected a digit but got '%s'.", show(r))
	}
	p.digits()
	r := p.peek()
	switch {
	case r == '.':
		return p.fraction(start, pos)
	case r == '-' && !negative:
		return p.date(start, pos)
	case strings.ContainsRune("kKmMgGtTpPeE", r):
		return p.suffixed(start, pos)
	case endsBare(r) || negative:
		return integer(p.text[start:p.at], p.at-start, pos)
	}
	return p.bare(start, pos)
}

// suffixed reads an integer with a unit; the cursor is at the unit. If what
// follows is no unit, the whole is a string.
func (p *parser) suffixed(start int, pos Position) (Value, error) {
	digits := p.at - start
	p.next()
	for r := p.peek(); r != endOfText && strings.ContainsRune("bBiI", r); r = p.peek() {
		p.next()
	}
	_, known := unit(p.text[start+digits : p.at])
	if known && endsBare(p.peek()) {
		return integer(p.text[start:p.at], digits, pos)
	}
	return p.bare(start, pos)
}

// integer evaluates text, whose first digits bytes are sign and digits.
func integer(text string, digits int, pos Position) (Value, error) {
	outOfRange := fmt.Errorf("integer '%s' is out of the range", text)
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	if err != nil {
		return Value{}, outOfRange
	}
	factor, _ := unit(text[digits:])
	if n > math.MaxInt64/factor || n < math.MinInt64/factor {
		return Value{}, outOfRange
	}
	return scalar(n*factor, pos), nil
}

// unit gives the factor of a size suffix: a letter alone counts in thousands,
// a letter with b, i or ib in powers of 1024.
func unit(suffix string) (factor int64, ok bool) {
	if suffix == "" {
		return 1, true
	}
	suffix = strings.ToLower(suffix)
	exponent := strings.IndexByte("kmgtpe", suffix[0]) + 1
	base := int64(1024)
	switch suffix[1:] {
	case "":
		base = 1000
	case "b", "i", "ib":
	default:
		return 0, false
	}
	factor = 1
	for range exponent {
		factor *= base
	}
	return factor, exponent > 0
}

// fraction reads on from the point of a number. A second point makes it an
// address such as 127.0.0.1:4222.
func (p *parser) fraction(start int, pos Position) (Value, error) {
	p.next()
	if r := p.peek(); !isDigit(r) {
		p.next()
		return Value{}, p.fail("Floats must have a digit after the '.', but got '%s' instead.", show(r))
	}
	p.digits()
	if p.peek() == '.' {
		return p.bare(start, pos)
	}
	text := p.text[start:p.at]
	f, err := strconv.ParseFloat(text, 64)
	if errors.Is(err, strconv.ErrRange) {
		return Value{}, fmt.Errorf("float '%s' is out of the range", text)
	}
	if err != nil {
		return Value{}, fmt.Errorf("expected float, but got '%s'", text)
	}
	return scalar(f, pos), nil
}

const dateShape = "0000-00-00T00:00:00Z"

// date reads on from the dash behind a year.
func (p *parser) date(start int, pos Position) (Value, error) {
	year := p.at - start
	if year != 4 {
		p.next()
		return Value{}, p.fail("All ISO8601 dates must be in full Zulu form.")
	}
	for _, want := range dateShape[year:] {
		got := p.next()
		if want == '0' && !isDigit(got) {
			return Value{}, p.fail("Expected digit in ISO8601 datetime, but found '%s' instead.", show(got))
		}
		if want != '0' && want != got {
			return Value{}, p.fail("Expected '%c' in ISO8601 datetime, but found '%s' instead.", want, show(got))
		}
	}
	text := p.text[start:p.at]
	when, err := time.Parse("2006-01-02T15:04:05Z", text)
	if err != nil {
		return Value{}, fmt.Errorf("expected Zulu formatted DateTime, but got '%s'", text)
	}
	return scalar(when, pos), nil
}
