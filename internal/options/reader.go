package options

import (
	"fmt"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/conf"
)

// reader turns the entries of a configuration file into options. It goes on
// after a fault, so that one run reports all of them.
type reader struct {
	options  *Options
	errors   []error
	warnings []error

	// What the checks across blocks need, which run when everything is read.
	authorization authorization
	accounts      []accountUsers
	systemPos     conf.Position // of system_account
}

// handler gives one key its meaning.
type handler func(r *reader, e *conf.Entry)

func (r *reader) fail(pos conf.Position, format string, args ...any) {
	r.errors = append(r.errors, &ConfigError{pos, fmt.Sprintf(format, args...)})
}

// warn reports a use of a field that works but should be changed.
func (r *reader) warn(e *conf.Entry, format string, args ...any) {
	text := fmt.Sprintf("invalid use of field %q: ", e.Key) + fmt.Sprintf(format, args...)
	r.warnings = append(r.warnings, &ConfigError{e.Pos, text})
}

// entries hands each entry of a block to the handler of its key. An entry that
// is only there to be referred to as a variable may have any key.
func (r *reader) entries(m *conf.Map, handlers map[string]handler, unknown string) {
	for _, e := range m.Entries {
		h, ok := handlers[strings.ToLower(e.Key)]
		switch {
		case ok:
			h(r, e)
		case !e.UsedVariable:
			r.fail(e.Pos, unknown, e.Key)
		}
	}
}

// Texts for keys that a block does not have; the argument is the key.
const unknownField = "unknown field %q"

// mismatch reports a value of the wrong type.
func (r *reader) mismatch(e *conf.Entry, want string) {
	r.fail(e.Pos, "interface conversion: interface {} is %s, not %s", typeName(e.Value.Data), want)
}

func (r *reader) text(e *conf.Entry) (string, bool) {
	v, ok := e.Value.Data.(string)
	if !ok {
		r.mismatch(e, "string")
	}
	return v, ok
}

func (r *reader) boolean(e *conf.Entry) (value, ok bool) {
	value, ok = e.Value.Data.(bool)
	if !ok {
		r.mismatch(e, "bool")
	}
	return value, ok
}

// integer accepts a whole number between the bounds.
func (r *reader) integer(e *conf.Entry, low, high int64) (int64, bool) {
	v, ok := e.Value.Data.(int64)
	switch {
	case !ok:
		r.mismatch(e, "int64")
	case v > high:
		r.fail(e.Pos, "%s value is too big", e.Key)
		return 0, false
	case v < low && low == 0:
		r.fail(e.Pos, "%s value can not be negative", e.Key)
		return 0, false
	case v < low:
		r.fail(e.Pos, "%s value is too small", e.Key)
		return 0, false
	}
	return v, ok
}

func (r *reader) block(e *conf.Entry) (*conf.Map, bool) {
	v, ok := e.Value.Data.(*conf.Map)
	if !ok {
		r.mismatch(e, "map[string]interface {}")
	}
	return v, ok
}

// duration accepts "10s" and, with a warning, whole seconds.
func (r *reader) duration(e *conf.Entry) (time.Duration, bool) {
	switch v := e.Value.Data.(type) {
	case string:
		d, err := time.ParseDuration(v)
		if err != nil {
			r.fail(e.Pos, "error parsing %s: %v", strings.ToLower(e.Key), err)
			return 0, false
		}
		return d, true
	case int64:
		if v > maxSeconds || v < -maxSeconds {
			r.fail(e.Pos, "%s value is too big", e.Key)
			return 0, false
		}
		r.warn(e, "%s should be converted to a duration", strings.ToLower(e.Key))
		return time.Duration(v) * time.Second, true
	}
	r.mismatch(e, "int64")
	return 0, false
}

// maxSeconds is the longest time that a time.Duration holds.
const maxSeconds = int64(1<<63-1) / int64(time.Second)

// seconds accepts a number of seconds or a duration. The name of the block
// stands in the errors.
func (r *reader) seconds(e *conf.Entry, block string) (float64, bool) {
	var s float64
	switch v := e.Value.Data.(type) {
	case int64:
		s = float64(v)
	case float64:
		s = v
	case string:
		d, err := time.ParseDuration(v)
		if err != nil {
			r.fail(e.Pos, "error parsing %s config, 'timeout' %s", block, err)
			return 0, false
		}
		s = d.Seconds()
	default:
		r.fail(e.Pos, "error parsing %s config, 'timeout' wrong type", block)
		return 0, false
	}
	switch {
	case s < 0:
		r.fail(e.Pos, "error parsing %s config, 'timeout' can not be negative", block)
		return 0, false
	case s > float64(maxSeconds):
		r.fail(e.Pos, "error parsing %s config, 'timeout' is too big", block)
		return 0, false
	}
	return s, true
}

// texts accepts a string or an array of strings. The name of the field stands
// in the errors.
func (r *reader) texts(e *conf.Entry, field string) ([]string, bool) {
	switch v := e.Value.Data.(type) {
	case string:
		return []string{v}, true
	case []conf.Value:
		list, ok := make([]string, 0, len(v)), true
		for _, item := range v {
			text, isText := item.Data.(string)
			if !isText {
				r.fail(item.Pos, "error parsing %s: unsupported type in array %s", field, typeName(item.Data))
				ok = false
				continue
			}
			list = append(list, text)
		}
		return list, ok
	}
	r.fail(e.Pos, "error parsing %s: unsupported type %s", field, typeName(e.Value.Data))
	return nil, false
}

// typeName is how the type of a value is named in errors.
func typeName(v any) string {
	switch v.(type) {
	case *conf.Map:
		return "map[string]interface {}"
	case []conf.Value:
		return "[]interface {}"
	}
	return fmt.Sprintf("%T", v)
}

// plain is a value as errors show it.
func plain(v any) any {
	switch v := v.(type) {
	case *conf.Map:
		return v.Plain()
	case []conf.Value:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = plain(item.Data)
		}
		return list
	}
	return v
}

// Handlers for fields that take a value as it is.

func textInto(field func(*Options) *string) handler {
	return func(r *reader, e *conf.Entry) {
		if v, ok := r.text(e); ok {
			*field(r.options) = v
		}
	}
}

func booleanInto(field func(*Options) *bool) handler {
	return func(r *reader, e *conf.Entry) {
		if v, ok := r.boolean(e); ok {
			*field(r.options) = v
		}
	}
}

func integerInto[T int | int32 | int64 | uint8](low, high int64, field func(*Options) *T) handler {
	return func(r *reader, e *conf.Entry) {
		if v, ok := r.integer(e, low, high); ok {
			*field(r.options) = T(v)
		}
	}
}

func durationInto(field func(*Options) *time.Duration) handler {
	return func(r *reader, e *conf.Entry) {
		if v, ok := r.duration(e); ok {
			*field(r.options) = v
		}
	}
}
