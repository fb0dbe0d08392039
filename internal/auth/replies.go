package auth

import (
	"time"

	"github.com/godwit-mq/godwit/internal/options"
)

// Bounds of the memory for granted replies.
const (
	pruneEvery = 4096
	pruneAfter = time.Second
	maxGrants  = 1 << 20
)

// Replies are the reply subjects that a connection may publish to because it
// was sent them. The owner of the connection guards it.
type Replies struct {
	rule   options.ResponsePermission
	grants map[string]grant
	fresh  int // grants since the last pruning
	pruned time.Time
}

type grant struct {
	at   time.Time
	used int
}

// NewReplies returns an empty set of grants.
func NewReplies(rule options.ResponsePermission) *Replies {
	return &Replies{rule: rule, grants: make(map[string]grant)}
}

// Grant allows answers to a reply subject, anew if it was granted before.
func (r *Replies) Grant(reply []byte, now time.Time) {
	if r.fresh++; r.fresh >= pruneEvery || now.Sub(r.pruned) >= pruneAfter {
		r.prune(now)
	}
	if len(r.grants) >= maxGrants {
		for name := range r.grants { // any one: nothing tells which is needed least
			delete(r.grants, name)
			break
		}
	}
	r.grants[string(reply)] = grant{at: now}
}

// Take uses a grant up by one answer. It reports false if there is none.
func (r *Replies) Take(name []byte, now time.Time) bool {
	g, ok := r.grants[string(name)]
	if !ok {
		return false
	}
	if r.expired(g, now) {
		delete(r.grants, string(name))
		return false
	}
	g.used++
	if r.rule.MaxMsgs >= 0 && g.used >= r.rule.MaxMsgs {
		delete(r.grants, string(name))
		return true
	}
	r.grants[string(name)] = g
	return true
}

func (r *Replies) expired(g grant, now time.Time) bool {
	return r.rule.Expires >= 0 && now.Sub(g.at) > r.rule.Expires
}

func (r *Replies) prune(now time.Time) {
	r.fresh, r.pruned = 0, now
	for name, g := range r.grants {
		if r.expired(g, now) {
			delete(r.grants, name)
		}
	}
}
