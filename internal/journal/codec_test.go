package journal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

func TestPositions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		generation := rapid.Uint64Range(0, maxGeneration).Draw(t, "generation")
		offset := rapid.Int64Range(0, MaxSegmentSize-1).Draw(t, "offset")
		p := at(generation, offset)
		if p.Segment() != generation || p.Offset() != offset {
			t.Fatalf("%v from %d and %d", p, generation, offset)
		}
	})
	if at(3, 4096).String() != "3:4096" {
		t.Error(at(3, 4096))
	}
}

// TestRecordChecksumCoversItsPlace: a record checks at its position only, in its
// log only, and with each of its bytes.
func TestRecordChecksumCoversItsPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data")
		group := GroupID(rapid.Uint64Range(1, 1<<63).Draw(t, "group"))
		sequence := rapid.Uint64Range(1, maxSequence-1).Draw(t, "sequence")
		pos := at(rapid.Uint64Range(1, maxGeneration).Draw(t, "generation"), rapid.Int64Range(0, MaxSegmentSize-1).Draw(t, "offset"))
		seed := rapid.Uint32().Draw(t, "seed")
		raw := append(make([]byte, recordHeader), data...)
		putHeader(raw, group, sequence, len(data), flagRecord)
		sumRecord(seed, pos, raw)
		r, header, ok := parseRecord(seed, pos, raw)
		if !ok || !header || r.group != group || r.sequence != sequence || !bytes.Equal(r.data, data) || r.size() != stored(len(data)) {
			t.Fatalf("parsed %+v, %v", r, ok)
		}
		other := at(rapid.Uint64Range(1, maxGeneration).Draw(t, "other generation"), pos.Offset())
		if _, _, ok := parseRecord(seed, other, raw); ok != (other == pos) {
			t.Fatalf("checks at %v", other)
		}
		if _, _, ok := parseRecord(seed+1, pos, raw); ok {
			t.Fatal("checks in another log")
		}
		bit := rapid.IntRange(0, 8*len(raw)-1).Draw(t, "bit")
		raw[bit/8] ^= 1 << (bit % 8)
		if _, _, ok := parseRecord(seed, pos, raw); ok {
			t.Fatalf("checks with bit %d flipped", bit)
		}
	})
}

func TestCommitHeaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		position := func(name string) Position { return Position(rapid.Uint64().Draw(t, name)) }
		records := rapid.IntRange(0, 1000).Draw(t, "records")
		c := commit{
			position:    position("position") &^ (vfs.PageSize - 1),
			synced:      position("synced"),
			previousEnd: position("previous"),
			mended:      rapid.Bool().Draw(t, "mended"),
			dataEnd:     position("data"),
			records:     records,
			length:      records * (recordHeader + 3),
			fold:        rapid.Uint32().Draw(t, "fold"),
			seal:        seal.Mark{Kind: rapid.Byte().Draw(t, "kind"), Check: rapid.Uint64().Draw(t, "check")},
		}
		copy(c.identity[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "identity"))
		copy(c.seal.Salt[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "salt"))
		raw := make([]byte, commitHeader)
		c.put(raw)
		if got, ok := parseCommit(raw); !ok || got != c {
			t.Fatalf("%+v became %+v, %v", c, got, ok)
		}
		bit := rapid.IntRange(0, 8*commitHeader-1).Draw(t, "bit")
		raw[bit/8] ^= 1 << (bit % 8)
		if _, ok := parseCommit(raw); ok {
			t.Fatalf("checks with bit %d flipped", bit)
		}
	})
}

// sampleCheckpoint is a checkpoint that a journal wrote.
func sampleCheckpoint(t testing.TB) []byte {
	t.Helper()
	disk := faulty.New(1)
	options := small()
	options.Random = strings.NewReader(strings.Repeat("0123456789abcdef", 10))
	j, _ := openOn(t, disk, options)
	for i := range 40 {
		a, err := j.AppendWait(GroupID(1+i%3), make([]byte, i*100))
		must(t, err)
		if i == 20 {
			must(t, j.Hold(2, a.Position.Segment(), 5))
			must(t, j.Release(3, a.First-3))
		}
	}
	must(t, j.Close())
	data, err := vfs.ReadFile(disk, testDir+"/"+checkpointNames[0], 1<<20)
	must(t, err)
	return data
}

func encodeCheckpoint(c *checkpoint) []byte {
	e := &encoder{}
	e.begin(c)
	e.segments(c.segments)
	e.uint(uint64(len(c.groups)))
	for _, g := range c.groups {
		e.uint(uint64(g.id))
		if last, ok := g.index.last(); ok {
			e.records(&g.index, 0, last+1, ^Position(0))
		}
		e.endRecords(g.floor, g.next)
	}
	e.holds(c.holds)
	return e.finish()
}

func TestCheckpointRoundTrip(t *testing.T) {
	data := sampleCheckpoint(t)
	c, err := parseCheckpoint(data)
	must(t, err)
	if len(c.groups) != 3 || len(c.holds) != 1 || len(c.segments) == 0 {
		t.Errorf("%+v", c)
	}
	if !bytes.Equal(encodeCheckpoint(c), data) {
		t.Error("encoding it again gives other bytes")
	}
	for n := range data {
		if _, err := parseCheckpoint(data[:n]); err == nil {
			t.Fatalf("accepted when cut to %d bytes", n)
		}
	}
}

