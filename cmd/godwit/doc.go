// Command godwit runs a messaging server that speaks the NATS protocols.
//
// It takes the flags and configuration files of nats-server; see -help.
// Exit codes: 0 after an orderly end, 1 if the server could not start or a
// signal could not be sent, 2 for a bad command line.
//
// As the first argument, migrate takes over what nats-server stored, and fsck checks the
// store of a server that is stopped. They have flags and exit codes of their own; see
// migrate -help and fsck -help.
package main
