package tls_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/crypto/ocsp"

	"github.com/godwit-mq/godwit/tests/kit"
)

var serials atomic.Int64

// credential is a certificate with its key, and files for both.
type credential struct {
	name  string
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	above []*x509.Certificate // who signed it, root last
	file  string              // the certificate, and those above but the root
	keys  string
}

// option is what a client needs to show the credential.
func (c *credential) option() nats.Option { return nats.ClientCert(c.file, c.keys) }

// fingerprint is how caches call the certificate.
func (c *credential) fingerprint() string {
	sum := sha256.Sum256(c.cert.Raw)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// detail changes a certificate before it is signed.
type detail func(*x509.Certificate)

// mustStaple demands a stapled status (RFC 7633).
func mustStaple(c *x509.Certificate) {
	feature := pkix.Extension{Id: []int{1, 3, 6, 1, 5, 5, 7, 1, 24}, Value: []byte{0x30, 3, 2, 1, 5}}
	c.ExtraExtensions = append(c.ExtraExtensions, feature)
}

func withoutResponder(c *x509.Certificate) { c.OCSPServer = nil }

func forOCSP(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} }

func asAuthority(c *x509.Certificate) {
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	c.DNSNames, c.IPAddresses, c.ExtKeyUsage = nil, nil, nil
}

// authority issues certificates, and runs a responder that tells about them.
type authority struct {
	*credential
	t   testing.TB
	dir string
	url string // of the responder

	mu       sync.Mutex
	statuses map[string]int // by serial number; others are unknown
	signer   *credential    // of answers; the authority itself unless set
	methods  []string       // of HTTP that are answered; all if empty
	silent   bool           // no answers at all
	age      time.Duration  // of answers
	lasts    time.Duration  // how long answers are good from now; 0: they do not say
	asked    map[string]int // counts questions by serial number
}

// newAuthority makes an authority that parent has certified; without a parent it is
// a root.
func newAuthority(t testing.TB, name string, parent *authority) *authority {
	t.Helper()
	a := &authority{
		t: t, dir: t.TempDir(), age: time.Minute, lasts: time.Hour,
		statuses: make(map[string]int), asked: make(map[string]int),
	}
	responder := httptest.NewServer(a)
	t.Cleanup(responder.Close)
	a.url = responder.URL
	if parent == nil {
		a.credential = a.make(name, nil, asAuthority, withoutResponder)
		return a
	}
	a.credential = parent.issue(name, asAuthority)
	return a
}

// issue makes a certificate whose status is good.
func (a *authority) issue(name string, details ...detail) *credential {
	a.t.Helper()
	c := a.make(name, a.credential, details...)
	a.tell(c, ocsp.Good)
	return c
}

func (a *authority) make(name string, issuer *credential, details ...detail) *credential {
	a.t.Helper()
	c := &credential{
		name: name, key: kit.Must[*ecdsa.PrivateKey](a.t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		file: filepath.Join(a.dir, name+".pem"), keys: filepath.Join(a.dir, name+".key"),
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1<<40 + serials.Add(1)), Subject: pkix.Name{CommonName: name, Organization: []string{"Tests"}},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		OCSPServer:  []string{a.url},
	}
	for _, change := range details {
		change(template)
	}
	signer := issuer
	if issuer == nil {
		signer = &credential{cert: template, key: c.key}
	} else {
		c.above = append([]*x509.Certificate{issuer.cert}, issuer.above...)
	}
	der := kit.Must[[]byte](a.t)(x509.CreateCertificate(rand.Reader, template, signer.cert, c.key.Public(), signer.key))
	c.cert = kit.Must[*x509.Certificate](a.t)(x509.ParseCertificate(der))
	between := c.above
	if len(between) > 0 {
		between = between[:len(between)-1]
	}
	writeCerts(a.t, c.file, append([]*x509.Certificate{c.cert}, between...)...)
	key := kit.Must[[]byte](a.t)(x509.MarshalPKCS8PrivateKey(c.key))
	kit.Write(a.t, c.keys, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	return c
}

func writeCerts(t testing.TB, file string, certs ...*x509.Certificate) {
	t.Helper()
	var text strings.Builder
	for _, c := range certs {
		kit.OK(t, pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	kit.Write(t, file, text.String())
}

// pool trusts the authority.
func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// set changes how questions are answered.
func (a *authority) set(change func(*authority)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a)
}

func (a *authority) tell(c *credential, status int) {
	a.set(func(a *authority) { a.statuses[c.cert.SerialNumber.String()] = status })
}

// questions is how often was asked about a certificate.
func (a *authority) questions(c *credential) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked[c.cert.SerialNumber.String()]
}

// answer makes an answer about a certificate. The caller has mu.
func (a *authority) answer(serial *big.Int) ([]byte, error) {
	status, known := a.statuses[serial.String()]
	if !known {
		status = ocsp.Unknown
	}
	now := time.Now()
	about := ocsp.Response{SerialNumber: serial, Status: status, ThisUpdate: now.Add(-a.age), RevokedAt: now.Add(-a.age)}
	if a.lasts != 0 {
		about.NextUpdate = now.Add(a.lasts)
	}
	signer := a.credential
	if a.signer != nil {
		signer, about.Certificate = a.signer, a.signer.cert
	}
	return ocsp.CreateResponse(a.cert, signer.cert, about, signer.key)
}

// ServeHTTP answers questions.
func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	der, err := io.ReadAll(r.Body)
	if r.Method == http.MethodGet {
		der, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(r.URL.Path, "/"))
	}
	question, parsed := ocsp.ParseRequest(der)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil || parsed != nil || a.silent || len(a.methods) > 0 && !slices.Contains(a.methods, r.Method) {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	a.asked[question.SerialNumber.String()]++
	answer, err := a.answer(question.SerialNumber)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/ocsp-response")
	w.Write(answer)
}

// status is that which a server has stapled, "none" without.
func status(t testing.TB, state tls.ConnectionState) string {
	t.Helper()
	if len(state.OCSPResponse) == 0 {
		return "none"
	}
	answer, err := ocsp.ParseResponseForCert(state.OCSPResponse, state.VerifiedChains[0][0], state.VerifiedChains[0][1])
	if err != nil {
		t.Errorf("staple: %v", err)
		return "broken"
	}
	return map[int]string{ocsp.Good: "good", ocsp.Revoked: "revoked", ocsp.Unknown: "unknown"}[answer.Status]
}
