package server

import (
	"errors"
	"fmt"
	"time"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/callout"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/options"
)

// askService lets a service decide about a connection. found is what the server
// itself thinks of it, brought the user of the JWT that it came with, if it is good. It takes as long as the service, or the time-out; the
// connection's goroutine waits.
func (s *Server) askService(service *callout.Service, c *client.Client, connect options.ClientOpts, found *auth.Verdict, brought *operator.User) (*client.Binding, *client.Refusal) {
	user, err := s.consult(service, c, connect, found, brought)
	var binding *client.Binding
	if err == nil {
		binding, err = s.bindCallout(c, user, found)
	}
	if err == nil {
		return binding, nil
	}
	r := refusal(*found)
	r.Reason = client.AuthenticationFailure
	reason := ""
	var refused *callout.Refusal
	switch {
	case errors.Is(err, errFull):
		s.LogLimited(c, errFull.Error())
		return nil, &client.Refusal{Reason: client.MaximumAccountConnections, User: found.User, Text: errFull.Error()}
	case errors.As(err, &refused):
		reason = refused.Reason()
		if refused.ProxyRequired {
			r.Reason = client.ProxyRequired
		}
		r.Errors = append(r.Errors, refused.Errors...)
		s.log.Warnf("%s - %s", c, refused.Text)
	default:
		r.Debug = append(r.Debug, err.Error())
	}
	if a := s.accounts.get(service.Account); a != nil {
		if events := s.system.Load(); events != nil {
			events.RefusedIn(a.Account, c.Describe(true), traffic(c), reason)
		}
	}
	return nil, r
}

var errFull = errors.New("maximum account active connections exceeded")

// consult asks the service and judges its answer.
func (s *Server) consult(service *callout.Service, c *client.Client, connect options.ClientOpts, found *auth.Verdict, brought *operator.User) (*operator.User, error) {
	a := s.accounts.get(service.Account)
	if a == nil {
		return nil, fmt.Errorf("authorization callout account %q not valid", service.Account)
	}
	o := s.current().Options
	asker := &callout.Server{
		Name: s.name, Host: o.Host, Version: CompatVersion, Tags: o.Tags, Key: s.identity, Curve: s.curve,
	}
	about := &callout.Client{
		Host: hostOf(c.RemoteAddr()), ID: c.ID, User: found.User, Nonce: c.Nonce, Connect: connect,
		ConnectionType: c.Type, Proxied: found.ProxyKey != "", ProxyRequired: found.ProxyRequired,
	}
	if brought != nil {
		about.Tags, about.NameTag = brought.Tags, brought.DisplayName
	}
	if secure := c.TLSState(); secure != nil {
		about.TLS = &secure.State
	}
	attempt, err := asker.Ask(service, about, time.Now())
	if err != nil {
		return nil, err
	}
	answer, err := s.exchange(a.Account, attempt, service.Timeout())
	if err != nil {
		return nil, err
	}
	return attempt.Judge(answer, s.calloutTarget, time.Now())
}

// exchange sends a question and waits for the first answer.
func (s *Server) exchange(a *broker.Account, attempt *callout.Attempt, timeout time.Duration) ([]byte, error) {
	in, err := s.openInbox(a, 1)
	if err != nil {
		return nil, err
	}
	defer in.close()
	a.Sender().Send(broker.Outgoing{
		Subject: callout.Subject, Reply: in.subject, Header: attempt.Header, Payload: attempt.Payload,
	})
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case m := <-in.answers:
		return m.Payload, nil
	case <-timer.C:
	case <-s.ctx.Done():
	}
	return nil, errors.New(attempt.Late())
}

// calloutTarget is an account that a service wants to place a user in.
func (s *Server) calloutTarget(name string) (*callout.Target, error) {
	a, err := s.account(name)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, errors.New("account missing")
	}
	target := &callout.Target{Claims: a.described.Load().claims}
	for _, configured := range s.current().Accounts {
		if configured.Name == name {
			target.DefaultPermissions = configured.DefaultPermissions
		}
	}
	return target, nil
}

// bindCallout makes the service's decision take effect.
func (s *Server) bindCallout(c *client.Client, user *operator.User, found *auth.Verdict) (*client.Binding, error) {
	a := s.accounts.get(user.Account)
	if a == nil {
		return nil, callout.NotRegistered(errors.New("account missing"))
	}
	binding, err := s.claimsBinding(a, user)
	if err != nil {
		return nil, err
	}
	user.JWT = "" // what the connection came with says nothing about who it is now
	binding.ProxyKey = found.ProxyKey
	binding.User, binding.Label = found.User, found.Label
	if user.DisplayName != "" {
		binding.User, binding.Label = user.DisplayName, "user:"+user.DisplayName
	}
	if s.claims == nil {
		binding.Claims = nil // of nobody who could withdraw them
	}
	if !s.accounts.join(a, c) {
		return nil, errFull
	}
	return binding, nil
}

// guardCallout keeps the users of the service's account from asking in the server's
// name.
func (s *Server) guardCallout(service *callout.Service, v *auth.Verdict) {
	if !v.OK || v.Account != service.Account {
		return
	}
	permissions, err := auth.NewPermissions(callout.DenyRequests(v.Permissions.Raw()))
	if err != nil {
		v.OK = false // cannot happen: both parts were compiled before
		return
	}
	v.Permissions = permissions
}
