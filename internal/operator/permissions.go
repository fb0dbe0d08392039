package operator

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/subject"
)

// permissionsOf returns permissions in the form of a configuration, or nil if
// there is nothing in them.
func permissionsOf(c *jwt.Permissions) *options.Permissions {
	p := &options.Permissions{Publish: subjectsOf(&c.Pub), Subscribe: subjectsOf(&c.Sub)}
	if c.Resp != nil {
		p.Response = &options.ResponsePermission{
			MaxMsgs: cmp.Or(c.Resp.MaxMsgs, options.DefaultResponseMaxMsgs),
			Expires: cmp.Or(c.Resp.Expires, options.DefaultResponseExpires),
		}
		// Being allowed to answer means not being allowed to publish otherwise.
		if p.Publish == nil {
			p.Publish = &options.SubjectPermission{}
		}
		if p.Publish.Allow == nil {
			p.Publish.Allow = []string{}
		}
	}
	if p.Publish == nil && p.Subscribe == nil {
		return nil
	}
	return p
}

// subjectsOf: an empty list is as good as none.
func subjectsOf(c *jwt.Permission) *options.SubjectPermission {
	if c.Empty() {
		return nil
	}
	p := &options.SubjectPermission{}
	if len(c.Allow) > 0 {
		p.Allow = c.Allow
	}
	if len(c.Deny) > 0 {
		p.Deny = c.Deny
	}
	return p
}

// checkPermissions finds entries that are no subjects, some of which the library
// lets pass. To go on without them would open what a denial closes.
func checkPermissions(c *jwt.Permissions) error {
	for _, list := range []struct {
		name    string
		entries jwt.StringList
		queues  bool
	}{
		{"publish allow", c.Pub.Allow, false}, {"publish deny", c.Pub.Deny, false},
		{"subscribe allow", c.Sub.Allow, true}, {"subscribe deny", c.Sub.Deny, true},
	} {
		for _, text := range list.entries {
			if !isEntry(text, list.queues) {
				return fmt.Errorf("%s: %q is not a valid subject", list.name, text)
			}
		}
	}
	return nil
}

// isEntry reports whether a text is "subject" or, where queues make sense,
// "subject queue".
func isEntry(text string, queues bool) bool {
	name, queue, ok := strings.Cut(text, " ")
	if ok && (!queues || !subject.IsValidStrict(queue)) {
		return false
	}
	return subject.IsValidStrict(name)
}
