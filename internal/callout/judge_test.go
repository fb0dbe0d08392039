package callout

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/options"
)

// Each row changes one thing about an answer that is otherwise good, in each of the
// four modes. The texts are the wanted refusals; a mode without one lets the user
// in.
func TestAnswersAreRefused(t *testing.T) {
	const everywhere = ""
	somebody := fixedKey(t, nkeys.PrefixByteUser, 13).public
	server := fixedKey(t, nkeys.PrefixByteServer, 20)
	type row struct {
		name       string
		change     func(*world, *answer)
		client     func(*Client)
		template   func(*jwt.UserScope) // the user is a scoped one, in operator mode
		at         time.Duration
		want       string // in all modes, or
		configured string
		operated   string
		// plainOnly: sealed answers fail for another reason, or not at all.
		plainOnly bool
		sealed    string
		proxy     bool
		errors    []string
	}
	rows := []row{
		{name: "nothing wrong", want: everywhere},

		{name: "1 empty", change: func(_ *world, r *answer) { r.body = func([]byte) []byte { return nil } },
			want: `auth callout violation: "no reason supplied" on account "{account}"`},
		{name: "3 no JWT", change: func(_ *world, r *answer) { r.plain, r.body = true, func([]byte) []byte { return []byte("eyJ no") } },
			want: "expected 3 chunks"},
		{name: "3 another kind of claims", change: func(w *world, r *answer) {
			r.plain, r.body = true, func([]byte) []byte {
				text, _ := jwt.NewUserClaims(somebody).Encode(w.issuer)
				return []byte(text)
			}
		}, want: "not an authorization request claim"},
		{name: "3 signed by no account", change: func(w *world, r *answer) {
			r.plain, r.body = true, func([]byte) []byte {
				return []byte(forge(w.t, server, map[string]any{
					"iss": server.public, "sub": somebody, "nats": map[string]any{"type": "authorization_response", "version": 2},
				}))
			}
		}, want: "unable to validate expected prefixes…"},
		{name: "3 tampered", change: func(_ *world, r *answer) {
			r.plain, r.body = true, func(b []byte) []byte { return append(b[:len(b)-4], "AAAA"...) }
		}, want: "claim failed V2 signature verification"},
		{name: "3 too long", change: func(_ *world, r *answer) {
			r.plain, r.body = true, func(b []byte) []byte { return append(b, bytes.Repeat([]byte("A"), operator.MaxTokenSize)...) }
		}, want: "token size …"},
		{name: "3 for no server", change: func(_ *world, r *answer) { r.envelope.Audience = "" },
			want: "authorization response had validation errors: Audience must be a server public key"},
		{name: "3 error and user", change: func(_ *world, r *answer) { r.envelope.Error, r.envelope.Jwt = "no", "eyJ" },
			want: "authorization response had validation errors: Only Error or Jwt can be set"},
		{name: "3 issuer account of no account", change: func(_ *world, r *answer) { r.envelope.IssuerAccount = "X" },
			want: "authorization response had validation errors: issuer_account is not an account public key"},
		{name: "3 expired", change: func(w *world, r *answer) { r.envelope.Expires = w.now.Unix() + 10 }, at: 20 * time.Second,
			want: "authorization response had validation errors: claim is expired"},
		{name: "3 early", change: func(w *world, r *answer) { r.envelope.NotBefore = w.now.Unix() + 10 },
			want: "authorization response had validation errors: claim is not yet valid"},
		{name: "3 the clock is the caller's", change: func(w *world, r *answer) { r.envelope.Expires = w.now.Add(-time.Minute).Unix() },
			at: -time.Hour, want: everywhere},
		{name: "3 in time", change: func(w *world, r *answer) { r.envelope.Expires = w.now.Unix() + 10 }, at: time.Second, want: everywhere},

		{name: "4 for another user", change: func(_ *world, r *answer) { r.envelope.Subject = somebody },
			want: "auth callout violation: auth callout response is not for expected user"},
		{name: "5 for another server", change: func(_ *world, r *answer) { r.envelope.Audience = server.public },
			want: "auth callout violation: auth callout response is not for server"},

		{name: "6 signed by a stranger", change: func(w *world, r *answer) { r.signer = w.stranger },
			want: "auth callout signing key is unknown", plainOnly: true},
		{name: "6 signed by a deputy", change: func(w *world, r *answer) { r.signer = w.deputy },
			configured: "auth callout signing key is unknown", plainOnly: true},
		{name: "6 a deputy names the account", change: func(w *world, r *answer) { r.signer, r.envelope.IssuerAccount = w.deputy, w.issuer.public },
			configured: "auth callout signing key is unknown", plainOnly: true},
		{name: "6 for another account", change: func(w *world, r *answer) { r.envelope.IssuerAccount = w.other.public },
			operated: `auth callout response issuer account "{other}" is not the callout account`, plainOnly: true},
		{name: "6 a stranger names the account", change: func(w *world, r *answer) { r.signer, r.envelope.IssuerAccount = w.stranger, w.issuer.public },
			want: "auth callout signing key is unknown", plainOnly: true},

		{name: "7 error", change: func(_ *world, r *answer) { r.envelope.Error = "BAD AUTH" },
			want: "auth callout service returned an error: BAD AUTH"},
		{name: "7 error of a stranger", change: func(w *world, r *answer) { r.envelope.Error, r.signer = "BAD AUTH", w.stranger },
			want: "auth callout signing key is unknown", plainOnly: true, sealed: "auth callout service returned an error: BAD AUTH"},

		{name: "8 no JWT", change: func(_ *world, r *answer) { r.envelope.Jwt = "eyJ" }, want: "expected 3 chunks"},
		{name: "8 another kind of claims", change: func(w *world, r *answer) {
			r.envelope.Jwt, _ = jwt.NewAccountClaims(w.issuer.public).Encode(w.issuer)
		}, want: "not user claim"},

		{name: "9 proxy required by the answer", change: func(_ *world, r *answer) { r.user.ProxyRequired = true },
			want: "proxy connection required", proxy: true},
		{name: "9 proxy required before", client: func(c *Client) { c.ProxyRequired = true }, want: "proxy connection required", proxy: true},
		{name: "9 by way of a proxy", change: func(_ *world, r *answer) { r.user.ProxyRequired = true },
			client: func(c *Client) { c.ProxyRequired, c.Proxied = true, true }, want: everywhere},
		{name: "9 comes before 10", change: func(_ *world, r *answer) { r.user.ProxyRequired, r.user.NotBefore = true, 1<<40 },
			want: "proxy connection required", proxy: true},

		{name: "10 expired", change: func(w *world, r *answer) { r.user.Expires = w.now.Unix() - 5 },
			want: "Error validating user JWT: claim is expired"},
		{name: "10 early", change: func(w *world, r *answer) { r.user.NotBefore = w.now.Unix() + 10 },
			want: "Error validating user JWT: claim is not yet valid"},
		{name: "10 networks", change: func(_ *world, r *answer) { r.user.Src = jwt.CIDRList{"10.0.0.1"} },
			want: `Error validating user JWT: invalid cidr "10.0.0.1" in user src limits`},
		{name: "10 subjects", change: func(_ *world, r *answer) { r.user.Pub.Deny.Add("a..b") },
			want: "Error validating user JWT: subject \"a..b\" cannot contain consecutive `.`"},
		{name: "10 subjects that the library lets pass", change: func(_ *world, r *answer) { r.user.Pub.Deny.Add("a.>.b") },
			want: `Error validating user JWT: publish deny: "a.>.b" is not a valid subject`},
		{name: "10 time zone", change: func(_ *world, r *answer) { r.user.Locale = "Nowhere/Such" },
			want: "Error validating user JWT: could not parse iana time zone…"},

		{name: "11 another user", change: func(_ *world, r *answer) { r.user.Subject = somebody },
			want: `Expected authorized user of "{user}" but got "{somebody}" on account "{account}"`},

		{name: "12 another issuer", change: func(w *world, r *answer) { r.userSigner = w.stranger },
			configured: `wrong issuer for auth callout response on account "{account}", expected "{issuer}" got "{stranger}"`,
			operated:   `account "{stranger}" not permitted as valid account option for auth callout for account "{account}"`},
		{name: "12 issuer account", change: func(w *world, r *answer) { r.userSigner, r.user.IssuerAccount = w.deputy, w.issuer.public },
			configured: `error non operator mode account "{account}": attempted to use issuer_account`},
		{name: "12' account not allowed", change: func(w *world, r *answer) { r.userSigner, r.user.IssuerAccount = w.signing, w.other.public },
			configured: `error non operator mode account "{account}": attempted to use issuer_account`,
			operated:   `account "{other}" not permitted as valid account option for auth callout for account "{account}"`},
		{name: "12' the service's own account", change: func(w *world, r *answer) { r.userSigner, r.user.Audience = w.issuer, "APP" }, want: everywhere},

		{name: "13 no account", change: func(_ *world, r *answer) { r.user.Audience = "" },
			configured: `no valid account "" for auth callout response on account "{account}": account missing`},
		{name: "13 unknown account", change: func(_ *world, r *answer) { r.user.Audience = "NONE" },
			configured: `no valid account "NONE" for auth callout response on account "{account}": account missing`},
		{name: "13 lookup fails", change: func(_ *world, r *answer) { r.user.Audience = "BROKEN" },
			configured: `no valid account "BROKEN" for auth callout response on account "{account}": no route to the resolver`},

		{name: "14 signing key of another account", change: func(w *world, r *answer) { r.userSigner, r.user.IssuerAccount = w.deputy, w.app.public },
			configured: `error non operator mode account "{account}": attempted to use issuer_account`,
			operated:   `user JWT issuer "{deputy}" is not known`},
		{name: "14 signing key", change: func(w *world, r *answer) { r.userSigner, r.user.IssuerAccount = w.signing, w.app.public },
			configured: `error non operator mode account "{account}": attempted to use issuer_account`},
		{name: "14 scoped with own rights", template: func(*jwt.UserScope) {}, change: func(_ *world, r *answer) { r.user.Subs = 1 },
			operated: "user JWT is not valid: scoped users require no permissions or limits set"},
		{name: "14 template", template: func(s *jwt.UserScope) { s.Template.Pub.Deny.Add("{{tag(none)}}") },
			operated: "user JWT generated invalid permissions: …"},

		{name: "networks", change: func(_ *world, r *answer) { r.user.Src = jwt.CIDRList{"10.0.0.0/8", "192.0.2.0/24"} },
			want: `authorized user on account "{account}" not allowed from this address`, errors: []string{"Bad src Ip 127.0.0.1"}},
		{name: "network", change: func(_ *world, r *answer) { r.user.Src = jwt.CIDRList{"127.0.0.0/8"} }, want: everywhere},
		{name: "networks of a template", template: func(s *jwt.UserScope) { s.Template.Src = jwt.CIDRList{"10.0.0.0/8"} },
			operated: `authorized user on account "{account}" not allowed from this address`, errors: []string{"Bad src Ip 127.0.0.1"}},

		{name: "15 times", change: func(w *world, r *answer) { r.user.Times, r.user.Locale = hours(w, 1, 2), "UTC" },
			want: `authorized user on account "{account}" outside of valid connect times`, errors: []string{"Outside connect times"}},
		{name: "15 in times", change: func(w *world, r *answer) { r.user.Times, r.user.Locale = hours(w, -1, 1), "UTC" }, want: everywhere},
		{name: "15 times of a template", template: func(s *jwt.UserScope) { s.Template.Times, s.Template.Locale = nowhen(), "UTC" },
			operated: `authorized user on account "{account}" outside of valid connect times`, errors: []string{"Outside connect times"}},

		{name: "16 unknown types", change: func(_ *world, r *answer) { r.user.AllowedConnectionTypes.Add("SMTP") },
			want: `authorized user on account "{account}" using invalid connection type`},
		{name: "16 another type", change: func(_ *world, r *answer) { r.user.AllowedConnectionTypes.Add("MQTT", "SMTP") },
			want: `authorized user on account "{account}" not allowed to use connection type`},
		{name: "16 the type", change: func(_ *world, r *answer) { r.user.AllowedConnectionTypes.Add("mqtt", "standard") }, want: everywhere},
		{name: "16 type of a template", template: func(s *jwt.UserScope) { s.Template.AllowedConnectionTypes.Add("WEBSOCKET") },
			operated: `authorized user on account "{account}" not allowed to use connection type`},

		{name: "17 proxy of a template", template: func(s *jwt.UserScope) { s.Template.ProxyRequired = true },
			operated: "proxy connection required", proxy: true},
		{name: "17 proxy of a template, by way of one", template: func(s *jwt.UserScope) { s.Template.ProxyRequired = true },
			client: func(c *Client) { c.Proxied = true }, want: everywhere},
	}
	for _, m := range modes {
		plain := newWorld(t, m)
		for _, r := range rows {
			t.Run(m.String()+"/"+r.name, func(t *testing.T) {
				w := plain
				w.t = t
				if r.template != nil {
					w = newWorld(t, m, r.template)
				}
				c := client()
				if r.client != nil {
					r.client(c)
				}
				a := w.ask(c)
				body := w.respond(a, func(answer *answer) {
					if r.template != nil && m.operated {
						answer.userSigner, answer.user.IssuerAccount = w.scoped, w.app.public
						answer.user.SetScoped(true)
					}
					if r.change != nil {
						r.change(w, answer)
					}
				})
				want := r.want + r.configured
				switch {
				case m.sealed && r.plainOnly:
					want = r.sealed
				case m.operated:
					want = r.want + r.operated
				}
				user, err := a.Judge(body, w.accounts, w.now.Add(r.at))
				if want == everywhere {
					if err != nil {
						t.Fatal(err)
					}
					if user.Name != a.UserKey() {
						t.Errorf("%+v", user)
					}
					return
				}
				refused := wantRefusal(t, err, w.names(a, want))
				if refused.ProxyRequired != r.proxy || !slices.Equal(refused.Errors, r.errors) {
					t.Errorf("%+v", refused)
				}
				if user != nil {
					t.Errorf("refused, and yet %+v", user)
				}
			})
		}
	}
}

