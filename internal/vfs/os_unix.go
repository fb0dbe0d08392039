//go:build unix

package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func rename(from, to string) error { return os.Rename(from, to) }

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		d.Close()
		return err
	}
	return d.Close()
}

func lockFile(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = conn.Control(func(fd uintptr) {
		for {
			result = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB)
			if result != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if errors.Is(result, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return result
}
