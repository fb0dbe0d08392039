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
// # Between accounts
//
// An imported stream is a shadow: a subscription in the index of the exporting
// account whose receiver lives elsewhere. The publisher needs no second way of
// delivering; the entry has the line with the local subject ready.
//
// An imported service is a subscription in the importing account whose receiver
// passes messages on. They cross when the batch has ended, so that no two accounts
// are locked at a time, and go on from there like messages of the other account.
// The reply subject is replaced by one of the exporting account, and the answer
// crosses back. An answer is never a request to others, a request takes each import
// once, and a message that multiplies is stopped; when all its ways have ended
// without reaching anybody, the publisher is told. What a connection is answered
// behind such a message waits until it is through.
package broker
