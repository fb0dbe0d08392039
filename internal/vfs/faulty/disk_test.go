package faulty_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

const outcomes = 300 // seeds tried where a test wants to see several outcomes

func open(t testing.TB, fsys vfs.FS, name string, mode vfs.Mode) vfs.File {
	t.Helper()
	f, err := fsys.OpenFile(name, mode)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fill(b byte, pages int) []byte { return bytes.Repeat([]byte{b}, pages*vfs.PageSize) }

// synced makes a disk with a durable file of so many pages of 'a'.
func synced(t testing.TB, pages int) (*faulty.Disk, vfs.File) {
	t.Helper()
	disk := faulty.New(1)
	f := open(t, disk, "/f", vfs.Create)
	_, err := f.WriteAt(fill('a', pages), 0)
	must(t, err)
	must(t, f.Sync())
	must(t, disk.SyncDir("/"))
	return disk, f
}

func content(t testing.TB, disk *faulty.Disk) []byte {
	t.Helper()
	got, err := vfs.ReadFile(disk, "/f", 1<<20)
	must(t, err)
	return got
}

func TestSyncedSurvives(t *testing.T) {
	disk, f := synced(t, 3)
	for seed := range uint64(outcomes) {
		if !bytes.Equal(content(t, disk.Survive(seed)), fill('a', 3)) {
			t.Fatalf("seed %d: synced bytes are lost", seed)
		}
	}
	if _, err := f.WriteAt([]byte("x"), 0); err != faulty.ErrPowerCut {
		t.Errorf("a write without power: %v", err)
	}
	if _, err := disk.Stat("/f"); err != faulty.ErrPowerCut {
		t.Errorf("stat without power: %v", err)
	}
}

// TestUnsyncedPages: every page is lost or kept for itself, and may be torn or
// hold a write in between.
func TestUnsyncedPages(t *testing.T) {
	disk, f := synced(t, 2)
	for _, b := range []byte{'b', 'c'} {
		_, err := f.WriteAt(fill(b, 2), 0)
		must(t, err)
	}
	seen := map[string]bool{}
	for seed := range uint64(outcomes) {
		got := content(t, disk.Survive(seed))
		if len(got) != 2*vfs.PageSize {
			t.Fatalf("seed %d: %d bytes", seed, len(got))
		}
		name := ""
		for p := range 2 {
			page := got[p*vfs.PageSize : (p+1)*vfs.PageSize]
			switch {
			case bytes.Count(page, page[:1]) == len(page):
				name += string(page[:1])
			case bytes.Count(page, []byte("a"))+bytes.Count(page, []byte("c")) == len(page):
				name += "t"
			default:
				t.Fatalf("seed %d: bytes that nobody wrote", seed)
			}
		}
		seen[name] = true
	}
	for _, want := range []string{"aa", "ac", "ca", "cc", "ba", "tc", "ct"} {
		if !seen[want] {
			t.Errorf("outcome %s never seen in %v", want, seen)
		}
	}
}

func TestSameSeedSameOutcome(t *testing.T) {
	disk, f := synced(t, 4)
	_, err := f.WriteAt(fill('b', 8), 100)
	must(t, err)
	for seed := range uint64(50) {
		if !bytes.Equal(content(t, disk.Survive(seed)), content(t, disk.Survive(seed))) {
			t.Fatalf("seed %d gives two outcomes", seed)
		}
	}
}

func TestUnsyncedLength(t *testing.T) {
	disk, f := synced(t, 1)
	_, err := f.WriteAt(fill('b', 1), vfs.PageSize)
	must(t, err)
	must(t, f.Truncate(vfs.PageSize+10))
	sizes := map[int]bool{}
	for seed := range uint64(outcomes) {
		got := content(t, disk.Survive(seed))
		sizes[len(got)] = true
		for _, b := range got[vfs.PageSize:] {
			if b != 0 && b != 'b' {
				t.Fatalf("seed %d: byte %q beyond the old end", seed, b)
			}
		}
	}
	if len(sizes) != 2 || !sizes[vfs.PageSize] || !sizes[vfs.PageSize+10] {
		t.Errorf("lengths seen: %v", sizes)
	}
}

func TestUnsyncedNames(t *testing.T) {
	disk, _ := synced(t, 1)
	_ = open(t, disk, "/created", vfs.Create)
	must(t, disk.Rename("/f", "/renamed"))
	seen := map[string]bool{}
	for seed := range uint64(outcomes) {
		list, err := disk.Survive(seed).ReadDir("/")
		must(t, err)
		names := ""
		for _, info := range list {
			names += info.Name + " "
		}
		seen[names] = true
	}
	want := []string{"f ", "renamed ", "created f ", "created renamed "}
	for _, names := range want {
		if !seen[names] {
			t.Errorf("never seen: %q", names)
		}
	}
	if len(seen) != len(want) {
		t.Errorf("a rename came apart: %v", seen)
	}
}

func TestSyncedNamesSurvive(t *testing.T) {
	disk, _ := synced(t, 1)
	must(t, disk.MkdirAll("/x/y"))
	must(t, disk.Rename("/f", "/g"))
	must(t, disk.SyncDir("/"))
	for seed := range uint64(outcomes) {
		after := disk.Survive(seed)
		if _, err := after.Stat("/g"); err != nil {
			t.Fatal(err)
		}
		if _, err := after.Stat("/f"); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal("the old name is back")
		}
		if _, err := after.Stat("/x/y"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFailedSyncForgets: pages of a failed sync that did not reach the disk are
// not covered by the next one, although it succeeds and they still read as new.
func TestFailedSyncForgets(t *testing.T) {
	lost := 0
	for seed := range uint64(50) {
		disk := faulty.New(seed)
		f := open(t, disk, "/f", vfs.Create)
		_, err := f.WriteAt(fill('a', 4), 0)
		must(t, err)
		must(t, f.Sync())
		must(t, disk.SyncDir("/"))
		_, err = f.WriteAt(fill('b', 4), 0)
		must(t, err)
		disk.Fail(func(op faulty.Operation) error {
			if op.Kind == faulty.Sync {
				return syscall.EIO
			}
			return nil
		})
		if err := f.Sync(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("sync: %v", err)
		}
		disk.Fail(nil)
		if !bytes.Equal(content(t, disk), fill('b', 4)) {
			t.Fatal("the failed sync changed what is read")
		}
		must(t, f.Sync())
		after := content(t, disk.Survive(seed))
		lost += bytes.Count(after, []byte("a")) / vfs.PageSize
		if bytes.Count(after, []byte("a"))%vfs.PageSize != 0 {
			t.Fatal("a clean page is torn")
		}
	}
	if lost < 50 || lost > 150 {
		t.Errorf("%d of 200 pages lost", lost)
	}
}

func TestCutAtOperation(t *testing.T) {
	run := func(disk *faulty.Disk) (done int, err error) {
		f, err := disk.OpenFile("/f", vfs.Create)
		if err != nil {
			return 0, err
		}
		steps := []func() error{
			func() error { _, err := f.WriteAt(fill('a', 1), 0); return err },
			f.Sync,
			func() error { return disk.SyncDir("/") },
			func() error { return disk.Rename("/f", "/g") },
		}
		for i, step := range steps {
			if err := step(); err != nil {
				return 1 + i, err
			}
		}
		return 5, nil
	}
	whole := faulty.New(1)
	if _, err := run(whole); err != nil || whole.Operations() != 5 {
		t.Fatalf("%d operations, %v", whole.Operations(), err)
	}
	for cut := range 5 {
		disk := faulty.New(1)
		disk.CutAt(cut)
		done, err := run(disk)
		if done != cut || err != faulty.ErrPowerCut || !disk.IsCut() {
			t.Errorf("cut at %d: stopped after %d with %v", cut, done, err)
		}
	}
	disk := faulty.New(1)
	disk.CutAt(4)
	_, _ = run(disk)
	kept := 0
	for seed := range uint64(outcomes) {
		if _, err := disk.Survive(seed).Stat("/g"); err == nil {
			kept++
		}
	}
	if kept == 0 || kept == outcomes {
		t.Errorf("the operation at the cut took effect %d times of %d", kept, outcomes)
	}
}

func TestFullDisk(t *testing.T) {
	disk := faulty.New(1)
	disk.SetCapacity(4 * vfs.PageSize)
	f := open(t, disk, "/f", vfs.Create)
	must(t, f.Preallocate(2*vfs.PageSize))
	n, err := f.WriteAt(fill('b', 4), vfs.PageSize)
	if n != 3*vfs.PageSize || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write: %d, %v", n, err)
	}
	if _, err := f.WriteAt(fill('c', 4), 0); err != nil {
		t.Errorf("overwriting on a full disk: %v", err)
	}
	g := open(t, disk, "/g", vfs.Create)
	if err := g.Preallocate(1); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("preallocate: %v", err)
	}
	must(t, f.Truncate(vfs.PageSize))
	if disk.Used() != vfs.PageSize {
		t.Errorf("used %d", disk.Used())
	}
	must(t, g.Preallocate(3*vfs.PageSize))
	must(t, disk.Remove("/g"))
	if disk.Used() != vfs.PageSize {
		t.Errorf("used %d after remove", disk.Used())
	}
}

func TestInjectedErrors(t *testing.T) {
	disk, f := synced(t, 8)
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Write && op.Offset == 0 || op.Kind == faulty.Read && op.Name == "/f" {
			return syscall.EIO
		}
		return nil
	})
	n, err := f.WriteAt(fill('b', 8), 0)
	if !errors.Is(err, syscall.EIO) {
		t.Errorf("write: %v", err)
	}
	if _, err := f.ReadAt(make([]byte, 1), 0); !errors.Is(err, syscall.EIO) {
		t.Errorf("read: %v", err)
	}
	disk.Fail(nil)
	got := make([]byte, 8*vfs.PageSize)
	_, err = f.ReadAt(got, 0)
	must(t, err)
	if !bytes.Equal(got, append(bytes.Repeat([]byte{'b'}, n), fill('a', 8)[n:]...)) {
		t.Error("a failed write left something else than the part it reports")
	}
	if disk.Count(faulty.Read) != 2 {
		t.Errorf("%d reads counted", disk.Count(faulty.Read))
	}
}

