package options

import (
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/conf"
)

// mismatch reports a value of the wrong type.
func (d *decoder) mismatch(e *conf.Entry, want string) {
	d.fail(e.Pos, "interface conversion: interface {} is %s, not %s", typeName(e.Value.Data), want)
}

func (d *decoder) string(e *conf.Entry) string {
	s, ok := e.Value.Data.(string)
	if !ok {
		d.mismatch(e, "string")
	}
	return s
}

// path is the name of a file or directory; a leading ~ is the home directory.
func (d *decoder) path(e *conf.Entry) string {
	path, err := expandHome(d.string(e))
	if err != nil {
		d.fail(e.Pos, "%s: %v", e.Key, err)
	}
	return path
}

func (d *decoder) bool(e *conf.Entry) bool {
	b, ok := e.Value.Data.(bool)
	if !ok {
		d.mismatch(e, "bool")
	}
	return b
}

func (d *decoder) int(e *conf.Entry) int64 {
	n, ok := e.Value.Data.(int64)
	if !ok {
		d.mismatch(e, "int64")
	}
	return n
}

// int32 is an integer that must fit 32 bits.
func (d *decoder) int32(e *conf.Entry) int32 {
	n := d.int(e)
	if n > math.MaxInt32 || n < math.MinInt32 {
		d.fail(e.Pos, "%s value is too big", e.Key)
		return 0
	}
	return int32(n)
}

// list is a value that may be one string or an array of strings.
func (d *decoder) list(e *conf.Entry) []string { return d.listCalled(e, e.Key) }

// listCalled is a list that errors call by another name than the key's.
func (d *decoder) listCalled(e *conf.Entry, name string) []string {
	var list []string
	for _, item := range d.texts(e, name) {
		list = append(list, item.text)
	}
	return list
}

// placedText is a string and where it stands: itself in an array, else its key.
type placedText struct {
	text string
	pos  conf.Position
}

// texts is a list of which each item has its place.
func (d *decoder) texts(e *conf.Entry, name string) []placedText {
	switch v := e.Value.Data.(type) {
	case string:
		return []placedText{{v, e.Pos}}
	case []conf.Value:
		out := make([]placedText, 0, len(v))
		for _, item := range v {
			s, ok := item.Data.(string)
			if !ok {
				d.fail(item.Pos, "error parsing %s: unsupported type in array %s", name, typeName(item.Data))
				continue
			}
			out = append(out, placedText{s, item.Pos})
		}
		return out
	}
	d.fail(e.Pos, "error parsing %s: unsupported type %s", name, typeName(e.Value.Data))
	return nil
}

// duration is a duration text, or, with a warning, a number of seconds.
func (d *decoder) duration(e *conf.Entry) time.Duration {
	switch v := e.Value.Data.(type) {
	case string:
		dur, err := time.ParseDuration(v)
		if err != nil {
			d.fail(e.Pos, "error parsing %s: %v", e.Key, err)
		}
		return dur
	case int64:
		d.warn(e.Pos, "invalid use of field %q: %s should be converted to a duration", e.Key, e.Key)
		return seconds(d, e, float64(v))
	}
	d.mismatch(e, "int64")
	return 0
}

// seconds converts a number of seconds, which must be within a century.
func seconds(d *decoder, e *conf.Entry, n float64) time.Duration {
	const century = 100 * 365 * 24 * 3600
	if n > century || n < -century {
		d.fail(e.Pos, "%s value is too big", e.Key)
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

// highTimeout is above which a timeout is probably a mistake of units.
const highTimeout = 60.0

// timeout is a number of seconds or a duration text, in seconds.
func (d *decoder) timeout(e *conf.Entry) float64 {
	var t float64
	switch v := e.Value.Data.(type) {
	case int64:
		t = float64(v)
	case float64:
		t = v
	case string:
		dur, err := time.ParseDuration(v)
		if err != nil {
			d.fail(e.Pos, "error parsing %s: %v", e.Key, err)
		}
		t = dur.Seconds()
	default:
		d.fail(e.Pos, "error parsing %s: unsupported type %s", e.Key, typeName(v))
		return 0
	}
	if t < 0 {
		d.fail(e.Pos, "error parsing %s: it can not be negative", e.Key)
		return 0
	}
	if t > highTimeout {
		d.warn(e.Pos, "invalid use of field %q: timeout of %v (%f seconds) is high, consider keeping it under 60 seconds. "+
			"possibly caused by unquoted duration; use '1m' instead of 1m, for example", e.Key, seconds(d, e, t), t)
	}
	return t
}

// listen is a port, ":port" or "host:port".
func (d *decoder) listen(e *conf.Entry) (host string, port int, ok bool) {
	switch v := e.Value.Data.(type) {
	case int64:
		return "", int(v), d.portInRange(e, v)
	case string:
		host, text, err := net.SplitHostPort(v)
		if err != nil {
			d.fail(e.Pos, "could not parse address string %q", v)
			return "", 0, false
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			d.fail(e.Pos, "could not parse port %q", text)
			return "", 0, false
		}
		return host, n, d.portInRange(e, int64(n))
	}
	d.fail(e.Pos, "expected port or host:port, got %s", typeName(e.Value.Data))
	return "", 0, false
}

func (d *decoder) port(e *conf.Entry) int {
	n := d.int(e)
	if !d.portInRange(e, n) {
		return 0
	}
	return int(n)
}

func (d *decoder) portInRange(e *conf.Entry, n int64) bool {
	if n < -1 || n > 65535 {
		d.fail(e.Pos, "%s %d is not a port: it must be between -1 and 65535", e.Key, n)
		return false
	}
	return true
}

// entryOf finds the entry of a key in whatever case, nil if there is none.
func entryOf(m *conf.Map, key string) *conf.Entry {
	at := slices.IndexFunc(m.Entries, func(e *conf.Entry) bool { return strings.EqualFold(e.Key, key) })
	if at < 0 {
		return nil
	}
	return m.Entries[at]
}

// block is a value that must be a map.
func (d *decoder) block(e *conf.Entry, format string) *conf.Map {
	m, ok := e.Value.Data.(*conf.Map)
	if !ok {
		d.fail(e.Pos, format, show(e.Value.Data))
		return nil
	}
	return m
}

// unknown reports a key that means nothing, unless it only defines a variable.
func (d *decoder) unknown(e *conf.Entry) { d.unknownAs(e, "unknown field %q") }

// unknownAs is unknown where the text is another one; it takes the key first.
func (d *decoder) unknownAs(e *conf.Entry, format string, rest ...any) {
	if !e.UsedVariable {
		d.fail(e.Pos, format, append([]any{e.Key}, rest...)...)
	}
}

// unsupported refuses what is known but not carried out.
func (d *decoder) unsupported(e *conf.Entry) { d.fail(e.Pos, "%q is not supported yet", e.Key) }

// asksForNothing reports whether a value switches its feature off or is empty.
func asksForNothing(v any) bool {
	switch v := v.(type) {
	case bool:
		return !v
	case int64:
		return v == 0
	case string:
		return v == "" || strings.EqualFold(v, "disabled") || strings.EqualFold(v, "disable")
	case *conf.Map:
		for _, e := range v.Entries { // { enabled: false } or { disabled: true }
			on, isBool := e.Value.Data.(bool)
			key := strings.ToLower(e.Key)
			off := !on && (key == "enabled" || key == "enable") || on && (key == "disabled" || key == "disable")
			if !isBool || !off {
				return false
			}
		}
		return true
	case []conf.Value:
		return len(v) == 0
	}
	return false
}
