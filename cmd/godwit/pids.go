//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// listPids finds the processes of a name. Tests replace it.
var listPids = func(name string) ([]byte, error) { return exec.Command("pgrep", name).Output() }

// targets splits "word" or "word=expression" and finds the processes that are
// meant: a number, a file that holds one, a prefix such as 12*, or, without an
// expression, the only other process of that name.
func targets(name, spec string) (word string, pids []int, err error) {
	word, expression, _ := strings.Cut(spec, "=")
	if _, ok := numbers[word]; !ok {
		return word, nil, fmt.Errorf("unknown signal %q", word)
	}
	prefix, pattern := strings.CutSuffix(expression, "*")
	if expression != "" && !pattern {
		pid, err := onePid(expression)
		return word, []int{pid}, err
	}
	if pattern && strings.Trim(prefix, "0123456789") != "" {
		return word, nil, fmt.Errorf("invalid pid: %s", expression)
	}
	if pids, err = otherPids(name); err != nil {
		return word, nil, err
	}
	if pattern {
		pids = slices.DeleteFunc(pids, func(pid int) bool { return !strings.HasPrefix(strconv.Itoa(pid), prefix) })
	}
	switch {
	case len(pids) == 0:
		return word, nil, fmt.Errorf("no %s processes running", name)
	case len(pids) > 1 && !pattern:
		text := fmt.Sprintf("multiple %s processes running:", name)
		for _, pid := range pids {
			text += fmt.Sprintf("\n%d", pid)
		}
		return word, nil, errors.New(text)
	}
	return word, pids, nil
}

// onePid reads a process number from a text or from the file that it names.
func onePid(expression string) (int, error) {
	text := expression
	if strings.Trim(text, "0123456789") != "" {
		data, err := os.ReadFile(expression)
		if err != nil {
			return 0, fmt.Errorf("invalid pid: %s", expression)
		}
		text = strings.TrimSpace(string(data))
	}
	pid, err := strconv.Atoi(text)
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("invalid pid: %s", text)
	}
	return pid, nil
}

func otherPids(name string) ([]int, error) {
	unresolved := errors.New("unable to resolve pid, try providing one")
	out, err := listPids(name)
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) { // nothing found
			return nil, nil
		}
		return nil, unresolved
	}
	var pids []int
	for _, field := range strings.Fields(string(out)) {
		pid, err := strconv.Atoi(field)
		if err != nil || pid <= 0 { // kill takes those below for groups of processes
			return nil, unresolved
		}
		if pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
