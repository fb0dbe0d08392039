//lint:file-ignore SA1019 claims with the older "to" are still around

package operator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// market is a server with an account that exports and one that imports, both
// connected.
type market struct {
	*domain
	server             *godwit.Server
	admin              *nats.Conn
	exporter, importer kit.Signer
}

func newMarket(t *testing.T) *market {
	t.Helper()
	d := newDomain(t)
	m := &market{domain: d, server: d.directory(), exporter: newAccount(t), importer: newAccount(t)}
	m.admin = connect(t, m.server, d.user(d.system, nil))
	return m
}

func (m *market) exports(list ...*jwt.Export) {
	m.t.Helper()
	push(m.t, m.admin, m.account(m.exporter, func(c *jwt.AccountClaims) { c.Exports.Add(list...) }))
}

func (m *market) imports(list ...*jwt.Import) {
	m.t.Helper()
	for _, i := range list {
		i.Account = m.exporter.Public
	}
	push(m.t, m.admin, m.account(m.importer, func(c *jwt.AccountClaims) { c.Imports.Add(list...) }))
}

// token activates an import for the importer.
func (m *market) token(by kit.Signer, kind jwt.ExportType, subject string, change func(*jwt.ActivationClaims)) string {
	m.t.Helper()
	c := jwt.NewActivationClaims(m.importer.Public)
	c.ImportSubject, c.ImportType = jwt.Subject(subject), kind
	if change != nil {
		change(c)
	}
	return kit.Must[string](m.t)(c.Encode(by))
}

// inForce reports which imports of the importer are, by local subject.
func (m *market) inForce() map[string]bool {
	m.t.Helper()
	shown := make(map[string]bool)
	for _, i := range accountz(m.t, m.server, m.importer.Public).Account.Imports {
		if i.Account == m.exporter.Public {
			shown[i.LocalSubject] = !i.Invalid
		}
	}
	return shown
}

// Go: TestJWTAccountBasicImportExport server/jwt_test.go:727
func TestImportsNeedWhatExportsAskFor(t *testing.T) {
	m := newMarket(t)
	private := func(subject string, kind jwt.ExportType) *jwt.Export {
		return &jwt.Export{Subject: jwt.Subject(subject), Type: kind, TokenReq: true}
	}
	m.exports(&jwt.Export{Subject: "foo", Type: jwt.Stream}, private("private", jwt.Stream), private("req.echo", jwt.Service), private("req.add", jwt.Service))
	m.imports(&jwt.Import{Subject: "foo", To: "import.foo", Type: jwt.Stream}, &jwt.Import{Subject: "req.echo", Type: jwt.Service})
	connect(t, m.server, m.user(m.importer, nil))
	exports := accountz(t, m.server, m.exporter.Public).Account.Exports
	if len(exports) != 4 || exports[0].Type != "service" || !exports[0].TokenReq || exports[2].Subject != "foo" || exports[2].TokenReq {
		t.Errorf("exports %+v", exports)
	}
	if got := m.inForce(); !got["import.foo.foo"] || got["req.echo"] {
		t.Errorf("without a token: %v", got)
	}
	// What is no token at all makes the claims unusable.
	bad := m.account(m.importer, func(c *jwt.AccountClaims) {
		c.Imports.Add(&jwt.Import{Account: m.exporter.Public, Subject: "req.echo", Type: jwt.Service, Token: "not a token"})
	})
	if got := ask(t, m.admin, "$SYS.REQ.CLAIMS.UPDATE", bad); got.Error == nil {
		t.Errorf("no token at all: %+v", got.Data)
	}
	if got := m.inForce(); got["req.echo"] {
		t.Errorf("after what is no token: %v", got)
	}
	m.imports(&jwt.Import{Subject: "req.echo", Type: jwt.Service, Token: m.token(m.exporter, jwt.Service, "req.echo", nil)},
		&jwt.Import{Subject: "private", To: "import.private", Type: jwt.Stream})
	if got := m.inForce(); !got["req.echo"] || got["import.private.private"] {
		t.Errorf("the service with a token: %v", got)
	}
	m.imports(&jwt.Import{Subject: "private", To: "import.private", Type: jwt.Stream, Token: m.token(m.exporter, jwt.Stream, "private", nil)})
	if got := m.inForce(); !got["import.private.private"] || len(got) != 1 {
		t.Errorf("the stream with a token: %v", got)
	}
}

