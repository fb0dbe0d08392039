package trace_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// signer is a key pair with its public key.
type signer struct {
	nkeys.KeyPair
	public string
}

func newSigner(t testing.TB, kind nkeys.PrefixByte) signer {
	t.Helper()
	pair := must[nkeys.KeyPair](t)(nkeys.CreatePair(kind))
	return signer{pair, must[string](t)(pair.PublicKey())}
}

// domain is a server that believes an operator, and takes claims of accounts from
// the system account.
type domain struct {
	*site
	operator signer
	system   *nats.Conn
}

func newDomain(t testing.TB) *domain {
	t.Helper()
	d := &domain{operator: newSigner(t, nkeys.PrefixByteOperator)}
	system := newSigner(t, nkeys.PrefixByteAccount)
	d.site = run(t, fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: { type: full, dir: '%s' }\nresolver_preload { %[2]s: %[4]s }",
		must[string](t)(jwt.NewOperatorClaims(d.operator.public).Encode(d.operator)), system.public, t.TempDir(),
		must[string](t)(jwt.NewAccountClaims(system.public).Encode(d.operator))))
	d.system = d.connectAs(system)
	return d
}

// connectAs connects as a new user of an account.
func (d *domain) connectAs(account signer, options ...nats.Option) *nats.Conn {
	d.t.Helper()
	key := newSigner(d.t, nkeys.PrefixByteUser)
	text := must[string](d.t)(jwt.NewUserClaims(key.public).Encode(account))
	return d.connect("", append(options, nats.UserJWT(func() (string, error) { return text, nil }, key.Sign))...)
}

// update makes the claims of an account known.
func (d *domain) update(claims *jwt.AccountClaims) {
	d.t.Helper()
	text := must[string](d.t)(claims.Encode(d.operator))
	m := must[*nats.Msg](d.t)(d.system.Request("$SYS.REQ.CLAIMS.UPDATE", []byte(text), patience))
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
	a := newSigner(t, nkeys.PrefixByteAccount)
	claims := jwt.NewAccountClaims(a.public)
	d.update(claims)
	nc := d.connectAs(a)
	traces := subscribe(t, nc, "tr.a")
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
				ok(t, nc.PublishMsg(message("foo", "hello", traceparent, sampled)))
			}
			n := traces.count(nc)
			if n < c.least || n > c.most {
				t.Errorf("%d of %d are traced", n, total)
			}
			for range n {
				same(t, "steps", decode(t, traces.next().Data).story(), []string{"in acc=" + a.public + " subj=foo"})
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
	a, b := newSigner(t, nkeys.PrefixByteAccount), newSigner(t, nkeys.PrefixByteAccount)
	exporter, importer := jwt.NewAccountClaims(a.public), jwt.NewAccountClaims(b.public)
	exporter.Exports.Add(&jwt.Export{Subject: "req", Type: jwt.Service})
	importer.Imports.Add(&jwt.Import{Account: a.public, Subject: "req", Type: jwt.Service})
	d.update(exporter)
	d.update(importer)
	serve(t, d.connectAs(a, nats.Name("service")), "req", "")
	nc := d.connectAs(b)
	traces := subscribe(t, nc, "tr.a")
	for i, allow := range []bool{false, true, false} {
		if i > 0 {
			exporter.Exports[0].AllowTrace = allow
			d.update(exporter)
		}
		reply := must[*nats.Msg](t)(nc.RequestMsg(message("req", "hello", dest, "tr.a"), patience))
		if string(reply.Data) != "hello" {
			t.Errorf("the answer is %q", reply.Data)
		}
		want := append([]string{"in acc=" + b.public + " subj=req"}, when(allow, "eg name=service acc="+a.public+" sub=req")...)
		traces.tells(nc, append(want, "si acc="+a.public+" from=req to=req")...)
	}
}

// TestClaimsAllowTracesOfStreams: the importer decides whether its subscriptions
// are seen.
//
// Go: TestMsgTraceStreamJWTUpdate server/msgtrace_test.go:6401
func TestClaimsAllowTracesOfStreams(t *testing.T) {
	d := newDomain(t)
	a, b := newSigner(t, nkeys.PrefixByteAccount), newSigner(t, nkeys.PrefixByteAccount)
	exporter, importer := jwt.NewAccountClaims(a.public), jwt.NewAccountClaims(b.public)
	exporter.Exports.Add(&jwt.Export{Subject: "info", Type: jwt.Stream})
	importer.Imports.Add(&jwt.Import{Account: a.public, Subject: "info", LocalSubject: "b.info", Type: jwt.Stream})
	d.update(exporter)
	d.update(importer)
	nc := d.connectAs(a)
	traces := subscribe(t, nc, "tr.a")
	wanted := subscribe(t, d.connectAs(b, nats.Name("reader")), "b.info")
	for i, allow := range []bool{false, true, false} {
		if i > 0 {
			importer.Imports[0].AllowTrace = allow
			d.update(importer)
		}
		ok(t, nc.PublishMsg(message("info", "news", dest, "tr.a")))
		want := append([]string{"in acc=" + a.public + " subj=info"}, when(allow, "eg name=reader acc="+b.public+" sub=info")...)
		traces.tells(nc, append(want, "se acc="+b.public+" to=b.info")...)
		same(t, "the reader", wanted.take(nc), []string{"b.info=news"})
	}
}
