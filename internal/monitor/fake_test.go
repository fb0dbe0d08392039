package monitor

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/options"
)

// fakeSource is a server of plain values. Set its fields before use.
type fakeSource struct {
	identity  Identity
	options   *options.Options
	totals    Totals
	open      []client.Snapshot
	closed    []client.Snapshot
	jetstream *api.JSInfo
	cache     *api.OCSPResponseCacheVarz
	accounts  []AccountState

	mu       sync.Mutex
	notReady []string
	tls      *tls.Config
	measured []uint64
	lines    []string
}

func (f *fakeSource) Identity() Identity                    { return f.identity }
func (f *fakeSource) Options() *options.Options             { return f.options }
func (f *fakeSource) Totals() Totals                        { return f.totals }
func (f *fakeSource) Closed() []client.Snapshot             { return f.closed }
func (f *fakeSource) PeerCache() *api.OCSPResponseCacheVarz { return f.cache }
func (f *fakeSource) JetStream() *api.JSInfo                { return f.jetstream }
func (f *fakeSource) Accounts() []AccountState              { return slices.Clone(f.accounts) }

func (f *fakeSource) AccountTag(name string) string {
	for i := range f.accounts {
		if c := f.accounts[i].Claims; c != nil && f.accounts[i].Name == name {
			return c.Tag()
		}
	}
	return name
}

func (f *fakeSource) Connections(withSubs bool) []client.Snapshot {
	list := slices.Clone(f.open)
	for i := range list {
		if !withSubs {
			list[i].Subs = nil
		}
	}
	return list
}

func (f *fakeSource) Connection(id uint64, withSubs bool) (client.Snapshot, bool) {
	for _, c := range f.Connections(withSubs) {
		if c.ID == id {
			return c, true
		}
	}
	return client.Snapshot{}, false
}

func (f *fakeSource) MeasureRTT(ids []uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.measured = append(f.measured, ids...)
}

func (f *fakeSource) NotReady() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.notReady
}

func (f *fakeSource) TLSConfig() *tls.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tls
}

func (f *fakeSource) setTLS(config *tls.Config) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tls = config
}

func (f *fakeSource) log(level, format string, args []any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, level+" "+fmt.Sprintf(format, args...))
}

func (f *fakeSource) Noticef(format string, args ...any) { f.log("INF", format, args) }
func (f *fakeSource) Warnf(format string, args ...any)   { f.log("WRN", format, args) }
func (f *fakeSource) Errorf(format string, args ...any)  { f.log("ERR", format, args) }

// logged returns the lines so far.
func (f *fakeSource) logged() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.lines)
}

// zone is where the fake server stands: answers must not depend on it.
var zone = time.FixedZone("JST", 9*60*60)

// noon is the time of all tests.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 5000, time.UTC)

func newFake() *fakeSource {
	o := &options.Options{Host: "127.0.0.1", HTTPHost: "127.0.0.1"}
	o.SetDefaults()
	return &fakeSource{
		options: o,
		identity: Identity{
			ID: "NTEST", Name: "fake", Version: "2.15.2", Commit: "abc1234",
			Start: noon.Add(-4*time.Minute - 22*time.Second).In(zone), ConfigLoaded: noon.Add(-time.Minute).In(zone),
			Host: "127.0.0.1", Port: 4222, SystemAccount: "$SYS", HTTPPort: 8222,
		},
	}
}

// newFakeServer returns a Server whose clock stands still.
func newFakeServer(f *fakeSource) *Server {
	s := New(f)
	s.now = func() time.Time { return noon }
	return s
}

// newAccount returns an account with subscriptions of the given connection.
func newAccount(t testing.TB, name string, cid uint64, subjects ...string) AccountState {
	t.Helper()
	a := broker.NewAccount(name, nil)
	to := &broker.Receiver{ID: cid}
	for i, subject := range subjects {
		sub := &broker.Subscription{Subject: subject, SID: fmt.Sprint(i + 1), To: to}
		if err := a.Subscribe(sub); err != nil {
			t.Fatal(err)
		}
	}
	return AccountState{Account: a, Limits: options.UnlimitedAccount(), Updated: noon.Add(-time.Hour).In(zone)}
}

// newConnection returns an open connection.
func newConnection(id uint64) client.Snapshot {
	return client.Snapshot{
		ID: id, Type: options.ConnectionStandard,
		Remote: &net.TCPAddr{IP: net.IPv4(10, 0, 0, byte(id)), Port: 30000 + int(id)},
		Start:  noon.Add(-time.Minute).In(zone), LastActivity: noon.Add(-5 * time.Second).In(zone),
	}
}

// closedAt turns a connection into a closed one.
func closedAt(c client.Snapshot, stop time.Time, reason client.Reason) client.Snapshot {
	c.Stop, c.Reason = stop.In(zone), reason
	return c
}

// get asks the handler.
func get(t testing.TB, s *Server, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

// getJSON asks the handler and decodes what must be a good answer.
func getJSON[T any](t testing.TB, s *Server, target string) *T {
	t.Helper()
	w := get(t, s, target)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("GET %s: %d, %s\n%s", target, w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	if origin := w.Header().Get("Access-Control-Allow-Origin"); origin != "*" {
		t.Fatalf("GET %s: Access-Control-Allow-Origin is %q", target, origin)
	}
	v := new(T)
	if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
		t.Fatalf("GET %s: %v\n%s", target, err, w.Body)
	}
	return v
}

// wantBadRequest asks the handler for something wrong.
func wantBadRequest(t testing.TB, s *Server, target, text string) {
	t.Helper()
	w := get(t, s, target)
	if w.Code != http.StatusBadRequest || w.Body.String() != text {
		t.Errorf("GET %s: %d %q, want 400 %q", target, w.Code, w.Body, text)
	}
	if kind := w.Header().Get("Content-Type"); kind != "text/plain; charset=utf-8" {
		t.Errorf("GET %s: content type %q", target, kind)
	}
	if origin := w.Header().Get("Access-Control-Allow-Origin"); origin != "" {
		t.Errorf("GET %s: Access-Control-Allow-Origin %q", target, origin)
	}
}

// readAll reads and closes a body.
func readAll(t testing.TB, body io.ReadCloser) string {
	t.Helper()
	defer body.Close() // only read
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
