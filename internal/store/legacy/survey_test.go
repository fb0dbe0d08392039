package legacy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/ds/seqset"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

var ciphers = []Cipher{Plain, ChaCha, AES}

// permutations runs a test for all ways in which a stream can be kept.
func permutations(t *testing.T, test func(t *testing.T, w *writer, wrapped bool)) {
	for _, c := range ciphers {
		for _, wrapped := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v wrapped %v", c, wrapped), func(t *testing.T) { test(t, newWriter(t, c), wrapped) })
		}
	}
}

// content makes the content of a block of numbered messages.
func (w *writer) content(number uint64, seqs ...uint64) (buf []byte) {
	h := w.hasher(number)
	for _, seq := range seqs {
		buf = numberedMessage(seq).record(w.t, buf, h)
	}
	return buf
}

func numberedMessages(seqs ...uint64) (list []message) {
	for _, seq := range seqs {
		list = append(list, numberedMessage(seq))
	}
	return list
}

func TestMessagesAreRead(t *testing.T) {
	permutations(t, func(t *testing.T, w *writer, wrapped bool) {
		w.block(2, w.content(2, 1, 2, 3), wrapped)
		w.block(9, w.content(9, 5, 6), wrapped)
		third := w.content(10, 7)
		third = AppendTombstone(third, w.hasher(10), 2, 2e9)
		third = AppendPlaceholder(third, w.hasher(10), 11, 7e9)
		w.block(10, third, false)
		c := w.survey(w.options())
		same(t, "messages", numberedMessages(1, 3, 5, 6, 7), messages(t, c))
		same(t, "problems", []Problem(nil), c.Problems)
		same(t, "last", []any{uint64(11), int64(7e9)}, []any{c.State.LastSequence, c.State.LastTime})
		var from6 []uint64
		must(t, c.Each(6, func(m *store.Message) bool {
			from6 = append(from6, m.Sequence)
			return len(from6) < 2
		}))
		same(t, "two from 6", []uint64{6, 7}, from6)
	})
}

// TestSequencesThatDoNotRise: what is not above all before it in its block is left out.
//
// Go: TestFileStoreCorruptedNonOrderedSequences server/filestore_test.go:11664
func TestSequencesThatDoNotRise(t *testing.T) {
	for _, test := range []struct{ written, want []uint64 }{
		{[]uint64{1, 3, 2, 4}, []uint64{1, 3, 4}},
		{[]uint64{1, 2, 2, 3}, []uint64{1, 2, 3}},
	} {
		permutations(t, func(t *testing.T, w *writer, wrapped bool) {
			w.block(1, w.content(1, test.written...), wrapped)
			c := w.survey(w.options())
			same(t, "sequences", test.want, seqs(messages(t, c)))
			if got := graver(c.Problems, Doubtful); len(got) != 1 || !strings.Contains(got[0], "left out") {
				t.Errorf("problems: %q", got)
			}
		})
	}
}

// TestHeaderBitWithoutHeader: an empty record that says it has a header has no room for
// one.
//
// Go: TestFileStoreCorruptionSetsHbitWithoutHeaders server/filestore_test.go:14485
func TestHeaderBitWithoutHeader(t *testing.T) {
	permutations(t, func(t *testing.T, w *writer, wrapped bool) {
		content, err := AppendRecord(nil, w.hasher(1), 1, 0, nil, nil, nil)
		must(t, err)
		binary.LittleEndian.PutUint32(content, RecordMin|headerBit)
		w.block(1, content, wrapped)
		c := w.survey(w.options())
		same(t, "messages", []message(nil), messages(t, c))
		if len(c.Problems) != 1 || !errors.Is(c.Problems[0].Err, ErrRecord) || !c.Problems[0].Unbounded {
			t.Errorf("problems: %v", c.Problems)
		}
	})
}

