// Package target builds server binaries, writes the configurations that the scenarios need and starts and stops one
// server at a time on loopback.
//
// Both servers of a comparison get the same files: nothing in a configuration is tuned for either. Each run has a
// fresh process on fresh ports, so that memory figures start from zero and no run inherits the state of another.
//
// A [Lab] is the directory with the binaries, configurations and logs of one comparison. It is used by one goroutine.
package target
