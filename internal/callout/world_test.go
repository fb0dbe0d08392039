package callout

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/options"
)

// key is a key pair with its public key at hand.
type key struct {
	nkeys.KeyPair
	public string
}

// fixedKey is always the same for a number, so that the inputs of a fuzz test mean
// the same each time.
func fixedKey(t testing.TB, prefix nkeys.PrefixByte, number byte) key {
	t.Helper()
	raw := bytes.Repeat([]byte{number}, 32)
	pair, err := nkeys.FromRawSeed(prefix, raw)
	if prefix == nkeys.PrefixByteCurve {
		var seed []byte
		if seed, err = nkeys.EncodeSeed(prefix, raw); err == nil {
			pair, err = nkeys.FromCurveSeed(seed)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key{pair, public}
}

// mode is one of the four ways to run a service.
type mode struct{ operated, sealed bool }

var modes = []mode{{false, false}, {false, true}, {true, false}, {true, true}}

func (m mode) String() string { return fmt.Sprintf("operated=%v,sealed=%v", m.operated, m.sealed) }

// world is a server, a service and the accounts that there are.
type world struct {
	t testing.TB
	mode
	now     time.Time
	trust   *operator.Trust
	server  *Server
	service *Service
	box     key // of the service

	operator key
	issuer   key // the service's account; in the other mode, the configured issuer
	deputy   key // signs for the service's account
	app      key // an account where users may be placed
	signing  key // signs for it
	scoped   key // likewise, with the template
	other    key // an account where users may not be placed
	stranger key // no account at all

	scope  func(*jwt.AccountClaims) // adds the scoped key
	target *operator.Account        // the claims of app, once asked for
}

// account is the name of the service's account.
func (w *world) account() string {
	if w.operated {
		return w.issuer.public
	}
	return "AUTH"
}

func newWorld(t testing.TB, m mode, template ...func(*jwt.UserScope)) *world {
	t.Helper()
	account := func(n byte) key { return fixedKey(t, nkeys.PrefixByteAccount, n) }
	server, curve := fixedKey(t, nkeys.PrefixByteServer, 1), fixedKey(t, nkeys.PrefixByteCurve, 2)
	w := &world{
		t: t, mode: m, now: time.Now(),
		server: &Server{
			Name: "S1", Host: "0.0.0.0", Version: "2.15.2", Cluster: "HUB", Tags: []string{"t1", "t2"}, Key: server, Curve: curve,
		},
		box:      fixedKey(t, nkeys.PrefixByteCurve, 3),
		operator: fixedKey(t, nkeys.PrefixByteOperator, 4),
		issuer:   account(5), deputy: account(6), app: account(7), signing: account(8), scoped: account(9), other: account(10), stranger: account(11),
	}
	text, err := jwt.NewOperatorClaims(w.operator.public).Encode(w.operator)
	if err != nil {
		t.Fatal(err)
	}
	o, err := operator.ReadOperator(text)
	if err != nil {
		t.Fatal(err)
	}
	if w.trust, err = operator.New(operator.Settings{Operators: []*operator.Operator{o}, HasResolver: true, Version: "2.15.2"}); err != nil {
		t.Fatal(err)
	}
	xkey := ""
	if m.sealed {
		xkey = w.box.public
	}
	w.service = FromOptions(&options.AuthCallout{Issuer: w.issuer.public, Account: "AUTH", AuthUsers: []string{"auth"}, XKey: xkey}, 2*time.Second)
	if m.operated {
		w.service = FromClaims(w.claims(w.issuer, func(c *jwt.AccountClaims) {
			c.SigningKeys.Add(w.deputy.public)
			c.Authorization.AuthUsers.Add(fixedKey(t, nkeys.PrefixByteUser, 12).public)
			c.Authorization.AllowedAccounts.Add(w.app.public)
			c.Authorization.XKey = xkey
		}), 2*time.Second)
	}
	w.scope = func(c *jwt.AccountClaims) {
		scope := jwt.NewUserScope()
		scope.Key = w.scoped.public
		scope.Template.Pub.Allow.Add("from.{{name()}}")
		for _, f := range template {
			f(scope)
		}
		c.SigningKeys.AddScopedSigner(scope)
	}
	return w
}

// claims are those of an account, as the operator signed them.
func (w *world) claims(k key, change func(*jwt.AccountClaims)) *operator.Account {
	w.t.Helper()
	c := jwt.NewAccountClaims(k.public)
	change(c)
	text, err := c.Encode(w.operator)
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := w.trust.Account(text, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

var errFetch = errors.New("no route to the resolver")

// accounts are those that there are.
func (w *world) accounts(name string) (*Target, error) {
	defaults := []string{"default.>"}
	switch {
	case name == "BROKEN":
		return nil, errFetch
	case name == "": // as a lookup that has a default
		return w.accounts(options.GlobalAccount)
	case !w.operated && (name == "APP" || name == options.GlobalAccount):
		return &Target{DefaultPermissions: &options.Permissions{Publish: &options.SubjectPermission{Allow: defaults}}}, nil
	case w.operated && name == w.app.public:
		if w.target == nil {
			w.target = w.claims(w.app, func(c *jwt.AccountClaims) {
				c.DefaultPermissions.Pub.Allow.Add(defaults...)
				c.SigningKeys.Add(w.signing.public)
				w.scope(c)
			})
		}
		return &Target{Claims: w.target}, nil
	case w.operated && name == w.issuer.public:
		return &Target{Claims: w.service.claims}, nil
	}
	return nil, nil
}

// client is a plain one.
func client() *Client {
	return &Client{
		Host: "127.0.0.1", ID: 9, User: "ok", ConnectionType: options.ConnectionStandard,
		Connect: options.ClientOpts{Username: "ok", Password: "zz", Name: "app", Lang: "x", Version: "1", Protocol: 1},
	}
}

func (w *world) ask(c *Client) *Attempt {
	w.t.Helper()
	a, err := w.server.Ask(w.service, c, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// answer is what a service makes.
type answer struct {
	user       *jwt.UserClaims
	userSigner key
	envelope   *jwt.AuthorizationResponseClaims // its Jwt is the user's, unless it says something else
	signer     key
	plain      bool // not sealed though it could be
	body       func([]byte) []byte
}

// respond answers an attempt well, but for the changes.
func (w *world) respond(a *Attempt, change ...func(*answer)) []byte {
	w.t.Helper()
	r := &answer{
		user: jwt.NewUserClaims(a.UserKey()), userSigner: w.issuer,
		envelope: jwt.NewAuthorizationResponseClaims(a.UserKey()), signer: w.issuer,
	}
	r.envelope.Audience = fixedKey(w.t, nkeys.PrefixByteServer, 1).public
	if w.operated {
		r.userSigner = w.app
	} else {
		r.user.Audience = "APP"
	}
	for _, f := range change {
		f(r)
	}
	if r.envelope.Jwt == "" && r.envelope.Error == "" {
		text, err := r.user.Encode(r.userSigner)
		if err != nil {
			w.t.Fatal(err)
		}
		r.envelope.Jwt = text
	}
	text, err := r.envelope.Encode(r.signer)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.pack(r, []byte(text))
}

// pack seals a response, if that is done.
func (w *world) pack(r *answer, body []byte) []byte {
	w.t.Helper()
	if w.sealed && !r.plain {
		curve, err := w.server.Curve.PublicKey()
		if err != nil {
			w.t.Fatal(err)
		}
		if body, err = w.box.Seal(body, curve); err != nil {
			w.t.Fatal(err)
		}
	}
	if r.body != nil {
		body = r.body(body)
	}
	return body
}

// forge signs a payload as it is, so that claims can be made that the library
// would not write.
func forge(t testing.TB, signer key, payload any) string {
	t.Helper()
	data, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"typ":"JWT","alg":"ed25519-nkey"}`)) + "." + encode(data)
	signature, err := signer.Sign([]byte(signed))
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encode(signature)
}

// names puts names in the place of their placeholders.
func (w *world) names(a *Attempt, text string) string {
	return strings.NewReplacer(
		"{account}", w.account(), "{user}", a.UserKey(), "{issuer}", w.issuer.public, "{app}", w.app.public,
		"{other}", w.other.public, "{stranger}", w.stranger.public, "{deputy}", w.deputy.public,
		"{somebody}", fixedKey(w.t, nkeys.PrefixByteUser, 13).public,
	).Replace(text)
}

func wantRefusal(t testing.TB, err error, text string) *Refusal {
	t.Helper()
	var refused *Refusal
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, want refusal %q", err, text)
	}
	if refused.Text != text && (!strings.HasSuffix(text, "…") || !strings.HasPrefix(refused.Text, strings.TrimSuffix(text, "…"))) {
		t.Fatalf("got refusal\n%q, want\n%q", refused.Text, text)
	}
	return refused
}