func TestErasedAndOldErased(t *testing.T) {
	w := newWriter(t, Plain)
	h := w.hasher(1)
	content := w.content(1, 1, 2)
	erased, err := AppendRecord(nil, h, 3, 0, nil, nil, []byte("random bytes of an erased one"))
	must(t, err)
	binary.LittleEndian.PutUint64(erased[4:], 3|goneBit)
	sum := h.sum(erased[4:20], erased[recordHead:len(erased)-checksumLen])
	copy(erased[len(erased)-checksumLen:], sum[:])
	old := bytes.Clone(erased)
	binary.LittleEndian.PutUint64(old[4:], 0)
	sum = h.sum(old[4:20], old[recordHead:len(old)-checksumLen])
	copy(old[len(old)-checksumLen:], sum[:])
	content = append(append(content, erased...), old...)
	content = AppendTombstone(content, h, 3, 3e9)
	w.block(1, content, false)
	c := w.survey(Options{})
	same(t, "messages", numberedMessages(1, 2), messages(t, c))
	same(t, "problems", []Problem(nil), c.Problems)
	same(t, "last", []any{uint64(3), int64(3e9)}, []any{c.State.LastSequence, c.State.LastTime})
}

func TestEmptyStreamsRememberTheirPlace(t *testing.T) {
	for name, test := range map[string]struct {
		content func(h *Hasher) []byte
		want    store.State
	}{
		"never used": {func(*Hasher) []byte { return nil }, store.State{}},
		"purged":     {func(h *Hasher) []byte { return AppendTombstone(nil, h, 1000, 5) }, store.State{FirstSequence: 1001, LastSequence: 1000, LastTime: 5}},
		"skipped":    {func(h *Hasher) []byte { return AppendPlaceholder(nil, h, 10, 5) }, store.State{FirstSequence: 11, LastSequence: 10, LastTime: 5}},
		"several": {func(h *Hasher) []byte { return AppendTombstone(AppendTombstone(nil, h, 9, 7), h, 8, 6) },
			store.State{FirstSequence: 10, LastSequence: 9, LastTime: 7}},
	} {
		w := newWriter(t, Plain)
		w.block(3, test.content(w.hasher(3)), false)
		c := w.survey(Options{})
		same(t, name, test.want, c.State)
		same(t, name, []Problem(nil), c.Problems)
		same(t, name, []message(nil), messages(t, c))
	}
}

