package options

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var ignorePrivate = cmpopts.IgnoreUnexported(Options{})

func TestEveryKeyOfTheTopLevelFillsItsField(t *testing.T) {
	text := `
server_name: testing_server
server_metadata { key1: value1, key2: value2 }
server_tags: [a, b]
listen: 127.0.0.1:4242
client_advertise: "example.com:1"
http: 8222
http_base_path: /nats
authorization { user: derek, password: porkchop, timeout: 1 }
debug: false
trace: true
trace_headers: true
logtime: false
logtime_utc: true
log_file: /tmp/x.log
log_size_limit: 1MB
log_max_num: 3
syslog: true
remote_syslog: "udp://foo.com:33"
max_traced_msg_len: 80
pid_file: "/tmp/x.pid"
ports_file_dir: /tmp
prof_port: 6543
prof_block_rate: 7
max_connections: 100
max_subscriptions: 1000
max_sub_tokens: 8
max_pending: 10000000
max_control_line: 2048
max_payload: 65536
max_closed_clients: 5
ping_interval: "60s"
ping_max: 3
write_deadline: "3s"
write_timeout: retry
lame_duck_duration: "4m"
lame_duck_grace_period: "15s"
proxy_protocol: true
allow_non_tls: true
no_auth_user: derek
system_account: S
no_header_support: true
disable_sublist_cache: true
no_fast_producer_stall: true
proxies { trusted: [{ key: "` + userKey1 + `" }] }
`
	want := &Options{
		ServerName: "testing_server", Metadata: map[string]string{"key1": "value1", "key2": "value2"},
		Tags: []string{"a", "b"}, Host: "127.0.0.1", Port: 4242, ClientAdvertise: "example.com:1",
		HTTPPort: 8222, HTTPBasePath: "/nats", Username: "derek", Password: "porkchop", AuthTimeout: 1,
		HasAuthorizationBlock: true, Trace: true, TraceHeaders: true, LogtimeUTC: true, LogFile: "/tmp/x.log",
		LogSizeLimit: 1 << 20, LogMaxFiles: 3, Syslog: true, RemoteSyslog: "udp://foo.com:33", MaxTracedMsgLen: 80,
		PidFile: "/tmp/x.pid", PortsFileDir: "/tmp", ProfPort: 6543, ProfBlockRate: 7, MaxConn: 100, MaxSubs: 1000,
		MaxSubTokens: 8, MaxPending: 10000000, MaxControlLine: 2048, MaxPayload: 65536, MaxClosedClients: 5,
		PingInterval: time.Minute, MaxPingsOut: 3, WriteDeadline: 3 * time.Second, WriteTimeout: WriteTimeoutRetry,
		LameDuckDuration: 4 * time.Minute, LameDuckGracePeriod: 15 * time.Second, ProxyProtocol: true,
		AllowNonTLS: true, NoAuthUser: "derek", SystemAccount: "S", NoHeaderSupport: true, NoSublistCache: true,
		NoFastProducerStall: true, TrustedProxies: []string{userKey1},
	}
	got := read(t, text)
	if !strings.HasPrefix(got.ConfigDigest, "sha256:") || len(got.ConfigDigest) != 71 {
		t.Errorf("digest %q", got.ConfigDigest)
	}
	got.ConfigDigest = ""
	if diff := cmp.Diff(want, got, ignorePrivate); diff != "" {
		t.Error(diff)
	}
}

