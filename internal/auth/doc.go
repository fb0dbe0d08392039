// Package auth decides who may connect, and as what.
//
// An [Authenticator] is built once from the options and is immutable. For each
// CONNECT, [Authenticator.Decide] gets everything that matters (the credentials,
// the nonce that the server sent, the kind of connection, the TLS session) and
// returns a [Verdict]: the account, the permissions and the name of the user, or
// why the connection is refused. It is a pure function: no clock, socket or
// goroutine is involved, so every rule can be tested without a server.
//
// The order of the methods is that of the reference: a trusted proxy's
// signature; nothing, where nothing is required; nkeys; users, by certificate,
// by default (no_auth_user) or by password; the single token or user.
//
// [Permissions] tell what a user may publish and subscribe to; they are
// immutable and shared. [Replies] hold what allow_responses grants to one
// connection, and are guarded by whoever owns that connection.
package auth
