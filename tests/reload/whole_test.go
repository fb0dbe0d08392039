package reload_test

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// A server that was not started with a file has nothing to read again.
//
// Go: TestConfigReloadNoConfigFile server/reload_test.go:118
func TestNoFile(t *testing.T) {
	s := runOptions(t, &godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort})
	before := s.varz().ConfigLoadTime
	err := s.Reload()
	if err == nil || err.Error() != "can only reload config when a file is provided using -c or --config" {
		t.Errorf("got %v", err)
	}
	if !s.varz().ConfigLoadTime.Equal(before) {
		t.Error("the time of loading changed")
	}
	if !s.log.Has("ERR Failed to reload server configuration: can only reload") {
		t.Error("the failure is not logged")
	}
}

func TestUnchangedFile(t *testing.T) {
	text := "debug: false\naccounts { A { users [{user: a, password: b}] } }"
	s := run(t, text)
	p := s.peer(`"user":"a","pass":"b"`)
	s.log.Take("")
	digest := s.varz().ConfigDigest
	s.reload(text)
	if lines := s.log.Take("Reloaded"); !slices.Equal(lines, []string{"INF Reloaded server configuration (" + digest + ")"}) {
		t.Errorf("log: %q", lines)
	}
	p.sync()
}

// Nothing of a file takes effect if one thing in it cannot.
//
// Go: TestConfigReloadUnsupported server/reload_test.go:131
// Go: TestConfigReloadUnsupportedHotSwapping server/reload_test.go:182
// Go: TestConfigReloadInvalidConfig server/reload_test.go:204
// Go: TestConfigReloadMaxSubsUnsupported server/reload_test.go:2029
// Go: TestConfigReloadValidate server/reload_test.go:4669
func TestAllOrNothing(t *testing.T) {
	const users = "authorization { users: [{user: a, password: a}, {user: b, password: b}] }\n"
	base := "max_subs: 1\nmax_payload: 1000\nno_auth_user: a\n" + users
	s := run(t, base)
	p := s.peer("")
	before, clients := s.varz(), s.NumClients()
	for name, c := range map[string]struct{ text, err string }{
		"a value that needs a restart": {
			"max_subs: 10\nno_auth_user: a\n" + users, "config reload not supported for MaxSubs: old=1, new=10"},
		"a name": {
			base + "server_name: other", "config reload not supported for ServerName: old=, new=other"},
		"an address": {
			base + "port: 9999", "config reload not supported for Port: old=-1, new=9999"},
		"a host": {
			base + "host: localhost", "config reload not supported for Host: old=127.0.0.1, new=localhost"},
		"another system account": {
			base + "system_account: S\naccounts { S {} }", "config reload not supported for SystemAccount: old=, new=S"},
		"no system account": {
			base + "no_sys_acc: true", "config reload not supported for NoSystemAccount: old=false, new=true"},
		"no file of this kind": {
			"max_payload: [", "server.conf:"},
		"an unknown key": {
			base + "max_pyload: 1", `unknown field "max_pyload"`},
		"a user that is gone": {
			"max_subs: 1\nno_auth_user: a\nauthorization { users: [{user: b, password: b}] }", "no_auth_user:"},
		"a value out of range": {
			base + "max_pending: 10", "cannot be higher than max_pending"},
	} {
		text := strings.Replace(c.text, "max_payload: 1000", "max_payload: 2000", 1) + "\nmax_connections: 7"
		err := s.refused(text)
		if !strings.Contains(err, c.err) {
			t.Errorf("%s: got %q, want %q", name, err, c.err)
		}
		if !s.log.Has("ERR Failed to reload server configuration: " + err) {
			t.Errorf("%s: the failure is not logged", name)
		}
		now := s.varz()
		if now.MaxPayload != 1000 || now.MaxConn != before.MaxConn || now.MaxSubs != 1 ||
			now.ConfigDigest != before.ConfigDigest || !now.ConfigLoadTime.Equal(before.ConfigLoadTime) {
			t.Errorf("%s: something has changed", name)
		}
	}
	p.sync()
	if s.NumClients() != clients || s.log.Has("Reloaded") {
		t.Error("a reload that failed had effects")
	}
}