// Go: TestJWTAccountExportWithResponseType server/jwt_test.go:891
func TestResponseTypesOfExports(t *testing.T) {
	m := newMarket(t)
	m.exports(
		&jwt.Export{Subject: "test.stream", Type: jwt.Service, ResponseType: jwt.ResponseTypeStream},
		&jwt.Export{Subject: "test.chunk", Type: jwt.Service, ResponseType: jwt.ResponseTypeChunked},
		&jwt.Export{Subject: "test.single", Type: jwt.Service, ResponseType: jwt.ResponseTypeSingleton, TokenReq: true},
		&jwt.Export{Subject: "test.def", Type: jwt.Service, TokenReq: true},
		&jwt.Export{Subject: "test.old", Type: jwt.Service})
	connect(t, m.server, m.user(m.exporter, nil))
	want := map[string]string{
		"test.stream": "Streamed false", "test.chunk": "Chunked false", "test.single": "Singleton true",
		"test.def": "Singleton true", "test.old": "Singleton false",
	}
	exports := accountz(t, m.server, m.exporter.Public).Account.Exports
	for _, e := range exports {
		if got := fmt.Sprint(e.ResponseType, " ", e.TokenReq); got != want[e.Subject] || len(e.ApprovedAccounts) != 0 {
			t.Errorf("%s: %s, for %v", e.Subject, got, e.ApprovedAccounts)
		}
	}
	if len(exports) != len(want) {
		t.Errorf("%d exports", len(exports))
	}
}

// Go: TestJWTAccountImportExportUpdates server/jwt_test.go:1001
func TestSubscriptionsFollowImportsAndExports(t *testing.T) {
	m := newMarket(t)
	export := &jwt.Export{Subject: "foo", Type: jwt.Stream}
	imported := func() *jwt.Import { return &jwt.Import{Subject: "foo", To: "import", Type: jwt.Stream} }
	m.exports(export)
	m.imports(imported())
	from, to := connect(t, m.server, m.user(m.exporter, nil)), connect(t, m.server, m.user(m.importer, nil))
	sub := kit.Subscribe(t, to, "import.foo")
	expect := func(what string, delivered bool) {
		t.Helper()
		publish(t, from, "foo", what)
		if delivered {
			receives(t, sub, what)
		} else {
			silent(t, to, sub)
		}
	}
	expect("at first", true)
	m.imports()
	expect("without the import", false)
	m.imports(imported())
	expect("with the import again", true)
	m.exports()
	expect("without the export", false)
	m.exports(&jwt.Export{Subject: "foo", Type: jwt.Stream, TokenReq: true})
	expect("with an export that asks for a token", false)
	m.exports(export)
	expect("at last", true)
}

// Go: TestJWTAccountServiceImportAuthSwitch server/jwt_test.go:1421
func TestServicesFollowExports(t *testing.T) {
	m := newMarket(t)
	m.exports(&jwt.Export{Subject: "usage.*", Type: jwt.Service})
	m.imports(&jwt.Import{Subject: "usage", To: "usage.DEREK", Type: jwt.Service})
	to, from := connect(t, m.server, m.user(m.exporter, nil)), connect(t, m.server, m.user(m.importer, nil))
	sub := kit.Subscribe(t, to, "usage.*")
	publish(t, from, "usage", "public")
	if got := kit.Must[*nats.Msg](t)(sub.NextMsg(kit.Patience)); got.Subject != "usage.DEREK" || string(got.Data) != "public" {
		t.Errorf("got %q on %s", got.Data, got.Subject)
	}
	m.exports(&jwt.Export{Subject: "usage.*", Type: jwt.Service, TokenReq: true})
	publish(t, from, "usage", "private")
	silent(t, to, sub)
	m.exports(&jwt.Export{Subject: "usage.*", Type: jwt.Service})
	publish(t, from, "usage", "public again")
	receives(t, sub, "public again")
}

