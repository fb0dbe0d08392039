package resolver

import (
	"fmt"
	"io/fs"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// Go: TestShardedDirStoreWriteAndReadonly server/dirstore_test.go:67
// Go: TestUnshardedDirStoreWriteAndReadonly server/dirstore_test.go:120
func TestWriteAndReadOnly(t *testing.T) {
	for _, shard := range []bool{true, false} {
		t.Run(fmt.Sprintf("shard=%t", shard), func(t *testing.T) {
			dir := t.TempDir()
			d := open(t, dir, Config{Shard: shard})
			if d.IsReadOnly() {
				t.Error("read-only")
			}
			expected := make(map[string]string)
			for i, key := range sorted(accounts(t, 4)) {
				expected[key] = []string{"alpha", "beta", "gamma", "delta"}[i]
				must(t, d.Save(key, expected[key]))
			}
			wantAll(t, d, expected)
			for _, key := range []string{"random", ""} {
				got, err := d.Load(key)
				if wantError(t, err, ErrKey); got != "" {
					t.Errorf("%q is %q", key, got)
				}
			}
			_, err := d.Load(newAccount(t).public)
			wantError(t, err, ErrNotFound)
			wantError(t, d.Save("", "onetwothree"), ErrKey)
			must(t, d.Close())
			for key := range expected {
				name := filepath.Join(dir, key+".jwt")
				if shard {
					name = filepath.Join(dir, key[len(key)-2:], key+".jwt")
				}
				info, err := os.Stat(name)
				must(t, err)
				if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
					t.Errorf("%s has mode %v", name, info.Mode())
				}
			}

			d = open(t, dir, Config{Shard: shard, ReadOnly: true, Delete: DeleteRemoves})
			if !d.IsReadOnly() {
				t.Error("not read-only")
			}
			wantError(t, d.Save("five", "omega"), ErrReadOnly)
			wantError(t, d.Save(newAccount(t).public, "omega"), ErrReadOnly)
			wantError(t, d.Delete(sorted(expected)[0]), ErrReadOnly)
			d.Expire()
			wantAll(t, d, expected)
		})
	}
}

// Go: TestNoCreateRequiresDir server/dirstore_test.go:175
func TestDirectoryIsMissing(t *testing.T) {
	_, err := OpenDirectory(filepath.Join(t.TempDir(), "a", "b"), Config{})
	wantError(t, err, fs.ErrNotExist)
	_, err = OpenDirectory(filepath.Join(t.TempDir(), "a"), Config{ReadOnly: true, Create: true})
	wantError(t, err, fs.ErrNotExist)
	_, err = OpenDirectory("", Config{Create: true})
	wantError(t, err, "dir has no value and needs to point to a directory")
	name := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(name, nil, 0o600))
	_, err = OpenDirectory(name, Config{Create: true})
	wantError(t, err, "is not a directory")
}

// Go: TestCreateMakesDir server/dirstore_test.go:181
func TestDirectoryIsCreated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Fatal(err)
	}
	open(t, path, Config{Create: true})
	info, err := os.Stat(path)
	must(t, err)
	if !info.IsDir() || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("made with mode %v", info.Mode())
	}
}

// Go: TestDirStoreInaccessibleParent server/dirstore_test.go:199
func TestDirectoryIsOutOfReach(t *testing.T) {
	disk := faulty.New(1)
	must(t, disk.MkdirAll("/parent/child"))
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Stat {
			return fs.ErrPermission
		}
		return nil
	})
	_, err := OpenDirectory("/parent/child", Config{Create: true, FS: disk})
	wantError(t, err, fs.ErrPermission)

	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		return // nothing is out of reach of these
	}
	parent := filepath.Join(t.TempDir(), "parent")
	must(t, os.MkdirAll(filepath.Join(parent, "child"), 0o755))
	must(t, os.Chmod(parent, 0))
	t.Cleanup(func() { must(t, os.Chmod(parent, 0o755)) })
	_, err = OpenDirectory(filepath.Join(parent, "child"), Config{Create: true})
	wantError(t, err, fs.ErrPermission)
}

