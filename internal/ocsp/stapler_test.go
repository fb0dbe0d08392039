package ocspcheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/logging/logtest"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// town is a CA with its responder, and a server whose certificate it issued.
type town struct {
	root      *identity
	responder *responder
	server    *identity
}

func newTown(t testing.TB, opts ...option) *town {
	t.Helper()
	root := issue(t, nil, "Root", asCA)
	r := newResponder(t, root)
	server := issue(t, root, "Server", append(opts, withResponders(r.URL))...)
	r.tell(server, ocsp.Good)
	return &town{root, r, server}
}

func (w *town) config(mode options.OCSPMode) StaplerConfig {
	return StaplerConfig{
		Kind: KindClient, Name: "server.pem", Options: &options.OCSPConfig{Mode: mode},
		Certificate: w.server.bundle(0), Roots: pool(w.root.cert),
	}
}

func mustNewStapler(t testing.TB, c StaplerConfig) *Stapler {
	t.Helper()
	s, err := NewStapler(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if s == nil {
		t.Fatal("not stapled")
	}
	return s
}

// shake runs a TLS handshake in memory, and a byte in either direction so that
// each side hears of the other's alert.
func shake(t testing.TB, server, client *tls.Config) (clientState tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	deadline := time.Now().Add(20 * time.Second)
	a.SetDeadline(deadline)
	b.SetDeadline(deadline)
	done := make(chan error, 1)
	go func() {
		conn := tls.Server(a, server)
		err := conn.Handshake()
		if err == nil {
			_, err = conn.Write([]byte{1})
		}
		if err != nil {
			a.Close() // after the alert
		}
		done <- err
	}()
	conn := tls.Client(b, client)
	clientErr = conn.Handshake()
	if clientErr == nil {
		_, clientErr = conn.Read(make([]byte, 1))
	}
	if clientErr != nil {
		b.Close()
	}
	return conn.ConnectionState(), <-done, clientErr
}

// stapled returns the status that a client of a config sees; ok is false if it
// sees none.
func (w *town) stapled(t testing.TB, config *tls.Config) (status Status, ok bool) {
	t.Helper()
	state, serverErr, err := shake(t, config, &tls.Config{RootCAs: pool(w.root.cert), ServerName: "localhost"})
	if err != nil {
		t.Fatalf("client: %v, server: %v", err, serverErr)
	}
	if state.OCSPResponse == nil {
		return 0, false
	}
	answer, err := Parse(state.OCSPResponse, w.server.cert, w.root.cert)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status, true
}

func TestModes(t *testing.T) {
	const refused = "found existing OCSP status for certificate at 'server.pem': "
	for _, test := range []struct {
		mode     string
		demanded bool
		status   int
		stapled  bool
		err      string
		warning  bool
	}{
		{"", false, ocsp.Good, false, "", false},
		{"", false, ocsp.Revoked, false, "", false},
		{"", true, ocsp.Good, true, "", false},
		{"", true, ocsp.Revoked, true, "", false},
		{"auto", false, ocsp.Good, false, "", false},
		{"auto", true, ocsp.Good, true, "", false},
		{"auto", true, ocsp.Revoked, true, "", false},
		{"auto", true, ocsp.Unknown, true, "", false},
		{"must", false, ocsp.Revoked, false, "", false},
		{"must", true, ocsp.Good, true, "", false},
		{"must", true, ocsp.Revoked, false, refused + "revoked", false},
		{"must", true, ocsp.Unknown, false, refused + "unknown", false},
		{"always", false, ocsp.Good, true, "", false},
		{"always", false, ocsp.Revoked, false, refused + "revoked", false},
		{"always", true, ocsp.Good, true, "", false},
		{"always", true, ocsp.Unknown, false, refused + "unknown", false},
		{"never", false, ocsp.Good, false, "", false},
		{"never", true, ocsp.Revoked, false, "", true},
	} {
		t.Run(fmt.Sprintf("%s %v %d", test.mode, test.demanded, test.status), func(t *testing.T) {
			var opts []option
			if test.demanded {
				opts = append(opts, mustStaple)
			}
			w := newTown(t, opts...)
			w.responder.tell(w.server, test.status)
			c := w.config(map[string]options.OCSPMode{
				"auto": options.OCSPModeAuto, "must": options.OCSPModeMust,
				"always": options.OCSPModeAlways, "never": options.OCSPModeNever,
			}[test.mode])
			if test.mode == "" {
				c.Options = nil
			}
			log := logtest.New(t)
			c.Log = log
			s, err := NewStapler(context.Background(), c)
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Errorf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			warned := log.Count(logging.Warn, "Certificate at 'server.pem' has MustStaple but OCSP is disabled") == 1
			if (s != nil) != test.stapled || warned != test.warning {
				t.Fatalf("stapler %v, warned %v", s, warned)
			}
			if s == nil {
				if n := w.responder.questions(w.server); n != 0 {
					t.Errorf("%d questions", n)
				}
				return
			}
			config := &tls.Config{Certificates: []tls.Certificate{c.Certificate}}
			s.Install(config)
			if status, ok := w.stapled(t, config); !ok || status != statusOf(test.status) {
				t.Errorf("client sees %v %v", status, ok)
			}
		})
	}
}

// Each way to ask is tried behind a responder that is down.
func TestMethodsOfAsking(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		t.Run(method, func(t *testing.T) {
			w := newTown(t)
			w.responder.set(func(r *responder) { r.only = method })
			c := w.config(options.OCSPModeAlways)
			c.Options.OverrideURLs = []string{deadURL(t), w.responder.URL + "/"}
			s := mustNewStapler(t, c)
			if status, next := s.Status(); status != Good || next.IsZero() {
				t.Errorf("%v, next %v", status, next)
			}
			want := []string{"POST"}
			if method == "GET" {
				want = []string{"POST", "GET"}
			}
			if got := w.responder.methods; strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("asked by %v, want %v", got, want)
			}
		})
	}
}