// Go: TestJWTAccountImportActivationExpires server/jwt_test.go:1102
// Go: TestJWTAccountServiceImportExpires server/jwt_test.go:1508
func TestActivationsExpire(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.exports(&jwt.Export{Subject: "news", Type: jwt.Stream, TokenReq: true}, &jwt.Export{Subject: "help", Type: jwt.Service, TokenReq: true})
	expires := time.Now().Unix() + 3
	limited := func(c *jwt.ActivationClaims) { c.Expires = expires }
	m.imports(&jwt.Import{Subject: "news", To: "import", Type: jwt.Stream, Token: m.token(m.exporter, jwt.Stream, "news", limited)},
		&jwt.Import{Subject: "help", Type: jwt.Service, Token: m.token(m.exporter, jwt.Service, "help", limited)})
	exporter, importer := connect(t, m.server, m.user(m.exporter, nil)), connect(t, m.server, m.user(m.importer, nil))
	sub := kit.Subscribe(t, importer, "import.news")
	kit.Serve(t, exporter, "help", "here")
	publish(t, exporter, "news", "in time")
	receives(t, sub, "in time")
	kit.Must[*nats.Msg](t)(importer.Request("help", nil, kit.Patience))
	kit.Eventually(t, "the end of the activations", func() bool {
		got := m.inForce()
		return !got["import.news"] && !got["help"]
	})
	if time.Now().Unix() < expires {
		t.Error("they ended too early")
	}
	publish(t, exporter, "news", "too late")
	silent(t, importer, sub)
	if _, err := importer.Request("help", nil, kit.Patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("asked: %v", err)
	}
}

// Go: TestJWTAccountImportSignerRemoved server/jwt_test.go:2436
// Go: TestJWTAccountImportSignerDeadlock server/jwt_test.go:2568
func TestActivationsEndWithTheirSigner(t *testing.T) {
	m := newMarket(t)
	key := newAccount(t)
	export := func(keys ...string) {
		t.Helper()
		push(t, m.admin, m.account(m.exporter, func(c *jwt.AccountClaims) {
			c.SigningKeys.Add(keys...)
			c.Exports.Add(&jwt.Export{Subject: "help", Type: jwt.Service, TokenReq: true}, &jwt.Export{Subject: "news", Type: jwt.Stream, TokenReq: true})
		}))
	}
	of := func(c *jwt.ActivationClaims) { c.IssuerAccount = m.exporter.Public }
	export(key.Public)
	m.imports(&jwt.Import{Subject: "help", Type: jwt.Service, Token: m.token(key, jwt.Service, "help", of)},
		&jwt.Import{Subject: "news", Type: jwt.Stream, Token: m.token(key, jwt.Stream, "news", of)})
	exporter := connect(t, m.server, m.user(m.exporter, nil))
	stop, stopped := make(chan bool), make(chan bool)
	go func() { // somebody looks at the exporter all the time
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				m.server.Accountz(&godwit.AccountzOptions{Account: m.exporter.Public})
			}
		}
	}()
	importer := connect(t, m.server, m.user(m.importer, nil))
	close(stop)
	<-stopped
	sub := kit.Subscribe(t, importer, "news")
	kit.Serve(t, exporter, "help", "here")
	kit.Must[*nats.Msg](t)(importer.Request("help", nil, kit.Patience))
	publish(t, exporter, "news", "signed")
	receives(t, sub, "signed")
	export()
	if _, err := importer.Request("help", nil, kit.Patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("asked: %v", err)
	}
	publish(t, exporter, "news", "no longer signed")
	silent(t, importer, sub)
}