// FuzzCheckpoint: nothing panics, and what is accepted means what it says. The
// checksum is put right first, or nothing would be accepted.
func FuzzCheckpoint(f *testing.F) {
	f.Add(sampleCheckpoint(f))
	f.Add([]byte(checkpointMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= 4 {
			data = slices.Clone(data)
			binary.LittleEndian.PutUint32(data[len(data)-4:], crc32.Checksum(data[:len(data)-4], castagnoli))
		}
		c, err := parseCheckpoint(data)
		if err != nil {
			return
		}
		again, err := parseCheckpoint(encodeCheckpoint(c))
		if err != nil {
			t.Fatalf("does not survive another encoding: %v", err)
		}
		if len(again.groups) != len(c.groups) || again.position != c.position || len(again.segments) != len(c.segments) {
			t.Fatal("another encoding changes it")
		}
	})
}

func FuzzRecord(f *testing.F) {
	raw := append(make([]byte, recordHeader), "payload"...)
	putHeader(raw, 5, 6, 7, flagRecord)
	sumRecord(9, at(1, 100), raw)
	f.Add(uint32(9), uint64(at(1, 100)), raw)
	f.Fuzz(func(t *testing.T, seed uint32, pos uint64, data []byte) {
		r, header, ok := parseRecord(seed, Position(pos), data)
		if ok && !header || header && len(r.data)+recordHeader > len(data) || ok && (r.group == 0 || r.sequence == 0) {
			t.Fatalf("%+v %v %v", r, header, ok)
		}
	})
}

// FuzzSegment: whatever a segment holds, the scan ends, does not panic, and
// reports only what lies within it.
func FuzzSegment(f *testing.F) {
	w := writeSegment(f, 5)
	f.Add(w.scanner.data[:16<<10], int64(0), int64(16<<10), true)
	f.Fuzz(func(t *testing.T, data []byte, from, limit int64, exact bool) {
		if len(data) > 64<<10 || from < 0 || limit < from || limit > int64(len(data)) || from%vfs.PageSize != 0 {
			return
		}
		s := w.scanner
		s.data = data
		within := func(p Position) bool { return p >= at(s.generation, from) && p <= at(s.generation, limit) }
		s.found = func(pos Position, r storedRecord) {
			if !within(pos) || r.group == 0 {
				t.Fatalf("found %+v at %v", r, pos)
			}
		}
		s.damaged = func(d Damage) {
			if !within(d.From) || !within(d.To) || d.To <= d.From {
				t.Fatalf("damage %v", d)
			}
		}
		end, cut := s.walk(from, bounds{limit: limit, exact: exact, proven: s.proven(from, limit)})
		if end < from || end > max(limit+vfs.PageSize, from) || cut != nil && !within(cut.From) {
			t.Fatalf("end %d, cut %+v", end, cut)
		}
	})
}

// FuzzRecovery: files of arbitrary content. Open reports an error or gives a
// journal that works, and it never shows a record that was not written.
func FuzzRecovery(f *testing.F) {
	sample := sampleCheckpoint(f)
	w := writeSegment(f, 5)
	f.Add(sample, w.scanner.data, []byte{})
	f.Add([]byte{}, w.scanner.data, w.scanner.data[:8192])
	f.Add([]byte{}, []byte{}, bytes.Repeat([]byte{0}, 4096))
	f.Fuzz(func(t *testing.T, checkpoint, first, second []byte) {
		if len(checkpoint)+len(first)+len(second) > 256<<10 {
			return
		}
		if len(checkpoint) >= 4 {
			checkpoint = slices.Clone(checkpoint)
			binary.LittleEndian.PutUint32(checkpoint[len(checkpoint)-4:], crc32.Checksum(checkpoint[:len(checkpoint)-4], castagnoli))
		}
		disk := faulty.New(1)
		must(t, disk.MkdirAll(testDir))
		for name, data := range map[string][]byte{checkpointNames[0]: checkpoint, "00000001.seg": first, "00000002.seg": second} {
			if len(data) > 0 {
				must(t, vfs.WriteFile(disk, testDir+"/"+name, data))
			}
		}
		options := small()
		options.SegmentSize = 32 << 10
		j, _, err := Open(disk, testDir, options)
		if err != nil {
			return
		}
		defer j.Close()
		err = j.Replay(func(r Record, err error) error {
			if err == nil && (r.Group == 0 || r.Sequence == 0) {
				t.Fatalf("%+v", r)
			}
			return nil
		})
		must(t, err)
		a, err := j.AppendWait(77, []byte("still works"))
		if err != nil {
			t.Fatalf("append: %v", err)
		}
		if r, err := j.Read(77, a.First, nil); err != nil || string(r.Data) != "still works" {
			t.Fatalf("%q, %v", r.Data, err)
		}
	})
}
