package operator

import (
	"encoding/base64"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/options"
)

func TestUserIsAdmitted(t *testing.T) {
	w, u := newWorld(t), userKey(t)
	a := w.open(func(c *jwt.AccountClaims) { c.Name = "A" })
	text := encode(t, w.account, jwt.NewUserClaims(u.public), func(c *jwt.UserClaims) {
		c.Name = "joe"
		c.Tags.Add("x")
		c.Pub.Allow.Add("a")
		c.Sub.Deny.Add("b queue")
		c.Subs, c.Limits.Payload = 3, math.MaxInt64
	})
	r := request(t, u, text)
	user, err := connect(w.trust, a, r, now())
	wantError(t, err, "")
	want := &options.Permissions{
		Publish: &options.SubjectPermission{Allow: []string{"a"}}, Subscribe: &options.SubjectPermission{Deny: []string{"b queue"}},
	}
	if diff := cmp.Diff(want, user.Permissions); diff != "" {
		t.Error(diff)
	}
	if user.Name != u.public || user.DisplayName != "joe" || !slices.Equal(user.Tags, []string{"x"}) || user.Account != a.Name ||
		user.Issuer != a.Name || user.Inherited || user.Bearer || user.JWT != text || user.Issued == 0 {
		t.Errorf("%+v", user)
	}
	if user.MaxSubscriptions != 3 || user.MaxPayload != math.MaxInt32 || !user.Deadline.IsZero() || user.ConnectionTypes != nil {
		t.Errorf("%+v", user)
	}
	line := user.Description("Client")
	for _, part := range []string{`Authenticated JWT: Client "` + u.public + `" (claim-name: "joe", claim-tags: ["x"]) signed with "`, `by Account "` + a.Name + `" (claim-name: "A"`, `signed with "` + w.operator.public} {
		if !strings.Contains(line, part) {
			t.Errorf("%q lacks %q", line, part)
		}
	}
	// Standard base 64 does as well.
	signature, _ := base64.RawURLEncoding.DecodeString(r.Signature)
	r.Signature = base64.StdEncoding.EncodeToString(signature)
	_, err = connect(w.trust, a, r, now())
	wantError(t, err, "")
}

