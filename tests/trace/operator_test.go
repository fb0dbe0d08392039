package trace_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/tests/kit"
)

// domain is a server that believes an operator, and takes claims of accounts from
// the system account.
type domain struct {
	*site
	operator kit.Signer
	system   *nats.Conn
}

func newDomain(t testing.TB) *domain {
	t.Helper()
	d := &domain{operator: kit.NewSigner(t, nkeys.PrefixByteOperator)}
	system := kit.NewSigner(t, nkeys.PrefixByteAccount)
	d.site = run(t, fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: { type: full, dir: '%s' }\nresolver_preload { %[2]s: %[4]s }",
		kit.Must[string](t)(jwt.NewOperatorClaims(d.operator.Public).Encode(d.operator)), system.Public, t.TempDir(),
		kit.Must[string](t)(jwt.NewAccountClaims(system.Public).Encode(d.operator))))
	d.system = d.connectAs(system)
	return d
}

// connectAs connects as a new user of an account.
func (d *domain) connectAs(account kit.Signer, options ...nats.Option) *nats.Conn {
	d.t.Helper()
	key := kit.NewSigner(d.t, nkeys.PrefixByteUser)
	text := kit.Must[string](d.t)(jwt.NewUserClaims(key.Public).Encode(account))
	return d.connect("", append(options, nats.UserJWT(func() (string, error) { return text, nil }, key.Sign))...)
}

// update makes the claims of an account known.
func (d *domain) update(claims *jwt.AccountClaims) {
	d.t.Helper()
	text := kit.Must[string](d.t)(claims.Encode(d.operator))
	m := kit.Must[*nats.Msg](d.t)(d.system.Request("$SYS.REQ.CLAIMS.UPDATE", []byte(text), kit.Patience))
	var answer struct {
		Data *struct {
			Code int `json:"code"`
		} `json:"data"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil || answer.Data == nil || answer.Data.Code != 200 {
		d.t.Fatalf("update: %s", m.Data)
	}
}

// TestClaimsSetTheDestination adds and removes the destination of an account, and
// changes how much is traced.
//
// Go: TestMsgTraceAccountTraceDestJWTUpdate server/msgtrace_test.go:6223
// Go: TestMsgTraceAccDestWithSamplingJWTUpdate server/msgtrace_test.go:6636
func TestClaimsSetTheDestination(t *testing.T) {
	d := newDomain(t)
	a := kit.NewSigner(t, nkeys.PrefixByteAccount)
	claims := jwt.NewAccountClaims(a.Public)
	d.update(claims)
	nc := d.connectAs(a)
	traces := kit.Subscribe(t, nc, "tr.a")
	const total = 1000
	for _, c := range []struct {
		name        string
		trace       *jwt.MsgTrace
		least, most int
	}{
		{"none", nil, 0, 0},
		{"added", &jwt.MsgTrace{Destination: "tr.a"}, total, total},
		{"a part", &jwt.MsgTrace{Destination: "tr.a", Sampling: 25}, 150, 350},
		{"all", &jwt.MsgTrace{Destination: "tr.a", Sampling: 100}, total, total},
		{"removed", nil, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			claims.Trace = c.trace
			d.update(claims)
			for range total {
				kit.OK(t, nc.PublishMsg(message("foo", "hello", traceparent, sampled)))
			}
			n := traces.Count(nc)
			if n < c.least || n > c.most {
				t.Errorf("%d of %d are traced", n, total)
			}
			for range n {
				same(t, "steps", decode(t, traces.Next().Data).story(), []string{"in acc=" + a.Public + " subj=foo"})
			}
		})
	}
}

// TestClaimsAllowTracesOfServices: the exporter decides whether what happens to a
// request is seen.
//
// Go: TestMsgTraceServiceJWTUpdate server/msgtrace_test.go:6297
func TestClaimsAllowTracesOfServices(t *testing.T) {
	d := newDomain(t)
	a, b := kit.NewSigner(t, nkeys.PrefixByteAccount), kit.NewSigner(t, nkeys.PrefixByteAccount)
	exporter, importer := jwt.NewAccountClaims(a.Public), jwt.NewAccountClaims(b.Public)
	exporter.Exports.Add(&jwt.Export{Subject: "req", Type: jwt.Service})
	importer.Imports.Add(&jwt.Import{Account: a.Public, Subject: "req", Type: jwt.Service})
	d.update(exporter)
	d.update(importer)
	serve(t, d.connectAs(a, nats.Name("service")), "req", "")
	nc := d.connectAs(b)
	traces := kit.Subscribe(t, nc, "tr.a")
	for i, allow := range []bool{false, true, false} {
		if i > 0 {
			exporter.Exports[0].AllowTrace = allow
			d.update(exporter)
		}
		reply := kit.Must[*nats.Msg](t)(nc.RequestMsg(message("req", "hello", dest, "tr.a"), kit.Patience))
		if string(reply.Data) != "hello" {
			t.Errorf("the answer is %q", reply.Data)
		}
		want := append([]string{"in acc=" + b.Public + " subj=req"}, when(allow, "eg name=service acc="+a.Public+" sub=req")...)
		tells(t, traces, nc, append(want, "si acc="+a.Public+" from=req to=req")...)
	}
}

// TestClaimsAllowTracesOfStreams: the importer decides whether its subscriptions
// are seen.
//
// Go: TestMsgTraceStreamJWTUpdate server/msgtrace_test.go:6401
func TestClaimsAllowTracesOfStreams(t *testing.T) {
	d := newDomain(t)
	a, b := kit.NewSigner(t, nkeys.PrefixByteAccount), kit.NewSigner(t, nkeys.PrefixByteAccount)
	exporter, importer := jwt.NewAccountClaims(a.Public), jwt.NewAccountClaims(b.Public)
	exporter.Exports.Add(&jwt.Export{Subject: "info", Type: jwt.Stream})
	importer.Imports.Add(&jwt.Import{Account: a.Public, Subject: "info", LocalSubject: "b.info", Type: jwt.Stream})
	d.update(exporter)
	d.update(importer)
	nc := d.connectAs(a)
	traces := kit.Subscribe(t, nc, "tr.a")
	wanted := kit.Subscribe(t, d.connectAs(b, nats.Name("reader")), "b.info")
	for i, allow := range []bool{false, true, false} {
		if i > 0 {
			importer.Imports[0].AllowTrace = allow
			d.update(importer)
		}
		kit.OK(t, nc.PublishMsg(message("info", "news", dest, "tr.a")))
		want := append([]string{"in acc=" + a.Public + " subj=info"}, when(allow, "eg name=reader acc="+b.Public+" sub=info")...)
		tells(t, traces, nc, append(want, "se acc="+b.Public+" to=b.info")...)
		same(t, "the reader", wanted.Take(nc), []string{"b.info=news"})
	}
}
