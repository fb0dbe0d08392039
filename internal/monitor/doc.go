// Package monitor serves a server's state over HTTP.
//
// The endpoints of the reference (/varz, /connz, /subsz, /accountz, /accstatz,
// /healthz and the others) answer with its JSON, field by field, since dashboards
// and exporters depend on it; /metrics serves the same figures to Prometheus.
//
// A [Server] gets everything through a [Source], which hands out copies: no lock
// of the message path is held while an answer is made, and no answer waits for a
// connection. The methods that make the answers can be called without HTTP.
//
// Nothing here changes a server, and nothing asks for credentials: bind the
// listener to an address that only operators reach.
package monitor
