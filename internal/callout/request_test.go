package callout

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/wire"
)

// read takes a question apart as a service does.
func (w *world) read(a *Attempt) *jwt.AuthorizationRequestClaims {
	w.t.Helper()
	text := a.Payload
	if w.sealed {
		xkey := string(wire.Header(a.Header, XKeyHeader))
		if !strings.HasPrefix(string(a.Header), "NATS/1.0\r\n") || !strings.HasSuffix(string(a.Header), "\r\n\r\n") {
			w.t.Fatalf("header %q", a.Header)
		}
		opened, err := w.box.Open(text, xkey)
		if err != nil {
			w.t.Fatal(err)
		}
		text = opened
	} else if a.Header != nil {
		w.t.Fatalf("header %q", a.Header)
	}
	c, err := jwt.DecodeAuthorizationRequestClaims(string(text))
	if err != nil {
		w.t.Fatal(err)
	}
	results := jwt.CreateValidationResults()
	if c.Validate(results); !results.IsEmpty() {
		w.t.Fatal(results.Issues)
	}
	return c
}

func TestQuestion(t *testing.T) {
	for _, m := range modes {
		w := newWorld(t, m)
		c := client()
		c.Tags, c.NameTag, c.Nonce = []string{"a:b"}, "tagged", []byte("a nonce")
		c.Connect.JWT, c.Connect.Nkey, c.Connect.Token, c.Connect.ProxySig = "eyJ", "U", "tok", "never shown"
		a := w.ask(c)
		got := w.read(a)
		server, _ := w.server.Key.PublicKey()
		want := &jwt.AuthorizationRequestClaims{}
		want.Audience, want.Subject, want.Issuer = "nats-authorization-request", w.issuer.public, server
		want.IssuedAt, want.Expires, want.ID = w.now.Unix(), w.now.Add(2*time.Second).Unix(), got.ID
		want.Type, want.GenericFields.Version = "authorization_request", 2
		want.UserNkey = a.UserKey()
		want.Server = jwt.ServerID{
			Name: "S1", Host: "0.0.0.0", ID: server, Version: "2.15.2", Cluster: "HUB", Tags: jwt.TagList{"t1", "t2"},
		}
		if m.sealed {
			want.Server.XKey, _ = w.server.Curve.PublicKey()
		}
		want.ClientInformation = jwt.ClientInformation{
			Host: "127.0.0.1", ID: 9, User: "ok", Name: "app", Tags: jwt.TagList{"a:b"}, NameTag: "tagged", Kind: "Client", Type: "nats",
		}
		want.ConnectOptions = jwt.ConnectOptions{
			JWT: "eyJ", Nkey: "U", Token: "tok", Username: "ok", Password: "zz", Name: "app", Lang: "x", Version: "1", Protocol: 1,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", m, diff)
		}
		if len(got.ID) != 52 || !nkeys.IsValidPublicUserKey(a.UserKey()) {
			t.Errorf("%v: id %q, user %q", m, got.ID, a.UserKey())
		}
		if !a.Deadline().Equal(w.now.Add(w.service.Timeout())) {
			t.Errorf("deadline %v", a.Deadline())
		}
		if want := w.names(a, `Authorization callout response not received in time on account "{account}"`); a.Late() != want {
			t.Errorf("%q", a.Late())
		}
	}
}

