package operator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// Operator is a decoded operator JWT.
type Operator struct {
	Text   string // the JWT
	Claims *jwt.OperatorClaims
}

// ReadOperator reads an operator JWT, plain or between the decorating lines of
// a file. Its signature is verified; its expiry does not matter.
func ReadOperator(text string) (*Operator, error) {
	plain, err := jwt.ParseDecoratedJWT([]byte(strings.TrimSpace(text)))
	if err != nil {
		return nil, err
	}
	claims, err := decodeOperator(plain)
	if err != nil {
		return nil, err
	}
	return &Operator{Text: plain, Claims: claims}, nil
}

// Settings are what the configuration says about operator mode, and the parts of
// it that do not go with it.
type Settings struct {
	Operators       []*Operator
	TrustedKeys     []string // instead of operators
	StampedKeys     string   // built into the binary, separated by blanks
	DefaultSentinel string   // user JWT of those who bring none
	SystemAccount   string   // public key; empty: of the operator, if there is one only
	PinnedAccounts  []string // the only accounts whose users may come; empty: all

	HasResolver       bool // account JWTs can be looked up
	DirectoryResolver bool // and it is one that needs the system account
	HasAccounts       bool // accounts are configured
	HasUsers          bool // users or nkeys are configured
	HasCallout        bool // an authorization callout is configured

	Version string // of the server, "2.15.2", for operators that ask for one
}

// Trust says which accounts are believed. A nil *Trust is the mode without
// operators.
type Trust struct {
	operators []*Operator
	keys      []string
	strict    map[string]bool // keys of operators that demand signing keys of accounts
	system    string
	pinned    map[string]bool // nil: all
	sentinel  string
}

var errStampedKeys = errors.New("Error processing trusted operator keys") // users know this text

// New checks the settings and makes a trust of them. It returns nil, and no
// error, if there is neither an operator nor a trusted key.
func New(s Settings) (*Trust, error) {
	t := &Trust{operators: s.Operators, system: s.SystemAccount, sentinel: s.DefaultSentinel}
	if t.system == "" && len(s.Operators) == 1 {
		t.system = s.Operators[0].Claims.SystemAccount
	}
	if err := s.check(t.system); err != nil {
		return nil, err
	}
	t.addKeys(s.TrustedKeys)
	for _, key := range t.keys {
		if !nkeys.IsValidPublicOperatorKey(key) {
			return nil, fmt.Errorf("trusted Keys %q are required to be a valid public operator nkey", key)
		}
	}
	if err := t.pin(s.PinnedAccounts); err != nil {
		return nil, err
	}
	if len(s.Operators) > 0 && s.HasCallout {
		return nil, errors.New("operators do not allow authorization callouts to be configured directly")
	}
	if stamped := strings.Fields(s.StampedKeys); len(stamped) > 0 {
		if len(t.keys) > 0 || !allOperators(stamped) {
			return nil, errStampedKeys
		}
		t.addKeys(stamped)
	}
	if len(t.keys) == 0 && len(s.Operators) == 0 {
		return nil, nil
	}
	return t, nil
}

// check does the first part of the checks, whose order shows in which error a
// configuration with several mistakes gets.
func (s *Settings) check(system string) error {
	if len(s.Operators) == 0 {
		if s.DefaultSentinel != "" {
			return errors.New("default sentinel requires operators and accounts")
		}
		return nil
	}
	if err := checkSentinel(s.DefaultSentinel); err != nil {
		return err
	}
	switch {
	case !s.HasResolver:
		return errors.New("operators require an account resolver to be configured")
	case s.HasAccounts:
		return errors.New("operators do not allow Accounts to be configured directly")
	case s.HasUsers:
		return errors.New("operators do not allow users to be configured directly")
	case len(s.TrustedKeys) > 0:
		return errors.New("conflicting options for 'TrustedKeys' and 'TrustedOperators'")
	}
	if err := s.checkSystemAccount(system); err != nil {
		return err
	}
	for _, o := range s.Operators {
		if err := checkVersion(o.Claims, s.Version); err != nil {
			return err
		}
	}
	return nil
}

