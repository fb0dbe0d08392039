// Package link carries the bytes of one connection.
//
// # Inbound
//
// The goroutine that calls [Conn.Serve] reads. While a connection is idle it
// holds no buffer: the socket is watched for readability, and only when there
// is something to read is a [Block] taken from a pool. All that one read
// brought goes to [Handler.Input] at once, which is the unit of work of
// everything above: a batch. What Input leaves unread is kept, in its block if
// it is large, in a right-sized copy if it is small.
//
// # Outbound
//
// There is no writing goroutine. A publisher collects what a batch has for one
// destination in a [Run] and hands it to the destination's [Out] with
// [Out.Send]. Whoever finds the Out idle acquires the right to write ("busy")
// and writes without blocking, in its own goroutine: a lone message is on the
// wire before Send returns, and a batch costs one system call per destination.
// What the socket does not take is queued, and a goroutine drains the queue and
// ends when it is empty. For batches with very many destinations a small pool
// of [Flushers] writes instead.
//
// The rules that keep this correct:
//   - Only the holder of the right to write touches the transport, and it gives
//     the right back or passes it on; the mutex is never held across a system
//     call.
//   - What was queued first is written first: whoever does not hold the right
//     appends to the queue.
//   - Descriptors are used through syscall.RawConn, so that a write can never
//     reach another connection to which the kernel gave the same number.
//   - Nothing waits for more data in order to batch.
//
// A destination whose queue exceeds [Limits].MaxPending, or that misses the
// write deadline, is given up ([Owner].OutFailed). One whose backlog exceeds
// [SoftLimit] makes publishers wait a little ([Out.AwaitCalm]), but not if it
// does not move at all.
//
// # Memory
//
// A Block has a reference count. Large payloads are shared by reference between
// the reader's block and the queues of all destinations; small ones are copied.
//
// # Transports
//
// TCP sockets on Unix systems take the fast path. Every other net.Conn,
// [Pipe] among them, takes the portable one: a blocking Read with a small
// buffer, and a draining goroutine for every write. TLS keeps the fast outbound
// path: records are encrypted into memory, which cannot block, and written like
// anything else.
//
// The package knows nothing of any protocol.
package link
