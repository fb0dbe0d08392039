package operator_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// Go: TestJWTSysImportForDifferentAccount server/jwt_test.go:4252
// Go: TestJWTSysImportFromNothing server/jwt_test.go:4295
// Go: TestJWTSysImportOverwritePublic server/jwt_test.go:4355
// Go: TestJWTSysImportOverwriteToken server/jwt_test.go:4416
func TestImportsFromTheSystemAccount(t *testing.T) {
	for name, c := range map[string]struct {
		export       jwt.Export        // of the system account, beside what it always exports
		imports      map[string]string // local subject: subject; SYS and OWN stand for accounts
		works, fails []string
	}{
		"of all accounts": {
			jwt.Export{Subject: "$SYS.REQ.ACCOUNT.*.INFO"}, map[string]string{"COMMON.*.INFO": "$SYS.REQ.ACCOUNT.*.INFO"},
			[]string{"COMMON.SYS.INFO", "COMMON.OWN.INFO"}, nil,
		},
		"of nothing": {
			jwt.Export{}, map[string]string{"fail1": "$SYS.REQ.ACCOUNT.SYS.CONNZ", "fail2.*": "$SYS.REQ.ACCOUNT.*.CONNZ", "pass": "$SYS.REQ.ACCOUNT.OWN.CONNZ"},
			[]string{"pass", "$SYS.REQ.ACCOUNT.PING.CONNZ"}, []string{"fail1", "fail2.OWN"},
		},
		"of a public export": {
			jwt.Export{Subject: "$SYS.REQ.ACCOUNT.*.>"},
			map[string]string{"pass1": "$SYS.REQ.ACCOUNT.SYS.CONNZ", "pass2": "$SYS.REQ.ACCOUNT.OWN.CONNZ", "pass3.*": "$SYS.REQ.ACCOUNT.*.CONNZ"},
			[]string{"pass1", "pass2", "pass3.SYS", "pass3.OWN", "pass3.PING"}, nil,
		},
		"beside one with a token": {
			jwt.Export{Subject: "$SYS.REQ.>", TokenReq: true}, nil, []string{"$SYS.REQ.ACCOUNT.PING.CONNZ"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDomain(t)
			a := newAccount(t)
			names := strings.NewReplacer("SYS.INFO", d.system.Public+".INFO", "ACCOUNT.SYS", "ACCOUNT."+d.system.Public,
				"pass3.SYS", "pass3."+d.system.Public, "OWN", a.Public)
			d.account(d.system, func(claims *jwt.AccountClaims) {
				if c.export.Subject != "" {
					c.export.Type = jwt.Service
					claims.Exports.Add(&c.export)
				}
			})
			d.account(a, func(claims *jwt.AccountClaims) {
				for local, subject := range c.imports {
					claims.Imports.Add(&jwt.Import{
						Type: jwt.Service, Account: d.system.Public, Subject: jwt.Subject(names.Replace(subject)), LocalSubject: jwt.RenamingSubject(local),
					})
				}
			})
			nc := connect(t, d.run(""), d.user(a, nil))
			for _, subject := range c.works {
				m, err := nc.Request(names.Replace(subject), nil, kit.Patience)
				if err != nil || !strings.Contains(string(m.Data), `"data"`) {
					t.Errorf("%s: %v", subject, err)
				}
			}
			for _, subject := range c.fails {
				if _, err := nc.Request(names.Replace(subject), nil, kit.Patience); !errors.Is(err, nats.ErrNoResponders) {
					t.Errorf("%s: %v", subject, err)
				}
			}
		})
	}
}

// Go: TestJWTAccountConnzAccessAfterClaimUpdate server/jwt_test.go:6648
func TestSystemImportsSurviveUpdates(t *testing.T) {
	d := newDomain(t)
	s := d.directory()
	admin := connect(t, s, d.user(d.system, nil))
	a := newAccount(t)
	push(t, admin, d.account(a, nil))
	nc := connect(t, s, d.user(a, nil))
	ask := func() {
		t.Helper()
		m, err := nc.Request("$SYS.REQ.SERVER.PING.CONNZ", nil, kit.Patience)
		if err != nil || strings.Contains(string(m.Data), `"error"`) {
			t.Errorf("asked: %v, %+v", err, m)
		}
	}
	mapping := func(c *jwt.AccountClaims) { c.AddMapping("foo.bar", jwt.WeightedMapping{Subject: "foo.baz"}) }
	ask()
	push(t, admin, d.account(a, mapping))
	ask()
	push(t, admin, d.account(d.system, mapping))
	ask()
}

