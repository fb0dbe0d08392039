package options

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/conf"
)

// CompatVersion is the version of the protocol's reference server whose
// behaviour godwit has; operators may ask for a version.
const CompatVersion = "2.15.2"

// jwtPrefix is how the text of a JWT begins: the encoding of `{"`.
const jwtPrefix = "eyJ"

// maxJWTBytes bounds the file of a JWT.
const maxJWTBytes = 1 << 20

// setOperators reads `operator`: files of JWTs, or the JWTs themselves.
func setOperators(d *decoder, e *conf.Entry) {
	d.o.TrustedOperators, d.o.OperatorJWTs = nil, nil
	for _, text := range d.listCalled(e, "operators") {
		token, claims, err := readOperator(text)
		if err != nil {
			d.fail(e.Pos, "error parsing operator JWT: %v", err)
			continue
		}
		d.o.OperatorJWTs = append(d.o.OperatorJWTs, token)
		d.o.TrustedOperators = append(d.o.TrustedOperators, claims)
	}
}

func readOperator(text string) (token string, claims *jwt.OperatorClaims, err error) {
	content := []byte(text)
	if !strings.HasPrefix(text, jwtPrefix) {
		path, err := expandHome(text)
		if err != nil {
			return "", nil, err
		}
		if content, err = readLimited(path, maxJWTBytes); err != nil {
			return "", nil, err
		}
	}
	if token, err = jwt.ParseDecoratedJWT(content); err != nil {
		return "", nil, err
	}
	if claims, err = jwt.DecodeOperatorClaims(token); err != nil {
		return "", nil, err
	}
	return token, claims, nil
}

func readLimited(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return content, err
}

// setTrustedKeys reads `trusted_keys`: public keys of operators without a JWT.
func setTrustedKeys(d *decoder, e *conf.Entry) {
	d.o.TrustedKeys = d.listCalled(e, "trusted")
	for _, key := range d.o.TrustedKeys {
		if !nkeys.IsValidPublicOperatorKey(key) {
			d.fail(e.Pos, "trust key %q required to be a valid public operator nkey", key)
		}
	}
}

// setPinnedAccounts reads `resolver_pinned_accounts`.
func setPinnedAccounts(d *decoder, e *conf.Entry) {
	keys := d.listCalled(e, "resolver_pinned_accounts")
	d.o.ResolverPinnedAccounts = make(map[string]struct{}, len(keys))
	for _, key := range keys {
		d.o.ResolverPinnedAccounts[key] = struct{}{}
	}
}

// setPreloads reads `resolver_preload`. An account that is merely expired is no
// mistake of the file.
func setPreloads(d *decoder, e *conf.Entry) {
	m, ok := e.Value.Data.(*conf.Map)
	if !ok {
		d.fail(e.Pos, "preload should be a map of account_public_key:account_jwt")
		return
	}
	d.o.ResolverPreloads = make(map[string]string, len(m.Entries))
	for _, item := range m.Entries {
		text, ok := item.Value.Data.(string)
		if !ok {
			d.fail(item.Pos, "preload map value should be a string JWT")
			continue
		}
		claims, err := jwt.DecodeAccountClaims(text)
		switch {
		case err != nil:
			d.fail(item.Pos, "invalid account JWT")
		case claims.Subject != item.Key:
			d.fail(item.Pos, "jwt subject nkey and provided nkey do not match")
		default:
			d.o.ResolverPreloads[item.Key] = text
		}
	}
}

// finishOperators takes from a single operator what the file does not say
// itself, wherever in the file either stands.
func (d *decoder) finishOperators(m *conf.Map) {
	o := d.o
	if len(o.TrustedOperators) == 1 {
		operator := o.TrustedOperators[0]
		if o.AccountResolver == nil && operator.AccountServerURL != "" {
			o.AccountResolver = &ResolverOpts{Kind: ResolverURL, URL: accountsOf(operator.AccountServerURL)}
		}
		if o.SystemAccount == "" {
			o.SystemAccount = operator.SystemAccount
		}
	}
	operated := len(o.TrustedOperators)+len(o.TrustedKeys) > 0
	for _, e := range m.Entries {
		switch strings.ToLower(e.Key) {
		case "resolver", "account_resolver", "accounts_resolver", "resolver_preload", "resolver_pinned_accounts":
			if !operated && !asksForNothing(e.Value.Data) {
				d.warn(e.Pos, "%s has no effect without operators", e.Key)
			}
		case "resolver_tls":
			if (o.AccountResolver == nil || o.AccountResolver.Kind != ResolverURL) && !asksForNothing(e.Value.Data) {
				d.warn(e.Pos, "%s has no effect without a URL resolver", e.Key)
			}
		}
	}
}