func TestTextsThatAreNotStored(t *testing.T) {
	d := open(t, t.TempDir(), Config{})
	key := newAccount(t).public
	for _, text := range []string{"", "a|b", "a\nb", "a b", strings.Repeat("x", MaxSize+1)} {
		wantError(t, d.Save(key, text), ErrInvalid)
	}
	for _, other := range []string{"../" + key, "x", newSigner(t, nkeys.CreateUser).public} {
		wantError(t, d.Save(other, "text"), ErrKey)
	}
	wantSize(t, d, 0)
}

// Each layout is read whichever is set, and a file stays where it is.
func TestBothLayoutsAreRead(t *testing.T) {
	dir := t.TempDir()
	all := accounts(t, 3)
	first := open(t, dir, Config{Shard: true})
	for key, text := range all {
		must(t, first.Save(key, text))
	}
	must(t, first.Close())
	flat := open(t, dir, Config{})
	wantAll(t, flat, all)
	changed := sorted(all)[0]
	all[changed] = "changed"
	must(t, flat.Save(changed, "changed"))
	a := newAccount(t)
	all[a.public] = a.claims(t, "", 0)
	must(t, flat.Save(a.public, all[a.public]))
	wantAll(t, flat, all)
	wantSize(t, flat, 4)
	if list := files(t, filepath.Join(dir, changed[len(changed)-2:]), extension); len(list) == 0 {
		t.Error("the changed file was moved")
	}
	must(t, flat.Close())
	again := open(t, dir, Config{Shard: true})
	wantAll(t, again, all)
	if again.Hash() != flat.Hash() {
		t.Error("the hash changes with the layout")
	}
}

// One account in two files: that in the upper directory counts, and the other
// must not come back when the account is deleted.
func TestTwoFilesOfOneAccount(t *testing.T) {
	dir := t.TempDir()
	key := newAccount(t).public
	below := filepath.Join(dir, key[len(key)-2:])
	must(t, os.Mkdir(below, 0o700))
	must(t, os.WriteFile(filepath.Join(below, key+".jwt"), []byte("below"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, key+".jwt"), []byte("above"), 0o600))
	var r recorder
	d := open(t, dir, Config{Delete: DeleteRenames, Shard: true, Report: r.report})
	wantAll(t, d, map[string]string{key: "above"})
	if problems := r.takeProblems(); len(problems) != 1 || !strings.Contains(problems[0].Error(), "is not used") {
		t.Errorf("reported %v", problems)
	}
	must(t, d.Delete(key))
	must(t, d.Reload())
	wantSize(t, d, 0)
	if list := files(t, dir, ".jwt.deleted"); len(list) != 1 {
		t.Errorf("kept as deleted: %v", list)
	}
}

func TestFilesOfOthersAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	key, other := newAccount(t).public, newAccount(t).public
	for name, text := range map[string]string{
		key + ".jwt":              " text\n",
		other + ".jwt":            "",
		"NOKEY.jwt":               "text",
		"README":                  "text",
		other + ".jwt.deleted":    "text",
		other + ".jwt.tmp":        "half a te",
		"mine.jwt.tmp":            "text",
		"deep/er/" + key + ".txt": "text",
	} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(name), 0o700))
		must(t, os.WriteFile(name, []byte(text), 0o600))
	}
	var r recorder
	d := open(t, dir, Config{Report: r.report})
	wantAll(t, d, map[string]string{key: "text"})
	if problems := r.takeProblems(); len(problems) != 1 || !strings.Contains(problems[0].Error(), other) {
		t.Errorf("reported %v", problems)
	}
	// Only what an interrupted write has left is cleared away.
	if list := files(t, dir, ""); len(list) != 7 || len(files(t, dir, other+".jwt.tmp")) != 0 {
		t.Errorf("files left: %v", list)
	}
	// The hash is of the text alone, so that it is that of other servers.
	fresh := open(t, t.TempDir(), Config{})
	must(t, fresh.Save(key, "text"))
	if fresh.Hash() != d.Hash() {
		t.Error("blanks around the text are in the hash")
	}
}

// Go: TestExpiration server/dirstore_test.go:444
func TestExpiration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), Config{CheckEvery: 50 * time.Millisecond, Limit: 10, Evict: true})
		save := func(seconds int) {
			a := newAccount(t)
			must(t, d.Save(a.public, a.expiring(t, seconds)))
		}
		empty := d.Hash()
		save(100)
		one := d.Hash()
		save(1)
		if one == empty || d.Hash() == one {
			t.Error("the hash does not change")
		}
		wantSize(t, d, 2)
		pass(900 * time.Millisecond)
		wantSize(t, d, 2)
		pass(200 * time.Millisecond)
		wantSize(t, d, 1)
		if d.Hash() != one {
			t.Error("the hash is not what it was before")
		}
	})
}

