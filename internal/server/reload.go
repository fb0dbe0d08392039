package server

import (
	"cmp"
	"errors"
	"reflect"
	"slices"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/reload"
)

// ErrNoConfigFile: the server was started without a file that could be read again.
var ErrNoConfigFile = errors.New("can only reload config when a file is provided using -c or --config")

// Reload reads the configuration file again and makes its changes take effect: all
// of them, or none and an error, which is logged too.
func (s *Server) Reload() error {
	old := s.current().Options
	if old.ConfigFile == "" {
		return s.reloadFailed(ErrNoConfigFile)
	}
	next, err := old.Reread()
	if err != nil {
		return s.reloadFailed(err)
	}
	reload.Keep(old, next)
	return s.ReloadOptions(next)
}

func (s *Server) reloadFailed(err error) error {
	s.log.Errorf("Failed to reload server configuration: %s", err)
	return err
}

// ReloadOptions is Reload with options at hand, which are copied.
func (s *Server) ReloadOptions(next *options.Options) error {
	s.opening.Lock()
	defer s.opening.Unlock()
	if !s.Running() {
		return s.reloadFailed(ErrStopped)
	}
	next = next.Clone()
	if err := s.reload(next); err != nil {
		return s.reloadFailed(err)
	}
	s.log.Noticef("Reloaded server configuration (%s)", next.ConfigDigest)
	return nil
}

func (s *Server) reload(next *options.Options) error {
	next.SetDefaults()
	if err := next.Validate(); err != nil {
		return err
	}
	old := s.current()
	changes, err := reload.Compare(old.Options, next)
	if err != nil {
		return err
	}
	c, err := s.configure(next, old, s.port())
	if err != nil {
		return err
	}
	trust, err := newTrust(next)
	if err != nil {
		return err
	}
	wanted, _, err := describe(next)
	if err != nil {
		return err
	}
	if err := s.certify(c, old.certs); err != nil {
		return err
	}
	files, err := s.openFiles(changes, next)
	if err != nil {
		return err
	}
	// From here on nothing fails.
	before := s.baseInfo()
	if changes.Has("Accounts", "Mappings") && s.claims == nil {
		if err := s.accounts.follow(wanted); err != nil {
			s.log.Errorf("Accounts are not all as configured: %v", err)
		}
	}
	if s.claims != nil {
		s.reloadClaims(next, trust)
	}
	s.config.Store(c)
	s.runCertificates(c.certs, old.certs)
	s.useFiles(files, changes)
	if changes.Has(aboutUsers...) {
		s.review(old, c)
	}
	s.shedConnections(next.MaxConn)
	if changes.Has("MaxPending", "WriteDeadline", "WriteTimeout") {
		for _, c := range s.clients.all() {
			c.Follow()
		}
	}
	if !reflect.DeepEqual(before, s.baseInfo()) {
		s.announce()
	}
	for _, text := range changes.Texts() {
		s.log.Noticef("Reloaded: %s", text)
	}
	return nil
}

// aboutUsers are the options that decide about who may be connected and what they
// may do. Without a change of them nobody is asked about.
var aboutUsers = []string{
	"Username", "Password", "Authorization", "Users", "Nkeys", "Accounts", "NoAuthUser", "HasAuthorizationBlock",
	"ProxyRequired", "TrustedProxies", "TLSMap", "TLSPinnedCerts", "Websocket", "CustomClientAuthentication",
}

// review looks at all connections with new options: whoever may not be connected
// any more is closed, whoever may do other things than before is told so.
func (s *Server) review(old, now *configuration) {
	for _, c := range s.clients.all() {
		s.reviewClient(c, old, now)
	}
	for _, a := range s.accounts.list() {
		a.Index().Touch() // publishers remember what receivers may get
		s.shedAccount(a)
	}
}

// Bound implements client.Server: a decision that was made before a reload, and took
// effect after its review, is made again.
func (s *Server) Bound(c *client.Client, b *client.Binding) {
	now := s.current()
	if b.Claims != nil || b.Verdict == nil || b.Verdict.By == now.authFor(c.Web != nil) || now.CustomClientAuthentication != nil {
		return
	}
	verdict := now.authFor(c.Web != nil).Decide(s.request(c))
	if account := s.accounts.get(verdict.Account); !verdict.OK || account == nil || account.Account != b.Account {
		c.Reject(refusal(verdict))
	}
}

func (s *Server) reviewClient(c *client.Client, old, now *configuration) {
	was, web := c.Binding(), c.Web != nil
	if was == s.unbound {
		if now.authFor(web).Required() && !old.authFor(web).Required() {
			c.Reject(refusal(auth.Verdict{})) // it came in without credentials
		}
		return
	}
	pins := now.TLSPinnedCerts
	if web {
		pins = now.Websocket.TLSPinnedCerts
	}
	if secure := c.TLSState(); secure != nil && len(pins) > 0 && auth.CheckPinned(secure.State, pins) != nil {
		c.CloseWith(client.TLSHandshakeFailure, "Authorization Violation")
		return
	}
	if was.Claims != nil || was.Verdict == nil { // the options do not say who this is
		if a := s.accounts.get(was.Account.Name); a == nil || a.Account != was.Account {
			c.Reject(refusal(auth.Verdict{}))
		}
		return
	}
	verdict := now.authFor(web).Review(was.Verdict, s.request(c), old.authFor(web))
	if now.callout != nil && verdict.Permissions != was.Permissions {
		s.guardCallout(now.callout, &verdict)
	}
	account := s.accounts.get(verdict.Account)
	if !verdict.OK || account == nil || account.Account != was.Account {
		c.Reject(refusal(verdict))
		return
	}
	binding := s.newBinding(account, &verdict)
	if binding.Same(was) {
		return
	}
	c.Rebind(binding)
	if binding.MaxPayload != was.MaxPayload {
		c.Tell(s.Info(c, false))
	}
}

// shedConnections closes the newest connections if there are more than allowed; -1
// allows none.
func (s *Server) shedConnections(limit int) {
	if limit == 0 {
		return
	}
	open := s.staying(func(*client.Client) bool { return true })
	for _, c := range newest(open, len(open)-max(limit, 0)) {
		c.CloseWith(client.MaximumConnections, "maximum connections exceeded")
	}
}

// shedAccount closes the newest connections of an account that has more than it
// may have.
func (s *Server) shedAccount(a *account) {
	limit := a.described.Load().limits.MaxConnections
	if limit < 0 {
		return
	}
	members := s.staying(func(c *client.Client) bool { return c.Account() == a.Account && c.Binding() != s.unbound })
	for _, c := range newest(members, len(members)-int(limit)) {
		c.CloseWith(client.MaximumAccountConnections, "maximum account active connections exceeded")
	}
}

// staying returns the connections of a kind, without those that are being closed.
func (s *Server) staying(is func(*client.Client) bool) []*client.Client {
	return slices.DeleteFunc(s.clients.all(), func(c *client.Client) bool {
		return c.Refuse || c.Reason() != client.Open || !is(c)
	})
}

// newest returns the n connections that were opened last; none if n is negative.
func newest(list []*client.Client, n int) []*client.Client {
	if n <= 0 {
		return nil
	}
	slices.SortFunc(list, func(x, y *client.Client) int {
		return cmp.Or(y.Start.Compare(x.Start), cmp.Compare(y.ID, x.ID))
	})
	return list[:n]
}
