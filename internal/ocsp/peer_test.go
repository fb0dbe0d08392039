package ocspcheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ocsp"
	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/logging/logtest"
	"github.com/godwit-mq/godwit/internal/options"
)

// land is a CA with one below it, the responders of both, and a client of the latter.
type land struct {
	root, intermediate, client *identity
	high, low                  *responder // of root and of intermediate
	log                        *logtest.Capture
	rejected                   []*PeerRejected
	invalid                    []*LinkInvalid
}

func newLand(t testing.TB) *land {
	t.Helper()
	l := &land{log: logtest.New(t)}
	l.root = issue(t, nil, "Root", asCA)
	l.high = newResponder(t, l.root)
	l.intermediate = issue(t, l.root, "Intermediate", asCA, withResponders(l.high.URL))
	l.low = newResponder(t, l.intermediate)
	l.client = issue(t, l.intermediate, "Client", withResponders(l.low.URL))
	l.high.tell(l.intermediate, ocsp.Good)
	l.low.tell(l.client, ocsp.Good)
	return l
}

func (l *land) verifier(change func(*options.OCSPPeerConfig), cache Cache) *PeerVerifier {
	o := options.NewOCSPPeerConfig()
	o.Verify = true
	o.Timeout = 20 // for busy machines
	if change != nil {
		change(o)
	}
	return NewPeerVerifier(PeerConfig{
		Options: o, Kind: "Client", Cache: cache, Log: l.log,
		Rejected: func(r *PeerRejected) { l.rejected = append(l.rejected, r) },
		Invalid:  func(i *LinkInvalid) { l.invalid = append(l.invalid, i) },
	})
}

func state(chains ...[]*x509.Certificate) tls.ConnectionState {
	return tls.ConnectionState{VerifiedChains: chains}
}

func openCache(t testing.TB, change func(*options.OCSPResponseCacheConfig)) *LocalCache {
	t.Helper()
	o := options.NewOCSPResponseCacheConfig()
	o.LocalStore = t.TempDir()
	if change != nil {
		change(o)
	}
	return OpenLocalCache(CacheConfig{Options: o})
}

