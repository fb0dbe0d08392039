package block_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// cutFile shortens a file of a node that is closed.
func (s *site) cutFile(name string, size int64) {
	s.t.Helper()
	f, err := s.disk.OpenFile(name, 0)
	s.must(err)
	s.must(f.Truncate(size))
	s.must(f.Sync())
	s.must(f.Close())
}

// overwrite turns around the bytes of a file that begin like some text.
func (s *site) overwrite(text []byte) {
	s.t.Helper()
	for _, name := range s.chunkFiles() {
		content, err := vfs.ReadFile(s.disk, name, 1<<30)
		s.must(err)
		if at := bytes.Index(content, text); at >= 0 {
			s.must(s.disk.FlipBit(name, int64(at)*8+3))
			return
		}
	}
	s.t.Fatalf("%q is in no file", text)
}

// filesOf makes a stream of several files, with about as many messages in each.
func filesOf(t testing.TB, v variant, n, each int) *site {
	s := newSite(t, v, store.Options{})
	for range n {
		s.payload = noise(50_000 / each)
		s.fill(each, "foo")
		s.payload = noise(16 << 10) // fills up the file, and goes at once
		s.remove(s.put("filler"))
		s.stop() // a new start begins a new file
	}
	return s
}

// missing counts the messages between two sequences that are not there, and checks that
// the others can be read.
func (s *site) missing() (list []uint64) {
	s.t.Helper()
	state := s.State()
	for seq := uint64(1); seq <= state.LastSequence; seq++ {
		var m store.Message
		switch err := s.Load(seq, &m); {
		case err == store.ErrNotFound:
			list = append(list, seq)
		case err != nil || string(m.Subject) != "foo":
			s.t.Fatalf("message %d: %q %v", seq, m.Subject, err)
		}
	}
	return list
}

// TestMissingFile: where a file is missing, its messages are, and are told; all others can
// be read, the last sequence stays, and nothing of the rest is deleted.
//
// Go: TestFileStoreMsgBlkFailOnKernelFaultLostDataReporting server/filestore_test.go:5019
// Go: TestFileStoreRemoveBlockWithStaleStreamState server/filestore_test.go:11121
// Go: TestFileStoreRecoverDoesNotResetStreamState server/filestore_test.go:10393
func TestMissingFile(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		for _, indexed := range []bool{false, true} {
			for lost := range 3 {
				s := filesOf(t, v, 3, 20)
				before := s.State()
				holes := uint64(len(s.missing()))
				if indexed {
					s.rest()
				}
				s.must(s.node.Close())
				names := s.chunkFiles()
				var largest []string // not the one with the index
				for _, name := range names {
					if info, err := s.disk.Stat(name); err == nil && info.Size > 40_000/4 {
						largest = append(largest, name)
					}
				}
				if len(largest) != 3 {
					t.Fatalf("files %v", names)
				}
				s.must(s.disk.Remove(largest[lost]))
				damage := s.load()
				if len(damage) == 0 {
					t.Fatalf("no damage is told without %s", largest[lost])
				}
				state := s.State()
				if state.LastSequence != before.LastSequence || state.LastTime != before.LastTime || state.Messages != before.Messages-20 {
					t.Fatalf("%+v, was %+v", state, before)
				}
				if first := map[bool]uint64{false: 1, true: 22}[lost == 0]; state.FirstSequence != first {
					t.Fatalf("first is %d, expected %d", state.FirstSequence, first)
				}
				told := uint64(0)
				for _, d := range damage {
					if d.First > 0 {
						told += d.Last - d.First + 1
					}
				}
				if gone := uint64(len(s.missing())); gone != holes+20 || told < 20 || told > gone {
					t.Fatalf("%d are missing, %d of them were holes, %d are told of", gone, holes, told)
				}
				if seq := s.put("foo"); seq != before.LastSequence+1 {
					t.Fatalf("the next sequence is %d", seq)
				}
				s.checkpoint()
				for _, name := range largest {
					if _, err := s.disk.Stat(name); name != largest[lost] && err != nil {
						t.Fatalf("%s: %v", name, err)
					}
				}
			}
		}

		// A stream whose messages have all expired needs no file.
		s := limited(t, v, store.Limits{MaxAge: maxAge})
		s.fill(500, "foo")
		s.checkpoint()
		s.tick(s.now + int64(maxAge))
		s.stop()
		s.must(s.node.Close())
		for _, name := range s.chunkFiles() {
			s.must(s.disk.Remove(name))
		}
		s.load()
		s.expect(0, 501, 500)
	})
}

