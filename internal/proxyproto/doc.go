// Package proxyproto reads the header of the PROXY protocol, versions 1 and 2, by
// which a load balancer tells a server whose connection it forwards.
//
// The reader of a connection calls [Parse] with everything that it has received,
// from the first byte on, until the answer is not [NeedMore]:
//
//   - [NotProxy]: there is no header, which is no fault; all bytes are the client's.
//   - [Done]: the first n bytes are the header, the rest is the client's.
//   - an error: there is a header, but not one to be believed. The connection
//     should be closed.
//
// The first six bytes tell whether there is a header. A wrong byte is reported as
// soon as it is seen, so a caller never waits for the end of something that cannot
// become valid. A header of version 1 has at most 107 bytes, one of version 2 at
// most 65551; the caller needs no other bound, but one on the time.
//
// Parse holds no state, keeps nothing of its argument and may be called from any
// goroutine. Whether the sender may be trusted is not decided here.
package proxyproto
