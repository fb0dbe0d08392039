package legacy

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

// The files are those of real servers, versions 2.10.29 and 2.15.2.
const (
	vectorIndex1 = "0b0105c50201a4a599b384b0f3ea31059cb8a68b95b0f3ea310303742e3202010103742e3102010103742e3001010101c502010005f8928dd8100001080ee323c1836df300fd41d5ae9e7000"
	vectorIndex4 = "0b040000e90700e8079eb6ddbdd0abf3ea3100010300e90700e8079eb6ddbdd0abf3ea3100000003a39105aeac1a6a77e1da50bd9a8087f4"
)

func TestIndexVectors(t *testing.T) {
	for stream, test := range map[string]struct {
		vector string
		want   store.State
		newest uint64
	}{
		"T": {vectorIndex1, store.State{Messages: 5, Bytes: 325, FirstSequence: 1, LastSequence: 5,
			FirstTime: 1795500743231891794, LastTime: 1795500744920026638, Subjects: 3}, 1},
		"FST": {vectorIndex4, store.State{FirstSequence: 1001, LastSequence: 1000, LastTime: 1795499607170248591}, 3},
	} {
		w := newWriter(t, Plain)
		w.stream = stream
		w.put(filepath.Join(w.dir, messagesDir, indexFile), unhex(t, test.vector))
		x, err := w.open(Options{}).readIndex(filepath.Join(w.dir, messagesDir))
		must(t, err)
		x.state.FirstTime, test.want.FirstTime = 0, 0 // only the vector itself could tell
		x.state.LastTime, test.want.LastTime = 0, 0
		same(t, stream, test.want, x.state)
		same(t, stream, test.newest, x.newest)
	}
}

// TestIndexIsCompared: what index.db says more or else is reported, and changes nothing.
func TestIndexIsCompared(t *testing.T) {
	for name, test := range map[string]struct {
		change func(w *writer)
		want   []string // parts of the problems
	}{
		"as it is":       {func(w *writer) {}, nil},
		"message gone":   {func(w *writer) { w.block(1, w.content(1, 1, 3, 4), false) }, []string{"it counts 6 messages", "1.blk: messages that index.db knows are missing (sequence 2)"}},
		"block gone":     {func(w *writer) { w.remove("1.blk", "1.key") }, []string{"1.blk: the block is missing (sequences 1 to 4)", "it counts 6 messages"}},
		"newest gone":    {func(w *writer) { w.remove("2.blk", "2.key") }, []string{"2.blk: the block is missing (sequences 6 to 8)", "its newest block is 2, that of the stream is 1"}},
		"newest grew":    {func(w *writer) { w.block(2, w.content(2, 6, 7, 8, 9), false) }, []string{"not as new as block 2"}},
		"removed anyway": {func(w *writer) { w.block(1, w.content(1, 1, 2, 3, 4, 5), false) }, []string{"1 messages are there that it does not count"}},
		"junk":           {func(w *writer) { w.put(w.indexPath(), make([]byte, 50)) }, []string{"invalid checksum of index.db"}},
		"short":          {func(w *writer) { w.put(w.indexPath(), make([]byte, 5)) }, []string{"bad index: 5 bytes"}},
		"missing":        {func(w *writer) { w.remove("index.db") }, nil},
		"a subject that moved": {func(w *writer) {
			content := w.content(1, 1, 2, 3, 4)
			content[20]-- // orders.1 becomes orders. and then, one less, orders
			content[20]--
			w.block(1, content, false)
		}, []string{"it has other subjects than the messages"}},
	} {
		for _, c := range ciphers {
			w := newWriter(t, c)
			w.indexed()
			test.change(w)
			got := graver(w.survey(w.options()).Problems, Difference)
			if len(got) != len(test.want) {
				t.Errorf("%s, %v: %q", name, c, got)
				continue
			}
			for i, text := range test.want {
				if !strings.Contains(strings.Join(got, "\n"), text) {
					t.Errorf("%s, %v: no %q, problem %d, in %q", name, c, text, i, got)
				}
			}
		}
	}
}

func (w *writer) indexPath() string { return filepath.Join(w.dir, messagesDir, indexFile) }

func (w *writer) remove(names ...string) {
	for _, name := range names {
		if w.cipher == Plain && strings.HasSuffix(name, keySuffix) {
			continue
		}
		must(w.t, w.disk.Remove(filepath.Join(w.dir, messagesDir, name)))
	}
}

// indexed makes a stream of two blocks, 1-4 and 6-8 with 7 deleted, and an index.
func (w *writer) indexed() {
	w.t.Helper()
	w.block(1, w.content(1, 1, 2, 3, 4), false)
	second := AppendTombstone(w.content(2, 6, 7, 8), w.hasher(2), 7, 7e9)
	w.block(2, second, false)
	w.index(8, 8e9, []indexed{
		{number: 1, first: 1, last: 4, live: numberedMessages(1, 2, 3, 4)},
		{number: 2, first: 6, last: 8, live: numberedMessages(6, 8), content: second},
	})
}

// FuzzIndex: whatever index.db holds, reading ends.
func FuzzIndex(f *testing.F) {
	for _, vector := range []string{vectorIndex1, vectorIndex4} {
		b := unhex(f, vector)
		f.Add(b[:len(b)-checksumLen])
	}
	w := newWriter(f, Plain)
	w.indexed()
	b := w.get(w.indexPath())
	f.Add(b[:len(b)-checksumLen])
	f.Fuzz(func(t *testing.T, buf []byte) {
		w := newWriter(t, Plain)
		w.block(1, w.content(1, 1, 2, 3, 4), false)
		sum := NewHasher(w.stream).sum(buf)
		w.put(w.indexPath(), append(buf, sum[:]...))
		same(t, "sequences", []uint64{1, 2, 3, 4}, seqs(messages(t, w.survey(Options{}))))
	})
}

// FuzzOldIndex: whatever an .idx file holds, it is refused or consistent.
func FuzzOldIndex(f *testing.F) {
	f.Add([]byte{oldMagic, oldVersion, 3, 100, 2, 0, 5, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 2})
	f.Fuzz(func(t *testing.T, buf []byte) {
		b, tail, err := decodeOld(buf)
		if err == nil && (len(tail) != checksumLen || b.deletedLen() > uint64(len(buf))*64) {
			t.Fatalf("%+v %x", b, tail)
		}
	})
}
