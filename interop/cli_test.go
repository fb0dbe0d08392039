package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCLI(t *testing.T) {
	both(t, "", func(t *testing.T, s *server) {
		if out := s.mustCLI("rtt"); !strings.Contains(out, s.url()) {
			t.Errorf("rtt: %s", out)
		}
		sub := exec.Command(binaries["nats"], "--server", s.url(), "--no-context", "sub", "news.>", "--count", "1", "--raw")
		sub.Env = append(os.Environ(), "HOME="+t.TempDir())
		text := make(chan string, 1)
		go func() { out, _ := sub.Output(); text <- string(out) }()
		reply := exec.Command(binaries["nats"], "--server", s.url(), "--no-context", "reply", "help", "at hand", "--count", "1")
		reply.Env = sub.Env
		if err := reply.Start(); err != nil {
			t.Fatal(err)
		}
		defer reply.Process.Kill()
		var got string
		eventually(t, "a delivery", func() bool {
			s.mustCLI("pub", "news.today", "all well", "--header", "X:1")
			select {
			case got = <-text:
				return true
			default:
				return false
			}
		})
		if !strings.Contains(got, "all well") {
			t.Errorf("sub: %q", got)
		}
		eventually(t, "an answer", func() bool {
			out, err := s.cli("request", "help", "me", "--raw")
			return err == nil && strings.Contains(out, "at hand")
		})
		if out := s.mustCLI("bench", "pub", "foo", "--msgs", "10000", "--no-progress"); !strings.Contains(out, "msgs/sec") {
			t.Errorf("bench: %s", out)
		}
	})
}

func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.conf"), filepath.Join(dir, "bad.conf")
	os.WriteFile(good, []byte("port: 4222\n"), 0o600)
	os.WriteFile(bad, []byte("port: 4222\nfoo: 1\n\n  bar: 2\n"), 0o600)
	run := func(args ...string) (string, int) {
		cmd := exec.Command(binaries["godwit"], args...)
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-c", good, "-t"}, 0, "godwit: configuration file " + good + " is valid (sha256:"},
		{[]string{"-c", bad, "-t"}, 1, "godwit: " + bad + `:2:1: unknown field "foo"` + "\ngodwit: " + bad + `:4:3: unknown field "bar"`},
		{[]string{"-t"}, 1, "must specify [-c, --config] option to check configuration file syntax"},
		{[]string{"-c", filepath.Join(dir, "missing")}, 1, "no such file or directory"},
		{[]string{"-no_advertise"}, 2, "-no_advertise is not supported yet"},
		{[]string{"-nonsense"}, 2, "flag provided but not defined: -nonsense"},
		{[]string{"nonsense"}, 1, `unrecognized command: "nonsense"`},
		{[]string{"version"}, 0, "godwit: v"},
		{[]string{"--help"}, 0, "Usage: godwit"},
		{[]string{"--signal", "foo=1"}, 1, `unknown signal "foo"`},
		{[]string{"--signal", "ldm=/nonexist"}, 1, "invalid pid: /nonexist"},
	} {
		if out, code := run(tc.args...); code != tc.code || !strings.Contains(out, tc.want) {
			t.Errorf("%v: exit %d, %s", tc.args, code, out)
		}
	}
}

// Go: TestPidFile test/pid_test.go:22
func TestSignalsAndFiles(t *testing.T) {
	dir := t.TempDir()
	pid, log := filepath.Join(dir, "pid"), filepath.Join(dir, "server.log")
	for name, sig := range map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM} {
		s := startServer(t, "godwit", "", "-P", pid, "-l", log, "--ports_file_dir", dir)
		text, err := os.ReadFile(pid)
		if err != nil || string(text) != fmt.Sprint(s.cmd.Process.Pid) {
			t.Errorf("pid file %q, %v", text, err)
		}
		ports, _ := filepath.Glob(filepath.Join(dir, "*.ports"))
		if len(ports) != 1 {
			t.Fatalf("ports files: %v", ports)
		}
		if text, _ := os.ReadFile(ports[0]); !strings.Contains(string(text), `"nats":["`+s.url()+`"]`) {
			t.Errorf("ports file: %s", text)
		}
		os.Rename(log, log+".old")
		if out, err := exec.Command(binaries["godwit"], "--signal", "reopen="+pid).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		eventually(t, "a new log file", func() bool { _, err := os.Stat(log); return err == nil })
		if code := s.stop(sig); code != 0 {
			t.Errorf("%s: exit %d", name, code)
		}
		if ports, _ := filepath.Glob(filepath.Join(dir, "*.ports")); len(ports) != 0 {
			t.Errorf("left behind: %v", ports)
		}
	}
}