// Go: TestExpirationUpdate server/dirstore_test.go:759
func TestExpirationUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), Config{CheckEvery: 50 * time.Millisecond, Limit: 10, Evict: true})
		a := newAccount(t)
		last := d.Hash()
		for _, step := range []struct{ seconds, left int }{{0, 1}, {2, 1}, {0, 1}, {1, 0}} {
			must(t, d.Save(a.public, a.expiring(t, step.seconds)))
			if d.Hash() == last {
				t.Error("the hash does not change")
			}
			last = d.Hash()
			pass(1500 * time.Millisecond)
			wantSize(t, d, step.left)
		}
		if d.Hash() != (Hash{}) {
			t.Error("the hash of an empty store is not zero")
		}
	})
}

// Go: TestTTL server/dirstore_test.go:816
func TestLifetime(t *testing.T) {
	for name, use := range map[string]func(t *testing.T, d *Directory, a signer, text string){
		"load":      func(t *testing.T, d *Directory, a signer, _ string) { _, err := d.Load(a.public); must(t, err) },
		"store":     func(t *testing.T, d *Directory, a signer, text string) { must(t, d.Save(a.public, text)) },
		"overwrite": func(t *testing.T, d *Directory, a signer, _ string) { must(t, d.Save(a.public, a.expiring(t, 0))) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, t.TempDir(), Config{CheckEvery: 50 * time.Millisecond, Limit: 10, Evict: true, Lifetime: 200 * time.Millisecond})
				a := newAccount(t)
				text := a.expiring(t, 0)
				must(t, d.Save(a.public, text))
				for range 4 {
					pass(110 * time.Millisecond)
					wantSize(t, d, 1)
					use(t, d, a, text)
				}
				pass(199 * time.Millisecond)
				wantSize(t, d, 1)
				pass(60 * time.Millisecond)
				wantSize(t, d, 0)
			})
		})
	}
}

// A JWT that has expired is of no use, whoever asks for it.
func TestLifetimeDoesNotOutliveJWT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), Config{Lifetime: time.Hour})
		a := newAccount(t)
		must(t, d.Save(a.public, a.expiring(t, 90)))
		pass(80 * time.Second)
		wantSize(t, d, 1)
		pass(time.Minute)
		wantSize(t, d, 0)
	})
}

func TestHowOftenExpiredFilesAreLookedFor(t *testing.T) {
	for _, test := range []struct {
		c    Config
		want time.Duration
	}{
		{Config{}, time.Minute},
		{Config{Lifetime: time.Hour}, time.Minute},
		{Config{Lifetime: time.Minute}, 30 * time.Second},
		{Config{Lifetime: 1}, 1},
		{Config{Lifetime: math.MaxInt64}, time.Minute},
		{Config{CheckEvery: time.Second, Lifetime: time.Minute}, time.Second},
		{Config{CheckEvery: -1}, -1},
	} {
		if got := test.c.interval(); got != test.want {
			t.Errorf("%+v: every %v", test.c, got)
		}
	}
}

// Go: TestLimit server/dirstore_test.go:481
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), Config{CheckEvery: -1, Limit: 5, Evict: true})
		first := newAccount(t)
		for i := range 10 {
			must(t, d.Save(first.public, first.expiring(t, 50+i)))
			wantSize(t, d, 1)
		}
		last := d.Hash()
		for i := range 10 {
			a := newAccount(t)
			must(t, d.Save(a.public, a.expiring(t, i)))
			if d.Hash() == last {
				t.Error("the hash does not change")
			}
			last = d.Hash()
			wantSize(t, d, min(i+2, 5))
		}
		if exists(t, d, first.public) {
			t.Error("the first account was kept")
		}
		for i := range 10 {
			must(t, d.Save(first.public, first.expiring(t, 50+i)))
			wantSize(t, d, 5)
		}
	})
}

