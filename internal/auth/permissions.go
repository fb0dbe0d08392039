package auth

import (
	"cmp"
	"fmt"

	"github.com/godwit-mq/godwit/internal/options"
)

// Permissions are compiled permissions of a user. They are immutable and may be
// used from any goroutine; no check allocates. A nil *Permissions allows
// everything.
type Permissions struct {
	raw       *options.Permissions
	publish   lists
	subscribe lists
	response  *options.ResponsePermission
}

// lists are what is allowed and what is denied. Deny beats allow.
type lists struct {
	open  bool // no allow list: everything is allowed
	allow rules
	deny  rules
}

// NewPermissions compiles permissions; nil gives nil. An entry that is no valid
// subject is an error, since dropping a denial would open what it closes.
func NewPermissions(raw *options.Permissions) (*Permissions, error) {
	if raw == nil {
		return nil, nil
	}
	p := &Permissions{raw: raw.Clone(), publish: lists{open: true}, subscribe: lists{open: true}}
	var err error
	if raw.Publish != nil {
		if p.publish, err = compilePublish(raw.Publish); err != nil {
			return nil, fmt.Errorf("publish %w", err)
		}
	}
	if raw.Subscribe != nil {
		if p.subscribe, err = compileSubscribe(raw.Subscribe); err != nil {
			return nil, fmt.Errorf("subscribe %w", err)
		}
	}
	if raw.Response != nil {
		p.response = withDefaults(*raw.Response)
		// Whoever may answer may publish nothing else, unless a list says so.
		if raw.Publish == nil || raw.Publish.Allow == nil {
			p.publish.open = false
		}
	}
	return p, nil
}

// withDefaults replaces what was left open.
func withDefaults(r options.ResponsePermission) *options.ResponsePermission {
	r.MaxMsgs = cmp.Or(r.MaxMsgs, options.DefaultResponseMaxMsgs)
	r.Expires = cmp.Or(r.Expires, options.DefaultResponseExpires)
	return &r
}

// compilePublish: a queue means nothing for publishers. An allow entry that has
// one is an error; of a deny entry the subject is denied, which errs on the safe
// side.
func compilePublish(raw *options.SubjectPermission) (l lists, err error) {
	allow, err := parseEntries(raw.Allow)
	if err != nil {
		return l, fmt.Errorf("allow: %w", err)
	}
	for _, e := range allow {
		if e.queue != "" {
			return l, fmt.Errorf("allow: subject %q is not a valid subject", e)
		}
	}
	deny, err := parseEntries(raw.Deny)
	if err != nil {
		return l, fmt.Errorf("deny: %w", err)
	}
	for i := range deny {
		deny[i].queue = ""
	}
	return lists{open: raw.Allow == nil, allow: newRules(allow), deny: newRules(deny)}, nil
}

func compileSubscribe(raw *options.SubjectPermission) (l lists, err error) {
	allow, err := parseEntries(raw.Allow)
	if err != nil {
		return l, fmt.Errorf("allow: %w", err)
	}
	deny, err := parseEntries(raw.Deny)
	if err != nil {
		return l, fmt.Errorf("deny: %w", err)
	}
	return lists{open: raw.Allow == nil, allow: newRules(allow), deny: newRules(deny)}, nil
}

func parseEntries(list []string) ([]entry, error) {
	var out []entry
	for _, text := range list {
		e, err := parseEntry(text)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// CanPublish reports whether a message may be published on a subject, which is
// taken literally even if it has wildcards. Where it is false, Response may still
// permit an answer.
func (p *Permissions) CanPublish(name []byte) bool {
	if p == nil {
		return true
	}
	return (p.publish.open || p.publish.allow.names(name, "")) && !p.publish.deny.names(name, "")
}

// CanSubscribe reports whether a subscription is allowed; queue is "" for a plain
// one. It has to be covered by the allow list as a whole, and is refused where a
// deny entry covers it as a whole. By a rule that operators rely on, a `>` at the
// end counts as one token for denials: deny `foo.*` refuses `foo.>`.
func (p *Permissions) CanSubscribe(name, queue string) bool {
	if p == nil {
		return true
	}
	return (p.subscribe.open || p.subscribe.allow.covers(name, queue)) && !p.subscribe.deny.namesText(name, queue)
}

// NeedsDeliveryFilter reports whether DeniesDelivery can be true for some message
// that a subscription gets, which is so when a deny entry overlaps it.
func (p *Permissions) NeedsDeliveryFilter(name, queue string) bool {
	return p != nil && p.subscribe.deny.overlaps(name, queue)
}

// DeniesDelivery reports whether a message must be kept from a subscription with
// this queue, "" for a plain one. The subject is the message's.
func (p *Permissions) DeniesDelivery(name []byte, queue string) bool {
	return p != nil && p.subscribe.deny.names(name, queue)
}

// Response is what allow_responses grants, defaults filled in; nil without it. It
// must not be changed.
func (p *Permissions) Response() *options.ResponsePermission {
	if p == nil {
		return nil
	}
	return p.response
}

// Raw returns the permissions as configured, which must not be changed.
func (p *Permissions) Raw() *options.Permissions {
	if p == nil {
		return nil
	}
	return p.raw
}

// Public returns the permissions as users are shown them: both lists present,
// entries as "subject" or "subject queue", defaults filled in. The caller owns
// the result. It is nil for nil.
func (p *Permissions) Public() *options.Permissions {
	if p == nil {
		return nil
	}
	public := &options.Permissions{Publish: tidy(p.raw.Publish), Subscribe: tidy(p.raw.Subscribe)}
	if p.response != nil {
		response := *p.response
		public.Response = &response
	}
	return public
}

func tidy(raw *options.SubjectPermission) *options.SubjectPermission {
	if raw == nil {
		return &options.SubjectPermission{}
	}
	return &options.SubjectPermission{Allow: tidyList(raw.Allow), Deny: tidyList(raw.Deny)}
}

func tidyList(list []string) []string {
	var out []string
	for _, text := range list {
		if e, err := parseEntry(text); err == nil {
			out = append(out, e.String())
		}
	}
	return out
}
