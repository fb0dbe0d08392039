package options

import (
	"strconv"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/conf"
	"github.com/godwit-mq/godwit/internal/sharing"
)

// exportList reads the `exports` of an account.
func (d *decoder) exportList(e *conf.Entry) (exports []*sharing.Export) {
	list, ok := e.Value.Data.([]conf.Value)
	if !ok {
		d.fail(e.Pos, "Exports should be an array, got %s", typeName(e.Value.Data))
		return nil
	}
	for _, item := range list {
		m, ok := item.Data.(*conf.Map)
		if !ok {
			d.fail(item.Pos, "Export Items should be a map with type entry, got %s", typeName(item.Data))
			continue
		}
		before := len(d.errors)
		x := exportItem{decoder: d, export: &sharing.Export{}}
		for _, key := range m.Entries {
			x.key(key)
		}
		x.check(item.Pos)
		if len(d.errors) == before {
			exports = append(exports, x.export)
		}
	}
	return exports
}

// exportItem is one export while its keys are being read. named is the key that
// said what it is, a stream or a service; ofServices are the keys, with the
// words that the error calls them by, which streams do not have.
type exportItem struct {
	*decoder
	export              *sharing.Export
	named               *conf.Entry
	response, threshold *conf.Entry
	ofServices          []serviceKey
}

type serviceKey struct {
	entry *conf.Entry
	name  string
}

func (x *exportItem) key(e *conf.Entry) {
	switch strings.ToLower(e.Key) {
	case "stream":
		x.name(e, sharing.Stream)
	case "service":
		x.name(e, sharing.Service)
	case "accounts":
		x.accounts(e)
	case "account_token_position":
		x.tokenPosition(e)
	case "response", "response_type":
		x.responseType(e)
	case "threshold", "response_threshold", "response_max_time", "response_time":
		x.responseThreshold(e)
	case "latency":
		x.ofServices = append(x.ofServices, serviceKey{e, "latency"})
		x.export.Latency = x.latency(e)
	case "allow_trace":
		x.ofServices = append(x.ofServices, serviceKey{e, "allow_trace"})
		x.export.AllowTrace = x.bool(e)
	default:
		x.unknown(e)
	}
}

func (x *exportItem) name(e *conf.Entry, kind sharing.Kind) {
	if x.named != nil {
		x.fail(e.Pos, "Detected %s \"%v\" but already saw a %s", kind, show(e.Value.Data), x.export.Kind)
		return
	}
	x.named, x.export.Kind = e, kind
	subject, ok := e.Value.Data.(string)
	if !ok {
		x.fail(e.Pos, "Expected %s name to be string, got %s", kind, typeName(e.Value.Data))
		return
	}
	x.export.Subject = subject
}

// accounts reads who may import. An empty list is refused: it could be meant for
// everybody as well as for nobody.
func (x *exportItem) accounts(e *conf.Entry) {
	list, ok := e.Value.Data.([]conf.Value)
	if !ok {
		x.mismatch(e, "[]interface {}")
		return
	}
	if len(list) == 0 {
		x.fail(e.Pos, "the list of accounts of an export must not be empty: leave it out if all accounts may import")
		return
	}
	x.export.Private = true
	for _, item := range list {
		name, ok := item.Data.(string)
		if !ok {
			x.fail(item.Pos, "interface conversion: interface {} is %s, not string", typeName(item.Data))
			continue
		}
		x.export.Accounts = append(x.export.Accounts, name)
	}
}

// maxTokenPosition is far above the number of tokens that a subject has.
const maxTokenPosition = 1 << 16

func (x *exportItem) tokenPosition(e *conf.Entry) {
	n := x.int(e)
	if n < 0 || n > maxTokenPosition {
		x.fail(e.Pos, "account_token_position %d is not the number of a token: tokens count from 1", n)
		return
	}
	x.export.TokenPosition = int(n)
}