func TestNoStatusToBeHad(t *testing.T) {
	const prefix = "bad OCSP status update for certificate at 'server.pem': "
	w := newTown(t, mustStaple)
	for _, test := range []struct {
		name   string
		mode   options.OCSPMode
		change func(*responder)
		urls   []string
		want   string // at the beginning
		part   string
	}{
		{
			"no method works", options.OCSPModeAlways, func(r *responder) { r.only = "TEST" }, nil,
			prefix + "exhausted ocsp servers: non-ok http status on POST request (reqlen=", "): 400\nnon-ok http status on GET request (reqlen=",
		},
		{"auto, too", options.OCSPModeAuto, func(r *responder) { r.code = 500 }, nil, prefix + "exhausted ocsp servers: non-ok", "500"},
		{"garbage", options.OCSPModeMust, func(r *responder) { r.body = []byte("no") }, nil, prefix + "exhausted ocsp servers: failed to get remote status from " + w.responder.URL + ": ", ""},
		{"huge", options.OCSPModeMust, func(r *responder) { r.body = make([]byte, maxAnswer+1) }, nil, prefix, "larger than"},
		{"past", options.OCSPModeMust, func(r *responder) { r.from, r.lasts = -time.Hour, -time.Minute }, nil, prefix, "invalid ocsp NextUpdate, is past time: "},
		{"future", options.OCSPModeMust, func(r *responder) { r.from = time.Minute }, nil, prefix, "invalid ocsp ThisUpdate, is future time: "},
		{"unauthorized signer", options.OCSPModeMust, func(r *responder) { r.signer, r.enclose = w.server, true }, nil, prefix, "signer"},
		{"nobody there", options.OCSPModeMust, func(*responder) {}, []string{deadURL(t)}, prefix + "exhausted ocsp servers: ", ""},
		{"no address", options.OCSPModeMust, func(*responder) {}, []string{"ldap://x", "::"}, prefix + "exhausted ocsp servers: ", "unsupported protocol scheme"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newResponder(t, w.root)
			r.set(test.change)
			c := w.config(test.mode)
			c.Options.OverrideURLs = test.urls
			if test.urls == nil {
				c.Options.OverrideURLs = []string{r.URL}
				test.want = strings.ReplaceAll(test.want, w.responder.URL, r.URL)
			}
			_, err := NewStapler(context.Background(), c)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || !strings.Contains(err.Error(), test.part) {
				t.Errorf("error %v\nwant %q ... %q", err, test.want, test.part)
			}
		})
	}
}

