package block

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"strings"
	"syscall"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/heap"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// TestFailingDisk: while operations of the stream's files fail, nothing changes but that
// checkpoints do, and reads may; when they succeed again, so does everything.
func TestFailingDisk(t *testing.T) {
	for seed := range uint64(60) {
		p := newProgram(seed)
		disk := faulty.New(seed)
		n := openNode(t, disk, small())
		s, err := n.CreateStream(7, p.options)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(seed, 3))
		for range 12 {
			for range 10 {
				if err := p.step(s); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			before := digest(s)
			share := random.IntN(4)
			disk.Fail(func(o faulty.Operation) error {
				if !strings.Contains(o.Name, "streams") || o.Kind == faulty.Read || random.IntN(4) >= share {
					return nil
				}
				return []error{syscall.EIO, syscall.ENOSPC}[random.IntN(2)]
			})
			err := s.Checkpoint()
			disk.Fail(nil)
			if err != nil && !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if after := digest(s); after != before {
				t.Fatalf("seed %d: a checkpoint changed the stream (%v)", seed, err)
			}
			if random.IntN(3) == 0 {
				if err := s.Checkpoint(); err != nil {
					t.Fatalf("seed %d: after the failure: %v", seed, err)
				}
			}
		}
		h := history{digests: []uint32{digest(s)}}
		s.CommitNow(nil)
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		h.expect(t, "after failures", disk.Survive(seed), p.options)
	}
}

// TestFailingJournal: a commit that cannot be made durable fails, and so does everything
// after it; the stream that is loaded again is as it was before, and goes on. Another
// stream notices nothing.
func TestFailingJournal(t *testing.T) {
	for seed := range uint64(30) {
		p := newProgram(seed)
		disk := faulty.New(seed)
		n := openNode(t, disk, small())
		s, err := n.CreateStream(7, p.options)
		if err != nil {
			t.Fatal(err)
		}
		other, err := n.CreateStream(8, p.options)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(seed, 4))
		for range 6 {
			h := &history{}
			h.run(s, p, 5)
			durable := h.digests[h.durable]
			if err := p.step(s); err != nil {
				t.Fatal(err)
			}
			fails := random.IntN(2) == 0
			disk.Fail(func(o faulty.Operation) error {
				if fails && strings.Contains(o.Name, "journal") && (o.Kind == faulty.Sync || o.Kind == faulty.Write) {
					fails = false
					return syscall.EIO
				}
				return nil
			})
			changed := digest(s)
			failure := commitNow(s)
			disk.Fail(nil)
			if failure == nil {
				continue // nothing was to be written, or it was written elsewhere
			}
			if err := commitNow(s); err == nil {
				t.Fatalf("seed %d: a commit after a failed one succeeds", seed)
			}
			if s, err = s.Reload(p.options); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if got := digest(s); got != durable {
				t.Fatalf("seed %d: the stream is not as it was before the failed commit (as changed: %v)", seed, got == changed)
			}
			if err := p.step(other); err != nil {
				t.Fatal(err)
			}
			if err := commitNow(other); err != nil {
				t.Fatalf("seed %d: the other stream: %v", seed, err)
			}
		}
		h := history{digests: []uint32{digest(s)}}
		if err := commitNow(s); err != nil {
			t.Fatal(err)
		}
		_ = n.Close()
		h.expect(t, "after failures of the journal", disk.Survive(seed), p.options)
	}
}

func commitNow(s *Stream) error {
	result := make(chan error, 1)
	s.Commit(func(err error) { result <- err })
	return <-result
}