// hours is the window between two times of day, from now.
func hours(w *world, from, to int) []jwt.TimeRange {
	now := w.now.UTC()
	at := func(h int) string { return now.Add(time.Duration(h) * time.Hour).Format(time.TimeOnly) }
	return []jwt.TimeRange{{Start: at(from), End: at(to)}}
}

// nowhen is a window that is never open.
func nowhen() []jwt.TimeRange { return []jwt.TimeRange{{Start: "12:00:00", End: "12:00:00"}} }

// What is encrypted has to be so by the service, for this server.
func TestSealedAnswersAreRefused(t *testing.T) {
	for _, operated := range []bool{false, true} {
		w := newWorld(t, mode{operated: operated, sealed: true})
		stranger := fixedKey(t, nkeys.PrefixByteCurve, 30)
		a := w.ask(client())
		curve, _ := w.server.Curve.PublicKey()
		good := w.respond(a, func(r *answer) { r.plain = true })
		seal := func(from key, to string) []byte {
			body, err := from.Seal(good, to)
			if err != nil {
				t.Fatal(err)
			}
			return body
		}
		for name, body := range map[string][]byte{
			"by a stranger":  seal(stranger, curve),
			"for a stranger": seal(w.box, stranger.public),
			"cut":            w.respond(a)[:40],
			"version":        append([]byte("xkv9"), w.respond(a)[4:]...),
			"noise":          []byte("no"),
		} {
			_, err := a.Judge(body, w.accounts, w.now)
			r := wantRefusal(t, err, w.names(a, `error decrypting auth callout response on account "{account}": …`))
			if !strings.HasPrefix(r.Reason(), "Error decrypting ") {
				t.Errorf("%s: %q", name, r.Reason())
			}
		}
		_, err := a.Judge(bytes.Repeat([]byte("x"), maxSealed+1), w.accounts, w.now)
		wantRefusal(t, err, w.names(a, `error decrypting auth callout response on account "{account}": 1048641 bytes exceed maximum of 1048640 bytes`))
		// Services may leave it.
		if _, err := a.Judge(good, w.accounts, w.now); err != nil {
			t.Error(err)
		}
		// A service without a key has nothing to decrypt.
		plain := newWorld(t, mode{operated: operated})
		a = plain.ask(client())
		// What it takes for a token is noise: which fault is found first is chance.
		_, err = a.Judge(seal(w.box, curve), plain.accounts, plain.now)
		wantRefusal(t, err, "…")
	}
}