// TestLostSequences: each kind of damage, what is read all the same, and what is said
// to be lost. There are blocks with 1-4, 5-8 and 9-12; 6 is deleted.
func TestLostSequences(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(w *writer)
		want   string
		lost   []string // of problems
	}{
		"nothing": {func(w *writer) {}, "1 2 3 4 5 7 8 9 10 11 12", nil},
		"a payload bit": {func(w *writer) { w.flip(1, 2, 45) }, "1 2 4 5 7 8 9 10 11 12",
			[]string{"1.blk invalid checksum of a record that says it is of sequence 3: 3"}},
		"the last of a block": {func(w *writer) { w.flip(1, 3, 45) }, "1 2 3 5 7 8 9 10 11 12",
			[]string{"1.blk invalid checksum of a record that says it is of sequence 4: 4"}},
		"the first of a block": {func(w *writer) { w.flip(2, 0, 45) }, "1 2 3 4 7 8 9 10 11 12",
			[]string{"2.blk invalid checksum of a record that says it is of sequence 5: 5"}},
		"the very last": {func(w *writer) { w.put(w.blockPath(3), w.content(3, 9, 10, 11, 12)[:len(w.content(3, 9, 10, 11))+33]) }, "1 2 3 4 5 6 7 8 9 10 11",
			[]string{"3.blk malformed record: cut short: from 12"}},
		"an empty block": {func(w *writer) { w.put(w.blockPath(2), nil) }, "1 2 3 4 9 10 11 12", []string{"2.blk empty: 5-8"}},
		"all of a block": {func(w *writer) { w.put(w.blockPath(2), make([]byte, 500)) }, "1 2 3 4 9 10 11 12",
			[]string{"2.blk malformed record: nothing but zeros: 5-8"}},
		"a tombstone": {func(w *writer) { w.flip(3, 4, 12) }, "1 2 3 4 5 6 7 8 9 10 11 12",
			[]string{"3.blk invalid checksum of a record that says it is of sequence 6: from 13"}},
		"zeros behind": {func(w *writer) { w.put(w.blockPath(3), append(w.get(w.blockPath(3)), make([]byte, 9)...)) }, "1 2 3 4 5 7 8 9 10 11 12",
			[]string{"3.blk malformed record: nothing but zeros: from 13"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWriter(t, Plain)
			w.block(1, w.content(1, 1, 2, 3, 4), false)
			w.block(2, w.content(2, 5, 6, 7, 8), false)
			w.block(3, AppendTombstone(w.content(3, 9, 10, 11, 12), w.hasher(3), 6, 6e9), false)
			test.damage(w)
			c := w.survey(Options{})
			var got []string
			for _, seq := range seqs(messages(t, c)) {
				got = append(got, fmt.Sprint(seq))
			}
			same(t, "sequences", test.want, strings.Join(got, " "))
			var lost []string
			for _, p := range c.Problems {
				if p.Grade != Damage {
					t.Errorf("problem: %v", p)
				}
				text := p.Err.Error()
				text, _, _ = strings.Cut(text, ", ")
				switch {
				case p.Unbounded:
					text += fmt.Sprintf(": from %d", p.Lost.First)
				case p.Lost.Count == 1:
					text += fmt.Sprintf(": %d", p.Lost.First)
				case p.Lost.Count > 1:
					text += fmt.Sprintf(": %d-%d", p.Lost.First, p.Lost.Last())
				}
				lost = append(lost, filepath.Base(p.File)+" "+text)
			}
			same(t, "lost", test.lost, lost)
		})
	}
}

// flip changes a bit in the given record of a plain block, at an offset from its begin.
func (w *writer) flip(number uint64, record, offset int) {
	w.t.Helper()
	content := w.get(w.blockPath(number))
	at := 0
	for ; record > 0; record-- {
		f, err := frameOf(content[at:])
		must(w.t, err)
		at += f.size
	}
	must(w.t, w.disk.FlipBit(w.blockPath(number), int64(at+offset)*8))
}

// TestBadWrappedBlock: a bad chunk takes its messages and no others.
func TestBadWrappedBlock(t *testing.T) {
	for _, c := range ciphers {
		w := newWriter(t, c)
		var content []byte
		var want []message
		random := rand.New(rand.NewPCG(1, 2))
		for seq := uint64(1); seq <= 400; seq++ {
			m := numberedMessage(seq)
			m.Payload = fmt.Sprintf("%x", random.Uint64())
			want = append(want, m)
			content = m.record(t, content, w.hasher(1))
		}
		w.block(1, content, true)
		w.block(2, w.content(2, 401), false)
		file := w.get(w.blockPath(1))
		must(t, w.disk.FlipBit(w.blockPath(1), int64(len(file)/2)*8+3))
		got := messages(t, w.survey(w.options()))
		if len(got) < 200 || len(got) >= 401 {
			t.Errorf("%v: %d messages left", c, len(got))
		}
		same(t, "first", want[:50], got[:50])
		same(t, "last", want[350:], got[len(got)-51:len(got)-1])
	}
}

func TestBlocksOutOfOrder(t *testing.T) {
	w := newWriter(t, Plain)
	w.block(1, w.content(1, 1, 2, 3, 4), false)
	w.block(2, w.content(2, 3, 4, 5), false)
	c := w.survey(Options{})
	same(t, "sequences", []uint64{1, 2, 3, 4, 5}, seqs(messages(t, c)))
	if got := graver(c.Problems, Doubtful); len(got) != 1 || !strings.Contains(got[0], "2.blk") {
		t.Errorf("problems: %q", got)
	}
}

