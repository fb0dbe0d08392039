package auth

import (
	"crypto/tls"
	"fmt"
	"time"

	"github.com/godwit-mq/godwit/internal/options"
)

// Reason is why a connection is refused.
type Reason uint8

// Reasons.
const (
	Failed Reason = iota
	ProxyNotTrusted
	ProxyRequired
)

// redacted stands for a token wherever a user's name is shown.
const redacted = "[REDACTED]"

// Request is what is known of a connection that wants to be let in. Nothing of it
// is changed or kept.
type Request struct {
	Connect        options.ClientOpts
	Nonce          []byte // as sent in INFO
	ConnectionType string // one of options.ConnectionStandard and so on
	TLS            *tls.ConnectionState
}

// Verdict is the decision. Of a refusal only Reason, User, Label, ProxyKey and the
// lines for the log mean anything.
type Verdict struct {
	OK     bool
	Reason Reason // if not OK

	Account     string
	Permissions *Permissions // nil: no restrictions
	Deadline    time.Time    // end of the connection; zero: never

	User      string // as monitoring shows it, also for refused connections
	Label     string // for log prefixes: "user:joe"
	IssuerKey string // who signed the user; the account's name for nkey users
	ProxyKey  string // of the trusted proxy that signed

	// Found is the configured user that the credentials are about, whether or not
	// they prove it; empty if they are about none. ProxyRequired is whether that
	// user has to come by way of a trusted proxy.
	Found         string
	ProxyRequired bool

	By *Authenticator // who decided

	Debug    []string // lines that explain the decision
	Warnings []string // lines that an operator should see

	who      string // for the error log
	admitted *user  // nil if it was no configured user
}

// ErrorText is the line for the error log.
func (v *Verdict) ErrorText() string {
	if v.who == "" {
		return "authentication error"
	}
	return "authentication error - " + v.who
}

// describe names who asks, as far as the credentials tell.
func (v *Verdict) describe(c *options.ClientOpts) {
	switch {
	case c.Nkey != "":
		v.setNkey(c.Nkey)
	case c.Username != "":
		v.setUser(c.Username)
	case c.Token != "":
		v.User, v.who, v.Label = redacted, fmt.Sprintf("Token %q", redacted), "token"
	}
}

func (v *Verdict) found(u *user) { v.Found, v.ProxyRequired = u.name, u.proxy }

func (v *Verdict) setUser(name string) {
	v.User, v.who, v.Label = name, fmt.Sprintf("User %q", name), "user:"+name
}

func (v *Verdict) setNkey(key string) {
	v.User, v.who, v.Label = key, fmt.Sprintf("Nkey %q", key), "nkey:"+key
}

func (v *Verdict) debugf(format string, args ...any) {
	v.Debug = append(v.Debug, fmt.Sprintf(format, args...))
}
