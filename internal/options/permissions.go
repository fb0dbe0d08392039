package options

import (
	"fmt"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/conf"
	"github.com/godwit-mq/godwit/internal/subject"
)

// permissions reads a `permissions` block.
func (d *decoder) permissions(e *conf.Entry) *Permissions {
	m := d.block(e, "Expected permissions to be a map/struct, got %+v")
	if m == nil {
		return nil
	}
	p := &Permissions{}
	for _, item := range m.Entries {
		switch strings.ToLower(item.Key) {
		case "pub", "publish", "import":
			p.Publish = d.subjectPermission(item, false)
		case "sub", "subscribe", "export":
			p.Subscribe = d.subjectPermission(item, true)
		case "publish_allow_responses", "allow_responses":
			p.Response = d.responses(item)
		default:
			d.unknownAs(item, "Unknown field %q parsing permissions")
		}
	}
	// Being allowed to answer means not being allowed to publish otherwise.
	if p.Response != nil {
		if p.Publish == nil {
			p.Publish = &SubjectPermission{}
		}
		if p.Publish.Allow == nil {
			p.Publish.Allow = []string{}
		}
	}
	return p
}

// subjectPermission reads a subject, a list of subjects, or allow and deny.
func (d *decoder) subjectPermission(e *conf.Entry, queues bool) *SubjectPermission {
	m, ok := e.Value.Data.(*conf.Map)
	if !ok {
		return &SubjectPermission{Allow: d.subjects(e, queues)}
	}
	if len(m.Entries) == 0 {
		return nil
	}
	p := &SubjectPermission{}
	for _, item := range m.Entries {
		switch strings.ToLower(item.Key) {
		case "allow":
			p.Allow = d.subjects(item, queues)
		case "deny":
			p.Deny = d.subjects(item, queues)
		default:
			d.unknownAs(item, "Unknown field name %q parsing subject permissions, only 'allow' or 'deny' are permitted")
		}
	}
	return p
}

// subjects reads one subject or an array of them.
func (d *decoder) subjects(e *conf.Entry, queues bool) []string {
	var list []string
	switch v := e.Value.Data.(type) {
	case string:
		list = []string{v}
	case []conf.Value:
		list = make([]string, 0, len(v))
		for _, item := range v {
			s, ok := item.Data.(string)
			if !ok {
				d.fail(item.Pos, "Subject in permissions array cannot be cast to string")
				continue
			}
			list = append(list, s)
		}
	default:
		d.fail(e.Pos, "Expected subject permissions to be a subject, or array of subjects, got %s", typeName(v))
		return nil
	}
	for _, s := range list {
		if err := checkPermissionSubject(s, queues); err != nil {
			d.fail(e.Pos, "%v", err)
		}
	}
	return list
}

// checkPermissionSubject checks "subject" or, where queues are allowed,
// "subject queue".
func checkPermissionSubject(text string, queues bool) error {
	fields := strings.Fields(text)
	if queues && len(fields) == 2 {
		if !subject.IsValidStrict(fields[0]) {
			return fmt.Errorf("subject %q is not a valid subject", fields[0])
		}
		if !subject.IsValidStrict(fields[1]) {
			return fmt.Errorf("queue %q is not a valid queue", fields[1])
		}
		return nil
	}
	if !subject.IsValidStrict(text) {
		return fmt.Errorf("subject %q is not a valid subject", text)
	}
	return nil
}

// responses reads `allow_responses`.
func (d *decoder) responses(e *conf.Entry) *ResponsePermission {
	r := &ResponsePermission{MaxMsgs: DefaultResponseMaxMsgs, Expires: DefaultResponseExpires}
	switch v := e.Value.Data.(type) {
	case bool:
		if !v {
			return nil
		}
	case *conf.Map:
		for _, item := range v.Entries {
			switch strings.ToLower(item.Key) {
			case "max", "max_msgs", "max_messages", "max_responses":
				if n := d.int(item); n != 0 {
					r.MaxMsgs = int(n)
				}
			case "expires", "expiration", "ttl":
				d.responseExpires(item, r)
			default:
				d.unknownAs(item, "Unknown field %q parsing permissions")
			}
		}
	default:
		d.fail(e.Pos, "error parsing response permissions, expected a boolean or a map")
		return nil
	}
	return r
}

func (d *decoder) responseExpires(e *conf.Entry, r *ResponsePermission) {
	text, ok := e.Value.Data.(string)
	if !ok {
		d.fail(e.Pos, "error parsing expires, not a duration string")
		return
	}
	v, err := time.ParseDuration(text)
	switch {
	case err != nil:
		d.fail(e.Pos, "error parsing expires: %v", err)
	case v != 0:
		r.Expires = v
	}
}