// Go: TestJWTAccountImportWrongIssuerAccount server/jwt_test.go:2656
// Go: TestJWTAccountTokenImportMisuse server/jwt_test.go:5397
func TestTokensForSomethingElse(t *testing.T) {
	for name, c := range map[string]func(m *market) string{
		"another account": func(m *market) string {
			return m.token(m.exporter, jwt.Stream, "ev.*.in.*.>", func(c *jwt.ActivationClaims) { c.Subject = newAccount(t).Public })
		},
		"another subject":        func(m *market) string { return m.token(m.exporter, jwt.Stream, "foo", nil) },
		"a subject not exported": func(m *market) string { return m.token(m.exporter, jwt.Stream, "does-not-exist", nil) },
		"another exporter": func(m *market) string {
			return m.token(newAccount(t), jwt.Stream, "ev.*.in.*.>", func(c *jwt.ActivationClaims) { c.IssuerAccount = m.importer.Public })
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDomain(t)
			m := &market{domain: d, exporter: newAccount(t), importer: newAccount(t)}
			exporting := d.account(m.exporter, func(claims *jwt.AccountClaims) {
				claims.Exports.Add(&jwt.Export{Subject: "ev.*.in.*.>", Type: jwt.Stream, TokenReq: true}, &jwt.Export{Subject: "foo", Type: jwt.Stream, TokenReq: true})
			})
			importing := d.account(m.importer, func(claims *jwt.AccountClaims) {
				claims.Imports.Add(&jwt.Import{Account: m.exporter.Public, Subject: "ev.*.in.*.>", Type: jwt.Stream, Token: c(m)})
			})
			web := newAccountServer(t)
			web.set(m.exporter.Public, exporting)
			web.set(m.importer.Public, importing)
			fetching := start(t, "listen: 127.0.0.1:-1\noperator: "+d.text()+"\nresolver: URL(\""+web.URL+"\")")
			refused(t, fetching, d.user(m.importer, nil))
			connect(t, fetching, d.user(m.exporter, nil))

			keeping := d.directory()
			admin := connect(t, keeping, d.user(d.system, nil))
			push(t, admin, exporting)
			if got := ask(t, admin, "$SYS.REQ.CLAIMS.UPDATE", importing); got.Error == nil || !strings.Contains(got.Error.Description, "jwt validation failed") {
				t.Errorf("sent in: %+v, %+v", got.Data, got.Error)
			}
		})
	}
}

// Go: TestJWTImportTokenRevokedAfter server/jwt_test.go:2824
// Go: TestJWTImportTokenRevokedBefore server/jwt_test.go:2895
// Go: TestJWTActivationRevocation server/jwt_test.go:4812
func TestActivationsAreRevoked(t *testing.T) {
	for _, who := range []string{"the importer", jwt.All} {
		t.Run(who, func(t *testing.T) {
			m := newMarket(t)
			if who != jwt.All {
				who = m.importer.Public
			}
			export := &jwt.Export{Subject: "foo", Type: jwt.Stream, TokenReq: true}
			token := m.token(m.exporter, jwt.Stream, "foo", nil)
			export.RevokeAt(who, time.Now())
			m.exports(export)
			m.imports(&jwt.Import{Subject: "foo", Type: jwt.Stream, Token: token})
			exporter, importer := connect(t, m.server, m.user(m.exporter, nil)), connect(t, m.server, m.user(m.importer, nil))
			sub := kit.Subscribe(t, importer, "foo")
			expect := func(what string, delivered bool) {
				t.Helper()
				publish(t, exporter, "foo", what)
				if delivered {
					receives(t, sub, what)
				} else {
					silent(t, importer, sub)
				}
				if m.inForce()["foo"] != delivered {
					t.Errorf("%s: monitoring says otherwise", what)
				}
			}
			expect("revoked before", false)
			export.ClearRevocation(who)
			m.exports(export)
			expect("no longer revoked", true)
			export.RevokeAt(who, time.Now())
			m.exports(export)
			expect("revoked after", false)
		})
	}
}

