package monitor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/options"
)

// newCertificate returns a self-signed certificate for 127.0.0.1.
func newCertificate(t testing.TB, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name, Organization: []string{"godwit"}, Country: []string{"NL"}},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// fullConnection has a value in every field.
func fullConnection(t testing.TB) client.Snapshot {
	c := newConnection(15)
	c.RTT = 784*time.Microsecond + 321
	c.Pending, c.InMsgs, c.InBytes, c.OutMsgs, c.OutBytes, c.Stalls = 1, 2, 3, 4, 5, 6
	c.Connect = options.ClientOpts{
		Name: "<cli> & co", Lang: "go", Version: "1.55.0", JWT: userJWT(`{"nats":{"type":"user"}}`), Password: "secret-password",
	}
	c.User, c.Account, c.IssuerKey, c.ProxyKey = "joe", broker.NewAccount("ACC", nil), "AISSUER", "NPROXY"
	c.Subscriptions = 2
	c.Subs = []client.SubSnapshot{{Subject: "b", Queue: "qq", SID: "2", Delivered: 3, Max: 10}, {Subject: "a.>", SID: "1"}}
	c.TLS = &client.TLSInfo{First: true}
	c.TLS.State.PeerCertificates = []*x509.Certificate{newCertificate(t, "joe").Leaf}
	c.TLSVersion, c.TLSCipher = "1.3", "TLS_AES_128_GCM_SHA256"
	return c
}