// Each case is one change of a request, or of its JWT, that is otherwise good.
func TestUserIsRefused(t *testing.T) {
	w, u := newWorld(t), userKey(t)
	signing, stranger := accountKey(t), accountKey(t)
	user := func(signer key, change ...func(*jwt.UserClaims)) string {
		return encode(t, signer, jwt.NewUserClaims(u.public), change...)
	}
	of := func(account string) func(*jwt.UserClaims) {
		return func(c *jwt.UserClaims) { c.IssuerAccount = account }
	}
	for name, test := range map[string]struct {
		want    string
		text    string // the user JWT; empty: a good one
		account func(*jwt.AccountClaims)
		request func(*Request)
		at      time.Duration // later than now
		loud    bool
		cause   Cause
	}{
		"no JWT":                   {want: "Authentication requires a user JWT", request: func(r *Request) { r.JWT = "" }},
		"no user JWT":              {want: "Authentication requires a user JWT", text: w.accountText()},
		"proxy":                    {want: "proxy connection required", text: user(w.account, func(c *jwt.UserClaims) { c.ProxyRequired = true }), cause: ProxyRequired},
		"expired":                  {want: "User JWT no longer valid: claim is expired", text: user(w.account, func(c *jwt.UserClaims) { c.Expires = now().Unix() + 10 }), at: 20 * time.Second},
		"not yet valid":            {want: "User JWT no longer valid: claim is not yet valid", text: user(w.account, func(c *jwt.UserClaims) { c.NotBefore = now().Unix() + 100 })},
		"queue among publications": {want: "User JWT no longer valid: Permission Subject", text: user(w.account, func(c *jwt.UserClaims) { c.Pub.Allow.Add("a b") })},
		"a denial that is none":    {want: "User JWT no longer valid: subscribe deny: ", text: user(w.account, func(c *jwt.UserClaims) { c.Sub.Deny.Add("a.>.b") })},
		"network":                  {want: "User JWT no longer valid: invalid cidr", text: user(w.account, func(c *jwt.UserClaims) { c.Src = jwt.CIDRList{"10.0.0.1"} })},
		"times":                    {want: "User JWT no longer valid: start in time range is invalid", text: user(w.account, func(c *jwt.UserClaims) { c.Times = []jwt.TimeRange{{Start: "25:00:00", End: "01:00:00"}} })},
		"time zone":                {want: "User JWT no longer valid: could not parse iana", text: user(w.account, func(c *jwt.UserClaims) { c.Locale = "Nowhere/Such" })},
		"issuer account":           {want: "User JWT no longer valid: account_id is not an account public key", text: user(w.account, of("X"))},
		"user key": {want: `User JWT no longer valid: "X" is not a user public key`, text: forge(t, w.account, jwt.AlgorithmNkey, map[string]any{
			"iss": w.account.public, "sub": "X", "nats": map[string]any{"type": "user", "version": 2, "bearer_token": true},
		})},
		"signed by a stranger":      {want: "User JWT issuer is not known", text: user(stranger, of(w.account.public))},
		"signed by another account": {want: "User JWT issuer is not known", text: user(stranger)},
		"account expired":           {want: "Account JWT has expired", account: func(c *jwt.AccountClaims) { c.Expires = now().Unix() + 10 }, at: 20 * time.Second},
		"bearer": {
			want: "Account does not allow bearer tokens", text: user(w.account, func(c *jwt.UserClaims) { c.BearerToken = true }),
			account: func(c *jwt.AccountClaims) { c.Limits.DisallowBearer = true },
		},
		"unknown types":      {want: `invalid connection types ["SMTP" "UUCP"]`, text: user(w.account, func(c *jwt.UserClaims) { c.AllowedConnectionTypes.Add("SMTP", "uucp") })},
		"type":               {want: "Connection type not allowed", text: user(w.account, func(c *jwt.UserClaims) { c.AllowedConnectionTypes.Add("mqtt", "SMTP") })},
		"signature missing":  {want: "Signature missing", request: func(r *Request) { r.Signature = "" }},
		"signature encoding": {want: "Signature not valid base64", request: func(r *Request) { r.Signature = "?" }},
		"another nonce":      {want: "Signature not verified", request: func(r *Request) { r.Nonce = []byte("another") }},
		"another signer":     {want: "Signature not verified", request: func(r *Request) { r.Signature = request(t, userKey(t), "").Signature }},
		"no nonce": {want: "Signature not verified", request: func(r *Request) {
			signature, _ := u.Sign(nil)
			r.Nonce, r.Signature = nil, base64.RawURLEncoding.EncodeToString(signature)
		}},
		"revoked":         {want: "User authentication revoked", account: func(c *jwt.AccountClaims) { c.Revocations = jwt.RevocationList{u.public: now().Unix() + 10} }},
		"everybody is":    {want: "User authentication revoked", account: func(c *jwt.AccountClaims) { c.Revocations = jwt.RevocationList{jwt.All: now().Unix() + 10} }},
		"address":         {want: "Bad src Ip 127.0.0.1", text: user(w.account, func(c *jwt.UserClaims) { c.Src.Set("10.0.0.0/8,192.0.2.0/24") }), loud: true},
		"unknown address": {want: "Bad src Ip ", text: user(w.account, func(c *jwt.UserClaims) { c.Src.Add("127.0.0.0/8") }), request: func(r *Request) { r.Host = "" }, loud: true},
		"times of day": {want: "Outside connect times", text: user(w.account, func(c *jwt.UserClaims) {
			c.Locale = "UTC"
			soon := now().UTC().Add(time.Hour)
			c.Times = []jwt.TimeRange{{Start: soon.Format(time.TimeOnly), End: soon.Add(time.Hour).Format(time.TimeOnly)}}
		}), loud: true},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.open(func(c *jwt.AccountClaims) {
				c.SigningKeys.Add(signing.public)
				if test.account != nil {
					test.account(c)
				}
			})
			text := test.text
			if text == "" {
				text = user(w.account)
			}
			r := request(t, u, text)
			if test.request != nil {
				test.request(r)
			}
			_, err := connect(w.trust, a, r, now().Add(test.at))
			if got := wantRefusal(t, err, test.want); got.Loud != test.loud || got.Cause != test.cause {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestUsersOfSigningKeys(t *testing.T) {
	w, u, signing := newWorld(t), userKey(t), accountKey(t)
	a := w.open(func(c *jwt.AccountClaims) { c.SigningKeys.Add(signing.public) })
	text := encode(t, signing, jwt.NewUserClaims(u.public), func(c *jwt.UserClaims) { c.IssuerAccount = a.Name })
	user, err := connect(w.trust, a, request(t, u, text), now())
	wantError(t, err, "")
	if user.Issuer != signing.public || user.Account != a.Name {
		t.Errorf("%+v", user)
	}
	// The account may name itself.
	text = encode(t, w.account, jwt.NewUserClaims(u.public), func(c *jwt.UserClaims) { c.IssuerAccount = a.Name })
	_, err = connect(w.trust, a, request(t, u, text), now())
	wantError(t, err, "")
}

func TestStrictOperatorWantsSigningKeysOfAccounts(t *testing.T) {
	main, signing := operatorKey(t), operatorKey(t)
	trust := trustIn(t, operatorOf(t, main, func(c *jwt.OperatorClaims) {
		c.SigningKeys.Add(signing.public)
		c.StrictSigningKeyUsage = true
	}))
	account, second, u := accountKey(t), accountKey(t), userKey(t)
	_, err := trust.Account(encode(t, main, jwt.NewAccountClaims(account.public)), now())
	wantError(t, err, "not trusted")
	a, err := trust.Account(encode(t, signing, jwt.NewAccountClaims(account.public), func(c *jwt.AccountClaims) { c.SigningKeys.Add(second.public) }), now())
	wantError(t, err, "")

	_, err = connect(trust, a, request(t, u, encode(t, account, jwt.NewUserClaims(u.public))), now())
	wantRefusal(t, err, "User JWT issuer is not known")
	text := encode(t, second, jwt.NewUserClaims(u.public), func(c *jwt.UserClaims) { c.IssuerAccount = a.Name })
	_, err = connect(trust, a, request(t, u, text), now())
	wantError(t, err, "")
}

func TestScopedUsers(t *testing.T) {
	w, u, signing := newWorld(t), userKey(t), accountKey(t)
	withScope := func(change func(*jwt.UserPermissionLimits)) *Account {
		return w.open(func(c *jwt.AccountClaims) {
			s := jwt.NewUserScope()
			s.Key = signing.public
			change(&s.Template)
			c.SigningKeys.AddScopedSigner(s)
		})
	}
	text := encode(t, signing, jwt.NewUserClaims(u.public), scoped(w.account.public), func(c *jwt.UserClaims) { c.Name = "joe" })
	r := request(t, u, text)

	user, err := connect(w.trust, withScope(func(l *jwt.UserPermissionLimits) {
		l.Pub.Allow.Add("foo.{{name()}}")
		l.Subs = 9
		l.AllowedConnectionTypes.Add("standard")
	}), r, now())
	wantError(t, err, "")
	if diff := cmp.Diff(&options.Permissions{Publish: &options.SubjectPermission{Allow: []string{"foo.joe"}}}, user.Permissions); diff != "" {
		t.Error(diff)
	}
	if user.MaxSubscriptions != 9 || user.MaxPayload != -1 || !slices.Equal(user.ConnectionTypes, []string{"STANDARD"}) {
		t.Errorf("%+v", user)
	}

	r.Signature = ""
	user, err = connect(w.trust, withScope(func(l *jwt.UserPermissionLimits) { l.BearerToken = true }), r, now())
	wantError(t, err, "")
	if !user.Bearer || user.Permissions != nil {
		t.Errorf("%+v", user)
	}

	for name, test := range map[string]struct {
		change func(*jwt.UserPermissionLimits)
		want   string
		cause  Cause
	}{
		"proxy":          {func(l *jwt.UserPermissionLimits) { l.ProxyRequired = true }, "proxy connection required", ProxyRequired},
		"types":          {func(l *jwt.UserPermissionLimits) { l.AllowedConnectionTypes.Add("MQTT") }, "Connection type not allowed", Failed},
		"address":        {func(l *jwt.UserPermissionLimits) { l.BearerToken, l.Src = true, jwt.CIDRList{"10.0.0.0/8"} }, "Bad src Ip", Failed},
		"placeholder":    {func(l *jwt.UserPermissionLimits) { l.Pub.Allow.Add("{{x}}") }, "User JWT generated invalid permissions: template operation", Failed},
		"no subject":     {func(l *jwt.UserPermissionLimits) { l.Pub.Deny.Add("a..b") }, "User JWT generated invalid permissions: publish deny", Failed},
		"wants to sign":  {func(l *jwt.UserPermissionLimits) {}, "Signature missing", Failed},
		"odd time range": {func(l *jwt.UserPermissionLimits) { l.BearerToken, l.Times = true, []jwt.TimeRange{{Start: "x"}} }, "Outside connect times", Failed},
	} {
		_, err := connect(w.trust, withScope(test.change), r, now())
		if got := wantRefusal(t, err, test.want); got.Cause != test.cause {
			t.Errorf("%s: %+v", name, got)
		}
	}
	r.Proxied = true
	_, err = connect(w.trust, withScope(func(l *jwt.UserPermissionLimits) { l.ProxyRequired, l.BearerToken = true, true }), r, now())
	wantError(t, err, "")

	// Rights of its own are not for such a user, not even unlimited numbers.
	own := encode(t, signing, jwt.NewUserClaims(u.public), func(c *jwt.UserClaims) { c.IssuerAccount = w.account.public })
	_, err = connect(w.trust, withScope(func(*jwt.UserPermissionLimits) {}), request(t, u, own), now())
	wantRefusal(t, err, "User JWT is not valid: scoped users require no permissions or limits set")
}

func TestUserPermissions(t *testing.T) {
	w, u := newWorld(t), userKey(t)
	a := w.open(func(c *jwt.AccountClaims) { c.DefaultPermissions.Sub.Allow.Add("default") })
	defaults := &options.Permissions{Subscribe: &options.SubjectPermission{Allow: []string{"default"}}}
	nothing := &options.SubjectPermission{Allow: []string{}}
	for name, test := range map[string]struct {
		change    func(*jwt.UserClaims)
		want      *options.Permissions
		inherited bool
	}{
		"none":       {func(*jwt.UserClaims) {}, defaults, true},
		"its own":    {func(c *jwt.UserClaims) { c.Pub.Deny.Add("a") }, &options.Permissions{Publish: &options.SubjectPermission{Deny: []string{"a"}}}, false},
		"responses":  {func(c *jwt.UserClaims) { c.Resp = &jwt.ResponsePermission{} }, &options.Permissions{Publish: nothing, Response: &options.ResponsePermission{MaxMsgs: 1, Expires: 2 * time.Minute}}, false},
		"some":       {func(c *jwt.UserClaims) { c.Resp = &jwt.ResponsePermission{MaxMsgs: 5, Expires: time.Second} }, &options.Permissions{Publish: nothing, Response: &options.ResponsePermission{MaxMsgs: 5, Expires: time.Second}}, false},
		"unlimited":  {func(c *jwt.UserClaims) { c.Resp = &jwt.ResponsePermission{MaxMsgs: -1, Expires: -time.Second} }, &options.Permissions{Publish: nothing, Response: &options.ResponsePermission{MaxMsgs: -1, Expires: -time.Second}}, false},
		"deny and r": {func(c *jwt.UserClaims) { c.Pub.Deny.Add("a"); c.Resp = &jwt.ResponsePermission{MaxMsgs: 1, Expires: 1} }, &options.Permissions{Publish: &options.SubjectPermission{Allow: []string{}, Deny: []string{"a"}}, Response: &options.ResponsePermission{MaxMsgs: 1, Expires: 1}}, false},
	} {
		user, err := connect(w.trust, a, request(t, u, encode(t, w.account, jwt.NewUserClaims(u.public), test.change)), now())
		wantError(t, err, "")
		if diff := cmp.Diff(test.want, user.Permissions); diff != "" || user.Inherited != test.inherited {
			t.Errorf("%s: inherited %t, %s", name, user.Inherited, diff)
		}
	}
}

func TestDefaultSentinelStandsIn(t *testing.T) {
	o, account, sentinel, u := operatorKey(t), accountKey(t), userKey(t), userKey(t)
	text := encode(t, account, jwt.NewUserClaims(sentinel.public), func(c *jwt.UserClaims) { c.BearerToken = true })
	trust, err := New(Settings{Operators: []*Operator{operatorOf(t, o)}, HasResolver: true, DefaultSentinel: text})
	wantError(t, err, "")
	a, err := trust.Account(encode(t, o, jwt.NewAccountClaims(account.public)), now())
	wantError(t, err, "")
	for _, presented := range []string{"", "an opaque password"} {
		user, err := connect(trust, a, &Request{JWT: presented, ConnectionType: "MQTT"}, now())
		wantError(t, err, "")
		if user.Name != sentinel.public || user.JWT != text || !user.Bearer {
			t.Errorf("%q: %+v", presented, user)
		}
	}
	user, err := connect(trust, a, request(t, u, encode(t, account, jwt.NewUserClaims(u.public))), now())
	wantError(t, err, "")
	if user.Name != u.public {
		t.Error("the sentinel stands in for somebody who has a JWT")
	}
}

func TestPinnedAccounts(t *testing.T) {
	o, account, u := operatorKey(t), accountKey(t), userKey(t)
	trust, err := New(Settings{Operators: []*Operator{operatorOf(t, o)}, HasResolver: true, PinnedAccounts: []string{accountKey(t).public}})
	wantError(t, err, "")
	_, err = trust.Open(request(t, u, encode(t, account, jwt.NewUserClaims(u.public))), now())
	if r := wantRefusal(t, err, "Account "+account.public+" not listed as operator pinned account"); r.Cause != NotPinned {
		t.Errorf("%+v", r)
	}
}

func TestDeadlineIsTheEarliest(t *testing.T) {
	w, u := newWorld(t), userKey(t)
	a := w.open()
	at := time.Now().Truncate(time.Second).UTC()
	closes := func(in time.Duration) func(*jwt.UserClaims) {
		return func(c *jwt.UserClaims) {
			c.Locale = "UTC"
			c.Times = []jwt.TimeRange{{Start: at.Add(-time.Hour).Format(time.TimeOnly), End: at.Add(in).Format(time.TimeOnly)}}
		}
	}
	expires := func(in time.Duration) func(*jwt.UserClaims) {
		return func(c *jwt.UserClaims) { c.Expires = at.Add(in).Unix() }
	}
	for name, test := range map[string]struct {
		changes []func(*jwt.UserClaims)
		want    time.Duration
	}{
		"window":           {[]func(*jwt.UserClaims){closes(time.Hour)}, time.Hour},
		"expiry":           {[]func(*jwt.UserClaims){expires(time.Minute)}, time.Minute},
		"window, then exp": {[]func(*jwt.UserClaims){closes(time.Minute), expires(time.Hour)}, time.Minute},
		"exp, then window": {[]func(*jwt.UserClaims){closes(time.Hour), expires(time.Minute)}, time.Minute},
	} {
		user, err := connect(w.trust, a, request(t, u, encode(t, w.account, jwt.NewUserClaims(u.public), test.changes...)), at)
		wantError(t, err, "")
		if got := user.Deadline.Sub(at); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestDecodeUser(t *testing.T) {
	account, signing, u := accountKey(t), accountKey(t), userKey(t)
	c, err := DecodeUser(encode(t, account, jwt.NewUserClaims(u.public)))
	wantError(t, err, "")
	if c.Account() != account.public {
		t.Errorf("of account %s", c.Account())
	}
	c, err = DecodeUser(encode(t, signing, jwt.NewUserClaims(u.public), func(c *jwt.UserClaims) { c.IssuerAccount = account.public }))
	wantError(t, err, "")
	if c.Account() != account.public {
		t.Errorf("of account %s", c.Account())
	}
	_, err = DecodeUser(encode(t, account, jwt.NewAccountClaims(account.public)))
	wantError(t, err, "not user claim")
}
