package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/store/heap"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

const testDir = "/node"

type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func must(t failer, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fails(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// open opens a catalog that must not have damage.
func open(t failer, disk vfs.FS, o Options) *Catalog {
	t.Helper()
	c, found, err := Open(disk, testDir, o)
	must(t, err)
	if len(found.Damage) > 0 || found.Incomplete {
		t.Fatalf("found %+v", found)
	}
	return c
}

// contents is all that a catalog says, in a form to compare.
type contents struct{ All, Dropped []Asset }

func list(c *Catalog) contents { return contents{c.All(), c.Dropped()} }

func stream(account, name string) Asset {
	return Asset{Kind: Stream, Account: account, Name: name, Created: 7, Config: []byte(`{"name":"` + name + `"}`)}
}

func TestLifeOfAssets(t *testing.T) {
	disk := faulty.New(1)
	c, found, err := Open(disk, testDir, Options{})
	must(t, err)
	if !found.Fresh {
		t.Errorf("found %+v", found)
	}
	orders, err := c.Create(stream("A", "ORDERS"))
	must(t, err)
	other, err := c.Create(stream("B", "ORDERS"))
	must(t, err)
	worker, err := c.Create(Asset{Kind: Consumer, Parent: orders, Name: "worker", Created: -5})
	must(t, err)
	_, err = c.Create(stream("A", "ORDERS"))
	fails(t, err, ErrExists)
	_, err = c.Create(Asset{Kind: Consumer, Parent: orders, Name: "worker"})
	fails(t, err, ErrExists)
	_, err = c.Create(Asset{Kind: Consumer, Parent: worker, Name: "x"})
	fails(t, err, ErrNotFound)
	must(t, c.Update(worker, []byte("{}")))
	fails(t, c.Update(99, nil), ErrNotFound)
	fails(t, c.Forget(orders), ErrInUse)

	want := []Asset{
		{ID: orders, Kind: Stream, Account: "A", Name: "ORDERS", Created: 7, Config: []byte(`{"name":"ORDERS"}`)},
		{ID: other, Kind: Stream, Account: "B", Name: "ORDERS", Created: 7, Config: []byte(`{"name":"ORDERS"}`)},
		{ID: worker, Kind: Consumer, Parent: orders, Account: "A", Name: "worker", Created: -5, Config: []byte("{}")},
	}
	for _, when := range []string{"before", "after"} {
		if diff := cmp.Diff(contents{All: want}, list(c)); diff != "" {
			t.Errorf("%s opening again (-want +got):\n%s", when, diff)
		}
		got, err := c.Find("A", "ORDERS")
		if err != nil || got.ID != orders {
			t.Errorf("found %+v, %v", got, err)
		}
		if got, err = c.FindConsumer(orders, "worker"); err != nil || got.ID != worker || len(c.Consumers(orders)) != 1 {
			t.Errorf("found %+v, %v", got, err)
		}
		must(t, c.Close())
		c = open(t, disk, Options{Highest: worker})
	}

	must(t, c.Drop(orders))
	must(t, c.Drop(orders))
	_, err = c.Find("A", "ORDERS")
	fails(t, err, ErrNotFound)
	_, err = c.FindConsumer(orders, "worker")
	fails(t, err, ErrNotFound)
	_, err = c.Get(orders)
	fails(t, err, ErrNotFound)
	_, err = c.Create(Asset{Kind: Consumer, Parent: orders, Name: "late"})
	fails(t, err, ErrNotFound)
	fails(t, c.Update(worker, nil), ErrNotFound)
	fails(t, c.Drop(99), ErrNotFound)
	again, err := c.Create(stream("A", "ORDERS"))
	must(t, err)
	if again <= worker {
		t.Errorf("number %d was given before", again)
	}
	must(t, c.Close())
	c = open(t, disk, Options{})
	if dropped := c.Dropped(); len(dropped) != 2 || dropped[0].ID != worker || dropped[1].ID != orders {
		t.Errorf("dropped %+v", dropped)
	}
	fails(t, c.Forget(orders), ErrInUse) // its consumer is not forgotten
	if c.MayDelete(orders) || c.MayDelete(again) || c.MayDelete(again+1) || c.MayDelete(0) {
		t.Error("something that is in the list, or was never given, may be deleted")
	}
	must(t, c.Forget(worker))
	must(t, c.Forget(orders))
	fails(t, c.Forget(orders), ErrNotFound)
	if !c.MayDelete(orders) || !c.MayDelete(worker) {
		t.Error("left-overs of forgotten assets may not be deleted")
	}
	must(t, c.Close())
	fails(t, c.Close(), ErrClosed)
	_, err = c.Create(stream("A", "X"))
	fails(t, err, ErrClosed)
	fails(t, c.Drop(again), ErrClosed)
	c = open(t, disk, Options{})
	if id, err := c.Create(stream("A", "LAST")); err != nil || id <= again {
		t.Errorf("number %d: %v", id, err)
	}
}

func TestWhatIsNoAssetIsRefused(t *testing.T) {
	c := open(t, faulty.New(1), Options{})
	for _, tc := range []struct {
		asset Asset
		want  error
	}{
		{Asset{Name: "x"}, ErrInvalid},
		{Asset{Kind: 9, Name: "x"}, ErrInvalid},
		{Asset{Kind: Stream}, ErrInvalid},
		{Asset{Kind: Stream, Name: "x", Parent: 1}, ErrInvalid},
		{Asset{Kind: Consumer, Name: "x"}, ErrInvalid},
		{Asset{Kind: Consumer, Name: "x", Parent: 1}, ErrNotFound},
		{Asset{Kind: Stream, Name: strings.Repeat("x", NameMax+1)}, ErrTooLarge},
		{Asset{Kind: Stream, Name: "x", Account: strings.Repeat("x", NameMax+1)}, ErrTooLarge},
		{Asset{Kind: Stream, Name: "x", Config: make([]byte, ConfigMax+1)}, ErrTooLarge},
	} {
		if _, err := c.Create(tc.asset); !errors.Is(err, tc.want) {
			t.Errorf("%v %.10q: %v", tc.asset.Kind, tc.asset.Name, err)
		}
	}
	if len(c.All()) != 0 {
		t.Error("something was created")
	}
}

// TestTotalIsBounded: what is in memory has a limit, whatever the single ones allow.
func TestTotalIsBounded(t *testing.T) {
	c := open(t, faulty.New(1), Options{})
	id, err := c.Create(stream("A", "S"))
	must(t, err)
	c.size = TotalMax - 1000
	_, err = c.Create(Asset{Kind: Stream, Name: "T", Config: make([]byte, 1000)})
	fails(t, err, ErrTooLarge)
	fails(t, c.Update(id, make([]byte, 2000)), ErrTooLarge)
	must(t, c.Update(id, make([]byte, 10)))
}

// TestTheListIsWrittenAnew when edits have outgrown it, and nothing gets lost with that.
func TestTheListIsWrittenAnew(t *testing.T) {
	disk := faulty.New(1)
	c := open(t, disk, Options{})
	id, err := c.Create(stream("A", "S"))
	must(t, err)
	other, err := c.Create(stream("A", "GONE"))
	must(t, err)
	must(t, c.Drop(other))
	for i := range 400 {
		must(t, c.Update(id, bytes.Repeat([]byte{byte(i)}, 1000)))
	}
	info, err := disk.Stat(filepath.Join(testDir, Dir, manifestName))
	if err != nil || info.Size > 4*slack {
		t.Errorf("the file has %d bytes (%v)", info.Size, err)
	}
	want := list(c)
	must(t, c.Close())
	if diff := cmp.Diff(want, list(open(t, disk, Options{}))); diff != "" || len(want.All) != 1 || len(want.Dropped) != 1 {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEncryption(t *testing.T) {
	first, err := seal.NewAESGCM(bytes.Repeat([]byte{1}, 32))
	must(t, err)
	second, err := seal.NewChaCha20Poly1305(bytes.Repeat([]byte{2}, 32))
	must(t, err)
	disk := faulty.New(1)
	var want contents
	for i, o := range []Options{{Cipher: first}, {Cipher: second, OldCiphers: []heap.Cipher{first}}, {Cipher: second}} {
		c := open(t, disk, o)
		if diff := cmp.Diff(want, list(c)); diff != "" {
			t.Fatalf("%d (-want +got):\n%s", i, diff)
		}
		_, err = c.Create(stream("SECRET", fmt.Sprint("SECRET", i)))
		must(t, err)
		want = list(c)
		must(t, c.Close())
		data, err := vfs.ReadFile(disk, filepath.Join(testDir, Dir, manifestName), 1<<20)
		if err != nil || bytes.Contains(data, []byte("SECRET")) {
			t.Errorf("%d: the file shows what is in it (%v)", i, err)
		}
	}
	if _, _, err := Open(disk, testDir, Options{}); err == nil {
		t.Error("it can be opened without a key")
	}
}

// TestConcurrentUse: the race detector looks, and all that was answered is there.
func TestConcurrentUse(t *testing.T) {
	disk := faulty.New(1)
	c := open(t, disk, Options{})
	var wait sync.WaitGroup
	for i := range 6 {
		wait.Go(func() {
			for k := range 20 {
				id, err := c.Create(stream("A", fmt.Sprintf("S%d-%d", i, k)))
				if err == nil {
					_, err = c.Create(Asset{Kind: Consumer, Parent: id, Name: "c"})
				}
				if err == nil && k%2 == 0 {
					err = c.Drop(id)
				}
				if err != nil {
					t.Error(err)
				}
				c.All()
				c.Dropped()
				c.MayDelete(id)
			}
		})
	}
	wait.Wait()
	want := list(c)
	if len(want.All) != 120 || len(want.Dropped) != 120 {
		t.Errorf("%d and %d assets", len(want.All), len(want.Dropped))
	}
	must(t, c.Close())
	if diff := cmp.Diff(want, list(open(t, disk, Options{}))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A change is one random call. It tells whether the call was made and succeeded.
func change(c *Catalog, random *rand.Rand) (done bool, err error) {
	pick := func(list []Asset) (Asset, bool) {
		if len(list) == 0 {
			return Asset{}, false
		}
		return list[random.IntN(len(list))], true
	}
	config := bytes.Repeat([]byte{byte(random.IntN(256))}, random.IntN(3000))
	switch random.IntN(6) {
	case 0, 1:
		_, err = c.Create(Asset{Kind: Stream, Account: fmt.Sprint(random.IntN(3)), Name: fmt.Sprint(random.IntN(6)), Created: random.Int64(), Config: config})
	case 2:
		a, ok := pick(c.list(func(r *record) bool { return r.Kind == Stream }))
		if !ok {
			return false, nil
		}
		_, err = c.Create(Asset{Kind: Consumer, Parent: a.ID, Name: fmt.Sprint(random.IntN(3)), Config: config})
	case 3:
		a, ok := pick(c.All())
		if !ok {
			return false, nil
		}
		err = c.Update(a.ID, config)
	case 4:
		a, ok := pick(c.All())
		if !ok {
			return false, nil
		}
		err = c.Drop(a.ID)
	default:
		a, ok := pick(c.Dropped())
		if !ok {
			return false, nil
		}
		err = c.Forget(a.ID)
	}
	for _, refused := range []error{ErrExists, ErrNotFound, ErrInUse} {
		if errors.Is(err, refused) {
			return false, nil
		}
	}
	return err == nil, err
}

// TestAgreesWithAModel: a map with the same rules, through random calls and openings.
func TestAgreesWithAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		disk := faulty.New(1)
		c := open(t, disk, Options{})
		type kept struct {
			Asset
			dropped bool
		}
		model, highest := map[ID]*kept{}, ID(0)
		anID := func(t *rapid.T) ID { return ID(rapid.Uint64Range(1, uint64(highest)+1).Draw(t, "id")) }
		taken := func(parent ID, account, name string) bool {
			for _, k := range model {
				if !k.dropped && k.Parent == parent && k.Name == name && (parent != 0 || k.Account == account) {
					return true
				}
			}
			return false
		}
		check := func(t *rapid.T, err, want error) {
			t.Helper()
			if !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Fatalf("got %v, want %v", err, want)
			}
		}
		created := func(t *rapid.T, id ID, err, want error, a Asset) {
			t.Helper()
			check(t, err, want)
			if err != nil {
				return
			}
			if id <= highest {
				t.Fatalf("number %d after %d", id, highest)
			}
			a.ID, highest = id, id
			model[id] = &kept{Asset: a}
		}
		name := rapid.SampledFrom([]string{"a", "b", "c"})
		t.Repeat(map[string]func(*rapid.T){
			"stream": func(t *rapid.T) {
				a := stream(name.Draw(t, "account"), name.Draw(t, "name"))
				var want error
				if taken(0, a.Account, a.Name) {
					want = ErrExists
				}
				id, err := c.Create(a)
				created(t, id, err, want, a)
			},
			"consumer": func(t *rapid.T) {
				a := Asset{Kind: Consumer, Parent: anID(t), Name: name.Draw(t, "name"), Created: 3}
				var want error
				if s := model[a.Parent]; s == nil || s.dropped || s.Kind != Stream {
					want = ErrNotFound
				} else if a.Account = s.Account; taken(a.Parent, "", a.Name) {
					want = ErrExists
				}
				id, err := c.Create(a)
				created(t, id, err, want, a)
			},
			"update": func(t *rapid.T) {
				id, config := anID(t), []byte(name.Draw(t, "config"))
				k := model[id]
				if k == nil || k.dropped {
					check(t, c.Update(id, config), ErrNotFound)
					return
				}
				check(t, c.Update(id, config), nil)
				k.Config = config
			},
			"drop": func(t *rapid.T) {
				id := anID(t)
				if model[id] == nil {
					check(t, c.Drop(id), ErrNotFound)
					return
				}
				check(t, c.Drop(id), nil)
				for _, k := range model {
					if k.ID == id || k.Parent == id {
						k.dropped = true
					}
				}
			},
			"forget": func(t *rapid.T) {
				id := anID(t)
				k := model[id]
				if k == nil {
					check(t, c.Forget(id), ErrNotFound)
					return
				}
				used := !k.dropped
				for _, other := range model {
					used = used || other.Parent == id
				}
				if used {
					check(t, c.Forget(id), ErrInUse)
					return
				}
				check(t, c.Forget(id), nil)
				delete(model, id)
			},
			"open": func(t *rapid.T) {
				must(t, c.Close())
				c = open(t, disk, Options{Highest: highest})
			},
			"": func(t *rapid.T) {
				var want contents
				for id := ID(1); id <= highest; id++ {
					k := model[id]
					switch {
					case k == nil:
						if !c.MayDelete(id) {
							t.Fatalf("number %d may not be deleted", id)
						}
						continue
					case k.dropped:
						want.Dropped = append(want.Dropped, k.Asset)
					default:
						want.All = append(want.All, k.Asset)
					}
					if c.MayDelete(id) {
						t.Fatalf("number %d may be deleted", id)
					}
				}
				slices.SortStableFunc(want.Dropped, func(a, b Asset) int { return int(b.Kind) - int(a.Kind) })
				if diff := cmp.Diff(want, list(c)); diff != "" {
					t.Fatalf("(-model +catalog):\n%s", diff)
				}
			},
		})
	})
}

// TestPowerCuts: whenever the power goes, what was answered is there, and of the call that
// was under way all or nothing.
// GODWIT_CRASH_CUTS, GODWIT_CRASH_SEED and GODWIT_CRASH_LIMIT are those of package journal.
func TestPowerCuts(t *testing.T) {
	number := func(name string, usual uint64) uint64 {
		if s := os.Getenv(name); s != "" {
			n, err := strconv.ParseUint(s, 10, 64)
			must(t, err)
			return n
		}
		return usual
	}
	end := time.Now().Add(24 * time.Hour)
	if s := os.Getenv("GODWIT_CRASH_LIMIT"); s != "" {
		limit, err := time.ParseDuration(s)
		must(t, err)
		end = time.Now().Add(limit)
	}
	first, most, tried := number("GODWIT_CRASH_SEED", 3), number("GODWIT_CRASH_CUTS", 1), uint64(0)
	for seed := first; tried < most && time.Now().Before(end); seed++ {
		tried += powerCuts(t, seed)
	}
	t.Logf("%d power cuts from seed %d on", tried, first)
}

// powerCuts cuts the power in each operation of the program of a seed, and returns in how
// many.
func powerCuts(t *testing.T, seed uint64) uint64 {
	t.Helper()
	program := func(disk *faulty.Disk) (states []contents, highest ID) {
		random := rand.New(rand.NewPCG(seed, 4))
		c, _, err := Open(disk, testDir, Options{})
		if err != nil {
			return []contents{{}}, 0
		}
		states = append(states, list(c))
		for i := range 60 {
			done, err := change(c, random)
			for _, a := range c.All() {
				highest = max(highest, a.ID)
			}
			if err != nil {
				return states, highest
			}
			if done {
				states = append(states, list(c))
			}
			if i%20 == 19 {
				_ = c.Close()
				if c, _, err = Open(disk, testDir, Options{}); err != nil {
					return states, highest
				}
			}
		}
		return states, highest
	}
	whole := faulty.New(1)
	all, _ := program(whole)
	if len(all) < 20 {
		t.Fatalf("seed %d: only %d changes", seed, len(all))
	}
	for cut := range whole.Operations() {
		disk := faulty.New(1)
		disk.CutAt(cut)
		states, highest := program(disk)
		for outcome := range uint64(3) {
			after := disk.Survive(outcome)
			c, found, err := Open(after, testDir, Options{Highest: highest})
			if err != nil || len(found.Damage) > 0 {
				t.Fatalf("seed %d, cut at %d: %+v, %v", seed, cut, found, err)
			}
			got := list(c)
			known := reflect.DeepEqual(got, states[len(states)-1])
			if len(states) < len(all) {
				known = known || reflect.DeepEqual(got, all[len(states)])
			}
			if !known {
				t.Fatalf("seed %d, cut at %d: neither the state before nor the one after (-before +got):\n%s", seed, cut, cmp.Diff(states[len(states)-1], got))
			}
			if id, err := c.Create(stream("new", "new")); err != nil || id <= highest {
				t.Fatalf("seed %d, cut at %d: number %d after %d: %v", seed, cut, id, highest, err)
			}
		}
	}
	return uint64(whole.Operations())
}

// TestNumberOfAFailedCreationIsSpent: the asset may turn out to be there after a power
// cut, so another one must not have its number.
func TestNumberOfAFailedCreationIsSpent(t *testing.T) {
	for _, kind := range []faulty.Kind{faulty.Write, faulty.Sync} {
		disk := faulty.New(1)
		c := open(t, disk, Options{})
		first, err := c.Create(stream("A", "first"))
		must(t, err)
		disk.Fail(func(op faulty.Operation) error {
			if op.Kind == kind {
				return syscall.EIO
			}
			return nil
		})
		_, err = c.Create(stream("A", "failed"))
		fails(t, err, syscall.EIO)
		disk.Fail(nil)
		next, err := c.Create(stream("A", "next"))
		must(t, err)
		if next <= first+1 {
			t.Errorf("%v: number %d is given again", kind, next)
		}
		must(t, c.Close())
	}
}

// TestFailingDisk: a call that fails changes nothing, and later ones succeed; no number is
// given twice.
func TestFailingDisk(t *testing.T) {
	for _, kind := range []faulty.Kind{faulty.Write, faulty.Sync, faulty.Rename, faulty.SyncDir, faulty.Create, faulty.Open} {
		t.Run(kind.String(), func(t *testing.T) {
			disk, random := faulty.New(1), rand.New(rand.NewPCG(5, 6))
			c := open(t, disk, Options{})
			given, failures := map[ID]bool{}, 0
			for range 300 {
				failing := random.IntN(3) == 0
				disk.Fail(func(op faulty.Operation) error {
					if failing && op.Kind == kind {
						return syscall.EIO
					}
					return nil
				})
				before := list(c)
				_, err := change(c, random)
				disk.Fail(nil)
				if err != nil {
					failures++
					if after := list(c); !reflect.DeepEqual(before, after) {
						t.Fatalf("a failed call changed something:\n%s", cmp.Diff(before, after))
					}
					continue
				}
				for _, a := range c.All() {
					given[a.ID] = true
				}
			}
			want := list(c)
			must(t, c.Close())
			if diff := cmp.Diff(want, list(open(t, disk.Survive(1), Options{}))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			t.Logf("%d failures, %d numbers", failures, len(given))
			if failures == 0 && kind != faulty.Rename && kind != faulty.SyncDir && kind != faulty.Create {
				t.Error("nothing failed")
			}
		})
	}
}
