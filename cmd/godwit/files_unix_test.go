//go:build unix

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godwit-mq/godwit"
)

func TestBannerIsInTheKnownOrder(t *testing.T) {
	config := write(t, "server.conf", `authorization { user: a, password: b }`)
	c := serving(t, "-c", config, "-n", "kite", "-m", "-1", "-profile", "-1", "-T=false")
	c.await("Server is ready")
	c.signal(syscall.SIGTERM)
	c.ended()
	want := []string{
		"[INF] Starting godwit",
		fmt.Sprintf("[INF]   Version:  %s (compatible with %s)", godwit.Version, godwit.CompatVersion),
		"[INF]   Git:      [",
		"[INF]   Name:     kite",
		"[INF]   ID:       N",
		"[INF] Using configuration file: " + config + " (sha256:",
		"[WRN] Plaintext passwords detected, use nkeys or bcrypt",
		"[INF] profiling port: ",
		"[INF] Starting http monitor on 127.0.0.1:",
		"[INF] Listening for client connections on 127.0.0.1:",
		"[INF] Server is ready",
		`[INF] Trapped "terminated" signal`,
		"[INF] Initiating Shutdown...",
		"[INF] Server Exiting..",
	}
	if len(c.seen) != len(want) {
		t.Fatalf("got\n%s", strings.Join(c.seen, "\n"))
	}
	for i, line := range c.seen {
		if start := fmt.Sprintf("[%d] %s", c.cmd.Process.Pid, want[i]); !strings.HasPrefix(line, start) {
			t.Errorf("line %d: got %q, want %q", i, line, start)
		}
	}
}

func TestFlagsChooseWhatIsLogged(t *testing.T) {
	for _, tc := range []struct {
		flag         string
		debug, trace bool
	}{{"-T", false, false}, {"-D", true, false}, {"-V", false, true}, {"-DV", true, true}, {"-DVV", true, true}} {
		c := serving(t, tc.flag)
		dial(t, c.address()).conn.Close()
		c.signal(syscall.SIGINT)
		c.ended()
		text := strings.Join(c.seen, "\n")
		if strings.Contains(text, "[DBG]") != tc.debug || strings.Contains(text, "[TRC]") != tc.trace {
			t.Errorf("%s:\n%s", tc.flag, text)
		}
	}
}

// Go: TestPidFile test/pid_test.go:22
func TestPidFileHoldsTheProcessNumber(t *testing.T) {
	path := write(t, "pid", "") // it is overwritten
	c := serving(t, "-P", path)
	c.address()
	if text := read(t, path); text != fmt.Sprint(c.cmd.Process.Pid) {
		t.Errorf("pid file %q of process %d", text, c.cmd.Process.Pid)
	}
	c.signal(syscall.SIGTERM)
	c.ended()
	if text := read(t, path); text != fmt.Sprint(c.cmd.Process.Pid) {
		t.Errorf("after the end: %q", text)
	}
}

func TestFilesThatCannotBeWrittenEndTheStart(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for flag, want := range map[string]string{
		"-P":              "[FTL] Could not write pidfile: ",
		"-ports_file_dir": "[FTL] write ports file: ",
	} {
		c := serving(t, flag, missing+"/x")
		c.await(want)
		if code := c.exit().ExitCode(); code != 1 {
			t.Errorf("%s: exit %d", flag, code)
		}
		if text := strings.Join(c.seen, "\n"); strings.Contains(text, "Server is ready") {
			t.Errorf("%s: %s", flag, text)
		}
	}
}