// Many options at once: those that show themselves in varz and INFO.
//
// Go: TestConfigReload server/reload_test.go:253
func TestManyOptions(t *testing.T) {
	ca := kit.NewAuthority(t)
	pair := issue(ca, "server", "127.0.0.1")
	s := run(t, "ping_interval: 30s")
	old := s.dial()
	old.connect(`"protocol":1`)
	old.send("PING\r\n")
	old.expect("PONG")
	old.readInfo()
	before := s.varz()
	pid := filepath.Join(t.TempDir(), "pid")
	s.log.Take("")
	s.reload(`
		debug: true, trace: true, logtime: true, logtime_utc: true
		pid_file: "` + pid + `"
		max_control_line: 512, max_payload: 1024, max_pending: 4096, max_connections: 100
		ping_interval: 5, ping_max: 1, write_deadline: 3s, write_timeout: retry
		tls { ` + keys(pair) + ` ca_file: "` + pair.CAFile + `", verify: true }
		authorization { user: tyler, password: T0pS3cr3t, timeout: 3 }
		server_tags: [a, "b:c"]
		server_metadata { key1: value1, key2: value2 }
		lame_duck_duration: 40s, lame_duck_grace_period: 5s
		no_fast_producer_stall: true, max_traced_msg_len: 10
	`)
	v := s.varz()
	if v.MaxControlLine != 512 || v.MaxPayload != 1024 || v.MaxPending != 4096 || v.MaxConn != 100 ||
		v.PingInterval != 5*time.Second || v.MaxPingsOut != 1 || v.WriteDeadline != 3*time.Second ||
		v.WriteTimeout != "retry" || v.AuthTimeout != 3 || !v.AuthRequired || !v.TLSRequired || !v.TLSVerify {
		t.Errorf("varz: %+v", v)
	}
	if !slices.Equal(v.Tags, []string{"a", "b:c"}) || len(v.Metadata) != 2 || v.Metadata["key2"] != "value2" {
		t.Errorf("tags %v, metadata %v", v.Tags, v.Metadata)
	}
	if !v.ConfigLoadTime.After(before.ConfigLoadTime) || v.ConfigDigest == before.ConfigDigest {
		t.Error("varz does not tell that there is another configuration")
	}
	old.closed("-ERR 'Authorization Violation'")
	info := s.dial().info
	if info["tls_required"] != true || info["tls_verify"] != true || info["auth_required"] != true ||
		info["max_payload"] != 1024.0 {
		t.Errorf("INFO: %v", info)
	}
	if text := read(t, pid); text == "" {
		t.Error("no process number")
	}
	s.client(nats.UserInfo("tyler", "T0pS3cr3t"), trust(ca), nats.ClientCert(pair.File, pair.KeyFile))
	want := []string{
		"authorization password", "authorization timeout = 3", "authorization username", "authorization",
		"debug = true", "fast producers will not be stalled", "lame_duck_duration = 40s", "lame_duck_grace_period = 5s",
		"logtime_utc = true", "logtime = true", "max_connections = 100", "max_control_line = 512", "max_payload = 1024",
		"max_pending = 4096", "max_traced_msg_len = 10", "metadata", "pid_file = " + pid, "ping_interval = 5s",
		"ping_max = 1", "tags", "tls = enabled", "trace = true", "write_deadline = 3s", "write_timeout = retry",
	}
	got := s.log.Take("INF Reloaded: ")
	for i := range got {
		got[i] = strings.TrimPrefix(got[i], "INF Reloaded: ")
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("log: %q\nwant %q", got, want)
	}
}

// The digests are those that tools have seen for these files.
//
// Go: TestConfigReloadAndVarz server/reload_test.go:4309
func TestVarzFollows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.conf")
	kit.Write(t, path, "port: -1\n")
	o, err := godwit.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := runOptions(t, o)
	before := s.varz()
	if before.MaxConn != 65536 || before.ConfigDigest != "sha256:7ea4cc5c6864139d814ce940a40ee6546b7ac5285eec3c390a4ce11e34dc1102" {
		t.Errorf("before: %d connections, %s", before.MaxConn, before.ConfigDigest)
	}
	kit.Write(t, path, "port: -1\nmax_connections: 10\n")
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	after := s.varz()
	if after.MaxConn != 10 || after.ConfigDigest != "sha256:508a26309068f62c3022aa8951e712ed8ff5dd6f2360f727ad8242a2a233176e" {
		t.Errorf("after: %d connections, %s", after.MaxConn, after.ConfigDigest)
	}
	if !after.ConfigLoadTime.After(before.ConfigLoadTime) {
		t.Error("the time of loading is the same")
	}
}

