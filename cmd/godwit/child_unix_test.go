//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit"
)

const patience = 15 * time.Second

// child is the command in a process of its own.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string // of standard error, closed at its end
	seen  []string
}

// start runs the test binary as the command.
func start(t *testing.T, binary string, args ...string) *child {
	t.Helper()
	cmd := exec.Command(binary, args...)
	// The race detector would hold up the end of each process for a second.
	cmd.Env = append(os.Environ(), asCommand+"=1", strings.TrimSpace("GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: cmd, lines: make(chan string, 1000)}
	go func() {
		defer close(c.lines)
		for scanner := bufio.NewScanner(pipe); scanner.Scan(); {
			c.lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill() // it may have ended meanwhile
			for range c.lines {
			}
			cmd.Wait() // killed: the error says so
		}
	})
	return c
}

// serving starts a server on a free port of this machine.
func serving(t *testing.T, args ...string) *child {
	t.Helper()
	return start(t, os.Args[0], append([]string{"-a", "127.0.0.1", "-p", "-1"}, args...)...)
}

// await reads lines up to one that contains the text.
func (c *child) await(text string) string {
	c.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-c.lines:
			if !ok {
				c.t.Fatalf("ended without %q:\n%s", text, strings.Join(c.seen, "\n"))
			}
			c.seen = append(c.seen, line)
			if strings.Contains(line, text) {
				return line
			}
		case <-timeout:
			c.t.Fatalf("no %q in\n%s", text, strings.Join(c.seen, "\n"))
		}
	}
}

// address waits until the server is ready; it returns the client listener's.
func (c *child) address() string {
	c.t.Helper()
	_, address, _ := strings.Cut(c.await("Listening for client connections on "), "connections on ")
	c.await("Server is ready")
	return address
}

func (c *child) signal(sig os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(sig); err != nil {
		c.t.Fatal(err)
	}
}

// exit waits for the end of the process.
func (c *child) exit() *os.ProcessState {
	c.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-c.lines:
			if ok {
				c.seen = append(c.seen, line)
				continue
			}
			c.cmd.Wait() // the state says how it ended
			return c.cmd.ProcessState
		case <-timeout:
			c.t.Fatalf("does not end:\n%s", strings.Join(c.seen, "\n"))
		}
	}
}

// ended checks for an orderly end.
func (c *child) ended() {
	c.t.Helper()
	if state := c.exit(); state.ExitCode() != 0 {
		c.t.Errorf("%v:\n%s", state, strings.Join(c.seen, "\n"))
	}
	if len(c.seen) > 0 && !strings.HasSuffix(c.seen[len(c.seen)-1], "Server Exiting..") {
		c.t.Errorf("its last line is %q", c.seen[len(c.seen)-1])
	}
}

// eventually waits for something that cannot be waited for otherwise.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	timeout, tick := time.After(patience), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("never came: %s", what)
		}
	}
}

// logged waits for a text in a log file.
func logged(t *testing.T, path, text string) {
	t.Helper()
	eventually(t, text+" in "+filepath.Base(path), func() bool {
		data, _ := os.ReadFile(path)
		return strings.Contains(string(data), text)
	})
}

// peer is a client's connection.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// greet connects and reads INFO.
func greet(t *testing.T, address string) (p *peer, info map[string]any) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	p = &peer{t, conn, bufio.NewReader(conn)}
	text, ok := strings.CutPrefix(p.line(), "INFO ")
	if err := json.Unmarshal([]byte(text), &info); !ok || err != nil {
		t.Fatalf("%q is not INFO: %v", text, err)
	}
	return p, info
}

// dial connects as a client that understands INFO at any time. The answer to its
// PING, with the INFO after it, proves that the server knows that.
func dial(t *testing.T, address string) *peer {
	t.Helper()
	p, _ := greet(t, address)
	fmt.Fprint(p.conn, "CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n")
	if pong := p.line(); pong != "PONG" {
		t.Fatalf("got %q", pong)
	}
	if info := p.line(); !strings.HasPrefix(info, "INFO ") {
		t.Fatalf("got %q", info)
	}
	return p
}

// line reads the next line that is not the server's PING.
func (p *peer) line() string {
	p.t.Helper()
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			p.t.Fatal(err)
		}
		if line != "PING\r\n" {
			return strings.TrimRight(line, "\r\n")
		}
	}
}

// portsFile reads the one ports file of a directory; nil if there is none.
func portsFile(t *testing.T, dir string) (name string, ports *godwit.Ports) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.ports"))
	if err != nil || len(files) > 1 {
		t.Fatalf("%v, %v", files, err)
	}
	if len(files) == 0 {
		return "", nil
	}
	ports = &godwit.Ports{}
	if err := json.Unmarshal([]byte(read(t, files[0])), ports); err != nil {
		t.Fatal(err)
	}
	return filepath.Base(files[0]), ports
}
