package operator_test

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// Go: TestJWTAccountURLResolver server/jwt_test.go:1632
// Go: TestSystemAccountFromConfig server/events_test.go:1142
func TestAccountsComeFromAWebServer(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			d := newDomain(t)
			a := newAccount(t)
			web := newAccountServer(t)
			address, more := web.URL, ""
			if secure {
				https := httptest.NewTLSServer(http.HandlerFunc(web.answer))
				t.Cleanup(https.Close)
				ca := filepath.Join(t.TempDir(), "ca.pem")
				kit.OK(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: https.Certificate().Raw}), 0o600))
				address, more = https.URL, "resolver_tls { ca_file: '"+ca+"' }"
			}
			web.set(a.Public, d.account(a, nil))
			web.set(d.system.Public, d.accounts[d.system.Public])
			s := start(t, fmt.Sprintf("listen: 127.0.0.1:-1\ntrusted: %s\nsystem_account: %s\nresolver: URL(\"%s/ngs/v1/accounts/jwt/\")\n%s",
				d.operator.Public, d.system.Public, address, more))
			if who := whoami(t, connect(t, s, d.user(a, nil))); who.Account != a.Public {
				t.Errorf("the user is %+v", who)
			}
			if z := accountz(t, s, d.system.Public); z.SystemAccount != d.system.Public || !z.Account.IsSystem {
				t.Errorf("the system account: %+v", z)
			}
		})
	}
}

// Go: TestJWTAccountURLResolverTimeout server/jwt_test.go:1700
func TestAWebServerThatIsSlow(t *testing.T) {
	t.Parallel()
	d := newDomain(t)
	a := newAccount(t)
	text := d.account(a, nil)
	asked := make(chan bool, 1)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			return
		}
		asked <- true
		<-r.Context().Done() // until the server does not wait any more
		w.Write([]byte(text))
	}))
	defer web.Close()
	s := start(t, "listen: 127.0.0.1:-1\noperator: "+d.text()+"\nresolver: URL(\""+web.URL+"\")\nauthorization { timeout: 10 }")
	refused(t, s, d.user(a, nil), nats.Timeout(kit.Patience))
	kit.Await(t, "a question", asked)
}

// Go: TestJWTAccountURLResolverNoFetchOnReload server/jwt_test.go:1743
func TestAReloadAsksForNoAccounts(t *testing.T) {
	d := newDomain(t)
	a := newAccount(t)
	web := newAccountServer(t)
	web.set(a.Public, d.account(a, nil))
	config := "listen: 127.0.0.1:-1\noperator: " + d.text() + "\nresolver: URL(\"" + web.URL + "/ngs/v1/accounts/jwt/\")\n"
	s := startFile(t, config)
	nc := connect(t, s.Server, d.user(a, nil))
	if key := kit.Await(t, "a question", web.asked); key != a.Public {
		t.Errorf("asked for %s", key)
	}
	kit.OK(t, s.reload(config+"max_payload: 1000\n"))
	kit.OK(t, nc.Flush())
	if n := len(web.asked); n != 0 {
		t.Errorf("asked %d times more", n)
	}
	web.Close()
	another := kit.Must[*godwit.Options](t)(godwit.ProcessConfigString(config))
	another.NoLog = true
	server := kit.Must[*godwit.Server](t)(godwit.NewServer(another))
	defer server.Shutdown()
	if err := server.Start(); err == nil || !strings.Contains(err.Error(), "could not fetch") {
		t.Errorf("started without the web server: %v", err)
	}
}