func TestCertificateWithoutResponder(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	w := &town{root: root, server: issue(t, root, "Server", mustStaple)}
	_, err := NewStapler(context.Background(), w.config(options.OCSPModeAuto))
	if err == nil || err.Error() != "bad OCSP status update for certificate at 'server.pem': no available ocsp servers" {
		t.Errorf("error %v", err)
	}
}

func TestBadBundles(t *testing.T) {
	w := newTown(t, mustStaple)
	for name, test := range map[string]struct {
		bundle [][]byte
		reason string
	}{
		"empty":   {nil, "no certificate found"},
		"garbage": {[][]byte{[]byte("x")}, "error parsing certificate: "},
		"wrong":   {[][]byte{w.server.cert.Raw, w.server.cert.Raw}, "no issuers found"},
	} {
		c := w.config(options.OCSPModeAuto)
		c.Certificate.Certificate = test.bundle
		if _, err := NewStapler(context.Background(), c); err == nil || !strings.Contains(err.Error(), test.reason) {
			t.Errorf("%s: error %v, want %q", name, err, test.reason)
		}
	}
}

// A responder that cannot answer for the certificate does not end the search.
func TestBadAnswerLeadsToTheNextResponder(t *testing.T) {
	w := newTown(t)
	liar := newResponder(t, w.root)
	liar.set(func(r *responder) { r.serial = w.root.cert.SerialNumber })
	c := w.config(options.OCSPModeAlways)
	c.Options.OverrideURLs = []string{liar.URL, w.responder.URL}
	s := mustNewStapler(t, c)
	if status, _ := s.Status(); status != Good || liar.questions(w.server) != 1 || w.responder.questions(w.server) != 1 {
		t.Errorf("%v, %d and %d questions", status, liar.questions(w.server), w.responder.questions(w.server))
	}
}

func TestStore(t *testing.T) {
	w := newTown(t)
	directory := filepath.Join(t.TempDir(), "store", "ocsp")
	store, err := OpenStore(nil, directory)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(directory); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory %v, %v", info, err)
	}
	c := w.config(options.OCSPModeAlways)
	c.Store = store
	mustNewStapler(t, c)
	file := store.path(w.server.cert)
	if got, want := filepath.Base(file), fmt.Sprintf("%x", sha(w.server.cert.Raw)); got != want {
		t.Errorf("file %s, want %s", got, want)
	}
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(directory); err != nil || len(entries) != 1 {
		t.Errorf("directory holds %v, %v", entries, err)
	}

	// What is stored spares the question.
	s := mustNewStapler(t, c)
	if n := w.responder.questions(w.server); n != 1 || string(s.current.Load().answer.DER) != string(first) {
		t.Errorf("%d questions", n)
	}

	// What is stored and not valid does not.
	for i, bad := range [][]byte{nil, []byte("garbage"), make([]byte, maxAnswer+1), answered(t, w.root, w.root, func(*responder) {}),
		answered(t, w.server, w.root, func(r *responder) { r.from, r.lasts = -time.Hour, -time.Minute })} {
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		mustNewStapler(t, c)
		if n := w.responder.questions(w.server); n != 2+i {
			t.Errorf("bad file %d: %d questions", i, n)
		}
	}
}

func TestStoreMustBeADirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ocsp")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStore(nil, file); err == nil || !strings.Contains(err.Error(), "OCSP storage directory is not a directory") {
		t.Errorf("error %v", err)
	}
	if _, err := OpenStore(nil, filepath.Join(file, "below")); err == nil || !strings.Contains(err.Error(), "could not create OCSP storage directory - ") {
		t.Errorf("error %v", err)
	}
}

// A status that cannot be stored is stapled all the same.
func TestFullStore(t *testing.T) {
	w := newTown(t)
	disk := faulty.New(1)
	store, err := OpenStore(disk, "ocsp")
	if err != nil {
		t.Fatal(err)
	}
	disk.SetCapacity(0)
	log := logtest.New(t)
	c := w.config(options.OCSPModeAlways)
	c.Store, c.Log = store, log
	mustNewStapler(t, c)
	if log.Count(logging.Warn, "Unable to save OCSP status of certificate 'server.pem'") != 1 {
		t.Errorf("log %v", log.Lines())
	}
	if _, err := disk.Stat(store.path(w.server.cert)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("file: %v", err)
	}
	if list, err := disk.ReadDir("ocsp"); err != nil || len(list) != 0 {
		t.Errorf("left over: %v, %v", list, err)
	}
}

