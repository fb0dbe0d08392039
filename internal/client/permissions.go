package client

import (
	"fmt"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/subject"
	"github.com/godwit-mq/godwit/internal/wire"
)

// Prefixes of subjects that clients may not publish or reply with.
const (
	gatewayReply    = "_GR_."
	gatewayReplyNew = "$GR."
	serviceReply    = "_R_."
	ackReply        = "$JS.ACK."
	raftSubjects    = "$NRG."
)

// checker answers the publisher's questions about subjects.
type checker struct{ c *Client }

// Check is called when a subject is resolved; the verdict is cached.
func (k checker) Check(name []byte) broker.Verdict {
	if begins(name, gatewayReply) || begins(name, gatewayReplyNew) {
		return broker.Denied
	}
	permissions := k.c.binding.Load().Permissions
	if permissions != nil && !permissions.CanPublish(name) {
		if permissions.Response() != nil {
			return broker.Ask
		}
		return broker.Denied
	}
	if begins(name, raftSubjects) && !k.c.binding.Load().System {
		return broker.Denied
	}
	return broker.Allowed
}

// begins reports whether the subject is longer than the prefix and has it.
func begins(name []byte, prefix string) bool {
	return len(name) > len(prefix) && string(name[:len(prefix)]) == prefix
}

func reservedReply(reply []byte) bool {
	switch reply[0] {
	case '_':
		return len(reply) >= len(serviceReply) && strings.HasPrefix(string(reply), serviceReply) || begins(reply, gatewayReply)
	case '$':
		return begins(reply, ackReply) || begins(reply, gatewayReplyNew)
	}
	return false
}

func validPublish(name []byte) bool { return subject.IsValidPublish(name) }

// mayPublish decides about a message whose subject is not simply allowed, and
// answers a violation.
func (c *Client) mayPublish(v broker.Verdict, cmd *wire.Command) bool {
	if v == broker.Ask {
		c.mu.Lock()
		granted := c.replies != nil && c.replies.Take(cmd.Subject, time.Now())
		c.mu.Unlock()
		if granted && !(begins(cmd.Subject, raftSubjects) && !c.binding.Load().System) {
			return true
		}
	}
	c.pub.RefuseTrace(fmt.Sprintf("Permissions Violation for Publish to %q", cmd.Subject))
	c.violation(fmt.Sprintf("Permissions Violation for Publish to %q", cmd.Subject),
		fmt.Sprintf("Publish Violation - Subject %q", cmd.Subject))
	return false
}

// filter is the part of the permissions that deliveries obey.
func (c *Client) filter(p *auth.Permissions) *broker.Filter {
	if p == nil {
		return nil
	}
	f := &broker.Filter{Denies: p.DeniesDelivery}
	if p.Response() != nil {
		f.Grant = c.grant
	}
	return f
}

// grant lets the client answer to a reply subject that it was sent. It is
// called by publishers.
func (c *Client) grant(reply []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.replies != nil && !c.binding.Load().Permissions.CanPublish(reply) {
		c.replies.Grant(reply, time.Now())
	}
}