// accountsOf is where an operator's server has the accounts.
func accountsOf(server string) string {
	return strings.TrimRight(strings.TrimSpace(server), "/") + "/accounts/"
}

// TrustedKeySet returns the public keys whose signature of an account is
// believed: those of all operators, and TrustedKeys. An operator that insists on
// signing keys does not sign with its own.
func (o *Options) TrustedKeySet() []string {
	keys := append([]string(nil), o.TrustedKeys...)
	for _, operator := range o.TrustedOperators {
		if !operator.StrictSigningKeyUsage {
			keys = append(keys, operator.Subject)
		}
		keys = append(keys, operator.SigningKeys...)
	}
	return keys
}

// checkOperators finds what does not go together with operators. The order of
// the checks is known to users.
func (o *Options) checkOperators() error {
	if len(o.TrustedOperators) == 0 {
		if o.DefaultSentinel != "" {
			return errors.New("default sentinel requires operators and accounts")
		}
		if err := o.checkTrustedKeys(); err != nil || len(o.TrustedKeys) == 0 {
			return err
		}
		return o.checkResolver()
	}
	checks := []func() error{
		o.checkSentinel, o.checkOperatorsAlone, o.checkOperatorSystem, o.checkOperatorVersions, o.checkTrustedKeys, o.checkResolver,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	if o.AuthCallout != nil {
		return errors.New("operators do not allow authorization callouts to be configured directly")
	}
	return nil
}

// checkSentinel looks at the JWT of clients that present none. One without
// permissions of its own, issued for an account, may get them by a scope, which
// only the account knows.
func (o *Options) checkSentinel() error {
	if o.DefaultSentinel == "" {
		return nil
	}
	claims, err := jwt.DecodeUserClaims(o.DefaultSentinel)
	if err != nil {
		return errors.New("default sentinel JWT not valid")
	}
	scoped := claims.IssuerAccount != "" && claims.HasEmptyPermissions()
	if !claims.BearerToken && !scoped {
		return errors.New("default sentinel must be a bearer token")
	}
	return nil
}

func (o *Options) checkOperatorsAlone() error {
	switch {
	case o.AccountResolver == nil:
		return errors.New("operators require an account resolver to be configured")
	case len(o.Accounts) > 0:
		return errors.New("operators do not allow Accounts to be configured directly")
	case len(o.Users) > 0 || len(o.Nkeys) > 0:
		return errors.New("operators do not allow users to be configured directly")
	case len(o.TrustedKeys) > 0:
		return errors.New("conflicting options for 'TrustedKeys' and 'TrustedOperators'")
	}
	return nil
}

func (o *Options) checkOperatorSystem() error {
	if o.SystemAccount == "" {
		if o.AccountResolver.stores() && o.TrustedOperators[0].SystemAccount == "" {
			return errors.New("using nats based account resolver - " +
				"the system account needs to be specified in configuration or the operator jwt")
		}
		return nil
	}
	named := false
	for _, operator := range o.TrustedOperators {
		if operator.SystemAccount == o.SystemAccount {
			return nil
		}
		named = named || operator.SystemAccount != ""
	}
	if named {
		return errors.New("system_account in config and operator JWT must be identical")
	}
	return nil
}

func (o *Options) checkOperatorVersions() error {
	var ours [3]int
	if _, err := fmt.Sscanf(CompatVersion, "%d.%d.%d", &ours[0], &ours[1], &ours[2]); err != nil {
		return fmt.Errorf("version %s: %w", CompatVersion, err)
	}
	for _, operator := range o.TrustedOperators {
		major, minor, update, err := jwt.ParseServerVersion(operator.AssertServerVersion)
		if err != nil {
			return fmt.Errorf("operator %s expects version %s got error instead: %w", operator.Subject, operator.AssertServerVersion, err)
		}
		for i, wanted := range [3]int{major, minor, update} {
			part := [3]string{"major", "minor", "update"}[i]
			if wanted > ours[i] {
				return fmt.Errorf("operator %s expected %s version %d > server %s version %d", operator.Subject, part, wanted, part, ours[i])
			}
			if wanted < ours[i] {
				break
			}
		}
	}
	return nil
}

func (o *Options) checkTrustedKeys() error {
	for _, key := range o.TrustedKeySet() {
		if !nkeys.IsValidPublicOperatorKey(key) {
			return fmt.Errorf("trusted Keys %q are required to be a valid public operator nkey", key)
		}
	}
	return nil
}