// An answer is about one attempt of one server.
func TestAnswersCannotBeReplayed(t *testing.T) {
	for _, m := range modes {
		w := newWorld(t, m)
		first, second := w.ask(client()), w.ask(client())
		body := w.respond(first)
		if _, err := first.Judge(body, w.accounts, w.now); err != nil {
			t.Error(err)
		}
		_, err := second.Judge(body, w.accounts, w.now)
		wantRefusal(t, err, "auth callout violation: auth callout response is not for expected user")
	}
}

func TestAnswerSaysWhatTheUserMayDo(t *testing.T) {
	for _, m := range modes {
		w := newWorld(t, m)
		a := w.ask(client())
		expires := w.now.Add(time.Hour).Unix()
		user, err := a.Judge(w.respond(a, func(r *answer) {
			u := r.user
			u.Name, u.Expires, u.Subs, u.Limits.Payload, u.BearerToken = "dlc", expires, 3, 1024, true
			u.Tags.Add("x")
			u.Sub.Deny.Add("secret.>")
			u.Resp = &jwt.ResponsePermission{MaxMsgs: 2}
			u.AllowedConnectionTypes.Add("STANDARD", "SMTP")
		}), w.accounts, w.now)
		if err != nil {
			t.Fatal(err)
		}
		account, issuer := "APP", w.issuer.public
		if m.operated {
			account, issuer = w.app.public, w.app.public
		}
		want := &options.Permissions{
			Publish:   &options.SubjectPermission{Allow: []string{}},
			Subscribe: &options.SubjectPermission{Deny: []string{"secret.>"}},
			Response:  &options.ResponsePermission{MaxMsgs: 2, Expires: options.DefaultResponseExpires},
		}
		if diff := cmp.Diff(want, user.Permissions); diff != "" {
			t.Error(diff)
		}
		if user.Account != account || user.Issuer != issuer || user.Name != a.UserKey() || user.DisplayName != "dlc" || user.Issued == 0 ||
			!slices.Equal(user.Tags, []string{"x"}) || user.Inherited || user.ProxyRequired {
			t.Errorf("%v: %+v", m, user)
		}
		if user.MaxSubscriptions != 3 || user.MaxPayload != 1024 || user.Deadline.Unix() != expires ||
			!slices.Equal(user.ConnectionTypes, []string{"STANDARD"}) {
			t.Errorf("%v: %+v", m, user)
		}
		if user.JWT != "" || user.Bearer {
			t.Errorf("%v: it was not the client who brought the JWT: %+v", m, user)
		}
	}
}

