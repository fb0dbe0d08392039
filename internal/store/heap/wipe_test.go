package heap

import (
	"bytes"
	"testing"

	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// TestWipe: of a chunk that was wiped nothing is on the disk after the next commit; the
// others are, and a scan finds nothing wrong.
func TestWipe(t *testing.T) {
	disk := faulty.New(1)
	h, err := Create(disk, "h", Options{})
	if err != nil {
		t.Fatal(err)
	}
	var refs []Ref
	for _, text := range []string{"first chunk", "secret chunk", "last chunk"} {
		ref, err := h.Write(1, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, ref)
	}
	if err := h.Rewrite([]byte("all")); err != nil {
		t.Fatal(err)
	}
	h.WipeBut([]Ref{refs[2], refs[0]})
	if err := h.Commit([]byte("two")); err != nil || h.Unwiped() {
		t.Fatal(err, h.Unwiped())
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	after := disk.Survive(1)
	whole, err := vfs.ReadFile(after, "h/"+chunksName(refs[1].File), 1<<20)
	if err != nil || bytes.Contains(whole, []byte("secret")) {
		t.Errorf("%q %v", whole, err)
	}
	var found []string
	err = Scan(after, "h", Options{}, func(f Found) error {
		if f.Err != nil {
			t.Error(f.Err)
		}
		found = append(found, string(f.Data))
		return nil
	})
	if err != nil || len(found) != 2 || found[0] != "first chunk" || found[1] != "last chunk" {
		t.Errorf("%q %v", found, err)
	}
}

// TestFailedWipeIsNotRepeatedByItself: what is to be kept of the next commit is for the
// owner to say.
func TestFailedWipeIsNotRepeatedByItself(t *testing.T) {
	for _, step := range []string{"wipe", "commit"} {
		disk := faulty.New(1)
		h, err := Create(disk, testDir, Options{})
		must(t, err)
		s := state{1: write(t, h, 1, []byte("a")), 2: write(t, h, 2, []byte("b"))}
		must(t, h.Commit(s.whole()))
		h.Drop(s[1])
		delete(s, 1)
		h.WipeBut([]Ref{s[2]})
		syncs := 0
		disk.Fail(func(op faulty.Operation) error {
			if op.Kind != faulty.Sync {
				return nil
			}
			if syncs++; step == "commit" || syncs > 1 { // the first one is that of the edit
				return errDisk
			}
			return nil
		})
		err = h.Commit(s.whole())
		if disk.Fail(nil); (err != nil) != (step == "commit") {
			t.Fatalf("%s: %v", step, err)
		}
		if !h.Unwiped() {
			t.Fatalf("%s: nothing failed", step)
		}
		s[3] = write(t, h, 3, []byte("c"))
		must(t, h.Rewrite(s.whole()))
		wantRead(t, h, s[2], []byte("b"))
		wantRead(t, h, s[3], []byte("c"))
		h.WipeBut([]Ref{s[2], s[3]})
		must(t, h.Commit(nil))
		if h.Unwiped() {
			t.Fatalf("%s: not done in the end", step)
		}
		wantRead(t, h, s[2], []byte("b"))
		wantRead(t, h, s[3], []byte("c"))
	}
}