// Each case is a handshake with a server that checks its clients.
func TestPeers(t *testing.T) {
	revoke := func(r *responder, i *identity) { r.tell(i, ocsp.Revoked) }
	forget := func(r *responder) { r.set(func(r *responder) { clear(r.statuses) }) }
	down := func(r *responder) { r.set(func(r *responder) { r.code = 503 }) }
	unknownIsGood := func(o *options.OCSPPeerConfig) { o.UnknownIsGood = true }
	warnOnly := func(o *options.OCSPPeerConfig) { o.WarnOnly = true }
	allow := func(o *options.OCSPPeerConfig) { o.AllowWhenCAUnreachable = true }
	quick := func(o *options.OCSPPeerConfig) { o.Timeout = 0.05 }
	const fetch, parse, window = "Failed OCSP response fetch", "Failed OCSP response parse", "OCSP response not in effectivity window"
	const revoked, unknown = "Invalid OCSP response status: revoked", "Invalid OCSP response status: unknown"

	for _, test := range []struct {
		name    string
		world   func(t *testing.T, l *land)
		options func(*options.OCSPPeerConfig)
		reason  string // for which the handshake fails
		warning string // part of one
	}{
		{"good", nil, nil, "", ""},
		{"client revoked", func(t *testing.T, l *land) { revoke(l.low, l.client) }, nil, revoked, "OCSP verify fail for [CN=Client,O=Godwit] with CA status [revoked]"},
		{"client unknown", func(t *testing.T, l *land) { forget(l.low) }, nil, unknown, "with CA status [unknown]"},
		{"intermediate revoked", func(t *testing.T, l *land) { revoke(l.high, l.intermediate) }, nil, revoked, "OCSP verify fail for [CN=Intermediate,O=Godwit]"},
		{"intermediate unknown", func(t *testing.T, l *land) { forget(l.high) }, nil, unknown, ""},
		{"unknown is good", func(t *testing.T, l *land) { forget(l.low); forget(l.high) }, unknownIsGood, "", ""},
		{"unknown is good, revoked is not", func(t *testing.T, l *land) { revoke(l.low, l.client) }, unknownIsGood, revoked, ""},
		{"warn only, revoked", func(t *testing.T, l *land) { revoke(l.low, l.client) }, warnOnly, "", "OCSP verify fail for [CN=Client,O=Godwit] but WarnOnly is true so allowing"},
		{"warn only, unknown", func(t *testing.T, l *land) { forget(l.high) }, warnOnly, "", "OCSP verify fail for [CN=Intermediate,O=Godwit] but WarnOnly is true so allowing"},
		{"warn only, down", func(t *testing.T, l *land) { down(l.low) }, warnOnly, "", "WarnOnly is true so allowing"},
		{"warn only, garbage", func(t *testing.T, l *land) { l.low.set(func(r *responder) { r.body = []byte("x") }) }, warnOnly, "", "WarnOnly is true so allowing"},
		{"down", func(t *testing.T, l *land) { down(l.low) }, nil, fetch, "No OCSP status of [CN=Client,O=Godwit]"},
		{"down and allowed", func(t *testing.T, l *land) { down(l.low); down(l.high) }, allow, "", "no cached revocation so allowing"},
		{"not 200", func(t *testing.T, l *land) { l.low.set(func(r *responder) { r.code = 203 }) }, nil, fetch, "203"},
		{"slow", func(t *testing.T, l *land) { l.low.set(func(r *responder) { r.block = make(chan struct{}) }) }, quick, fetch, "deadline exceeded"},
		{"huge", func(t *testing.T, l *land) { l.low.set(func(r *responder) { r.body = make([]byte, maxAnswer+1) }) }, nil, fetch, "larger than"},
		{"garbage", func(t *testing.T, l *land) { l.low.set(func(r *responder) { r.body = []byte("x") }) }, nil, parse, ""},
		{"garbage is not down", func(t *testing.T, l *land) { l.low.set(func(r *responder) { r.body = []byte("x") }) }, allow, parse, ""},
		{"try later", func(t *testing.T, l *land) { l.low.set(func(r *responder) { r.body = ocsp.TryLaterErrorResponse }) }, nil, parse, "try later"},
		{"about another", func(t *testing.T, l *land) { l.low.set(func(r *responder) { r.serial = big.NewInt(5) }) }, nil, parse, ""},
		{"by another", func(t *testing.T, l *land) { l.low.set(func(r *responder) { r.signer = l.root }) }, nil, parse, ""},
		{"by a delegate", func(t *testing.T, l *land) {
			d := issue(t, l.intermediate, "Delegate", withUsage(x509.ExtKeyUsageOCSPSigning))
			l.low.set(func(r *responder) { r.signer, r.enclose = d, true })
		}, nil, "", ""},
		{"by a false delegate", func(t *testing.T, l *land) {
			d := issue(t, l.intermediate, "Delegate", withUsage(x509.ExtKeyUsageServerAuth))
			l.low.set(func(r *responder) { r.signer, r.enclose = d, true })
		}, nil, "Invalid OCSP response delegation: CN=Client,O=Godwit", ""},
		{"old", func(t *testing.T, l *land) {
			l.low.set(func(r *responder) { r.from, r.lasts = -time.Hour, -40*time.Second })
		}, nil, window, ""},
		{"old within the skew", func(t *testing.T, l *land) {
			l.low.set(func(r *responder) { r.from, r.lasts = -time.Hour, -20*time.Second })
		}, nil, "", ""},
		{"old without skew", func(t *testing.T, l *land) {
			l.low.set(func(r *responder) { r.from, r.lasts = -time.Hour, -20*time.Second })
		}, func(o *options.OCSPPeerConfig) { o.ClockSkew = 0 }, window, ""},
		{"future", func(t *testing.T, l *land) {
			l.low.set(func(r *responder) { r.from = 40 * time.Second })
		}, nil, window, ""},
		{"no end", func(t *testing.T, l *land) { l.low.set(func(r *responder) { r.lasts = 0 }) }, nil, "", ""},
		{"no end, old", func(t *testing.T, l *land) {
			l.low.set(func(r *responder) { r.from, r.lasts = -2*time.Minute, 0 })
		}, func(o *options.OCSPPeerConfig) { o.TTLUnsetNextUpdate = 60 }, window, ""},
		{"negative numbers are defaults", func(t *testing.T, l *land) {
			l.low.set(func(r *responder) { r.from, r.lasts = -59*time.Minute, 0 })
		}, func(o *options.OCSPPeerConfig) { o.TTLUnsetNextUpdate, o.ClockSkew, o.Timeout = -1, -1, 0 }, "", ""},
		{"second responder", func(t *testing.T, l *land) {
			l.client = issue(t, l.intermediate, "Client", withResponders("ldap://x", deadURL(t), l.low.URL))
			l.low.tell(l.client, ocsp.Good)
		}, nil, "", ""},
		{"second responder after garbage", func(t *testing.T, l *land) {
			l.high.tell(l.client, ocsp.Good) // signed by the wrong one
			l.client = issue(t, l.intermediate, "Client", withResponders(l.high.URL, l.low.URL))
			l.low.tell(l.client, ocsp.Revoked)
		}, nil, revoked, ""},
		{"garbage before silence", func(t *testing.T, l *land) {
			l.client = issue(t, l.intermediate, "Client", withResponders(l.high.URL, deadURL(t)))
		}, allow, parse, ""},
		{"no responder", func(t *testing.T, l *land) {
			l.client = issue(t, l.intermediate, "Client", withResponders("ldap://x"))
		}, nil, "", ""},
		{"no responder, intermediate revoked", func(t *testing.T, l *land) {
			l.client = issue(t, l.intermediate, "Client")
			revoke(l.high, l.intermediate)
		}, nil, revoked, ""},
		{"a responder of the root does not matter", func(t *testing.T, l *land) {
			l.root = issue(t, nil, "Root", asCA, withResponders(deadURL(t)))
			l.client = issue(t, l.root, "Client")
		}, nil, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLand(t)
			if test.world != nil {
				test.world(t, l)
			}
			server := issue(t, l.root, "Server")
			v := l.verifier(test.options, nil)
			_, serverErr, clientErr := shake(t, &tls.Config{
				Certificates: []tls.Certificate{server.bundle(0)}, ClientCAs: pool(l.root.cert),
				ClientAuth: tls.RequireAndVerifyClientCert, VerifyConnection: v.VerifyConnection,
			}, &tls.Config{
				Certificates: []tls.Certificate{l.client.bundle(len(l.client.chain) - 1)},
				RootCAs:      pool(l.root.cert), ServerName: "localhost",
			})
			l.check(t, test.reason, serverErr, clientErr)
			if test.warning != "" && l.log.Count(logging.Warn, test.warning) == 0 {
				t.Errorf("no warning %q in %v", test.warning, l.log.Lines())
			}
		})
	}
}

