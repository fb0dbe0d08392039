package reload

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/godwit-mq/godwit/internal/options"
)

// Change is a difference that can be applied. Text is its line in the log, behind
// "Reloaded: ".
type Change struct {
	Field string
	Text  string
}

// Changes are what has to be applied, in the order of the fields.
type Changes []Change

// Has reports whether one of the fields has changed.
func (c Changes) Has(fields ...string) bool {
	return slices.ContainsFunc(c, func(x Change) bool { return slices.Contains(fields, x.Field) })
}

// Texts are the lines for the log. Fields that make up one thing share a line.
func (c Changes) Texts() []string {
	var texts []string
	for _, change := range c {
		if !slices.Contains(texts, change.Text) {
			texts = append(texts, change.Text)
		}
	}
	return texts
}

// Compare returns the differences between the options in force and new ones, or
// an error that names one that cannot be applied. Both have their defaults set.
func Compare(old, next *options.Options) (Changes, error) {
	if (old.AccountResolver == nil) != (next.AccountResolver == nil) {
		return nil, errors.New("config reload does not support moving to or from an account resolver") // a known text
	}
	var changes Changes
	a, b := reflect.ValueOf(old).Elem(), reflect.ValueOf(next).Elem()
	for i := range a.NumField() {
		field := a.Type().Field(i)
		if !field.IsExported() || ignored[field.Name] || field.Name == "Websocket" || same(a.Field(i), b.Field(i)) ||
			field.Name == "SystemAccount" && systemAccount(old) == systemAccount(next) {
			continue
		}
		describe, live := table[field.Name]
		if !live {
			return nil, unsupported(field.Name, a.Field(i), b.Field(i))
		}
		changes = append(changes, Change{field.Name, describe(old, next)})
	}
	changed, err := compareWebsocket(old.Websocket, next.Websocket)
	if err != nil {
		return nil, err
	}
	if changed {
		changes = append(changes, Change{"Websocket", "websocket"})
	}
	return changes, nil
}

// systemAccount is the name of the system account, whether it is written or not.
func systemAccount(o *options.Options) string { return cmp.Or(o.SystemAccount, options.SystemAccount) }

