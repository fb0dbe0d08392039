//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Go: TestSignalInterruptHasSuccessfulExit server/signal_test.go:487
// Go: TestSignalTermHasSuccessfulExit server/signal_test.go:502
func TestInterruptAndTermEndInGoodOrder(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		c := serving(t)
		p := dial(t, c.address())
		c.signal(sig)
		c.await(fmt.Sprintf("Trapped %q signal", sig))
		c.await("Initiating Shutdown...")
		c.ended()
		if rest, err := p.in.ReadString(0); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("%v: the connection stays open: %q, %v", sig, rest, err)
		}
	}
}

// Go: TestProcessSignalTermDuringLameDuckMode server/signal_test.go:428
func TestTermIsIgnoredInLameDuckMode(t *testing.T) {
	c := serving(t)
	address := c.address()
	p := dial(t, address)
	c.signal(syscall.SIGUSR2)
	c.await("Entering lame duck mode, stop accepting new clients")
	if info := p.line(); !strings.HasPrefix(info, "INFO ") || !strings.Contains(info, `"ldm":true`) {
		t.Errorf("clients are told %q", info)
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		t.Error("it still accepts")
	}
	c.signal(syscall.SIGTERM)
	c.await(`Trapped "terminated" signal, ignored in lame duck mode`)
	// The connection still works, and the server ends once it has gone.
	fmt.Fprint(p.conn, "PING\r\n")
	if pong := p.line(); pong != "PONG" {
		t.Errorf("got %q", pong)
	}
	p.conn.Close()
	c.await("Initiating Shutdown...")
	c.ended()
}

func TestInterruptEndsLameDuckMode(t *testing.T) {
	c := serving(t)
	dial(t, c.address())
	c.signal(syscall.SIGUSR2)
	c.await("Entering lame duck mode")
	c.signal(syscall.SIGINT)
	c.ended()
	if text := strings.Join(c.seen, "\n"); strings.Contains(text, "Closing existing clients") {
		t.Errorf("the grace period was over:\n%s", text)
	}
}

func TestLameDuckModeClosesClientsAfterTheGracePeriod(t *testing.T) {
	c := serving(t, "-c", write(t, "server.conf", "lame_duck_grace_period: 10ms"))
	p := dial(t, c.address())
	c.signal(syscall.SIGUSR2)
	c.await("Closing existing clients")
	if _, err := p.in.ReadString(0); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("the connection stays open: %v", err)
	}
	c.ended()
}

