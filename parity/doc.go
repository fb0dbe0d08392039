// Command parity compares the tests of this repository with the ledger: the
// names of the reference server's test functions, as a list of behaviours.
//
// A test that shows the behaviour of an entry says so in its doc comment:
//
//	// Go: TestName server/file_test.go:123
//
// The command prints, per file of the reference, how many entries are covered,
// how many there are, and how many are not applicable, for which the ledger gives
// a reason. It fails on a comment that names no entry, on one that stands above
// anything but a test, on an entry that is both covered and not applicable, and on
// a reason that gives none.
//
//	go run ./parity                                        # the summary
//	go run ./parity -missing                               # entries that nothing covers
//	go run ./parity -missing -file server/client_test.go   # those of one file
package main
