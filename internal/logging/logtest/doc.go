// Package logtest has a logger for tests that want to know what was logged.
//
//	log := logtest.New(t)
//	server.SetLogger(log)
//	...
//	log.Wait(t, logging.Warn, "Slow Consumer")
//
// A Capture keeps every statement, in order, and shows them if the test fails.
// Its methods may be called from any goroutine, and from log calls at any time,
// also after the end of the test. It never ends the process: Fatalf is one more
// statement.
package logtest