// Go: TestSignalToReloadConfig server/signal_test.go:77
func TestHangupReloadsTheConfiguration(t *testing.T) {
	path := write(t, "server.conf", "max_payload: 1000")
	c := serving(t, "-c", path)
	address := c.address()
	if _, info := greet(t, address); info["max_payload"] != 1000.0 {
		t.Errorf("INFO says %v", info)
	}
	if err := os.WriteFile(path, []byte("max_payload: 2000"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.signal(syscall.SIGHUP)
	c.await("[INF] Reloaded: max_payload = 2000")
	c.await("[INF] Reloaded server configuration (sha256:")
	if _, info := greet(t, address); info["max_payload"] != 2000.0 {
		t.Errorf("INFO says %v", info)
	}
	if err := os.WriteFile(path, []byte("max_payload: nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.signal(syscall.SIGHUP)
	c.await("[ERR] Failed to reload server configuration: ")
	if _, info := greet(t, address); info["max_payload"] != 2000.0 {
		t.Errorf("INFO says %v after a failure", info)
	}
}

// A reload may take as long as a disk or a web server does.
func TestASlowReloadDoesNotHoldSignalsUp(t *testing.T) {
	path := write(t, "server.conf", "max_payload: 1000")
	c := serving(t, "-c", path)
	c.address()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil { // nobody writes: to open it never ends
		t.Fatal(err)
	}
	c.signal(syscall.SIGHUP)
	c.await(`Trapped "hangup" signal`)
	c.signal(syscall.SIGTERM)
	c.await(`Trapped "terminated" signal`)
	c.ended()
}

// Go: TestSignalToReOpenLogFile server/signal_test.go:33
func TestLogFileIsReopened(t *testing.T) {
	log := filepath.Join(t.TempDir(), "server.log")
	c := serving(t, "-l", log)
	logged(t, log, "Server is ready")
	if err := os.Rename(log, log+".bak"); err != nil {
		t.Fatal(err)
	}
	c.signal(syscall.SIGUSR1)
	logged(t, log, "File log re-opened")
	c.signal(syscall.SIGTERM)
	c.ended()
	if len(c.seen) != 0 {
		t.Errorf("on standard error: %q", c.seen)
	}
	if text := read(t, log); strings.Contains(text, "Starting godwit") || !strings.Contains(text, "Server Exiting..") {
		t.Errorf("the new file: %s", text)
	}
	if text := read(t, log+".bak"); !strings.Contains(text, "Starting godwit") || strings.Contains(text, "Server Exiting..") {
		t.Errorf("the old file: %s", text)
	}
}

func TestReopeningNeedsALogFile(t *testing.T) {
	c := serving(t)
	c.address()
	c.signal(syscall.SIGUSR1)
	c.await("[WRN] File log re-open ignored, not a file logger")
	c.signal(syscall.SIGINT)
	c.ended()
}

// Each word reaches a running server as its signal.
//
// Go: TestProcessSignalQuitProcess server/signal_test.go:298
// Go: TestProcessSignalTermProcess server/signal_test.go:324
// Go: TestProcessSignalReopenProcess server/signal_test.go:350
// Go: TestProcessSignalReloadProcess server/signal_test.go:376
// Go: TestProcessSignalLameDuckMode server/signal_test.go:402
func TestWordsOfSignalReachARunningServer(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	for _, tc := range []struct {
		word string
		want syscall.Signal
		ends bool
	}{
		{"reopen", syscall.SIGUSR1, false},
		{"reload", syscall.SIGHUP, false},
		{"quit", syscall.SIGINT, true},
		{"term", syscall.SIGTERM, true},
		{"ldm", syscall.SIGUSR2, true},
	} {
		c := serving(t, "-P", pidFile)
		c.address()
		for _, expression := range []string{fmt.Sprint(c.cmd.Process.Pid), pidFile} {
			if code, stdout, stderr := runHere("-sl", tc.word+"="+expression); code != 0 || stdout+stderr != "" {
				t.Errorf("%s=%s: exit %d, %q", tc.word, expression, code, stdout+stderr)
			}
			c.await(fmt.Sprintf("Trapped %q signal", tc.want))
			if tc.ends {
				c.ended()
				break
			}
		}
	}
}

func TestStopKills(t *testing.T) {
	c := serving(t)
	c.address()
	if code, _, stderr := runHere("-signal", fmt.Sprintf("stop=%d", c.cmd.Process.Pid)); code != 0 || stderr != "" {
		t.Errorf("exit %d, %q", code, stderr)
	}
	state := c.exit()
	if status := state.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Errorf("ended by %v", state)
	}
}

// The system's list of processes is asked by the name of the binary.
func TestProcessesAreFoundByName(t *testing.T) {
	if _, err := exec.LookPath("pgrep"); err != nil {
		t.Skip("pgrep is not installed")
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Names of processes are cut to 15 bytes on Linux.
	name := fmt.Sprintf("gwt%d", os.Getpid())
	link := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(binary, link); err != nil {
		t.Fatal(err)
	}
	none := start(t, link, "-signal", "quit")
	if none.await("no "+name+" processes running") != name+": no "+name+" processes running" || none.exit().ExitCode() != 1 {
		t.Errorf("without a server: %q, %v", none.seen, none.cmd.ProcessState)
	}
	args := []string{"-a", "127.0.0.1", "-p", "-1"}
	one, two := start(t, link, args...), start(t, link, args...)
	one.address()
	two.address()
	many := start(t, link, "-signal", "quit")
	many.await("multiple " + name + " processes running:")
	many.await(fmt.Sprintf("%s: %d", name, min(one.cmd.Process.Pid, two.cmd.Process.Pid)))
	many.await(fmt.Sprintf("%s: %d", name, max(one.cmd.Process.Pid, two.cmd.Process.Pid)))
	if code := many.exit().ExitCode(); code != 1 {
		t.Errorf("with two servers: exit %d", code)
	}
	one.signal(syscall.SIGINT)
	one.ended()
	if code := start(t, link, "-signal", "quit").exit().ExitCode(); code != 0 {
		t.Errorf("with one server: exit %d", code)
	}
	two.await(`Trapped "interrupt" signal`)
	two.ended()
}
