package catalog

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/internal/store/heap"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

var manifestPath = filepath.Join(testDir, Dir, manifestName)

// written is a disk with a small catalog, and what is in it.
func written(t testing.TB) (*faulty.Disk, contents) {
	t.Helper()
	disk := faulty.New(1)
	c := open(t, disk, Options{})
	for i := range 3 {
		id, err := c.Create(stream("A", fmt.Sprint("S", i)))
		must(t, err)
		_, err = c.Create(Asset{Kind: Consumer, Parent: id, Name: "c"})
		must(t, err)
	}
	must(t, c.Drop(3))
	must(t, c.Forget(4))
	want := list(c)
	must(t, c.Close())
	return disk, want
}

// TestSingleBits: wherever a bit flips, it is harmless, or told; with damage no number
// that was given is given again, nothing may be deleted, and all is still there when the
// list was written again.
func TestSingleBits(t *testing.T) {
	disk, want := written(t)
	info, err := disk.Stat(manifestPath)
	must(t, err)
	known := map[string]Asset{}
	for _, a := range append(slices.Clone(want.All), want.Dropped...) {
		known[fmt.Sprint(a.ID)] = a
	}
	refused, damaged := 0, 0
	for bit := range info.Size * 8 {
		after := disk.Clone(1)
		must(t, after.FlipBit(manifestPath, bit))
		broken, err := vfs.ReadFile(after, manifestPath, 1<<20)
		must(t, err)
		c, found, err := Open(after, testDir, Options{})
		if err != nil {
			refused++
			if !errors.Is(err, heap.ErrCorrupt) && !errors.Is(err, heap.ErrVersion) {
				t.Fatalf("bit %d: %v", bit, err)
			}
			continue
		}
		if len(found.Damage) == 0 {
			if diff := cmp.Diff(want, list(c)); diff != "" {
				t.Fatalf("bit %d changed this, and nothing is said:\n%s", bit, diff)
			}
			continue
		}
		damaged++
		if !found.Incomplete || !c.Incomplete() {
			t.Fatalf("bit %d: damaged, and not incomplete", bit)
		}
		before := list(c)
		id, err := c.Create(stream("new", "new"))
		if err != nil || id <= 6 {
			t.Fatalf("bit %d: number %d, %v", bit, id, err)
		}
		fails(t, c.Forget(99), ErrNotFound)
		must(t, c.Close())
		kept, err := vfs.ReadFile(after, filepath.Join(testDir, DamagedPrefix+"1"), 1<<20)
		if err != nil || !slices.Equal(kept, broken) {
			t.Fatalf("bit %d: the damaged file is not kept: %v", bit, err)
		}
		c, found, err = Open(after, testDir, Options{Highest: id})
		if err != nil || len(found.Damage) > 0 || !found.Incomplete {
			t.Fatalf("bit %d, later: %+v, %v", bit, found, err)
		}
		before.All = append(before.All, Asset{ID: id, Kind: Stream, Account: "new", Name: "new", Created: 7, Config: []byte(`{"name":"new"}`)})
		if diff := cmp.Diff(before, list(c)); diff != "" {
			t.Fatalf("bit %d, later (-want +got):\n%s", bit, diff)
		}
		for id := range ID(9) {
			if c.MayDelete(id) {
				t.Fatalf("bit %d: number %d may be deleted", bit, id)
			}
		}
		if again, err := c.Create(stream("new", "newer")); err != nil || again <= id || again > id+10 {
			t.Fatalf("bit %d: number %d after %d, %v", bit, again, id, err)
		}
	}
	t.Logf("of %d bits %d are refused and %d are damage", info.Size*8, refused, damaged)
	if damaged == 0 || refused == 0 {
		t.Error("too harmless to be true")
	}
}

