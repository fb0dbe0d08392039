package resolver

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// A file that cannot be removed is tried again, and does not keep the others.
func TestExpiredFileCannotBeRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := faulty.New(1)
		stuck, other := newAccount(t), newAccount(t)
		var r recorder
		d := open(t, "/d", Config{Create: true, FS: disk, Report: r.report, CheckEvery: time.Second})
		must(t, d.Save(stuck.public, stuck.expiring(t, 5)))
		must(t, d.Save(other.public, other.expiring(t, 6)))
		broken := true
		disk.Fail(func(op faulty.Operation) error {
			if broken && op.Kind == faulty.Remove && strings.Contains(op.Name, stuck.public) {
				return fs.ErrPermission
			}
			return nil
		})
		pass(10 * time.Second)
		if got := d.Keys(); !slices.Equal(got, []string{stuck.public}) {
			t.Errorf("left: %v", got)
		}
		if problems := r.takeProblems(); len(problems) != 1 {
			t.Errorf("reported %v", problems)
		}
		disk.Fail(nil)
		pass(time.Minute)
		if got := d.Keys(); len(got) != 0 {
			t.Errorf("left: %v", got)
		}
	})
}

// What cannot be evicted must not keep the store from taking others in, and what
// cannot be read not from opening.
func TestStubbornFiles(t *testing.T) {
	disk := faulty.New(1)
	must(t, disk.MkdirAll("/d/lost"))
	var r recorder
	one, two := newAccount(t), newAccount(t)
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Remove || op.Kind == faulty.ReadDir && strings.HasSuffix(op.Name, "lost") {
			return fs.ErrPermission
		}
		return nil
	})
	d := open(t, "/d", Config{FS: disk, Limit: 1, Evict: true, Report: r.report})
	if problems := r.takeProblems(); len(problems) != 1 || !errors.Is(problems[0], fs.ErrPermission) {
		t.Errorf("reported %v", problems)
	}
	must(t, d.Save(one.public, "one"))
	must(t, d.Save(two.public, "two"))
	wantAll(t, d, map[string]string{two.public: "two"})
	if problems := r.takeProblems(); len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), "evict JWT of account "+one.public) {
		t.Errorf("reported %v", problems)
	}
}

// Whatever happens to the disk, a store that cannot write says so and goes on
// with what it has.
func TestDiskIsFull(t *testing.T) {
	disk := faulty.New(1)
	d := open(t, "/d", Config{Create: true, FS: disk})
	one, two := newAccount(t), newAccount(t)
	must(t, d.Save(one.public, "one"))
	before := d.Hash()
	disk.SetCapacity(disk.Used())
	if err := d.Save(two.public, strings.Repeat("x", 3*vfs.PageSize)); err == nil {
		t.Fatal("stored on a full disk")
	}
	if d.Hash() != before {
		t.Error("the hash has what could not be stored")
	}
	disk.SetCapacity(-1)
	must(t, d.Save(two.public, "two"))
	wantAll(t, d, map[string]string{one.public: "one", two.public: "two"})
}

// At every operation of a story the power fails once. What was promised before
// is there afterwards; of the step that was under way, all or nothing.
func TestPowerCuts(t *testing.T) {
	one, two := newAccount(t).public, newAccount(t).public
	long := strings.Repeat("long", vfs.PageSize)
	type step struct{ key, text string } // no text: delete
	story := []step{{one, "first"}, {two, long}, {one, long + long}, {one, "short"}, {two, ""}, {two, "again"}}
	run := func(d *Directory) (done int) {
		for _, s := range story {
			change := func() error { return d.Save(s.key, s.text) }
			if s.text == "" {
				change = func() error { return d.Delete(s.key) }
			}
			if change() != nil {
				break
			}
			done++
		}
		return done
	}
	// after is what is there when so many steps are done.
	after := func(steps int) map[string]string {
		state := make(map[string]string)
		for _, s := range story[:min(steps, len(story))] {
			state[s.key] = s.text
		}
		return state
	}
	for _, shard := range []bool{false, true} {
		c := Config{Create: true, Shard: shard, Delete: DeleteRenames, CheckEvery: -1}
		for cut := 0; ; cut++ {
			disk := faulty.New(uint64(cut))
			disk.CutAt(cut)
			c.FS = disk
			done := 0
			if d, err := OpenDirectory("/d", c); err == nil {
				done = run(d)
				must(t, d.Close())
			}
			over := !disk.IsCut() // Survive cuts, too
			for seed := range uint64(4) {
				var r recorder
				again := c
				again.FS, again.Report = disk.Survive(seed), r.report
				d := open(t, "/d", again)
				for _, key := range []string{one, two} {
					text, err := d.Load(key)
					if err != nil {
						wantError(t, err, ErrNotFound)
					}
					if text != after(done)[key] && text != after(done + 1)[key] {
						t.Fatalf("cut at %d, seed %d: %.20q after %d steps", cut, seed, text, done)
					}
				}
				if problems := r.takeProblems(); len(problems) != 0 {
					t.Fatalf("cut at %d, seed %d: %v", cut, seed, problems)
				}
			}
			if over {
				if done != len(story) || cut < 20 {
					t.Fatalf("the story ended after %d operations and %d steps", cut, done)
				}
				break
			}
		}
	}
}
