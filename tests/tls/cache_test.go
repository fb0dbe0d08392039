package tls_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"
	"golang.org/x/crypto/ocsp"

	"github.com/godwit-mq/godwit/tests/kit"
)

// counters are those of the cache, as monitoring shows them.
type counters struct {
	Type                                              string
	Hits, Misses, Responses, Revokes, Goods, Unknowns int64
}

// counters returns them; nil if there is no cache.
func (s *site) counters() *counters {
	s.t.Helper()
	return (*counters)(s.varz().OCSPResponseCache)
}

// wantCounters compares them.
func (s *site) wantCounters(when string, want counters) {
	s.t.Helper()
	want.Type = "local"
	if diff := cmp.Diff(&want, s.counters()); diff != "" {
		s.t.Errorf("%s: the cache differs (-want +got):\n%s", when, diff)
	}
}

// expired is the file of a cache with an answer that was good in former times.
func (a *authority) expired(c *credential, status int) string {
	a.t.Helper()
	a.mu.Lock()
	age, lasts, before := a.age, a.lasts, a.statuses[c.cert.SerialNumber.String()]
	a.age, a.lasts, a.statuses[c.cert.SerialNumber.String()] = 1000*time.Hour, -999*time.Hour, status
	der := kit.Must[[]byte](a.t)(a.answer(c.cert.SerialNumber))
	a.age, a.lasts, a.statuses[c.cert.SerialNumber.String()] = age, lasts, before
	a.mu.Unlock()
	var packed bytes.Buffer
	w := s2.NewWriter(&packed)
	kit.Must[int](a.t)(w.Write(der))
	kit.OK(a.t, w.Close())
	word := map[int]string{ocsp.Good: "good", ocsp.Revoked: "revoked", ocsp.Unknown: "unknown"}[status]
	text := kit.Must[[]byte](a.t)(json.Marshal(map[string]any{c.fingerprint(): map[string]any{
		"subject":   c.cert.Subject.ToRDNSequence().String(),
		"cached_at": time.Now().Add(-1000 * time.Hour).UTC().Format(time.RFC3339), "resp_status": word,
		"resp_expires": time.Now().Add(-999 * time.Hour).UTC().Format(time.RFC3339),
		"resp":         base64.StdEncoding.EncodeToString(packed.Bytes()),
	}}))
	return string(text)
}

// inCache writes the file of a cache.
func inCache(t testing.TB, dir, text string) {
	t.Helper()
	kit.OK(t, os.MkdirAll(dir, 0o700))
	kit.Write(t, filepath.Join(dir, "cache.json"), text)
}

// TestCacheOfAnswers: who comes again is not asked about again, also not by the
// server that has been started anew.
//
// Go: TestOCSPPeerGoodClientsLocalCache test/ocsp_peer_test.go:975
func TestCacheOfAnswers(t *testing.T) {
	for _, c := range []struct{ name, peer, more string }{
		{"short form", "ocsp_peer { verify: true, ca_timeout: 5, allowed_clockskew: 30 }", "ocsp_cache: true"},
		{"long form", "ocsp_peer: true", "ocsp_cache { type: local }"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			w := newTown(t)
			s := run(t, w.config(c.peer, c.more))
			w.accepts(s, w.a)
			s.wantCounters("first", counters{Misses: 2, Responses: 2, Goods: 2})
			w.accepts(s, w.a)
			s.wantCounters("second", counters{Misses: 2, Hits: 2, Responses: 2, Goods: 2})
			w.two.tell(w.b, ocsp.Revoked)
			w.rejects(s, w.b)
			s.wantCounters("another client", counters{Misses: 3, Hits: 2, Responses: 3, Goods: 2, Revokes: 1})
			s.Shutdown()

			for _, a := range []*authority{w.root, w.one, w.two} {
				a.set(func(a *authority) { a.silent = true })
			}
			s = run(t, w.config(c.peer, c.more))
			w.accepts(s, w.a)
			w.rejects(s, w.b)
			s.wantCounters("a new server", counters{Hits: 3, Responses: 3, Goods: 2, Revokes: 1})
			if n := s.log.Count("INF OCSP peer cache online, type [local]"); n != 1 {
				t.Errorf("logged %d times", n)
			}
		})
	}
}