func TestAnswerWithoutRestrictions(t *testing.T) {
	for _, m := range modes {
		w := newWorld(t, m)
		c := client()
		c.ProxyRequired, c.Proxied = true, true
		a := w.ask(c)
		// Zero is what services leave out.
		user, err := a.Judge(w.respond(a, func(r *answer) { r.user.UserPermissionLimits = jwt.UserPermissionLimits{} }), w.accounts, w.now)
		if err != nil {
			t.Fatal(err)
		}
		want := &options.Permissions{Publish: &options.SubjectPermission{Allow: []string{"default.>"}}}
		if diff := cmp.Diff(want, user.Permissions); diff != "" {
			t.Error(diff)
		}
		if !user.Inherited || user.MaxSubscriptions != -1 || user.MaxPayload != -1 || !user.Deadline.IsZero() ||
			user.ConnectionTypes != nil || user.DisplayName != "" {
			t.Errorf("%v: %+v", m, user)
		}
		if !user.ProxyRequired {
			t.Errorf("%v: the answer lifted what the pipeline asks for", m)
		}
	}
}

func TestScopedAnswer(t *testing.T) {
	w := newWorld(t, mode{operated: true}, func(s *jwt.UserScope) {
		s.Template.Subs, s.Template.Limits.Payload = 7, 70
		s.Template.AllowedConnectionTypes.Add("STANDARD")
		s.Template.ProxyRequired = true
	})
	c := client()
	c.Proxied = true
	a := w.ask(c)
	user, err := a.Judge(w.respond(a, func(r *answer) {
		r.userSigner, r.user.IssuerAccount, r.user.Name = w.scoped, w.app.public, "joe"
		r.user.SetScoped(true)
	}), w.accounts, w.now)
	if err != nil {
		t.Fatal(err)
	}
	want := &options.Permissions{Publish: &options.SubjectPermission{Allow: []string{"from.joe"}}}
	if diff := cmp.Diff(want, user.Permissions); diff != "" {
		t.Error(diff)
	}
	if user.Account != w.app.public || user.Issuer != w.scoped.public || user.MaxSubscriptions != 7 || user.MaxPayload != 70 ||
		!user.ProxyRequired || !slices.Equal(user.ConnectionTypes, []string{"STANDARD"}) {
		t.Errorf("%+v", user)
	}
}

