package heap

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
	"pgregory.net/rapid"
)

// program is one owner under random operations. Its state is what a recovery must find.
type program struct {
	random  *rand.Rand
	options Options
	disk    *faulty.Disk
	heap    *Heap

	data      map[uint64][]byte // of all keys ever written
	nextKey   uint64
	committed state   // by the last commit that succeeded
	inFlight  []state // by those since that failed or did not end
	present   state
	voided    []uint64 // keys of present whose places an error has made void
}

func newProgram(seed uint64, o Options) *program {
	o.FileSize, o.OpenFiles, o.Random = MinFileSize, 2, seeded(seed)
	return &program{
		random: rand.New(rand.NewPCG(seed, 2)), options: o, disk: faulty.New(seed),
		data: map[uint64][]byte{}, committed: state{}, present: state{},
	}
}

// start creates or opens the heap, and checks what it finds.
func (p *program) start() error {
	s := state{}
	h, report, err := Open(p.disk, testDir, p.options, s.apply)
	if errors.Is(err, fs.ErrNotExist) && len(p.committed) == 0 {
		h, err = Create(p.disk, testDir, p.options)
	}
	if err != nil {
		return err
	}
	if len(report.Damage) > 0 {
		return fmt.Errorf("damage: %+v", report)
	}
	for key, ref := range s {
		if err := h.Use(ref); err != nil {
			return fmt.Errorf("chunk %d: %w", key, err)
		}
	}
	switch {
	case maps.Equal(s, p.committed):
	case slices.ContainsFunc(p.inFlight, func(f state) bool { return maps.Equal(s, f) }):
	default:
		return fmt.Errorf("found %s, committed %s, in flight %v", describe(s), describe(p.committed), p.inFlight)
	}
	p.heap, p.inFlight = h, nil
	p.committed, p.present = s, maps.Clone(s)
	return p.check()
}

// check reads everything.
func (p *program) check() error {
	for key, ref := range p.present {
		got, err := p.heap.Read(ref, nil)
		if err != nil {
			return fmt.Errorf("chunk %d: %w", key, err)
		}
		if !bytes.Equal(got, p.data[key]) {
			return fmt.Errorf("chunk %d at %v has other data", key, ref)
		}
	}
	return nil
}

func (p *program) put() error {
	length := 1 + p.random.IntN(3000)
	if p.random.IntN(10) == 0 {
		length = 10000 + p.random.IntN(300000)
	}
	p.nextKey++
	p.data[p.nextKey] = content(p.nextKey, length)
	ref, err := p.heap.Write(p.nextKey, p.data[p.nextKey])
	if err == nil {
		p.present[p.nextKey] = ref
	}
	return err
}

func (p *program) drop(share float64) {
	for _, key := range slices.Sorted(maps.Keys(p.present)) {
		if p.random.Float64() < share {
			p.heap.Drop(p.present[key])
			delete(p.present, key)
		}
	}
}

// compact copies what lives in sparse files.
func (p *program) compact() error {
	for _, file := range p.heap.Sparse(0.5) {
		for _, key := range slices.Sorted(maps.Keys(p.present)) {
			ref := p.present[key]
			if ref.File != file.Number {
				continue
			}
			data, err := p.heap.Read(ref, nil)
			if err != nil {
				return err
			}
			moved, err := p.heap.Write(key, data)
			if err != nil {
				return err
			}
			p.present[key] = moved
			p.heap.Drop(ref)
		}
	}
	return nil
}

func (p *program) commit(whole bool) error {
	next := maps.Clone(p.present)
	p.inFlight = append(p.inFlight, next)
	var err error
	if !whole {
		err = p.heap.Commit(p.committed.edit(p.present))
	}
	if whole || errors.Is(err, ErrRewrite) {
		err = p.heap.Rewrite(p.present.whole())
	}
	if err != nil {
		return err
	}
	p.committed, p.inFlight = next, nil
	return nil
}

// step is one random operation.
func (p *program) step() error {
	switch n := p.random.IntN(20); {
	case n < 11:
		return p.put()
	case n < 13:
		p.drop([]float64{0.1, 0.5, 1}[p.random.IntN(3)])
		return nil
	case n < 14:
		return p.compact()
	case n < 15:
		p.heap.CloseIdle()
		return p.check()
	case n < 19:
		return p.commit(false)
	}
	return p.commit(true)
}