func TestKeysOfBlocks(t *testing.T) {
	for _, c := range []Cipher{ChaCha, AES} {
		w := newWriter(t, c)
		w.block(1, w.content(1, 1, 2), false)
		w.block(2, w.content(2, 3, 4), true)
		w.block(3, w.content(3, 5, 6), false)
		key := filepath.Join(w.dir, messagesDir, "2.key")
		good := w.get(key)
		for name, test := range map[string]struct {
			damage func()
			want   error
		}{
			"missing": {func() { must(t, w.disk.Remove(key)) }, ErrKey},
			"short":   {func() { w.put(key, good[:20]) }, ErrKey},
			"wrong":   {func() { w.put(key, bytes.Repeat([]byte{1}, len(good))) }, ErrKey},
		} {
			test.damage()
			c := w.survey(w.options())
			same(t, name, []uint64{1, 2, 5, 6}, seqs(messages(t, c)))
			if len(c.Problems) != 1 || !errors.Is(c.Problems[0].Err, test.want) || c.Problems[0].Lost != (store.Range{First: 3, Count: 2}) {
				t.Errorf("%s: %v", name, c.Problems)
			}
		}
		w.put(key, good)
		same(t, "no key given", []message(nil), messages(t, w.survey(Options{})))
		if c := w.survey(Options{}); len(c.Problems) != 3 || !errors.Is(c.Problems[0].Err, ErrNoKey) {
			t.Errorf("no key given: %v", c.Problems)
		}
		// A conversion that was under way: keys of two configurations, two ciphers, and none.
		w.put(w.blockPath(1), w.content(1, 1, 2))
		w.cipher, w.key = ChaCha+AES-c, "another"
		w.block(3, w.content(3, 5, 6), false)
		mixed := w.survey(Options{Key: "another", PreviousKey: testKey})
		same(t, "mixed", numberedMessages(1, 2, 3, 4, 5, 6), messages(t, mixed))
		same(t, "mixed", []Problem(nil), mixed.Problems)
	}
}

func TestPurgeUnderWay(t *testing.T) {
	permutations(t, func(t *testing.T, w *writer, wrapped bool) {
		w.block(1, w.content(1, 1, 2, 3), wrapped)
		w.block(2, AppendTombstone(nil, w.hasher(2), 3, 3e9), false)
		fresh := filepath.Join(w.dir, newDir)
		must(t, w.disk.MkdirAll(fresh))
		notes := func(c *Contents) (n int) {
			for _, p := range c.Problems {
				if p.Grade != Note {
					t.Errorf("problem: %v", p)
				}
				n++
			}
			return n
		}
		// Nothing was moved, then only the key: not begun.
		c := w.survey(w.options())
		if got := seqs(messages(t, c)); len(got) != 2 || notes(c) != 1 {
			t.Errorf("nothing moved: %v %v", got, c.Problems)
		}
		if w.cipher != Plain {
			must(t, w.disk.Rename(filepath.Join(w.dir, messagesDir, "2.key"), filepath.Join(fresh, "2.key")))
			c = w.survey(w.options())
			if got := seqs(messages(t, c)); len(got) != 3 || notes(c) != 2 {
				t.Errorf("key moved: %v %v", got, c.Problems)
			}
		}
		// The block as well: done, and so when the old directory has its new name.
		must(t, w.disk.Rename(w.blockPath(2), filepath.Join(fresh, "2.blk")))
		for range 2 {
			c = w.survey(w.options())
			same(t, "state", store.State{FirstSequence: 4, LastSequence: 3, LastTime: 3e9}, c.State)
			if messages(t, c) != nil || notes(c) != 1 {
				t.Errorf("block moved: %v", c.Problems)
			}
			if err := w.disk.Remove(filepath.Join(w.dir, messagesDir)); err == nil {
				t.Fatal("the old directory was empty")
			}
			must(t, w.disk.MkdirAll(filepath.Join(w.dir, purgedDir)))
			old, err := w.disk.ReadDir(filepath.Join(w.dir, messagesDir))
			must(t, err)
			for _, e := range old {
				must(t, w.disk.Rename(filepath.Join(w.dir, messagesDir, e.Name), filepath.Join(w.dir, purgedDir, e.Name)))
			}
			w.put(w.blockPath(7), nil) // so that there is something again
		}
	})
}

