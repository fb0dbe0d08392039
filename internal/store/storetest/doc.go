// Package storetest is the contract of package store as tests: every
// implementation runs all of it.
//
// Each function of a group (Appending, Reading, Counting, Removing, Limiting,
// Expiring, Consuming) tells the rules of one part as small stories. Random plays
// operations of all kinds, in an order that nobody would think of, to a stream and to
// Model, which does what the contract says in the most obvious way, and compares
// all that both can be asked.
//
// An implementation gives an Open or OpenConsumer that makes an empty store, and
// closes it with the test's Cleanup. Time is the tests' own: nothing waits.
package storetest
