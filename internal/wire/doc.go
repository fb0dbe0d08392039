// Package wire parses the client protocol.
//
// The protocol is lines of text, some of which announce a payload:
//
//	PUB subject [reply] size CRLF payload CRLF
//	HPUB subject [reply] header-size total-size CRLF headers payload CRLF
//	SUB subject [queue] sid CRLF
//	UNSUB sid [max] CRLF
//	CONNECT {json} CRLF     PING CRLF     PONG CRLF
//	+OK CRLF     -ERR text CRLF     INFO {json} CRLF
//
// A [Parser] holds limits, not input. [Parser.Next] is given all unread bytes
// and returns the first whole operation as a [Command] whose slices point into
// them, or says that more is needed. Because nothing is remembered between
// calls, the result cannot depend on how the network split the input; whoever
// calls keeps the unread rest and tries again with more. Errors are found as
// early as the bytes allow: the first byte that cannot continue a verb is
// refused without waiting for the end of its line, and an endless line as soon
// as it exceeds the limit.
//
// The common PUB in canonical form takes a path without any splitting of
// arguments. What follows its subject is already what follows
// "MSG subject sid " in every delivery: [Command.Tail].
//
// Nothing here allocates, but for errors. A Parser belongs to the goroutine
// that reads from its connection. The package knows no connections, accounts or
// permissions, and does not judge subjects.
package wire