// Go: TestMaxClosedClients server/opts_test.go:1344
// Go: TestSublistNoCacheConfig server/opts_test.go:2688
func TestAliasesMeanTheSame(t *testing.T) {
	for _, group := range [][]string{
		{"host: h", "net: h", "HOST: h"},
		{"max_connections: 7", "max_conn: 7"},
		{"max_subscriptions: 7", "max_subs: 7"},
		{"max_subscription_tokens: 7", "max_sub_tokens: 7"},
		{"http_port: 7", "monitor_port: 7", "http: 7", "http: ':7'"},
		{"https_port: 7", "https: 7"},
		{"pidfile: p", "pid_file: p"},
		{"logfile: p", "log_file: p"},
		{"logfile_size_limit: 7", "log_size_limit: 7"},
		{"logfile_max_num: 7", "log_max_num: 7"},
		{"system_account: s", "system: s"},
		{"no_system_account: yes", "no_system: true", "no_sys_acc: on"},
		{"disable_sublist_cache: true", "no_sublist_cache: true"},
		{"server_tags: x", "server_tags: [x]"},
	} {
		first := read(t, group[0])
		if cmp.Equal(first, read(t, "server_name: ''"), ignorePrivate, cmpopts.IgnoreFields(Options{}, "ConfigDigest")) {
			t.Errorf("%q changes nothing", group[0])
		}
		for _, text := range group[1:] {
			if diff := cmp.Diff(first, read(t, text), ignorePrivate, cmpopts.IgnoreFields(Options{}, "ConfigDigest")); diff != "" {
				t.Errorf("%q is not %q:\n%s", text, group[0], diff)
			}
		}
	}
	if o := read(t, "max_closed_clients: 5"); o.MaxClosedClients != 5 {
		t.Errorf("max_closed_clients %d", o.MaxClosedClients)
	}
	if o := read(t, "disable_sublist_cache: true"); !o.NoSublistCache {
		t.Error("the cache is not disabled")
	}
}