// check compares a handshake and its events with the reason for which it should
// have failed.
func (l *land) check(t *testing.T, reason string, serverErr, clientErr error) {
	t.Helper()
	if reason == "" {
		if serverErr != nil || clientErr != nil || len(l.rejected) != 0 || len(l.invalid) != 0 {
			t.Errorf("server: %v, client: %v, events %v %v", serverErr, clientErr, l.rejected, l.invalid)
		}
		return
	}
	if !errors.Is(serverErr, ErrClient) || clientErr == nil || clientErr.Error() != "remote error: tls: bad certificate" {
		t.Errorf("server: %v, client: %v", serverErr, clientErr)
	}
	if len(l.rejected) != 1 || len(l.invalid) != 1 {
		t.Fatalf("events %v %v", l.rejected, l.invalid)
	}
	if r := l.rejected[0]; r.Reason != "client not OCSP valid" || r.Kind != "Client" || r.Peer.Fingerprint != Fingerprint(l.client.cert) {
		t.Errorf("%+v", r)
	}
	if i := l.invalid[0]; i.Reason != reason || i.Peer.Fingerprint != Fingerprint(l.client.cert) || i.Link.Subject == "" {
		t.Errorf("%+v, want reason %q", i, reason)
	}
	if l.log.Count(logging.Debug, reason) != 1 {
		t.Errorf("reason not in %v", l.log.Lines())
	}
}

