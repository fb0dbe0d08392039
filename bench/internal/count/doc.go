// Package count counts what a server delivers, for a fraction of what a client library would spend on it.
//
// A load generator shares the machine with the server it measures, so each cycle it burns per message is missing
// from the result. Every scenario is therefore built so that all deliveries of one connection have the same length
// and the same first bytes. A [Counter] knows both. It walks over what a read returned from delivery to delivery,
// looks at eight bytes at the start and one at the end of each, and touches nothing in between. A lost, doubled or
// damaged byte moves the next delivery away from where the counter looks, so it cannot go unnoticed.
//
// Between deliveries a server may send control lines. PING, PONG, INFO and +OK are recognised and counted; -ERR,
// a delivery with other first bytes and anything else end the run with an error.
//
// A Counter belongs to the goroutine that reads the connection; others may look at it only after that goroutine
// has handed the numbers over. It never reads, never writes and keeps no reference to what it was fed.
package count
