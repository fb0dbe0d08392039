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

// Request is what is known of a connection that wants to be let in.
type Request struct {
	Connect        options.ClientOpts
	Nonce          []byte
	ConnectionType string
	TLS            *tls.ConnectionState // nil without TLS
}

// Verdict is the decision.
type Verdict struct {
	OK     bool
	Reason Reason // if not OK

	Account     string
	Permissions *Permissions // nil: no restrictions
	Deadline    time.Time    // zero: never
	User        string       // as monitoring shows it; also of refused ones
	Label       string       // for log prefixes: "user:joe"
	IssuerKey   string
	ProxyKey    string
	Debug       []string // lines that explain the decision
	Warnings    []string // lines for the operator

	who string // for the error log
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
		v.User, v.who, v.Label = c.Nkey, fmt.Sprintf("Nkey %q", c.Nkey), "nkey:"+c.Nkey
	case c.Username != "":
		v.User, v.who, v.Label = c.Username, fmt.Sprintf("User %q", c.Username), "user:"+c.Username
	case c.Token != "":
		v.User, v.who, v.Label = "[REDACTED]", `Token "[REDACTED]"`, "token"
	}
}

func (v *Verdict) debugf(format string, args ...any) {
	v.Debug = append(v.Debug, fmt.Sprintf(format, args...))
}
