// Package operator judges the signed claims of operator mode: whose accounts
// are believed, what an account may do, and who of its users is let in.
//
// In operator mode nothing about accounts and users stands in the configuration.
// An operator signs accounts, an account signs its users (and the tokens that
// let other accounts import from it), and each of them hands out its claims as a
// JWT. The server only knows the operator.
//
// # The way of a decision
//
//	trust, err := operator.New(settings)                // once, at start
//	credential, err := trust.Open(&request, now)        // a CONNECT came
//	text := ...                                         // fetch credential.Account()
//	account, err := trust.Account(text, now)            // may be kept
//	user, err := account.Admit(credential, &request, now)
//
// [Trust] is the set of keys that may sign accounts, with the rules that the
// operators' own claims lay down. It is made from [Settings], after the checks
// that have to pass before a server may start.
//
// [Account] is what one account JWT says, in the terms of the other packages:
// limits, exports and imports, mappings, permissions, revocations. An account
// whose JWT is not signed by a trusted key, is not within its time, or breaks a
// rule does not exist as a value. Imports of private exports carry tokens, which
// [VerifyActivation] checks once the exporting account is known.
//
// [Credential] is a user JWT that is well formed and within its time but not
// judged yet: for that its account is needed, and to get it may take a while,
// which is why there are two steps. [Account.Admit] does the rest and returns a
// [User]. Both steps refuse with a [*Refusal], which says what to log; the client
// is never told why.
//
// A user whom a service vouches for does not bring a JWT. What the one that the
// service made is worth, [Account.Grant] and [GrantIn] tell; whether to accept it is
// decided elsewhere.
//
// A signing key of an account may have a scope: a template for all users that it
// signs. Placeholders in the template are filled in from the user's and the
// account's claims. As each may stand for many values, the number and size of
// what comes out are bounded.
//
// Later, when a new JWT of an account has come, [Account.Revoked] and
// [Account.SameSigner] tell which of its connections have to end.
// [Trust.CheckUpdate] judges such a JWT before it is stored, and
// [Trust.CheckDelete] a request to delete accounts.
//
// # What it never does
//
// It opens no connections, writes no log, starts no goroutines and asks no clock:
// the time is an argument, and its location counts as the server's time zone.
// The one thing that is read is the time zone data base, for users whose times
// name a zone. All types are immutable once made and may be used from any
// goroutine; what they hold must not be changed.
package operator