// Go: TestJWTCircularAccountServiceImport server/jwt_test.go:2961
func TestImportsInACircleDoNoHarm(t *testing.T) {
	for name, private := range map[string]bool{"private": true, "public": false} {
		t.Run(name, func(t *testing.T) {
			d := newDomain(t)
			a, b := newAccount(t), newAccount(t)
			for _, pair := range [][2]kit.Signer{{a, b}, {b, a}} {
				d.account(pair[0], func(c *jwt.AccountClaims) {
					c.Exports.Add(&jwt.Export{Subject: "x", Type: jwt.Service, TokenReq: private})
					c.Imports.Add(&jwt.Import{Account: pair[1].Public, Subject: "x", Type: jwt.Service})
				})
			}
			s := d.run("")
			one, two := connect(t, s, d.user(a, nil)), connect(t, s, d.user(b, nil))
			sub := kit.Subscribe(t, one, "x")
			publish(t, one, "x", "own")
			receives(t, sub, "own")
			kit.OK(t, two.Flush())
			silent(t, one, sub)
		})
	}
}

// Go: TestJWTAccountImportsWithWildcardSupport server/jwt_test.go:5250
func TestImportsWithWildcards(t *testing.T) {
	const in, out = "$request.*.$in.*.>", "$events.*.$in.*.>"
	for name, c := range map[string]struct {
		service, stream           jwt.Import
		ask, asked, publish, sees string
	}{
		"to": {
			jwt.Import{Subject: "my.request.*.*.>", To: in}, jwt.Import{Subject: out, To: "prefix"},
			"my.request.1.2.bar", "$request.1.$in.2.bar", "$events.1.$in.2.bar", "prefix.$events.1.$in.2.bar",
		},
		"local subject": {
			jwt.Import{Subject: in, LocalSubject: "my.request.*.*.>"}, jwt.Import{Subject: out, LocalSubject: "my.events.*.*.>"},
			"my.request.1.2.bar", "$request.1.$in.2.bar", "$events.1.$in.2.bar", "my.events.1.2.bar",
		},
		"reordered": {
			jwt.Import{Subject: in, LocalSubject: "my.request.$2.$1.>"}, jwt.Import{Subject: out, LocalSubject: "my.events.$2.$1.>"},
			"my.request.1.2.bar", "$request.2.$in.1.bar", "$events.1.$in.2.bar", "my.events.2.1.bar",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t)
			m.exports(&jwt.Export{Subject: in, Type: jwt.Service}, &jwt.Export{Subject: out, Type: jwt.Stream})
			c.service.Type, c.stream.Type = jwt.Service, jwt.Stream
			m.imports(&c.service, &c.stream)
			exporter, importer := connect(t, m.server, m.user(m.exporter, nil)), connect(t, m.server, m.user(m.importer, nil))
			kit.Serve(t, exporter, c.asked, "yes")
			if got := kit.Must[*nats.Msg](t)(importer.Request(c.ask, nil, kit.Patience)); string(got.Data) != "yes" {
				t.Errorf("answer %q", got.Data)
			}
			sub := kit.Subscribe(t, importer, c.sees)
			publish(t, exporter, c.publish, "event")
			receives(t, sub, "event")
		})
	}
}