// Go: TestJWTAccountURLResolverFetchFailureInServer1 server/jwt_test.go:1807
// Go: TestJWTAccountURLResolverFetchFailurePushReorder server/jwt_test.go:1896
// Go: TestJWTAccountURLResolverPermanentFetchFailure server/jwt_test.go:2009
func TestImportsFromAccountsThatComeLater(t *testing.T) {
	d := newDomain(t)
	e, i := newAccount(t), newAccount(t)
	imports := func(from kit.Signer) func(*jwt.AccountClaims) {
		return func(c *jwt.AccountClaims) {
			c.Imports.Add(&jwt.Import{Account: from.Public, Subject: "test", Type: jwt.Stream})
		}
	}
	exports := func(c *jwt.AccountClaims) { c.Exports.Add(&jwt.Export{Subject: "test", Type: jwt.Stream}) }
	web := newAccountServer(t)
	web.set(d.system.Public, d.accounts[d.system.Public])
	open := func() *godwit.Server {
		return start(t, "listen: 127.0.0.1:-1\noperator: "+d.text()+"\nresolver: URL(\""+web.URL+"/A/\")\nsystem_account: "+d.system.Public)
	}
	flows := func(from *nats.Conn, sub *kit.Inbox) {
		t.Helper()
		publish(t, from, "test", "flows")
		receives(t, sub, "flows")
	}
	t.Run("not to be had at first", func(t *testing.T) {
		web.set(i.Public, d.account(i, imports(e)))
		s := open()
		sub := kit.Subscribe(t, connect(t, s, d.user(i, nil)), "test")
		web.set(e.Public, d.account(e, exports))
		flows(connect(t, s, d.user(e, nil)), sub)
	})
	t.Run("without the export at first", func(t *testing.T) {
		web.set(e.Public, d.account(e, nil))
		s := open()
		sub := kit.Subscribe(t, connect(t, s, d.user(i, nil)), "test")
		from, admin := connect(t, s, d.user(e, nil)), connect(t, s, d.user(d.system, nil))
		publish(t, from, "test", "too early")
		push(t, admin, d.account(e, exports))
		flows(from, sub)
	})
	t.Run("never", func(t *testing.T) {
		web.set(e.Public, d.account(e, imports(i)))
		for len(web.asked) > 0 {
			<-web.asked
		}
		s := open()
		one, other := connect(t, s, d.user(i, nil)), connect(t, s, d.user(e, nil))
		admin := connect(t, s, d.user(d.system, nil))
		for range 2 {
			for _, key := range []kit.Signer{e, i} {
				push(t, admin, d.account(key, imports(map[kit.Signer]kit.Signer{e: i, i: e}[key])))
				invalid := 0
				for _, x := range accountz(t, s, key.Public).Account.Imports {
					if x.Invalid {
						invalid++
					}
				}
				if info := accountz(t, s, key.Public).Account; invalid != 1 || info.Complete {
					t.Errorf("%d imports are invalid, complete %t", invalid, info.Complete)
				}
			}
		}
		kit.OK(t, one.Flush())
		kit.OK(t, other.Flush())
		if n := len(web.asked); n != 3 { // the system account and both of these, once
			t.Errorf("the web server was asked %d times", n)
		}
	})
}

// Go: TestJWTAccountURLResolverReturnDifferentOperator server/jwt_test.go:2282
func TestAWebServerWithAccountsOfAnotherOperator(t *testing.T) {
	d, foreign := newDomain(t), newDomain(t)
	a := newAccount(t)
	web := newAccountServer(t)
	web.set(a.Public, foreign.account(a, nil))
	s := start(t, "listen: 127.0.0.1:-1\noperator: "+d.text()+"\nresolver: URL(\""+web.URL+"/A/\")")
	refused(t, s, d.user(a, nil))
	if _, err := s.Accountz(&godwit.AccountzOptions{Account: a.Public}); err == nil {
		t.Error("the account is known")
	}
}

