// Package godwittest runs servers for tests.
//
//	func TestMyService(t *testing.T) {
//		s := godwittest.Run(t, nil)
//		nc, err := nats.Connect(s.ClientURL())
//		...
//	}
//
// The server listens on a free port of the loopback interface, logs to the test
// if asked to, and is shut down when the test ends.
package godwittest
