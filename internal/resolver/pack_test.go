package resolver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// filled opens a new directory with these accounts.
func filled(t testing.TB, all map[string]string, c Config) *Directory {
	t.Helper()
	d := open(t, t.TempDir(), c)
	for key, text := range all {
		must(t, d.Save(key, text))
	}
	return d
}

// Go: TestShardedDirStorePackMerge server/dirstore_test.go:224
// Go: TestShardedToUnsharedDirStorePackMerge server/dirstore_test.go:299
func TestPackAndMerge(t *testing.T) {
	for _, shard := range []bool{true, false} {
		all := accounts(t, 4)
		from := filled(t, all, Config{Shard: true})
		if from.IsReadOnly() {
			t.Error("read-only")
		}
		wantAll(t, from, all)
		pack, err := from.Pack(-1)
		must(t, err)
		to := open(t, t.TempDir(), Config{Shard: shard})
		must(t, to.Merge(pack))
		wantAll(t, to, all)
		for _, d := range []*Directory{from, to} {
			if got, err := d.Load("random"); err == nil || got != "" {
				t.Errorf("random is %q, %v", got, err)
			}
		}
		if from.Hash() != to.Hash() {
			t.Error("equal stores, different hashes")
		}

		pack, err = to.Pack(1)
		must(t, err)
		limited := open(t, t.TempDir(), Config{Shard: shard})
		must(t, limited.Merge(pack))
		keys := limited.Keys()
		if len(keys) != 1 {
			t.Fatalf("accounts of a pack of one: %v", keys)
		}
		wantAll(t, limited, map[string]string{keys[0]: all[keys[0]]})
		pack, err = to.Pack(0)
		if must(t, err); pack != "" {
			t.Errorf("a pack of none: %q", pack)
		}

		wantError(t, to.Merge("foo"), `line in package didn't contain 2 entries: "foo"`)
		wantError(t, to.Merge("a|something"), "key to merge is not a valid public account key")
		must(t, to.Merge(""))
		must(t, to.Merge("\n\n"))
	}
}

func TestMergeRefuses(t *testing.T) {
	a, other := newAccount(t), newAccount(t)
	user := newSigner(t, nkeys.CreateUser)
	text := a.claims(t, "", 0)
	userText, err := jwt.NewUserClaims(user.public).Encode(a)
	must(t, err)
	for line, want := range map[string]any{
		a.public + "|" + text + "|":                     "didn't contain 2 entries",
		strings.Repeat("x", 1000):                       `xxx..."`,
		user.public + "|" + text:                        "not a valid public account key",
		a.public + "|":                                  ErrInvalid,
		a.public + "|rubbish":                           "expected 3 chunks",
		a.public + "|" + text[:len(text)-3] + "AAA":     "signature verification",
		a.public + "|" + userText:                       "not account claim",
		other.public + "|" + text:                       "jwt subject nkey and provided nkey do not match",
		a.public + "|" + strings.Repeat("x", MaxSize+1): ErrInvalid,
	} {
		d := open(t, t.TempDir(), Config{})
		wantError(t, d.Merge(line), want)
		// The lines after it are taken nevertheless.
		if wantError(t, d.Merge(line+"\n"+other.public+"|"+other.claims(t, "", 0)), want); !slices.Equal(d.Keys(), []string{other.public}) {
			t.Errorf("%.40q: then %v", line, d.Keys())
		}
	}
	d := open(t, t.TempDir(), Config{ReadOnly: true})
	wantError(t, d.Merge(a.public+"|"+text), ErrReadOnly)
}

func TestMergeAsksWhetherToAccept(t *testing.T) {
	good, bad := newAccount(t), newAccount(t)
	refused := errors.New("not trusted")
	d := open(t, t.TempDir(), Config{Accept: func(key, text string) error {
		if key == bad.public {
			return refused
		}
		return nil
	}})
	wantError(t, d.Merge(bad.public+"|"+bad.claims(t, "", 0)+"\n"+good.public+"|"+good.claims(t, "", 0)), refused)
	if !slices.Equal(d.Keys(), []string{good.public}) {
		t.Errorf("stored %v", d.Keys())
	}
}

