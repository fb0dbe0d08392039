package reload

import (
	"crypto/tls"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/options"
)

// defaults are the options of a server without a configuration.
func defaults() *options.Options {
	o := &options.Options{}
	o.SetDefaults()
	return o
}

// alter makes a field another one, with a secret wherever there is room for it. It
// reports false for types that it does not know.
func alter(v reflect.Value, secret string) bool {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(v.Int() + 77)
	case reflect.Uint8:
		v.SetUint(v.Uint() + 77)
	case reflect.Float64:
		v.SetFloat(v.Float() + 77)
	case reflect.String:
		v.SetString(secret)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if v.Type() != reflect.TypeFor[*tls.Config]() {
			return alter(v.Elem(), secret)
		}
		v.Interface().(*tls.Config).MinVersion = 77
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		return alter(v.Index(0), secret)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		v.Set(reflect.MakeMap(v.Type()))
		done := alter(key, secret) && alter(value, secret)
		v.SetMapIndex(key, value)
		return done
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() && (f.Kind() == reflect.String || f.Kind() == reflect.Bool) {
				alter(f, secret)
			}
		}
	case reflect.Interface:
		if v.Type() == reflect.TypeFor[options.Authenticator]() {
			v.Set(reflect.ValueOf(embedder{}))
			return true
		}
		if v.Type() == reflect.TypeFor[error]() {
			v.Set(reflect.ValueOf(fmt.Errorf("%s", secret)))
			return true
		}
		return false
	default:
		return false
	}
	return true
}

type embedder struct{}

func (embedder) Check(options.ClientAuthentication) bool { return true }

// shown are the texts that the log may tell: names and places, no secrets.
var shown = []string{"LogFile", "RemoteSyslog", "PidFile", "PortsFileDir", "ClientAdvertise", "NoAuthUser", "TrustedProxies"}

// Every field is one of three things: it can change and has a line for the log, it
// does not matter, or it is refused by its name. Nothing secret is ever shown.
func TestEveryField(t *testing.T) {
	const secret = "S3CR3T"
	names := make(map[string]bool)
	for i := range reflect.TypeFor[options.Options]().NumField() {
		field := reflect.TypeFor[options.Options]().Field(i)
		if !field.IsExported() {
			continue
		}
		names[field.Name] = true
		t.Run(field.Name, func(t *testing.T) {
			old, next := defaults(), defaults()
			if !alter(reflect.ValueOf(next).Elem().Field(i), secret) {
				t.Fatalf("the test does not know how to change a %v", field.Type)
			}
			changes, err := Compare(old, next)
			live := table[field.Name] != nil || field.Name == "Websocket"
			text := ""
			switch {
			case ignored[field.Name]:
				if err != nil || len(changes) != 0 {
					t.Errorf("got %v, %v, want nothing", changes, err)
				}
			case live && err == nil:
				if len(changes) != 1 || changes[0].Field != field.Name || strings.TrimSpace(changes[0].Text) == "" ||
					!changes.Has("other", field.Name) || changes.Has("other") {
					t.Fatalf("got %v", changes)
				}
				text = changes[0].Text
			default:
				want := "config reload not supported for " + field.Name
				if field.Name == "AccountResolver" {
					want = "config reload does not support moving to or from an account resolver"
				}
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Fatalf("got %v, %v, want a refusal", changes, err)
				}
				text = err.Error()
			}
			if strings.Contains(text, secret) && !public[field.Name] && !slices.Contains(shown, field.Name) {
				t.Errorf("%q shows what may be a secret", text)
			}
			if again, err := Compare(next, next); err != nil || len(again) != 0 {
				t.Errorf("compared with itself: %v, %v", again, err)
			}
		})
	}
	for _, list := range []map[string]bool{ignored, codeOnly, public, keys(table)} {
		for name := range list {
			if !names[name] {
				t.Errorf("there is no field %s", name)
			}
		}
	}
	for name := range table {
		if ignored[name] || public[name] {
			t.Errorf("%s can change, and yet it cannot", name)
		}
	}
}

func keys(table map[string]describer) map[string]bool {
	names := make(map[string]bool)
	for name := range table {
		names[name] = true
	}
	return names
}

// A copy is no change, whatever the fields are.
func TestCompareWithCopy(t *testing.T) {
	o := defaults()
	v := reflect.ValueOf(o).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			alter(v.Field(i), "x")
		}
	}
	if changes, err := Compare(o, o.Clone()); err != nil || len(changes) != 0 {
		t.Errorf("got %v, %v", changes, err)
	}
}