func TestDialedServers(t *testing.T) {
	l := newLand(t)
	v := NewPeerVerifier(PeerConfig{Options: options.NewOCSPPeerConfig(), Kind: "Leafnode", Dials: true,
		Rejected: func(r *PeerRejected) { l.rejected = append(l.rejected, r) }})
	dial := func() error {
		_, _, err := shake(t, &tls.Config{Certificates: []tls.Certificate{l.client.bundle(1)}},
			&tls.Config{RootCAs: pool(l.root.cert), ServerName: "localhost", VerifyConnection: v.VerifyConnection})
		return err
	}
	if err := dial(); err != nil {
		t.Error(err)
	}
	l.low.tell(l.client, ocsp.Revoked)
	if err := dial(); !errors.Is(err, ErrServer) {
		t.Errorf("error %v", err)
	}
	if len(l.rejected) != 1 || l.rejected[0].Reason != "server not OCSP valid" || l.rejected[0].Kind != "Leafnode" {
		t.Errorf("events %+v", l.rejected)
	}
}

func TestChains(t *testing.T) {
	l := newLand(t)
	v := l.verifier(nil, nil)
	good := l.client.verified()
	// The same key and certificate by way of another, revoked intermediate.
	bad := issue(t, l.root, "Bad", asCA, withResponders(l.high.URL))
	l.high.tell(bad, ocsp.Revoked)
	lost := []*x509.Certificate{l.intermediate.cert, bad.cert, l.root.cert}
	plain := issue(t, nil, "Plain", asCA)
	for _, test := range []struct {
		name   string
		chains [][]*x509.Certificate
		want   error
	}{
		{"none", nil, ErrClient},
		{"empty", [][]*x509.Certificate{{}}, ErrClient},
		{"self-signed", [][]*x509.Certificate{{l.client.cert}}, nil},
		{"good", [][]*x509.Certificate{good}, nil},
		{"bad", [][]*x509.Certificate{lost}, ErrClient},
		{"bad, then good", [][]*x509.Certificate{lost, good}, nil},
		{"bad twice", [][]*x509.Certificate{lost, lost}, ErrClient},
		{"bad, then not to be asked about", [][]*x509.Certificate{lost, {plain.cert, plain.cert}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			l.rejected, l.invalid = nil, nil
			if err := v.VerifyConnection(state(test.chains...)); err != test.want {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if len(l.invalid) > 1 {
				t.Errorf("%d events about one link", len(l.invalid))
			}
		})
	}
}

func TestAdvisories(t *testing.T) {
	l := newLand(t)
	l.high.tell(l.intermediate, ocsp.Revoked)
	l.verifier(nil, nil).VerifyConnection(state(l.client.verified()))
	if len(l.rejected) != 1 || len(l.invalid) != 1 {
		t.Fatalf("events %v %v", l.rejected, l.invalid)
	}
	for _, test := range []struct {
		event any
		kind  string
		keys  string
	}{
		{l.rejected[0], "io.nats.server.advisory.v1.ocsp_peer_reject", "id kind peer reason server timestamp type"},
		{l.invalid[0], "io.nats.server.advisory.v1.ocsp_peer_link_invalid", "id link peer reason server timestamp type"},
	} {
		data, err := json.Marshal(test.event)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		for _, key := range strings.Fields(test.keys) {
			if _, ok := got[key]; !ok {
				t.Errorf("no %q in %s", key, data)
			}
		}
		if got["type"] != test.kind || len(got) != len(strings.Fields(test.keys)) {
			t.Errorf("event %s", data)
		}
		peer := got["peer"].(map[string]any)
		if peer["subject"] != "CN=Client,O=Godwit" || peer["issuer"] != "CN=Intermediate,O=Godwit" ||
			peer["fingerprint"] != Fingerprint(l.client.cert) || peer["raw"] == "" {
			t.Errorf("peer %v", peer)
		}
		if link, ok := got["link"].(map[string]any); ok && link["subject"] != "CN=Intermediate,O=Godwit" {
			t.Errorf("link %v", link)
		}
	}
}

func TestCacheSparesQuestions(t *testing.T) {
	l := newLand(t)
	cache := openCache(t, nil)
	v := l.verifier(nil, cache)
	check := func(want error, stats CacheStats, low int) {
		t.Helper()
		if err := v.VerifyConnection(state(l.client.verified())); err != want {
			t.Errorf("error %v, want %v", err, want)
		}
		if got := cache.Stats(); got != stats {
			t.Errorf("%+v, want %+v", got, stats)
		}
		if n := l.low.questions(l.client); n != low {
			t.Errorf("%d questions, want %d", n, low)
		}
	}
	check(nil, CacheStats{Misses: 2, Responses: 2, Good: 2}, 1)
	check(nil, CacheStats{Misses: 2, Hits: 2, Responses: 2, Good: 2}, 1)
	l.low.tell(l.client, ocsp.Revoked) // which is not noticed yet
	check(nil, CacheStats{Misses: 2, Hits: 4, Responses: 2, Good: 2}, 1)
	cache.Discard(Fingerprint(l.client.cert)) // counts a hit as a miss
	check(ErrClient, CacheStats{Misses: 4, Hits: 3, Responses: 2, Good: 1, Revoked: 1}, 2)
	check(ErrClient, CacheStats{Misses: 4, Hits: 4, Responses: 2, Good: 1, Revoked: 1}, 2)
}

// The end of an answer that sets none is a matter of options.
func TestCacheTimeOfAnswersWithoutEnd(t *testing.T) {
	for ttl, misses := range map[float64]int64{4: 2, 1: 3} {
		l := newLand(t)
		l.low.set(func(r *responder) { r.from, r.lasts = 0, 0 })
		cache := openCache(t, nil)
		v := l.verifier(func(o *options.OCSPPeerConfig) { o.ClockSkew, o.TTLUnsetNextUpdate = 0, ttl }, cache)
		now := time.Now().Truncate(time.Second) // as fine as answers are
		clock := func() time.Time { return now }
		v.config.Now = clock
		l.low.set(func(r *responder) { r.now = clock })
		l.high.set(func(r *responder) { r.now = clock })
		if err := v.VerifyConnection(state(l.client.verified())); err != nil {
			t.Fatal(err)
		}
		now = now.Add(2 * time.Second)
		if err := v.VerifyConnection(state(l.client.verified())); err != nil {
			t.Fatal(err)
		}
		if got := cache.Stats(); got.Misses != misses || got.Responses != 2 {
			t.Errorf("ttl %v: %+v, want %d misses", ttl, got, misses)
		}
	}
}

// What is cached about a certificate that was revoked, and has expired.
func TestUnreachableResponders(t *testing.T) {
	for _, test := range []struct {
		status   int
		preserve bool
		later    time.Duration // after the answer has expired, the cache is saved
		want     error
	}{
		{ocsp.Good, true, 0, nil},
		{ocsp.Unknown, true, 0, nil},
		{ocsp.Revoked, true, 0, ErrClient},
		{ocsp.Revoked, true, 365 * 24 * time.Hour, ErrClient},
		{ocsp.Revoked, false, 0, ErrClient},
		{ocsp.Revoked, false, revocationMemory - 2*time.Minute, ErrClient},
		{ocsp.Revoked, false, revocationMemory + time.Minute, nil},
	} {
		l := newLand(t)
		cache := openCache(t, func(o *options.OCSPResponseCacheConfig) { o.PreserveRevoked = test.preserve })
		v := l.verifier(func(o *options.OCSPPeerConfig) { o.AllowWhenCAUnreachable = true }, cache)
		l.low.tell(l.client, test.status)
		v.VerifyConnection(state(l.client.verified()))
		now := time.Now().Add(time.Hour + time.Minute + test.later) // answers last an hour
		v.config.Now = func() time.Time { return now }
		cache.now = v.config.Now
		if err := cache.Save(); err != nil {
			t.Fatal(err)
		}
		for _, r := range []*responder{l.low, l.high} {
			r.set(func(r *responder) { r.code = 500 })
		}
		for range 3 { // and it stays so
			if err := v.VerifyConnection(state(l.client.verified())); err != test.want {
				t.Errorf("%+v: error %v", test, err)
			}
		}
	}
}

// A revocation that is preserved gives way to a new answer.
func TestRevocationIsReplaced(t *testing.T) {
	l := newLand(t)
	cache := openCache(t, func(o *options.OCSPResponseCacheConfig) { o.PreserveRevoked = true })
	v := l.verifier(nil, cache)
	l.low.set(func(r *responder) { r.lasts, r.from = -20*time.Second, -time.Minute })
	l.low.tell(l.client, ocsp.Revoked)
	if err := v.VerifyConnection(state(l.client.verified())); err != ErrClient {
		t.Fatal(err)
	}
	v.skew = 0 // now it has expired
	l.low.set(func(r *responder) { r.code = 500 })
	if err := v.VerifyConnection(state(l.client.verified())); err != ErrClient {
		t.Fatal(err)
	}
	if got := cache.Stats(); got.Revoked != 1 || got.Responses != 1 {
		t.Errorf("%+v", got)
	}
	l.low.set(func(r *responder) { r.code, r.lasts = 0, time.Hour })
	l.low.tell(l.client, ocsp.Good)
	if err := v.VerifyConnection(state(l.client.verified())); err != nil {
		t.Fatal(err)
	}
	if got := cache.Stats(); got.Revoked != 0 || got.Good != 2 || got.Responses != 2 {
		t.Errorf("%+v", got)
	}
}

// What the cache holds is believed no more than what a responder says.
func TestFalseCache(t *testing.T) {
	l := newLand(t)
	liar := issue(t, nil, "Intermediate", asCA)
	colleague := issue(t, l.intermediate, "Colleague")
	for name, der := range map[string][]byte{
		"garbage":               []byte("x"),
		"signed by another":     answered(t, l.client, liar, func(*responder) {}),
		"false delegate":        answered(t, l.client, l.intermediate, func(r *responder) { r.signer, r.enclose = colleague, true }),
		"of another":            answered(t, colleague, l.intermediate, func(*responder) {}),
		"revoked by a stranger": answered(t, l.client, liar, func(r *responder) { r.statuses[l.client.cert.SerialNumber.String()] = ocsp.Revoked }),
	} {
		cache := openCache(t, nil)
		cache.Put(Fingerprint(l.client.cert), Entry{Status: Good, DER: der})
		before := l.low.questions(l.client)
		if err := l.verifier(nil, cache).VerifyConnection(state(l.client.verified())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := l.low.questions(l.client) - before; n != 1 {
			t.Errorf("%s: %d questions", name, n)
		}
		if got := cache.Stats(); got != (CacheStats{Misses: 2, Responses: 2, Good: 2}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Many at once are one question.
func TestFlights(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	client := issue(t, root, "Client", withResponders("http://ca.example"))
	synctest.Test(t, func(t *testing.T) {
		r := silentResponder(root)
		r.tell(client, ocsp.Good)
		block := make(chan struct{})
		r.set(func(r *responder) { r.block = block })
		v := NewPeerVerifier(PeerConfig{Client: &http.Client{Transport: r}})
		const n = 50
		errs := make(chan error, n)
		for range n {
			go func() { errs <- v.VerifyConnection(state(client.verified())) }()
		}
		synctest.Wait()
		if asked := r.questions(client); asked != 1 || len(errs) != 0 {
			t.Errorf("%d questions, %d went on", asked, len(errs))
		}
		close(block)
		for range n {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if asked := r.questions(client); asked != 1 || len(v.flights.air) != 0 {
			t.Errorf("%d questions, in the air: %v", asked, v.flights.air)
		}
	})
}

// Those who wait for a question are let go if whoever asks does not come back.
func TestFlightOfOneWhoPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		end := make(chan struct{})
		go func() {
			defer func() { recover() }()
			f.do(linkKey{}, func() outcome { <-end; panic("test") })
		}()
		synctest.Wait()
		second := make(chan outcome)
		go func() { second <- f.do(linkKey{}, func() outcome { return outcome{} }) }()
		synctest.Wait()
		close(end)
		if o := <-second; o.answer != nil || o.unreachable || o.reason != reasonFetch || !errors.Is(o.err, errLost) {
			t.Errorf("%+v", o)
		}
	})
}

func TestDuration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.Float64().Draw(t, "seconds")
		got := duration(given, 5)
		switch {
		case given < 0 && got != 5*time.Second:
			t.Fatalf("%v: %v", given, got)
		case got < 0:
			t.Fatalf("%v: %v", given, got)
		case given >= 0 && given < durationMax && math.Abs(got.Seconds()-given) > 1e-6*max(1, given):
			t.Fatalf("%v: %v", given, got)
		}
	})
	for _, odd := range []float64{math.NaN(), math.Inf(-1)} {
		if got := duration(odd, 5); got != 5*time.Second {
			t.Errorf("%v: %v", odd, got)
		}
	}
	if got := duration(math.Inf(1), 5); got != durationMax*time.Second {
		t.Errorf("infinite: %v", got)
	}
}

