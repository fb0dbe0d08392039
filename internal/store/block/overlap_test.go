package block

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"strings"
	"syscall"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// created makes a stream with chunks of ten messages that fill makes.
func created(t *testing.T, disk *faulty.Disk, o Options) (*Node, *Stream) {
	t.Helper()
	n := openNode(t, disk, o)
	s, err := n.CreateStream(7, ten)
	if err != nil {
		t.Fatal(err)
	}
	return n, s
}

var ten = StreamOptions{FileSize: 64 << 10, ChunkSize: 2000}

// fill appends messages of the same length, each with a text of its own, and returns
// those.
func fill(t *testing.T, s *Stream, count int) (texts []string) {
	t.Helper()
	for range count {
		text := fmt.Sprintf("secret %08d", s.State().LastSequence+1)
		m := store.Message{Subject: []byte("a"), Payload: append(bytes.Repeat([]byte("."), 150), text...)}
		if err := s.Append(&m, store.Checked); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	return texts
}

func checkpoint(t *testing.T, s *Stream) {
	t.Helper()
	if err := s.Checkpoint(); err != nil {
		t.Fatal(err)
	}
}

func erase(t *testing.T, s *Stream, seq uint64) {
	t.Helper()
	if ok, err := s.Erase(seq); !ok || err != nil {
		t.Fatal(seq, ok, err)
	}
}

// filesWith names the files below a directory that have a text in them.
func filesWith(t *testing.T, disk vfs.FS, dir, text string) (names []string) {
	t.Helper()
	entries, err := disk.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name)
		if e.Dir {
			names = append(names, filesWith(t, disk, name, text)...)
			continue
		}
		content, err := vfs.ReadFile(disk, name, 1<<30)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the journal deletes what it needs no more
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(text)) {
			names = append(names, name)
		}
	}
	return names
}

func expectNowhere(t *testing.T, disk vfs.FS, text string) {
	t.Helper()
	if names := filesWith(t, disk, "data/streams", text); len(names) > 0 {
		t.Fatalf("%q is found in %v", text, names)
	}
}

// TestChunkThatGoesWhileItIsWritten: the place of a chunk that is dropped while a
// checkpoint writes it anew is given back once; twice would count out another chunk of
// its file, and delete it.
func TestChunkThatGoesWhileItIsWritten(t *testing.T) {
	disk := faulty.New(1)
	n, s := created(t, disk, small())
	fill(t, s, 20)
	checkpoint(t, s)
	erase(t, s, 15)
	c, err := s.BeginCheckpoint()
	if err != nil {
		t.Fatal(err)
	}
	failure := c.Write()
	if _, err := s.Truncate(10); err != nil {
		t.Fatal(err)
	}
	if err := s.EndCheckpoint(c, failure); err != nil {
		t.Fatal(err)
	}
	checkpoint(t, s)
	checkpoint(t, s)
	h := history{digests: []uint32{digest(s)}}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	h.expect(t, "after a chunk went", disk.Survive(1), ten)
}

