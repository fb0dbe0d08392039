// Package broker brings messages from publishers to subscribers: the heart of
// the server.
//
// An [Account] is a subject space with an index of interest. A [Subscription]
// is one interest of a [Receiver], which is a connection or a part of the server.
// A [Publisher] belongs to the reading goroutine of one connection and routes
// what that connection publishes.
//
// # The walk of a batch
//
// Everything that one read brought is a batch. At its first message the
// publisher takes the read lock on the account's interest; if the interest has
// changed since, it forgets what it had cached. [Publisher.Lookup] resolves each
// distinct subject once: may the connection publish there, and who wants it. The
// result, an [Entry], is cached, but only when a subject is missed for the second
// time, so that a hundred thousand subjects cost no memory. [Publisher.Publish]
// then copies the message to the stage of each destination, behind the line
// "MSG subject sid " that the entry keeps ready. [Publisher.Flush] gives the lock
// back, and only then hands each destination its messages in one piece. The
// connection's own answers go last: a PONG never overtakes a delivery that it
// confirms.
//
// Nothing is allocated per message, counters are added up once per batch, and no
// lock is held while anything is written.
//
// # Rules at delivery
//
// Of a queue group one member gets the message, chosen at random by weight; if
// it cannot take it, the next one is asked. A subscription with a limit claims
// each delivery atomically, so that exactly as many arrive, whoever publishes.
// A receiver that does not understand headers gets the message without them.
//
// Where accounts share subjects, the index of the exporting account will hold
// subscriptions whose receivers live elsewhere; the publisher needs no second
// way of delivering.
package broker