func TestLeftOversAreIgnored(t *testing.T) {
	w := newWriter(t, Plain)
	w.block(1, w.content(1, 1), false)
	for _, name := range []string{"1.new", "2.new", "2.blk.tmp", "thw.db", "sched.db", "index.db.tmp", "3.fss", "3.idx"} {
		w.put(filepath.Join(w.dir, messagesDir, name), []byte("junk"))
	}
	c := w.survey(Options{})
	same(t, "problems", []Problem(nil), c.Problems)
	same(t, "messages", numberedMessages(1), messages(t, c))
	w.put(filepath.Join(w.dir, messagesDir, "4.key"), nil)
	w.put(filepath.Join(w.dir, messagesDir, "01.blk"), nil)
	c = w.survey(Options{})
	if len(c.Problems) != 2 || c.Problems[0].Grade != Note || c.Problems[1].Grade != Note {
		t.Errorf("problems: %v", c.Problems)
	}
}

func TestBlockMax(t *testing.T) {
	w := newWriter(t, Plain)
	w.block(1, w.content(1, 1, 2, 3), true)
	w.block(2, w.content(2, 4), false)
	for _, test := range []struct {
		limit int64
		want  []uint64
	}{{1 << 10, []uint64{1, 2, 3, 4}}, {60, []uint64{4}}} {
		c := w.survey(Options{BlockMax: test.limit})
		same(t, "sequences", test.want, seqs(messages(t, c)))
	}
}

// TestPre210Index: servers before 2.10 kept deletions beside the block.
func TestPre210Index(t *testing.T) {
	for _, version := range []byte{oldVersion, newerVersion} {
		for _, c := range ciphers {
			w := newWriter(t, c)
			content := w.content(1, 1, 2, 3, 4, 5)
			w.block(1, content, false)
			index := []byte{oldMagic, version, 3, 100, 2, 0, 5, 0, 1} // 2 to 5 without 4
			index = append(index, content[len(content)-checksumLen:]...)
			if version == oldVersion {
				index = append(index, 2)
			} else {
				var deleted seqset.Set
				deleted.Insert(4)
				index = deleted.Append(index)
			}
			if c != Plain {
				_, s := w.keyFile(w.stream + ":1")
				aead, err := c.aead(s.key)
				must(t, err)
				index = aead.Seal(nil, s.nonce, index, nil)
			}
			path := filepath.Join(w.dir, messagesDir, "1.idx")
			w.put(path, index)
			survey := w.survey(w.options())
			same(t, "sequences", []uint64{2, 3, 5}, seqs(messages(t, survey)))
			same(t, "problems", []Problem(nil), survey.Problems)
			w.block(1, w.content(1, 1, 2, 3, 4, 5, 6), false)
			survey = w.survey(w.options())
			same(t, "sequences", []uint64{1, 2, 3, 4, 5, 6}, seqs(messages(t, survey)))
			if len(survey.Problems) != 1 || survey.Problems[0].Grade != Difference {
				t.Errorf("problems: %v", survey.Problems)
			}
		}
	}
}

// TestUnreadableBlock: what the disk refuses is damage, and an error where it could be
// read before.
func TestUnreadableBlock(t *testing.T) {
	w := newWriter(t, Plain)
	w.block(1, w.content(1, 1, 2), false)
	w.block(2, w.content(2, 3, 4), false)
	c := w.survey(Options{})
	broken := errors.New("broken")
	w.disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Read && strings.HasSuffix(op.Name, "/1.blk") {
			return broken
		}
		return nil
	})
	if err := c.Each(0, func(*store.Message) bool { return true }); !errors.Is(err, broken) {
		t.Errorf("read: %v", err)
	}
	c = w.survey(Options{})
	same(t, "sequences", []uint64{3, 4}, seqs(messages(t, c)))
	if len(c.Problems) != 1 || !errors.Is(c.Problems[0].Err, broken) || c.Problems[0].Lost != (store.Range{First: 1, Count: 2}) {
		t.Errorf("problems: %v", c.Problems)
	}
}