func (p *program) run(steps int) error {
	if p.heap == nil {
		if err := p.start(); err != nil {
			return err
		}
	}
	for range steps {
		if err := p.step(); err != nil {
			return err
		}
	}
	return nil
}

// A budget is how many power cuts are tried, from which seed on, and until when. The
// variables of the crash tests of package journal set it.
type budget struct {
	seed   uint64
	cuts   int
	until  time.Time
	whole  bool // seeds are not ended halfway
	tried  int
	seeded uint64 // seeds begun
}

func crashBudget(t *testing.T) *budget {
	b := &budget{until: time.Now().Add(24 * time.Hour), whole: true}
	set := func(name string, take func(string) error) {
		if s := os.Getenv(name); s != "" {
			if err := take(s); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	set("GODWIT_CRASH_SEED", func(s string) (err error) { b.seed, err = strconv.ParseUint(s, 10, 64); return err })
	set("GODWIT_CRASH_CUTS", func(s string) (err error) {
		b.cuts, err = strconv.Atoi(s)
		b.cuts, b.whole = b.cuts/len(variants(t)), false
		return err
	})
	set("GODWIT_CRASH_LIMIT", func(s string) error {
		limit, err := time.ParseDuration(s)
		b.until = time.Now().Add(limit / time.Duration(len(variants(t))))
		return err
	})
	return b
}

// more reports whether another seed is to be tried.
func (b *budget) more() bool {
	if b.whole {
		return b.seeded < usualSeeds
	}
	return b.left()
}

func (b *budget) left() bool { return b.whole || b.tried < b.cuts && time.Now().Before(b.until) }

// usualSeeds are all of whose operations the power is cut in.
const usualSeeds = 3

// TestPowerCutAtEveryOperation runs a random program, cuts the power at each changing
// operation in turn, recovers from several of the states that the disk may be in, goes
// on, cuts again and recovers again.
func TestPowerCutAtEveryOperation(t *testing.T) {
	for name, o := range variants(t) {
		t.Run(name, func(t *testing.T) {
			b := crashBudget(t)
			for ; b.more(); b.seeded++ {
				b.cutEverywhere(t, b.seed+b.seeded, o)
			}
			t.Logf("%d power cuts from seed %d on", b.tried, b.seed)
		})
	}
}

func (b *budget) cutEverywhere(t *testing.T, seed uint64, o Options) {
	t.Helper()
	const steps = 40
	for cut := 0; b.left(); cut++ {
		p := newProgram(seed, o)
		p.disk.CutAt(cut)
		err := p.run(steps)
		if err == nil {
			break // it ended before the cut
		}
		if !p.disk.IsCut() {
			t.Fatalf("GODWIT_CRASH_SEED=%d, cut %d: %v", seed, cut, err)
		}
		b.tried++
		for outcome := range uint64(2) {
			if err := p.after(outcome, 12).again(outcome); err != nil {
				t.Fatalf("GODWIT_CRASH_SEED=%d, cut %d, outcome %d: %v", seed, cut, outcome, err)
			}
		}
	}
}

// after is the program on what a power cut has left, with a second cut to come.
func (p *program) after(outcome uint64, cut int) *program {
	q := *p
	q.disk = p.disk.Survive(outcome)
	q.disk.CutAt(cut + int(outcome))
	q.heap = nil
	q.data, q.committed, q.inFlight = maps.Clone(p.data), maps.Clone(p.committed), slices.Clone(p.inFlight)
	q.options.Random = seeded(outcome + 100)
	q.random = rand.New(rand.NewPCG(outcome, 3))
	return &q
}

func (p *program) again(outcome uint64) error {
	if err := p.run(15); err != nil && !p.disk.IsCut() {
		return err
	}
	q := p.after(outcome+7, 1<<30)
	if err := q.run(15); err != nil {
		return fmt.Errorf("after the second cut: %w", err)
	}
	return q.check()
}

// recoverFrom does what an owner does after an error: the chunks of the interval are
// written again.
func (p *program) recoverFrom() {
	p.heap.Abandon()
	for key, ref := range p.present {
		if p.committed[key] == ref {
			continue
		}
		if _, err := p.heap.Read(ref, nil); err == nil {
			continue // this place is older than the last commit
		}
		p.voided = append(p.voided, key)
		delete(p.present, key)
	}
	slices.Sort(p.voided)
}

func (p *program) rewriteVoided() error {
	for len(p.voided) > 0 {
		key := p.voided[0]
		ref, err := p.heap.Write(key, p.data[key])
		if err != nil {
			return err
		}
		p.present[key] = ref
		p.voided = p.voided[1:]
	}
	return nil
}

var errDisk = errors.New("the disk fails")

// TestFailures has random operations of the disk fail, restarts with and without a power
// cut, and wants what was committed to be there, always.
func TestFailures(t *testing.T) {
	for name, o := range variants(t) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				p := newProgram(rapid.Uint64().Draw(t, "seed"), o)
				if err := p.run(5); err != nil {
					t.Fatal(err)
				}
				kinds := rapid.SliceOfN(rapid.SampledFrom([]faulty.Kind{
					faulty.Write, faulty.Sync, faulty.SyncDir, faulty.Create, faulty.Rename, faulty.Remove, faulty.Truncate, faulty.Open,
				}), 1, 8).Draw(t, "kinds")
				for _, kind := range kinds {
					after := rapid.IntRange(0, 4).Draw(t, "after")
					p.disk.Fail(func(op faulty.Operation) error {
						if op.Kind != kind {
							return nil
						}
						if after--; after < 0 {
							return errDisk
						}
						return nil
					})
					err := p.run(8)
					p.disk.Fail(nil)
					if err != nil && !errors.Is(err, errDisk) {
						t.Fatalf("%v: %v", kind, err)
					}
					if err != nil {
						p.recoverFrom()
					}
					switch rapid.IntRange(0, 3).Draw(t, "then") {
					case 0:
						p.disk, p.heap = p.disk.Survive(1), nil
						p.voided = nil
					case 1: // the process ends
						p.heap = nil
						p.voided = nil
					}
					if p.heap == nil {
						if err := p.start(); err != nil {
							t.Fatalf("restart after %v: %v", kind, err)
						}
					}
					if err := p.rewriteVoided(); err != nil {
						t.Fatalf("write again after %v: %v", kind, err)
					}
					if err := p.run(5); err != nil {
						t.Fatalf("after %v: %v", kind, err)
					}
					if err := p.check(); err != nil {
						t.Fatalf("after %v: %v", kind, err)
					}
				}
				if err := p.commit(false); err != nil {
					t.Fatal(err)
				}
				p.disk, p.heap = p.disk.Survive(2), nil
				if err := p.start(); err != nil {
					t.Fatalf("at the end: %v", err)
				}
			})
		})
	}
}

