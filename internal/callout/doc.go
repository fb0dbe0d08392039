// Package callout lets a service among the clients decide who may connect. It
// writes the question and judges the answer; carrying them is left to the server.
//
// # The way of a question
//
//	service := callout.FromOptions(o.AuthCallout, timeout)        // or FromClaims
//	if service.ShouldAsk(facts) {                                 // the pipeline has judged
//		attempt, err := server.Ask(service, client, now)
//		... publish attempt.Payload with attempt.Header to callout.Subject ...
//		user, err := attempt.Judge(response, accounts, now)
//	}
//
// A [Service] is who is asked, and by which rules. There is one where the
// configuration names it, and in operator mode one for each account whose claims
// delegate authentication. It never changes: a reload, or new claims, make another.
//
// [Service.ShouldAsk] tells from what the ordinary pipeline found whether the
// service is asked at all. The service's own users never are, or nobody could
// begin.
//
// An [Attempt] is one question about one connection. Each carries a user key made
// for it alone, and the answer has to be about this key and for this server, so
// that no answer is good for anything else. What the question says of the
// connection is in [Client]; the password is part of it, so that services have a
// curve key with which the question is encrypted.
//
// [Attempt.Judge] goes through the checks in their order; the first that fails
// decides. Where the user wants to be is looked up on the way with an [Accounts].
// The outcome is an operator.User whatever the mode, with the rights that the
// answer gives (or, in operator mode, the template of the key that signed it), or a
// [*Refusal] with the text for the log and the event. The client is told nothing.
// One of the answers is judged, the first; silence ends with [Attempt.Late].
//
// In the service's account users must not ask in the server's name: [DenyRequests]
// is for all who are let into it.
//
// # Limits
//
// Subscriptions, payload and the list of networks in the answer hold, as do time
// windows and connection types. A limit of 0 is none: many services leave limits
// out. Whether the user's key is revoked is not asked, as it is younger than any
// revocation; those who are connected when one comes are for the server to find.
// The answer's bearer flag means nothing, for nobody presents the JWT in it.
//
// # What it never does
//
// It opens no connections, writes no log, starts no goroutines and asks no clock.
// Random bytes are read, for the key and the encryption, and the time zone data
// base for users whose times name a zone. Everything may be used from any
// goroutine; what a value refers to must not be changed.
package callout