// A zero configuration is one with the defaults.
func TestZeroPeerConfig(t *testing.T) {
	v := NewPeerVerifier(PeerConfig{})
	if v.skew != 30*time.Second || v.ttl != time.Hour || v.responders.timeout != 2*time.Second {
		t.Errorf("%v %v %v", v.skew, v.ttl, v.responders.timeout)
	}
}

// A listener with both: it staples, and checks its clients.
func TestStaplingListenerThatChecks(t *testing.T) {
	l := newLand(t)
	server := issue(t, l.intermediate, "Server", withResponders(l.low.URL))
	l.low.tell(server, ocsp.Good)
	s, err := NewStapler(context.Background(), StaplerConfig{
		Kind: KindClient, Name: "server.pem", Certificate: server.bundle(1), Options: &options.OCSPConfig{Mode: options.OCSPModeAlways},
	})
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{server.bundle(1)}, ClientCAs: pool(l.root.cert),
		ClientAuth: tls.RequireAndVerifyClientCert, VerifyConnection: l.verifier(nil, nil).VerifyConnection,
	}
	s.Install(config)
	client := &tls.Config{
		Certificates: []tls.Certificate{l.client.bundle(1)}, RootCAs: pool(l.root.cert), ServerName: "localhost",
	}
	got, serverErr, clientErr := shake(t, config, client)
	if serverErr != nil || clientErr != nil || got.OCSPResponse == nil {
		t.Errorf("server: %v, client: %v, staple %v", serverErr, clientErr, got.OCSPResponse != nil)
	}
	l.low.tell(l.client, ocsp.Revoked)
	_, serverErr, clientErr = shake(t, config, client)
	l.check(t, "Invalid OCSP response status: revoked", serverErr, clientErr)
}
