package server

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/callout"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/resolver"
	"github.com/godwit-mq/godwit/internal/sharing"
	"github.com/godwit-mq/godwit/internal/transform"
)

// claims is operator mode: accounts and users come from signed claims.
type claims struct {
	trust    atomic.Pointer[operator.Trust] // replaced by a reload
	resolver resolver.Resolver
	// directory: claims are kept by the server, and may be sent in.
	directory bool
	// pinnedFailures counts users of accounts that this server is not for.
	pinnedFailures atomic.Uint64

	mu      sync.Mutex
	loading map[string]*loading    // accounts that are being fetched
	expiry  map[string]*time.Timer // of accounts that will expire
	// activations are timers of accounts with imports whose token will expire.
	activations map[string]*time.Timer
}

// loading is one fetch that several connections may wait for.
type loading struct {
	done chan struct{}
	err  error
}

// fetchSlow is from which duration a fetch is warned about.
const fetchSlow = time.Second

// newTrust returns whom the options believe; nil unless they ask for operator mode.
func newTrust(o *options.Options) (*operator.Trust, error) {
	settings := operator.Settings{
		TrustedKeys: o.TrustedKeys, DefaultSentinel: o.DefaultSentinel, SystemAccount: o.SystemAccount,
		HasResolver: o.AccountResolver != nil, HasAccounts: len(o.Accounts) > 0,
		HasUsers: len(o.Users)+len(o.Nkeys) > 0, HasCallout: o.AuthCallout != nil, Version: CompatVersion,
	}
	for _, text := range o.OperatorJWTs {
		read, err := operator.ReadOperator(text)
		if err != nil {
			return nil, err
		}
		settings.Operators = append(settings.Operators, read)
	}
	for key := range o.ResolverPinnedAccounts {
		settings.PinnedAccounts = append(settings.PinnedAccounts, key)
	}
	settings.DirectoryResolver = keepsClaims(o)
	return operator.New(settings)
}

// keepsClaims reports whether the server has a directory of account claims.
func keepsClaims(o *options.Options) bool {
	r := o.AccountResolver
	return r != nil && (r.Kind == options.ResolverFull || r.Kind == options.ResolverCache)
}

// newClaims returns what the options say about operators; nil if there are none.
func (s *Server) newClaims(o *options.Options) (*claims, error) {
	trust, err := newTrust(o)
	if err != nil || trust == nil {
		return nil, err
	}
	c := &claims{directory: keepsClaims(o), loading: make(map[string]*loading), expiry: make(map[string]*time.Timer), activations: make(map[string]*time.Timer)}
	c.trust.Store(trust)
	c.resolver, err = s.newResolver(o, c)
	return c, err
}

// describeClaims is an account as its claims describe it.
func describeClaims(a *operator.Account) (*description, error) {
	d := &description{
		limits: a.Limits, offers: &sharing.Account{Name: a.Name, Exports: slices.Clone(a.Exports)}, claims: a, updated: time.Now(),
	}
	for _, i := range a.Imports {
		d.offers.Imports = append(d.offers.Imports, &i.Import)
		if i.Token != "" {
			if d.tokens == nil {
				d.tokens = make(map[*sharing.Import]*operator.Import)
			}
			d.tokens[&i.Import] = i
		}
	}
	if a.Trace != nil {
		d.trace = broker.TraceTarget{Subject: a.Trace.Destination, Sampling: a.Trace.Sampling}
	}
	var made []*transform.Mapping
	for _, m := range a.Mappings {
		compiled, err := m.Compile()
		if err != nil {
			return nil, fmt.Errorf("Error adding subject mapping %q for account [%s]: %w", m.Source, a.Label(), err) // a known text
		}
		made = append(made, compiled)
	}
	if len(made) > 0 {
		d.mappings = transform.NewMappings(made...)
	}
	return d, nil
}

