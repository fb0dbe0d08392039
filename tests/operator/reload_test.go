package operator_test

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// Go: TestConfigReloadTrustedOperatorAndTrustedKeysUnsupported server/reload_test.go:606
func TestWhomAServerBelievesDoesNotChange(t *testing.T) {
	d := newDomain(t)
	a := newAccount(t)
	d.account(a, nil)
	rest := "\nlisten: 127.0.0.1:-1\nresolver: MEMORY\n" + d.preload()
	for _, c := range [][2]string{{"operator: " + d.text(), "TrustedOperator"}, {"trusted_keys: " + d.operator.Public, "TrustedKeys"}} {
		s := startFile(t, c[0]+rest)
		if err := s.reload(rest); err == nil || !strings.Contains(err.Error(), "not supported for "+c[1]) {
			t.Errorf("%s: reloaded with %v", c[1], err)
		}
		connect(t, s.Server, d.user(a, nil)) // still believed
	}
}

// Go: TestConfigReloadDefaultSentinel server/reload_test.go:663
func TestReloadFollowsTheSentinel(t *testing.T) {
	d := newDomain(t)
	a := newAccount(t)
	d.account(a, nil)
	keys := []kit.Signer{kit.NewSigner(t, nkeys.PrefixByteUser), kit.NewSigner(t, nkeys.PrefixByteUser)}
	config := func(key kit.Signer) string {
		return d.config("default_sentinel: " + a.User(t, key, func(c *jwt.UserClaims) { c.BearerToken = true }))
	}
	s := startFile(t, config(keys[0]))
	for i, key := range keys {
		if i > 0 {
			kit.OK(t, s.reload(config(key)))
		}
		if who := whoami(t, connect(t, s.Server)); who.User != key.Public {
			t.Errorf("sentinel %d is %s", i, who.User)
		}
	}
}

// Go: TestConfigReloadAccountResolverTLSConfig server/reload_test.go:4466
func TestReloadFollowsTLSOfTheResolver(t *testing.T) {
	d := newDomain(t)
	a, b := newAccount(t), newAccount(t)
	web := newAccountServer(t)
	web.set(a.Public, d.account(a, nil))
	web.set(b.Public, d.account(b, nil))
	https := httptest.NewUnstartedServer(http.HandlerFunc(web.answer))
	https.Config.ErrorLog = log.New(io.Discard, "", 0)
	https.StartTLS()
	defer https.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	kit.OK(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: https.Certificate().Raw}), 0o600))
	config := "listen: 127.0.0.1:-1\ntrusted_keys: " + d.operator.Public + "\nresolver: URL(\"" + https.URL + "/ngs/v1/accounts/jwt/\")\n"
	s := startFile(t, config+"resolver_tls { ca_file: '"+ca+"' }")
	nc := connect(t, s.Server, d.user(a, nil))
	kit.OK(t, s.reload(config))
	refused(t, s.Server, d.user(b, nil))
	kit.OK(t, s.reload(config+"resolver_tls { insecure: true }"))
	connect(t, s.Server, d.user(b, nil))
	kit.OK(t, nc.Flush())
}

// Go: TestJWTImportsOnServerRestartAndClientsReconnect server/jwt_test.go:7147
func TestImportsWorkAfterARestart(t *testing.T) {
	const accounts = 40
	d := newDomain(t)
	main := newAccount(t)
	var others []kit.Signer
	for range accounts {
		others = append(others, newAccount(t))
	}
	d.account(main, func(c *jwt.AccountClaims) {
		c.Exports.Add(&jwt.Export{Type: jwt.Stream, Subject: "city.>"})
		for i, a := range others {
			c.Imports.Add(&jwt.Import{Type: jwt.Stream, Account: a.Public, Subject: jwt.Subject("internal." + itoa(i))})
		}
	})
	for i, a := range others {
		d.account(a, func(c *jwt.AccountClaims) {
			c.Exports.Add(&jwt.Export{Type: jwt.Stream, Subject: "internal.*"})
			c.Imports.Add(&jwt.Import{Type: jwt.Stream, Account: main.Public, Subject: jwt.Subject("city." + itoa(i) + "-1.*")})
		})
	}
	s := d.run("")
	_, port, _ := strings.Cut(strings.TrimPrefix(s.ClientURL(), "nats://"), ":")
	back := make(chan bool, 10*accounts)
	reconnects := []nats.Option{
		nats.ReconnectWait(5 * time.Millisecond), nats.ReconnectJitter(0, 0), nats.MaxReconnects(-1), nats.ReconnectHandler(func(*nats.Conn) { back <- true }),
		kit.Quiet(),
		func(o *nats.Options) error { o.AllowReconnect = true; return nil },
	}
	publisher := connect(t, s, append(reconnects, user(t, main, func(c *jwt.UserClaims) { c.Pub.Allow.Add("city.>") }))...)
	var subs []*kit.Inbox
	for _, a := range others {
		nc := connect(t, s, append(reconnects, user(t, a, func(c *jwt.UserClaims) {
			c.Sub.Allow.Add("city.>", "internal.*")
			c.Pub.Allow.Add("internal.*")
		}))...)
		subs = append(subs, kit.Subscribe(t, nc, "city.>"))
	}
	for round := range 3 {
		if round > 0 {
			s.Shutdown()
			s = start(t, strings.Replace(d.config(""), "127.0.0.1:-1", "127.0.0.1:"+port, 1))
			for range accounts + 1 {
				kit.Await(t, "a reconnect", back)
			}
			kit.Eventually(t, "all subscriptions", func() bool {
				z := kit.Must[*godwit.Connz](t)(s.Connz(&godwit.ConnzOptions{Limit: 1000}))
				n := uint32(0)
				for _, c := range z.Conns {
					n += c.NumSubs
				}
				return n == accounts
			})
		}
		for i := range subs {
			kit.OK(t, publisher.Publish("city."+itoa(i)+"-1.x", []byte("round "+itoa(round))))
		}
		kit.OK(t, publisher.Flush())
		for _, sub := range subs {
			receives(t, sub, "round "+itoa(round))
		}
	}
}