// TestFullDisk: a heap on a disk that fills up works again as soon as there is room.
func TestFullDisk(t *testing.T) {
	for name, o := range variants(t) {
		t.Run(name, func(t *testing.T) {
			for capacity := int64(8 << 10); capacity < 300<<10; capacity += 12 << 10 {
				p := newProgram(uint64(capacity), o)
				must(t, p.run(1))
				p.disk.SetCapacity(capacity)
				err := error(nil)
				for err == nil {
					err = p.step()
				}
				wantError(t, err, syscall.ENOSPC)
				p.recoverFrom()
				must(t, p.check())
				p.disk.SetCapacity(-1)
				must(t, p.rewriteVoided())
				must(t, p.run(5))
				must(t, p.commit(false))
				p.disk, p.heap = p.disk.Survive(1), nil
				must(t, p.start())
			}
		})
	}
}

// TestAbandonedSpaceComesBack: else a full disk would stay full.
func TestAbandonedSpaceComesBack(t *testing.T) {
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{FileSize: MinFileSize})
	must(t, err)
	s := state{1: write(t, h, 1, content(1, 100))}
	must(t, h.Commit(s.whole()))
	used := disk.Used()
	disk.SetCapacity(used + 1<<20)
	for err == nil {
		_, err = h.Write(2, content(2, 300<<10))
	}
	wantError(t, err, syscall.ENOSPC)
	wantError(t, h.Commit(nil), syscall.ENOSPC)
	if got := disk.Used(); got > used {
		t.Fatalf("%d bytes used, %d before", got, used)
	}
	s[2] = write(t, h, 2, content(2, 300<<10))
	must(t, h.Commit(s.whole()))
	wantRead(t, h, s[1], content(1, 100))
}

