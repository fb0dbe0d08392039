package conf

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// Environment looks up an environment variable; os.LookupEnv is one. A nil
// Environment has no variables.
type Environment func(name string) (string, bool)

// session is what all texts of one configuration share.
type session struct {
	env      Environment
	envNames []string // environment variables being read, outermost first
	open     []string // files being read, outermost first
	files    int
	bytes    int
}

// ParseFile reads the file at path and the files it includes. Includes with a
// relative path are looked for beside the file that names them. A file without
// any entry is valid and gives an empty Map.
func ParseFile(path string, env Environment) (*Map, error) {
	return (&session{env: env}).file(path)
}

// Parse reads a text. Positions carry name as their file; relative includes
// start in the directory dir.
func Parse(text, name, dir string, env Environment) (*Map, error) {
	s := &session{env: env}
	if err := s.admit(len(text)); err != nil {
		return nil, err
	}
	return s.parse(text, name, dir)
}

func (s *session) parse(text, name, dir string) (*Map, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.TrimRight(text, "\x00")
	p := &parser{cursor: newCursor(text, name), dir: dir, session: s}
	return p.document()
}

// admit counts a text of size bytes against the limits.
func (s *session) admit(size int) error {
	if size > maxFileBytes {
		return fmt.Errorf("configuration is larger than %d bytes", maxFileBytes)
	}
	s.files++
	s.bytes += size
	if s.files > maxFiles {
		return fmt.Errorf("configuration consists of more than %d files", maxFiles)
	}
	if s.bytes > maxTotalBytes {
		return fmt.Errorf("configuration files are larger than %d bytes together", maxTotalBytes)
	}
	return nil
}

func (s *session) file(path string) (*Map, error) {
	identity, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("error opening config file: %w", err)
	}
	if slices.Contains(s.open, identity) {
		return nil, fmt.Errorf("include cycle: %s", strings.Join(append(slices.Clone(s.open), identity), " -> "))
	}
	if len(s.open) >= maxIncludeDepth {
		return nil, fmt.Errorf("includes are nested deeper than %d files", maxIncludeDepth)
	}
	text, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("error opening config file: %w", err)
	}
	if err := s.admit(len(text)); err != nil {
		return nil, err
	}
	s.open = append(s.open, identity)
	defer func() { s.open = s.open[:len(s.open)-1] }()
	return s.parse(text, path, filepath.Dir(path))
}

// readFile reads no more than admit would let pass and one byte.
func readFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	return string(text), err
}

// include reads the path behind the word include and merges the entries of
// that file into m.
func (p *parser) include(m *Map, weight *int) error {
	name, err := p.includeName()
	if err != nil {
		return err
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.dir, path)
	}
	included, err := p.session.file(path)
	if err != nil {
		return fmt.Errorf("error parsing include file '%s', %w", name, err)
	}
	for _, e := range included.Entries {
		if err := p.weigh(weight, e.Value.weight+len(e.Key)/64); err != nil {
			return err
		}
		m.put(e)
	}
	return nil
}

func (p *parser) includeName() (string, error) {
	const expected = "Expected include value but found "
	p.blank()
	r := p.peek()
	switch {
	case r == '\'', r == '"':
		return p.includeQuoted()
	case r == '[':
		return "", p.fail(expected + "start of an array")
	case r == '{':
		return "", p.fail(expected + "start of a map")
	case r == '(':
		return "", p.fail(expected + "start of a block")
	case unicode.IsDigit(r), r == '-':
		return "", p.fail(expected + "start of a number")
	case r == '\\':
		return "", p.fail(expected + "escape sequence")
	case isLineEnd(r):
		p.next()
		return "", p.fail(expected + "new line")
	}
	start := p.at
	for r := p.peek(); r != ';' && r != '}' && r != endOfText && !isBlank(r) && !isLineEnd(r); r = p.peek() {
		p.next()
		if r == '\'' {
			return p.text[start : p.at-1], nil
		}
	}
	if p.at == start {
		return "", p.fail(expected + "nothing")
	}
	return p.text[start:p.at], nil
}

func (p *parser) includeQuoted() (string, error) {
	quote := p.next()
	start := p.at
	for p.peek() != quote {
		if p.next() != endOfText {
			continue
		}
		if quote == '"' {
			return "", p.fail("Unexpected EOF in double quoted include")
		}
		return "", p.fail("Unexpected EOF in quoted include")
	}
	p.next()
	return p.text[start : p.at-1], nil
}
