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

// Socket returns the inode of the IPv4 TCP socket that owns the local port and is connected to the remote port. It
// reads the kernel's table of all sockets, which takes milliseconds where there are tens of thousands.
func Socket(localPort, remotePort int) (uint64, error) {
	file, err := os.Open("/proc/net/tcp")
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return socket(bufio.NewScanner(file), localPort, remotePort)
}

func socket(lines *bufio.Scanner, localPort, remotePort int) (uint64, error) {
	const inodeColumn = 9
	local, remote := fmt.Sprintf(":%04X", localPort), fmt.Sprintf(":%04X", remotePort)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) > inodeColumn && strings.HasSuffix(fields[1], local) && strings.HasSuffix(fields[2], remote) {
			inode, err := strconv.ParseUint(fields[inodeColumn], 10, 64)
			if err != nil || inode == 0 {
				return 0, fmt.Errorf("socket of port %d to port %d is closed", localPort, remotePort)
			}
			return inode, nil
		}
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, fmt.Errorf("no socket of port %d to port %d", localPort, remotePort)
}

// HoldsSocket tells whether the process has the socket open. It turns false as soon as the process has closed it,
// even while the kernel still keeps data that the peer does not take. It costs a system call per open file.
func HoldsSocket(pid int, inode uint64) (bool, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	want := fmt.Sprintf("socket:[%d]", inode)
	for _, entry := range entries {
		// A file that was closed since the directory was read is no error.
		if link, err := os.Readlink(dir + "/" + entry.Name()); err == nil && link == want {
			return true, nil
		}
	}
	return false, nil
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