func TestTexts(t *testing.T) {
	for want, change := range map[string]func(*options.Options){
		"debug = true":                       func(o *options.Options) { o.Debug = true },
		"trace_verbose = true":               func(o *options.Options) { o.TraceVerbose = true },
		"log_file = /a/b":                    func(o *options.Options) { o.LogFile = "/a/b" },
		"logfile_size_limit = 7":             func(o *options.Options) { o.LogSizeLimit = 7 },
		"pid_file = /a/b":                    func(o *options.Options) { o.PidFile = "/a/b" },
		"max_connections = -1":               func(o *options.Options) { o.MaxConn = -1 },
		"max_control_line = 512":             func(o *options.Options) { o.MaxControlLine = 512 },
		"ping_interval = 5s":                 func(o *options.Options) { o.PingInterval = 5 * time.Second },
		"ping_max = 1":                       func(o *options.Options) { o.MaxPingsOut = 1 },
		"write_deadline = 3s":                func(o *options.Options) { o.WriteDeadline = 3 * time.Second },
		"write_timeout = close":              func(o *options.Options) { o.WriteTimeout = options.WriteTimeoutClose },
		"fast producers will not be stalled": func(o *options.Options) { o.NoFastProducerStall = true },
		"client_advertise = me:1":            func(o *options.Options) { o.ClientAdvertise = "me:1" },
		"tags":                               func(o *options.Options) { o.Tags = []string{"x"} },
		"metadata":                           func(o *options.Options) { o.Metadata = map[string]string{"a": "b"} },
		"authorization password":             func(o *options.Options) { o.Password = "x" },
		"authorization token":                func(o *options.Options) { o.Authorization = "x" },
		"authorization timeout = 3.5":        func(o *options.Options) { o.AuthTimeout = 3.5 },
		"authorization users":                func(o *options.Options) { o.Users = []*options.User{{Username: "a"}} },
		"authorization nkey users":           func(o *options.Options) { o.Nkeys = []*options.NkeyUser{{Nkey: "a"}} },
		"accounts":                           func(o *options.Options) { o.Accounts = []*options.Account{{Name: "a"}} },
		"tls = enabled":                      func(o *options.Options) { o.TLSConfig = &tls.Config{} },
		"1 pinned_certs":                     func(o *options.Options) { o.TLSPinnedCerts = options.PinnedCertSet{"a": {}} },
		"Client TLS handshake first: true":   func(o *options.Options) { o.TLSHandshakeFirst = true },
		"prof_block_rate = 9":                func(o *options.Options) { o.ProfBlockRate = 9 },
		`proxies trusted keys [] were removed, ["a" "b"] were added`: func(o *options.Options) { o.TrustedProxies = []string{"b", "a"} },
	} {
		next := defaults()
		change(next)
		changes, err := Compare(defaults(), next)
		if err != nil || len(changes) != 1 || changes[0].Text != want {
			t.Errorf("got %v, %v, want %q", changes, err, want)
		}
	}
	old := defaults()
	old.NoFastProducerStall, old.TLSConfig, old.TrustedProxies = true, &tls.Config{}, []string{"a", "b"}
	next := defaults()
	next.TrustedProxies = []string{"b", "c"}
	changes, err := Compare(old, next)
	want := []string{
		"fast producers will be stalled", `proxies trusted keys ["a"] were removed, ["c"] were added`, "tls = disabled",
	}
	if err != nil || !slices.Equal(changes.Texts(), want) {
		t.Errorf("got %q, %v, want %q", changes.Texts(), err, want)
	}
}

// Fields that make up one thing are one line.
func TestTextsOnce(t *testing.T) {
	next := defaults()
	next.TLS, next.TLSCert, next.TLSKey, next.TLSVerify, next.TLSConfig = true, "a", "b", true, &tls.Config{}
	changes, err := Compare(defaults(), next)
	if err != nil || len(changes) != 5 || !slices.Equal(changes.Texts(), []string{"tls = enabled"}) {
		t.Errorf("got %v, %v", changes, err)
	}
}

func TestRefusals(t *testing.T) {
	for want, change := range map[string]func(*options.Options){
		"Port: old=4222, new=5":                func(o *options.Options) { o.Port = 5 },
		"Host: old=0.0.0.0, new=::":            func(o *options.Options) { o.Host = "::" },
		"ServerName: old=, new=n":              func(o *options.Options) { o.ServerName = "n" },
		"MaxSubs: old=0, new=5":                func(o *options.Options) { o.MaxSubs = 5 },
		"MaxSubTokens: old=0, new=5":           func(o *options.Options) { o.MaxSubTokens = 5 },
		"HTTPPort: old=0, new=5":               func(o *options.Options) { o.HTTPPort = 5 },
		"SystemAccount: old=, new=S":           func(o *options.Options) { o.SystemAccount = "S" },
		"NoSystemAccount: old=false, new=true": func(o *options.Options) { o.NoSystemAccount = true },
		"NoHeaderSupport: old=false, new=true": func(o *options.Options) { o.NoHeaderSupport = true },
		"ProxyProtocol: old=false, new=true":   func(o *options.Options) { o.ProxyProtocol = true },
		"AuthCallout":                          func(o *options.Options) { o.AuthCallout = &options.AuthCallout{} },
		"TrustedKeys":                          func(o *options.Options) { o.TrustedKeys = []string{"K"} },
		"CustomClientAuthentication":           func(o *options.Options) { o.CustomClientAuthentication = embedder{} },
	} {
		next := defaults()
		change(next)
		_, err := Compare(defaults(), next)
		if err == nil || err.Error() != "config reload not supported for "+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	// Written or not, it is the same system account.
	next := defaults()
	next.SystemAccount = options.SystemAccount
	if changes, err := Compare(defaults(), next); err != nil || len(changes) != 0 {
		t.Errorf("got %v, %v", changes, err)
	}
}

func TestKeep(t *testing.T) {
	old, next := defaults(), defaults()
	old.CustomClientAuthentication, old.NoSigs, old.DisableShortFirstPing, old.DontListen = embedder{}, true, true, true
	old.AlwaysEnableNonce, old.NoLog, old.Port = true, true, 5555
	next.Port, next.MaxPayload = options.RandomPort, 7
	Keep(old, next)
	if changes, err := Compare(old, next); err != nil || len(changes) != 1 || changes[0].Text != "max_payload = 7" {
		t.Errorf("got %v, %v", changes, err)
	}
	next.Port = 4444
	Keep(old, next)
	if _, err := Compare(old, next); err == nil {
		t.Error("the port can change")
	}
}
