package server

import (
	"crypto/tls"
	"net"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/callout"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/options"
)

// Authenticate implements client.Server.
func (s *Server) Authenticate(c *client.Client, connect options.ClientOpts) (*client.Binding, *client.Refusal) {
	if s.claims != nil && s.current().CustomClientAuthentication == nil {
		return s.admitByClaims(c, connect)
	}
	var verdict auth.Verdict
	if custom := s.current().CustomClientAuthentication; custom != nil {
		verdict = s.askEmbedder(custom, c, &connect)
	} else {
		request := s.request(c)
		request.Connect = connect
		verdict = s.current().authFor(c.Web != nil).Decide(request)
	}
	for _, warning := range verdict.Warnings {
		s.log.Warnf("%s - %s", c, warning)
	}
	if service := s.current().callout; service != nil && s.current().CustomClientAuthentication == nil {
		asked := callout.Facts{Passed: verdict.OK, Account: verdict.Account, Identity: verdict.Found}
		if verdict.Reason != auth.ProxyNotTrusted && service.ShouldAsk(asked) {
			return s.askService(service, c, connect, &verdict, nil)
		}
		s.guardCallout(service, &verdict)
	}
	if !verdict.OK {
		return nil, refusal(verdict)
	}
	return s.bind(c, &verdict)
}

// bind counts the connection into the account that authentication chose.
func (s *Server) bind(c *client.Client, v *auth.Verdict) (*client.Binding, *client.Refusal) {
	account := s.accounts.get(v.Account)
	if account == nil {
		return nil, &client.Refusal{
			Reason: client.AuthenticationFailure, Text: "Failed Account Registration", User: v.User,
			Log: "Problem registering with account \"" + v.Account + "\": account missing",
		}
	}
	if !s.accounts.join(account, c) {
		s.LogLimited(c, "maximum account active connections exceeded")
		return nil, &client.Refusal{
			Reason: client.MaximumAccountConnections, User: v.User,
			Text: "maximum account active connections exceeded",
		}
	}
	return s.newBinding(account, v), nil
}

// request is what is known of a connection.
func (s *Server) request(c *client.Client) auth.Request {
	r := auth.Request{Connect: c.ConnectOptions(), Nonce: c.Nonce, ConnectionType: c.Type}
	if secure := c.TLSState(); secure != nil {
		r.TLS = &secure.State
	}
	return r
}

// newBinding is what a verdict means for a connection.
func (s *Server) newBinding(account *account, v *auth.Verdict) *client.Binding {
	limits := &account.described.Load().limits
	return &client.Binding{
		Account: account.Account, Permissions: v.Permissions, Deadline: v.Deadline,
		MaxPayload: limits.MaxPayload, MaxSubs: limits.MaxSubscriptions,
		System: account.Name == s.accounts.systemName(),
		User:   v.User, Label: v.Label, IssuerKey: v.IssuerKey, ProxyKey: v.ProxyKey, Verdict: v,
	}
}

func refusal(v auth.Verdict) *client.Refusal {
	r := &client.Refusal{
		Reason: client.AuthenticationFailure, Text: "Authorization Violation",
		Log: v.ErrorText(), Debug: v.Debug, User: v.User,
	}
	switch v.Reason {
	case auth.ProxyNotTrusted:
		r.Reason = client.ProxyNotTrusted
	case auth.ProxyRequired:
		r.Reason = client.ProxyRequired
	}
	return r
}

// askEmbedder lets the embedding program decide.
func (s *Server) askEmbedder(custom options.Authenticator, c *client.Client, connect *options.ClientOpts) auth.Verdict {
	seen := &applicant{client: c, connect: connect}
	if !custom.Check(seen) {
		return s.current().auth.Refuse(connect)
	}
	return s.current().auth.Accept(seen.user, connect)
}

// applicant is a connecting client as an embedding program sees it.
type applicant struct {
	client  *client.Client
	connect *options.ClientOpts
	user    *options.User
}

func (a *applicant) GetOpts() *options.ClientOpts    { return a.connect }
func (a *applicant) RegisterUser(user *options.User) { a.user = user }
func (a *applicant) RemoteAddress() net.Addr         { return a.client.RemoteAddr() }
func (a *applicant) GetNonce() []byte                { return a.client.Nonce }
func (a *applicant) Kind() int                       { return 0 }
func (a *applicant) GetID() uint64                   { return a.client.ID }

func (a *applicant) GetTLSConnectionState() *tls.ConnectionState {
	if secure := a.client.TLSState(); secure != nil {
		state := secure.State
		return &state
	}
	return nil
}
