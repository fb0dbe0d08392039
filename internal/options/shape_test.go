package options

import (
	"strings"
	"testing"
)

// Go: TestHandleUnknownTopLevelConfigurationField server/opts_test.go:2648
func TestUnknownKeysOfTheTopLevelCanBeTolerated(t *testing.T) {
	file := write(t, "x.conf", "port: 1234\nstreaming { id: me }\n")
	if _, err := ProcessConfigFile(file); err == nil || !strings.Contains(err.Error(), `:2:1: unknown field "streaming"`) {
		t.Errorf("%v", err)
	}
	NoErrOnUnknownFields(true)
	t.Cleanup(func() { NoErrOnUnknownFields(false) })
	o, err := ProcessConfigFile(file)
	if err != nil || o.Port != 1234 {
		t.Fatalf("port %d, %v", o.Port, err)
	}
	if len(o.ConfigWarnings) != 1 || !strings.HasSuffix(o.ConfigWarnings[0].Error(), `:2:1: unknown field "streaming" is ignored`) {
		t.Errorf("%v", o.ConfigWarnings)
	}
	refuse(t, "cluster {\n non_top_level_unknown_field: 123 }\nstreaming { id: me }", `:2:2: unknown field "non_top_level_unknown_field"`)
	refuse(t, "tls { x: 1 }\nstreaming { id: me }", `unknown field "x"`)
}

// A mistyped key is found even in blocks that are refused as a whole.
func TestUnknownKeysInRefusedBlocks(t *testing.T) {
	for text, want := range map[string]string{
		"cluster {\n foo: bar }":                                   `:2:2: unknown field "foo"`,
		"cluster { authorization {\n foo: bar } }":                 `:2:2: unknown field "foo"`,
		"cluster { tls {\n foo: bar } }":                           `:2:2: error parsing tls config, unknown field "foo"`,
		"cluster { permissions {\n foo: bar } }":                   `:2:2: Unknown field "foo" parsing permissions`,
		"cluster { permissions { import {\n foo: bar } } }":        `:2:2: Unknown field name "foo" parsing subject permissions, only 'allow' or 'deny' are permitted`,
		"cluster { compression {\n foo: bar } }":                   `:2:2: unknown field "foo"`,
		"cluster { routes: ['nats://h:1']\n peers: [] }":           `:2:2: unknown field "peers"`,
		"gateway { gateways: [{name: A\n foo: bar}] }":             `:2:2: unknown field "foo"`,
		"gateway { gateways: [{name: A, tls {\n foo: bar}}] }":     `:2:2: error parsing tls config, unknown field "foo"`,
		"leafnodes { remotes: [{url: a\n foo: bar}] }":             `:2:2: unknown field "foo"`,
		"leafnodes { remotes: [{url: a, proxy {\n foo: bar}}] }":   `:2:2: unknown field "foo"`,
		"leaf { authorization { users: [{user: a\n foo: bar}] } }": `:2:2: unknown field "foo"`,
		"leaf { tls { certs: [{cert_file: a\n foo: bar}] } }":      `:2:2: error parsing tls certs config, unknown field "foo"`,
		"leaf { tls { ocsp_peer {\n foo: bar } } }":                `:2:2: error parsing tls peer config, unknown field ["foo"]`,
		"mqtt { authorization {\n foo: bar } }":                    `:2:2: unknown field "foo"`,
		"jetstream { limits { batch {\n foo: bar } } }":            `:2:2: unknown field "foo"`,
		"accounts { A { jetstream {\n foo: bar } } }":              `:2:2: unknown field "foo"`,
	} {
		refuse(t, text, want)
		refuse(t, text, "is not supported yet")
	}
	for _, text := range []string{
		"cluster { MINE: 6222, port: $MINE, name: a, pool_size: 3, compression: on, authorization { user: a, permissions { pub: a } } }",
		"leafnodes { remotes: [{URLS: a, tls { insecure: true, first: true }, js_cluster_migrate { leader_migrate_delay: 1s }}] }",
		"jetstream { max_mem: 1G, limits { max_ack_pending: 1 } }",
	} {
		text = strings.ReplaceAll(text, "1s }", "'1s' }")
		err := (&Options{}).ProcessConfigString(text)
		if err == nil {
			t.Errorf("%s: accepted", text)
			continue
		}
		if all := faults(t, err).Errors; len(all) != 1 || !strings.Contains(all[0].Error(), "is not supported yet") {
			t.Errorf("%s: %v", text, all)
		}
	}
}

func TestUnknownKeysOfJetStream(t *testing.T) {
	refuse(t, "jetstream { enabled: true\n foo: bar }", `:2:2: unknown field "foo"`)
	refuse(t, "jetstream { enabled: false\n foo: bar }", `:2:2: unknown field "foo"`)
}

func TestErrorsNameTheFile(t *testing.T) {
	for text, want := range map[string]string{
		"port: {\n":               "Parse error on line 2: 'Unexpected EOF processing map.'",
		"port: $NONE_OF_THE_KIND": "variable reference for 'NONE_OF_THE_KIND' on line 1 can not be found",
		"foo":                     "config is invalid (",
		"include 'nowhere.conf'":  "error parsing include file 'nowhere.conf'",
	} {
		file := write(t, "main.conf", text)
		_, err := ProcessConfigFile(file)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), file) != 1 {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ProcessConfigFile("/nowhere/at/all"); err == nil || strings.Count(err.Error(), "/nowhere/at/all") != 1 {
		t.Errorf("%v", err)
	}
}

func TestStartWarnings(t *testing.T) {
	for text, want := range map[string]string{
		"max_payload: 8MiB\nmax_pending: 64MiB":           "",
		"max_payload: 9MiB\nmax_pending: 64MiB":           "Maximum payloads over 8.00 MB are generally discouraged and could lead to poor performance",
		"operator: " + anyOperator(t) + "\nresolver: MEM": "Trusted Operators should utilize a System Account",
	} {
		if got := strings.Join(valid(t, text).StartWarnings(), "\n"); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}
