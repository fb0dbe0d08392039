// Package kit has what the black-box tests below tests/ share: checks that end a
// test, bounded waiting, servers with a file that can change, clients of the
// library, connections that speak the protocol by hand, a log to look into, and
// key pairs of operators, accounts and users.
//
//	s, reload := kit.Reloadable(t, `accounts { A { users: [{user: a, password: pw}] } }`)
//	nc := kit.Connect(t, s, "a")
//	inbox := kit.Subscribe(t, nc, "foo")
//	w := kit.Dial(t, s.Addr())
//	w.Send(`CONNECT {"user":"a","pass":"pw","verbose":false}`, "PING")
//	w.Expect("PONG")
//
// Nothing here waits for a time to pass: waits end with what they wait for, and fail
// the test after Patience. A function that takes a testing.TB must be called by the
// goroutine of that test. What it opens is closed when the test ends.
package kit
