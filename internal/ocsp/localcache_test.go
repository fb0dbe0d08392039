package ocspcheck

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"
	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/logging/logtest"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// fingerprint returns a key as certificates have.
func fingerprint(n int) string {
	return Fingerprint(&x509.Certificate{Raw: []byte{byte(n)}})
}

// open opens a cache in a directory of a file system.
func open(t testing.TB, fsys vfs.FS, directory string, preserve bool) (*LocalCache, *logtest.Capture) {
	t.Helper()
	log := logtest.New(t)
	return OpenLocalCache(CacheConfig{
		Options: &options.OCSPResponseCacheConfig{Type: options.OCSPCacheLocal, LocalStore: directory, PreserveRevoked: preserve, SaveInterval: 300},
		FS:      fsys, Log: log,
	}), log
}

func TestCacheFileFormat(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "a", "b")
	cache, log := open(t, nil, directory, false)
	if log.Count(logging.Notice, "OCSP peer cache online, type [local]") != 1 {
		t.Errorf("log %v", log.Lines())
	}
	cache.now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 600e6, time.FixedZone("", 3600)) }
	der := bytes.Repeat([]byte("an answer "), 20)
	cache.Put(fingerprint(0), Entry{Subject: "CN=a", Status: Revoked, Expires: time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC), DER: der})
	cache.Put(fingerprint(1), Entry{Subject: "CN=b", Status: Good, DER: der})
	if err := cache.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(directory, "cache.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]map[string]any
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for key, item := range file {
		var raw []byte
		if err := json.Unmarshal([]byte(`"`+item["resp"].(string)+`"`), &raw); err != nil {
			t.Fatal(err)
		}
		got := new(bytes.Buffer)
		if _, err := got.ReadFrom(s2.NewReader(bytes.NewReader(raw))); err != nil || !bytes.Equal(got.Bytes(), der) {
			t.Errorf("%s: response %q, %v", key, got, err)
		}
		delete(item, "resp")
	}
	want := map[string]map[string]any{
		fingerprint(0): {"subject": "CN=a", "cached_at": "2026-01-02T02:04:06Z", "resp_status": "revoked", "resp_expires": "2026-01-02T04:00:00Z"},
		fingerprint(1): {"subject": "CN=b", "cached_at": "2026-01-02T02:04:06Z", "resp_status": "good", "resp_expires": "0001-01-01T00:00:00Z"},
	}
	if diff := cmp.Diff(want, file); diff != "" {
		t.Error(diff)
	}
	if !bytes.HasPrefix(data, []byte("{\n \"")) || !bytes.Contains(data, []byte("\n  \"subject\": ")) {
		t.Errorf("file %s", data)
	}
	if entries, err := os.ReadDir(directory); err != nil || len(entries) != 1 {
		t.Errorf("directory %v, %v", entries, err)
	}
	if info, err := os.Stat(directory); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory %v, %v", info, err)
	}
}

func TestCacheDefaultDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, o := range []*options.OCSPResponseCacheConfig{nil, {LocalStore: ""}} {
		cache := OpenLocalCache(CacheConfig{Options: o})
		cache.Put(fingerprint(0), Entry{DER: []byte("x")})
		if err := cache.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join("_rc_", "cache.json")); err != nil {
			t.Error(err)
		}
		os.RemoveAll("_rc_")
	}
}

func TestCacheSurvivesARestart(t *testing.T) {
	directory := t.TempDir()
	cache, _ := open(t, nil, directory, false)
	for n := range 8 {
		cache.Put(fingerprint(n), Entry{Subject: fmt.Sprint("CN=", n), Status: Status(n % 3), Expires: time.Now().Add(time.Hour), DER: []byte(fmt.Sprint("answer ", n))})
	}
	if err := cache.Close(); err != nil {
		t.Fatal(err)
	}
	again, log := open(t, nil, directory, false)
	if log.Count(logging.Warn, "") != 0 {
		t.Errorf("log %v", log.Lines())
	}
	if diff := cmp.Diff(cache.shelf.entries, again.shelf.entries); diff != "" {
		t.Error(diff)
	}
	if got := again.Stats(); got != (CacheStats{Responses: 8, Unknown: 3, Good: 3, Revoked: 2}) {
		t.Errorf("%+v", got)
	}
	if got := again.Get(fingerprint(3)); string(got) != "answer 3" {
		t.Errorf("%q", got)
	}
}

