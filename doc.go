// Package godwit embeds a NATS-compatible messaging server in a Go program.
//
// A server is made of [Options], started, used by any NATS client, and shut
// down:
//
//	s, err := godwit.NewServer(&godwit.Options{Port: godwit.RandomPort})
//	if err != nil { ... }
//	if err := s.Start(); err != nil { ... }
//	defer s.Shutdown()
//	nc, err := nats.Connect(s.DialURL())
//
// Start returns when the listeners are open, or with the error that prevented
// it; no function of this package ends the process, installs signal handlers or
// keeps global state, so that any number of servers can live in one program.
// After Shutdown no goroutine, descriptor or file of the server is left.
//
// Without a port of its own (Options.DontListen) a server is reached through
// [Server.InProcessConn], for instance by nats.Connect("", nats.InProcessServer(s)).
//
// A program that embeds the NATS server's packages changes its import path:
// names and meanings are the same where both have them. What differs is listed
// in docs/differences.md: Start returns an error, New copies the options, and
// logging can go to an *slog.Logger.
package godwit
