package conf

import (
	"fmt"
	"strings"
	"unicode"
)

// Limits of what is read. They are far above any real configuration and exist
// so that a broken or hostile text ends in an error instead of in exhaustion.
const (
	maxFileBytes    = 16 << 20 // one file
	maxTotalBytes   = 64 << 20 // all files of one configuration
	maxFiles        = 1024     // files read for one configuration
	maxIncludeDepth = 32       // files open at once
	maxDepth        = 256      // levels of maps, arrays and blocks
	maxWeight       = 1 << 20  // values in the tree, variables written out
	maxEnvDepth     = 64       // environment variables that refer to others
)

// setting is where a key stands; the syntax differs a little.
type setting int

const (
	atTop   setting = iota // outside of all braces
	inBlock                // in braces that wrap the top level
	inMap                  // in braces that are a value
)

// parser reads one text. Recursive descent: each method reads one construct
// beginning at the cursor and leaves the cursor behind it.
type parser struct {
	cursor
	dir     string // where relative includes start
	session *session
	scopes  []*Map // the maps around the cursor, outermost first
	depth   int
}

// document reads a whole text.
func (p *parser) document() (*Map, error) {
	if i := strings.IndexByte(p.text, 0); i >= 0 {
		for p.at < i {
			p.next()
		}
		return nil, p.fail("Unexpected NUL byte.")
	}
	root := &Map{Pos: p.position()}
	p.scopes = append(p.scopes, root)
	weight := 1
	for {
		p.gap()
		switch p.peek() {
		case endOfText:
			return root, nil
		case '{':
			if err := p.block(root, &weight); err != nil {
				return nil, err
			}
			p.blank()
			if r := p.peek(); r == ',' || r == ';' {
				p.next()
			}
			continue
		case '}':
			// A last brace too many is what remains of JSON whose opening
			// brace was deleted; it closes nothing and is let pass.
			p.next()
			if p.gap(); p.peek() != endOfText {
				return nil, p.fail("Unexpected map end '}' at top level.")
			}
			return root, nil
		case '/':
			p.next()
			return nil, p.fail("Unexpected EOF.")
		}
		if err := p.entry(root, atTop, &weight); err != nil {
			return nil, err
		}
		if err := p.topEnd(); err != nil {
			return nil, err
		}
	}
}

func (p *parser) topEnd() error {
	p.blank()
	p.comment()
	r := p.peek()
	switch {
	case r == endOfText, r == '}':
		p.next()
	case isLineEnd(r), r == ';', r == ',':
		p.terminator()
	default:
		p.next()
		return p.fail("Expected a top-level value to end with a new line, comment or EOF, but got '%s' instead.", show(r))
	}
	return nil
}

// terminator moves over the end of an item: a comma, a semicolon, or line ends
// and then perhaps a comma, since JSON allows the comma to begin the next line.
func (p *parser) terminator() {
	if !isLineEnd(p.peek()) {
		p.next()
		return
	}
	p.gap()
	p.take(',')
}

// block reads braces around top-level entries.
func (p *parser) block(into *Map, weight *int) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.leave()
	p.next()
	for {
		p.gap()
		switch p.peek() {
		case endOfText:
			return p.fail("Unexpected EOF.")
		case '}':
			p.next()
			return nil
		case '{':
			if err := p.block(into, weight); err != nil {
				return err
			}
		default:
			if err := p.entry(into, inBlock, weight); err != nil {
				return err
			}
		}
		p.blank()
		p.comment()
		r := p.peek()
		switch {
		case isLineEnd(r), r == ';', r == ',':
			p.terminator()
		case r == '}':
		case r == endOfText:
			return p.fail("Unexpected EOF.")
		default:
			p.next()
			return p.fail("Expected a block-level value to end with a new line, comment or EOF, but got '%s' instead.", show(r))
		}
	}
}

// entry reads a key and its value, or an include, and adds it to m.
func (p *parser) entry(m *Map, where setting, weight *int) error {
	key, pos, isInclude, err := p.key(where)
	if err != nil {
		return err
	}
	if isInclude {
		return p.include(m, weight)
	}
	if err := p.keyEnd(where); err != nil {
		return err
	}
	value, err := p.value()
	if err != nil {
		return err
	}
	if err := p.weigh(weight, value.weight+len(key)/64); err != nil {
		return err
	}
	m.put(&Entry{Key: key, Value: value, Pos: pos})
	return nil
}

// key reads a key. isInclude tells that it was the word include instead.
func (p *parser) key(where setting) (key string, pos Position, isInclude bool, err error) {
	r := p.peek()
	switch {
	case isSeparator(r) && where == inMap:
		return "", pos, false, p.fail("Unexpected key separator '%s'.", show(r))
	case isSeparator(r):
		return "", pos, false, p.fail("Unexpected key separator '%s'", show(r))
	case r == ']' && where == inMap:
		return "", pos, false, p.fail("Unexpected array end ']' processing map.")
	case r == ',' && where != atTop:
		return "", pos, false, p.fail(`Unexpected map value terminator ",".`)
	case r == '"', r == '\'':
		key, pos, err = p.quotedKey(where)
		return key, pos, false, err
	}
	pos = p.position()
	start := p.at
	p.next()
	for {
		r = p.peek()
		if unicode.IsSpace(r) || isSeparator(r) || r == '{' || r == '}' {
			break
		}
		if r == endOfText {
			if where == inMap {
				return "", pos, false, p.fail("Unexpected EOF processing map key.")
			}
			break
		}
		p.next()
	}
	key = p.text[start:p.at]
	return key, pos, unicode.IsSpace(r) && strings.EqualFold(key, "include"), nil
}