// Go: TestJWTAccountFetchTimeout server/jwt_test.go:4941
func TestAccountsThatNobodyKnows(t *testing.T) {
	for _, kind := range []string{"full", "cache"} {
		t.Run(kind, func(t *testing.T) {
			d := newDomain(t)
			s := start(t, fmt.Sprintf("listen: 127.0.0.1:-1\noperator: %s\nsystem_account: %s\nresolver: { type: %s, timeout: \"100ms\", dir: '%s' }\n"+
				"resolver_preload { %s: %s }", d.text(), d.system.Public, kind, t.TempDir(), d.system.Public, d.accounts[d.system.Public]))
			started := time.Now()
			refused(t, s, d.user(newAccount(t), nil))
			if took := time.Since(started); took > time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// Go: TestJWTAccountOps server/jwt_test.go:4997
// Go: TestJWTClaimsUpdateWithHeaders server/jwt_test.go:6429
func TestAccountsAreListedAndDeleted(t *testing.T) {
	for _, kind := range []string{"type: full, allow_delete: true", "type: cache"} {
		t.Run(kind, func(t *testing.T) {
			d := newDomain(t)
			key := newOperatorKey(t)
			d.claims = func(c *jwt.OperatorClaims) { c.SigningKeys.Add(key.Public) }
			s := start(t, fmt.Sprintf("listen: 127.0.0.1:-1\noperator: %s\nsystem_account: %s\nresolver: { %s, dir: '%s' }\nresolver_preload { %s: %s }",
				d.text(), d.system.Public, kind, t.TempDir(), d.system.Public, d.accountBy(key, d.system, nil)))
			admin := connect(t, s, d.user(d.system, nil))
			a := newAccount(t)
			text := d.accountBy(key, a, nil)
			kit.Must[*nats.Subscription](t)(admin.Subscribe("$SYS.REQ.ACCOUNT."+a.Public+".CLAIMS.LOOKUP", func(m *nats.Msg) { m.Respond([]byte(text)) }))
			kit.OK(t, admin.Flush())
			if got := ask(t, admin, "$SYS.REQ.CLAIMS.UPDATE", text); got.Data == nil {
				t.Fatalf("update: %+v", got.Error)
			}
			told := watch(connect(t, s, d.user(a, nil)))
			list := func() string {
				t.Helper()
				return string(kit.Must[*nats.Msg](t)(admin.Request("$SYS.REQ.CLAIMS.LIST", nil, kit.Patience)).Data)
			}
			if got := list(); !strings.Contains(got, a.Public) || !strings.Contains(got, d.system.Public) {
				t.Errorf("listed %s", got)
			}
			remove := func(by kit.Signer, accounts ...string) string {
				t.Helper()
				c := jwt.NewGenericClaims(by.Public)
				c.Data["accounts"] = append([]string{}, accounts...)
				m := nats.NewMsg("$SYS.REQ.CLAIMS.DELETE")
				m.Data, m.Header = []byte(kit.Must[string](t)(c.Encode(by))), nats.Header{"key": {"value"}}
				return string(kit.Must[*nats.Msg](t)(admin.RequestMsg(m, kit.Patience)).Data)
			}
			if got := remove(d.operator); !strings.Contains(got, `"message":"deleted 0 accounts"`) {
				t.Errorf("deleted nothing: %s", got)
			}
			for i := range 2 { // what does not exist can be deleted, too
				if got := remove(key, a.Public); !strings.Contains(got, `"message":"deleted 1 accounts"`) {
					t.Errorf("deleted: %s", got)
				}
				if got := list(); strings.Contains(got, a.Public) || !strings.Contains(got, d.system.Public) {
					t.Errorf("listed %s", got)
				}
				if i > 0 {
					break
				}
				if err := kit.Await(t, "the end", told); !errors.Is(err, nats.ErrAccountAuthExpired) {
					t.Errorf("told %v", err)
				}
			}
			if got := remove(newOperatorKey(t), a.Public); !strings.Contains(got, "not trusted") {
				t.Errorf("deleted by a stranger: %s", got)
			}
			if got := remove(key, d.system.Public); !strings.Contains(got, "not allowed to delete system account") {
				t.Errorf("deleted the system account: %s", got)
			}
			m := nats.NewMsg("$SYS.REQ.ACCOUNT." + a.Public + ".CLAIMS.UPDATE")
			m.Data, m.Header = []byte(text), nats.Header{"key": {"value"}}
			if got := kit.Must[*nats.Msg](t)(admin.RequestMsg(m, kit.Patience)); !strings.Contains(string(got.Data), `"code":200`) {
				t.Errorf("update with headers: %s", got.Data)
			}
			connect(t, s, d.user(a, nil)) // it lives again
		})
	}
}

// Go: TestJWTNoSystemAccountButNatsResolver server/jwt_test.go:6625
func TestADirectoryNeedsTheSystemAccount(t *testing.T) {
	for _, kind := range []string{"full", "cache"} {
		_, err := prepare(t, "listen: 127.0.0.1:-1\noperator: "+newDomain(t).text()+"\nresolver: { type: "+kind+", dir: '"+t.TempDir()+"' }")
		if err == nil || !strings.Contains(err.Error(), "the system account needs to be specified in configuration or the operator jwt") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// What is in the directory is there after a restart, and a full server takes over
// what others have put into its files when it reloads.
func TestADirectoryOutlivesTheServer(t *testing.T) {
	d := newDomain(t)
	a, b, dir := newAccount(t), newAccount(t), t.TempDir()
	first := start(t, d.directoryConfig(dir))
	push(t, connect(t, first, d.user(d.system, nil)), d.account(a, nil))
	first.Shutdown()
	second := startFile(t, d.directoryConfig(dir))
	nc := connect(t, second.Server, d.user(a, nil))
	kit.OK(t, os.WriteFile(filepath.Join(dir, b.Public+".jwt"), []byte(d.account(b, nil)), 0o600))
	kit.OK(t, second.reload(d.directoryConfig(dir)))
	connect(t, second.Server, d.user(b, nil))
	kit.OK(t, nc.Flush())
}