// Monitoring and reload do not get into each other's way.
//
// Go: TestMonitorVarzReloadRace server/monitor_test.go:279
func TestMonitoringDuringReload(t *testing.T) {
	o := &godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort, HTTPPort: godwit.RandomPort, NoSystemAccount: true}
	s := runOptions(t, o)
	url := "http://" + s.MonitorAddr().String() + "/varz"
	o.Port = godwit.RandomPort
	done := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if body, err := get(url); err != nil || !strings.Contains(body, `"server_id"`) {
					t.Errorf("varz: %q, %v", body, err)
					return
				}
			}
		}
	})
	for i := range 200 {
		o.MaxPayload = int32(1000 + i)
		if err := s.ReloadOptions(o); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	readers.Wait()
	if n := s.varz().MaxPayload; n != 1199 {
		t.Errorf("max_payload is %d", n)
	}
}

// What a program has set in code, and no file can say, survives the file.
//
// Go: TestConfigReloadIgnoreCustomAuth server/reload_test.go:4159
func TestSettingsOfTheProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.conf")
	kit.Write(t, path, listen)
	o, err := godwit.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o.CustomClientAuthentication = &doorkeeper{name: "jim"}
	o.NoSigs, o.NoLog, o.AlwaysEnableNonce = true, true, true
	s := runOptions(t, o)
	p := s.peer(`"user":"jim"`)
	s.reload("max_payload: 5000")
	p.sync()
	s.peer(`"user":"jim"`)
	s.fails(`"user":"joe"`)
	if s.dial().info["nonce"] == nil {
		t.Error("no nonce any more")
	}
}

// doorkeeper lets one name in.
type doorkeeper struct{ name string }

func (d *doorkeeper) Check(c godwit.ClientAuthentication) bool { return c.GetOpts().Username == d.name }

func TestOptionsOfTheProgram(t *testing.T) {
	o := &godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort, Users: []*godwit.User{{Username: "a", Password: "a"}}}
	s := runOptions(t, o)
	p := s.peer(`"user":"a","pass":"a"`)
	o.Port = godwit.RandomPort
	o.Users = append(o.Users, &godwit.User{Username: "b", Password: "b"})
	if err := s.ReloadOptions(o); err != nil {
		t.Fatal(err)
	}
	s.peer(`"user":"b","pass":"b"`)
	p.sync()
	o.Users = o.Users[1:]
	p.sync() // the server has a copy
	if err := s.ReloadOptions(o); err != nil {
		t.Fatal(err)
	}
	p.closed("-ERR 'Authorization Violation'")
}

// A time limit that a program gives to a user's connections can be changed while
// they last.
func TestDeadlineOfTheProgram(t *testing.T) {
	user := &godwit.User{Username: "a", Password: "a", ConnectionDeadline: time.Now().Add(time.Hour)}
	o := &godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort, Users: []*godwit.User{user}}
	s := runOptions(t, o)
	p := s.peer(`"user":"a","pass":"a"`)
	o.Port = godwit.RandomPort
	user.ConnectionDeadline = time.Now().Add(20 * time.Millisecond)
	if err := s.ReloadOptions(o); err != nil {
		t.Fatal(err)
	}
	p.closed("-ERR 'User Authentication Expired'")
}

func TestReloadAndShutdown(t *testing.T) {
	for range 5 {
		s := run(t, "accounts { A { users: [{user: a, password: a}] } }")
		s.peer(`"user":"a","pass":"a"`)
		kit.Write(t, s.path, listen+"accounts { A { users: [{user: a, password: b}] } }")
		var stopped sync.WaitGroup
		stopped.Go(s.Shutdown)
		if err := s.Reload(); err != nil && !strings.Contains(err.Error(), "shut down") {
			t.Error(err)
		}
		stopped.Wait()
	}
}
