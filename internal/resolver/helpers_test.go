package resolver

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit/internal/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// signer is a key pair with its public key at hand.
type signer struct {
	nkeys.KeyPair
	public string
}

func newSigner(t testing.TB, create func() (nkeys.KeyPair, error)) signer {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return signer{pair, public}
}

func newAccount(t testing.TB) signer { t.Helper(); return newSigner(t, nkeys.CreateAccount) }

// claims encodes an account JWT, signed by itself. A name makes it different
// from others of the same second; expires is in Unix seconds.
func (s signer) claims(t testing.TB, name string, expires int64) string {
	t.Helper()
	c := jwt.NewAccountClaims(s.public)
	c.Name, c.Expires = name, expires
	text, err := c.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// expiring encodes an account JWT that expires in so many seconds; 0: never.
func (s signer) expiring(t testing.TB, seconds int) string {
	t.Helper()
	if seconds == 0 {
		return s.claims(t, "", 0)
	}
	return s.claims(t, "", time.Now().Round(time.Second).Add(time.Duration(seconds)*time.Second).Unix())
}

// accounts makes JWTs of several accounts, by key.
func accounts(t testing.TB, n int) map[string]string {
	t.Helper()
	made := make(map[string]string)
	for range n {
		a := newAccount(t)
		made[a.public] = a.claims(t, "", 0)
	}
	return made
}

func sorted(m map[string]string) (keys []string) {
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError checks for an error, or its text.
func wantError(t testing.TB, err error, want any) {
	t.Helper()
	switch w := want.(type) {
	case error:
		if !errors.Is(err, w) {
			t.Fatalf("error %v, want %v", err, w)
		}
	case string:
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Fatalf("error %v, want %q", err, w)
		}
	}
}

// open opens a directory and closes it with the test.
func open(t testing.TB, path string, c Config) *Directory {
	t.Helper()
	d, err := OpenDirectory(path, c)
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

// wantAll checks that exactly these JWTs are there.
func wantAll(t testing.TB, d *Directory, want map[string]string) {
	t.Helper()
	for key, text := range want {
		got, err := d.Load(key)
		must(t, err)
		if got != text {
			t.Fatalf("%s is %q, want %q", key, got, text)
		}
	}
	if !slices.Equal(d.Keys(), sorted(want)) {
		t.Fatalf("accounts %v, want %v", d.Keys(), sorted(want))
	}
}

// files lists the files with an ending below a directory.
func files(t testing.TB, path, ending string) []string {
	t.Helper()
	return filesOn(t, vfs.OS, path, ending)
}

func filesOn(t testing.TB, fsys vfs.FS, path, ending string) (list []string) {
	t.Helper()
	entries, err := fsys.ReadDir(path)
	must(t, err)
	for _, e := range entries {
		name := filepath.Join(path, e.Name)
		if e.Dir {
			list = append(list, filesOn(t, fsys, name, ending)...)
		} else if strings.HasSuffix(name, ending) {
			list = append(list, name)
		}
	}
	return list
}

// wantSize checks the number of files, and that the index has the same.
func wantSize(t testing.TB, d *Directory, n int) {
	t.Helper()
	if got := filesOn(t, d.config.FS, d.Path(), extension); len(got) != n {
		t.Fatalf("%d files, want %d: %v", len(got), n, got)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.index.items) != n || len(d.index.soonest) != n || d.index.recent.Len() != n {
		t.Fatalf("index of %d, %d and %d, want %d", len(d.index.items), len(d.index.soonest), d.index.recent.Len(), n)
	}
}

func exists(t testing.TB, d *Directory, key string) bool {
	t.Helper()
	return len(filesOn(t, d.config.FS, d.Path(), key+extension)) == 1
}

// pass lets time go by, in a bubble of synctest.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// recorder collects what functions of a configuration are told.
type recorder struct {
	mu       sync.Mutex
	keys     []string
	problems []error
}

func (r *recorder) note(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = append(r.keys, key)
}

func (r *recorder) report(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = append(r.problems, err)
}

// take returns the keys since the last call, sorted.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := r.keys
	r.keys = nil
	slices.Sort(keys)
	return keys
}

func (r *recorder) takeProblems() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	problems := r.problems
	r.problems = nil
	return problems
}