// Go: TestDynamicPortOnListen server/opts_test.go:445
// Go: TestListenPortOnlyConfig server/opts_test.go:511
// Go: TestListenPortWithColonConfig server/opts_test.go:531
// Go: TestListenMonitoringDefault server/opts_test.go:551
func TestListenAddresses(t *testing.T) {
	type place struct {
		host, httpHost        string
		port, httpPort, httpS int
	}
	for text, want := range map[string]place{
		"listen: 10.0.1.22:-1\nhttp: -1\nhttps: :-1": {"10.0.1.22", "10.0.1.22", -1, -1, -1},
		"listen: 8922":  {DefaultHost, DefaultHost, 8922, 0, 0},
		"listen: :8922": {DefaultHost, DefaultHost, 8922, 0, 0},
		"listen: 10.0.1.22:4422\nhttp: 127.0.0.1:8422\nhttps: 127.0.0.1:9443": {"10.0.1.22", "127.0.0.1", 4422, 8422, 9443},
		"host: 10.0.1.22":       {"10.0.1.22", "10.0.1.22", DefaultPort, 0, 0},
		"listen: '[::1]:65535'": {"::1", "::1", 65535, 0, 0},
		"port: 0":               {DefaultHost, DefaultHost, DefaultPort, 0, 0},
	} {
		o := read(t, text)
		o.SetDefaults()
		if got := (place{o.Host, o.HTTPHost, o.Port, o.HTTPPort, o.HTTPSPort}); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

// Go: TestMalformedListenAddress server/opts_test.go:1318
func TestMalformedListenAddresses(t *testing.T) {
	for _, key := range []string{"listen", "http", "https"} {
		refuse(t, key+": 10.0.1.22:foo", `could not parse port "foo"`)
		refuse(t, key+": xxxxxxxx", `could not parse address string "xxxxxxxx"`)
		refuse(t, key+": true", "expected port or host:port, got bool")
		refuse(t, key+": [1]", "expected port or host:port, got []interface {}")
		refuse(t, key+": 65536", "must be between -1 and 65535")
		refuse(t, key+": 'h:-2'", "must be between -1 and 65535")
	}
}

// Go: TestPanic server/opts_test.go:1332
func TestWrongTypesAreReportedAtTheirKey(t *testing.T) {
	for text, want := range map[string]string{
		`port: "this_string_trips_a_panic"`: ":1:0: interface conversion: interface {} is string, not int64",
		"\nhost: 1234":                      ":2:1: interface conversion: interface {} is int64, not string",
		"debug: 1":                          "interface {} is int64, not bool",
		"max_payload: 1.5":                  "interface {} is float64, not int64",
		"server_name: {a: 1}":               "interface {} is map[string]interface {}, not string",
		"pid_file: [a]":                     "interface {} is []interface {}, not string",
		"server_metadata: 3":                "got 3",
		"server_metadata: {a: 3}":           "interface {} is int64, not string",
		"server_tags: 3":                    "unsupported type int64",
		"server_tags: [3]":                  "unsupported type in array int64",
		"feature_flags: 3":                  "got 3",
		"feature_flags: {x: 3}":             `feature flag "x": expected bool, got int64`,
		"authorization: 3":                  "got 3",
		"accounts: 3":                       "unsupported type int64",
		"tls: 3":                            "got 3",
	} {
		refuse(t, text, want)
	}
}

// Go: TestEmptyConfig server/opts_test.go:1306
func TestNoFileGivesEmptyOptions(t *testing.T) {
	o, err := ProcessConfigFile("")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&Options{}, o, ignorePrivate); diff != "" {
		t.Error(diff)
	}
	if _, err := ProcessConfigFile(filepath.Join(t.TempDir(), "none.conf")); err == nil {
		t.Error("a missing file is accepted")
	}
}

func TestFilesWithoutValuesAreWarnedAbout(t *testing.T) {
	for _, text := range []string{"", "# Valid file but has no usable values.\n   "} {
		path := write(t, "empty.conf", text)
		o, err := ProcessConfigFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(o.ConfigWarnings) != 1 || o.ConfigWarnings[0].Error() != path+": config has no values or is empty" {
			t.Errorf("%q: %v", text, o.ConfigWarnings)
		}
	}
}

// Go: TestOptionsProcessConfigFile server/opts_test.go:1384
func TestFileIsReadOverFieldsThatAreSet(t *testing.T) {
	path := write(t, "x.conf", "debug: false\ntrace: true\n")
	o := &Options{Debug: true, LogFile: "test.log"}
	if err := o.ProcessConfigFile(path); err != nil {
		t.Fatal(err)
	}
	if o.ConfigFile != path || o.Debug || !o.Trace || o.LogFile != "test.log" {
		t.Errorf("%+v", o)
	}
}

// Go: TestLargeMaxControlLine server/opts_test.go:2617
func TestNumbersOutOfRange(t *testing.T) {
	for _, text := range []string{
		"max_control_line = 3000000000", "max_payload = 3000000000", "max_sub_tokens: 256", "max_sub_tokens: 1000",
		"max_sub_tokens: -1", "ping_interval: 9223372036854775807", "write_deadline: -9223372036854775807",
		"authorization { timeout: 9000000000000000 }", "authorization { timeout: -1 }", "prof_port: 65536", "http_port: -2",
	} {
		refuse(t, text, "")
	}
	if o := read(t, "max_connections: 0"); o.MaxConn != -1 {
		t.Errorf("max_connections 0 gives %d, which is not nobody", o.MaxConn)
	}
}

// Go: TestParseWriteDeadline server/opts_test.go:1191
// Go: TestPingIntervalNew server/opts_test.go:1373
func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`ping_interval: "5m"`: 5 * time.Minute, "ping_interval: 5": 5 * time.Second, "ping_interval: 10s": 10 * time.Second,
	} {
		if o := read(t, text); o.PingInterval != want {
			t.Errorf("%s: %v", text, o.PingInterval)
		}
	}
	for text, want := range map[string]time.Duration{
		`write_deadline: "1s"`: time.Second, "write_deadline: 2": 2 * time.Second, "write_deadline: 8s": 8 * time.Second,
	} {
		if o := read(t, text); o.WriteDeadline != want {
			t.Errorf("%s: %v", text, o.WriteDeadline)
		}
	}
	refuse(t, `write_deadline: "1x"`, `error parsing write_deadline: time: unknown unit "x" in duration "1x"`)
	refuse(t, "ping_interval: true", "interface conversion: interface {} is bool")
	if w := read(t, `ping_interval: "5m"`).ConfigWarnings; len(w) != 0 {
		t.Errorf("warnings %v", w)
	}
	w := read(t, "\n  write_deadline = 100").ConfigWarnings
	if len(w) != 1 || w[0].Error() != `:2:3: invalid use of field "write_deadline": write_deadline should be converted to a duration` {
		t.Errorf("warnings %v", w)
	}
}

