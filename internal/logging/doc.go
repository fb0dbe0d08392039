// Package logging writes the server's log: one call, one line, to standard
// error, a file or syslog.
//
// # The line
//
//	[PID] 2006/01/02 15:04:05.000000 [INF] text
//
// The level is one of TRC, DBG, INF, WRN, ERR and FTL. The time stamp can be
// left out or be in UTC; the level is coloured only on a terminal. People grep
// for these lines and tools parse them, so their form is a promise.
//
// A log statement often quotes what a stranger sent. Whatever its arguments
// hold, a statement stays one line of printable text: control characters, line
// and paragraph separators, bidirectional overrides and bytes that are not
// UTF-8 are written as escapes (\n, \x1b, \u202e). Tabs are escaped too.
// RedactConnect removes the secrets from a CONNECT line before it is traced.
//
// # The loggers
//
//	NewStd, NewWriter   standard error, any io.Writer
//	NewFile             a file, with a size limit, backups and Reopen
//	NewSyslog           the local syslog daemon (not on Windows)
//	NewRemoteSyslog     udp://host:port, tcp://host:port, unix:///path
//	FromSlog            a *slog.Logger of a program that embeds the server
//	Discard             nothing
//
// Handler goes the other way: it makes a Logger usable as a slog.Handler.
//
// Switch stands between the server and its logger. The server logs to the
// Switch for its whole life; a reload puts another logger behind it, and the
// former one is closed when no call is inside it any more. RateLimited stands
// in front of a logger where strangers decide how often a statement is made.
//
// # Failure
//
// Logging must not stop the server, and a lost line must not go unnoticed. A
// line that cannot be written is counted (Lost) and its error handed to
// OnError, by default as a line on standard error, at most one in ten seconds.
// The first line that can be written again is preceded by one that says how
// many are missing. A file that cannot be rotated goes on growing and says so.
//
// Fatalf logs and makes sure that the line has left the process. It returns:
// to end the process is the decision of the command, never of this package.
//
// # Goroutines
//
// Every method may be called from any goroutine. The syslog logger owns one
// goroutine, so that a dead log server delays nobody; Close ends it. The others
// write in the caller's goroutine and have none. OnError runs inside a log
// call: it must not log to the same logger.
package logging
