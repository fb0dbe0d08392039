// Package interop tests godwit with what people use: the stock Go client, the
// nats command line tool, and the reference server as a yardstick.
//
// Every scenario runs against godwit and against the reference server, so that
// a scenario cannot demand what the reference does not do. It is a module of its
// own, which keeps clients and the reference out of the product's dependencies.
package interop