// The form is that of a question on the wire, down to what is left out.
func TestQuestionOnTheWire(t *testing.T) {
	w := newWorld(t, mode{})
	w.server.Cluster, w.server.Tags = "", []string{"t1"}
	c := client()
	c.Connect.Name = ""
	a := w.ask(c)
	parts := strings.Split(string(a.Payload), ".")
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "jti")
	server, _ := w.server.Key.PublicKey()
	want := map[string]any{
		"aud": "nats-authorization-request", "exp": float64(w.now.Unix() + 2), "iat": float64(w.now.Unix()), "iss": server, "sub": w.issuer.public,
		"nats": map[string]any{
			"server_id":    map[string]any{"name": "S1", "host": "0.0.0.0", "id": server, "version": "2.15.2", "tags": []any{"t1"}},
			"user_nkey":    a.UserKey(),
			"client_info":  map[string]any{"host": "127.0.0.1", "id": float64(9), "user": "ok", "kind": "Client", "type": "nats"},
			"connect_opts": map[string]any{"user": "ok", "pass": "zz", "lang": "x", "version": "1", "protocol": float64(1)},
			"type":         "authorization_request", "version": float64(2),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if header, _ := base64.RawURLEncoding.DecodeString(parts[0]); string(header) != `{"typ":"JWT","alg":"ed25519-nkey"}` {
		t.Errorf("%s", header)
	}
}

func TestQuestionAboutKinds(t *testing.T) {
	for connectionType, want := range map[string][2]string{
		options.ConnectionStandard: {"Client", "nats"}, options.ConnectionInProcess: {"Client", "nats"},
		options.ConnectionWebsocket: {"Client", "websocket"},
		options.ConnectionMQTT:      {"Client", "mqtt"}, options.ConnectionMQTTWS: {"Client", "mqtt"},
		options.ConnectionLeafnode: {"Leafnode", ""}, options.ConnectionLeafnodeWS: {"Leafnode", ""},
	} {
		w := newWorld(t, mode{})
		c := client()
		c.ConnectionType, c.MQTTID = connectionType, "an id"
		info := w.read(w.ask(c)).ClientInformation
		if info.Kind != want[0] || info.Type != want[1] || info.MQTT != "an id" {
			t.Errorf("%s: %+v", connectionType, info)
		}
	}
}

// The nonce is of no use without a signature of it.
func TestQuestionAboutSignature(t *testing.T) {
	w := newWorld(t, mode{})
	c := client()
	c.Nonce, c.Connect.Sig = []byte("a nonce"), "a signature"
	q := w.read(w.ask(c))
	if q.ClientInformation.Nonce != "a nonce" || q.ConnectOptions.SignedNonce != "a signature" {
		t.Errorf("%+v", q)
	}
}

func TestQuestionAboutTLS(t *testing.T) {
	w := newWorld(t, mode{})
	leaf, ca := certificate(t, "leaf"), certificate(t, "ca")
	state := &tls.ConnectionState{
		Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256, PeerCertificates: []*x509.Certificate{leaf, ca},
	}
	c := client()
	c.TLS = state
	got := w.read(w.ask(c)).TLS
	if got == nil || got.Version != "1.3" || got.Cipher != "TLS_AES_128_GCM_SHA256" || len(got.Certs) != 2 || got.VerifiedChains != nil {
		t.Fatalf("%+v", got)
	}
	block, rest := pem.Decode([]byte(got.Certs[0]))
	if block == nil || block.Type != "CERTIFICATE" || !bytes.Equal(block.Bytes, leaf.Raw) || len(rest) > 0 {
		t.Errorf("%+v", got.Certs)
	}
	// What was verified is all that counts.
	state.VerifiedChains = [][]*x509.Certificate{{leaf, ca}, {leaf}}
	got = w.read(w.ask(c)).TLS
	if len(got.Certs) != 0 || len(got.VerifiedChains) != 2 || len(got.VerifiedChains[0]) != 2 || len(got.VerifiedChains[1]) != 1 {
		t.Fatalf("%+v", got)
	}
	if block, _ := pem.Decode([]byte(got.VerifiedChains[0][1])); !bytes.Equal(block.Bytes, ca.Raw) {
		t.Errorf("%+v", got.VerifiedChains)
	}
	// A client without a certificate still came by TLS.
	c.TLS = &tls.ConnectionState{Version: tls.VersionTLS12}
	if got = w.read(w.ask(c)).TLS; got == nil || got.Version != "1.2" || got.Certs != nil {
		t.Errorf("%+v", got)
	}
}

func certificate(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSealedQuestionHidesPasswords(t *testing.T) {
	for _, m := range modes {
		w := newWorld(t, m)
		a := w.ask(client())
		if sealed := !bytes.HasPrefix(a.Payload, prefix); sealed != m.sealed {
			t.Errorf("%v: %q", m, a.Payload)
		}
		if m.sealed {
			if _, err := fixedKey(t, nkeys.PrefixByteCurve, 30).Open(a.Payload, string(wire.Header(a.Header, XKeyHeader))); err == nil {
				t.Error("a stranger could read it")
			}
		}
	}
}

func TestQuestionsThatCannotBeAsked(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*world, *Client)
		want   string
	}{
		"no time":          {func(w *world, _ *Client) { w.service.timeout = 0 }, "no time for an answer: 0s"},
		"no issuer":        {func(w *world, _ *Client) { w.service.issuer = "" }, `issuer "" is no account public key`},
		"another's key":    {func(w *world, _ *Client) { w.server.Key = w.app }, "sign: not the key of a server"},
		"public key alone": {func(w *world, _ *Client) { w.server.Key = publicOnly(t, w.server.Key) }, "sign: "},
		"no curve key":     {func(w *world, _ *Client) { w.server.Curve = nil }, "server curve key: there is none"},
		"no box":           {func(w *world, _ *Client) { w.service.xkey = "X" }, "encrypt: "},
		"too long": {func(_ *world, c *Client) { c.Connect.Password = strings.Repeat("x", operator.MaxTokenSize) },
			"exceeds maximum of 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			w, c := newWorld(t, mode{sealed: true}), client()
			test.change(w, c)
			a, err := w.server.Ask(w.service, c, w.now)
			if a != nil || err == nil || !strings.HasPrefix(err.Error(), `ask auth callout service on account "AUTH": `) ||
				!strings.Contains(err.Error(), test.want) {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

func publicOnly(t *testing.T, pair nkeys.KeyPair) nkeys.KeyPair {
	t.Helper()
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := nkeys.FromPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
