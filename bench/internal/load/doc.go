// Package load drives one server through one scenario and measures it.
//
// # The life of a run
//
// [Run] finds the scenario in [Catalogue], connects to the [Target], lets the scenario warm up, reads the clocks,
// lets it work for [Settings.Duration], waits until everything that was sent has arrived, reads the clocks again and
// returns a [Result]. Every scenario then proves that nothing was lost or doubled: each receiver must have counted
// exactly what was sent to it, after a PING and PONG on every connection. If that fails, if the server reports an
// error, closes a connection or delivers nothing for [Settings.Stall], Run returns an error and no numbers.
//
// # Kinds of scenario
//
//   - A flow: publishers write prebuilt batches, receivers count (flow.go). Most scenarios are flows of some shape.
//   - Ping-pong work with few messages in flight (request.go, pairs.go). Where only one message is under way at a
//     time a single goroutine does both ends over blocking sockets, so that the generator has no wake-ups of its own.
//   - Subscriptions, idle connections (subscriptions.go, idle.go): memory and rate of things that are kept.
//   - Comparisons inside one server: stuck.go (with and without a subscriber that never reads) and permission.go.
//
// # Flow control
//
// A server closes a subscriber for which more than max_pending bytes (64 MB) wait. So that a fast publisher does not
// run into that, a gate lets it be ahead of its slowest receiver by [Settings.Window] bytes at most, and by
// [Settings.WindowTotal] bytes over all receivers together. The receivers' counts travel to the publishers inside this process,
// the server takes no part in it.
//
// # Goroutines
//
// A session's reader goroutine owns its counter; everyone else sees only the progress it publishes. A publisher's
// goroutine owns its batches. The first failure of any of them ends the run: it closes all sessions and wakes all waiters.
package load
