package options

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/godwit-mq/godwit/internal/conf"
	"github.com/godwit-mq/godwit/internal/subject"
)

// defaultTraceSampling traces every message whose headers ask for it.
const defaultTraceSampling = 100

// messageTrace reads `msg_trace` of an account: the destination of traces that
// were not given one, and how many are made, in percent.
func (d *decoder) messageTrace(a *Account, e *conf.Entry) {
	before := len(d.errors)
	dest, sampling := "", 0
	switch v := e.Value.Data.(type) {
	case string:
		dest = d.traceDestination(e)
	case *conf.Map:
		for _, item := range v.Entries {
			switch strings.ToLower(item.Key) {
			case "dest":
				dest = d.traceDestination(item)
			case "sampling":
				sampling = d.traceSampling(item)
			default:
				d.unknownAs(item, "Unknown field %q parsing account message trace map/struct %q", e.Key)
			}
		}
	default:
		d.fail(e.Pos, "Expected account message trace %q to be a string or a map/struct, got %s", e.Key, typeName(v))
	}
	switch {
	case len(d.errors) > before:
		return
	case dest != "" && sampling == 0:
		sampling = defaultTraceSampling
	case dest == "" && sampling > 0:
		d.warn(e.Pos, "Trace destination sampling ignored since no destination was set")
		sampling = 0
	}
	a.TraceDest, a.TraceSampling = dest, sampling
}

// checkTraces looks at the settings of accounts made in code.
func (o *Options) checkTraces() error {
	for _, a := range o.Accounts {
		if a.TraceDest != "" && !validDestination(a.TraceDest) {
			return fmt.Errorf("account %q: trace destination %q is not valid", a.Name, a.TraceDest)
		}
		if a.TraceSampling < 0 || a.TraceSampling > 100 {
			return fmt.Errorf("account %q: trace sampling %d is not a percentage", a.Name, a.TraceSampling)
		}
	}
	return nil
}

func (d *decoder) traceDestination(e *conf.Entry) string {
	dest, ok := e.Value.Data.(string)
	switch {
	case !ok:
		d.fail(e.Pos, "Field %q should be a string, got %s", e.Key, typeName(e.Value.Data))
	case !validDestination(dest):
		d.fail(e.Pos, "Trace destination %q is not valid", dest)
	}
	return dest
}

func (d *decoder) traceSampling(e *conf.Entry) int {
	var percent int64
	switch v := e.Value.Data.(type) {
	case int64:
		percent = v
	case string:
		n, err := strconv.Atoi(strings.TrimSuffix(v, "%"))
		if err != nil {
			d.fail(e.Pos, "Invalid trace destination sampling value %q", v)
			return 0
		}
		percent = int64(n)
	default:
		d.fail(e.Pos, "Trace destination sampling field %q should be an integer or a percentage, got %s", e.Key, typeName(v))
		return 0
	}
	if percent < 1 || percent > 100 {
		d.fail(e.Pos, "Ttrace destination sampling value %d is invalid, needs to be [1..100]", percent)
		return 0
	}
	return int(percent)
}

// validDestination reports whether the server can publish to a subject: it stands
// in protocol lines as it is.
func validDestination(name string) bool {
	return subject.IsValidPublish(name) && subject.IsValidStrict(name)
}