func (p *parser) quotedKey(where setting) (string, Position, error) {
	quote := p.next()
	pos := p.position()
	start := p.at
	for p.peek() != quote {
		if p.next() != endOfText {
			continue
		}
		switch {
		case where != inMap:
			return "", pos, p.fail("Unexpected EOF.")
		case quote == '"':
			return "", pos, p.fail("Unexpected EOF processing double quoted map key.")
		}
		return "", pos, p.fail("Unexpected EOF processing quoted map key.")
	}
	key := p.text[start:p.at]
	p.next()
	return key, pos, nil
}

// keyEnd moves from a key to its value. Line ends may stand between the two,
// but outside of maps not behind a separator.
func (p *parser) keyEnd(where setting) error {
	p.space()
	separated := isSeparator(p.peek())
	if separated {
		p.next()
	}
	switch {
	case where == inMap:
		p.space()
	case separated:
		p.blank()
	}
	r := p.peek()
	switch {
	case r == endOfText && !separated && where != inMap:
		return fmt.Errorf("config is invalid (%s)", p.position())
	case r == endOfText && where == inMap:
		return p.fail("Unexpected EOF processing map.")
	case r == '}' && (where != atTop || !separated):
		return p.fail("Expected value but found map end")
	case r == ',' && where == inMap:
		return p.fail(`Unexpected map value terminator ",".`)
	}
	return nil
}

// value reads any value.
func (p *parser) value() (Value, error) {
	r := p.peek()
	switch {
	case r == '[':
		return p.array()
	case r == '{':
		return p.mapping()
	case r == '\'':
		return p.singleQuoted()
	case r == '"':
		return p.doubleQuoted()
	case r == '(':
		return p.blockString()
	case r == '-' || isDigit(r):
		return p.number()
	case r == '.':
		return Value{}, p.fail("Floats must start with a digit")
	case isLineEnd(r):
		p.next()
		return Value{}, p.fail("Expected value but found new line")
	}
	return p.bare(p.at, p.position())
}

func (p *parser) array() (Value, error) {
	if err := p.enter(); err != nil {
		return Value{}, err
	}
	defer p.leave()
	p.next()
	items := []Value{}
	weight, height := 1, 0
	for {
		p.gap()
		switch p.peek() {
		case ']':
			p.next()
			return p.composite(items, weight, height+1)
		case ',':
			return Value{}, p.fail("Unexpected array value terminator ','.")
		case endOfText:
			return Value{}, p.fail("Unexpected EOF processing array.")
		}
		item, err := p.value()
		if err != nil {
			return Value{}, err
		}
		if err := p.weigh(&weight, item.weight); err != nil {
			return Value{}, err
		}
		height = max(height, item.height)
		items = append(items, item)
		p.blank()
		p.comment()
		r := p.peek()
		switch {
		case r == ',', isLineEnd(r):
			p.terminator()
		case r == ']':
		case r == endOfText:
			return Value{}, p.fail("Unexpected EOF processing array.")
		default:
			p.next()
			return Value{}, p.fail(`Expected an array value terminator "," or an array terminator "]", but got '%s' instead.`, show(r))
		}
	}
}

func (p *parser) mapping() (Value, error) {
	if err := p.enter(); err != nil {
		return Value{}, err
	}
	defer p.leave()
	p.next()
	m := &Map{Pos: p.position()}
	p.scopes = append(p.scopes, m)
	defer func() { p.scopes = p.scopes[:len(p.scopes)-1] }()
	weight := 1
	for {
		p.gap()
		switch p.peek() {
		case '}':
			p.next()
			return p.composite(m, weight, m.height()+1)
		case endOfText:
			return Value{}, p.fail("Unexpected EOF processing map.")
		}
		if err := p.entry(m, inMap, &weight); err != nil {
			return Value{}, err
		}
		p.blank()
		p.comment()
		r := p.peek()
		switch {
		case r == ',', r == ';', isLineEnd(r):
			p.terminator()
		case r == '}':
		case r == endOfText:
			return Value{}, p.fail("Unexpected EOF processing map.")
		default:
			p.next()
			return Value{}, p.fail(`Expected a map value terminator "," or a map terminator "}", but got '%s' instead.`, show(r))
		}
	}
}

func (m *Map) height() int {
	height := 0
	for _, e := range m.Entries {
		height = max(height, e.Value.height)
	}
	return height
}

// composite finishes a map or an array whose closing bracket was just taken.
// Variables can stack values higher than the text nests them.
func (p *parser) composite(data any, weight, height int) (Value, error) {
	if height > maxDepth {
		return Value{}, p.tooDeep()
	}
	return Value{Data: data, Pos: p.position(), weight: weight, height: height}, nil
}

func (p *parser) enter() error {
	if p.depth >= maxDepth {
		return p.tooDeep()
	}
	p.depth++
	return nil
}

func (p *parser) leave() { p.depth-- }

func (p *parser) tooDeep() error {
	return p.fail("Values are nested deeper than %d levels.", maxDepth)
}

// weigh adds to a sum of weights and holds it below the limit.
func (p *parser) weigh(sum *int, weight int) error {
	if *sum += weight; *sum > maxWeight {
		return p.fail("More than %d values with all variables written out.", maxWeight)
	}
	return nil
}