// TestAnswersWithoutEnd are good for as long as the configuration says.
//
// Go: TestOCSPPeerNextUpdateUnset test/ocsp_peer_test.go:2812
func TestAnswersWithoutEnd(t *testing.T) {
	for _, c := range []struct {
		name  string
		ttl   int // seconds
		again bool
	}{{"long", 60, false}, {"short", 2, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			w.one.set(func(a *authority) { a.age, a.lasts = 0, 0 })
			s := run(t, w.config(fmt.Sprintf("ocsp_peer { verify: true, ca_timeout: 5, allowed_clockskew: 0, cache_ttl_when_next_update_unset: %d }", c.ttl), ""))
			w.accepts(s, w.a)
			s.wantCounters("first", counters{Misses: 2, Responses: 2, Goods: 2})
			if !c.again {
				w.accepts(s, w.a)
				s.wantCounters("second", counters{Misses: 2, Hits: 2, Responses: 2, Goods: 2})
				return
			}
			kit.Eventually(t, "it is asked again", func() bool {
				w.accepts(s, w.a)
				return w.one.questions(w.a) == 2
			})
			if v := s.counters(); v.Misses != 3 || v.Responses != 2 {
				t.Errorf("%+v", v)
			}
		})
	}
}

// TestExpiredAnswersInTheCache: a revocation is remembered if nobody can be asked,
// until somebody says something else.
//
// Go: TestOCSPPeerPreserveRevokedCacheItem test/ocsp_peer_test.go:1602
// Go: TestOCSPPeerAllowWhenCAUnreachableOption test/ocsp_peer_test.go:2103
func TestExpiredAnswersInTheCache(t *testing.T) {
	const all = -1 // no answer in the cache
	for _, c := range []struct {
		name   string
		allow  bool
		cached int
		silent bool // nobody answers about the client
		ok     bool
		want   counters
	}{
		// The answer about the authority above is not asked for once the client is refused.
		{"revoked, preserved", false, ocsp.Revoked, true, false, counters{Misses: 1, Responses: 1, Revokes: 1}},
		{"revoked, now good", false, ocsp.Revoked, false, true, counters{Misses: 2, Responses: 2, Goods: 2}},
		{"revoked, allowed", true, ocsp.Revoked, true, false, counters{Misses: 1, Responses: 1, Revokes: 1}},
		{"good, allowed", true, ocsp.Good, true, true, counters{Misses: 2, Responses: 1, Goods: 1}},
		{"unknown, allowed", true, ocsp.Unknown, true, true, counters{Misses: 2, Responses: 1, Goods: 1}},
		{"nothing, allowed", true, all, true, true, counters{Misses: 2, Responses: 1, Goods: 1}},
		{"nothing, not allowed", false, all, true, false, counters{Misses: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newTown(t)
			dir := filepath.Join(t.TempDir(), "cache")
			if c.cached != all {
				inCache(t, dir, w.one.expired(w.a, c.cached))
			}
			w.one.set(func(a *authority) { a.silent = c.silent })
			s := run(t, w.config(fmt.Sprintf("ocsp_peer { verify: true, ca_timeout: 0.5, allow_when_ca_unreachable: %v }", c.allow),
				"ocsp_cache { type: local, preserve_revoked: true, local_store: '"+dir+"' }"))
			if n := s.log.Count("Unable to load OCSP peer cache"); n != 0 {
				t.Fatalf("the cache is not read: %q", s.log.Find())
			}
			if c.ok {
				w.accepts(s, w.a)
			} else {
				w.rejects(s, w.a)
			}
			s.wantCounters("then", c.want)
		})
	}
}

// TestPlaceOfTheCache: the directory is the one of the configuration, by default
// one below the working directory.
//
// Go: TestOCSPResponseCacheLocalStoreOpt test/ocsp_peer_test.go:2309
func TestPlaceOfTheCache(t *testing.T) {
	for dir, setting := range map[string]string{"_custom_": `"_custom_"`, "_rc_": `""`} {
		t.Run(dir, func(t *testing.T) {
			t.Chdir(t.TempDir())
			w := newTown(t)
			w.one.set(func(a *authority) { a.silent = true })
			inCache(t, dir, w.one.expired(w.a, ocsp.Revoked))
			// Only the cache knows that the client is revoked.
			s := run(t, w.config("ocsp_peer { verify: true, ca_timeout: 0.5, allow_when_ca_unreachable: true }",
				"ocsp_cache { type: local, local_store: "+setting+", preserve_revoked: true }"))
			w.rejects(s, w.a)
			w.accepts(s, w.b)
			s.Shutdown()
			var saved map[string]json.RawMessage
			kit.OK(t, json.Unmarshal(kit.Must[[]byte](t)(os.ReadFile(filepath.Join(dir, "cache.json"))), &saved))
			if len(saved) != 3 || saved[w.a.fingerprint()] == nil || saved[w.b.fingerprint()] == nil {
				t.Errorf("%d answers are saved", len(saved))
			}
		})
	}
}

