//go:build !linux && !darwin

package link

import "net"

// newRawSink has no fast path on this system: the portable sink serves.
func newRawSink(net.Conn) (sink, bool) { return nil, false }
