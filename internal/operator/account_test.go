package operator

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/sharing"
	"github.com/godwit-mq/godwit/internal/transform"
)

func TestAccountSaysWhatItsClaimsSay(t *testing.T) {
	w := newWorld(t)
	user, other := userKey(t).public, accountKey(t).public
	expires := now().Add(time.Hour).Unix()
	a := w.open(func(c *jwt.AccountClaims) {
		c.Name, c.Expires = "A", expires
		c.Tags.Add("One", "two")
		c.Limits.Conn, c.Limits.LeafNodeConn, c.Limits.Subs, c.Limits.Payload = 5, -1, 7, math.MaxInt64
		c.Limits.DisallowBearer = true
		c.DefaultPermissions.Pub.Allow.Add("a.>")
		c.Trace = &jwt.MsgTrace{Destination: "traces"}
		c.ClusterTraffic = jwt.ClusterTrafficOwner
		c.Authorization.AuthUsers.Add(user)
		c.Authorization.AllowedAccounts.Add(other)
	})
	if a.Name != w.account.public || a.DisplayName != "A" || a.Issuer != w.operator.public || a.Expires.Unix() != expires || a.Issued == 0 {
		t.Errorf("identity: %+v", a)
	}
	if !slices.Equal(a.Tags, []string{"one", "two"}) || a.Label() != w.account.public+"/A" {
		t.Errorf("tags %v, label %s", a.Tags, a.Label())
	}
	want := options.AccountLimits{MaxConnections: 5, MaxLeafNodes: -1, MaxSubscriptions: 7, MaxPayload: math.MaxInt32}
	if a.Limits != want || !a.DisallowBearer {
		t.Errorf("limits %+v, bearer refused %t", a.Limits, a.DisallowBearer)
	}
	if diff := cmp.Diff(&options.Permissions{Publish: &options.SubjectPermission{Allow: []string{"a.>"}}}, a.DefaultPermissions); diff != "" {
		t.Error(diff)
	}
	if a.Trace == nil || *a.Trace != (Trace{"traces", 100}) || !a.OwnClusterTraffic {
		t.Errorf("trace %+v, own cluster traffic %t", a.Trace, a.OwnClusterTraffic)
	}
	if diff := cmp.Diff(&Callout{Users: []string{user}, Accounts: []string{other}}, a.Callout); diff != "" {
		t.Error(diff)
	}
	if a.Text == "" || a.Claims.Subject != a.Name {
		t.Error("JWT and claims are not kept")
	}
}

// Tools write -1 for no limit; what they leave out is nothing at all.
func TestAbsentLimitsAreZero(t *testing.T) {
	w := newWorld(t)
	a, err := w.trust.Account(forge(t, w.operator, jwt.AlgorithmNkey, map[string]any{
		"iss": w.operator.public, "sub": w.account.public, "iat": now().Unix(),
		"nats": map[string]any{"type": "account", "version": 2},
	}), now())
	wantError(t, err, "")
	if a.Limits != (options.AccountLimits{}) || a.JetStream != nil || a.DefaultPermissions != nil || a.Callout != nil || a.Trace != nil {
		t.Errorf("%+v", a)
	}
}

func TestAccountOfTheFirstGeneration(t *testing.T) {
	w := newWorld(t)
	signing := accountKey(t).public
	payload := map[string]any{
		"iss": w.operator.public, "sub": w.account.public, "iat": now().Unix(), "type": "account", "tags": []string{"x"},
		"nats": map[string]any{"limits": map[string]any{"conn": 3, "exports": -1, "imports": -1}, "signing_keys": []string{signing}},
	}
	a, err := w.trust.Account(forge(t, w.operator, jwt.AlgorithmNkeyOld, payload), now())
	wantError(t, err, "")
	if a.Limits.MaxConnections != 3 || !a.Signs(signing) || !slices.Equal(a.Tags, []string{"x"}) {
		t.Errorf("%+v", a)
	}
}