func TestWriteTimeoutPolicies(t *testing.T) {
	for _, p := range []WriteTimeoutPolicy{WriteTimeoutDefault, WriteTimeoutClose, WriteTimeoutRetry} {
		if o := read(t, "write_timeout: "+p.String()); o.WriteTimeout != p {
			t.Errorf("%s gives %s", p, o.WriteTimeout)
		}
	}
	refuse(t, "write_timeout: never", "write_timeout")
}

func TestLameDuckTimes(t *testing.T) {
	for text, want := range map[string]string{
		"\n    lame_duck_duration: abc":       `:2:5: error parsing lame_duck_duration: time: invalid duration "abc"`,
		"\n    lame_duck_duration: '5s'":      ":2:5: invalid lame_duck_duration of 5s, minimum is 30 seconds",
		"\n    lame_duck_grace_period: abc":   `:2:5: error parsing lame_duck_grace_period: time: invalid duration "abc"`,
		"\n    lame_duck_grace_period: '-5s'": ":2:5: invalid lame_duck_grace_period, needs to be positive",
		"foo: 1\nlame_duck_duration: '5s'":    "minimum is 30 seconds",
	} {
		refuse(t, text, want)
	}
}

func TestServerNameHasNoSpaces(t *testing.T) {
	refuse(t, "server_name: 'a b'", ":1:0: server name cannot contain spaces")
}

func TestUnknownFields(t *testing.T) {
	for text, want := range map[string]string{
		"\n    monitor = '127.0.0.1:4442'":              `:2:5: unknown field "monitor"`,
		"\n  \"default_permissions\" { sub: a }":        `:2:4: unknown field "default_permissions"`,
		"port: 1234\nstreaming {\n  id: \"me\"\n}":      `:2:1: unknown field "streaming"`,
		"authorization = {\n  foo = bar\n}":             `:2:3: unknown field "foo"`,
		"authorization {\n users [{user: a\n x: 1}]\n}": `:3:2: unknown field "x"`,
		"accounts {\n A {\n  x: 1\n }\n}":               `:3:3: unknown field "x"`,
		"tls = {\n  hello = world\n}":                   `:2:3: error parsing tls config, unknown field "hello"`,
		"proxies: {\n field1: 123 }":                    `:2:2: unknown field "field1"`,
		"proxies: {trusted: [{\n field1: 123 }]}":       `:2:2: unknown field "field1"`,
		"unused = 1\nused = 2\nport = $used":            `:1:0: unknown field "unused"`,
	} {
		refuse(t, text, want)
	}
	if o := read(t, "monitoring_port = 8222\nhttp_port = $monitoring_port"); o.HTTPPort != 8222 {
		t.Errorf("http port %d", o.HTTPPort)
	}
}