// TestProblemsAreBounded: of very many, most are only counted.
func TestProblemsAreBounded(t *testing.T) {
	w := newWriter(t, Plain)
	var content []byte
	for seq := uint64(1); seq <= ProblemsMax+50; seq++ {
		content = AppendPlaceholder(append(content, 'x'), w.hasher(1), seq, 0)
	}
	w.block(1, content, false)
	c := w.survey(Options{})
	if len(c.Problems) != ProblemsMax || c.Dropped != 50 {
		t.Errorf("%d problems, %d dropped", len(c.Problems), c.Dropped)
	}
}

// TestAnyHistory: whatever a server did, the messages that live are those that are
// read. The model is the list of live messages; the directory grows beside it.
func TestAnyHistory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWriter(t, rapid.SampledFrom(ciphers).Draw(rt, "cipher"))
		live := map[uint64]message{}
		blocks := map[uint64][]byte{1: nil}
		number, last := uint64(1), uint64(0)
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			h := w.hasher(number)
			switch rapid.IntRange(0, 6).Draw(rt, "step") {
			case 0: // a new block
				if len(blocks[number]) > 0 {
					number++
					blocks[number] = nil
				}
			case 1: // deletions
				for seq, m := range live {
					if seq%3 == last%3 {
						blocks[number] = AppendTombstone(blocks[number], h, seq, m.Time)
						delete(live, seq)
					}
				}
			case 2: // a skip
				last += rapid.Uint64Range(1, 5).Draw(rt, "skip")
				blocks[number] = AppendPlaceholder(blocks[number], h, last, 0)
			default:
				last++
				live[last] = numberedMessage(last)
				blocks[number] = live[last].record(t, blocks[number], h)
			}
		}
		var want []message
		for seq := uint64(1); seq <= last; seq++ {
			if m, ok := live[seq]; ok {
				want = append(want, m)
			}
		}
		for n, content := range blocks {
			w.block(n, content, n < number && rapid.Bool().Draw(rt, "wrapped"))
		}
		c := w.survey(w.options())
		same(rt, "messages", want, messages(t, c))
		same(rt, "problems", []Problem(nil), c.Problems)
		if c.State.LastSequence != last {
			rt.Errorf("last sequence %d, expected %d", c.State.LastSequence, last)
		}
	})
}

// TestOddBoundaries: what the checksum does not cover is looked at, given out and
// reported.
func TestOddBoundaries(t *testing.T) {
	header := "NATS/1.0\r\nKey: Value\r\n\r\n"
	for name, m := range map[string]message{
		"empty subject":       {Payload: "p"},
		"empty token":         {Subject: "a..b"},
		"dot at the end":      {Subject: "a."},
		"space":               {Subject: "a b"},
		"line end":            {Subject: "a\r"},
		"header too short":    {Subject: "a", Header: header[:len(header)-1], Payload: "\n"},
		"header too long":     {Subject: "a", Header: header + "p"},
		"two headers":         {Subject: "a", Header: header + header},
		"no version":          {Subject: "a", Header: "S/1.0\r\n\r\n"},
		"nothing but a start": {Subject: "a", Header: "NATS/1.0"},
	} {
		w := newWriter(t, Plain)
		m.Seq = 1
		w.block(1, m.record(t, nil, w.hasher(1)), false)
		c := w.survey(Options{})
		same(t, name, []message{m}, messages(t, c))
		if len(c.Problems) != 1 || c.Problems[0].Grade != Doubtful || !errors.Is(c.Problems[0].Err, errBoundary) {
			t.Errorf("%s: %v", name, c.Problems)
		}
	}
}
