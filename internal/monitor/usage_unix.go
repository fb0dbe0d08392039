//go:build unix

package monitor

import (
	"syscall"
	"time"
)

// processTime is the CPU time that the process took so far.
func processTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(syscall.TimevalToNsec(used.Utime) + syscall.TimevalToNsec(used.Stime))
}
