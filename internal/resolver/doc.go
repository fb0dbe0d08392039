// Package resolver finds the JWTs of accounts, and keeps them.
//
// A server in operator mode knows accounts by their public keys, which come with
// the users. What an account may do stands in its JWT, and a [Resolver] is where
// that comes from. There are four kinds:
//
//	Memory   what the configuration says, and nothing else
//	URL      a web server, asked each time, which cannot be written to
//	Full     all accounts in a directory, the same at all servers that have one
//	Cache    those accounts in a directory that were needed here lately
//
// # The directory
//
// [Directory] is the store of the latter two: a file for each account, called
// after its key, which people and tools look at and change by hand:
//
//	AB…XY.jwt           the account's JWT and nothing else
//	AB…XY.jwt.deleted   one that was deleted, if deleting means to rename
//
// or, with shards, the same below a directory named after the last two letters
// of the key. Whichever it is set to write, it reads both. All files are read
// when it is opened, and again by [Directory.Reload]; between the two an index in
// memory knows what there is. A file is replaced by a new one that is written
// and synced first, so that there is no moment without the old or the new one.
// Files whose JWT has expired are removed, and so are, where a lifetime is set,
// those that nobody has asked for in that time. If there is a limit, a new
// account is either refused when it is reached or takes the place of that which
// was not used for the longest time.
//
// # Between servers
//
// Directories at different servers are kept equal by messages, which are
// exchanged elsewhere; here is what goes into them. Each server announces its
// [Directory.Hash], which does not depend on any order. Another one whose hash is
// different answers with lines that say "key|jwt" ([Directory.HandlePack]), and
// the first takes over those that are new to it ([Directory.Merge]). Whoever
// misses an account asks the others by a [Lookup], and [Gathering] counts the
// answers. [HandleUpdate], and [Directory.HandleDelete], serve the requests of
// people.
//
// What comes from other servers is not believed because of that. The Accept
// function of the configuration, which will mostly be Trust.CheckUpdate of
// package operator, has to agree before it is stored.
//
// # Who may call what
//
// Everything may be called by any goroutine, Close last. A directory runs one
// goroutine that removes what has expired; Close waits for its end. Functions
// that are told of changes are called by whoever caused these, without any lock
// held, so they may call back.
package resolver