// Go: TestJWTAccountProtectedImport server/jwt_test.go:6248
func TestExportsForTheAccountInTheSubject(t *testing.T) {
	m := newMarket(t)
	protected := func(position uint) {
		t.Helper()
		m.exports(&jwt.Export{Subject: "service.*", Type: jwt.Service, AccountTokenPosition: position},
			&jwt.Export{Subject: "stream.*", Type: jwt.Stream, AccountTokenPosition: position})
	}
	protected(2)
	exporter, importer := connect(t, m.server, m.user(m.exporter, nil)), func() *nats.Conn { return connect(t, m.server, m.user(m.importer, nil)) }
	kit.Serve(t, exporter, "service.*", "world")
	own := m.importer.Public
	m.imports(&jwt.Import{Subject: jwt.Subject("service." + own), Type: jwt.Service}, &jwt.Import{Subject: jwt.Subject("stream." + own), Type: jwt.Stream})
	nc := importer()
	kit.Must[*nats.Msg](t)(nc.Request("service."+own, nil, kit.Patience))
	sub := kit.Subscribe(t, nc, "stream."+own)
	publish(t, exporter, "stream.foo", "not for us")
	publish(t, exporter, "stream."+own, "hello")
	receives(t, sub, "hello")
	silent(t, nc, sub)

	m.imports(&jwt.Import{Subject: "service.foo", Type: jwt.Service}, &jwt.Import{Subject: "stream.foo", Type: jwt.Stream})
	sub = kit.Subscribe(t, nc, "stream.foo")
	expect := func(works bool) {
		t.Helper()
		_, err := nc.Request("service.foo", nil, kit.Patience)
		if works != (err == nil) || err != nil && !errors.Is(err, nats.ErrNoResponders) {
			t.Errorf("asked: %v", err)
		}
		publish(t, exporter, "stream.foo", "hello")
		if works {
			receives(t, sub, "hello")
		} else {
			silent(t, nc, sub)
		}
	}
	expect(false)
	protected(0)
	expect(true)
	protected(2)
	expect(false)
}

// Go: TestJWTResponseThreshold server/jwt_test.go:5523
func TestServicesHaveLimitedTimeToAnswer(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	const threshold = 300 * time.Millisecond
	m.exports(&jwt.Export{Subject: "slow", Type: jwt.Service, ResponseThreshold: threshold})
	m.imports(&jwt.Import{Subject: "slow", Type: jwt.Service})
	exporter, importer := connect(t, m.server, m.user(m.exporter, nil)), connect(t, m.server, m.user(m.importer, nil))
	service := kit.Subscribe(t, exporter, "slow")
	inbox := importer.NewRespInbox()
	answers := kit.Subscribe(t, importer, inbox)
	kit.OK(t, importer.PublishRequest("slow", inbox, nil))
	kit.OK(t, kit.Must[*nats.Msg](t)(service.NextMsg(kit.Patience)).Respond([]byte("in time")))
	receives(t, answers, "in time")
	kit.OK(t, importer.PublishRequest("slow", inbox, nil))
	question := kit.Must[*nats.Msg](t)(service.NextMsg(kit.Patience))
	kit.Eventually(t, "the end of kit.Patience", func() bool {
		return len(accountz(t, m.server, m.exporter.Public).Account.Responses) == 0
	})
	kit.OK(t, question.Respond([]byte("too late")))
	kit.OK(t, exporter.Flush())
	silent(t, importer, answers)
}

// Go: TestJWTHeader server/jwt_test.go:5143
func TestLatencyIsMeasuredIfHeadersAskForIt(t *testing.T) {
	for _, share := range []bool{true, false} {
		m := newMarket(t)
		m.exports(&jwt.Export{Name: "test", Subject: "srvc", Type: jwt.Service, Latency: &jwt.ServiceLatency{Sampling: jwt.Headers, Results: "res"}})
		m.imports(&jwt.Import{Name: "test", Subject: "srvc", Type: jwt.Service, Share: share})
		exporter, importer := connect(t, m.server, m.user(m.exporter, nil)), connect(t, m.server, m.user(m.importer, nil))
		results := kit.Subscribe(t, exporter, "res")
		kit.Serve(t, exporter, "srvc", "")
		kit.Must[*nats.Msg](t)(importer.Request("srvc", []byte("1"), kit.Patience))
		kit.Must[*nats.Msg](t)(importer.RequestMsg(&nats.Msg{Subject: "srvc", Data: []byte("2"), Header: nats.Header{"X-B3-Sampled": {"1"}, "Share": {"Me"}}}, kit.Patience))
		var measured struct {
			Requestor map[string]any
			Header    map[string][]string
		}
		kit.OK(t, json.Unmarshal(kit.Must[*nats.Msg](t)(results.NextMsg(kit.Patience)).Data, &measured))
		for field, always := range map[string]bool{"acc": true, "rtt": true, "lang": false, "ver": false, "host": false, "start": false} {
			if _, ok := measured.Requestor[field]; ok != (always || share) {
				t.Errorf("share %t: field %s is there: %t", share, field, ok)
			}
		}
		silent(t, exporter, results)
	}
}