// checkSentinel: a user that anybody may be cannot be asked to sign. Whether one
// without rights of its own gets by as bearer is up to the template of its
// signing key, which is not known here.
func checkSentinel(text string) error {
	if text == "" {
		return nil
	}
	c, err := decodeUser(text)
	if err != nil {
		return errors.New("default sentinel JWT not valid")
	}
	scoped := c.IssuerAccount != "" && c.HasEmptyPermissions()
	if !c.BearerToken && !scoped {
		return errors.New("default sentinel must be a bearer token")
	}
	return nil
}

func (s *Settings) checkSystemAccount(system string) error {
	if system == "" {
		if s.DirectoryResolver && s.Operators[0].Claims.SystemAccount == "" {
			return errors.New("using nats based account resolver - the system account needs to be specified in configuration or the operator jwt")
		}
		return nil
	}
	named := false
	for _, o := range s.Operators {
		if o.Claims.SystemAccount == system {
			return nil
		}
		named = named || o.Claims.SystemAccount != ""
	}
	if named {
		return errors.New("system_account in config and operator JWT must be identical")
	}
	return nil
}

func allOperators(keys []string) bool {
	for _, k := range keys {
		if !nkeys.IsValidPublicOperatorKey(k) {
			return false
		}
	}
	return true
}

// addKeys collects the keys that may sign accounts. An operator that insists on
// signing keys is left out itself.
func (t *Trust) addKeys(configured []string) {
	if t.strict == nil {
		t.strict = make(map[string]bool)
		for _, o := range t.operators {
			if !o.Claims.StrictSigningKeyUsage {
				t.keys = append(t.keys, o.Claims.Subject)
			}
			t.keys = append(t.keys, o.Claims.SigningKeys...)
			for _, k := range o.Claims.SigningKeys {
				t.strict[k] = t.strict[k] || o.Claims.StrictSigningKeyUsage
			}
		}
	}
	t.keys = append(t.keys, configured...)
}

// pin restricts the accounts. The system account can always be used.
func (t *Trust) pin(accounts []string) error {
	if len(accounts) == 0 {
		return nil
	}
	t.pinned = make(map[string]bool)
	for _, key := range accounts {
		if !nkeys.IsValidPublicAccountKey(key) {
			return fmt.Errorf("pinned account key %q is not a valid public account nkey", key)
		}
		t.pinned[key] = true
	}
	if t.system != "" {
		t.pinned[t.system] = true
	}
	return nil
}

// Trusts reports whether the key may sign accounts.
func (t *Trust) Trusts(key string) bool { return t != nil && slices.Contains(t.keys, key) }

// Keys lists the keys that may sign accounts.
func (t *Trust) Keys() []string { return t.keys }

// Operators lists the operators; there are none where only keys are trusted.
func (t *Trust) Operators() []*Operator { return t.operators }

// SystemAccount is the system account's public key, or empty.
func (t *Trust) SystemAccount() string { return t.system }

// DefaultSentinel is the JWT of users who bring none, or empty.
func (t *Trust) DefaultSentinel() string { return t.sentinel }

// Allows reports whether users of the account may come to this server.
func (t *Trust) Allows(account string) bool { return t.pinned == nil || t.pinned[account] }

// Introduction is what the log says about the operators at start, line by line.
func (t *Trust) Introduction() []string {
	if len(t.operators) == 0 {
		return nil
	}
	lines := []string{"Trusted Operators"}
	for _, o := range t.operators {
		expires := "Never"
		if o.Claims.Expires > 0 {
			expires = time.Unix(o.Claims.Expires, 0).String()
		}
		lines = append(lines,
			fmt.Sprintf("  System  : %q", o.Claims.Audience),
			fmt.Sprintf("  Operator: %q", o.Claims.Name),
			fmt.Sprintf("  Issued  : %v", time.Unix(o.Claims.IssuedAt, 0)),
			fmt.Sprintf("  Expires : %s", expires))
	}
	return lines
}