func (x *exportItem) responseType(e *conf.Entry) {
	if x.response != nil {
		x.fail(e.Pos, "Duplicate response type definition")
		return
	}
	x.response = e
	x.ofServices = append(x.ofServices, serviceKey{e, "response"})
	text, ok := e.Value.Data.(string)
	if !ok {
		x.fail(e.Pos, "Expected response type to be string, got %s", typeName(e.Value.Data))
		return
	}
	switch strings.ToLower(text) {
	case "single", "singleton":
		x.export.Response = sharing.Singleton
	case "stream":
		x.export.Response = sharing.Streamed
	case "chunk", "chunked":
		x.export.Response = sharing.Chunked
	default:
		x.fail(e.Pos, "Unknown response type: %q", text)
	}
}

func (x *exportItem) responseThreshold(e *conf.Entry) {
	const expected = "Expected response threshold to be a parseable time duration, got "
	if x.threshold != nil {
		x.fail(e.Pos, "Duplicate response threshold detected")
		return
	}
	x.threshold = e
	x.ofServices = append(x.ofServices, serviceKey{e, "response"})
	text, ok := e.Value.Data.(string)
	if !ok {
		x.fail(e.Pos, expected+"%s", typeName(e.Value.Data))
		return
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < 0 {
		x.fail(e.Pos, expected+"%q", text)
		return
	}
	x.export.Threshold = v
}

// check looks at the item as a whole, whatever the order of its keys.
func (x *exportItem) check(pos conf.Position) {
	if x.named == nil {
		x.fail(pos, "Expected an export to have a stream or a service")
		return
	}
	if x.export.TokenPosition > 0 && x.export.Private {
		x.warn(pos, "accounts has no effect on an export with account_token_position")
	}
	if x.export.Kind == sharing.Service {
		return
	}
	for _, key := range x.ofServices {
		x.fail(key.entry.Pos, "Detected %s directive on non-service", key.name)
	}
}

// defaultSampling measures every request.
const defaultSampling = 100

// latency reads what measurements of a service are asked for, nil if the
// description is wrong.
func (d *decoder) latency(e *conf.Entry) *sharing.Latency {
	l := &sharing.Latency{Sampling: defaultSampling}
	switch v := e.Value.Data.(type) {
	case string:
		l.Subject = v
		return l
	case *conf.Map:
		before, named := len(d.errors), false
		for _, item := range v.Entries {
			switch strings.ToLower(item.Key) {
			case "sampling":
				d.sampling(item, l)
			case "subject":
				named = true
				text, ok := item.Value.Data.(string)
				if !ok {
					d.fail(item.Pos, "Expected latency subject to be a string, got %s", typeName(item.Value.Data))
				}
				l.Subject = text
			default:
				d.unknown(item)
			}
		}
		if !named {
			d.fail(e.Pos, "Latency subject required, but missing")
		}
		if len(d.errors) > before {
			return nil
		}
		return l
	}
	d.fail(e.Pos, "Expected latency entry to be a map/struct or string, got %s", typeName(e.Value.Data))
	return nil
}

// sampling reads how many requests are measured: a percentage, or those whose
// headers ask for it.
func (d *decoder) sampling(e *conf.Entry, l *sharing.Latency) {
	var percent int64
	switch v := e.Value.Data.(type) {
	case int64:
		percent = v
	case string:
		if strings.EqualFold(strings.TrimSpace(v), "headers") {
			l.Sampling, l.Headers = 0, true
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(v, "%"))
		if err != nil {
			d.fail(e.Pos, "Failed to parse latency sample: %v", err)
			return
		}
		percent = int64(n)
	default:
		d.fail(e.Pos, "Expected latency sample to be a string or map/struct, got %s", typeName(v))
		return
	}
	if percent < 1 || percent > 100 {
		d.fail(e.Pos, "%v", errSampling)
		return
	}
	l.Sampling = int(percent)
}
