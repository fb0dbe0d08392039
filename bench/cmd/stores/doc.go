// Command stores compares the stores of godwit and the reference below their servers:
// the block engine with every message durable against the reference's file store with its
// default, which does not sync, in one run, in turn.
//
//	go run ./cmd/stores                       # all scenarios, 3 rounds
//	go run ./cmd/stores -scenarios append -scale 0.1
//
// Each measurement is a process of its own, so that memory counts and caches are cold
// where they should be. The reference's file store is not exported; it is reached through
// an embedded server, whose stream hands it out. A third side, "bare", is a program that
// receives the bytes over a socket, overwrites 4 KB and syncs: the floor for appending one
// by one.
package main
