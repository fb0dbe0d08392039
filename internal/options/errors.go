package options

import (
	"fmt"
	"strings"

	"github.com/godwit-mq/godwit/internal/conf"
)

// ConfigError is one fault of a configuration file. It prints as
// "file:line:column: text".
type ConfigError struct {
	Pos  conf.Position
	Text string
}

func (e *ConfigError) Error() string { return e.Pos.String() + ": " + e.Text }

// ConfigErrors is everything that is wrong with a configuration file. Warnings
// alone do not prevent a start; they make an error only of a file that is
// checked (Options.CheckConfig).
type ConfigErrors struct {
	Errors   []error
	Warnings []error
}

// Error has the warnings and then the errors, each with a newline behind it.
func (e *ConfigErrors) Error() string {
	var b strings.Builder
	for _, list := range [][]error{e.Warnings, e.Errors} {
		for _, err := range list {
			fmt.Fprintf(&b, "%v\n", err)
		}
	}
	return b.String()
}

// Unwrap gives errors.Is and errors.As access to the single errors.
func (e *ConfigErrors) Unwrap() []error { return e.Errors }
