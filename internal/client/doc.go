// Package client is the server's side of one client connection.
//
// A [Client] is made for an accepted connection and served by one goroutine
// ([Client.Serve]) until it ends:
//
//	greet.go      INFO, limits, PROXY header, TLS
//	input.go      one batch of input: parse, dispatch, flush; publishing
//	connect.go    CONNECT: options, authentication, binding to an account
//	subscribe.go  SUB and UNSUB; changes of interest are applied in runs
//	permissions.go  what may be published, reserved subjects, granted replies
//	ping.go       PING in both directions, timers
//	client.go     life and death, slow consumers
//	snapshot.go   what monitoring may see
//
// State that only the reading goroutine needs has no lock; the rest is guarded
// by the client's mutex, which is never held while something is written or a
// lock of the interest is taken. Other goroutines may close a client, send it
// lines and take snapshots.
//
// What a client needs of its server is the interface [Server]; what it needs of
// the options is in [Settings], which a reload replaces as a whole.
package client
