package server

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/interest"
	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/resolver"
	"github.com/godwit-mq/godwit/internal/system"
)

// newResolver makes the source of account claims that the options name.
func (s *Server) newResolver(o *options.Options, c *claims) (resolver.Resolver, error) {
	r := o.AccountResolver
	settings := resolver.Settings{
		Path: r.Directory, Limit: int(r.Limit), Timeout: r.Timeout, Lookup: s.lookUp,
		Accept:  func(key, text string) error { _, err := c.trust.Load().CheckUpdate(key, text); return err },
		Changed: s.claimsChanged, Deleted: s.disableAccount,
		Report: func(err error) { s.log.Errorf("Account resolver: %v", err) },
	}
	var made resolver.Resolver
	var err error
	switch r.Kind {
	case options.ResolverURL:
		made, err = resolver.NewURL(r.URL, r.Timeout, o.AccountResolverTLSConfig)
	case options.ResolverFull:
		made, err = resolver.NewFull(settings, deleteMode(r))
	case options.ResolverCache:
		made, err = resolver.NewCache(settings, r.TTL)
	default:
		return resolver.NewMemory(o.ResolverPreloads), nil
	}
	if err != nil {
		return nil, err
	}
	for key, text := range o.ResolverPreloads {
		if err := made.Store(key, text); err != nil {
			return nil, fmt.Errorf("resolver preload of %q: %w", key, err)
		}
	}
	return made, nil
}

// lookUp asks others in the system account for claims that are not in the directory.
func (s *Server) lookUp(name string, timeout time.Duration) (string, error) {
	a := s.accounts.get(s.accounts.systemName())
	if a == nil {
		return "", resolver.ErrNotFound
	}
	subject := "$SYS.REQ.ACCOUNT." + name + ".CLAIMS.LOOKUP"
	others := listeners(a.Account, subject)
	if others == 0 {
		return "", resolver.ErrNotFound
	}
	in, err := s.openInbox(a.Account, others+1) // one for the answer of this server
	if err != nil {
		return "", err
	}
	defer in.close()
	a.Sender().Send(broker.Outgoing{Subject: subject, Reply: in.subject})
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for gathering := resolver.NewGathering(others); ; {
		select {
		case m := <-in.answers:
			if m.From == nil {
				continue // the server's own, which has nothing
			}
			if text, done, err := gathering.Answer(string(m.Payload)); done {
				return text, err
			}
		case <-timer.C:
			return "", resolver.ErrTimeout
		case <-s.ctx.Done():
			return "", resolver.ErrShutdown
		}
	}
}

// listeners counts the connections that a message on a subject would reach.
func listeners(a *broker.Account, subject string) (n int) {
	r := a.Index().Reader()
	defer r.Release()
	var found interest.Matches[*broker.Subscription]
	r.Match([]byte(subject), &found)
	for _, sub := range found.Plain {
		if sub.To != nil && sub.To.Out != nil {
			n++
		}
	}
	return n + len(found.Queues)
}

// introduceResolver logs where claims are kept, and what is wrong with those that the
// configuration brings: accounts that cannot be used now do not keep the server from
// starting.
func (s *Server) introduceResolver(o *options.Options) {
	if r := o.AccountResolver; r != nil {
		switch r.Kind {
		case options.ResolverFull:
			s.log.Noticef("Managing all jwt in exclusive directory %s", r.Directory)
		case options.ResolverCache:
			s.log.Noticef("Managing some jwt in exclusive directory %s", r.Directory)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(o.ResolverPreloads)) {
		issues, err := operator.ValidationIssues(o.ResolverPreloads[key], time.Now())
		if err != nil || len(issues) == 0 {
			continue // texts that are no claims were refused before
		}
		s.log.Warnf("Account [%s] has validation issues:", key)
		for _, issue := range issues {
			s.log.Warnf("  - %s", issue)
		}
	}
}

func deleteMode(r *options.ResolverOpts) resolver.DeleteMode {
	switch {
	case !r.AllowDelete:
		return resolver.DeleteRefused
	case r.HardDelete:
		return resolver.DeleteRemoves
	}
	return resolver.DeleteRenames
}

// claimsChanged is told by a directory that it has other claims of an account now.
func (s *Server) claimsChanged(key string) {
	if s.claims == nil || s.accounts.get(key) == nil {
		return // it is not in use, or the server is just being made
	}
	text, err := s.claims.resolver.Fetch(key)
	if err == nil {
		err = s.refreshAccount(key, text)
	}
	if err != nil {
		s.log.Errorf("Update for account %q resulted in error %v", key, err)
	}
}

// claimsHost are the server's claims as the system account sees them.
type claimsHost struct{ *Server }

// Claims implements system.Host.
func (h host) Claims() system.Claims {
	if h.claims == nil {
		return nil
	}
	return claimsHost(h)
}

// Update implements system.Claims. Claims that the server does not keep change the
// account as long as it runs.
func (h claimsHost) Update(key, text string) resolver.Answer {
	c := h.claims
	loaded := func(account string) bool { return h.accounts.get(account) != nil }
	apply, answer := resolver.HandleUpdate(c.resolver, c.trust.Load(), key, text, loaded)
	if apply != "" {
		answer = resolver.UpdateAnswer(c.resolver.Kind(), apply, false, h.refreshAccount(apply, text))
	}
	return answer
}

func (h claimsHost) directory() *resolver.Directory {
	if shared, ok := h.claims.resolver.(*resolver.Shared); ok {
		return shared.Directory
	}
	return nil
}

// Keeps implements system.Claims.
func (h claimsHost) Keeps() bool { return h.directory() != nil }

// Whole implements system.Claims.
func (h claimsHost) Whole() bool { return h.claims.resolver.Kind() == resolver.KindFull }

// Lookup implements system.Claims.
func (h claimsHost) Lookup(key string) string {
	text, _ := h.directory().Load(key) // empty if it is not there
	return text
}

// List implements system.Claims.
func (h claimsHost) List() []string { return h.directory().Keys() }

// Pack implements system.Claims.
func (h claimsHost) Pack(hash []byte, send func(line string)) {
	lines, equal := h.directory().HandlePack(hash)
	if !equal {
		for line, err := range lines {
			if err != nil {
				h.log.Errorf("Account resolver: %v", err)
				continue
			}
			send(line)
		}
	}
	send("") // ends them
}

// Delete implements system.Claims.
func (h claimsHost) Delete(text string) resolver.Answer {
	return h.directory().HandleDelete(h.claims.trust.Load(), text, time.Now())
}