func TestFlipBit(t *testing.T) {
	disk, f := synced(t, 2)
	must(t, disk.FlipBit("/f", 8*5000+3))
	check := func(data []byte) {
		t.Helper()
		want := fill('a', 2)
		want[5000] ^= 8
		if !bytes.Equal(data, want) {
			t.Error("not exactly that bit is flipped")
		}
	}
	check(content(t, disk))
	check(content(t, disk.Survive(1)))
	if err := disk.FlipBit("/f", 1<<40); err == nil {
		t.Error("flipped a bit beyond the end")
	}
	if err := disk.FlipBit("/no", 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("flip in a missing file: %v", err)
	}
	_ = f
}

func TestCloneIsIndependent(t *testing.T) {
	disk, f := synced(t, 1)
	_, err := f.WriteAt([]byte("unsynced"), 0)
	must(t, err)
	clone := disk.Clone(1)
	_, err = f.WriteAt([]byte("later..."), 0)
	must(t, err)
	if got := content(t, clone.Survive(5)); string(got[:8]) != "unsynced" {
		t.Errorf("the clone holds %q", got[:8])
	}
}

func TestLocksEndWithThePower(t *testing.T) {
	disk, _ := synced(t, 1)
	_, err := disk.Lock("/L")
	must(t, err)
	if _, err := disk.Lock("/L"); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("second lock: %v", err)
	}
	if _, err := disk.Survive(1).Lock("/L"); err != nil {
		t.Errorf("lock after the cut: %v", err)
	}
}

// TestWriteFileIsAtomic: cut in each operation, the old or the new content is
// there, and the new one once WriteFile has returned.
func TestWriteFileIsAtomic(t *testing.T) {
	oldContent, newContent := fill('o', 2), fill('n', 3)
	for cut := 0; ; cut++ {
		disk := faulty.New(1)
		must(t, vfs.WriteFile(disk, "/f", oldContent))
		disk.CutAt(disk.Operations() + cut)
		err := vfs.WriteFile(disk, "/f", newContent)
		for seed := range uint64(100) {
			got := content(t, disk.Survive(seed))
			if !bytes.Equal(got, newContent) && (err == nil || !bytes.Equal(got, oldContent)) {
				t.Fatalf("cut %d, seed %d: neither the old nor the new content", cut, seed)
			}
		}
		if err == nil {
			break
		}
	}
}

func TestReadsAtEnd(t *testing.T) {
	_, f := synced(t, 1)
	if n, err := f.ReadAt(make([]byte, 10), vfs.PageSize-4); n != 4 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
}
