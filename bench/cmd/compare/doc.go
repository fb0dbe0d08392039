// Command compare runs the benchmark scenarios against two servers, one after the other in interleaved rounds, and
// prints the tables. Without -a it builds godwit from the module around this one, without -b the reference server in the
// version that go.mod names. See README.md for what the scenarios do and how to read the result.
//
//	go run ./cmd/compare                                     everything
//	go run ./cmd/compare -quick -scenarios '1to1-*,reqrep-*'  a short look at some
//	go run ./cmd/compare -a ./before -b ./after         two builds of anything
package main
