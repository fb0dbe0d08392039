package ocspcheck

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// responder answers questions about what an authority has issued. Changes between
// questions are made through set.
type responder struct {
	issuer *identity
	URL    string // if it listens

	mu       sync.Mutex
	statuses map[string]int // by serial number; others are unknown
	signer   *identity      // of answers; the issuer by default
	enclose  bool           // the signer's certificate
	from     time.Duration  // ThisUpdate, from now
	lasts    time.Duration  // NextUpdate, from now; 0: unset
	serial   *big.Int       // answers are about this one, if set
	only     string         // the method that is answered, if set
	code     int            // the code of HTTP, if set
	body     []byte         // instead of an answer, if set
	asked    map[string]int // counts questions by serial number
	methods  []string       // of all questions
	block    chan struct{}  // questions wait for its end, if set
	now      func() time.Time
}

// silentResponder answers only those that use its RoundTrip.
func silentResponder(issuer *identity) *responder {
	return &responder{
		issuer: issuer, signer: issuer, lasts: time.Hour, from: -time.Minute,
		statuses: make(map[string]int), asked: make(map[string]int),
		now: time.Now,
	}
}

func newResponder(t testing.TB, issuer *identity) *responder {
	t.Helper()
	r := silentResponder(issuer)
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// deadURL returns the URL of a responder that cannot be reached.
func deadURL(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	return server.URL
}

func (r *responder) set(change func(*responder)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
}

func (r *responder) tell(i *identity, status int) {
	r.set(func(r *responder) { r.statuses[i.cert.SerialNumber.String()] = status })
}

func (r *responder) questions(i *identity) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[i.cert.SerialNumber.String()]
}

// answer makes an answer about a certificate.
func (r *responder) answer(serial *big.Int) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	status, known := r.statuses[serial.String()]
	if !known {
		status = ocsp.Unknown
	}
	now := r.now()
	template := ocsp.Response{SerialNumber: serial, Status: status, ThisUpdate: now.Add(r.from), RevokedAt: now}
	if r.serial != nil {
		template.SerialNumber = r.serial
	}
	if r.lasts != 0 {
		template.NextUpdate = now.Add(r.lasts)
	}
	if r.enclose {
		template.Certificate = r.signer.cert
	}
	return ocsp.CreateResponse(r.issuer.cert, r.signer.cert, template, r.signer.key)
}

func (r *responder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	der, err := io.ReadAll(request.Body)
	if request.Method == http.MethodGet {
		der, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(request.URL.Path, "/"))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q, err := ocsp.ParseRequest(der)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.asked[q.SerialNumber.String()]++
	r.methods = append(r.methods, request.Method)
	only, code, body, block := r.only, r.code, r.body, r.block
	r.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-request.Context().Done():
			return
		}
	}
	if only != "" && only != request.Method {
		http.Error(w, "wrong method", http.StatusBadRequest)
		return
	}
	if body == nil {
		if body, err = r.answer(q.SerialNumber); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	if code != 0 {
		w.WriteHeader(code)
	}
	w.Write(body)
}

// RoundTrip answers without a network, whatever the host.
func (r *responder) RoundTrip(request *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	if request.Body == nil {
		request = request.Clone(request.Context())
		request.Body = http.NoBody
	}
	r.ServeHTTP(recorder, request)
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}

// Go: TestEncodeOCSPRequest server/certidp/ocsp_responder_test.go:10
func TestQuestionIsEscapedForPaths(t *testing.T) {
	for _, q := range []question{
		question("test data for a question"), {0xfb, 0xff, 0xbf, 0xfe}, bytes.Repeat([]byte{0xff, 0xfe}, 40), {0},
	} {
		path := q.path()
		if strings.ContainsAny(path, "+/=") {
			t.Errorf("%x: %q contains characters that mean something in a path", q, path)
		}
		encoded, err := url.QueryUnescape(path)
		if err != nil {
			t.Fatal(err)
		}
		if der, err := base64.StdEncoding.DecodeString(encoded); err != nil || !bytes.Equal(der, q) {
			t.Errorf("%q decodes to %x, %v; want %x", path, der, err, q)
		}
	}
}

func TestExchange(t *testing.T) {
	for _, test := range []struct {
		name   string
		reply  func(w http.ResponseWriter)
		reason string // part of the error
	}{
		{"answer", func(w http.ResponseWriter) { w.Write([]byte("answer")) }, ""},
		{"largest answer", func(w http.ResponseWriter) { w.Write(make([]byte, maxAnswer)) }, ""},
		{"too large", func(w http.ResponseWriter) { w.Write(make([]byte, maxAnswer+1)) }, "larger than 131072 bytes"},
		{"endless", func(w http.ResponseWriter) {
			for chunk := make([]byte, 64<<10); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, "larger than 131072 bytes"},
		{"bad status", func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, "non-ok http status on POST request (reqlen=3): 404"},
		{"cut off", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("short"))
		}, "read answer of POST request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { test.reply(w) }))
			defer server.Close()
			r := responders{client: server.Client(), timeout: 10 * time.Second, success: func(code int) bool { return code == 200 }}
			_, err := r.post(context.Background(), server.URL, question("abc"))
			if test.reason == "" && err != nil || test.reason != "" && (err == nil || !strings.Contains(err.Error(), test.reason)) {
				t.Errorf("error %v, want %q", err, test.reason)
			}
		})
	}
}

func TestExchangeDoesNotWaitForever(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	slow := newResponder(t, root)
	slow.set(func(r *responder) { r.block = make(chan struct{}) })
	r := responders{client: sharedClient, timeout: 20 * time.Millisecond, success: func(int) bool { return true }}
	q, err := ask(root.cert, root.cert)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.get(context.Background(), slow.URL, q); err == nil || !strings.Contains(err.Error(), "deadline exceeded") {
		t.Errorf("error %v", err)
	}
}