// Go: TestConfigCheckIncludes server/config_check_test.go:2566
func TestErrorsOfIncludedFilesNameThem(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.conf":   "\nport = 4222\ninclude \"b.conf\"\nhttp_port = $monitoring_port\n",
		"b.conf":   "\nmonitoring_port = 8222\ninclude \"c.conf\"\n",
		"c.conf":   "authorization {\n  user = foo\n  pass = bar\n}\n",
		"bad.conf": "\nport = 4222\ninclude \"b2.conf\"\n# http_port = $monitoring_port\n",
		"b2.conf":  "\n\n\n                  monitoring_port = 8222\ninclude \"c.conf\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o, err := ProcessConfigFile(filepath.Join(dir, "a.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if o.HTTPPort != 8222 || o.Username != "foo" || o.Password != "bar" {
		t.Errorf("%+v", o)
	}
	_, err = ProcessConfigFile(filepath.Join(dir, "bad.conf"))
	if want := filepath.Join(dir, "b2.conf") + `:4:19: unknown field "monitoring_port"`; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func TestAllErrorsOfAFileAreReportedTogether(t *testing.T) {
	path := write(t, "bad.conf", `
authorization {
  user = foo
  pass = bar
  token = quux
}
monitoring = 8222
write_deadline = 5
accounts {
  synadia {
    nkey = "OC5GRL36RQV7MJ2GT6WQSCKDKJKYTK4T2LGLWJ2SEJKRDHFOQQWGGFQL"
    users [
      {
        nkey = "OCARKS2E3KVB7YORL2DG34XLT7PUCOL2SVM7YXV6ETHLW6Z46UUJ2VZ3"
      }
    ]
  }
}
cluster {
  port: 6222
}
`)
	_, err := ProcessConfigFile(path)
	all := faults(t, err)
	if len(all.Warnings) != 1 || len(all.Errors) < 5 {
		t.Errorf("%d warnings, %d errors", len(all.Warnings), len(all.Errors))
	}
	if want := path + `:8:1: invalid use of field "write_deadline": write_deadline should be converted to a duration`; all.Warnings[0].Error() != want {
		t.Errorf("%v\nwant %s", all.Warnings, want)
	}
	lines := strings.Split(err.Error(), "\n")
	for _, want := range []string{
		`:2:1: Cannot have a user/pass and token`,
		`:7:1: unknown field "monitoring"`,
		`:11:5: Not a valid public nkey for an account: "OC5GRL36RQV7MJ2GT6WQSCKDKJKYTK4T2LGLWJ2SEJKRDHFOQQWGGFQL"`,
		`:14:9: Not a valid public nkey for a user`,
		`:19:1: "cluster" is not supported yet`,
	} {
		found := false
		for _, line := range lines {
			found = found || line == path+want
		}
		if !found {
			t.Errorf("no line %s in\n%v", want, err)
		}
	}
}

// Go: TestVarReferencesVar server/opts_test.go:4291
// Go: TestVarReferencesEnvVar server/opts_test.go:4308
// Go: TestEnvVarReferencesEnvVar server/opts_test.go:4357
func TestVariablesReferToOthers(t *testing.T) {
	t.Setenv("_TEST_PORT_A_", "$_TEST_PORT_B_")
	t.Setenv("_TEST_PORT_B_", "$_TEST_PORT_C_")
	t.Setenv("_TEST_PORT_C_", "7890")
	for _, text := range []string{
		"A: 7890\nB: $A\nC: $B\nport: $C", "A: $_TEST_PORT_C_\nB: $A\nC: $B\nport: $C", "port: $_TEST_PORT_A_",
	} {
		if o := read(t, text); o.Port != 7890 {
			t.Errorf("%q: port %d", text, o.Port)
		}
	}
}

// Go: TestVarReferencesSelf server/opts_test.go:4328
// Go: TestEnvVarReferencesVar server/opts_test.go:4339
// Go: TestEnvVarReferencesSelf server/opts_test.go:4380
// Go: TestEnvVarReferencesSelfCycle server/opts_test.go:4397
func TestVariablesThatEndNowhere(t *testing.T) {
	t.Setenv("_TEST_P_", "$P")
	t.Setenv("_TEST_SELF_", "$_TEST_SELF_")
	t.Setenv("_TEST_A_", "$_TEST_B_")
	t.Setenv("_TEST_B_", "$_TEST_C_")
	t.Setenv("_TEST_C_", "$_TEST_A_")
	t.Setenv("_TEST_INCLUDE_", "include x")
	refuse(t, "A: $A", "variable reference for 'A' on line 1 can not be found")
	refuse(t, "P: 8080\nport: $_TEST_P_", "variable reference for 'P' on line 1 can not be found")
	refuse(t, "TEST: $_TEST_SELF_", "variable reference cycle")
	refuse(t, "TEST: $_TEST_A_", "variable reference cycle")
	refuse(t, "TEST: $_TEST_INCLUDE_", "")
}

// Go: TestEnvVarFromIncludedFile server/opts_test.go:4434
func TestVariableOfAnIncludedFile(t *testing.T) {
	t.Setenv("_TEST_PORT_A_", "$_TEST_PORT_B_")
	t.Setenv("_TEST_PORT_B_", "7890")
	included := write(t, "included.conf", "TEST_PORT: $_TEST_PORT_A_\n")
	main := filepath.Join(filepath.Dir(included), "main.conf")
	if err := os.WriteFile(main, []byte("include \"./included.conf\"\nport: $TEST_PORT\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := ProcessConfigFile(main)
	if err != nil {
		t.Fatal(err)
	}
	if o.Port != 7890 {
		t.Errorf("port %d", o.Port)
	}
}

func TestWhatIsNotCarriedOutIsRefused(t *testing.T) {
	for key := range unsupportedKeys {
		refuse(t, "\n "+key+": something", `:2:2: "`+key+`" is not supported yet`)
		refuse(t, key+" { x: 1 }", "is not supported yet")
	}
	for _, text := range []string{
		"jetstream { domain: x }", "jetstream { key: x }", "jetstream { limits { max_ack_pending: 1 } }",
		"accounts { A { jetstream: enabled } }",
	} {
		refuse(t, text, "is not supported yet")
	}
	for _, text := range []string{
		"jetstream: false", "jetstream: disabled", "jetstream {}", "jetstream { enabled: false }", "jetstream { disabled: true }",
		"cluster {}", "ocsp: false", "accounts { A { exports: [], imports: [], jetstream: false } }",
	} {
		read(t, text)
	}
}

func TestFeatureFlags(t *testing.T) {
	o := read(t, "feature_flags { feature: false, fix: true }")
	if len(o.ConfigWarnings) != 2 || !strings.Contains(o.ConfigWarnings[0].Error(), `:1:16: unknown feature flag "feature"`) {
		t.Errorf("warnings %v", o.ConfigWarnings)
	}
	for name, standard := range KnownFeatureFlags() {
		text := map[bool]string{true: "true", false: "false"}
		if o := read(t, "feature_flags { "+name+": "+text[standard]+" }"); len(o.ConfigWarnings) != 0 {
			t.Errorf("%s: %v", name, o.ConfigWarnings)
		}
		refuse(t, "feature_flags { "+name+": "+text[!standard]+" }", `"`+name+`" is not supported yet`)
	}
}

func TestProxies(t *testing.T) {
	for text, want := range map[string]string{
		"\n proxies: 123":                                               ":2:2: expected proxies to be a map/struct, got int64",
		"proxies: {\n trusted: 123 }":                                   ":2:2: expected proxies' trusted field to be an array, got int64",
		"proxies: { trusted: [\n abc ] }":                               ":2:2: expected proxies' trusted entry to be a map/struct, got string",
		"proxies: { trusted: [{key: " + userKey1 + "}\n {key: bad1}] }": `:2:3: invalid proxy key "bad1"`,
	} {
		refuse(t, text, want)
	}
}

// Without a home directory there is no file that "~" could mean.
func TestPathsBelowAnUnknownHomeAreRefused(t *testing.T) {
	t.Setenv("HOME", "")
	t.Setenv("USERPROFILE", "")
	for _, text := range []string{
		"\n log_file: ~/x", "\n pid_file: '~'", "\n ocsp_cache {\n local_store: ~/x }", "\n operator: ~/x", "\n tls {\n ca_file: ~/x }",
		"\n tls { certs: [{\n cert_file: ~/x, key_file: y }] }", "\n resolver { type: full,\n dir: ~/x }",
	} {
		_, err := ProcessConfigString(text)
		if err == nil {
			t.Errorf("%s\naccepted", text)
			continue
		}
		line := strings.Count(text, "\n") + 1
		if got := err.Error(); !strings.Contains(got, fmt.Sprintf(":%d:2: ", line)) || !strings.Contains(got, "find the home directory for") {
			t.Errorf("%s\n%s", text, got)
		}
	}
	if o := read(t, "log_file: /x/~"); o.LogFile != "/x/~" {
		t.Errorf("%q", o.LogFile)
	}
}

func TestChecksOfSeveralKeysFindThemInAnyCase(t *testing.T) {
	refuse(t, "authorization { token: t, Users: [{user: a, password: b}] }", "Can not have a token and a users array")
	refuse(t, "authorization { token: t }\nAccounts { A { users: [{user: a, password: b}] } }", "Can not have a token and accounts")
}