// Go: TestLimitNoEvict server/dirstore_test.go:523
func TestLimitWithoutEviction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), Config{CheckEvery: 50 * time.Millisecond, Limit: 2})
		one, two, three := newAccount(t), newAccount(t), newAccount(t)
		must(t, d.Save(one.public, one.expiring(t, 100)))
		must(t, d.Save(two.public, two.expiring(t, 1)))
		before := d.Hash()
		text := three.expiring(t, 0)
		wantError(t, d.Save(three.public, text), ErrFull)
		wantSize(t, d, 2)
		if !exists(t, d, one.public) || exists(t, d, three.public) || d.Hash() != before {
			t.Error("a refused account has left traces")
		}
		// The others can still be changed.
		must(t, d.Save(one.public, one.expiring(t, 200)))
		pass(1100 * time.Millisecond)
		must(t, d.Save(three.public, text))
		wantSize(t, d, 2)
		if !exists(t, d, one.public) || !exists(t, d, three.public) {
			t.Error("the place of the expired account is not taken")
		}
	})
}

// Go: TestLruLoad server/dirstore_test.go:575
func TestLoadCountsAsUse(t *testing.T) {
	d := open(t, t.TempDir(), Config{Limit: 2, Evict: true})
	one, two, three := newAccount(t), newAccount(t), newAccount(t)
	must(t, d.Save(one.public, one.expiring(t, 100)))
	must(t, d.Save(two.public, two.expiring(t, 100)))
	_, err := d.Load(one.public)
	must(t, err)
	must(t, d.Save(three.public, three.expiring(t, 100)))
	wantSize(t, d, 2)
	if !exists(t, d, one.public) || !exists(t, d, three.public) {
		t.Error("the account that was loaded had to go")
	}
}

// Go: TestLruVolume server/dirstore_test.go:607
func TestEvictionInOrder(t *testing.T) {
	const replaced = 500
	// In memory: so many files take their time to be synced.
	d := open(t, "/d", Config{Create: true, FS: faulty.New(1), CheckEvery: 50 * time.Millisecond, Limit: 2, Evict: true})
	keys := make([]string, replaced)
	for i := range keys {
		a := newAccount(t)
		keys[i] = a.public
		must(t, d.Save(a.public, a.expiring(t, 10000+rand.Intn(10000))))
		wantSize(t, d, min(i+1, 2))
		if !exists(t, d, keys[i]) || i > 0 && !exists(t, d, keys[i-1]) || i > 1 && exists(t, d, keys[i-2]) {
			t.Fatalf("after %d accounts not the last two are there", i+1)
		}
	}
}

// Go: TestLru server/dirstore_test.go:649
func TestLeastRecentlyUsedIsEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir(), Config{CheckEvery: 50 * time.Millisecond, Limit: 2, Evict: true})
		one, two, three := newAccount(t), newAccount(t), newAccount(t)
		save := func(a signer, seconds, size int) {
			t.Helper()
			must(t, d.Save(a.public, a.expiring(t, seconds)))
			wantSize(t, d, size)
		}
		save(one, 1000, 1)
		save(two, 1000, 2)
		save(three, 1000, 2)
		if exists(t, d, one.public) || !exists(t, d, three.public) {
			t.Error("not the first was evicted")
		}
		save(two, 1000, 2) // now three is the oldest, though nothing changed
		save(one, 1, 2)
		if exists(t, d, three.public) {
			t.Error("three was kept")
		}
		pass(1100 * time.Millisecond)
		wantSize(t, d, 1)
		if exists(t, d, one.public) {
			t.Error("one did not expire")
		}
		save(three, 1000, 2) // there is room
	})
}