// The window that is open longest and the expiry: the earlier one ends it.
func TestDeadlineOfAnswer(t *testing.T) {
	for _, m := range modes {
		w := newWorld(t, m)
		w.now = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
		times := []jwt.TimeRange{{Start: "11:00:00", End: "13:00:00"}, {Start: "11:30:00", End: "14:00:00"}}
		for expires, want := range map[time.Duration]time.Duration{0: 2 * time.Hour, time.Hour: time.Hour, 3 * time.Hour: 2 * time.Hour} {
			a := w.ask(client())
			user, err := a.Judge(w.respond(a, func(r *answer) {
				r.user.Times = times
				if expires > 0 {
					r.user.Expires = w.now.Add(expires).Unix()
				}
			}), w.accounts, w.now)
			if err != nil {
				t.Fatal(err)
			}
			if !user.Deadline.Equal(w.now.Add(want)) {
				t.Errorf("expires after %v: ends at %v", expires, user.Deadline)
			}
		}
	}
}

func TestAnyAccount(t *testing.T) {
	w := newWorld(t, mode{operated: true})
	for _, test := range []struct {
		allowed []string
		ok      bool
	}{
		{nil, false},
		{[]string{w.app.public}, true},
		{[]string{w.other.public, w.app.public}, true},
		{[]string{jwt.AnyAccount}, true},
		// Only alone does it stand for any account.
		{[]string{jwt.AnyAccount, w.other.public}, false},
	} {
		w.service.allowed = test.allowed
		a := w.ask(client())
		_, err := a.Judge(w.respond(a), w.accounts, w.now)
		if (err == nil) != test.ok {
			t.Errorf("%q: %v", test.allowed, err)
		}
	}
}