// TestFailedCheckpointForgetsNothing: what a checkpoint should have given back and
// overwritten, the next one does, wherever the first one failed.
func TestFailedCheckpointForgetsNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		kind faulty.Kind
		more int // messages, which are too many to be gathered until the commit
	}{
		{"chunk", faulty.Write, 8000},
		{"flush", faulty.Write, 0},
		{"sync", faulty.Sync, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := faulty.New(1)
			n, s := created(t, disk, small())
			texts := fill(t, s, 30)
			if err := s.Rest(); err != nil { // with an index, whose place is given back next
				t.Fatal(err)
			}
			erase(t, s, 15)
			if _, err := s.Compact(11); err != nil {
				t.Fatal(err)
			}
			for range c.more / 1000 {
				fill(t, s, 1000)
				if err := commitNow(s); err != nil {
					t.Fatal(err)
				}
			}
			disk.Fail(func(o faulty.Operation) error {
				if o.Kind == c.kind && strings.Contains(o.Name, "streams") {
					return syscall.EIO
				}
				return nil
			})
			if err := s.Checkpoint(); !errors.Is(err, syscall.EIO) {
				t.Fatal(err)
			}
			disk.Fail(nil)
			checkpoint(t, s)
			expectNowhere(t, disk, texts[14])
			if _, err := s.Purge(store.Purge{}); err != nil {
				t.Fatal(err)
			}
			checkpoint(t, s)
			if stats := s.heap.Stats(); stats.Chunks != 0 || stats.Files != 0 {
				t.Errorf("an empty stream has %+v", stats)
			}
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestErasedBytesAreNowhere: whatever happened to the chunk of a message before, and
// while a checkpoint writes it, the bytes of an erased message are in no file of the
// stream after the commit and the checkpoint that follow.
func TestErasedBytesAreNowhere(t *testing.T) {
	for seed := range seeds(60) {
		random := rand.New(rand.NewPCG(seed, 5))
		disk := faulty.New(seed)
		n, s := created(t, disk, small())
		var texts, erased []string
		change := func() {
			switch state := s.State(); random.IntN(4) {
			case 0:
				texts = append(texts, fill(t, s, 1+random.IntN(15))...)
			case 1:
				_, _ = s.Remove(1 + random.Uint64N(state.LastSequence+1))
			default:
				seq := 1 + random.Uint64N(state.LastSequence+1)
				if ok, err := s.Erase(seq); ok && err == nil {
					erased = append(erased, texts[seq-1])
				}
			}
		}
		for range 30 {
			for range random.IntN(4) {
				change()
			}
			c, err := s.BeginCheckpoint()
			if err != nil {
				t.Fatal(err)
			}
			if random.IntN(2) == 0 {
				change()
			}
			err = c.Write()
			if random.IntN(2) == 0 {
				change()
			}
			if err := s.EndCheckpoint(c, err); err != nil {
				t.Fatal(err)
			}
			if random.IntN(3) > 0 {
				continue
			}
			checkpoint(t, s)
			for _, text := range erased {
				if names := filesWith(t, disk, "data/streams", text); len(names) > 0 {
					t.Fatalf("seed %d: %q is found in %v", seed, text, names)
				}
			}
		}
		if len(erased) < 3 {
			t.Errorf("seed %d: %d erased", seed, len(erased))
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestErasedBytesInTheJournal: the journal still has an erased message after the
// checkpoint, until its segment is written over.
func TestErasedBytesInTheJournal(t *testing.T) {
	disk := faulty.New(1)
	n, s := created(t, disk, small())
	texts := fill(t, s, 3)
	checkpoint(t, s)
	erase(t, s, 2)
	checkpoint(t, s)
	expectNowhere(t, disk, texts[1])
	if names := filesWith(t, disk, "data/journal", texts[1]); len(names) == 0 {
		t.Error("the journal overwrites what it does not need: tell so in docs/storage.md")
	}
	segments := int64(3 + len(n.Journal().Groups()))
	for written := int64(0); len(filesWith(t, disk, "data/journal", texts[1])) > 0; {
		if written > 4*segments*small().Journal.SegmentSize {
			t.Fatalf("still in the journal after %d bytes", written)
		}
		fill(t, s, 100)
		checkpoint(t, s)
		written += 100 * 200
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestOverwritingFails: where erased bytes cannot be overwritten, nothing else is, and
// the next checkpoint tries again.
func TestOverwritingFails(t *testing.T) {
	disk := faulty.New(1)
	n, s := created(t, disk, small())
	texts := fill(t, s, 40)
	checkpoint(t, s)
	erase(t, s, 15)
	syncs := 0
	disk.Fail(func(o faulty.Operation) error {
		// The first sync of the file is that of its chunks.
		if o.Kind == faulty.Sync && strings.HasSuffix(o.Name, ".chunks") {
			if syncs++; syncs > 1 {
				return syscall.EIO
			}
		}
		return nil
	})
	checkpoint(t, s)
	disk.Fail(nil)
	if syncs < 2 {
		t.Fatal("nothing was overwritten")
	}
	fill(t, s, 40)
	checkpoint(t, s)
	expectNowhere(t, disk, texts[14])
	h := history{digests: []uint32{digest(s)}}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	h.expect(t, "after an overwriting that failed", disk.Survive(1), ten)
}

// TestPowerCutWhileChunksMove cuts the power in each operation of the checkpoints that
// move what is left out of files that are mostly empty, and delete these.
func TestPowerCutWhileChunksMove(t *testing.T) {
	build := func() (*faulty.Disk, *Node, *Stream) {
		disk := faulty.New(1)
		n, s := created(t, disk, small())
		for range 10 {
			fill(t, s, 200)
			checkpoint(t, s)
		}
		for seq := uint64(1); seq <= 1900; seq++ {
			if seq/10%4 == 0 {
				continue
			}
			if _, err := s.Remove(seq); err != nil {
				t.Fatal(err)
			}
		}
		if err := commitNow(s); err != nil {
			t.Fatal(err)
		}
		return disk, n, s
	}
	moves, cut := 0, 0
	for ; ; cut++ {
		disk, n, s := build()
		h := history{digests: []uint32{digest(s)}}
		disk.CutAt(disk.Operations() + cut)
		for range 3 {
			c, err := s.BeginCheckpoint()
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range c.chunks {
				if w.move {
					moves++
				}
			}
			if s.EndCheckpoint(c, c.Write()) != nil {
				break
			}
		}
		ended := !disk.IsCut()
		_ = n.Close()
		h.expect(t, fmt.Sprintf("cut %d", cut), disk.Survive(uint64(cut)), ten)
		if ended {
			break
		}
	}
	t.Logf("%d power cuts, %d chunks were moved", cut, moves)
	if moves < 10 {
		t.Error("hardly a chunk is moved")
	}
}

// TestIndexEndsWithTheNextEdit: the index of a stream at rest is of no use when something
// has changed since.
func TestIndexEndsWithTheNextEdit(t *testing.T) {
	disk := faulty.New(1)
	n, s := created(t, disk, small())
	fill(t, s, 30)
	if err := s.Rest(); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.Remove(15); !ok || err != nil {
		t.Fatal(ok, err)
	}
	checkpoint(t, s)
	h := history{digests: []uint32{digest(s)}}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	disk = disk.Survive(1)
	h.expect(t, "after a removal", disk, ten)
	n = openNode(t, disk, small())
	s, err := n.LoadStream(7, ten)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.index) > 0 {
		t.Error("the manifest still has the index")
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFailedCheckpointReleasesNothing: what a checkpoint could not bring to the files is
// still in the journal, also when that has made a checkpoint of its own.
func TestFailedCheckpointReleasesNothing(t *testing.T) {
	disk := faulty.New(1)
	n, s := created(t, disk, small())
	fill(t, s, 30)
	h := history{digests: []uint32{digest(s)}}
	disk.Fail(func(o faulty.Operation) error {
		if o.Kind == faulty.Sync && strings.Contains(o.Name, "streams") {
			return syscall.EIO
		}
		return nil
	})
	if err := s.Checkpoint(); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	disk.Fail(nil)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	h.expect(t, "after a failed checkpoint", disk.Survive(1), ten)
}