// Go: TestReload server/dirstore_test.go:698
func TestReload(t *testing.T) {
	dir := t.TempDir()
	var r recorder
	d := open(t, dir, Config{Limit: 2, Evict: true, Changed: r.note})
	wantSize(t, d, 0)
	if d.Hash() != (Hash{}) {
		t.Error("the hash of an empty store is not zero")
	}
	lines := func() int {
		pack, err := d.Pack(-1)
		must(t, err)
		if pack == "" {
			return 0
		}
		return strings.Count(pack, "\n") + 1
	}
	names := make(map[string]string)
	for i := range 5 {
		a := newAccount(t)
		names[a.public] = filepath.Join(dir, a.public+".jwt")
		must(t, os.WriteFile(names[a.public], []byte(a.claims(t, "", 0)), 0o644))
		must(t, d.Reload())
		if got := r.take(); !slices.Equal(got, []string{a.public}) {
			t.Errorf("told of %v", got)
		}
		wantSize(t, d, i+1)
		if d.Hash() == (Hash{}) || lines() != i+1 {
			t.Errorf("hash %x, %d lines", d.Hash(), lines())
		}
	}
	changed := sorted(names)[0]
	must(t, os.WriteFile(names[changed], []byte("changed"), 0o644))
	must(t, d.Reload())
	if got := r.take(); !slices.Equal(got, []string{changed}) {
		t.Errorf("told of %v", got)
	}
	for key, name := range names {
		if d.Hash() == (Hash{}) {
			t.Error("the hash is zero too early")
		}
		must(t, os.Remove(name))
		must(t, d.Reload())
		delete(names, key)
		wantSize(t, d, len(names))
		if lines() != len(names) {
			t.Errorf("%d lines of %d accounts", lines(), len(names))
		}
	}
	if got := r.take(); len(got) != 0 || d.Hash() != (Hash{}) {
		t.Errorf("in the end told of %v, hash %x", got, d.Hash())
	}
	must(t, os.RemoveAll(dir))
	wantError(t, d.Reload(), "reload account directory")
}

// Go: TestRemove server/dirstore_test.go:870
func TestDelete(t *testing.T) {
	for mode, want := range map[DeleteMode]struct {
		left, renamed int
		err           error
	}{
		DeleteRemoves: {0, 0, nil},
		DeleteRenames: {0, 1, nil},
		DeleteRefused: {1, 0, ErrNoDelete},
	} {
		var r recorder
		d := open(t, t.TempDir(), Config{Delete: mode, Limit: 10, Evict: true, Deleted: r.note})
		a := newAccount(t)
		must(t, d.Save(a.public, a.expiring(t, 0)))
		wantSize(t, d, 1)
		if err := d.Delete(a.public); err != want.err {
			t.Errorf("mode %d: %v", mode, err)
		}
		wantSize(t, d, want.left)
		if got := len(files(t, d.Path(), ".jwt.deleted")); got != want.renamed {
			t.Errorf("mode %d: %d renamed files", mode, got)
		}
		if told := r.take(); len(told) != 1-want.left || len(told) == 1 && told[0] != a.public {
			t.Errorf("mode %d: told of %v", mode, told)
		}
		// Once more, and of one that never was: done already.
		if want.err == nil {
			must(t, d.Delete(a.public))
			must(t, d.Delete(newAccount(t).public))
			must(t, d.Save(a.public, a.expiring(t, 0)))
			must(t, d.Delete(a.public))
			wantSize(t, d, 0)
		}
	}
}

// A file that somebody takes away is gone for the store as well.
func TestFileVanishes(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, Config{Delete: DeleteRenames})
	gone, kept := newAccount(t), newAccount(t)
	must(t, d.Save(kept.public, "kept"))
	only := d.Hash()
	must(t, d.Save(gone.public, "gone"))
	must(t, os.Remove(filepath.Join(dir, gone.public+".jwt")))
	_, err := d.Load(gone.public)
	wantError(t, err, ErrNotFound)
	if d.Hash() != only {
		t.Error("the hash still has the file")
	}
	must(t, os.Remove(filepath.Join(dir, kept.public+".jwt")))
	must(t, d.Delete(kept.public))
	wantSize(t, d, 0)
}

func TestCallbacksMayCallBack(t *testing.T) {
	var d *Directory
	var seen []string
	d = open(t, t.TempDir(), Config{
		Delete: DeleteRemoves,
		Changed: func(key string) {
			text, err := d.Load(key)
			must(t, err)
			seen = append(seen, text)
		},
		Deleted: func(key string) { seen = append(seen, fmt.Sprint(len(d.Keys()))) },
	})
	a := newAccount(t)
	must(t, d.Save(a.public, "text"))
	must(t, d.Save(a.public, "text")) // no change
	must(t, d.Delete(a.public))
	if !slices.Equal(seen, []string{"text", "0"}) {
		t.Errorf("%q", seen)
	}
}

func TestClosedDirectory(t *testing.T) {
	d := open(t, t.TempDir(), Config{})
	must(t, d.Close())
	must(t, d.Close())
	wantError(t, d.Save(newAccount(t).public, "text"), ErrClosed)
}
