package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// job is what the scripts in browser/ are told.
type job struct {
	URL      string   `json:"url"`
	Token    string   `json:"token"`
	Expect   expected `json:"expect"`
	Page     int      `json:"page"` // port of the page
	Cert     string   `json:"cert"` // files for a page with TLS; empty without
	Key      string   `json:"key"`
	Chromium string   `json:"chromium"` // path
	BuiltIn  bool     `json:"builtin"`  // use Node's own WebSocket
}

// expected is what the scripts hold the server to.
type expected struct {
	Compression bool `json:"compression"`
	Largest     int  `json:"largest"` // payload in bytes
}

// news is a line that a script prints.
type news struct {
	Name, Error string
	Restart     bool
}

// The JavaScript client in Node, over the package ws and over Node's own WebSocket.
func TestJavaScriptClient(t *testing.T) {
	scripts(t)
	overWebsocket(t, func(t *testing.T, s *server, j job) { s.script(j, "node.js") })
	t.Run("built-in", func(t *testing.T) {
		s, j := websocketServer(t, "godwit", false, false)
		j.BuiltIn = true
		s.script(j, "--experimental-websocket", "node.js")
	})
}

// The JavaScript client in a page.
func TestBrowser(t *testing.T) {
	scripts(t)
	chromium := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = path
			break
		}
	}
	if chromium == "" {
		t.Skip("Chromium is not installed: run scripts/browser.sh")
	}
	overWebsocket(t, func(t *testing.T, s *server, j job) {
		j.Chromium = chromium
		s.script(j, "page.js")
	})
}

// scripts skips the test if the scripts cannot run.
func scripts(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("Node is not installed: run scripts/browser.sh")
	}
	for _, name := range []string{"@nats-io/nats-core", "playwright-core", "ws"} {
		if _, err := os.Stat(filepath.Join("browser", "node_modules", filepath.FromSlash(name))); err != nil {
			t.Skipf("the npm package %s is not installed: run scripts/browser.sh", name)
		}
	}
}

// overWebsocket runs a scenario against both servers, without and with compression,
// and against godwit with TLS.
func overWebsocket(t *testing.T, scenario func(t *testing.T, s *server, j job)) {
	for _, name := range []string{"godwit", "nats-server"} {
		for _, compression := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/compression %v", name, compression), func(t *testing.T) {
				s, j := websocketServer(t, name, compression, false)
				scenario(t, s, j)
			})
		}
	}
	t.Run("godwit/TLS", func(t *testing.T) {
		s, j := websocketServer(t, "godwit", true, true)
		scenario(t, s, j)
	})
}

// websocketServer starts a server that one page may connect to.
func websocketServer(t *testing.T, name string, compression, secure bool) (*server, job) {
	t.Helper()
	port := freePort(t)
	j := job{URL: fmt.Sprintf("ws://127.0.0.1:%d/any/path", port), Token: "s3cret", Page: freePort(t)}
	j.Expect = expected{Compression: compression, Largest: 1 << 20}
	if name == "nats-server" && compression {
		// It drops clients whose messages inflate to more than max_payload, protocol
		// included.
		j.Expect.Largest = 1<<20 - 1000
	}
	encryption, scheme := "no_tls: true", "http"
	if secure {
		j.Cert, j.Key, _ = certificate(t)
		encryption, scheme = fmt.Sprintf("tls { cert_file: %q, key_file: %q }", j.Cert, j.Key), "https"
		j.URL = "wss" + strings.TrimPrefix(j.URL, "ws")
		t.Setenv("NODE_EXTRA_CA_CERTS", j.Cert)
	}
	return startServer(t, name, fmt.Sprintf(`
		authorization { token: %q }
		websocket {
			listen: "127.0.0.1:%d", %s, compression: %v, token_cookie: token
			allowed_origins: ["%s://127.0.0.1:%d"]
		}`, j.Token, port, encryption, compression, scheme, j.Page)), j
}

// script runs a script and makes a test of each of its scenarios.
func (s *server) script(j job, args ...string) {
	s.t.Helper()
	told, err := json.Marshal(j)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(s.t.Context(), "node", append(args, string(told))...)
	cmd.Dir, cmd.Stderr, cmd.WaitDelay = "browser", os.Stderr, time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	timeout := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	defer timeout.Stop()
	count := s.follow(stdout, stdin)
	if err := cmd.Wait(); err != nil {
		s.t.Errorf("node: %v", err)
	}
	if count == 0 {
		s.t.Error("no scenario has run")
	}
}

// follow reads what a script prints, and restarts the server when asked to.
func (s *server) follow(stdout io.Reader, stdin io.Writer) (count int) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var n news
		if err := json.Unmarshal(lines.Bytes(), &n); err != nil {
			s.t.Errorf("the script says %q", lines.Text())
			continue
		}
		if n.Restart {
			s.stop(syscall.SIGKILL)
			s.start()
			fmt.Fprintln(stdin, "up") // a script that has ended is noticed anyway
			continue
		}
		count++
		s.t.Run(n.Name, func(t *testing.T) {
			if n.Error != "" {
				t.Error(n.Error)
			}
		})
	}
	if err := lines.Err(); err != nil {
		s.t.Error(err)
	}
	return count
}
