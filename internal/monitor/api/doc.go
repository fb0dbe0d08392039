// Package api holds the answers of the monitoring endpoints and what can be
// asked of them: the JSON objects of /varz, /connz and the others as Go types.
//
// It imports nothing but the standard library, so that a program which only
// reads these objects from a server's monitoring port does not link a server.
//
// The names of types and fields, the JSON keys and their order are those that
// the ecosystem's tools and programs know. Rules that hold for all types:
//
//   - Times are in UTC. A zero time means "never" and is left out where the
//     field says so.
//   - A field of type time.Duration is an integer number of nanoseconds in JSON.
//   - Fields named Uptime and Idle are texts such as 4h4m22s or 32d4h4m22s;
//     RTT is the text of a Go duration.
//   - In* counts what the server received, Out* what it sent; bytes are payload
//     and headers, without the protocol around them.
//   - Values belong to whoever got them: the server keeps no reference.
//
// Fields for routes, gateways, leafnodes, MQTT, websockets and JetStream stay
// empty in the answers of a server that runs without these.
package api
