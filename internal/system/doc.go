// Package system is what the server does in the system account: it answers
// requests about itself and its accounts, carries out orders, and publishes what
// happens.
//
// # The life of a request
//
// A message on one of the subjects of [Service.subscribe] is handed over on its
// publisher's goroutine, which must not be kept: the request goes into a bounded
// queue. One goroutine works through it. Requests for statistics have a queue of
// their own, so that dashboards keep working while something slow is answered,
// and so have profiles, which take as long as they were asked to take. A request
// that finds its queue full is dropped and logged; one that names no reply subject
// is not even looked at, unless it asks to publish the statistics or brings claims.
//
// # Ordering
//
// Everything that carries a description of the server leaves through one sender,
// and the number and the time in the description are put in when it leaves: who
// receives them can rely on the number growing.
//
// # What it does not do
//
// It decides nothing about permissions: whoever can publish in the system account
// may ask. Other accounts reach the subjects about themselves by imports that the
// server makes for them.
package system