func TestBrokenCacheFiles(t *testing.T) {
	entry := func(change func(map[string]any)) string {
		compressed, err := compress([]byte("answer"))
		if err != nil {
			t.Fatal(err)
		}
		item := map[string]any{"subject": "CN=a", "cached_at": "2026-01-02T02:04:06Z", "resp_status": "good", "resp": compressed}
		change(item)
		data, err := json.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	good := entry(func(map[string]any) {})
	bomb := new(bytes.Buffer)
	w := s2.NewWriter(bomb)
	for range 100 {
		w.Write(make([]byte, 100<<10))
	}
	w.Close()
	for _, test := range []struct {
		name, content string
		responses     int64
		warnings      int
	}{
		{"empty object", "{}", 0, 0},
		{"null", "null", 0, 0},
		{"nothing", "", 0, 1},
		{"text", "hello", 0, 1},
		{"array", "[]", 0, 1},
		{"good", `{"` + fingerprint(0) + `":` + good + `}`, 1, 0},
		{"unknown keys", `{"` + fingerprint(0) + `":` + entry(func(m map[string]any) { m["more"] = 1 }) + `}`, 1, 0},
		{"bad time", `{"` + fingerprint(0) + `":` + entry(func(m map[string]any) { m["cached_at"] = "yesterday" }) + `}`, 0, 1},
		{"bad key", `{"abc":` + good + `,"` + fingerprint(0) + `":` + good + `}`, 1, 1},
		{"no response", `{"` + fingerprint(1) + `":` + entry(func(m map[string]any) { delete(m, "resp") }) + `,"` + fingerprint(0) + `":` + good + `}`, 1, 1},
		{"response not compressed", `{"` + fingerprint(0) + `":` + entry(func(m map[string]any) { m["resp"] = []byte("answer") }) + `}`, 0, 1},
		{"bomb", `{"` + fingerprint(0) + `":` + entry(func(m map[string]any) { m["resp"] = bomb.Bytes() }) + `}`, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			directory := t.TempDir()
			path := filepath.Join(directory, "cache.json")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			cache, log := open(t, nil, directory, false)
			if got := cache.Stats().Responses; got != test.responses {
				t.Errorf("%d responses, want %d", got, test.responses)
			}
			if got := log.Count(logging.Warn, "Unable to load OCSP peer cache: "); got != test.warnings {
				t.Errorf("%d warnings: %v", got, log.Lines())
			}
			if err := cache.Close(); err != nil {
				t.Fatal(err)
			}
			_, log = open(t, nil, directory, false)
			if got := log.Count(logging.Warn, ""); got != 0 {
				t.Errorf("not replaced: %v", log.Lines())
			}
		})
	}
}

func TestCacheFileTooLarge(t *testing.T) {
	directory := t.TempDir()
	f, err := os.Create(filepath.Join(directory, "cache.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(cacheFileLimit+1), f.Close()); err != nil {
		t.Fatal(err)
	}
	_, log := open(t, nil, directory, false)
	if log.Count(logging.Warn, "Unable to load OCSP peer cache: ") != 1 {
		t.Errorf("log %v", log.Lines())
	}
}

// A cache is written only if it changed.
func TestCacheIsSavedWhenItChanged(t *testing.T) {
	disk := faulty.New(1)
	cache, _ := open(t, disk, "rc", false)
	saves := func(want int) {
		t.Helper()
		before := disk.Count(faulty.Rename)
		if err := cache.Save(); err != nil {
			t.Fatal(err)
		}
		if got := disk.Count(faulty.Rename) - before; got != want {
			t.Errorf("saved %d times, want %d", got, want)
		}
	}
	saves(0)
	cache.Put(fingerprint(0), Entry{Status: Good, DER: []byte("x")})
	saves(1)
	saves(0)
	cache.Get(fingerprint(0))
	saves(0)
	cache.Discard(fingerprint(0))
	saves(1)
	saves(0)
}

func TestRunSavesAtIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := faulty.New(1)
		cache, log := open(t, disk, "rc", false)
		ctx, cancel := context.WithCancel(context.Background())
		var group sync.WaitGroup
		group.Go(func() { cache.Run(ctx) })
		size := func() int64 {
			info, err := disk.Stat(cache.path)
			if err != nil {
				return 0
			}
			return info.Size
		}
		var last int64
		for n := range 3 {
			cache.Put(fingerprint(n), Entry{Status: Good, DER: []byte("x")})
			pass(299 * time.Second)
			synctest.Wait()
			if size() != last {
				t.Error("saved early")
			}
			pass(time.Second)
			synctest.Wait()
			if size() <= last {
				t.Errorf("size %d after %d", size(), last)
			}
			last = size()
		}
		disk.SetCapacity(0)
		cache.Put(fingerprint(4), Entry{Status: Good, DER: []byte("x")})
		pass(300 * time.Second)
		synctest.Wait()
		if log.Count(logging.Error, "Unable to save OCSP peer cache: ") != 1 {
			t.Errorf("log %v", log.Lines())
		}
		if err := cache.Close(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("close: %v", err)
		}
		disk.SetCapacity(-1)
		pass(300 * time.Second) // what could not be saved is not forgotten
		synctest.Wait()
		if size() <= last {
			t.Errorf("size %d after %d: %v", size(), last, log.Lines())
		}
		cancel()
		group.Wait()
	})
}

