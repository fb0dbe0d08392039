package auth

import (
	"fmt"
	"strings"

	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/subject"
)

// Permissions are compiled permissions of a user. They are immutable and may be
// used from any goroutine. A nil *Permissions allows everything, but methods
// need one that is not nil.
type Permissions struct {
	raw      *options.Permissions
	publish  rules
	allow    []entry // subscribe; nil without restriction
	allowAll bool
	deny     []entry
	response *options.ResponsePermission
}

// rules are allow and deny lists of plain subjects.
type rules struct {
	all   bool // no allow list
	allow subjects
	deny  subjects
}

// subjects finds out whether a literal text matches one of a list.
type subjects struct {
	literal   map[string]struct{}
	wildcards []string
}

// entry is an item of a subscribe list: a subject, and a queue pattern or "".
type entry struct{ subject, queue string }

func newSubjects(list []string) subjects {
	s := subjects{}
	for _, text := range list {
		text, _, _ = strings.Cut(strings.TrimSpace(text), " ") // a queue has no meaning here: deny the subject
		if !subject.IsLiteral(text) {
			s.wildcards = append(s.wildcards, text)
			continue
		}
		if s.literal == nil {
			s.literal = make(map[string]struct{})
		}
		s.literal[text] = struct{}{}
	}
	return s
}

func (s *subjects) match(name []byte) bool {
	if _, ok := s.literal[string(name)]; ok {
		return true
	}
	for _, w := range s.wildcards {
		if subject.Match(name, w) {
			return true
		}
	}
	return false
}

// NewPermissions compiles permissions; nil gives nil.
func NewPermissions(raw *options.Permissions) (*Permissions, error) {
	if raw == nil {
		return nil, nil
	}
	p := &Permissions{raw: raw.Clone(), publish: rules{all: true}, allowAll: true}
	if pub := raw.Publish; pub != nil {
		p.publish = rules{all: pub.Allow == nil, allow: newSubjects(pub.Allow), deny: newSubjects(pub.Deny)}
	}
	if raw.Response != nil {
		r := *raw.Response
		if r.MaxMsgs == 0 {
			r.MaxMsgs = options.DefaultResponseMaxMsgs
		}
		if r.Expires == 0 {
			r.Expires = options.DefaultResponseExpires
		}
		p.response = &r
		if raw.Publish == nil || raw.Publish.Allow == nil {
			p.publish.all = false
		}
	}
	if sub := raw.Subscribe; sub != nil {
		var err error
		p.allowAll = sub.Allow == nil
		if p.allow, err = newEntries(sub.Allow); err != nil {
			return nil, err
		}
		if p.deny, err = newEntries(sub.Deny); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func newEntries(list []string) ([]entry, error) {
	var out []entry
	for _, text := range list {
		switch f := strings.Fields(text); len(f) {
		case 1:
			out = append(out, entry{subject: f[0]})
		case 2:
			out = append(out, entry{f[0], f[1]})
		default:
			return nil, fmt.Errorf("invalid subject-queue %q", text)
		}
	}
	return out, nil
}

// Raw returns the permissions as configured, which must not be changed.
func (p *Permissions) Raw() *options.Permissions { return p.raw }

// Response is what allow_responses grants, with defaults; nil without it.
func (p *Permissions) Response() *options.ResponsePermission { return p.response }

// CanPublish reports whether a message may be published on a subject, which is
// taken literally even if it has wildcards.
func (p *Permissions) CanPublish(name []byte) bool {
	r := &p.publish
	return (r.all || r.allow.match(name)) && !r.deny.match(name)
}

// CanSubscribe reports whether a subscription is allowed: it must be covered
// as a whole by an allow entry and by no deny entry. queue is "" for a plain
// subscription.
func (p *Permissions) CanSubscribe(name, queue string) bool {
	return p.allowsSubscribe(name, queue) && !p.deniesSubscribe(name, queue)
}

// allowsSubscribe: an entry with a queue restricts the queues of its subject, so
// plain entries open all queues only where there is no such entry.
func (p *Permissions) allowsSubscribe(name, queue string) bool {
	if p.allowAll {
		return true
	}
	plain, restricted := false, false
	for _, e := range p.allow {
		if !subject.IsSubset(name, e.subject) {
			continue
		}
		if e.queue == "" {
			plain = true
			continue
		}
		restricted = true
		if queue != "" && matchQueue(queue, e.queue) {
			return true
		}
	}
	return plain && (queue == "" || !restricted)
}

func (p *Permissions) deniesSubscribe(name, queue string) bool {
	for _, e := range p.deny {
		if e.queue != "" && (queue == "" || !matchQueue(queue, e.queue)) {
			continue
		}
		// By the comparison of the reference `>` counts as one token on the
		// left, so that deny foo.* refuses foo.> as well.
		if subject.IsSubset(name, e.subject) || subject.Match(name, e.subject) {
			return true
		}
	}
	return false
}

// matchQueue compares a queue name: literally first, then as a pattern.
func matchQueue(name, pattern string) bool {
	return name == pattern || subject.Match(name, pattern)
}

// DeniesDelivery reports whether a message on the subject must not be delivered
// to a subscription of the user, which may be wider than a deny entry.
func (p *Permissions) DeniesDelivery(name []byte, queue string) bool {
	for _, e := range p.deny {
		if e.queue != "" && (queue == "" || !matchQueue(queue, e.queue)) {
			continue
		}
		if subject.Match(name, e.subject) {
			return true
		}
	}
	return false
}
