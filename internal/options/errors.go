package options

import (
	"fmt"
	"strings"

	"github.com/godwit-mq/godwit/internal/conf"
)

// FieldError is a fault of one value of a configuration file.
type FieldError struct {
	Pos  conf.Position
	Text string
}

// Error begins with "file:line:col: ".
func (e *FieldError) Error() string { return e.Pos.String() + ": " + e.Text }

// ConfigErrors is everything that is wrong with a configuration.
type ConfigErrors struct {
	Errors   []error
	Warnings []error // worth mentioning, but no reason not to start
}

// Error lists the errors, one a line.
func (e *ConfigErrors) Error() string {
	lines := make([]string, 0, len(e.Errors))
	for _, err := range e.Errors {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives access to the single errors.
func (e *ConfigErrors) Unwrap() []error { return e.Errors }

// decoder turns a parsed file into options and collects what is wrong.
type decoder struct {
	o        *Options
	errors   []error
	warnings []error

	users    []namedUser     // for the check for duplicates
	accounts map[string]bool // by name, likewise; made with the first one

	offers       []offer // what accounts want to share
	accountsGood bool    // no mistake was found in the accounts themselves
	callout      *conf.Entry
}

// namedUser is a user or nkey and the block that it was defined in.
type namedUser struct {
	name string
	nkey bool
	pos  conf.Position
}

func (d *decoder) fail(pos conf.Position, format string, args ...any) {
	d.errors = append(d.errors, &FieldError{pos, fmt.Sprintf(format, args...)})
}

func (d *decoder) warn(pos conf.Position, format string, args ...any) {
	d.warnings = append(d.warnings, &FieldError{pos, fmt.Sprintf(format, args...)})
}

// typeName is how the texts of the reference call a value's type.
func typeName(v any) string {
	switch v.(type) {
	case *conf.Map:
		return "map[string]interface {}"
	case []conf.Value:
		return "[]interface {}"
	}
	return fmt.Sprintf("%T", v)
}

// show is how those texts print a value.
func show(v any) any {
	switch v := v.(type) {
	case *conf.Map:
		return v.Plain()
	case []conf.Value:
		list := make([]any, 0, len(v))
		for _, item := range v {
			list = append(list, show(item.Data))
		}
		return list
	}
	return v
}
