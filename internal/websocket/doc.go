// Package websocket carries a byte stream over WebSocket (RFC 6455), with
// permessage-deflate (RFC 7692), as servers and clients of NATS do. It knows
// nothing of the protocol inside: message boundaries have no meaning, both text
// and binary messages are read, binary ones are written.
//
// # The life of a connection
//
// A [Checker] is made once from [Options], which is when configured origins and
// headers are judged. [Checker.HTTPServer] returns an HTTP server that is fit to
// receive upgrade requests; its handler calls [Checker.Upgrade], which answers a
// bad request itself and otherwise returns a [Conn] and the [Request]: what the
// connection is for, and what the other side said about itself.
//
// [Dial] is the client's side of the same on a connection that exists, TLS
// included.
//
// A Conn is a net.Conn. When the peer closes, Read returns io.EOF; when it
// violates the protocol, a [*CloseError] with the status that it is told. The
// close frame that the peer is owed then is not sent at once, but by the next
// [Conn.CloseWith], [Conn.CloseWrite] or [Conn.Close], because answers to the
// payload read before may still be on their way. So the caller
//
//  1. gets the error from Read,
//  2. writes what it has to write,
//  3. calls CloseWith with its own reason, which the debt replaces if there is one,
//  4. calls Close; or, where the peer may still be sending, CloseWrite, then Read
//     until it fails, then Close.
//
// # Goroutines
//
// One goroutine reads; any may write, close or set deadlines. Pings are answered
// by the reader, but never from behind a writer: if one is at work, it sends the
// answer when it is done. What the reader itself writes is bounded by two
// seconds, so a peer that does not read cannot stop it for long.
//
// # Memory
//
// Read decodes in the caller's buffer, so that an idle connection holds none. A
// compressed message borrows a buffer and an inflater from pools until it is read;
// it is inflated while it arrives, and how much it may become is limited
// ([Conn.SetReadLimit]). Writing borrows a buffer, and a compressor if need be,
// for the time of one call. Large frames and messages are never made: their parts
// have at most 60 KiB, for browsers 4 KiB.
//
// # The parts
//
// [Decoder] takes frames apart without any input or output of its own;
// [AppendFrame] puts them together. Both are of use to tests of other packages.
//
// The package does not decide who may connect, beyond the origin; it does not map
// the reasons for which a server closes to status codes; it does not send pings.
package websocket
