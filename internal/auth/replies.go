package auth

import (
	"time"

	"github.com/godwit-mq/godwit/internal/options"
)

// Bounds of what one connection can be granted at a time. The oldest grants make
// room for new ones.
const (
	maxGrants     = 1 << 18
	maxGrantBytes = 32 << 20 // of reply subjects
)

// Replies are the reply subjects that one connection may publish to because it
// was sent them. Not safe for concurrent use: whatever guards the connection
// guards them, since grants come from the publishers' goroutines and are taken by
// the connection's own.
//
// All grants live equally long, so they expire in the order in which they were
// given. They form a list in that order, and each new one first removes what has
// expired at its head: memory follows the traffic without any sweep.
type Replies struct {
	rule   options.ResponsePermission
	grants map[string]*grant
	head   grant // head.next is the oldest, head.previous the newest
	bytes  int
}

type grant struct {
	reply          string
	at             time.Time
	used           int
	previous, next *grant
}

// NewReplies returns an empty set of grants under a rule. Fields of the rule that
// are zero take the defaults.
func NewReplies(rule options.ResponsePermission) *Replies {
	r := &Replies{rule: *withDefaults(rule), grants: make(map[string]*grant)}
	r.head.previous, r.head.next = &r.head, &r.head
	return r
}

// Grant permits answers to a reply subject. If it is permitted already, count and
// time start anew. The bytes are copied.
func (r *Replies) Grant(reply []byte, now time.Time) {
	if len(reply) == 0 {
		return
	}
	r.expire(now)
	g := r.grants[string(reply)]
	if g != nil {
		g.unlink()
		g.at, g.used = now, 0
	} else {
		g = &grant{reply: string(reply), at: now}
		r.grants[g.reply] = g
		r.bytes += len(reply)
	}
	g.previous, g.next = r.head.previous, &r.head
	g.previous.next, g.next.previous = g, g
	for len(r.grants) > maxGrants || r.bytes > maxGrantBytes {
		r.remove(r.head.next)
	}
}

// Take uses up one answer to a subject. It reports false if none is permitted.
func (r *Replies) Take(name []byte, now time.Time) bool {
	g := r.grants[string(name)]
	if g == nil {
		return false
	}
	if r.expired(g, now) {
		r.remove(g)
		return false
	}
	g.used++
	if r.rule.MaxMsgs > 0 && g.used >= r.rule.MaxMsgs {
		r.remove(g)
	}
	return true
}

// Len is the number of reply subjects that are held.
func (r *Replies) Len() int { return len(r.grants) }

func (r *Replies) expired(g *grant, now time.Time) bool {
	return r.rule.Expires > 0 && now.Sub(g.at) > r.rule.Expires
}

// expire removes what is over.
func (r *Replies) expire(now time.Time) {
	for g := r.head.next; g != &r.head && r.expired(g, now); g = r.head.next {
		r.remove(g)
	}
}

func (r *Replies) remove(g *grant) {
	g.unlink()
	delete(r.grants, g.reply)
	r.bytes -= len(g.reply)
}

func (g *grant) unlink() {
	g.previous.next, g.next.previous = g.next, g.previous
}