// TestLostFilesOfAll: without any file there are no messages, and the sequences are not
// given again.
//
// Go: TestFileStoreRemoveMsgBlockFirst server/filestore_test.go:10262
func TestLostFilesOfAll(t *testing.T) {
	s := newSite(t, plain, store.Options{})
	s.put("test")
	s.stop()
	s.must(s.node.Close())
	for _, name := range s.chunkFiles() {
		s.must(s.disk.Remove(name))
	}
	if damage := s.load(); len(damage) != 1 || damage[0].First != 1 || damage[0].Last != 1 {
		t.Fatalf("damage %v", damage)
	}
	s.expect(0, 2, 1)
	if seq := s.put("test"); seq != 2 {
		t.Fatalf("sequence %d", seq)
	}
	// Without its directory there is no stream at all.
	s.must(s.Delete())
	if _, err := s.node.LoadStream(streamID, s.options); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("load: %v", err)
	}
}

// TestFileComesBack: a file that was missing for a while is taken up again, and changes
// nothing of what has happened meanwhile.
func TestFileComesBack(t *testing.T) {
	for lost := range 3 {
		s := filesOf(t, plain, 3, 20)
		before := len(s.missing())
		s.must(s.node.Close())
		name := s.chunkFiles()[lost]
		content, err := vfs.ReadFile(s.disk, name, 1<<30)
		s.must(err)
		s.must(s.disk.Remove(name))
		if len(s.load()) == 0 {
			t.Fatalf("no damage is told without %s", name)
		}
		s.put("foo")
		s.checkpoint()
		s.must(s.node.Close())
		s.must(vfs.WriteFile(s.disk, name, content))
		s.loadWhole()
		if gone := len(s.missing()); gone != before {
			t.Fatalf("%d are missing, before it was %d", gone, before)
		}
		s.expectSequenceAfter(64)

		// What was compacted meanwhile does not come back with its file.
		s.checkpoint()
		s.must(s.node.Close())
		s.must(s.disk.Remove(name))
		s.load()
		if _, err := s.Compact(60); err != nil {
			t.Fatal(err)
		}
		left := s.State()
		s.checkpoint()
		s.must(s.node.Close())
		s.must(vfs.WriteFile(s.disk, name, content))
		damage := s.load()
		if state := s.State(); state.FirstSequence != left.FirstSequence || lost < 2 && (state != left || len(damage) == 0) {
			t.Fatalf("%+v, was %+v; damage %v", state, left, damage)
		}
	}
}

// TestShortenedFile: of a file that was cut, the chunks before the cut are read, the others
// are told of, and the last sequence stays.
//
// Go: TestFileStoreTrailingSkipMsgsFromStreamStateFile server/filestore_test.go:13978
// Go: TestFileStoreIndexCacheBufIdxMismatch server/filestore_test.go:12884
func TestShortenedFile(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		for _, share := range []int64{0, 2} {
			s := newSite(t, v, store.Options{})
			s.payload = noise(200)
			s.fill(10, "foo")
			s.stop()
			before := s.picture()
			s.must(s.node.Close())
			for _, name := range s.chunkFiles() {
				info, err := s.disk.Stat(name)
				s.must(err)
				if share == 0 {
					s.cutFile(name, 0)
				} else {
					s.cutFile(name, info.Size/share)
				}
			}
			damage := s.load()
			state, gone := s.State(), s.missing()
			if len(damage) == 0 || state.LastSequence != 10 || uint64(len(gone)) != 10-state.Messages {
				t.Fatalf("%+v, missing %v, damage %v", state, gone, damage)
			}
			if share == 0 && state.Messages != 0 || share == 2 && (state.Messages < 2 || state.Messages > 6 || gone[0] != state.Messages+1) {
				t.Fatalf("of a file cut at 1/%d there are %d messages, missing %v\n%s", share, state.Messages, gone, before)
			}
			if seq := s.put("foo"); seq != 11 {
				t.Fatalf("sequence %d", seq)
			}
		}
	})
}

// TestBitRot turns bits anywhere in the files of chunks: no message is read with another
// content, what cannot be read is told, and after that the stream goes on without it.
//
// Go: TestFileStoreBitRot server/filestore_test.go:1300
func TestBitRot(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		s.payload = []byte("Hello World")
		s.fill(100, "foo")
		s.stop()
		s.must(s.node.Close())
		whole := s.disk
		random := rand.New(rand.NewPCG(1, 1))
		told := 0
		for round := range 40 {
			s.disk = whole.Clone(uint64(round))
			names := s.chunkFiles()
			name := names[random.IntN(len(names))]
			info, err := s.disk.Stat(name)
			s.must(err)
			s.must(s.disk.FlipBit(name, random.Int64N(info.Size*8)))
			damage := s.load()
			lost := 0
			for seq := uint64(1); seq <= 100; seq++ {
				var m store.Message
				switch err := s.Load(seq, &m); {
				case err == store.ErrNotFound:
					lost++
				case err != nil || string(m.Subject) != "foo" || string(m.Payload) != "Hello World":
					t.Fatalf("message %d: %q %q %v", seq, m.Subject, m.Payload, err)
				}
			}
			if lost > 0 && len(damage) == 0 {
				t.Fatalf("%d lost, nothing is told", lost)
			}
			if len(damage) > 0 {
				told++
			}
			s.expectSequenceAfter(100)
			_ = s.node.Close()
		}
		if told < 30 {
			t.Errorf("%d of 40 bits were noticed", told)
		}
	})
}

