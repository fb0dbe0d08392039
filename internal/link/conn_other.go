//go:build !linux && !darwin

package link

import (
	"errors"
	"net"
	"syscall"
)

var errAgain = errors.New("link: nothing to read")

func rawConn(net.Conn) syscall.RawConn { return nil }

// readFD is never reached: without rawConn there is no raw reading.
func readFD(uintptr, []byte) (int, error) { return 0, errAgain }
