package client

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/godwit-mq/godwit/internal/options"
)

// onConnect answers CONNECT. Keys that are absent keep their values, so a
// repeated CONNECT changes only what it names.
func (c *Client) onConnect(args []byte) error {
	c.mu.Lock()
	connect := c.connect
	c.mu.Unlock()
	if err := json.Unmarshal(args, &connect); err != nil {
		return c.parseFailed(err)
	}
	if c.Web != nil {
		c.Web.complete(&connect)
	}
	if !c.settings.JWT {
		connect.JWT = ""
	}
	first := !c.connected
	if first {
		c.stopAuthTimer()
		c.mu.Lock()
		c.rtt = time.Since(c.Start)
		c.mu.Unlock()
	} else {
		c.dropSubscriptions()
	}
	if err := c.authenticate(connect); err != nil {
		return err
	}
	if connect.Account != "" || connect.AccountNew {
		c.authFailedLog("", nil)
		return c.fail(AuthenticationFailure, "Authorization Violation")
	}
	if connect.Protocol < 0 || connect.Protocol > 1 {
		c.errorf("invalid client protocol")
		return c.fail(BadClientProtocolVersion, "invalid client protocol")
	}
	headers := connect.Headers && c.settings.Headers
	if connect.NoResponders && !headers {
		c.errorf("no responders requires headers support")
		return c.fail(NoRespondersRequiresHeaders, "no responders requires headers support")
	}
	c.adopt(connect, headers)
	if first {
		c.connected = true
		c.label()
		c.startPing(true)
		c.server.Connected(c)
	}
	if c.verbose {
		c.ok()
	}
	return nil
}

// adopt makes the options of a CONNECT take effect.
func (c *Client) adopt(connect options.ClientOpts, headers bool) {
	c.verbose, c.pedantic = connect.Verbose, connect.Pedantic
	c.noResponder = connect.NoResponders
	c.mu.Lock()
	c.connect = connect
	c.mu.Unlock()
	changed := c.receiver.Headers.Swap(headers) != headers
	changed = c.receiver.NoEcho.Swap(!connect.Echo) == connect.Echo || changed
	if changed {
		// Results cached here depend on echo; those of others on headers, but
		// only for subscriptions, which take effect after this.
		c.pub.Forget()
	}
	c.limit()
}

// authenticate asks the server about the credentials and binds the connection.
// A failure closes it.
func (c *Client) authenticate(connect options.ClientOpts) error {
	c.mu.Lock()
	if c.reason != Open {
		c.mu.Unlock()
		return errClosing
	}
	c.connect = connect
	c.mu.Unlock()
	binding, refusal := c.server.Authenticate(c, connect)
	if refusal != nil {
		c.mu.Lock()
		c.user = refusal.User
		c.mu.Unlock()
		for _, line := range refusal.Debug {
			c.debugf("%s", line)
		}
		for _, line := range refusal.Errors {
			c.errorf("%s", line)
		}
		c.authFailedLog(refusal.Log, refusal)
		c.server.Rejected(c, refusal)
		return c.fail(refusal.Reason, refusal.Text)
	}
	c.authorized = true
	c.stopAuthTimer()
	c.bind(binding)
	c.server.Bound(c, binding)
	c.checkSubscriptionLimit()
	if !binding.Deadline.IsZero() {
		c.expireAt(binding.Deadline)
	}
	return nil
}

// authFailedLog logs why somebody was refused.
func (c *Client) authFailedLog(text string, r *Refusal) {
	if text == "" && (r == nil || r.Reason == AuthenticationFailure) {
		text = "authentication error"
	}
	if text != "" {
		c.errorf("%s", text)
	}
}

// dropSubscriptions withdraws everything before a repeated CONNECT, which may
// lead to another account.
func (c *Client) dropSubscriptions() {
	c.mu.Lock()
	subs := c.subs
	c.subs = nil
	c.mu.Unlock()
	for _, s := range subs {
		c.change(s, true)
	}
	c.applyChanges()
}

// checkSubscriptionLimit closes a connection that already has more than its
// account allows.
func (c *Client) checkSubscriptionLimit() {
	c.mu.Lock()
	limit := c.maxSubs()
	over := limit > 0 && len(c.subs) > limit
	c.mu.Unlock()
	if over {
		c.CloseWith(MaximumSubscriptions, "maximum subscriptions exceeded")
	}
}

// label completes the name of the connection in logs, once.
func (c *Client) label() {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := &c.connect
	text := ""
	if o.Version != "" {
		text = "v" + o.Version
	}
	for _, part := range []string{o.Lang, o.Name} {
		if part == "" {
			continue
		}
		if text != "" {
			text += ":"
		}
		text += part
	}
	if text != "" {
		c.name += fmt.Sprintf(" - %q", text)
	}
	if c.binding.Load().Label != "" {
		c.name += fmt.Sprintf(" - %q", c.binding.Load().Account.Name+"/"+c.binding.Load().Label)
	}
}

// expireAt ends the connection when its user may no longer be connected.
func (c *Client) expireAt(deadline time.Time) {
	timer := time.AfterFunc(time.Until(deadline), func() {
		c.errorf("User Authentication Expired")
		c.CloseWith(AuthenticationExpired, "User Authentication Expired")
	})
	c.mu.Lock()
	if c.authTimer != nil {
		c.authTimer.Stop()
	}
	c.authTimer = timer
	c.mu.Unlock()
}