// Go: TestJWTMappings server/jwt_test.go:6505
func TestMappingsFollowClaims(t *testing.T) {
	m := newMarket(t)
	mapped := func(from, to string) {
		t.Helper()
		push(t, m.admin, m.account(m.importer, func(c *jwt.AccountClaims) {
			if from != "" {
				c.AddMapping(jwt.Subject(from), jwt.WeightedMapping{Subject: jwt.Subject(to)})
			}
		}))
	}
	expect := func(nc *nats.Conn, from, to string, delivered bool) {
		t.Helper()
		sub := kit.Subscribe(t, nc, to)
		publish(t, nc, from, "x")
		if delivered {
			receives(t, sub, "x")
		} else {
			silent(t, nc, sub)
		}
		kit.OK(t, sub.Unsubscribe())
	}
	mapped("foo1", "bar1")
	nc := connect(t, m.server, m.user(m.importer, nil))
	expect(nc, "foo1", "bar1", true)
	mapped("foo2", "bar2")
	expect(nc, "foo1", "bar1", false)
	expect(nc, "foo2", "bar2", true)
	if got := ask(t, m.admin, "$SYS.REQ.CLAIMS.UPDATE", m.account(m.importer, func(c *jwt.AccountClaims) {
		c.AddMapping("foo3", jwt.WeightedMapping{Subject: "bar.{{wildcard(3)}}"})
	})); got.Error == nil || !strings.Contains(got.Error.Description, "wildcard index out of range") {
		t.Errorf("a mapping that cannot be: %+v", got.Error)
	}
	expect(nc, "foo2", "bar2", true)
	mapped("", "")
	expect(nc, "foo2", "bar2", false)
}

// Go: TestJWTUpdateAccountClaimsStreamAndServiceImportDeadlock server/jwt_test.go:7460
func TestManyUpdatesAtOnce(t *testing.T) {
	for _, kind := range []jwt.ExportType{jwt.Stream, jwt.Service} {
		d := newDomain(t)
		s := d.directory()
		const accounts, rounds = 6, 4
		var all []kit.Signer
		var admins []*nats.Conn
		admin := connect(t, s, d.user(d.system, nil))
		for range accounts {
			all = append(all, newAccount(t))
			push(t, admin, d.account(all[len(all)-1], nil))
			admins = append(admins, connect(t, s, d.user(d.system, nil)))
			connect(t, s, d.user(all[len(all)-1], nil))
		}
		for round := 1; round <= rounds; round++ {
			var group sync.WaitGroup
			for i, a := range all {
				text := d.account(a, func(c *jwt.AccountClaims) {
					for n := range round {
						c.Exports.Add(&jwt.Export{Subject: jwt.Subject(fmt.Sprintf("%s.%d", a.Public, n)), Type: kind})
						for _, other := range all {
							if other != a {
								c.Imports.Add(&jwt.Import{Account: other.Public, Subject: jwt.Subject(fmt.Sprintf("%s.%d", other.Public, n)), Type: kind})
							}
						}
					}
				})
				group.Go(func() {
					m, err := admins[i].Request("$SYS.REQ.CLAIMS.UPDATE", []byte(text), kit.Patience)
					if err != nil || !strings.Contains(string(m.Data), "jwt updated") {
						t.Errorf("%v, %+v", err, m)
					}
				})
			}
			group.Wait()
		}
		for _, a := range all {
			imports := accountz(t, s, a.Public).Account.Imports
			working := 0
			for _, i := range imports {
				if !i.Invalid && i.Type == kind.String() && i.Account != d.system.Public {
					working++
				}
			}
			if working != rounds*(accounts-1) {
				t.Errorf("%s: %d imports work", kind, working)
			}
		}
	}
}