// After a power cut at any moment of a save there is the old file or the new one.
func TestPowerCutWhileSavingCache(t *testing.T) {
	for cut := 0; ; cut++ {
		disk := faulty.New(uint64(cut))
		cache, _ := open(t, disk, "rc", false)
		cache.Put(fingerprint(0), Entry{Status: Good, DER: []byte("x")})
		if err := cache.Save(); err != nil {
			t.Fatal(err)
		}
		cache.Put(fingerprint(1), Entry{Status: Revoked, DER: make([]byte, 5000)})
		disk.CutAt(disk.Operations() + cut)
		saved := cache.Save()
		for seed := range uint64(5) {
			again, log := open(t, disk.Survive(seed), "rc", false)
			got := again.Stats().Responses
			if log.Count(logging.Warn, "") != 0 || got != 2 && (got != 1 || saved == nil) {
				t.Fatalf("cut at %d: %d responses, %v, after %v", cut, got, log.Lines(), saved)
			}
		}
		if saved == nil {
			return
		}
	}
}

// TestShelf compares a shelf with one that does the same slowly.
func TestShelf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &shelf{
			limits:   limits{rapid.IntRange(1, 4).Draw(t, "entries"), rapid.IntRange(500, 4000).Draw(t, "weight")},
			preserve: rapid.Bool().Draw(t, "preserve"), entries: make(map[string]Entry),
		}
		type item struct {
			key string
			Entry
		}
		var model []item // oldest first
		var gets, hits int64
		begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		drop := func(bad func(item) bool) { model = slices.DeleteFunc(model, bad) }
		weigh := func() (sum int) {
			for _, i := range model {
				sum += i.weight()
			}
			return sum
		}
		for step := range rapid.IntRange(1, 40).Draw(t, "steps") {
			key := string(rune('a' + rapid.IntRange(0, 6).Draw(t, "key")))
			named := func(i item) bool { return i.key == key }
			switch rapid.SampledFrom([]string{"put", "put", "get", "expire", "discard", "forget"}).Draw(t, "operation") {
			case "put":
				e := Entry{
					Cached: begin.Add(time.Duration(step) * time.Second), Status: Status(rapid.IntRange(0, 2).Draw(t, "status")),
					Expires: begin.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "expires")) * time.Second),
					DER:     make([]byte, rapid.IntRange(1, 1500).Draw(t, "size")),
				}
				if rapid.Bool().Draw(t, "no end") {
					e.Expires = time.Time{}
				}
				s.put(key, e)
				drop(named)
				model = append(model, item{key, e})
				for len(model) > s.limits.entries || weigh() > s.limits.weight {
					victim := slices.IndexFunc(model, func(i item) bool { return !s.preserve || i.Status != Revoked })
					model = slices.Delete(model, max(victim, 0), max(victim, 0)+1)
				}
			case "get":
				gets++
				i := slices.IndexFunc(model, named)
				if der := s.get(key); (i >= 0) != (der != nil) {
					t.Fatalf("get %s: %v", key, der)
				}
				if i >= 0 {
					hits++
				}
			case "expire":
				if s.get(key) != nil {
					gets++
					s.expire(key)
					drop(func(i item) bool { return named(i) && i.Status != Revoked })
				} else {
					gets++
				}
			case "discard":
				if s.get(key) != nil {
					gets++
					s.discard(key)
					drop(named)
				} else {
					gets++
				}
			case "forget":
				before := begin.Add(30 * time.Second)
				s.forget(before)
				drop(func(i item) bool {
					return !i.Expires.IsZero() && i.Expires.Before(before) && !(s.preserve && i.Status == Revoked)
				})
			}
			if len(s.entries) != len(model) || s.weight != weigh() {
				t.Fatalf("%d entries of weight %d, want %d of %d", len(s.entries), s.weight, len(model), weigh())
			}
			for _, i := range model {
				if diff := cmp.Diff(i.Entry, s.entries[i.key]); diff != "" {
					t.Fatal(diff)
				}
			}
			if got := s.stats(); got.Hits != hits || got.Hits+got.Misses != gets || got.Responses != got.Good+got.Revoked+got.Unknown {
				t.Fatalf("%+v, want %d hits of %d", got, hits, gets)
			}
		}
	})
}

