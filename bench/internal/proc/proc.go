package proc

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cpuClockSched is CPUCLOCK_SCHED of the kernel: the precise clock of a process.
const cpuClockSched = 2

// CPUTime returns the user and system time that the process has used since it started.
func CPUTime(pid int) (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|cpuClockSched), &ts); err != nil {
		return 0, fmt.Errorf("read the CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// Memory is a process's resident set, in bytes.
type Memory struct{ Resident, Peak int64 }

// ReadMemory returns how much memory the process holds now and how much it held at most.
func ReadMemory(pid int) (Memory, error) {
	name := fmt.Sprintf("/proc/%d/status", pid)
	text, err := os.ReadFile(name)
	if err != nil {
		return Memory{}, fmt.Errorf("read memory of process %d: %w", pid, err)
	}
	var m Memory
	if m.Resident, err = kilobytes(text, "VmRSS:"); err != nil {
		return Memory{}, fmt.Errorf("%s: %w", name, err)
	}
	if m.Peak, err = kilobytes(text, "VmHWM:"); err != nil {
		return Memory{}, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

func kilobytes(text []byte, key string) (int64, error) {
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) == 3 && fields[0] == key && fields[2] == "kB" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no line %q", key)
}

// Established tells whether the IPv4 TCP connection between the two ports of loopback addresses is established on
// the side that owns the local port. It is false as soon as that side has closed it, even while the kernel still
// holds data that the other side does not take.
func Established(localPort, remotePort int) (bool, error) {
	file, err := os.Open("/proc/net/tcp")
	if err != nil {
		return false, err
	}
	defer file.Close()
	return established(bufio.NewScanner(file), localPort, remotePort)
}

func established(lines *bufio.Scanner, localPort, remotePort int) (bool, error) {
	const established = "01"
	local, remote := fmt.Sprintf(":%04X", localPort), fmt.Sprintf(":%04X", remotePort)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) > 3 && strings.HasSuffix(fields[1], local) && strings.HasSuffix(fields[2], remote) {
			return fields[3] == established, nil
		}
	}
	return false, lines.Err()
}

// RaiseFiles raises this process's limit of open files to the hard limit, also for the processes that it starts,
// and returns it.
func RaiseFiles() (uint64, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("raise the limit of open files to %d: %w", limit.Max, err)
	}
	return limit.Cur, nil
}