// Go: TestMergeOnlyOnNewer server/dirstore_test.go:358
func TestNewerReplacesOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), Config{Shard: true})
		a := newAccount(t)
		older := a.claims(t, "old", 0)
		same := a.claims(t, "as old", 0)
		pass(2 * time.Second)
		newer := a.claims(t, "new", 0)

		must(t, d.Save(a.public, older))
		wantAll(t, d, map[string]string{a.public: older})
		must(t, d.SaveNewer(a.public, same))
		wantAll(t, d, map[string]string{a.public: same})
		must(t, d.SaveNewer(a.public, newer))
		wantAll(t, d, map[string]string{a.public: newer})
		must(t, d.SaveNewer(a.public, older))
		wantAll(t, d, map[string]string{a.public: newer})
		must(t, d.Merge(a.public+"|"+older))
		wantAll(t, d, map[string]string{a.public: newer})
		// A request of somebody who may does replace it.
		must(t, d.Save(a.public, older))
		wantAll(t, d, map[string]string{a.public: older})
		// So does anything where no JWT is.
		must(t, d.Save(a.public, "rubbish"))
		must(t, d.SaveNewer(a.public, older))
		wantAll(t, d, map[string]string{a.public: older})
	})
}

func TestSubjectOfStoredJWTDiffers(t *testing.T) {
	d := open(t, t.TempDir(), Config{})
	a, other := newAccount(t), newAccount(t)
	must(t, d.Save(a.public, other.claims(t, "", 0)))
	wantError(t, d.SaveNewer(a.public, a.claims(t, "", 0)), "subject of existing and new jwt do not match")
}

// Go: TestNotificationOnPack server/dirstore_test.go:920
func TestChangesByMergeAreTold(t *testing.T) {
	all := accounts(t, 4)
	var r recorder
	from := filled(t, all, Config{CheckEvery: -1, Changed: r.note})
	if got := r.take(); !slices.Equal(got, sorted(all)) {
		t.Errorf("told of %v", got)
	}
	pack, err := from.Pack(-1)
	must(t, err)
	must(t, from.Close())
	for _, shard := range []bool{true, false, true, false} {
		d := open(t, t.TempDir(), Config{Shard: shard, CheckEvery: -1, Changed: r.note})
		for _, want := range [][]string{sorted(all), nil} { // the second time nothing is new
			must(t, d.Merge(pack))
			wantSize(t, d, len(all))
			if got := r.take(); !slices.Equal(got, want) {
				t.Errorf("told of %v, want %v", got, want)
			}
			if d.Hash() != from.Hash() {
				t.Error("equal stores, different hashes")
			}
		}
		pack, err = d.Pack(-1)
		must(t, err)
		must(t, d.Close())
		wantAll(t, d, all)
	}
}

// Go: TestNotificationOnPackWalk server/dirstore_test.go:983
func TestPackWalkAlongStores(t *testing.T) {
	const stores, perRound, rounds, perMessage = 5, 50, 8, 3
	var chain [stores]*Directory
	for i := range chain {
		// In memory: so many files take their time to be synced.
		chain[i] = open(t, "/d", Config{Create: true, FS: faulty.New(1), Shard: true, CheckEvery: -1})
	}
	for round := range rounds {
		for key, text := range accounts(t, perRound) {
			must(t, chain[0].Save(key, text))
		}
		for i := range stores - 1 {
			must(t, chain[i].PackWalk(perMessage, func(message string) {
				if n := strings.Count(message, "\n") + 1; n > perMessage {
					t.Errorf("message of %d lines", n)
				}
				must(t, chain[i+1].Merge(message))
			}))
			if chain[i].Hash() != chain[i+1].Hash() {
				t.Fatalf("round %d: store %d is not like the one before it", round, i+1)
			}
		}
		wantSize(t, chain[stores-1], (round+1)*perRound)
	}
	wantError(t, chain[0].PackWalk(0, func(string) {}), "pack messages of 0 accounts")
}

func TestPackLeavesOutExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), Config{CheckEvery: -1})
		short, long := newAccount(t), newAccount(t)
		must(t, d.Save(short.public, short.expiring(t, 10)))
		must(t, d.Save(long.public, long.expiring(t, 100)))
		count := func() (n int) {
			must(t, d.PackWalk(1, func(string) { n++ }))
			return n
		}
		pass(10 * time.Second)
		if n := count(); n != 2 {
			t.Errorf("%d lines in the last second", n)
		}
		pass(time.Second)
		if n := count(); n != 1 {
			t.Errorf("%d lines afterwards", n)
		}
	})
}

func TestHandlePack(t *testing.T) {
	all := accounts(t, 3)
	d := filled(t, all, Config{Delete: DeleteRemoves})
	hash := d.Hash()
	lines, equal := d.HandlePack(hash[:])
	for line := range lines {
		t.Errorf("line %q for an equal store", line)
	}
	if !equal {
		t.Error("not equal to itself")
	}
	for _, theirs := range [][]byte{nil, {1}, make([]byte, len(hash))} {
		lines, equal := d.HandlePack(theirs)
		var got []string
		for line, err := range lines {
			must(t, err)
			got = append(got, line)
		}
		var want []string
		for _, key := range sorted(all) {
			want = append(want, key+"|"+all[key])
		}
		if equal || !slices.Equal(got, want) {
			t.Errorf("for %x: equal %t, %q", theirs, equal, got)
		}
	}
	// Whoever asks may stop, and accounts may go meanwhile.
	lines, _ = d.HandlePack(nil)
	for range lines {
		break
	}
	lines, _ = d.HandlePack(nil)
	left := 0
	for range lines {
		if left++; left == 1 {
			must(t, d.Delete(sorted(all)[1]))
		}
	}
	if left != 2 {
		t.Errorf("%d lines, though one of three accounts went after the first", left)
	}
}

// A file that cannot be read is told, and not taken for an account without JWT.
func TestPackOfUnreadableFile(t *testing.T) {
	disk := faulty.New(1)
	d := open(t, "/d", Config{Create: true, FS: disk})
	a := newAccount(t)
	must(t, d.Save(a.public, "text"))
	broken := fmt.Errorf("broken")
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Read {
			return broken
		}
		return nil
	})
	_, err := d.Pack(-1)
	wantError(t, err, broken)
	wantError(t, d.PackWalk(1, func(string) {}), broken)
	_, err = d.Load(a.public)
	wantError(t, err, broken)
	disk.Fail(nil)
	wantAll(t, d, map[string]string{a.public: "text"})
}

func FuzzMerge(f *testing.F) {
	pair, err := nkeys.FromRawSeed(nkeys.PrefixByteAccount, make([]byte, 32))
	must(f, err)
	a := newSigner(f, func() (nkeys.KeyPair, error) { return pair, nil })
	f.Add(a.public + "|" + a.claims(f, "", 0))
	f.Add(a.public + "|" + a.claims(f, "x", 1) + "\n" + a.public + "|a.b.c")
	f.Add("a|b\n\n|\n||")
	disk := faulty.New(1)
	d := open(f, "/d", Config{Create: true, FS: disk, CheckEvery: -1, Limit: 3, Evict: true})
	f.Fuzz(func(t *testing.T, message string) {
		_ = d.Merge(message)
		for _, key := range d.Keys() {
			text, err := d.Load(key)
			must(t, err)
			if _, err := verify(key, text); err != nil {
				t.Fatalf("stored %q for %s: %v", text, key, err)
			}
		}
		if s, ok := stampOf(message); ok && strings.Count(message, ".") != 2 {
			t.Fatalf("%q is taken for a JWT: %+v", message, s)
		}
	})
}
