// Command load drives one running server through one scenario and prints what it measured as one line of JSON.
// It prints nothing on standard output and exits with status 1 if a single message was lost.
//
// It is started by the compare command; by hand:
//
//	load -scenario 1to1-128B -address 127.0.0.1:4222 -pid 4711
package main
