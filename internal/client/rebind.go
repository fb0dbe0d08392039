package client

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/broker"
)

// Rebind gives the connection what a reload made of its user: other permissions
// and limits in the same account. Subscriptions that are no longer allowed end. It
// may be called from any goroutine.
func (c *Client) Rebind(b *Binding) {
	c.mu.Lock()
	if c.reason != Open {
		c.mu.Unlock()
		return
	}
	was := c.binding.Swap(b)
	c.user = b.User
	if response := b.Permissions.Response(); response == nil {
		c.replies = nil
	} else if before := was.Permissions.Response(); before == nil || *before != *response {
		c.replies = auth.NewReplies(*response)
	}
	var gone []*broker.Subscription
	for sid, sub := range c.subs {
		if b.Permissions != nil && !b.Permissions.CanSubscribe(sub.Subject, sub.Queue) {
			delete(c.subs, sid)
			gone = append(gone, sub)
		}
	}
	left := len(c.subs)
	c.mu.Unlock()
	c.receiver.Filter.Store(c.filter(b.Permissions))
	slices.SortFunc(gone, func(x, y *broker.Subscription) int { return strings.Compare(x.SID, y.SID) })
	b.Account.Unsubscribe(gone...)
	for _, sub := range gone {
		c.withdrawn(sub)
	}
	c.expireAnew(was.Deadline, b.Deadline)
	if b.MaxSubs > 0 && int64(left) > b.MaxSubs {
		c.CloseWith(MaximumSubscriptions, "maximum subscriptions exceeded")
	}
}

// expireAnew follows a deadline that has changed.
func (c *Client) expireAnew(was, is time.Time) {
	switch {
	case was.Equal(is):
	case is.IsZero():
		c.stopAuthTimer()
	default:
		c.expireAt(is)
	}
}

// Follow makes the limits of a reload take effect for what the client is sent. The
// client itself would notice them when it says something.
func (c *Client) Follow() { c.conn.SetLimits(c.config().Output) }

// withdrawn tells the client about a subscription that it may not have any more.
func (c *Client) withdrawn(sub *broker.Subscription) {
	text := fmt.Sprintf("Permissions Violation for Subscription to %q", sub.Subject)
	if sub.Queue != "" {
		text += fmt.Sprintf(" using queue %q", sub.Queue)
	}
	text += fmt.Sprintf(" (sid %q)", sub.SID)
	c.noticef("Removed sub %q (sid %q) for %q - not authorized", sub.Subject, sub.SID, c.User())
	c.sendErr(text)
}

// Reject closes a connection that a review refused.
func (c *Client) Reject(r *Refusal) {
	if r.Log != "" {
		c.errorf("%s", r.Log)
	}
	c.CloseWith(r.Reason, r.Text)
}

// Binding is what the connection is bound to at present.
func (c *Client) Binding() *Binding { return c.binding.Load() }

// User is the user as shown in monitoring.
func (c *Client) User() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user
}