// The weight of entries bounds the size of the file.
func TestWeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := make(map[string]Entry)
		weight := 0
		random := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))
		for n := range rapid.IntRange(0, 8).Draw(t, "entries") {
			der := make([]byte, rapid.IntRange(1, 5000).Draw(t, "size"))
			for i := range der {
				der[i] = byte(random.Uint32()) // which cannot be compressed
			}
			e := Entry{
				Subject: shorten(string(rapid.SliceOf(rapid.Byte()).Draw(t, "subject"))), DER: der,
				Expires: representable(time.Unix(rapid.Int64().Draw(t, "expires"), 999999999)), Cached: time.Now().UTC(),
			}
			entries[fingerprint(n)] = e
			weight += e.weight()
		}
		data, err := encodeCache(entries)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > weight+4 {
			t.Fatalf("%d bytes of weight %d", len(data), weight)
		}
	})
}

// Times that the file cannot hold do not keep it from being written.
func TestOddTimes(t *testing.T) {
	cache := openCache(t, nil)
	for n, odd := range []time.Time{
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -12*3600)), time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), {},
	} {
		cache.Put(fingerprint(n), Entry{Status: Good, Expires: odd, DER: []byte("x"), Subject: strings.Repeat("\x00", 5000)})
	}
	if err := cache.Close(); err != nil {
		t.Error(err)
	}
}

func FuzzDecodeCache(f *testing.F) {
	compressed, err := compress([]byte("answer"))
	if err != nil {
		f.Fatal(err)
	}
	good, err := encodeCache(map[string]Entry{fingerprint(0): {Subject: "CN=a", Status: Revoked, DER: compressed}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("{}"))
	f.Add([]byte(`{"abc":{"resp":"/wYAAFMyc1R3Tw=="}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, dropped, bad, err := decodeCache(data)
		if err != nil {
			return
		}
		if (dropped > 0) != (bad != nil) {
			t.Fatalf("%d dropped, %v", dropped, bad)
		}
		again, err := encodeCache(entries)
		if err != nil {
			t.Fatal(err)
		}
		same, dropped, _, err := decodeCache(again)
		if err != nil || dropped != 0 || len(same) != len(entries) {
			t.Fatalf("%d entries became %d, %v", len(entries), len(same), err)
		}
		for key, e := range entries {
			if got := same[key]; !bytes.Equal(got.DER, e.DER) || got.Status != e.Status || !got.Expires.Equal(e.Expires) {
				t.Fatalf("%+v became %+v", e, got)
			}
		}
	})
}

func FuzzDecompress(f *testing.F) {
	compressed, err := compress([]byte("answer answer answer"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(compressed)
	f.Fuzz(func(t *testing.T, data []byte) {
		der, err := decompress(data)
		if (err == nil) != (len(der) > 0) || len(der) > maxAnswer {
			t.Fatalf("%d bytes, %v", len(der), err)
		}
	})
}
