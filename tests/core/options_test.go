package core_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// file writes a configuration file.
func file(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "server.conf")
	kit.OK(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// no_auth_user may name a user of any account, but nobody else. Monitoring shows no
// account for those of $G.
//
// Go: TestNoAuthUserCode server/opts_test.go:2919
func TestWhoeverComesUnnamedIsAKnownUser(t *testing.T) {
	const known = "UBAAQWTW6CG2G6ANGNKB5U2B7HRWHSGMZEZX3AQSAJOQDAUGJD46LD2E"
	name := file(t, `
		listen: 127.0.0.1:-1
		no_auth_user: $NO_AUTH_USER
		accounts {
			one { users: [{user: a, password: a}, {nkey: `+known+`}] }
			two { users: [{user: c, password: c}] }
		}
		authorization { users: [{user: b, password: b}] }`)
	for user, account := range map[string]string{"a": "one", "b": "", "c": "two"} {
		t.Setenv("NO_AUTH_USER", user)
		s := godwittest.Run(t, kit.Must[*godwit.Options](t)(godwit.ProcessConfigFile(name)))
		nc := kit.Connect(t, s, "")
		id := kit.Must[uint64](t)(nc.GetClientID())
		z := kit.Must[*godwit.Connz](t)(s.Connz(&godwit.ConnzOptions{CID: id, Username: true}))
		if len(z.Conns) != 1 || z.Conns[0].Account != account {
			t.Errorf("%q is one of %+v, want account %q", user, z.Conns, account)
		}
	}
	for _, user := range []string{"nobody", known[:len(known)-1] + "F"} {
		t.Setenv("NO_AUTH_USER", user)
		o := kit.Must[*godwit.Options](t)(godwit.ProcessConfigFile(name))
		if _, err := godwit.NewServer(o); err == nil || !strings.HasPrefix(err.Error(), "no_auth_user") {
			t.Errorf("%q: %v", user, err)
		}
	}
}

// Permissions to subscribe may be for a queue group alone.
//
// Go: TestQueuePermissions server/opts_test.go:3184
func TestPermissionsForQueueGroups(t *testing.T) {
	for _, c := range []struct {
		kind, queue string
		refused     bool
	}{
		{"allow", "queue.dev", false}, {"allow", "", true}, {"allow", "bad", true},
		{"deny", "", false}, {"deny", "queue.dev", true},
	} {
		s := godwittest.RunConfig(t, fmt.Sprintf("no_auth_user: u\nauthorization { users: [{user: u, password: pw, permissions: {sub: {%s: [\"foo.> *.dev\"]}}}] }", c.kind))
		w := kit.Login(t, s.Addr(), "")
		w.Send("SUB foo.bar "+c.queue+" 1", "PING")
		line := w.Line()
		if refused := strings.HasPrefix(line, `-ERR 'Permissions Violation for Subscription to "foo.bar"`); refused != c.refused || !refused && line != "PONG" {
			t.Errorf("%s, queue %q: %q", c.kind, c.queue, line)
		}
	}
}

// Keys of trusted proxies are checked, also those given in code.
//
// Go: TestOptionsProxyTrustedKeys server/opts_test.go:3864
func TestKeysOfTrustedProxies(t *testing.T) {
	keys := []string{kit.NewSigner(t, nkeys.PrefixByteUser).Public, kit.NewSigner(t, nkeys.PrefixByteUser).Public}
	_, err := godwit.NewServer(&godwit.Options{TrustedProxies: []string{keys[0], "bad1", keys[1], "bad2"}})
	if err == nil || err.Error() != `proxy trusted key "bad1" is invalid` {
		t.Errorf("a bad key: %v", err)
	}
	s := godwittest.Run(t, &godwit.Options{TrustedProxies: keys})
	z := kit.Must[*godwit.Varz](t)(s.Varz(nil))
	if z.Proxies == nil || len(z.Proxies.Trusted) != 2 || z.Proxies.Trusted[0].Key != keys[0] || z.Proxies.Trusted[1].Key != keys[1] {
		t.Errorf("trusted are %+v", z.Proxies)
	}
}

// A server can be made of options that name a file; what is wrong with the file is
// told.
//
// Go: TestNewServerFromConfigFunctionality server/opts_test.go:4034
func TestServersOfBadFiles(t *testing.T) {
	for text, want := range map[string]string{
		"max_payload = 3000000000":                     "max_payload",
		"max_payload = 100000\nmax_pending = 50000":    "cannot be higher",
		"max_payload = 100000\nmax_payloads = 5000000": "max_payloads",
	} {
		s, err := godwit.NewServerFromConfig(&godwit.Options{ConfigFile: file(t, text)})
		if err == nil || !strings.Contains(err.Error(), want) {
			s.Shutdown()
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := godwit.NewServerFromConfig(&godwit.Options{ConfigFile: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a file that does not exist")
	}
}

// Options that name a file become what the file alone makes.
//
// Go: TestNewServerFromConfigVsLoadConfig server/opts_test.go:4071
func TestTwoWaysToReadAFile(t *testing.T) {
	name := file(t, "port = 4224\nmax_payload = 4194304\nmax_connections = 200\nping_interval = \"30s\"\nserver_name: x")
	loaded := kit.Must[*godwit.Options](t)(godwit.ProcessConfigFile(name))
	s := kit.Must[*godwit.Server](t)(godwit.NewServer(loaded))
	s.Shutdown()
	named := &godwit.Options{ConfigFile: name}
	s = kit.Must[*godwit.Server](t)(godwit.NewServerFromConfig(named))
	s.Shutdown()
	if !reflect.DeepEqual(loaded, named) {
		t.Errorf("loaded %+v\nnamed %+v", loaded, named)
	}
}

// Exports whose subjects name the importing account give it its own messages, both
// of services and of the server's events.
//
// Go: TestParseExport server/opts_test.go:1891
func TestSubjectsThatNameTheImporter(t *testing.T) {
	importer := func(name, user string) string {
		return fmt.Sprintf(`%s {
			imports: [{service: {account: accE, subject: foo.%s}, to: foo}, {stream: {account: sys, subject: "$SYS.SERVER.ACCOUNT.%s.CONNS"}}]
			users: [{user: %s, password: pw}]
		}
		`, name, name, name, user)
	}
	s := godwittest.RunConfig(t, `system_account: sys
		accounts {
			sys { exports: [{stream: "$SYS.SERVER.ACCOUNT.*.CONNS", account_token_position: 4}] }
			accE { exports: [{service: foo.*, account_token_position: 2}], users: [{user: ue, password: pw}] }
			`+importer("accI1", "u1")+importer("accI2", "u2")+`
		}`)
	exporter := kit.Connect(t, s, "ue")
	requests := kit.Must[*nats.Subscription](t)(exporter.Subscribe("foo.*", func(m *nats.Msg) {
		if err := m.Respond([]byte(m.Subject)); err != nil {
			t.Error(err)
		}
	}))
	kit.Flush(t, exporter)
	for user, account := range map[string]string{"u1": "accI1", "u2": "accI2"} {
		nc := kit.Connect(t, s, user)
		counts := kit.Subscribe(t, nc, "$SYS.SERVER.ACCOUNT."+account+".CONNS")
		ask(t, nc, "foo", 1, "foo."+account)
		kit.Connect(t, s, user).Close()
		if text := string(counts.Next().Data); !strings.Contains(text, `"acc":"`+account+`"`) {
			t.Errorf("%q is told %s", user, text)
		}
	}
	if n, err := requests.Delivered(); n != 2 || err != nil {
		t.Errorf("%d requests, %v", n, err)
	}
	for _, text := range []string{importer("accI3", "u3"), importer("accI1", "u1")} {
		foreign := strings.Replace(text, "subject: foo.acc", "subject: foo.not", 1)
		_, err := godwit.ProcessConfigString("accounts { accE { exports: [{service: foo.*, account_token_position: 2}] }\n" +
			strings.Replace(foreign, `, {stream: {account: sys`, `#`, 1) + "]\n}}")
		if err == nil {
			t.Errorf("the subject of somebody else was imported: %s", foreign)
		}
	}
}

// Two accounts that export the same subject can both be imported under one name,
// and monitoring shows both.
//
// Go: TestMonitorAccountszMappingOrderReporting server/monitor_test.go:6417
func TestTwoImportsOfOneName(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts {
		CLOUD { exports: [{service: "downlink.>"}] }
		CLOUD2 { exports: [{service: "downlink.>"}] }
		APP { imports: [
			{service: {account: CLOUD, subject: "downlink.>"}, to: "event.>"}
			{service: {account: CLOUD2, subject: "downlink.>"}, to: "event.>"}
		] }
	}`)
	from := make(map[string]bool)
	for _, i := range kit.Must[*godwit.Accountz](t)(s.Accountz(&godwit.AccountzOptions{Account: "APP"})).Account.Imports {
		if i.Subject == "downlink.>" {
			from[i.Account] = i.LocalSubject == "event.>" && !i.Invalid
		}
	}
	if len(from) != 2 || !from["CLOUD"] || !from["CLOUD2"] {
		t.Errorf("imports of %v", from)
	}
}

// What a mapping may make of subjects.
//
// Go: TestValidateDestinationSubject server/sublist_test.go:710
func TestDestinationsOfMappings(t *testing.T) {
	for _, c := range []struct {
		source, destination string
		good                bool
	}{
		{"bar", "foo", true}, {"foo", "foo.bar", true}, {"*", "{{wildcard(1)}}", true}, {"foo.>", ">", true},
		{"foo.*", "bar.{{wildcard(1)}}", true}, {"foo.>", "bar.>", true}, {"foo.*.>", "bar.{{wildcard(1)}}.>", true},
		{"foo.*.bar", "bar.{{wildcard(1)}}.foo", true}, {"foo.bar.>", "foo.bar.foo.>", true}, {"*", "foo.{{wildcard(1)}}", true},
		{"*", "foo.{{ wildcard(1) }}", true}, {"*", "foo.{{wildcard( 1 )}}", true}, {"*", "foo.{{partition(2,1)}}", true},
		{"*.*", "foo.{{SplitFromLeft(2,1)}}", true}, {"*.*", "foo.{{SplitFromRight(2,1)}}", true},
		{"*", "foo.{{unknown(1)}}", false}, {"foo", "foo..}", false}, {"foo", "foo. bar}", false},
	} {
		if _, err := godwit.ProcessConfigString(fmt.Sprintf("mappings { %q: %q }", c.source, c.destination)); (err == nil) != c.good {
			t.Errorf("%q to %q: %v", c.source, c.destination, err)
		}
	}
}

// The version is one that tools can compare, and so is that of the reference.
//
// Go: TestSemanticVersion server/server_test.go:127
func TestVersionsAreSemantic(t *testing.T) {
	info := kit.Dial(t, godwittest.RunConfig(t, "").Addr()).Info
	for _, version := range []string{godwit.Version, godwit.CompatVersion, info["version"].(string)} {
		var major, minor, patch int
		rest := strings.SplitN(version, "-", 2)[0]
		if n, err := fmt.Sscanf(rest, "%d.%d.%d", &major, &minor, &patch); err != nil || n != 3 || fmt.Sprintf("%d.%d.%d", major, minor, patch) != rest {
			t.Errorf("%q: %v", version, err)
		}
	}
}

// What is advertised is what clients are told, with the listener's port where it
// has none.
//
// Go: TestClientAdvertiseConnectURL server/server_test.go:586
func TestAdvertisedAddress(t *testing.T) {
	for advertise, port := range map[string]int{"nats.example.com": 0, "nats.example.com:7777": 7777} {
		s := godwittest.RunConfig(t, "listen: 127.0.0.1:-1\nclient_advertise: "+advertise)
		if port == 0 {
			port = s.Addr().(*net.TCPAddr).Port
		}
		info := kit.Dial(t, s.Addr()).Info
		if info["host"] != "nats.example.com" || info["port"] != float64(port) {
			t.Errorf("%s: told %v:%v", advertise, info["host"], info["port"])
		}
	}
}