func TestPortsFileListsWhatIsOpen(t *testing.T) {
	dir := t.TempDir()
	c := serving(t, "-m", "-1", "-profile", "-1", "-ports_file_dir", dir)
	address := c.address()
	name, ports := portsFile(t, dir)
	if want := fmt.Sprintf("%s_%d.ports", self, c.cmd.Process.Pid); name != want {
		t.Fatalf("got file %q, want %q", name, want)
	}
	if len(ports.Nats) != 1 || ports.Nats[0] != "nats://"+address {
		t.Errorf("clients: %v", ports.Nats)
	}
	for path, urls := range map[string][]string{"/varz": ports.Monitoring, "/debug/pprof/": ports.Profile} {
		if len(urls) != 1 {
			t.Fatalf("for %s: %v", path, urls)
		}
		response, err := http.Get(urls[0] + path)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, response.Body) // what it says is tested elsewhere
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s%s: %s", urls[0], path, response.Status)
		}
	}
	c.signal(syscall.SIGINT)
	c.ended()
	if entries, err := os.ReadDir(dir); len(entries) != 0 || err != nil {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// Go: TestResolveRandomPort test/port_test.go:24
func TestRandomPortIsResolved(t *testing.T) {
	ask := func() { t.Error("asked for help") }
	o, err := godwit.ConfigureOptions(flag.NewFlagSet(self, flag.ContinueOnError), []string{"-a", "127.0.0.1", "-p", "-1"}, ask, ask, ask)
	if err != nil {
		t.Fatal(err)
	}
	s, err := godwit.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	port := s.Addr().(*net.TCPAddr).Port
	if port <= 0 || port == 4222 || o.Port != port {
		t.Errorf("listens on %d, the options say %d", port, o.Port)
	}
	dial(t, fmt.Sprintf("127.0.0.1:%d", port))
}

// Go: TestServerConfig test/opts_test.go:20
// Go: TestTLSConfig test/opts_test.go:34
func TestInfoShowsTheConfiguration(t *testing.T) {
	cert, key := certificate(t)
	for _, tc := range []struct {
		config string
		field  string
		want   any
	}{
		{"max_payload: 65536", "max_payload", 65536.0},
		{"server_name: kite", "server_name", "kite"},
		{"authorization { token: T0pS3cr3t }", "auth_required", true},
		{fmt.Sprintf("tls { cert_file: %q, key_file: %q }", cert, key), "tls_required", true},
	} {
		c := serving(t, "-c", write(t, "server.conf", tc.config))
		p, info := greet(t, c.address())
		p.conn.Close()
		if info[tc.field] != tc.want {
			t.Errorf("%s: INFO says %s %v", tc.config, tc.field, info[tc.field])
		}
		c.signal(syscall.SIGINT)
		c.ended()
	}
}

// certificate makes a self-signed certificate and returns the files of it and
// of its key.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return write(t, "cert.pem", encode("CERTIFICATE", cert)), write(t, "key.pem", encode("PRIVATE KEY", private))
}

// With a limit below the length of two lines, a start and an end alone make
// several log files, of which as many are kept as the configuration says.
//
// Go: TestLogMaxArchives test/log_test.go:35
func TestLogFilesAreRotatedAndCounted(t *testing.T) {
	const all = 0
	for _, tc := range []struct {
		config string
		kept   int
	}{
		{"logfile_size_limit: 100", all},
		{"logfile_size_limit: 100, logfile_max_num: 0", all},
		{"logfile_size_limit: 100, logfile_max_num: -42", all},
		{"logfile_size_limit: 100, logfile_max_num: 100", all},
		{"logfile_size_limit: 100, logfile_max_num: 1", 1},
		{"log_size_limit: 100, log_max_num: 5", 5},
	} {
		t.Run(tc.config, func(t *testing.T) {
			dir, ports := t.TempDir(), t.TempDir()
			config := fmt.Sprintf("log_file: %q, ports_file_dir: %q, %s", filepath.Join(dir, "server.log"), ports, tc.config)
			c := serving(t, "-c", write(t, "server.conf", config))
			eventually(t, "ports file", func() bool { name, _ := portsFile(t, ports); return name != "" })
			c.signal(syscall.SIGTERM)
			c.ended()
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			text := ""
			for _, file := range files {
				text += read(t, filepath.Join(dir, file.Name()))
			}
			if tc.kept != all {
				if len(files) != tc.kept || strings.Contains(text, "Starting godwit") {
					t.Errorf("%d files are kept:\n%s", len(files), text)
				}
				return
			}
			if len(files) < 6 || !strings.Contains(text, "Starting godwit") || !strings.Contains(text, "Server Exiting..") {
				t.Errorf("%d files are kept:\n%s", len(files), text)
			}
		})
	}
}
