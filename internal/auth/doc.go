// Package auth decides who may connect, and as what.
//
// An [Authenticator] is built once from the options and never changes; a reload
// builds its successor with [Authenticator.Next]. For each CONNECT
// [Authenticator.Decide] gets everything that matters (the credentials, the nonce
// that the server sent, the kind of connection, the TLS session) and returns a
// [Verdict]: the account, the permissions and the name of the user, or why the
// connection is refused. It is a function of its arguments, so every rule can be
// tested without a server, and any number of goroutines may call it at once. It
// can take long where a password is hashed with bcrypt: hold no lock meanwhile.
//
// # The order of the methods
//
// The first one that applies decides; a later one never repairs an earlier
// refusal.
//
//  1. A proxy's signature, if proxies are trusted: a wrong one refuses.
//  2. Nothing is required: everybody is let into $G.
//  3. An nkey that was presented, or the no_auth_user that is an nkey.
//  4. Users: by certificate where the listener maps certificates, else the
//     no_auth_user for those who present nothing, else by name and password.
//  5. The single token, or the single user.
//
// # Permissions
//
// [Permissions] tell what a user may publish and subscribe to. They are compiled
// once per user, shared by all its connections and never change. A nil
// *Permissions allows everything. Three questions are asked of them: may this be
// published, may this be subscribed to, and, because a subscription may be wider
// than what is denied, must this message be kept from it. Allow lists are asked
// whether they cover a subscription as a whole; `foo.>` is not covered by `foo.*`.
//
// [Replies] hold the reply subjects that allow_responses opens to one connection
// for a while. They are the only thing here that changes, and are guarded by
// whatever guards the connection.
//
// The package opens no sockets, reads no files and no clock, starts no goroutines
// and writes no log: what is worth telling is in the verdict. Random bytes are
// read when an authenticator with anonymous access is built and by [NewNonce].
package auth
