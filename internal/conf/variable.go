package conf

import (
	"fmt"
	"slices"
	"strings"
)

// bcryptMark begins, behind its dollar, a bcrypt hash that was written without
// quotes. Such a text is no variable.
const bcryptMark = "2a$"

// variable gives the value that $name stands for at pos.
func (p *parser) variable(name string, pos Position) (Value, error) {
	if strings.HasPrefix(name, bcryptMark) {
		pos.Column--
		return scalar("$"+name, pos), nil
	}
	for _, m := range slices.Backward(p.scopes) {
		if e, ok := m.Get(name); ok {
			e.UsedVariable = true
			return referred(e.Value, pos), nil
		}
	}
	value, found, err := p.session.environment(name)
	if err != nil {
		return Value{}, fmt.Errorf("variable reference for '%s' on line %d could not be parsed: %w", name, pos.Line, err)
	}
	if !found {
		return Value{}, fmt.Errorf("variable reference for '%s' on line %d can not be found", name, pos.Line)
	}
	return referred(value, pos), nil
}

func referred(v Value, pos Position) Value {
	v.Pos, v.IsVariable = pos, true
	return v
}

// environment reads the text of an environment variable as a value. It may
// refer to other variables of the environment.
func (s *session) environment(name string) (value Value, found bool, err error) {
	if slices.Contains(s.envNames, name) {
		return Value{}, false, fmt.Errorf("variable reference cycle for '%s'", name)
	}
	if s.env == nil {
		return Value{}, false, nil
	}
	text, found := s.env(name)
	if !found {
		return Value{}, false, nil
	}
	if len(s.envNames) >= maxEnvDepth {
		return Value{}, false, fmt.Errorf("environment variables refer to each other over more than %d steps", maxEnvDepth)
	}
	if len(text) > maxFileBytes {
		return Value{}, false, fmt.Errorf("environment variable is larger than %d bytes", maxFileBytes)
	}
	s.envNames = append(s.envNames, name)
	defer func() { s.envNames = s.envNames[:len(s.envNames)-1] }()

	p := &parser{cursor: newCursor(text, "$"+name), session: s}
	p.blank()
	if p.peek() == endOfText {
		return scalar("", p.position()), true, nil
	}
	value, err = p.value()
	if err != nil {
		return Value{}, false, err
	}
	if p.gap(); p.peek() != endOfText {
		r := p.next()
		return Value{}, false, p.fail("Expected a top-level value to end with a new line, comment or EOF, but got '%s' instead.", show(r))
	}
	return value, true, nil
}
