package options

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nkeys"
)

// minLameDuck is the shortest lame duck duration that a file may ask for.
const minLameDuck = 30 * time.Second

// Clone returns a copy that shares nothing that either side may change.
func (o *Options) Clone() *Options {
	if o == nil {
		return nil
	}
	c := *o
	c.Tags = slices.Clone(o.Tags)
	c.Metadata = maps.Clone(o.Metadata)
	c.TrustedProxies = slices.Clone(o.TrustedProxies)
	c.TLSPinnedCerts = maps.Clone(o.TLSPinnedCerts)
	if o.TLSConfig != nil {
		c.TLSConfig = o.TLSConfig.Clone()
	}
	c.Mappings = cloneMappings(o.Mappings)
	c.AuthCallout = o.AuthCallout.clone()
	c.TrustedOperators = slices.Clone(o.TrustedOperators) // claims are not changed
	c.OperatorJWTs = slices.Clone(o.OperatorJWTs)
	c.TrustedKeys = slices.Clone(o.TrustedKeys)
	c.AccountResolver = o.AccountResolver.clone()
	c.AccountResolverTLSConfig = o.AccountResolverTLSConfig.Clone()
	c.ResolverPreloads = maps.Clone(o.ResolverPreloads)
	c.ResolverPinnedAccounts = maps.Clone(o.ResolverPinnedAccounts)
	c.Websocket = o.Websocket.clone()
	c.TLSOCSPPeer = o.TLSOCSPPeer.clone()
	c.OCSPConfig = o.OCSPConfig.clone()
	c.OCSPCacheConfig = o.OCSPCacheConfig.clone()
	copies := make(map[*Account]*Account)
	account := func(a *Account) *Account {
		if a == nil {
			return nil
		}
		if copies[a] == nil {
			fresh := *a
			fresh.DefaultPermissions = a.DefaultPermissions.Clone()
			fresh.Mappings = cloneMappings(a.Mappings)
			fresh.Exports, fresh.Imports = nil, nil
			for _, e := range a.Exports {
				fresh.Exports = append(fresh.Exports, cloneExport(e))
			}
			for _, i := range a.Imports {
				fresh.Imports = append(fresh.Imports, cloneImport(i))
			}
			copies[a] = &fresh
		}
		return copies[a]
	}
	c.Accounts, c.Users, c.Nkeys = nil, nil, nil
	for _, a := range o.Accounts {
		c.Accounts = append(c.Accounts, account(a))
	}
	for _, u := range o.Users {
		fresh := *u
		fresh.Account = account(u.Account)
		fresh.Permissions = u.Permissions.Clone()
		fresh.AllowedConnectionTypes = maps.Clone(u.AllowedConnectionTypes)
		c.Users = append(c.Users, &fresh)
	}
	for _, u := range o.Nkeys {
		fresh := *u
		fresh.Account = account(u.Account)
		fresh.Permissions = u.Permissions.Clone()
		fresh.AllowedConnectionTypes = maps.Clone(u.AllowedConnectionTypes)
		c.Nkeys = append(c.Nkeys, &fresh)
	}
	return &c
}

// Clone returns a deep copy.
func (p *Permissions) Clone() *Permissions {
	if p == nil {
		return nil
	}
	c := &Permissions{Publish: p.Publish.clone(), Subscribe: p.Subscribe.clone()}
	if p.Response != nil {
		r := *p.Response
		c.Response = &r
	}
	return c
}

func (p *SubjectPermission) clone() *SubjectPermission {
	if p == nil {
		return nil
	}
	return &SubjectPermission{Allow: slices.Clone(p.Allow), Deny: slices.Clone(p.Deny)}
}

// SetDefaults fills in what was not said. It may be called more than once.
func (o *Options) SetDefaults() {
	o.Host = cmp.Or(o.Host, DefaultHost)
	o.Port = cmp.Or(o.Port, DefaultPort)
	o.HTTPHost = cmp.Or(o.HTTPHost, o.Host)
	o.MaxConn = cmp.Or(o.MaxConn, DefaultMaxConnections)
	o.MaxControlLine = cmp.Or(o.MaxControlLine, DefaultMaxControlLine)
	o.MaxPayload = cmp.Or(o.MaxPayload, DefaultMaxPayload)
	o.MaxPending = cmp.Or(o.MaxPending, DefaultMaxPending)
	o.MaxClosedClients = cmp.Or(o.MaxClosedClients, DefaultMaxClosedClients)
	o.PingInterval = cmp.Or(o.PingInterval, DefaultPingInterval)
	o.MaxPingsOut = cmp.Or(o.MaxPingsOut, DefaultPingMax)
	o.WriteDeadline = cmp.Or(o.WriteDeadline, DefaultWriteDeadline)
	o.LameDuckDuration = cmp.Or(o.LameDuckDuration, DefaultLameDuckDuration)
	o.LameDuckGracePeriod = cmp.Or(o.LameDuckGracePeriod, DefaultLameDuckGracePeriod)
	o.TLSTimeout = cmp.Or(o.TLSTimeout, DefaultTLSTimeout)
	if w := &o.Websocket; w.Port != 0 {
		w.Host = cmp.Or(w.Host, DefaultHost)
		w.HandshakeTimeout = cmp.Or(w.HandshakeTimeout, DefaultWebsocketHandshakeTimeout)
	}
	if o.AuthTimeout == 0 {
		o.AuthTimeout = DefaultAuthTimeout
		if o.TLSConfig != nil || o.namesTLSFiles() {
			o.AuthTimeout = o.TLSTimeout + 1
		}
	}
	for _, a := range o.Accounts {
		if a.Limits == (AccountLimits{}) { // made in code, without a word about limits
			a.Limits = UnlimitedAccount()
		}
	}
	if len(o.TrustedKeys) > 0 && len(o.TrustedOperators) == 0 && o.AccountResolver == nil {
		o.AccountResolver = &ResolverOpts{Kind: ResolverMemory} // no account but those that are preloaded
	}
	if o.SystemAccount == "" && !o.NoSystemAccount {
		for _, a := range o.Accounts {
			if a.Name == SystemAccount {
				o.SystemAccount = SystemAccount
			}
		}
	}
}