// Where the account is not as it should be, users cannot be placed in it.
func TestTargetOfOperatorMode(t *testing.T) {
	w := newWorld(t, mode{operated: true})
	a := w.ask(client())
	expired := w.claims(w.app, func(c *jwt.AccountClaims) { c.Expires = w.now.Unix() + 10 })
	for name, test := range map[string]struct {
		target *Target
		err    error
		at     time.Duration
		want   string
	}{
		"missing":         {nil, nil, 0, `no valid account "{app}" for auth callout response on account "{account}": account missing`},
		"not to be had":   {nil, errFetch, 0, `no valid account "{app}" for auth callout response on account "{account}": no route to the resolver`},
		"without claims":  {&Target{}, nil, 0, `no valid account "{app}" for auth callout response on account "{account}": account missing`},
		"expired":         {&Target{Claims: expired}, nil, 20 * time.Second, `no valid account "{app}" for auth callout response on account "{account}": account expired`},
		"another account": {&Target{Claims: w.service.claims}, nil, 0, `user JWT issuer "{app}" is not known`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := a.Judge(w.respond(a), func(asked string) (*Target, error) {
				if asked != w.app.public {
					t.Errorf("asked for %q", asked)
				}
				return test.target, test.err
			}, w.now.Add(test.at))
			wantRefusal(t, err, w.names(a, test.want))
		})
	}
}
