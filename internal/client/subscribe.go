package client

import (
	"fmt"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/subject"
	"github.com/godwit-mq/godwit/internal/wire"
)

// systemQueue is the queue name that servers use for their own requests.
const systemQueue = "_sys_"

// subscribe answers SUB. The interest takes effect with applyChanges, at the
// latest before the next message, answer or end of the batch.
func (c *Client) subscribe(cmd *wire.Command) {
	if !c.maySubscribe(cmd) || !c.withinTokens(cmd) {
		return
	}
	// One string holds all three texts.
	text := string(cmd.Subject) + string(cmd.Queue) + string(cmd.SID)
	s, q := len(cmd.Subject), len(cmd.Queue)
	sub := &broker.Subscription{Subject: text[:s], Queue: text[s : s+q], SID: text[s+q:], To: &c.receiver}
	c.mu.Lock()
	if limit := c.maxSubs(); limit > 0 && len(c.subs) >= limit {
		log := time.Since(c.subsLogged) > 2*time.Second
		if log {
			c.subsLogged = time.Now()
		}
		c.mu.Unlock()
		if log {
			c.server.LogLimited(c, "maximum subscriptions exceeded")
		}
		c.answerErr("maximum subscriptions exceeded")
		return
	}
	_, used := c.subs[sub.SID]
	valid := subject.IsValid(sub.Subject)
	if !used && valid {
		if c.subs == nil {
			c.subs = make(map[string]*broker.Subscription)
		}
		c.subs[sub.SID] = sub
	}
	c.mu.Unlock()
	if !used && !valid {
		c.answerErr("Invalid Subject")
		return
	}
	if !used {
		c.change(sub, false)
	}
	if c.verbose {
		c.ok()
	}
}

// maySubscribe checks the permissions and answers a violation.
func (c *Client) maySubscribe(cmd *wire.Command) bool {
	name, queue := string(cmd.Subject), string(cmd.Queue)
	permissions := c.binding.Load().Permissions
	if queue != systemQueue && (permissions == nil || permissions.CanSubscribe(name, queue)) {
		return true
	}
	if queue == "" {
		c.violation(fmt.Sprintf("Permissions Violation for Subscription to %q", name),
			fmt.Sprintf("Subscription Violation - Subject %q, SID %s", name, cmd.SID))
		return false
	}
	c.violation(fmt.Sprintf("Permissions Violation for Subscription to %q using queue %q", name, queue),
		fmt.Sprintf("Subscription Violation - Subject %q, Queue: %q, SID %s", name, queue, cmd.SID))
	return false
}

func (c *Client) withinTokens(cmd *wire.Command) bool {
	limit := c.settings.MaxSubTokens
	if limit == 0 || subject.NumTokens(string(cmd.Subject)) <= limit {
		return true
	}
	c.violation(fmt.Sprintf("Permissions Violation for Subscription to %q, too many tokens", cmd.Subject),
		fmt.Sprintf("Subscription Violation Too Many Tokens - Subject %q, SID %s", cmd.Subject, cmd.SID))
	return false
}

// maxSubs is the bound on subscriptions; 0 means none. Called with mu held.
func (c *Client) maxSubs() int {
	limit := c.settings.MaxSubs
	if b := c.binding.Load(); b != nil && b.MaxSubs >= 0 && (limit <= 0 || b.MaxSubs < int64(limit)) {
		limit = int(b.MaxSubs)
	}
	return limit
}

// unsubscribe answers UNSUB.
func (c *Client) unsubscribe(cmd *wire.Command) {
	if cmd.Max > 0 && c.pub.Holding() {
		c.pub.Flush() // so that all deliveries so far are counted
	}
	c.mu.Lock()
	sub := c.subs[string(cmd.SID)]
	remove := sub != nil && (cmd.Max == 0 || sub.Limit(int64(cmd.Max)))
	if remove {
		delete(c.subs, sub.SID)
	}
	c.mu.Unlock()
	if remove {
		if c.trace {
			c.tracef("<-> [DELSUB %s]", sub.SID)
		}
		c.change(sub, true)
	}
	if c.verbose {
		c.ok()
	}
}

// change notes a change of interest, so that a run of SUB and UNSUB takes the
// index's lock once.
func (c *Client) change(sub *broker.Subscription, remove bool) {
	if c.pub.Holding() {
		c.pub.Flush()
	}
	c.changes = append(c.changes, broker.Change{Sub: sub, Remove: remove})
}

// applyChanges brings the noted changes into effect, in order.
func (c *Client) applyChanges() {
	if len(c.changes) == 0 {
		return
	}
	c.pub.Account().Apply(c.changes) // the subjects were checked
	if b := c.binding.Load(); b != c.bound {
		c.withdrawLate(b)
	}
	clear(c.changes)
	c.changes = c.changes[:0]
	if cap(c.changes) > 4096 {
		c.changes = nil
	}
}

// withdrawLate ends subscriptions that were checked before a reload changed the
// permissions, and made after it had looked at those that there were.
func (c *Client) withdrawLate(b *Binding) {
	for _, change := range c.changes {
		sub := change.Sub
		if change.Remove || b.Permissions == nil || b.Permissions.CanSubscribe(sub.Subject, sub.Queue) {
			continue
		}
		c.mu.Lock()
		current := c.subs[sub.SID] == sub
		if current {
			delete(c.subs, sub.SID)
		}
		c.mu.Unlock()
		b.Account.Unsubscribe(sub)
		if current {
			c.withdrawn(sub)
		}
	}
}

// exhausted removes a subscription that got its last message. It is called on
// the goroutine of the publisher that delivered it.
func (c *Client) exhausted(sub *broker.Subscription) {
	c.mu.Lock()
	// A raised limit keeps it; a new one with the same sid is another one.
	current := c.subs[sub.SID] == sub
	if current && sub.Max() > 0 && sub.Delivered() >= sub.Max() {
		delete(c.subs, sub.SID)
	}
	account := c.binding.Load().Account
	gone := c.subs[sub.SID] != sub
	c.mu.Unlock()
	if gone {
		account.Unsubscribe(sub)
	}
}

// removeAll withdraws all interest of the connection.
func (c *Client) removeAll() {
	if c.pub == nil {
		return
	}
	c.applyChanges()
	c.mu.Lock()
	subs := make([]*broker.Subscription, 0, len(c.subs))
	for _, s := range c.subs {
		subs = append(subs, s)
	}
	c.closingDone = true
	c.mu.Unlock()
	if len(subs) > 0 {
		c.pub.Account().Unsubscribe(subs...)
	}
}