// Validate finds settings that cannot be served. It expects SetDefaults to have
// been called. If TLS is asked for by file names alone (TLSCert and so on), it
// loads these files into TLSConfig.
func (o *Options) Validate() error {
	checks := []func() error{
		o.checkLimits, o.checkLameDuck, o.checkTLS, o.checkMonitoring, o.checkOperators, o.checkAccounts, o.checkUserTables,
		o.checkNoAuthUser, o.checkCallout, o.checkMappings, o.checkSharing, o.checkTraces, o.checkOCSP,
		o.checkJetStream, func() error { return validateWebsocket(o) },
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) checkLimits() error {
	switch {
	case strings.Contains(o.ServerName, " "):
		return errors.New("server name cannot contain spaces")
	case int64(o.MaxPayload) > o.MaxPending:
		return fmt.Errorf("max_payload (%d) cannot be higher than max_pending (%d)", o.MaxPayload, o.MaxPending)
	case o.MaxPayload < 0:
		return fmt.Errorf("max_payload (%d) cannot be negative", o.MaxPayload)
	case o.MaxControlLine < 0:
		return fmt.Errorf("max_control_line (%d) cannot be negative", o.MaxControlLine)
	case o.MaxClosedClients < 0:
		return fmt.Errorf("max_closed_clients (%d) cannot be negative", o.MaxClosedClients)
	case o.WriteDeadline < 0:
		return fmt.Errorf("write_deadline (%v) cannot be negative", o.WriteDeadline)
	case o.PingInterval < 0:
		return fmt.Errorf("ping_interval (%v) cannot be negative", o.PingInterval)
	}
	return nil
}

func (o *Options) checkLameDuck() error {
	// Tests of embedders ask for short periods with a negative grace period.
	if o.LameDuckGracePeriod >= 0 && o.LameDuckGracePeriod >= o.LameDuckDuration {
		return fmt.Errorf("lame duck grace period (%v) should be strictly lower than lame duck duration (%v)",
			o.LameDuckGracePeriod, o.LameDuckDuration)
	}
	return nil
}

func (o *Options) checkMonitoring() error {
	if o.HTTPPort != 0 && o.HTTPSPort != 0 {
		//lint:ignore ST1005 a known text
		return fmt.Errorf("Can't start monitoring: can't specify both HTTP (%d) and HTTPs (%d) ports", o.HTTPPort, o.HTTPSPort)
	}
	if o.HTTPSPort != 0 && o.TLSConfig == nil {
		//lint:ignore ST1005 a known text
		return errors.New("Can't start monitoring: TLS cert and key required for HTTPS")
	}
	return nil
}

func (o *Options) checkAccounts() error {
	if o.NoSystemAccount && o.SystemAccount != "" {
		return errors.New("system_account and no_system_account exclude each other")
	}
	names := make(map[string]bool)
	for _, a := range o.Accounts {
		if names[a.Name] {
			return fmt.Errorf("duplicate account %q", a.Name)
		}
		names[a.Name] = true
	}
	operated := len(o.TrustedOperators)+len(o.TrustedKeys) > 0 // accounts come from elsewhere
	if o.SystemAccount != "" && o.SystemAccount != SystemAccount && !names[o.SystemAccount] && !operated {
		return errors.New("error resolving system account: account missing")
	}
	for _, u := range o.Users {
		if u.Account != nil && u.Account.Name != GlobalAccount && !names[u.Account.Name] && u.Account.Name != SystemAccount {
			return fmt.Errorf("user %q: account %q is not configured", u.Username, u.Account.Name)
		}
	}
	for _, u := range o.Nkeys {
		if u.Account != nil && u.Account.Name != GlobalAccount && !names[u.Account.Name] && u.Account.Name != SystemAccount {
			return fmt.Errorf("nkey %q: account %q is not configured", u.Nkey, u.Account.Name)
		}
	}
	return nil
}

// checkUserTables looks at every user: names, connection types, permissions.
func (o *Options) checkUserTables() error {
	names := make(map[string]bool)
	for _, u := range o.Users {
		if names[u.Username] {
			//lint:ignore ST1005 a known text
			return fmt.Errorf("Duplicate user %q detected", u.Username)
		}
		names[u.Username] = true
		if err := checkUser(fmt.Sprintf("user %q", u.Username), u.Permissions, u.AllowedConnectionTypes); err != nil {
			return err
		}
	}
	for _, u := range o.Nkeys {
		if names[u.Nkey] {
			//lint:ignore ST1005 a known text
			return fmt.Errorf("Duplicate nkey %q detected", u.Nkey)
		}
		names[u.Nkey] = true
		if !nkeys.IsValidPublicUserKey(u.Nkey) {
			//lint:ignore ST1005 a known text
			return errors.New("Not a valid public nkey for a user")
		}
		if err := checkUser(fmt.Sprintf("nkey %q", u.Nkey), u.Permissions, u.AllowedConnectionTypes); err != nil {
			return err
		}
	}
	for _, key := range o.TrustedProxies {
		if !nkeys.IsValidPublicKey(key) {
			return fmt.Errorf("proxy trusted key %q is invalid", key)
		}
	}
	return nil
}

func checkUser(who string, p *Permissions, types map[string]struct{}) error {
	for name := range types {
		if !knownConnectionType(strings.ToUpper(name)) {
			return fmt.Errorf("unknown connection type %q", name)
		}
	}
	if p == nil {
		return nil
	}
	for _, part := range []struct {
		name   string
		list   func() []string
		queues bool
	}{
		{"publish allow", func() []string { return p.Publish.allow() }, false},
		{"publish deny", func() []string { return p.Publish.deny() }, false},
		{"subscribe allow", func() []string { return p.Subscribe.allow() }, true},
		{"subscribe deny", func() []string { return p.Subscribe.deny() }, true},
	} {
		for _, s := range part.list() {
			if err := checkPermissionSubject(s, part.queues); err != nil {
				return fmt.Errorf("invalid permissions for %s: %s: %w", who, part.name, err)
			}
		}
	}
	return nil
}

func (p *SubjectPermission) allow() []string {
	if p == nil {
		return nil
	}
	return p.Allow
}

func (p *SubjectPermission) deny() []string {
	if p == nil {
		return nil
	}
	return p.Deny
}

func (o *Options) checkNoAuthUser() error {
	if o.NoAuthUser == "" {
		return nil
	}
	return o.checkNoAuth(o.NoAuthUser)
}

// checkNoAuth looks for the user that connections without credentials become.
func (o *Options) checkNoAuth(name string) error {
	if len(o.TrustedOperators) > 0 {
		return errors.New("no_auth_user not compatible with Trusted Operator")
	}
	if len(o.Users) == 0 && len(o.Nkeys) == 0 {
		return fmt.Errorf(`no_auth_user: "%s" present, but users/nkeys are not defined`, name)
	}
	for _, u := range o.Users {
		if u.Username == name {
			return nil
		}
	}
	for _, u := range o.Nkeys {
		if u.Nkey == name {
			return nil
		}
	}
	return fmt.Errorf(`no_auth_user: "%s" not present as user or nkey in authorization block or account configuration`, name)
}

// namesTLSFiles reports whether TLS is asked for other than by TLSConfig.
func (o *Options) namesTLSFiles() bool {
	return o.TLSConfig == nil && (o.TLS || o.TLSVerify || o.TLSCert != "" || o.TLSKey != "" || o.TLSCaCert != "")
}

// hasCertificate reports whether a listener can present a certificate.
func hasCertificate(c *tls.Config) bool {
	return len(c.Certificates) > 0 || c.GetCertificate != nil || c.GetConfigForClient != nil
}

func errPin(pin string) error {
	return fmt.Errorf("error parsing 'pinned_certs' key %q does not look like hash of der encoded subject public key info", pin)
}

func (o *Options) checkTLS() error {
	if o.namesTLSFiles() {
		if err := o.loadTLSFiles(); err != nil {
			return err
		}
	}
	if o.TLSConfig != nil && !hasCertificate(o.TLSConfig) {
		return errors.New("missing 'cert_file' in TLS configuration")
	}
	for pin := range o.TLSPinnedCerts {
		if !isHexDigest(pin) {
			return errPin(pin)
		}
	}
	if len(o.TLSPinnedCerts) > 0 && o.TLSConfig != nil && o.TLSConfig.ClientAuth == tls.NoClientCert {
		return errors.New("pinned_certs needs client certificates: set verify")
	}
	return nil
}

// verifies reports whether a listener asks for certificates and checks them.
func verifies(c *tls.Config) bool {
	return c != nil && c.ClientAuth == tls.RequireAndVerifyClientCert
}