// account finds an account, and fetches its claims if it is not known or has
// expired. It may take as long as the resolver.
func (s *Server) account(name string) (*account, error) {
	a := s.accounts.get(name)
	if s.claims == nil || a != nil && !a.expired(time.Now()) {
		return a, nil
	}
	c := s.claims
	c.mu.Lock()
	if l := c.loading[name]; l != nil {
		c.mu.Unlock()
		<-l.done
		return s.accounts.get(name), l.err
	}
	l := &loading{done: make(chan struct{})}
	c.loading[name] = l
	c.mu.Unlock()
	l.err = s.loadAccount(name)
	c.mu.Lock()
	delete(c.loading, name)
	c.mu.Unlock()
	close(l.done)
	return s.accounts.get(name), l.err
}

// expired reports whether the account's claims are no longer good.
func (a *account) expired(now time.Time) bool {
	c := a.described.Load().claims
	return c != nil && c.Expired(now)
}

// loadAccount fetches an account and, as far as they are not known, those that it
// imports from. Without one of these the account is incomplete, but of use.
func (s *Server) loadAccount(name string) error {
	tried := map[string]bool{name: true}
	for queue := []string{name}; len(queue) > 0; queue = queue[1:] {
		missing, err := s.loadOne(queue[0])
		if err != nil {
			if queue[0] == name {
				return err
			}
			s.log.Debugf("Can't locate account [%s]: %v", queue[0], err)
		}
		for _, exporter := range missing {
			if !tried[exporter] {
				tried[exporter] = true
				queue = append(queue, exporter)
			}
		}
	}
	return nil
}

// loadOne fetches one account and returns the exporters that are not known.
func (s *Server) loadOne(name string) (missing []string, err error) {
	start := time.Now()
	text, err := s.claims.resolver.Fetch(name)
	if took := time.Since(start); took >= fetchSlow {
		s.log.Warnf("Account [%s] fetch took %v", name, took)
	}
	if err != nil {
		s.log.Warnf("Account fetch failed: %v", err)
		return nil, err
	}
	return s.installAccount(name, text)
}

// installAccount brings claims into force.
func (s *Server) installAccount(name, text string) (missing []string, err error) {
	a, err := s.claims.trust.Load().Account(text, time.Now())
	if err != nil {
		return nil, err
	}
	if a.Name != name {
		return nil, fmt.Errorf("%w: claims of %q", operator.ErrAccount, a.Name)
	}
	for _, line := range a.Debug {
		s.log.Debugf("%s", line)
	}
	return s.install(a)
}

func (s *Server) install(a *operator.Account) (missing []string, err error) {
	d, err := describeClaims(a)
	if err != nil {
		return nil, err
	}
	missing, complaints := s.accounts.install(a.Name, d)
	for _, complaint := range complaints {
		s.log.Errorf("%v", complaint)
	}
	s.watchExpiry(a)
	s.watchActivations(a)
	return missing, nil
}

// watchExpiry makes sure that the account's connections end with it.
func (s *Server) watchExpiry(a *operator.Account) {
	c := s.claims
	c.mu.Lock()
	defer c.mu.Unlock()
	if timer := c.expiry[a.Name]; timer != nil {
		timer.Stop()
		delete(c.expiry, a.Name)
	}
	if !a.Expires.IsZero() && s.ctx.Err() == nil {
		// Claims are good until their last second is over; who connects within it has
		// to go, too.
		c.expiry[a.Name] = time.AfterFunc(time.Until(a.Expires.Add(time.Second)), func() { s.expireAccount(a.Name) })
	}
}

// expireAccount closes all connections of an account.
func (s *Server) expireAccount(name string) {
	a := s.accounts.get(name)
	if a == nil {
		return
	}
	for _, c := range s.clients.all() {
		if c.Account() == a.Account {
			c.CloseWith(client.AuthenticationExpired, "Account Authentication Expired")
		}
	}
}

