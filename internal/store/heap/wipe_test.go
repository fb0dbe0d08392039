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
