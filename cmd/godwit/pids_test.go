//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The processes of these tests have numbers that no system gives out: a signal
// to them fails, whatever runs on the machine.
const (
	first  = 1_999_999_123
	second = 1_999_999_124
	other  = 1_999_999_456
)

// processes replaces what the system says about running processes. This process
// is always among them.
func processes(t *testing.T, pids ...int) {
	t.Helper()
	text := ""
	for _, pid := range append(pids, os.Getpid()) {
		text += fmt.Sprintln(pid)
	}
	pgrepSays(t, text, nil)
}

func pgrepSays(t *testing.T, text string, err error) {
	t.Helper()
	former := listPids
	t.Cleanup(func() { listPids = former })
	listPids = func(name string) ([]byte, error) {
		if name != "godwit" {
			t.Errorf("asked for processes of %q", name)
		}
		return []byte(text), err
	}
}

// Go: TestProcessSignalResolveSingleProcess server/signal_test.go:242
func TestTheOnlyOtherProcessIsMeant(t *testing.T) {
	processes(t, first)
	word, pids, err := targets("godwit", "stop")
	if word != "stop" || !slices.Equal(pids, []int{first}) || err != nil {
		t.Errorf("got %q %v, %v", word, pids, err)
	}
	// "stop=" is the same.
	if _, pids, err = targets("godwit", "stop="); !slices.Equal(pids, []int{first}) || err != nil {
		t.Errorf("got %v, %v", pids, err)
	}
	if numbers["stop"] != syscall.SIGKILL {
		t.Errorf("stop sends %v", numbers["stop"])
	}
}

// Go: TestProcessSignalNoProcesses server/signal_test.go:123
// Go: TestProcessSignalMultipleProcesses server/signal_test.go:142
// Go: TestProcessSignalPgrepError server/signal_test.go:204
// Go: TestProcessSignalPgrepMangled server/signal_test.go:223
func TestProcessesThatCannotBeResolved(t *testing.T) {
	const unresolved = "unable to resolve pid, try providing one"
	for _, tc := range []struct {
		name, text string
		err        error
		spec, want string
	}{
		{"pgrep finds nothing", "", &exec.ExitError{}, "stop", "no godwit processes running"},
		{"only this process", fmt.Sprintln(os.Getpid()), nil, "stop", "no godwit processes running"},
		{"only this process for a pattern", fmt.Sprintln(os.Getpid()), nil, "stop=*", "no godwit processes running"},
		{"none of the pattern", fmt.Sprintln(first), nil, "stop=20*", "no godwit processes running"},
		{"several", fmt.Sprintln(first, second, os.Getpid()), nil, "stop",
			fmt.Sprintf("multiple godwit processes running:\n%d\n%d", first, second)},
		{"pgrep fails", "", errors.New("not installed"), "stop", unresolved},
		{"pgrep fails for a pattern", "", errors.New("not installed"), "stop=1*", unresolved},
		{"mangled", "12x", nil, "stop", unresolved},
		{"mangled for a pattern", fmt.Sprintln(first, "12x"), nil, "stop=*", unresolved},
		{"not a process number", fmt.Sprintln(-first), nil, "stop", unresolved},
		{"every process", "0", nil, "stop", unresolved},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pgrepSays(t, tc.text, tc.err)
			if _, pids, err := targets("godwit", tc.spec); err == nil || err.Error() != tc.want {
				t.Errorf("got %v, %v, want %s", pids, err, tc.want)
			}
		})
	}
}

// Go: TestProcessSignalMultipleProcessesGlob server/signal_test.go:162
// Go: TestProcessSignalMultipleProcessesGlobPartial server/signal_test.go:183
func TestAPatternMeansEveryProcessThatFits(t *testing.T) {
	processes(t, first, second, other)
	for _, tc := range []struct {
		pattern string
		want    []int
	}{
		{"*", []int{first, second, other}},
		{"199999912*", []int{first, second}},
		{fmt.Sprint(other) + "*", []int{other}},
	} {
		if _, pids, err := targets("godwit", "stop="+tc.pattern); !slices.Equal(pids, tc.want) || err != nil {
			t.Fatalf("%s: got %v, %v", tc.pattern, pids, err) // before a living one is hit
		}
		// Each one is tried, and each failure is told.
		err := sendSignal("godwit", "stop="+tc.pattern)
		if err == nil {
			t.Fatalf("%s: no error", tc.pattern)
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(tc.want) {
			t.Fatalf("%s: got %q", tc.pattern, lines)
		}
		for i, pid := range tc.want {
			if want := fmt.Sprintf("signal \"stop\" %d: %v", pid, syscall.ESRCH); lines[i] != want {
				t.Errorf("%s: got %q, want %q", tc.pattern, lines[i], want)
			}
		}
	}
}

// Go: TestProcessSignalInvalidCommand server/signal_test.go:276
// Go: TestProcessSignalInvalidPid server/signal_test.go:287
func TestBadSignalsAreRefused(t *testing.T) {
	processes(t, first)
	missing := t.TempDir() + "/missing"
	words := write(t, "words", "twelve\n")
	for spec, want := range map[string]string{
		"invalid=123":                       `unknown signal "invalid"`,
		"invalid":                           `unknown signal "invalid"`,
		"=123":                              `unknown signal ""`,
		"STOP=123":                          `unknown signal "STOP"`,
		"stop=abc":                          "invalid pid: abc",
		"stop=0":                            "invalid pid: 0",
		"stop=-1":                           "invalid pid: -1",
		"stop=99999999999999999999":         "invalid pid: 99999999999999999999",
		"stop=" + missing:                   "invalid pid: " + missing,
		"stop=" + words:                     "invalid pid: twelve",
		"stop=" + write(t, "all", "0"):      "invalid pid: 0",
		"stop=" + write(t, "group", "-7\n"): "invalid pid: -7",
		"stop=" + write(t, "empty", ""):     "invalid pid: ",
		"stop=x*":                           "invalid pid: x*",
		"stop=-*":                           "invalid pid: -*",
		"stop=1**":                          "invalid pid: 1**",
	} {
		// Nothing is sent here: 0 and -1 would reach more than this test.
		if _, pids, err := targets("godwit", spec); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, %v, want %s", spec, pids, err, want)
		}
	}
	for spec, want := range map[string]string{
		"invalid=123":                 `unknown signal "invalid"`,
		"stop=abc":                    "invalid pid: abc",
		fmt.Sprintf("quit=%d", other): fmt.Sprintf("signal \"quit\" %d: %v", other, syscall.ESRCH),
	} {
		code, stdout, stderr := runHere("-signal", spec)
		if code != 1 || stdout != "" || stderr != self+": "+want+"\n" {
			t.Errorf("%s: exit %d, %q", spec, code, stderr)
		}
	}
}

func TestProcessNumbersAndFiles(t *testing.T) {
	for expression, want := range map[string]int{
		fmt.Sprint(other):                           other,
		write(t, "plain", fmt.Sprint(first)):        first,
		write(t, "line", fmt.Sprintln(" ", second)): second,
	} {
		if _, pids, err := targets("godwit", "ldm="+expression); !slices.Equal(pids, []int{want}) || err != nil {
			t.Errorf("%s: got %v, %v", expression, pids, err)
		}
	}
}