// watchActivations makes sure that imports end with the tokens that allow them.
func (s *Server) watchActivations(a *operator.Account) {
	c, next := s.claims, time.Time{}
	for _, i := range a.Imports {
		if end := i.Expires(); end.After(time.Now()) && (next.IsZero() || end.Before(next)) {
			next = end
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if acc := s.accounts.get(a.Name); acc == nil || acc.described.Load().claims != a {
		return // there are other claims by now
	}
	if timer := c.activations[a.Name]; timer != nil {
		timer.Stop()
		delete(c.activations, a.Name)
	}
	if !next.IsZero() && s.ctx.Err() == nil {
		c.activations[a.Name] = time.AfterFunc(time.Until(next), func() { s.endActivations(a) })
	}
}

// endActivations ends the imports of an account whose token has expired.
func (s *Server) endActivations(a *operator.Account) {
	if err := s.accounts.relink(a.Name); err != nil {
		s.log.Errorf("%v", err)
	}
	s.watchActivations(a)
}

// stopClaims ends the timers.
func (s *Server) stopClaims() {
	if s.claims == nil {
		return
	}
	s.claims.mu.Lock()
	for _, timer := range s.claims.expiry {
		timer.Stop()
	}
	for _, timer := range s.claims.activations {
		timer.Stop()
	}
	s.claims.mu.Unlock()
	s.claims.resolver.Close() // what could be written has been
}

// admitByClaims decides about a connection in operator mode.
func (s *Server) admitByClaims(c *client.Client, connect options.ClientOpts) (*client.Binding, *client.Refusal) {
	request := s.request(c)
	request.Connect = connect
	proxied := s.current().authFor(c.Web != nil).Proxied(request)
	if !proxied.OK {
		return nil, refusal(proxied)
	}
	asked := &operator.Request{
		JWT: connect.JWT, Signature: connect.Sig, Nonce: c.Nonce, ConnectionType: c.Type,
		Host: hostOf(c.RemoteAddr()), Proxied: proxied.ProxyKey != "",
	}
	user, account, err := s.judge(asked)
	if service := s.calloutOf(account); service != nil && user == nil {
		s.log.Warnf("%s - %v", c, callout.Unmapped(c.Type))
	} else if service != nil && service.ShouldAsk(callout.Facts{Passed: true, Account: account.Name, Identity: user.Name}) {
		return s.askService(service, c, connect, &proxied, user)
	}
	if err != nil {
		return nil, claimsRefusal(err, connect.JWT)
	}
	s.log.Debugf("%s - %s", c, user.Description("Client"))
	binding, err := s.claimsBinding(account, user)
	if err != nil {
		return nil, claimsRefusal(err, connect.JWT)
	}
	binding.ProxyKey = proxied.ProxyKey
	if !s.accounts.join(account, c) {
		s.LogLimited(c, "maximum account active connections exceeded")
		return nil, &client.Refusal{
			Reason: client.MaximumAccountConnections, User: binding.User,
			Text: "maximum account active connections exceeded",
		}
	}
	return binding, nil
}

// judge finds the account of a user and lets it decide.
func (s *Server) judge(r *operator.Request) (*operator.User, *account, error) {
	now := time.Now()
	credential, err := s.claims.trust.Load().Open(r, now)
	if err != nil {
		if refused := (*operator.Refusal)(nil); errors.As(err, &refused) && refused.Cause == operator.NotPinned {
			s.claims.pinnedFailures.Add(1)
		}
		return nil, nil, err
	}
	a, err := s.account(credential.Account())
	if err == nil && a == nil {
		err = errors.New("account missing")
	}
	if err != nil {
		return nil, nil, &operator.Refusal{Text: "Account JWT lookup error: " + err.Error()}
	}
	said := a.described.Load().claims
	if said == nil {
		return nil, nil, &operator.Refusal{Text: "Account JWT not signed by trusted operator"}
	}
	user, err := said.Admit(credential, r, now)
	return user, a, err
}

// calloutOf is the service that an account delegates to; nil if there is none.
func (s *Server) calloutOf(a *account) *callout.Service {
	if a == nil || a.described.Load().claims == nil {
		return nil
	}
	return callout.FromClaims(a.described.Load().claims, seconds(s.current().AuthTimeout))
}

// decides reports whether an account is that of a service that decides about users.
func (s *Server) decides(a *account) bool {
	if service := s.current().callout; s.claims == nil && service != nil {
		return service.Account == a.Name
	}
	return s.calloutOf(a) != nil
}

// claimsBinding is what claims mean for a connection.
func (s *Server) claimsBinding(a *account, user *operator.User) (*client.Binding, error) {
	granted := user.Permissions
	if s.decides(a) {
		granted = callout.DenyRequests(granted)
	}
	permissions, err := auth.NewPermissions(granted)
	if err != nil {
		return nil, &operator.Refusal{Text: "User JWT generated invalid permissions: " + err.Error(), Loud: true}
	}
	limits := &a.described.Load().limits
	return &client.Binding{
		Account: a.Account, Permissions: permissions, Deadline: user.Deadline,
		MaxPayload: least(user.MaxPayload, limits.MaxPayload), MaxSubs: least(user.MaxSubscriptions, limits.MaxSubscriptions),
		System: a.Name == s.accounts.systemName(), User: user.Name, Label: "jwt:" + user.Name,
		IssuerKey: user.Issuer, Claims: user,
	}, nil
}

// least is the smaller of two limits, of which a negative one is none.
func least(a, b int64) int64 {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}

func hostOf(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.IP.String()
	}
	return ""
}

// claimsRefusal is a refusal with what the log is to say.
func claimsRefusal(err error, token string) *client.Refusal {
	r := &client.Refusal{Reason: client.AuthenticationFailure, Text: "Authorization Violation"}
	if c, err := operator.DecodeUser(token); err == nil {
		r.User = c.Claims.Subject
		r.Log = fmt.Sprintf("authentication error - JWT User %q", r.User)
	}
	var refused *operator.Refusal
	if errors.As(err, &refused) {
		if refused.Cause == operator.ProxyRequired {
			r.Reason = client.ProxyRequired
		}
		if refused.Loud {
			r.Errors = append(r.Errors, refused.Text)
			return r
		}
	}
	r.Debug = append(r.Debug, err.Error())
	return r
}

// install makes an account what its claims describe, and links it and those that
// import from it. It returns the exporters that are not known, and complaints about
// imports.
func (a *accounts) install(name string, d *description) (missing []string, complaints []error) {
	a.configuring.Lock()
	defer a.configuring.Unlock()
	a.mu.Lock()
	system := a.system
	switch system {
	case "":
	case name:
		offerSystem(d)
	default:
		useSystem(d, system)
	}
	a.put(name, d)
	acc := a.byName[name]
	list := a.sorted()
	a.mu.Unlock()
	acc.SetMappings(d.mappings)
	acc.SetTrace(d.trace)
	complaints = append(complaints, a.link(acc))
	for _, other := range list {
		if other != acc && other.importsFrom(name) {
			complaints = append(complaints, a.link(other))
		}
	}
	for _, i := range d.offers.Imports {
		if a.get(i.Account) == nil && !slices.Contains(missing, i.Account) {
			missing = append(missing, i.Account)
		}
	}
	return missing, slices.DeleteFunc(complaints, func(err error) bool { return err == nil })
}

// importsFrom reports whether the account imports anything from another one.
func (a *account) importsFrom(name string) bool {
	return slices.ContainsFunc(a.described.Load().offers.Imports, func(i *sharing.Import) bool { return i.Account == name })
}

// relink decides anew which imports of an account are allowed.
func (a *accounts) relink(name string) error {
	a.configuring.Lock()
	defer a.configuring.Unlock()
	acc := a.get(name)
	if acc == nil {
		return nil
	}
	return a.link(acc)
}

// inForce is a look-up of what accounts export, and which of their imports really
// work: only these can be part of a circle.
func (a *accounts) inForce() sharing.Lookup {
	seen := make(map[string]*sharing.Account)
	return func(name string) *sharing.Account {
		if known, ok := seen[name]; ok {
			return known
		}
		acc := a.get(name)
		if acc == nil {
			return nil
		}
		known := &sharing.Account{Name: name, Exports: acc.described.Load().offers.Exports}
		streams, services := acc.Imports()
		for _, i := range streams {
			known.Imports = append(known.Imports, &sharing.Import{Kind: sharing.Stream, Account: i.From.Name, Subject: i.Subject, Local: i.Local})
		}
		for _, i := range services {
			known.Imports = append(known.Imports, &sharing.Import{Kind: sharing.Service, Account: i.To.Name, Subject: i.Subject, Local: i.Local})
		}
		seen[name] = known
		return known
	}
}
