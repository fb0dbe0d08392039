package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godwit-mq/godwit"
)

// asCommand in the environment makes the test binary behave as the command.
const asCommand = "GODWIT_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// self is the command's name in its own messages.
var self = strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")

// runHere runs the command in this process.
func runHere(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, &out, &errs)
	return code, out.String(), errs.String()
}

// write makes a file in the test's own directory and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestQuestionsAreAnsweredOnStdout(t *testing.T) {
	version := fmt.Sprintf("%s: v%s (compatible with v%s)\n", self, godwit.Version, godwit.CompatVersion)
	for _, tc := range []struct {
		args  []string
		start string
		has   string
	}{
		{[]string{"-v"}, version, ""},
		{[]string{"--version"}, version, ""},
		{[]string{"version"}, version, ""},
		{[]string{"VERSION"}, version, ""},
		{[]string{"-p", "4333", "version"}, version, ""},
		{[]string{"-h"}, "Usage: godwit [options]\n", "--ports_file_dir"},
		{[]string{"-help"}, "Usage: godwit [options]\n", "--ports_file_dir"},
		{[]string{"help"}, "Usage: godwit [options]\n", "--ports_file_dir"},
		{[]string{"-help_tls"}, "TLS settings", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
		{[]string{"--help_tls"}, "TLS settings", "CurveP256"},
	} {
		code, stdout, stderr := runHere(tc.args...)
		if code != 0 || !strings.HasPrefix(stdout, tc.start) || !strings.Contains(stdout, tc.has) || stderr != "" {
			t.Errorf("%v: exit %d, stdout %q, stderr %q", tc.args, code, stdout, stderr)
		}
	}
}

func TestBadCommandLineExitsWithTwoAndUsage(t *testing.T) {
	for _, tc := range []struct {
		args  []string
		first string
	}{
		{[]string{"-nonsense"}, "flag provided but not defined: -nonsense"},
		{[]string{"-p"}, "flag needs an argument: -p"},
		{[]string{"-p", "many"}, `invalid value "many" for flag -p: parse error`},
		{[]string{"-D=perhaps"}, `invalid boolean value "perhaps" for -D: parse error`},
		{[]string{"-no_advertise"}, `invalid boolean flag no_advertise: -no_advertise is not supported yet`},
		{[]string{"--cluster=nats://127.0.0.1:6222"}, `invalid boolean value "nats://127.0.0.1:6222" for -cluster: -cluster is not supported yet`},
	} {
		code, stdout, stderr := runHere(tc.args...)
		first, rest, _ := strings.Cut(stderr, "\n")
		if code != 2 || stdout != "" || first != tc.first || !strings.HasPrefix(rest, "\nUsage: godwit [options]\n") {
			t.Errorf("%v: exit %d, stdout %q, stderr begins %q", tc.args, code, stdout, first)
		}
	}
}

func TestFailuresExitWithOneAndNameTheCommand(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.conf")
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"start"}, `unrecognized command: "start"`},
		{[]string{"-c", missing}, missing},
		{[]string{"-n", "two words"}, "server name cannot contain spaces"},
		{[]string{"-m", "8222", "-ms", "8223"}, "Can't start monitoring: can't specify both HTTP (8222) and HTTPs (8223) ports"},
		{[]string{"-tls"}, "TLS"},
		{[]string{"-p", "-1", "-l", filepath.Join(missing, "log")}, "open log file"},
	} {
		code, stdout, stderr := runHere(tc.args...)
		if code != 1 || stdout != "" || !strings.HasPrefix(stderr, self+": ") || !strings.Contains(stderr, tc.want) || strings.Contains(stderr, "Usage") {
			t.Errorf("%v: exit %d, stdout %q, stderr %q", tc.args, code, stdout, stderr)
		}
	}
}

func TestCheckOfAConfiguration(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	pidFile := filepath.Join(t.TempDir(), "pid")
	for _, tc := range []struct {
		name, text string
		code       int
		lines      []string // %s is the file
	}{
		// A check opens nothing, so that it works beside a running server.
		{"valid, port in use", fmt.Sprintf("listen: %q, pid_file: %q", taken.Addr(), pidFile), 0, []string{"configuration file %s is valid (sha256:"}},
		{"faults", "port: -1\nfoo: 1\nbar: 2\n", 1, []string{`%s:2:1: unknown field "foo"`, `%s:3:1: unknown field "bar"`}},
		{"syntax", "port: {\n", 1, []string{"%s: Parse error on line 2: 'Unexpected EOF processing map.'"}},
		{"contradiction", "lame_duck_duration: 30s, lame_duck_grace_period: 31s", 1, []string{"lame duck grace period (31s) should be strictly lower than lame duck duration (30s)"}},
		{"empty", "", 1, []string{"%s: config has no values or is empty"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := write(t, "server.conf", tc.text)
			code, stdout, stderr := runHere("-t", "-c", path)
			if code != tc.code || stdout != "" {
				t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
			}
			lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
			if len(lines) != len(tc.lines) {
				t.Fatalf("stderr %q", stderr)
			}
			for i, want := range tc.lines {
				if want = self + ": " + strings.Replace(want, "%s", path, 1); !strings.HasPrefix(lines[i], want) {
					t.Errorf("got %q, want %q", lines[i], want)
				}
			}
		})
	}
	if _, err := os.Stat(pidFile); err == nil {
		t.Error("a check wrote the pid file")
	}
	code, _, stderr := runHere("-t")
	if code != 1 || stderr != self+": must specify [-c, --config] option to check configuration file syntax\n" {
		t.Errorf("without a file: exit %d, %q", code, stderr)
	}
}

func TestAPortInUseEndsTheStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	log := filepath.Join(dir, "server.log")
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	code, _, _ := runHere("-a", "127.0.0.1", "-p", port, "-l", log, "-ports_file_dir", dir)
	text := read(t, log)
	if want := "[FTL] Error listening on port: " + taken.Addr().String(); code != 1 || !strings.Contains(text, want) {
		t.Errorf("exit %d, no %q in %s", code, want, text)
	}
	if strings.Contains(text, "Server is ready") {
		t.Error("it says that it is ready")
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*.ports")); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}