func userJWT(claims string) string {
	return "eyJhbGciOiJlZDI1NTE5In0." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

const plainEntry = `{
      "cid": 15,
      "kind": "Client",
      "type": "nats",
      "ip": "10.0.0.15",
      "port": 30015,
      "start": "2026-11-24T11:59:00.000005Z",
      "last_activity": "2026-11-24T11:59:55.000005Z",
      "rtt": "784µs",
      "uptime": "1m0s",
      "idle": "5s",
      "pending_bytes": 1,
      "in_msgs": 2,
      "out_msgs": 4,
      "in_bytes": 3,
      "out_bytes": 5,
      "stalls": 6,
      "subscriptions": 2,
      "name": "\u003ccli\u003e \u0026 co",
      "lang": "go",
      "version": "1.55.0",
      "tls_version": "1.3",
      "tls_cipher_suite": "TLS_AES_128_GCM_SHA256",
      "tls_first": true,
      "proxy": {
        "key": "NPROXY"
      }
    }`

// entry cuts the only connection out of an answer.
func entry(t *testing.T, s *Server, target string) string {
	t.Helper()
	body := get(t, s, target).Body.String()
	_, list, found := strings.Cut(body, "\"connections\": [\n    ")
	entry, found2 := strings.CutSuffix(list, "\n  ]\n}")
	if !found || !found2 {
		t.Fatalf("%s: %s", target, body)
	}
	return entry
}

func TestConnectionEntryToTheByte(t *testing.T) {
	source := newFake()
	source.open = []client.Snapshot{fullConnection(t)}
	s := newFakeServer(source)
	if diff := cmp.Diff(plainEntry, entry(t, s, "/connz")); diff != "" {
		t.Error(diff)
	}
	with := strings.Replace(plainEntry, "      \"proxy\"", `      "subscriptions_list": [
        "a.\u003e",
        "b"
      ],
      "proxy"`, 1)
	if diff := cmp.Diff(with, entry(t, s, "/connz?subs=1")); diff != "" {
		t.Error(diff)
	}
	with = strings.Replace(plainEntry, "      \"proxy\"", `      "subscriptions_list_detail": [
        {
          "subject": "a.\u003e",
          "sid": "1",
          "msgs": 0,
          "cid": 15
        },
        {
          "subject": "b",
          "qgroup": "qq",
          "sid": "2",
          "msgs": 3,
          "max": 10,
          "cid": 15
        }
      ],
      "proxy"`, 1)
	if diff := cmp.Diff(with, entry(t, s, "/connz?subs=detail")); diff != "" {
		t.Error(diff)
	}
}

func TestUserIsShownOnRequestOnly(t *testing.T) {
	source := newFake()
	source.open = []client.Snapshot{fullConnection(t)}
	s := newFakeServer(source)
	c := getJSON[api.Connz](t, s, "/connz?auth=1").Conns[0]
	if c.AuthorizedUser != "joe" || c.Account != "ACC" || c.NameTag != "ACC" || c.IssuerKey != "AISSUER" || c.JWT == "" {
		t.Errorf("with auth: %+v", c)
	}
	if len(c.TLSPeerCerts) != 1 || c.TLSPeerCerts[0].Subject != "CN=joe,O=godwit,C=NL" ||
		len(c.TLSPeerCerts[0].CertSha256) != 64 || len(c.TLSPeerCerts[0].SubjectPKISha256) != 64 ||
		c.TLSPeerCerts[0].CertSha256 == c.TLSPeerCerts[0].SubjectPKISha256 {
		t.Errorf("peer certificates: %+v", c.TLSPeerCerts)
	}
	global := fullConnection(t)
	global.Account = broker.NewAccount("$G", nil)
	source.open = []client.Snapshot{global}
	if c := getJSON[api.Connz](t, s, "/connz?auth=1").Conns[0]; c.Account != "" || c.NameTag != "$G" {
		t.Errorf("global account: account %q, name tag %q", c.Account, c.NameTag)
	}
	for _, target := range []string{"/connz?auth=1&subs=detail", "/connz?auth=1&state=all"} {
		if body := get(t, s, target).Body.String(); strings.Contains(body, "secret-password") {
			t.Errorf("%s shows the password", target)
		}
	}
}

func TestClosedEntries(t *testing.T) {
	source := newFake()
	c := fullConnection(t)
	c.TLS = c.TLS.Summary()
	source.closed = []client.Snapshot{closedAt(c, noon.Add(-2*time.Second), client.SlowConsumerPendingBytes)}
	s := newFakeServer(source)
	want := strings.NewReplacer(
		`"rtt"`, "\"stop\": \"2026-11-24T11:59:58.000005Z\",\n      \"reason\": \"Slow Consumer (Pending Bytes)\",\n      \"rtt\"",
		`"1m0s"`, `"58s"`, `"5s"`, `"3s"`).Replace(plainEntry)
	if diff := cmp.Diff(want, entry(t, s, "/connz?state=closed")); diff != "" {
		t.Error(diff)
	}
	detailed := getJSON[api.Connz](t, s, "/connz?state=closed&subs=detail&auth=1").Conns[0]
	wantSubs := []api.SubDetail{
		{Account: "ACC", AccountTag: "ACC", Subject: "a.>", Sid: "1", Cid: 15},
		{Account: "ACC", AccountTag: "ACC", Subject: "b", Queue: "qq", Sid: "2", Msgs: 3, Max: 10, Cid: 15},
	}
	if diff := cmp.Diff(wantSubs, detailed.SubsDetail); diff != "" {
		t.Error(diff)
	}
	if detailed.AuthorizedUser != "joe" || detailed.JWT == "" || detailed.TLSPeerCerts != nil {
		t.Errorf("with auth: %+v", detailed)
	}
}

func TestConnectionTypesAndAddresses(t *testing.T) {
	for kind, want := range map[string]string{
		options.ConnectionStandard: "nats", options.ConnectionInProcess: "nats",
		options.ConnectionWebsocket: "websocket", options.ConnectionMQTT: "mqtt", options.ConnectionMQTTWS: "mqtt",
	} {
		c := newConnection(1)
		c.Type, c.Remote = kind, nil
		got := newFakeServer(newFake()).connection(&c, &api.ConnzOptions{}, noon)
		if got.Type != want || got.IP != "" || got.Port != 0 {
			t.Errorf("%s: type %q, address %q:%d", kind, got.Type, got.IP, got.Port)
		}
	}
}