// Go: TestAccountReqInfo server/events_test.go:1354
// Go: TestAccountClaimsUpdatesWithServiceImports server/events_test.go:1470
func TestTheSystemAccountDescribesAccounts(t *testing.T) {
	d := newDomain(t)
	e, i := newAccount(t), newAccount(t)
	d.account(e, func(c *jwt.AccountClaims) { c.Exports.Add(&jwt.Export{Subject: "req.*", Type: jwt.Service}) })
	imports := func(conn int64) string {
		return d.account(i, func(c *jwt.AccountClaims) {
			c.Limits.Conn = conn
			c.Imports.Add(&jwt.Import{Account: e.Public, Subject: "req.1", Type: jwt.Service})
		})
	}
	imports(-1)
	s := d.run("server_name: S")
	admin := connect(t, s, d.user(d.system, nil))
	for _, a := range []kit.Signer{e, i} {
		nc := connect(t, s, d.user(a, nil))
		nc.Close()
	}
	kit.Eventually(t, "the end of the connections", func() bool { return s.NumClients() == 1 })
	describe := func(a kit.Signer) *godwit.Accountz {
		t.Helper()
		var answer struct {
			Data   json.RawMessage
			Server struct {
				Name string
				Seq  int
			}
		}
		decode(t, kit.Must[*nats.Msg](t)(admin.Request("$SYS.REQ.ACCOUNT."+a.Public+".INFO", nil, kit.Patience)).Data, &answer)
		shown := new(godwit.Accountz)
		decode(t, []byte(`{"account_detail":`+string(answer.Data)+`}`), shown)
		z := shown.Account
		if !z.Complete || z.Expired || z.JetStream || z.ClientCnt != 0 || z.LeafCnt != 0 || z.AccountName != a.Public || z.Jwt != d.accounts[a.Public] ||
			answer.Server.Name != "S" || answer.Server.Seq < 1 {
			t.Errorf("%+v by %+v", z, answer.Server)
		}
		return shown
	}
	of := func(shown *godwit.Accountz, from kit.Signer) (found []string) {
		for _, x := range shown.Account.Imports {
			if x.Account == from.Public {
				found = append(found, x.Subject+" "+x.Type)
			}
		}
		return found
	}
	shown := describe(e)
	z := shown.Account
	if len(z.Exports) != 1 || z.Exports[0].Subject != "req.*" || z.Exports[0].Type != "service" || z.Exports[0].ResponseType != "Singleton" ||
		len(of(shown, d.system)) != len(z.Imports) || len(z.Imports) == 0 || int(z.SubCnt) != len(z.Imports) {
		t.Errorf("the exporter: %+v", z)
	}
	system := len(z.Imports)
	shown = describe(i)
	z = shown.Account
	if got := of(shown, e); len(z.Exports) != 0 || len(got) != 1 || got[0] != "req.1 service" || len(z.Imports) != system+1 || int(z.SubCnt) != system+1 {
		t.Errorf("the importer: %+v", z)
	}
	before := s.NumSubscriptions()
	for n := int64(1); n <= 10; n++ {
		push(t, admin, imports(n))
	}
	inbox := uint32(1) // of the requests here
	if after := s.NumSubscriptions(); after > before+inbox {
		t.Errorf("%d subscriptions, before %d", after, before)
	}
}

// Go: TestBadAccountUpdate server/events_test.go:891
func TestClaimsOfAnotherAccountAreNoUpdate(t *testing.T) {
	for _, memory := range []bool{true, false} {
		d := newDomain(t)
		a, b := newAccount(t), newAccount(t)
		d.account(a, nil)
		s := d.run("")
		admin := connect(t, s, d.user(d.system, nil))
		if !memory {
			s = d.directory()
			admin = connect(t, s, d.user(d.system, nil))
			push(t, admin, d.accounts[a.Public])
		}
		connect(t, s, d.user(a, nil))
		text := d.accounts[a.Public]
		if got := ask(t, admin, "$SYS.REQ.ACCOUNT."+a.Public+".CLAIMS.UPDATE", d.account(b, nil)); got.Error == nil || got.Error.Code != 500 {
			t.Errorf("memory %t: %+v", memory, got.Data)
		}
		if info := accountz(t, s, a.Public).Account; info.Jwt != text {
			t.Errorf("memory %t: the claims are others", memory)
		}
	}
}