// TestFailedIntervalCannotBeCommitted: an owner that overlooks the error of a Write must
// not commit places that are void.
func TestFailedIntervalCannotBeCommitted(t *testing.T) {
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{})
	must(t, err)
	a := write(t, h, 1, []byte("a"))
	disk.Fail(failing(faulty.Write, chunksSuffix, errDisk))
	_, err = h.Write(2, content(1, bufferSize))
	wantError(t, err, errDisk)
	disk.Fail(nil)
	_, err = h.Write(3, []byte("c"))
	wantError(t, err, errDisk)
	wantError(t, h.Commit(state{1: a}.whole()), errDisk)
	_, err = h.Read(a, nil)
	wantError(t, err, ErrNotFound)
	s := state{1: write(t, h, 1, []byte("a"))}
	if s[1].File == a.File {
		t.Fatal("a file that failed is written again")
	}
	must(t, h.Commit(s.whole()))
	must(t, h.Close())
	_, got, _ := reopen(t, disk.Survive(1), Options{})
	if !maps.Equal(got, s) {
		t.Fatal(describe(got))
	}
}

// TestFailedFileIsNotWrittenAgain: also one that has committed chunks ends there.
func TestFailedFileIsNotWrittenAgain(t *testing.T) {
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{})
	must(t, err)
	s := state{1: write(t, h, 1, []byte("a"))}
	must(t, h.Commit(s.whole()))
	write(t, h, 2, []byte("b"))
	disk.Fail(failing(faulty.Sync, chunksSuffix, errDisk))
	wantError(t, h.Commit(s.whole()), errDisk)
	disk.Fail(nil)
	s[2] = write(t, h, 2, []byte("c"))
	if s[2].File == s[1].File {
		t.Fatal("a file that failed is written again")
	}
	must(t, h.Commit(s.whole()))
	wantRead(t, h, s[1], []byte("a"))
	wantRead(t, h, s[2], []byte("c"))
}

// sealed notes which nonces were used with which keys.
type sealed map[string]bool

type watchedCipher struct {
	Cipher
	seen  sealed
	twice *int
}

func (c watchedCipher) Derive(purpose string, salt [16]byte) (cipher.AEAD, uint64, error) {
	aead, check, err := c.Cipher.Derive(purpose, salt)
	return watchedAEAD{aead, purpose + string(salt[:]), c}, check, err
}

type watchedAEAD struct {
	cipher.AEAD
	key string
	by  watchedCipher
}

func (a watchedAEAD) Seal(to, nonce, plain, more []byte) []byte {
	name := a.key + string(nonce)
	if a.by.seen[name] {
		*a.by.twice++
	}
	a.by.seen[name] = true
	return a.AEAD.Seal(to, nonce, plain, more)
}

// TestNoNonceTwice: no nonce is used twice with a key, whatever fails, and after restarts.
func TestNoNonceTwice(t *testing.T) {
	for seed := range uint64(20) {
		seen, twice := sealed{}, 0
		kind := []uint8{seal.KindAESGCM, seal.KindChaCha20Poly1305}[seed%2]
		p := newProgram(seed, Options{Cipher: watchedCipher{cipherOf(t, kind, 1), seen, &twice}})
		coins := rand.New(rand.NewPCG(seed, 9))
		for range 6 {
			after := coins.IntN(12)
			p.disk.Fail(func(op faulty.Operation) error {
				if op.Kind != faulty.Write && op.Kind != faulty.Sync {
					return nil
				}
				if after--; after == 0 {
					return errDisk
				}
				return nil
			})
			err := p.run(20)
			p.disk.Fail(nil)
			if err != nil && !errors.Is(err, errDisk) {
				t.Fatal(seed, err)
			}
			if err != nil && p.heap != nil {
				p.recoverFrom()
			}
			if coins.IntN(3) == 0 {
				p.disk, p.heap, p.voided = p.disk.Survive(seed), nil, nil
			}
			if p.heap == nil {
				must(t, p.start())
			}
			must(t, p.rewriteVoided())
		}
		if twice > 0 || len(seen) < 20 {
			t.Fatalf("seed %d: of %d nonces %d were used again", seed, len(seen), twice)
		}
	}
}

