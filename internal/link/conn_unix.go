//go:build linux || darwin

package link

import (
	"net"
	"os"
	"syscall"
)

const errAgain = syscall.EAGAIN

// rawConn returns the descriptor's access for reading.
func rawConn(conn net.Conn) syscall.RawConn {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// readFD reads once. It returns errAgain itself when there is nothing to read.
func readFD(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), p)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, errAgain
		default:
			return 0, os.NewSyscallError("read", err)
		}
	}
}
