package reload_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// runLogging starts a server that logs where its configuration says.
func runLogging(t testing.TB, text string) *site {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.conf")
	kit.Write(t, path, listen+text)
	o, err := godwit.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o.DisableShortFirstPing = true
	server, err := godwit.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.ConfigureLogger(); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	return &site{Server: server, t: t, path: path}
}

// Go: TestConfigReloadRotateFiles server/reload_test.go:2260
func TestOtherFiles(t *testing.T) {
	dir := t.TempDir()
	config := func(n string) string {
		return fmt.Sprintf("logfile: %q\npid_file: %q", filepath.Join(dir, "log"+n), filepath.Join(dir, "pid"+n))
	}
	s := runLogging(t, config("1"))
	s.reload(config("2"))
	for _, name := range []string{"log2", "pid2"} {
		if read(t, filepath.Join(dir, name)) == "" {
			t.Errorf("%s is empty", name)
		}
	}
	if read(t, filepath.Join(dir, "pid1")) != read(t, filepath.Join(dir, "pid2")) {
		t.Error("the process numbers differ")
	}
	old := read(t, filepath.Join(dir, "log1"))
	for _, name := range []string{"log1", "pid1"} { // nobody holds them
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, name+".old")); err != nil {
			t.Error(err)
		}
	}
	s.reload(config("2") + "\nmax_payload: 1000")
	if read(t, filepath.Join(dir, "log1.old")) != old {
		t.Error("the old log grows")
	}
	if text := read(t, filepath.Join(dir, "log2")); !strings.Contains(text, "[INF] Reloaded: max_payload = 1000") {
		t.Errorf("the new log: %s", text)
	}
}

// Each of three log files has what its configuration asked for.
//
// Go: TestConfigReloadLogging server/reload_test.go:4542
func TestLogging(t *testing.T) {
	dir := t.TempDir()
	common := `system_account: sys
	accounts { sys { users = [{user: sys, pass: ""}] }, nats.io { users = [{user: bar, pass: pwd}] } }
	`
	file := func(name string) string { return filepath.Join(dir, name) }
	s := runLogging(t, common)
	lasting, system := s.peer(`"user":"bar","pass":"pwd"`), s.peer(`"user":"sys","pass":""`)
	system.send("SUB own 1\r\n")
	system.sync()
	reload := func(name, more string) {
		t.Helper()
		s.reload(common + fmt.Sprintf("log_file: %q\n%s", file(name), more))
		p := s.peer(`"user":"bar","pass":"pwd"`)
		p.send("SUB foo 1\r\nPUB foo 3\r\nbar\r\n")
		p.expect("MSG foo 1 3", "bar")
		p.sync()
		p.conn.Close()
		kit.Eventually(t, "the connection is gone", func() bool { return s.NumClients() == 2 })
		lasting.sync()
		system.send("PUB own 1\r\nx\r\n")
		system.expect("MSG own 1 1", "x")
	}
	reload("before", "")
	reload("on", "debug: true, trace_verbose: true")
	reload("after", "debug: false, trace_verbose: false")
	for _, name := range []string{"before", "after"} {
		text := read(t, file(name))
		for _, part := range []string{"[TRC]", "[DBG]", "MSG_PAYLOAD"} {
			if strings.Contains(text, part) {
				t.Errorf("%s has %q: %s", name, part, text)
			}
		}
		if n := strings.Count(text, "[INF] Reloaded server configuration ("); n != 1 {
			t.Errorf("%s tells of %d reloads", name, n)
		}
	}
	text := read(t, file("on"))
	for _, part := range []string{
		`\[TRC\]`, `\[DBG\]`, `MSG_PAYLOAD`, `\[INF\] Reloaded server configuration \(`,
		`cid:1 .*<<- \[PING\]`,      // of a connection that is older than the reload
		`cid:2 .*<<- \[PUB own 1\]`, // and of one of the system account
	} {
		if !regexp.MustCompile(part).MatchString(text) {
			t.Errorf("the verbose log lacks %s", part)
		}
	}
}

// Go: TestPortsFileReload test/ports_test.go:124
func TestPortsFile(t *testing.T) {
	ca := kit.NewAuthority(t)
	a, b := t.TempDir(), t.TempDir()
	files := func(dir string) []string {
		t.Helper()
		list, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	config := func(dir string) string { return fmt.Sprintf("ports_file_dir: %q\n", dir) }
	s := run(t, config(a))
	if list := files(a); len(list) != 1 || !strings.Contains(read(t, list[0]), s.Addr().String()) {
		t.Fatalf("files in the first directory: %q", list)
	}
	s.reload(config(b))
	if list := files(b); len(list) != 1 || !strings.Contains(read(t, list[0]), `"nats://`+s.Addr().String()) {
		t.Fatalf("files in the second directory: %q", list)
	}
	if list := files(a); len(list) != 0 {
		t.Errorf("left over: %q", list)
	}
	s.reload(config(filepath.Join(b, ".."+string(filepath.Separator)+filepath.Base(b)) + "/")) // the same one
	if list := files(b); len(list) != 1 {
		t.Fatalf("files in the same directory by another name: %q", list)
	}
	s.reload(config(b) + "tls { " + keys(issue(ca, "server", "127.0.0.1")) + " }")
	if text := read(t, files(b)[0]); !strings.Contains(text, `"tls://`) {
		t.Errorf("with TLS: %s", text)
	}
	s.reload("")
	if list := files(b); len(list) != 0 {
		t.Errorf("left over: %q", list)
	}
}

// If one of the files cannot be written, the others are left as they were.
func TestFilesThatCannotBeWritten(t *testing.T) {
	dir, ports, other := t.TempDir(), t.TempDir(), t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	config := func(log, pid, ports string) string {
		return fmt.Sprintf("log_file: %q\npid_file: %q\nports_file_dir: %q\ndebug: %v", path(log), path(pid), ports, log != "log")
	}
	s := runLogging(t, config("log", "pid", ports))
	for name, text := range map[string]string{
		"log":   config("no/where", "pid2", other),
		"pid":   config("log2", "no/where", other),
		"ports": config("log2", "pid2", filepath.Join(other, "no", "where")),
	} {
		err := s.refused(text)
		if !strings.Contains(err, "no such file") {
			t.Errorf("%s: %s", name, err)
		}
		if list, err := os.ReadDir(other); err != nil || len(list) != 0 {
			t.Errorf("%s: ports are written nevertheless: %v, %v", name, list, err)
		}
		if list, err := os.ReadDir(ports); err != nil || len(list) != 1 {
			t.Errorf("%s: the file of ports: %v, %v", name, list, err)
		}
		if _, err := os.Stat(path("pid2")); err == nil {
			t.Errorf("%s: the process number is written nevertheless", name)
		}
		if text := read(t, path("log")); !strings.Contains(text, err) {
			t.Errorf("%s: the log in force does not tell: %s", name, text)
		}
	}
	if text := read(t, path("log")); strings.Contains(text, "[DBG]") || strings.Contains(text, "Reloaded") {
		t.Errorf("log: %s", text)
	}
	s.Shutdown()
	if list, err := os.ReadDir(ports); err != nil || len(list) != 0 {
		t.Errorf("the file of ports is left over: %v, %v", list, err)
	}
}