func (s *site) expectSequenceAfter(last uint64) {
	s.t.Helper()
	if seq := s.put("foo"); seq != last+1 {
		s.t.Fatalf("sequence %d after %d", seq, last)
	}
	s.commit()
}

// TestRottenWhileOpen: a chunk that goes bad behind an index is found out when it is read,
// which says so; its neighbours can be read, and everything else goes on.
func TestRottenWhileOpen(t *testing.T) {
	s := newSite(t, plain, store.Options{})
	for i := range 20 {
		s.payload = bytes.Repeat([]byte{byte('a' + i)}, 600)
		s.put("foo")
	}
	s.rest()
	s.must(s.node.Close())
	s.overwrite([]byte("kkkkkkkk"))
	s.loadWhole() // the index was good, no chunk was read
	var m store.Message
	for seq := uint64(1); seq <= 20; seq++ {
		err := s.Load(seq, &m)
		if bad := seq == 11; bad != (err != nil) || errors.Is(err, store.ErrNotFound) {
			t.Fatalf("message %d: %v", seq, err)
		}
	}
	s.expectSequenceAfter(20)
	s.stop2()
}

// TestRottenNewest: a newest chunk that cannot be read takes no more messages, and does not
// keep the stream from taking them.
func TestRottenNewest(t *testing.T) {
	s := newSite(t, plain, store.Options{})
	s.put("foo")
	s.payload = []byte("the newest message")
	s.put("foo")
	s.rest()
	s.must(s.node.Close())
	s.overwrite(s.payload)
	s.loadWhole() // the index was good, no chunk was read
	s.fill(10, "foo")
	s.commit()
	for seq := uint64(3); seq <= 12; seq++ {
		s.expectLoad(seq, nil)
	}
	s.checkpoint()
	s.must(s.node.Close())
	s.load()
	s.expectLoad(2, store.ErrNotFound)
	s.expectLoad(12, nil)
	s.expectSequenceAfter(12)
}

// stop2 is stop where damage is expected.
func (s *site) stop2() {
	s.t.Helper()
	s.checkpoint()
	s.must(s.node.Close())
	if damage := s.load(); len(damage) != 1 || damage[0].First != 11 || damage[0].Last != 11 {
		s.t.Fatalf("damage %v", damage)
	}
	s.expect(20, 1, 21)
	s.expectDeleted(11)
}

// TestRottenIndex: when the index cannot be read, or is not that of the chunks, the chunks
// are read, and nothing is missing.
//
// Go: TestFileStoreCorruptPSIMOnDisk server/filestore_test.go:6858
func TestRottenIndex(t *testing.T) {
	s := newSite(t, plain, store.Options{})
	s.payload = []byte("ABC")
	s.put("foo.bar")
	s.payload = []byte("XYZ")
	s.put("foo.baz")
	s.checkpoint()
	chunks := s.used()
	s.rest()
	before := s.picture()
	s.must(s.node.Close())
	if s.used() == chunks {
		t.Fatal("there is no index on the disk")
	}
	whole := s.disk
	for bit := int64(0); bit < 8*(s.used()-chunks); bit++ {
		s.disk = whole.Clone(1)
		s.must(s.disk.FlipBit(s.chunkFiles()[0], 8*chunks+bit))
		s.loadWhole()
		if after := s.picture(); after != before {
			t.Fatalf("bit %d: the stream is\n%s", bit, after)
		}
		for subject, payload := range map[string]string{"foo.bar": "ABC", "foo.baz": "XYZ"} {
			var m store.Message
			if err := s.Last(filter(t, subject), &m); err != nil || string(m.Payload) != payload {
				t.Fatalf("bit %d: %s is %q %v", bit, subject, m.Payload, err)
			}
		}
		s.must(s.node.Close())
	}
}

// TestLifeTimesOfDamaged: chunks of messages with life times that are bad or missing do not
// keep the others from ending.
//
// Go: TestFileStoreNoPanicOnRecoverTTLWithCorruptBlocks server/filestore_test.go:10583
func TestLifeTimesOfDamaged(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := limited(t, v, store.Limits{MessageTTL: true})
		for range 3 {
			s.payload = noise(700)
			s.lasting("foo", 1)
		}
		s.checkpoint()
		s.must(s.node.Close())
		name := s.chunkFiles()[0]
		info, err := s.disk.Stat(name)
		s.must(err)
		s.must(s.disk.FlipBit(name, info.Size/2*8)) // in the second
		if damage := s.load(); len(damage) != 1 || damage[0].First != 2 {
			t.Fatalf("damage %v", damage)
		}
		s.expect(2, 1, 3)
		if n := s.tick(s.now + second); n != 2 {
			t.Fatalf("%d expired", n)
		}
		s.expect(0, 4, 3)
	})
}