// TestALostCatalogIsNoFreshOne.
func TestALostCatalogIsNoFreshOne(t *testing.T) {
	disk, _ := written(t)
	must(t, disk.Remove(manifestPath))
	must(t, disk.Remove(filepath.Join(testDir, Dir)))
	for range 2 { // as long as nothing is created it stays like this
		c, found, err := Open(disk, testDir, Options{Highest: 6})
		if err != nil || found.Fresh || len(found.Damage) != 1 || !found.Incomplete {
			t.Fatalf("%+v, %v", found, err)
		}
		must(t, c.Close())
	}
	c, _, err := Open(disk, testDir, Options{Highest: 6})
	must(t, err)
	if id, err := c.Create(stream("A", "S1")); err != nil || id <= 6 {
		t.Errorf("number %d, %v", id, err)
	}
}

// TestAnOldCatalogIsNotTrusted: one of before some numbers that the node uses.
func TestAnOldCatalogIsNotTrusted(t *testing.T) {
	disk, want := written(t)
	c, found, err := Open(disk, testDir, Options{Highest: 10})
	if err != nil || len(found.Damage) != 1 || c.MayDelete(10) {
		t.Errorf("%+v, %v", found, err)
	}
	if diff := cmp.Diff(want, list(c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if id, err := c.Create(stream("A", "NEW")); err != nil || id <= 10 {
		t.Errorf("number %d, %v", id, err)
	}
	_, _, err = Open(disk, testDir, Options{Highest: math.MaxUint64})
	fails(t, err, ErrInvalid)
}

// TestContradictionsAreDamage: edits that check and say what no edit says.
func TestContradictionsAreDamage(t *testing.T) {
	for name, bad := range map[string][]byte{
		"orphan":  (&edit{next: 9, puts: []record{{Asset: Asset{ID: 8, Kind: Consumer, Parent: 7, Name: "c"}}}}).append(nil),
		"garbage": []byte("garbage"),
		"empty":   {},
	} {
		t.Run(name, func(t *testing.T) {
			disk, want := written(t)
			h, _, err := heap.Open(disk, filepath.Join(testDir, Dir), heap.Options{}, func([]byte) error { return nil })
			must(t, err)
			must(t, h.Commit(bad))
			must(t, h.Close())
			c, found, err := Open(disk, testDir, Options{})
			if err != nil || len(found.Damage) != 1 || !found.Incomplete {
				t.Fatalf("%+v, %v", found, err)
			}
			if diff := cmp.Diff(want, list(c)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			must(t, c.Update(1, nil))
			must(t, c.Close())
			if _, found, err = Open(disk, testDir, Options{}); err != nil || len(found.Damage) != 0 || !found.Incomplete {
				t.Errorf("later: %+v, %v", found, err)
			}
			if _, err := disk.Stat(filepath.Join(testDir, DamagedPrefix+"1")); err != nil {
				t.Error(err)
			}
		})
	}
}

func FuzzReadEdit(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 0, 1, 0, 0})
	f.Add([]byte{1, 3, 200, 200})
	whole := edit{whole: true, incomplete: true, next: 9, forgotten: []ID{4, 5}, puts: []record{
		{Asset: Asset{ID: 1, Kind: Stream, Account: "A", Name: "S", Created: -1, Config: []byte("{}")}},
		{Asset: Asset{ID: 2, Kind: Consumer, Parent: 1, Name: "C", Created: math.MaxInt64}, dropped: true},
	}}
	f.Add(whole.append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := readEdit(data)
		if err != nil {
			if !errors.Is(err, errEdit) {
				t.Fatal(err)
			}
			return
		}
		again, err := readEdit(e.append(nil))
		if err != nil || !cmp.Equal(e, again, cmp.AllowUnexported(edit{}, record{})) {
			t.Fatalf("%+v became %+v, %v", e, again, err)
		}
		// Whatever it says, a list can be made of it.
		c := &Catalog{assets: map[ID]*record{}, names: map[name]ID{}, consumers: map[ID]map[ID]bool{}, next: 1}
		c.apply(&e)
		c.dropOrphans()
		for _, a := range c.All() {
			if a.Kind == Consumer && c.assets[a.Parent] == nil {
				t.Fatalf("an orphan: %+v", a)
			}
		}
	})
}
