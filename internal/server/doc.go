// Package server puts a server together: it builds the parts from the options
// and owns their lives.
//
// [New] checks the options and makes everything that does not run; [Server.Start]
// opens what listens, in an order that operators know from the log; and
// [Server.Shutdown] ends it all and waits for every goroutine. The states are
// fresh, starting, running, lame duck, stopping and stopped, and only go forward.
//
//	server.go        life
//	listen.go        accepting connections
//	authenticate.go  from credentials to an account
//	accounts.go      the accounts and how many connections each has
//	registry.go      open connections, and the last closed ones
//	info.go          the INFO that clients are sent
//	lameduck.go      leaving without hurting anybody
//	source.go        what monitoring sees
//
// Nothing here ends the process, handles signals or is global: any number of
// servers live side by side.
package server