// TestFullDisk: a stream that has no room for its chunks goes on in the journal, and
// catches up when there is room.
func TestFullDisk(t *testing.T) {
	disk := faulty.New(1)
	n := openNode(t, disk, small())
	s, err := n.CreateStream(1, StreamOptions{FileSize: 64 << 10, ChunkSize: 4000})
	if err != nil {
		t.Fatal(err)
	}
	fill := func(count int) {
		for range count {
			m := store.Message{Subject: []byte("a"), Payload: make([]byte, 500)}
			if err := s.Append(&m, store.Checked); err != nil {
				t.Fatal(err)
			}
			s.CommitNow(func(err error) {
				if err != nil {
					t.Fatal(err)
				}
			})
		}
	}
	fill(20)
	disk.SetCapacity(disk.Used() + 8192)
	if err := s.Checkpoint(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	fill(10)
	before := digest(s)
	disk.SetCapacity(-1)
	if err := s.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	fill(10)
	if err := s.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Truncate(30); err != nil {
		t.Fatal(err)
	}
	if after := digest(s); after != before {
		t.Fatal("other content than before")
	}
	_ = n.Close()
}

// TestBitFlips inverts bits of a stream's files, one at a time: what is read then is what
// was written, or damage is reported and no message has another content.
func TestBitFlips(t *testing.T) {
	p := newProgram(4)
	disk := faulty.New(1)
	n := openNode(t, disk, small())
	s, err := n.CreateStream(7, p.options)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		for range 3 {
			if err := p.step(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Checkpoint(); err != nil {
			t.Fatal(err)
		}
	}
	good := contents(t, s)
	whole := digest(s)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	dir := n.streamDir(7)
	entries, err := disk.ReadDir(dir)
	if err != nil || len(good) == 0 {
		t.Fatal(err, len(good))
	}
	flips, found := 0, 0
	for _, e := range entries {
		step := int64(11)
		switch {
		case *cuts > 1000:
			step = 1
		case raced:
			step = 71
		}
		for bit := int64(0); bit < 8*e.Size; bit += step {
			flips++
			if flipped(t, disk, path.Join(dir, e.Name), bit, p.options, good, whole) {
				found++
			}
		}
	}
	if found < flips/3 { // the others are in chunks that were written anew elsewhere
		t.Errorf("%d of %d flips were reported", found, flips)
	}
}

// TestOneBadMessage: a bit that flips in one message costs that message and no other;
// which one is told, then and at every start.
func TestOneBadMessage(t *testing.T) {
	disk := faulty.New(1)
	n := openNode(t, disk, small())
	s, err := n.CreateStream(7, StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		m := store.Message{Subject: []byte("a"), Payload: fmt.Appendf(nil, "message %d of fifty", i+1)}
		if err := s.Append(&m, store.Checked); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	good := contents(t, s)
	_ = n.Close()
	name := path.Join(n.streamDir(7), "1.chunks")
	whole, err := vfs.ReadFile(disk, name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(whole, []byte("message 20 of"))
	if err := disk.FlipBit(name, int64(8*at+3)); err != nil {
		t.Fatal(err)
	}
	delete(good, 20)
	for start := range 3 {
		disk = disk.Survive(1)
		n := openNode(t, disk, small())
		s, err := n.LoadStream(7, StreamOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Recover(); err != nil {
			t.Fatal(err)
		}
		d := s.Report().Damage
		if len(d) != 1 || start == 0 && (d[0].First != 20 || d[0].Last != 20) {
			t.Errorf("start %d: %v", start, d)
		}
		if got := contents(t, s); !maps.Equal(got, good) {
			t.Errorf("start %d: %d messages", start, len(got))
		}
		if err := s.Checkpoint(); err != nil {
			t.Fatal(err)
		}
		_ = n.Close()
	}
}

// TestOneBadMessageIsFoundLater: where the damage is not looked for at the start, because
// the index tells what is there, all other messages can be read all the same.
func TestOneBadMessageIsFoundLater(t *testing.T) {
	disk := faulty.New(1)
	n := openNode(t, disk, small())
	s, err := n.CreateStream(7, StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		m := store.Message{Subject: []byte("a"), Payload: fmt.Appendf(nil, "message %d of fifty", i+1)}
		if err := s.Append(&m, store.Checked); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Rest(); err != nil {
		t.Fatal(err)
	}
	_ = n.Close()
	name := path.Join(n.streamDir(7), "1.chunks")
	whole, err := vfs.ReadFile(disk, name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := disk.FlipBit(name, int64(8*bytes.Index(whole, []byte("message 20 of")))); err != nil {
		t.Fatal(err)
	}
	n = openNode(t, disk.Survive(1), small())
	defer n.Close()
	if s, err = n.LoadStream(7, StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := n.Recover(); err != nil || len(s.Report().Damage) > 0 {
		t.Fatal(err, s.Report())
	}
	var m store.Message
	for seq := uint64(1); seq <= 50; seq++ {
		if err := s.Load(seq, &m); errors.Is(err, heap.ErrCorrupt) != (seq == 20) || err != nil && seq != 20 {
			t.Errorf("%d: %v", seq, err)
		}
	}
}

func flipped(t *testing.T, disk *faulty.Disk, name string, bit int64, o StreamOptions, good map[uint64]string, whole uint32) (reported bool) {
	t.Helper()
	after := disk.Clone(1)
	if err := after.FlipBit(name, bit); err != nil {
		t.Fatal(err)
	}
	n, _, err := Open(after, "data", small())
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	s, err := n.LoadStream(7, o)
	if err != nil {
		return true
	}
	if err := n.Recover(); err != nil {
		t.Fatal(err)
	}
	if len(s.Report().Damage) > 0 {
		for seq, text := range contents(t, s) {
			// Where the loss is in the manifest, what was removed may be there again.
			if was, there := good[seq]; there && was != text {
				t.Fatalf("bit %d of %s: message %d is %q, was %q", bit, name, seq, text, good[seq])
			}
		}
		return true
	}
	if digest(s) != whole {
		t.Fatalf("bit %d of %s: nothing is reported, and the content is another", bit, name)
	}
	return false
}

func contents(t *testing.T, s *Stream) map[uint64]string {
	t.Helper()
	all := make(map[uint64]string)
	err := s.Each(nil, 0, func(m *store.Message) bool {
		all[m.Sequence] = string(m.Subject) + "|" + string(m.Header) + "|" + string(m.Payload)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
