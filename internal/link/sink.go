package link

import (
	"net"
	"time"
)

// sink is where an Out writes. Its methods are called by the holder of the
// right to write only, one at a time.
type sink interface {
	// try writes what the transport takes at once. It returns the bytes taken;
	// fewer than offered, or blocked, means: wait before going on.
	try(bufs [][]byte) (n int, blocked bool, err error)
	// wait writes everything, blocking until deadline.
	wait(bufs [][]byte, deadline time.Time) (n int, err error)
}

// blockingSink is the portable sink: any net.Conn. It never writes inline,
// since a net.Conn cannot promise not to block.
type blockingSink struct{ conn net.Conn }

// gatherer is a transport that frames what it is given and had better be given it
// in one piece.
type gatherer interface {
	WriteBuffers(bufs [][]byte) (int, error)
}

func (s blockingSink) try([][]byte) (int, bool, error) { return 0, true, nil }

func (s blockingSink) wait(bufs [][]byte, deadline time.Time) (int, error) {
	if err := s.conn.SetWriteDeadline(deadline); err != nil {
		return 0, err
	}
	if g, ok := s.conn.(gatherer); ok {
		return g.WriteBuffers(bufs)
	}
	total := 0
	for _, b := range bufs {
		n, err := s.conn.Write(b)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func size(bufs [][]byte) int {
	n := 0
	for _, b := range bufs {
		n += len(b)
	}
	return n
}