// same compares two fields. Functions and interfaces of an embedding program are
// equal if they are identical.
func same(a, b reflect.Value) bool {
	if x, ok := a.Interface().(*tls.Config); ok {
		return sameTLS(x, b.Interface().(*tls.Config))
	}
	switch a.Kind() {
	case reflect.Func:
		return a.Pointer() == b.Pointer()
	case reflect.Interface:
		return a.IsNil() && b.IsNil() || !a.IsNil() && !b.IsNil() && a.Comparable() && b.Comparable() && a.Equal(b)
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// unsupported names a difference that needs a restart. Texts are shown if they are
// known to hold no secret; structures may have one somewhere.
func unsupported(name string, old, next reflect.Value) error {
	switch old.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Float64:
	case reflect.String:
		if !public[name] {
			return fmt.Errorf("config reload not supported for %s", name)
		}
	default:
		return fmt.Errorf("config reload not supported for %s", name)
	}
	return fmt.Errorf("config reload not supported for %s: old=%v, new=%v", name, old.Interface(), next.Interface())
}

// public are the texts among the fields that may be shown when they cannot change.
var public = map[string]bool{
	"ServerName": true, "Host": true, "HTTPHost": true, "HTTPBasePath": true, "SystemAccount": true,
}

// ignored are the fields that say nothing about what a server does.
var ignored = map[string]bool{
	"ConfigFile": true, "ConfigDigest": true, "ConfigWarnings": true, "CheckConfig": true, "Signal": true,
	"NoSigs": true, "NoLog": true,
}

// describer tells in a log line what a field has become.
type describer func(old, next *options.Options) string

// fixed describes a change without its value.
func fixed(text string) describer { return func(_, _ *options.Options) string { return text } }

// value describes a change as "name = value".
func value[T any](name string, get func(*options.Options) T) describer {
	return func(_, next *options.Options) string { return fmt.Sprintf("%s = %v", name, get(next)) }
}

// table are the fields that can change while the server runs.
var table = map[string]describer{
	"Debug":           value("debug", func(o *options.Options) bool { return o.Debug }),
	"Trace":           value("trace", func(o *options.Options) bool { return o.Trace }),
	"TraceVerbose":    value("trace_verbose", func(o *options.Options) bool { return o.TraceVerbose }),
	"TraceHeaders":    value("trace_headers", func(o *options.Options) bool { return o.TraceHeaders }),
	"Logtime":         value("logtime", func(o *options.Options) bool { return o.Logtime }),
	"LogtimeUTC":      value("logtime_utc", func(o *options.Options) bool { return o.LogtimeUTC }),
	"LogFile":         value("log_file", func(o *options.Options) string { return o.LogFile }),
	"LogSizeLimit":    value("logfile_size_limit", func(o *options.Options) int64 { return o.LogSizeLimit }),
	"LogMaxFiles":     value("logfile_max_num", func(o *options.Options) int64 { return o.LogMaxFiles }),
	"Syslog":          value("syslog", func(o *options.Options) bool { return o.Syslog }),
	"RemoteSyslog":    value("remote_syslog", func(o *options.Options) string { return o.RemoteSyslog }),
	"MaxTracedMsgLen": value("max_traced_msg_len", func(o *options.Options) int { return o.MaxTracedMsgLen }),

	"PidFile":       value("pid_file", func(o *options.Options) string { return o.PidFile }),
	"PortsFileDir":  value("ports_file_dir", func(o *options.Options) string { return o.PortsFileDir }),
	"ProfBlockRate": value("prof_block_rate", func(o *options.Options) int { return o.ProfBlockRate }),

	"MaxConn":             value("max_connections", func(o *options.Options) int { return o.MaxConn }),
	"MaxControlLine":      value("max_control_line", func(o *options.Options) int32 { return o.MaxControlLine }),
	"MaxPayload":          value("max_payload", func(o *options.Options) int32 { return o.MaxPayload }),
	"MaxPending":          value("max_pending", func(o *options.Options) int64 { return o.MaxPending }),
	"PingInterval":        value("ping_interval", func(o *options.Options) any { return o.PingInterval }),
	"MaxPingsOut":         value("ping_max", func(o *options.Options) int { return o.MaxPingsOut }),
	"WriteDeadline":       value("write_deadline", func(o *options.Options) any { return o.WriteDeadline }),
	"WriteTimeout":        value("write_timeout", func(o *options.Options) any { return o.WriteTimeout }),
	"LameDuckDuration":    value("lame_duck_duration", func(o *options.Options) any { return o.LameDuckDuration }),
	"LameDuckGracePeriod": value("lame_duck_grace_period", func(o *options.Options) any { return o.LameDuckGracePeriod }),
	"NoFastProducerStall": func(_, next *options.Options) string {
		if next.NoFastProducerStall {
			return "fast producers will not be stalled"
		}
		return "fast producers will be stalled"
	},

	"ClientAdvertise": value("client_advertise", func(o *options.Options) string { return o.ClientAdvertise }),
	"Tags":            fixed("tags"),
	"Metadata":        fixed("metadata"),

	"Username":      fixed("authorization username"),
	"Password":      fixed("authorization password"),
	"Authorization": fixed("authorization token"),
	"AuthTimeout":   value("authorization timeout", func(o *options.Options) float64 { return o.AuthTimeout }),
	"Users":         fixed("authorization users"),
	"Nkeys":         fixed("authorization nkey users"),
	"Accounts":      fixed("accounts"),
	// An empty block matters too: it ends anonymous access beside a system user.
	"HasAuthorizationBlock": fixed("authorization"),
	"Mappings":              fixed("mappings"),
	"NoAuthUser":            value("no_auth_user", func(o *options.Options) string { return o.NoAuthUser }),
	"ProxyRequired":         value("proxy_required", func(o *options.Options) bool { return o.ProxyRequired }),
	"TrustedProxies":        describeProxies,
	"TLSPinnedCerts":        func(_, next *options.Options) string { return fmt.Sprintf("%d pinned_certs", len(next.TLSPinnedCerts)) },
	"TLSTimeout":            value("tls timeout", func(o *options.Options) float64 { return o.TLSTimeout }),
	"TLSRateLimit":          value("tls connection_rate_limit", func(o *options.Options) int64 { return o.TLSRateLimit }),
	"AllowNonTLS":           value("allow_non_tls", func(o *options.Options) bool { return o.AllowNonTLS }),
	"TLS":                   describeTLS,
	"TLSVerify":             describeTLS,
	"TLSMap":                describeTLS,
	"TLSCert":               describeTLS,
	"TLSKey":                describeTLS,
	"TLSCaCert":             describeTLS,
	"TLSConfig":             describeTLS,

	"DefaultSentinel":          fixed("default_sentinel"),
	"ResolverPreloads":         fixed("accounts"),
	"ResolverPinnedAccounts":   fixed("pinned accounts"),
	"AccountResolverTLSConfig": fixed("account resolver tls"),

	"OCSPConfig":      fixed("OCSP"),
	"OCSPCacheConfig": fixed("OCSP peer cache"),
	"TLSOCSPPeer":     describeTLS,

	"TLSHandshakeFirst": func(_, next *options.Options) string {
		return fmt.Sprintf("Client TLS handshake first: %v", next.TLSHandshakeFirst)
	},
	"TLSHandshakeFirstFallback": func(_, next *options.Options) string {
		return fmt.Sprintf("Client TLS handshake first fallback delay: %v", next.TLSHandshakeFirstFallback)
	},
}

func describeTLS(_, next *options.Options) string {
	if next.TLSConfig == nil {
		return "tls = disabled"
	}
	return "tls = enabled"
}

func describeProxies(old, next *options.Options) string {
	was, is := make(map[string]bool), make(map[string]bool)
	for _, key := range old.TrustedProxies {
		was[key] = true
	}
	for _, key := range next.TrustedProxies {
		is[key] = true
		delete(was, key)
	}
	for _, key := range old.TrustedProxies {
		delete(is, key)
	}
	return fmt.Sprintf("proxies trusted keys %q were removed, %q were added",
		slices.Sorted(maps.Keys(was)), slices.Sorted(maps.Keys(is)))
}
