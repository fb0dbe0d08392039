// Package system_test shows, with real servers and real clients, what a server
// says and does in the system account: advisories about connections, statistics,
// answers to requests about the server and its accounts, orders such as closing a
// connection, and what users of other accounts may learn about themselves.
package system_test
