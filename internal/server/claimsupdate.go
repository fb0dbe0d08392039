package server

import (
	"errors"
	"time"

	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/resolver"
)

// refreshAccount brings changed claims of a known account into force, for its
// connections too.
func (s *Server) refreshAccount(name, text string) error {
	a := s.accounts.get(name)
	if a == nil {
		return nil
	}
	old := a.described.Load().claims
	if old != nil && old.Text == text {
		return nil
	}
	missing, err := s.installAccount(name, text)
	if err != nil {
		return err
	}
	for _, exporter := range missing {
		if err := s.loadAccount(exporter); err != nil {
			s.log.Debugf("Can't locate account [%s]: %v", exporter, err)
		}
	}
	s.reviewClaims(a, old)
	return nil
}

// reviewClaims looks at an account's connections after its claims have changed.
func (s *Server) reviewClaims(a *account, old *operator.Account) {
	now := a.described.Load().claims
	if now == nil {
		return
	}
	for _, c := range s.clients.all() {
		if b := c.Binding(); b != nil && b.Account == a.Account && b.Claims != nil {
			s.reviewUser(c, b, a, old, now)
		}
	}
	a.Index().Touch() // publishers remember what receivers may get
	s.shedAccount(a)
}

func (s *Server) reviewUser(c *client.Client, b *client.Binding, a *account, old, now *operator.Account) {
	user := b.Claims
	switch {
	case now.Revoked(user.Name, user.Issued):
		c.CloseWith(client.CredentialsRevoked, "User Authentication Revoked")
		return
	case now.DisallowBearer && user.Bearer:
		s.log.Debugf("%s - Bearer User JWT not allowed", c)
		c.CloseWith(client.AuthenticationFailure, "Authorization Violation")
		s.Rejected(c, &client.Refusal{Reason: client.AuthenticationFailure})
		return
	case old != nil && !now.SameSigner(old, user.Issuer):
		c.Close(client.AuthenticationFailure)
		return
	}
	if user.Inherited {
		fresh := *user
		fresh.Permissions = now.DefaultPermissions
		user = &fresh
	}
	binding, err := s.claimsBinding(a, user)
	if err != nil {
		s.log.Errorf("%s - %v", c, err)
		return
	}
	binding.ProxyKey = b.ProxyKey
	if !binding.Same(b) {
		c.Rebind(binding)
	}
}

// disableAccount ends an account whose claims were deleted: nobody may connect until
// new ones come.
func (s *Server) disableAccount(name string) {
	a := s.accounts.get(name)
	if a == nil {
		return
	}
	if err := a.SetImports(nil, nil); err != nil {
		s.log.Errorf("Account [%s]: %v", name, err)
	}
	s.expireAccount(name)
	s.accounts.remove(name)
}

// reloadClaims follows what a reload changed about operator mode.
func (s *Server) reloadClaims(o *options.Options, trust *operator.Trust) {
	c := s.claims
	c.trust.Store(trust)
	switch r := c.resolver.(type) {
	case *resolver.URL:
		r.SetTLS(o.AccountResolverTLSConfig)
	case *resolver.Shared:
		if err := r.Reload(); err != nil {
			s.log.Errorf("Account resolver: %v", err)
		}
	case *resolver.Memory:
		r.Replace(o.ResolverPreloads)
		s.followPreloads(o.ResolverPreloads)
	}
}

// followPreloads makes the accounts in use what new preloads say.
func (s *Server) followPreloads(preloads map[string]string) {
	for _, a := range s.accounts.list() {
		said := a.described.Load().claims
		if said == nil {
			continue
		}
		text, ok := preloads[a.Name]
		if !ok {
			s.log.Noticef("Reloaded: deleting account [removed]: %q", a.Name)
			s.disableAccount(a.Name)
			continue
		}
		if err := s.refreshAccount(a.Name, text); err != nil {
			s.log.Noticef("Reloaded: deleting account [bad claims]: %q", a.Name)
			s.disableAccount(a.Name)
		}
	}
}

// retrySystem is how often claims of the system account are asked for that were not
// to be had.
const retrySystem = time.Second

// loadSystem makes the operator's system account known, before anything else is
// served. If its claims are not to be had and may be sent in, a makeshift account
// takes their place until then.
func (s *Server) loadSystem() error {
	c := s.claims
	if c == nil {
		return nil
	}
	for _, line := range c.trust.Load().Introduction() {
		s.log.Noticef("%s", line)
	}
	s.introduceResolver(s.current().Options)
	if remote, ok := c.resolver.(*resolver.URL); ok {
		if err := remote.Check(); err != nil {
			return err
		}
	}
	name := c.trust.Load().SystemAccount()
	if name == "" {
		return nil
	}
	s.accounts.mu.Lock()
	s.accounts.system = name
	s.accounts.mu.Unlock()
	err := s.loadAccount(name)
	if err != nil {
		if !c.directory {
			return errors.New("error resolving system account: account missing") // a known text
		}
		s.log.Noticef("Using bootstrapping system account")
		if _, err := s.install(operator.Bootstrap(name)); err != nil {
			return err
		}
		s.tasks.Go(func() { s.awaitSystem(name) })
	}
	s.accounts.node.System = s.accounts.get(name).Account
	return nil
}

// awaitSystem replaces the makeshift system account when its claims can be had.
func (s *Server) awaitSystem(name string) {
	for sleep(s.ctx, retrySystem) {
		if said := s.accounts.get(name).described.Load().claims; said != nil && said.Claims != nil {
			return // they were sent in
		}
		text, err := s.claims.resolver.Fetch(name)
		if err == nil && s.refreshAccount(name, text) == nil {
			s.log.Noticef("System account fetched and updated")
			return
		}
	}
}
