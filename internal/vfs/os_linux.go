package vfs

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const directFlag = unix.O_DIRECT

func refusesDirect(err error) bool { return errors.Is(err, unix.EINVAL) }

// syncData leaves out what is not needed to read the data back, such as the
// time of the last change: that saves a write to the file system's own journal.
func syncData(f *os.File) error {
	return control("fdatasync", f, unix.Fdatasync)
}

// allocate reserves space; a file system that cannot says ErrUnsupported.
func allocate(f *os.File, off, size int64) error {
	return control("fallocate", f, func(fd int) error {
		err := unix.Fallocate(fd, 0, off, size)
		if err == unix.EOPNOTSUPP || err == unix.ENOSYS {
			return errors.ErrUnsupported
		}
		return err
	})
}

func control(op string, f *os.File, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = conn.Control(func(fd uintptr) {
		for {
			result = call(int(fd))
			if result != syscall.EINTR {
				return
			}
		}
	})
	if err == nil {
		err = result
	}
	if err != nil {
		return &os.PathError{Op: op, Path: f.Name(), Err: err}
	}
	return nil
}