func TestFailedManifestMustBeRewritten(t *testing.T) {
	for _, kind := range []faulty.Kind{faulty.Write, faulty.Sync} {
		disk := faulty.New(1)
		h, err := Create(disk, testDir, Options{})
		must(t, err)
		disk.Fail(failing(kind, manifestName, errDisk))
		write(t, h, 1, []byte("lost"))
		wantError(t, h.Commit([]byte("+")), errDisk)
		disk.Fail(nil)
		s := state{1: write(t, h, 1, []byte("a"))}
		wantError(t, h.Commit(s.whole()), ErrRewrite)
		wantError(t, h.NeedsRewrite(), errDisk)
		wantRead(t, h, s[1], []byte("a")) // refused is not failed
		must(t, h.Rewrite(s.whole()))
		must(t, h.Commit(nil))
		h, got, report := reopen(t, disk.Survive(1), Options{})
		if !maps.Equal(got, s) || report.Edits != 2 {
			t.Fatal(describe(got), report)
		}
		if files := h.Stats().Files; files != 1 {
			t.Errorf("%v: the file of the abandoned interval is there: %d files", kind, files)
		}
	}
}

// TestReadErrorsAreNotDamage: a disk that cannot read now may be able to later.
func TestReadErrorsAreNotDamage(t *testing.T) {
	disk := faulty.New(1)
	s, data := sample(t, disk, Options{})
	h, _, _ := reopen(t, disk, Options{})
	disk.Fail(failing(faulty.Read, "", errDisk))
	_, err := h.Read(s[1], nil)
	if wantError(t, err, errDisk); errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
	_, _, err = Open(disk, testDir, Options{}, func([]byte) error { return nil })
	if wantError(t, err, errDisk); errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
	disk.Fail(nil)
	wantRead(t, h, s[1], data[1])
}

// TestEditThatWasOnlyInMemory: a sync fails, the process ends, and the next one finds
// the edit in memory, clean. It must not build on it before it is on the disk.
func TestEditThatWasOnlyInMemory(t *testing.T) {
	for seed := range uint64(30) {
		disk := faulty.New(seed)
		h, err := Create(disk, testDir, Options{})
		must(t, err)
		s := state{1: write(t, h, 1, []byte("a"))}
		disk.Fail(failing(faulty.Sync, manifestName, errDisk))
		wantError(t, h.Commit(append(s.whole(), bytes.Repeat([]byte("*\x00"), 5000)...)), errDisk)
		disk.Fail(nil)
		_, got, _ := reopen(t, disk, Options{})
		_, again, report := reopen(t, disk.Survive(seed), Options{})
		if report.Damage != nil || !maps.Equal(got, again) {
			t.Fatalf("seed %d: first %d chunks, then %d: %+v", seed, len(got), len(again), report)
		}
	}
}

// TestPowerCutDuringCreateAndRemove: the heap is there or not, and nothing is in the way
// of the next one.
func TestPowerCutDuringCreateAndRemove(t *testing.T) {
	for cut := 0; ; cut++ {
		disk := faulty.New(1)
		disk.CutAt(cut)
		h, err := Create(disk, testDir, Options{})
		existed := err == nil
		if err == nil {
			_, err = h.Write(1, []byte("x"))
		}
		committed := false
		if err == nil {
			err = h.Commit([]byte("edit"))
			committed = err == nil
		}
		removing := err == nil
		if err == nil {
			err = h.Remove()
		}
		if err == nil {
			return
		}
		for outcome := range uint64(10) {
			after := disk.Survive(outcome)
			edits := 0
			h, report, err := Open(after, testDir, Options{}, func([]byte) error { edits++; return nil })
			switch {
			case err == nil && len(report.Damage) == 0 && (!committed || edits == 1):
				must(t, h.Remove())
			case errors.Is(err, fs.ErrNotExist) && (removing || !existed):
			default:
				t.Fatalf("cut %d, outcome %d: %d edits, %+v, %v", cut, outcome, edits, report, err)
			}
			if got := names(t, after, testDir); existed && got != nil && !slices.Equal(got, nil) {
				t.Fatalf("cut %d, outcome %d: left %v", cut, outcome, got)
			}
			h, err = Create(after, testDir, Options{})
			must(t, err)
			must(t, h.Close())
		}
	}
}
