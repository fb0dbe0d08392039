// Package interest is the subscription index of one account: it knows who
// wants messages on which subject, and answers for each message who gets it.
//
// # What is stored
//
// A subscription is three things: a subject (which may hold wildcards), a
// queue name (empty for a plain subscription) and a value of type T, in
// production a pointer to whatever receives. These three are its identity, and
// the index holds each identity once. A queue member has a weight: 1 for a
// subscription on this server, the number of members for an entry that stands
// for a group on another server.
//
// # The shape
//
//	literal subjects     hash map: subject -> set
//	wildcard subjects    trie of tokens, its leaves hold sets
//	set                  one plain subscription, stored in place; or a pointer
//	                     to lists of plain subscriptions and queue groups
//
// Most subjects have one plain subscription and no wildcard. Such a
// subscription costs one slot of the hash map and nothing else; the map's key
// shares the bytes of the subject that was inserted. (A subject cut out of a
// larger string therefore keeps that string in memory: clone it first.)
//
// In the trie a pattern that shares its next token with no other pattern is a
// leaf at once, whatever follows in it, and grows into branches only when
// another pattern comes to share the token. So 200,000 patterns "orders.N.*"
// are one branch for "orders" with 200,000 leaves. Branches that are left with
// one leaf shrink back, empty ones vanish, and tables that have become too
// large for what they hold are built anew.
//
// A message costs one map lookup and, if any wildcard subject is stored, one
// walk of the trie. Neither allocates once the caller's Matches has grown.
//
// # Locks
//
// An Index has one read-write lock. It is taken explicitly, because a batch of
// messages or a run of subscriptions should take it once:
//
//	r := index.Reader()            w := index.Writer()
//	r.Match(subject, &matches)     w.Insert("orders.>", "", 1, subscription)
//	r.HasInterest(other)           w.Remove("orders.new", "", old)
//	r.Release()                    w.Release()
//
// Any goroutine may do either, with these rules. A goroutine holds at most one
// Reader or Writer of an Index at a time (a second Reader can deadlock with a
// waiting Writer). It does nothing slow meanwhile: no channel, no socket, no
// disk. What Match returns belongs to the caller and stays readable after
// Release, but it is the truth only until then, or as long as Generation, which
// every change moves, stays the same. A cache of results is the business of
// who asks: keep them with their generation.
//
// # Notifications
//
// Register asks to be told when a literal subject gets its first subscription
// and loses its last. Only subscriptions on exactly this subject count, never
// wildcards; plain subscriptions and each queue group are told apart.
//
// # What it never does
//
// It does not choose a queue member, check permissions, keep the order of
// subscriptions, start goroutines, or call back while it holds the write lock.
package interest
