//lint:file-ignore SA1019 claims with the older "to" are still around

package monitor

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/sharing"
)

func newKey(t *testing.T, kind nkeys.PrefixByte) (nkeys.KeyPair, string) {
	t.Helper()
	pair, err := nkeys.CreatePair(kind)
	if err != nil {
		t.Fatal(err)
	}
	return pair, must(pair.PublicKey())
}

func TestVarzShowsOperators(t *testing.T) {
	pair, public := newKey(t, nkeys.PrefixByteOperator)
	claims := jwt.NewOperatorClaims(public)
	claims.Name = "Op"
	text := must(claims.Encode(pair))
	source := newFake()
	source.identity.Operators = []*operator.Operator{must(operator.ReadOperator(text))}
	source.totals.PinnedFailures = 3
	v := must(newFakeServer(source).Varz(nil))
	if !slices.Equal(v.TrustedOperatorsJwt, []string{text}) || len(v.TrustedOperatorsClaim) != 1 || v.PinnedAccountFail != 3 {
		t.Fatalf("jwt %q, claims %s, %d failures", v.TrustedOperatorsJwt, v.TrustedOperatorsClaim, v.PinnedAccountFail)
	}
	var shown jwt.OperatorClaims
	if err := json.Unmarshal(v.TrustedOperatorsClaim[0], &shown); err != nil || shown.Name != "Op" || shown.Subject != public {
		t.Errorf("claims %s, %v", v.TrustedOperatorsClaim[0], err)
	}
}

// described is an account of claims with one import that is not in force.
func described(t *testing.T, change func(*jwt.AccountClaims)) (AccountState, *operator.Account) {
	t.Helper()
	pair, public := newKey(t, nkeys.PrefixByteOperator)
	_, name := newKey(t, nkeys.PrefixByteAccount)
	claims := jwt.NewAccountClaims(name)
	change(claims)
	text := must(claims.Encode(pair))
	trust := must(operator.New(operator.Settings{TrustedKeys: []string{public}}))
	a, err := trust.Account(text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	offers := &sharing.Account{Name: name, Exports: a.Exports}
	for _, i := range a.Imports {
		offers.Imports = append(offers.Imports, &i.Import)
	}
	return AccountState{Account: broker.NewAccount(name, &broker.Node{}), Claims: a, Offers: offers}, a
}

func TestAccountzShowsClaims(t *testing.T) {
	_, user := newKey(t, nkeys.PrefixByteUser)
	_, exporter := newKey(t, nkeys.PrefixByteAccount)
	state, a := described(t, func(c *jwt.AccountClaims) {
		c.Name = "Shop"
		c.Tags.Add("region:eu")
		c.RevokeAt(user, time.Unix(1000, 0))
		c.Imports.Add(&jwt.Import{Account: exporter, Subject: "help", To: "aid", Type: jwt.Service}) // an old way to say it
	})
	source := newFake()
	source.accounts = []AccountState{state}
	info := must(newFakeServer(source).Accountz(&api.AccountzOptions{Account: state.Name})).Account
	switch {
	case info.NameTag != "Shop", !slices.Equal(info.Tags, []string{"region:eu"}), info.Jwt != a.Text, info.IssuerKey != a.Issuer:
		t.Errorf("%+v", info)
	case !info.RevokedUser[user].Equal(time.Unix(1000, 0)) || len(info.RevokedUser) != 1:
		t.Errorf("revoked %v", info.RevokedUser)
	case info.Expired || info.Complete:
		t.Errorf("expired %t, complete %t without the exporter", info.Expired, info.Complete)
	}
	var shown jwt.AccountClaims
	if err := json.Unmarshal(info.Claim, &shown); err != nil || shown.Subject != state.Name || shown.Imports[0].Account != exporter {
		t.Errorf("claims %s, %v", info.Claim, err)
	}
	if len(info.Vr) == 0 || !strings.Contains(info.Vr[0].Description, "deprecated") || info.Vr[0].Blocking {
		t.Errorf("issues %+v", info.Vr)
	}
}

// The account that stands in for the system account has no claims that one could see.
func TestAccountzOfAMakeshiftAccount(t *testing.T) {
	source := newFake()
	source.accounts = []AccountState{{Account: broker.NewAccount("S", &broker.Node{}), Claims: operator.Bootstrap("S")}}
	info := must(newFakeServer(source).Accountz(&api.AccountzOptions{Account: "S"})).Account
	if info.Claim != nil || info.Jwt != "" || info.NameTag != "S" || !info.Complete {
		t.Errorf("%+v", info)
	}
}

func TestConnzShowsWhatClaimsSay(t *testing.T) {
	state, a := described(t, func(c *jwt.AccountClaims) { c.Name = "Shop" })
	source := newFake()
	source.accounts = []AccountState{state}
	s := newFakeServer(source)
	text := userJWT(`{"nats":{"type":"user"}}`)
	for name, c := range map[string]struct {
		connect string // JWT that was sent
		user    operator.User
		want    string
	}{
		"a user":                 {text, operator.User{JWT: text}, text},
		"a bearer":               {text, operator.User{JWT: text, Bearer: true}, ""}, // by its template
		"decided by a service":   {text, operator.User{}, ""},
		"in place of a bad text": {"nonsense", operator.User{JWT: text}, text},
	} {
		snapshot := client.Snapshot{Account: state.Account, Claims: &c.user}
		snapshot.Connect.JWT = c.connect
		c.user.Tags = []string{"team:a"}
		got := s.connection(&snapshot, &api.ConnzOptions{Username: true}, noon)
		if got.JWT != c.want || got.NameTag != "Shop" || got.Account != a.Name || !slices.Equal(got.Tags, []string{"team:a"}) {
			t.Errorf("%s: jwt %q, account %q (%q), tags %q", name, got.JWT, got.Account, got.NameTag, got.Tags)
		}
	}
}

func TestAccountTagInOtherAnswers(t *testing.T) {
	state, _ := described(t, func(c *jwt.AccountClaims) { c.Name = "Shop" })
	if err := state.Account.Subscribe(&broker.Subscription{Subject: "s", To: &broker.Receiver{}}); err != nil {
		t.Fatal(err)
	}
	source := newFake()
	source.accounts = []AccountState{state}
	s := newFakeServer(source)
	if z := must(s.AccountStatz(&api.AccountStatzOptions{IncludeUnused: true})); z.Accounts[0].Account != state.Name || z.Accounts[0].Name != "Shop" {
		t.Errorf("accstatz: %+v", z.Accounts[0])
	}
	if z := must(s.Subsz(&api.SubszOptions{Subscriptions: true})); z.Subs[0].Account != state.Name || z.Subs[0].AccountTag != "Shop" {
		t.Errorf("subsz: %+v", z.Subs[0])
	}
}