// After a power cut at any moment of saving there is the old status or the new.
func TestPowerCutWhileSaving(t *testing.T) {
	w := newTown(t)
	older, newer := []byte("older status"), []byte("newer status, which is longer")
	for cut := 0; ; cut++ {
		disk := faulty.New(uint64(cut))
		store, err := OpenStore(disk, "ocsp")
		if err != nil {
			t.Fatal(err)
		}
		if err := store.save(w.server.cert, older); err != nil {
			t.Fatal(err)
		}
		disk.CutAt(disk.Operations() + cut)
		saved := store.save(w.server.cert, newer)
		for seed := range uint64(5) {
			after := disk.Survive(seed)
			again, err := OpenStore(after, "ocsp")
			if err != nil {
				t.Fatal(err)
			}
			got, err := again.load(w.server.cert)
			if err != nil || string(got) != string(newer) && (string(got) != string(older) || saved == nil) {
				t.Fatalf("cut at %d: %q, %v after %v", cut, got, err, saved)
			}
		}
		if saved == nil {
			return
		}
	}
}

// Peers that do not support the stapled certificate get another one of the block.
func TestInstallKeepsOtherCertificates(t *testing.T) {
	w := newTown(t)
	other := issue(t, w.root, "Other", func(c *x509.Certificate) { c.DNSNames = []string{"other.example"} })
	config := &tls.Config{Certificates: []tls.Certificate{w.server.bundle(0), other.bundle(0)}}
	mustNewStapler(t, w.config(options.OCSPModeAlways)).Install(config)
	for name, want := range map[string]*identity{"localhost": w.server, "other.example": other} {
		state, _, err := shake(t, config, &tls.Config{RootCAs: pool(w.root.cert), ServerName: name})
		if err != nil {
			t.Fatal(err)
		}
		if got := state.PeerCertificates[0]; !got.Equal(want.cert) || (state.OCSPResponse != nil) != (want == w.server) {
			t.Errorf("%s: %v, staple %v", name, got.Subject, state.OCSPResponse != nil)
		}
	}
}

// What clients of a client listener's config present when they dial is not stapled.
func TestOnlyRoutesAndGatewaysStapleAsClients(t *testing.T) {
	w := newTown(t)
	for _, kind := range []string{KindClient, KindRouter, KindGateway} {
		c := w.config(options.OCSPModeAlways)
		c.Kind = kind
		s := mustNewStapler(t, c)
		cert, err := s.GetClientCertificate(&tls.CertificateRequestInfo{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := cert.OCSPStaple != nil, kind != KindClient; got != want {
			t.Errorf("%s: stapled %v", kind, got)
		}
	}
}

// TestNewStaplerGoesOnWithThePreviousOne does not ask again about the same
// certificate while the status is good.
func TestNewStaplerGoesOnWithThePreviousOne(t *testing.T) {
	w := newTown(t, mustStaple)
	first := mustNewStapler(t, w.config(options.OCSPModeMust))
	c := w.config(options.OCSPModeAlways)
	c.Previous = first
	second := mustNewStapler(t, c)
	if n := w.responder.questions(w.server); n != 1 {
		t.Errorf("%d questions about the same certificate", n)
	}
	if status, next := second.Status(); status != Good || next.IsZero() {
		t.Errorf("status %s until %v", status, next)
	}

	c.Previous, c.Now = first, func() time.Time { return time.Now().Add(59 * time.Minute) }
	mustNewStapler(t, c)
	if n := w.responder.questions(w.server); n != 1 {
		t.Errorf("%d questions while the status is good", n)
	}
	w.responder.set(func(r *responder) { r.lasts = 3 * time.Hour })
	c.Previous, c.Now = first, func() time.Time { return time.Now().Add(61 * time.Minute) }
	mustNewStapler(t, c)
	if n := w.responder.questions(w.server); n != 2 {
		t.Errorf("%d questions when the status has expired", n)
	}

	other := issue(t, w.root, "Other", mustStaple, withResponders(w.responder.URL))
	w.responder.tell(other, ocsp.Revoked)
	c = w.config(options.OCSPModeAuto)
	c.Certificate, c.Previous = other.bundle(0), first
	if status, _ := mustNewStapler(t, c).Status(); status != Revoked {
		t.Errorf("another certificate: status %s", status)
	}
}
