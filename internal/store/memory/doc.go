// Package memory keeps streams and consumers in memory and nowhere else. What they
// promise is said in package store, and how a stream is built in package chunked.
//
// A message counts for its parts and 16 bytes. It costs about 31 bytes beyond its
// subject, header and payload; one that is alone on its subject about 120 and twice the
// subject more.
//
// # Ownership
//
// As package store says: one goroutine changes a stream, or any number read it.
//
// # What it never does
//
// It keeps nothing after Close.
package memory