// TestBrokenCache is replaced, and said so.
func TestBrokenCache(t *testing.T) {
	w := newTown(t)
	dir := t.TempDir()
	inCache(t, dir, `{"broken`)
	s := run(t, w.config("ocsp_peer: true", "ocsp_cache { local_store: '"+dir+"' }"))
	if n := s.log.Count("WRN Unable to load OCSP peer cache: "); n != 1 {
		t.Errorf("warned %d times", n)
	}
	w.accepts(s, w.a)
	s.Shutdown()
	var saved map[string]json.RawMessage
	kit.OK(t, json.Unmarshal(kit.Must[[]byte](t)(os.ReadFile(filepath.Join(dir, "cache.json"))), &saved))
	if len(saved) != 2 {
		t.Errorf("%d answers are saved", len(saved))
	}
}

// TestCacheIsSavedWhileTheServerRuns saves new answers at the interval.
//
// Go: TestOCSPPeerIncrementalSaveLocalCache test/ocsp_peer_test.go:2445
func TestCacheIsSavedWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "cache.json")
	s := run(t, w.config("ocsp_peer: true", "ocsp_cache { type: local, local_store: '"+dir+"', save_interval: 1 }"))
	w.accepts(s, w.a)
	if n := size(file); n != 0 {
		t.Errorf("%d bytes at once", n)
	}
	kit.Eventually(t, "answers are saved", func() bool { return size(file) > 0 })
	first := size(file)
	w.accepts(s, w.b)
	kit.Eventually(t, "more answers are saved", func() bool { return size(file) > first })
}

// TestMonitoringOfTheCache: it is shown if there is one, and a reload may add and
// remove it.
//
// Go: TestOCSPResponseCacheMonitor test/ocsp_peer_test.go:1355
// Go: TestOCSPResponseCacheChangeAndReload test/ocsp_peer_test.go:1489
func TestMonitoringOfTheCache(t *testing.T) {
	t.Chdir(t.TempDir())
	w := newTown(t)
	text := func(peer, cache string) string {
		return tlsBlock(w.server, w.root.file, "verify: true\n"+peer) + cache
	}
	const peer = "ocsp_peer { verify: true }"
	for _, c := range []struct {
		peer, cache string
		shown       bool
	}{
		{peer, "ocsp_cache: true", true},
		{peer, "ocsp_cache { type: local }", true},
		{peer, "", true},
		{peer, "ocsp_cache: false", false},
		{peer, "ocsp_cache { type: none }", false},
		{"", "ocsp_cache: true", false},
	} {
		s := run(t, text(c.peer, c.cache))
		if shown := s.counters() != nil; shown != c.shown {
			t.Errorf("%q: shown: %v", c.cache, shown)
		}
		if c.shown {
			s.wantCounters(c.cache, counters{})
		}
		if v := s.varz(); v.TLSOCSPPeerVerify != (c.peer != "") {
			t.Errorf("%q: verifies: %v", c.peer, v.TLSOCSPPeerVerify)
		}
		s.Shutdown()
	}
	t.Run("reload", func(t *testing.T) {
		s := run(t, text(peer, "ocsp_cache { type: none }"))
		if s.counters() != nil {
			t.Error("shown before")
		}
		w.accepts(s, w.a)
		kit.OK(t, s.reload(text(peer, "ocsp_cache { type: local }")))
		s.wantCounters("added", counters{})
		w.accepts(s, w.a)
		kit.OK(t, s.reload(text(peer, "ocsp_cache { type: local }\nmax_payload: 1000")))
		w.accepts(s, w.a)
		s.wantCounters("kept", counters{Misses: 2, Hits: 2, Responses: 2, Goods: 2})
		kit.OK(t, s.reload(text(peer, "ocsp_cache { type: local, preserve_revoked: true }")))
		s.wantCounters("changed, with the same file", counters{Responses: 2, Goods: 2})
		kit.OK(t, s.reload(text(peer, "ocsp_cache: false")))
		if s.counters() != nil {
			t.Error("shown after it is gone")
		}
		w.accepts(s, w.a)
		if n := w.one.questions(w.a); n != 3 {
			t.Errorf("%d questions", n)
		}
	})
}