func TestAccountJetStreamLimits(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		change func(*jwt.AccountClaims)
		want   map[string]JetStreamLimits
	}{
		"none": {func(*jwt.AccountClaims) {}, nil},
		"flat": {
			func(c *jwt.AccountClaims) {
				c.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: 1, DiskStorage: -1, Streams: 2, Consumer: -1, MaxAckPending: 3, MaxBytesRequired: true}
			},
			map[string]JetStreamLimits{"": {
				MaxMemory: 1, MaxStore: -1, MaxStreams: 2, MaxConsumers: -1, MaxAckPending: 3,
				MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1, MaxBytesRequired: true,
			}},
		},
		"flat, without storage": {func(c *jwt.AccountClaims) { c.Limits.Streams = 5 }, nil},
		"tiers": {
			func(c *jwt.AccountClaims) {
				c.Limits.JetStreamTieredLimits = jwt.JetStreamTieredLimits{
					"R1": {DiskStorage: 100, DiskMaxStreamBytes: 50}, "R3": {MemoryStorage: 200, MemoryMaxStreamBytes: -7},
				}
			},
			map[string]JetStreamLimits{
				"R1": {MaxStore: 100, MaxAckPending: -1, MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: 50},
				"R3": {MaxMemory: 200, MaxAckPending: -1, MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1},
			},
		},
		"tiers beat flat ones": {
			func(c *jwt.AccountClaims) {
				c.Limits.DiskStorage = 1
				c.Limits.JetStreamTieredLimits = jwt.JetStreamTieredLimits{"R1": {DiskStorage: 100}}
			},
			map[string]JetStreamLimits{"R1": {MaxStore: 100, MaxAckPending: -1, MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1}},
		},
		"tiers without storage": {
			func(c *jwt.AccountClaims) {
				c.Limits.JetStreamTieredLimits = jwt.JetStreamTieredLimits{"R1": {Streams: 4}}
			}, nil,
		},
	} {
		if diff := cmp.Diff(test.want, w.open(test.change).JetStream); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAccountIsRefused(t *testing.T) {
	w, stranger := newWorld(t), operatorKey(t)
	self := encode(t, w.account, jwt.NewAccountClaims(w.account.public))
	foreign := encode(t, stranger, jwt.NewAccountClaims(w.account.public))
	export := func(subject string) *jwt.Export { return &jwt.Export{Subject: jwt.Subject(subject), Type: jwt.Service} }
	for name, test := range map[string]struct {
		text string
		want string
	}{
		"no JWT":        {"rubbish", "expected 3 chunks"},
		"too long":      {string(make([]byte, MaxTokenSize+1)), "exceeds maximum"},
		"another kind":  {encode(t, w.operator, jwt.NewOperatorClaims(w.operator.public)), "not account claim"},
		"self signed":   {self, "account validation failed: issuer is not trusted"},
		"not our own":   {foreign, "account validation failed: issuer is not trusted"},
		"expired":       {w.accountText(func(c *jwt.AccountClaims) { c.Expires = now().Unix() - 2 }), "account validation failed: claim is expired"},
		"not yet valid": {w.accountText(func(c *jwt.AccountClaims) { c.NotBefore = now().Unix() + 100 }), "account validation failed: claim is not yet valid"},
		"too many exports": {w.accountText(func(c *jwt.AccountClaims) {
			c.Limits.Exports = 1
			c.Exports.Add(export("a"), export("b"))
		}), "the account contains more exports than allowed by the operator"},
		"wildcards in exports": {w.accountText(func(c *jwt.AccountClaims) {
			c.Limits.Exports, c.Limits.WildcardExports = 5, false
			c.Exports.Add(export("a.*"))
		}), "the account contains wildcard exports that are not allowed by the operator"},
		"too many imports": {w.accountText(func(c *jwt.AccountClaims) {
			c.Limits.Imports = 0
			c.Imports.Add(&jwt.Import{Subject: "a", Account: w.account.public, Type: jwt.Stream})
		}), "the account contains more imports than allowed by the operator"},
		"one export inside another": {w.accountText(func(c *jwt.AccountClaims) { c.Exports.Add(export("a.*"), export("a.b")) }), "already exports"},
		"a blank tier": {w.accountText(func(c *jwt.AccountClaims) {
			c.Limits.JetStreamTieredLimits = jwt.JetStreamTieredLimits{"": {DiskStorage: 1}}
		}), "blank"},
		"default permissions": {w.accountText(func(c *jwt.AccountClaims) { c.DefaultPermissions.Pub.Deny.Add("a.>.b") }), `publish deny: "a.>.b" is not a valid subject`},
		"no account key": {forge(t, w.operator, jwt.AlgorithmNkey, map[string]any{
			"iss": w.operator.public, "sub": "X", "nats": map[string]any{"type": "account", "version": 2},
		}), `"X" is not an account public key`},
		"null export": {forge(t, w.operator, jwt.AlgorithmNkey, map[string]any{
			"iss": w.operator.public, "sub": w.account.public, "nats": map[string]any{"type": "account", "version": 2, "exports": []any{nil}},
		}), "null export is not allowed"},
		"null import": {forge(t, w.operator, jwt.AlgorithmNkey, map[string]any{
			"iss": w.operator.public, "sub": w.account.public, "nats": map[string]any{"type": "account", "version": 2, "imports": []any{nil}},
		}), "null import is not allowed"},
		"a later generation": {forge(t, w.operator, jwt.AlgorithmNkey, map[string]any{
			"iss": w.operator.public, "sub": w.account.public, "nats": map[string]any{"type": "account", "version": 3},
		}), "newer version"},
	} {
		_, err := w.trust.Account(test.text, now())
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		wantError(t, err, test.want)
	}
	_, err := w.trust.Account(foreign, now())
	if !errors.Is(err, ErrAccount) || !errors.Is(err, ErrNotTrusted) {
		t.Errorf("an untrusted issuer: %v", err)
	}
}

func TestAccountExpires(t *testing.T) {
	w := newWorld(t)
	at := now()
	a := w.open(func(c *jwt.AccountClaims) { c.Expires = at.Unix() + 10 })
	if a.Expired(at) || a.Expired(at.Add(10*time.Second)) || !a.Expired(at.Add(11*time.Second)) {
		t.Error("expired at the wrong time")
	}
	if w.open().Expired(at.AddDate(100, 0, 0)) {
		t.Error("an account without expiry is expired")
	}
}

func TestAccountExports(t *testing.T) {
	w := newWorld(t)
	a := w.open(func(c *jwt.AccountClaims) {
		c.Exports.Add(
			&jwt.Export{Subject: "stream.*", Type: jwt.Stream, TokenReq: true, Advertise: true, Revocations: jwt.RevocationList{"*": 7}, Info: jwt.Info{Description: "d", InfoURL: "http://x.y"}},
			&jwt.Export{Subject: "own.*.x", Type: jwt.Stream, AccountTokenPosition: 2},
			&jwt.Export{Subject: "one", Type: jwt.Service, ResponseThreshold: time.Second, AllowTrace: true, Latency: &jwt.ServiceLatency{Sampling: 30, Results: "lat"}},
			&jwt.Export{Subject: "two", Type: jwt.Service, ResponseType: jwt.ResponseTypeStream, Latency: &jwt.ServiceLatency{Results: "lat"}},
			&jwt.Export{Subject: "three", Type: jwt.Service, ResponseType: jwt.ResponseTypeChunked},
			&jwt.Export{Subject: "odd.>.x", Type: jwt.Service},
		)
	})
	want := []*sharing.Export{
		{Kind: sharing.Service, Subject: "one", Threshold: time.Second, AllowTrace: true, Latency: &sharing.Latency{Sampling: 30, Subject: "lat"}},
		{Kind: sharing.Stream, Subject: "own.*.x", TokenPosition: 2},
		{Kind: sharing.Stream, Subject: "stream.*", TokenRequired: true, RevokedBefore: map[string]int64{"*": 7}, Advertise: true, Description: "d", InfoURL: "http://x.y"},
		{Kind: sharing.Service, Subject: "three", Response: sharing.Chunked},
		{Kind: sharing.Service, Subject: "two", Response: sharing.Streamed, Latency: &sharing.Latency{Headers: true, Subject: "lat"}},
	}
	if diff := cmp.Diff(want, a.Exports); diff != "" {
		t.Error(diff)
	}
	if len(a.Debug) != 1 || a.Debug[0] != "Error adding service export to account ["+a.Name+`]: "odd.>.x": sublist: invalid subject` {
		t.Errorf("about the odd one: %q", a.Debug)
	}
}

// renamed uses the old way to rename an import, which claims may still have.
func renamed(i *jwt.Import, to jwt.Subject) *jwt.Import {
	i.To = to //lint:ignore SA1019 what is in use has to be read
	return i
}

func TestAccountImports(t *testing.T) {
	w, other := newWorld(t), accountKey(t).public
	a := w.open(func(c *jwt.AccountClaims) {
		c.Imports.Add(
			&jwt.Import{Subject: "a.plain", Account: other, Type: jwt.Stream, AllowTrace: true},
			&jwt.Import{Subject: "b.*.*", Account: other, Type: jwt.Stream, LocalSubject: "l.$2.$1"},
			renamed(&jwt.Import{Subject: "c.old", Account: other, Type: jwt.Stream}, "prefix"),
			&jwt.Import{Subject: "d.plain", Account: other, Type: jwt.Service, Share: true},
			&jwt.Import{Subject: "e.theirs", Account: other, Type: jwt.Service, LocalSubject: "mine"},
			renamed(&jwt.Import{Subject: "f.mine", Account: other, Type: jwt.Service}, "f.theirs"),
		)
	})
	want := []*Import{
		{Import: sharing.Import{Kind: sharing.Stream, Subject: "a.plain", Local: "a.plain", AllowTrace: true}},
		{Import: sharing.Import{Kind: sharing.Stream, Subject: "b.*.*", Local: "l.$2.$1"}},
		{Import: sharing.Import{Kind: sharing.Stream, Subject: "c.old", Local: "prefix.c.old"}},
		{Import: sharing.Import{Kind: sharing.Service, Subject: "d.plain", Local: "d.plain", Share: true}},
		{Import: sharing.Import{Kind: sharing.Service, Subject: "e.theirs", Local: "mine"}},
		{Import: sharing.Import{Kind: sharing.Service, Subject: "f.theirs", Local: "f.mine"}},
	}
	for _, i := range want {
		i.Account = other
	}
	if diff := cmp.Diff(want, a.Imports); diff != "" {
		t.Error(diff)
	}
}

func TestAccountMappings(t *testing.T) {
	w := newWorld(t)
	a := w.open(func(c *jwt.AccountClaims) {
		c.AddMapping("b.*", jwt.WeightedMapping{Subject: "x.{{wildcard(1)}}", Weight: 40}, jwt.WeightedMapping{Subject: "y.$1", Weight: 60, Cluster: "C"})
		c.AddMapping("a", jwt.WeightedMapping{Subject: "z"})
	})
	want := []Mapping{
		{"a", []transform.Destination{{Subject: "z", Weight: 100}}},
		{"b.*", []transform.Destination{{Subject: "x.{{wildcard(1)}}", Weight: 40}, {Subject: "y.$1", Weight: 60, Cluster: "C"}}},
	}
	if diff := cmp.Diff(want, a.Mappings); diff != "" {
		t.Error(diff)
	}
	wantError(t, a.CheckMappings(), "")
	for _, m := range a.Mappings {
		_, err := m.Compile()
		wantError(t, err, "")
	}
}

func TestRevoked(t *testing.T) {
	w := newWorld(t)
	one, two := userKey(t).public, userKey(t).public
	a := w.open(func(c *jwt.AccountClaims) { c.Revocations = jwt.RevocationList{one: 100, jwt.All: 50} })
	for _, test := range []struct {
		user    string
		issued  int64
		revoked bool
	}{
		{one, 99, true}, {one, 100, true}, {one, 101, false},
		{two, 50, true}, {two, 51, false},
	} {
		if got := a.Revoked(test.user, test.issued); got != test.revoked {
			t.Errorf("%s issued %d: %t", test.user, test.issued, got)
		}
	}
	if !a.HasRevocations() || w.open().HasRevocations() || w.open().Revoked(one, 0) {
		t.Error("an account without revocations revokes")
	}
}

func TestSameSigner(t *testing.T) {
	w := newWorld(t)
	plain, scope := accountKey(t).public, accountKey(t).public
	withScope := func(subject string) func(*jwt.AccountClaims) {
		return func(c *jwt.AccountClaims) {
			c.SigningKeys.Add(plain)
			s := jwt.NewUserScope()
			s.Key = scope
			s.Template.Pub.Allow.Add(subject)
			c.SigningKeys.AddScopedSigner(s)
		}
	}
	before := w.open(withScope("a"))
	for name, test := range map[string]struct {
		after              *Account
		main, plain, scope bool
	}{
		"nothing changed": {w.open(withScope("a")), true, true, true},
		"another scope":   {w.open(withScope("b")), true, true, false},
		"keys removed":    {w.open(), true, false, false},
		"scope dropped":   {w.open(func(c *jwt.AccountClaims) { c.SigningKeys.Add(plain, scope) }), true, true, false},
	} {
		for key, want := range map[string]bool{w.account.public: test.main, plain: test.plain, scope: test.scope} {
			if got := test.after.SameSigner(before, key); got != want {
				t.Errorf("%s: %s can stay: %t", name, key, got)
			}
		}
	}
}

func TestValidationIssues(t *testing.T) {
	w := newWorld(t)
	list, err := ValidationIssues(w.accountText(), now())
	wantError(t, err, "")
	if list != nil {
		t.Errorf("of a good one: %q", list)
	}
	text := w.accountText(func(c *jwt.AccountClaims) {
		c.Expires = 1000
		c.Exports.Add(&jwt.Export{Subject: "a b", Type: jwt.Stream})
		c.Imports.Add(renamed(&jwt.Import{Subject: "c.old", Account: w.account.public, Type: jwt.Stream}, "prefix"))
	})
	list, err = ValidationIssues(text, now())
	wantError(t, err, "")
	want := []string{`subject "a b" cannot have spaces`, "claim is expired", "the field to has been deprecated (use LocalSubject instead)"}
	if !slices.Equal(list, want) {
		t.Errorf("%q, want %q", list, want)
	}
	_, err = ValidationIssues("rubbish", now())
	wantError(t, err, "expected 3 chunks")
}

func TestBootstrapAccount(t *testing.T) {
	w, user := newWorld(t), userKey(t)
	a := Bootstrap(w.account.public)
	r := request(t, user, encode(t, w.account, jwt.NewUserClaims(user.public)))
	_, err := connect(w.trust, a, r, now())
	wantError(t, err, "")
	signing := accountKey(t)
	r = request(t, user, encode(t, signing, jwt.NewUserClaims(user.public), func(c *jwt.UserClaims) { c.IssuerAccount = w.account.public }))
	_, err = connect(w.trust, a, r, now())
	wantRefusal(t, err, "User JWT issuer is not known")
}
