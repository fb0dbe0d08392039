// Package monitor answers questions about a running server: over HTTP the JSON
// endpoints /varz, /connz and so on, /healthz for probes and /metrics for
// Prometheus; and the same answers as Go values for programs that embed the
// server.
//
// # The life of a Server
//
// New makes one of a Source, the server as seen from here. From then on its
// methods answer, and Handler serves requests of an HTTP server that somebody
// else runs. Start opens the listener that the options ask for, if any, and
// begins to sample the use of CPU; Stop closes the listener and all its
// connections at once and returns when no goroutine is left. A Server starts
// and stops once.
//
// # The way of a request
//
//	router    path to handler; unclean paths are redirected, others are 404
//	query     the parameters, in the order of the documentation; the first
//	          that is wrong is answered with 400 and its text
//	Server.X  the answer as a value of package api, from copies that the
//	          Source hands out
//	respond   JSON in the layout that tools and people know
//
// Everything between the Source and the JSON is plain functions of values:
// which connections pass the filters, how they are ordered, what is shown of
// one. Requests run at the same time and share nothing but their counters.
//
// # Who may call what
//
// All methods may be called from any goroutine. A handler must not call Stop:
// it would wait for itself.
//
// # What it never does
//
// It asks nobody for credentials: whoever reaches the port may read, which is
// what probes and dashboards expect. It changes nothing, except that /connz has
// clients pinged whose round trip is unknown. It waits for no connection and
// holds no lock of the message path while it encodes. It shows no password, no
// token and no JWT that is good for a login by itself.
package monitor
