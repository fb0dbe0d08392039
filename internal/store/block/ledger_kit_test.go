package block_test

import (
	"bytes"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/journal"
	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/heap"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// begin is the time at which tests begin, in Unix nanoseconds.
const begin = int64(1_790_000_000_000_000_000)

const second = int64(time.Second)

// A variant is a way in which messages lie on the disk.
type variant struct {
	compression heap.Compression
	cipher      seal.Cipher
}

var plain = variant{}

// aes and chacha are ciphers with the key of a number.
func aes(b byte) seal.Cipher { return cipherOf(seal.NewAESGCM, b) }

func chacha(b byte) seal.Cipher { return cipherOf(seal.NewChaCha20Poly1305, b) }

func cipherOf(make func([]byte) (seal.Cipher, error), b byte) seal.Cipher {
	c, err := make(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		panic(err)
	}
	return c
}

// inVariants runs a test without and with compression, without and with each cipher.
func inVariants(t *testing.T, test func(t *testing.T, v variant)) {
	for name, c := range map[string]seal.Cipher{"": nil, "AES ": aes(1), "ChaCha ": chacha(1)} {
		if block.Raced && c != nil {
			continue // slow, and nothing there that goroutines share
		}
		t.Run(name+"plain", func(t *testing.T) { test(t, variant{heap.None, c}) })
		if !block.Raced {
			t.Run(name+"S2", func(t *testing.T) { test(t, variant{heap.S2, c}) })
		}
	}
}

// nodeOptions make journals and caches so small that tests fill several.
func (v variant) nodeOptions() block.Options {
	return block.Options{
		Journal:    journal.Options{SegmentSize: 256 << 10, BatchBytes: 64 << 10, Witness: -1, Cipher: v.cipher},
		CacheBytes: 4 << 10,
		Cipher:     v.cipher,
	}
}

const (
	streamID   = 1
	consumerID = 2
	streamDir  = "data/streams/1"
)

// A site is a stream on a disk in memory, with steps that fail the test.
type site struct {
	*block.Stream
	t       testing.TB
	disk    *faulty.Disk
	node    *block.Node
	nodeIs  block.Options
	options block.StreamOptions
	now     int64
	seed    uint64
	payload []byte
}

// newSite makes an empty stream whose chunks have about 500 bytes.
func newSite(t testing.TB, v variant, o store.Options) *site { return chunkedSite(t, v, o, 500) }

// chunkedSite is newSite with chunks of another size.
func chunkedSite(t testing.TB, v variant, o store.Options, chunk int) *site {
	t.Helper()
	s := &site{t: t, disk: faulty.New(1), nodeIs: v.nodeOptions(), now: begin, payload: []byte("payload")}
	s.options = block.StreamOptions{Options: o, Compression: v.compression, FileSize: 64 << 10, ChunkSize: chunk}
	s.openNode()
	var err error
	s.Stream, err = s.node.CreateStream(streamID, s.options)
	s.must(err)
	t.Cleanup(func() { _ = s.node.Close() })
	return s
}

// limited is newSite with nothing but limits.
func limited(t testing.TB, v variant, l store.Limits) *site {
	t.Helper()
	return newSite(t, v, store.Options{Limits: l})
}

func (s *site) openNode() {
	s.t.Helper()
	n, _, err := block.Open(s.disk, "data", s.nodeIs)
	s.must(err)
	s.node = n
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// load opens the node and loads the stream, and returns what was damaged.
func (s *site) load() []block.Damage {
	s.t.Helper()
	s.openNode()
	var err error
	s.Stream, err = s.node.LoadStream(streamID, s.options)
	s.must(err)
	s.must(s.node.Recover())
	return s.Report().Damage
}

func (s *site) loadWhole() {
	s.t.Helper()
	if d := s.load(); len(d) > 0 {
		s.t.Fatalf("damage: %v", d)
	}
}

// commit makes what has changed durable.
func (s *site) commit() {
	s.t.Helper()
	s.must(s.tryCommit())
}

func (s *site) tryCommit() error {
	result := make(chan error, 1)
	s.Commit(func(err error) { result <- err })
	return <-result
}

// checkpoint and rest bring the stream's chunks to the disk, rest with an index.
func (s *site) checkpoint() { s.t.Helper(); s.must(s.Checkpoint()) }

func (s *site) rest() { s.t.Helper(); s.must(s.Rest()) }

// crash cuts the power when all is durable: what is not in a checkpoint comes from the
// journal.
func (s *site) crash() {
	s.t.Helper()
	s.commit()
	s.lights()
	s.loadWhole()
}

// lights cuts the power, whatever is durable, and leaves the disk as it is then.
func (s *site) lights() {
	s.seed++
	after := s.disk.Survive(s.seed)
	_ = s.node.Close() // it cannot write any more
	s.disk = after
}

// stop ends in order without an index: the next start reads every chunk.
func (s *site) stop() {
	s.t.Helper()
	s.checkpoint()
	s.must(s.node.Close())
	s.loadWhole()
}

// pause ends in order with an index: the next start reads no chunk.
func (s *site) pause() {
	s.t.Helper()
	s.rest()
	s.must(s.node.Close())
	s.loadWhole()
}

// survives restarts the stream in every way, and compares everything that can be read.
func (s *site) survives() {
	s.t.Helper()
	before := s.picture()
	for _, restart := range []struct {
		name string
		do   func()
	}{{"a crash", s.crash}, {"a stop", s.stop}, {"a pause", s.pause}, {"another crash", s.crash}} {
		restart.do()
		if after := s.picture(); after != before {
			s.t.Fatalf("after %s the stream is\n%s\nwas\n%s", restart.name, after, before)
		}
	}
}

// picture is everything that can be read of the stream, as text.
func (s *site) picture() string {
	s.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%+v\nholes", s.State())
	s.Deleted(func(r store.Range) bool {
		fmt.Fprintf(&b, " %d+%d", r.First, r.Count)
		return true
	})
	s.must(s.Subjects(nil, 0, func(subject []byte, state store.SubjectState) bool {
		fmt.Fprintf(&b, "\n%s %+v", subject, state)
		return true
	}))
	s.must(s.Each(nil, 0, func(m *store.Message) bool {
		fmt.Fprintf(&b, "\n%d %d %d %v %q %q %q", m.Sequence, m.Time, m.TTL, m.Marker, m.Subject, m.Header, m.Payload)
		return true
	}))
	return b.String()
}

// message is one a millisecond later than the one before.
func (s *site) message(subject string) *store.Message {
	s.now += int64(time.Millisecond)
	return &store.Message{Subject: []byte(subject), Payload: s.payload, Time: s.now}
}

// put stores a message on each of the subjects and returns the last sequence.
func (s *site) put(subjects ...string) (seq uint64) {
	s.t.Helper()
	for _, subject := range subjects {
		m := s.message(subject)
		s.must(s.Append(m, store.Checked))
		seq = m.Sequence
	}
	return seq
}

// fill stores n messages on one subject.
func (s *site) fill(n int, subject string) {
	s.t.Helper()
	for range n {
		s.put(subject)
	}
}

// fillNumbered stores messages on prefix.from to prefix.to.
func (s *site) fillNumbered(prefix string, from, to int) {
	s.t.Helper()
	for i := from; i <= to; i++ {
		s.put(fmt.Sprintf("%s.%d", prefix, i))
	}
}

// lasting stores messages with life times in seconds.
func (s *site) lasting(subject string, ttls ...int64) {
	s.t.Helper()
	for _, ttl := range ttls {
		m := s.message(subject)
		m.TTL = ttl
		s.must(s.Append(m, store.Checked))
	}
}

func (s *site) remove(seqs ...uint64) {
	s.t.Helper()
	for _, seq := range seqs {
		if ok, err := s.Remove(seq); !ok || err != nil {
			s.t.Fatalf("remove %d: %v %v", seq, ok, err)
		}
	}
}

// removeRun takes out all from first to last.
func (s *site) removeRun(first, last uint64) {
	s.t.Helper()
	for seq := first; seq <= last; seq++ {
		s.remove(seq)
	}
}

func (s *site) erase(seqs ...uint64) {
	s.t.Helper()
	for _, seq := range seqs {
		if ok, err := s.Erase(seq); !ok || err != nil {
			s.t.Fatalf("erase %d: %v %v", seq, ok, err)
		}
	}
}

func (s *site) purge(p store.Purge, expected uint64) {
	s.t.Helper()
	if removed, err := s.Purge(p); removed.Messages != expected || err != nil {
		s.t.Fatalf("purge %+v: %d %v, expected %d", p, removed.Messages, err, expected)
	}
}

func (s *site) compact(seq, expected uint64) {
	s.t.Helper()
	if removed, err := s.Compact(seq); removed.Messages != expected || err != nil {
		s.t.Fatalf("compact %d: %d %v, expected %d", seq, removed.Messages, err, expected)
	}
}

func (s *site) truncate(seq, expected uint64) {
	s.t.Helper()
	if removed, err := s.Truncate(seq); removed.Messages != expected || err != nil {
		s.t.Fatalf("truncate %d: %d %v, expected %d", seq, removed.Messages, err, expected)
	}
}

func (s *site) skip(first, count uint64) {
	s.t.Helper()
	s.must(s.Skip(first, count, s.now))
}

func (s *site) limit(l store.Limits) {
	s.t.Helper()
	s.must(s.SetLimits(l))
	s.options.Limits = l
}

// tick lets expire what is due, and returns how many messages that were.
func (s *site) tick(now int64) uint64 {
	s.t.Helper()
	removed, err := s.Tick(now, nil)
	s.must(err)
	return removed.Messages
}

// expect compares the number of messages, the first and the last sequence.
func (s *site) expect(messages, first, last uint64) {
	s.t.Helper()
	state := s.State()
	if state.Messages != messages || state.FirstSequence != first || state.LastSequence != last {
		s.t.Fatalf("%d messages from %d to %d, expected %d from %d to %d",
			state.Messages, state.FirstSequence, state.LastSequence, messages, first, last)
	}
}

// expectDeleted compares the sequences without a message.
func (s *site) expectDeleted(expected ...uint64) {
	s.t.Helper()
	var list []uint64
	s.Deleted(func(r store.Range) bool {
		for seq := range r.All {
			list = append(list, seq)
		}
		return true
	})
	if !slices.Equal(list, expected) || s.State().Deleted() != uint64(len(expected)) {
		s.t.Fatalf("%d deleted: %v, expected %v", s.State().Deleted(), list, expected)
	}
}

func filter(t testing.TB, patterns ...string) *store.Filter {
	t.Helper()
	f, err := store.NewFilter(patterns...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// expectMatching compares the summary of what a filter selects from a sequence on.
func (s *site) expectMatching(pattern string, start, messages, first, last uint64) {
	s.t.Helper()
	expected := store.SubjectState{Messages: messages, First: first, Last: last}
	if sum, err := s.Matching(filter(s.t, pattern), start); err != nil || sum != expected {
		s.t.Fatalf("%q from %d: %+v %v, expected %+v", pattern, start, sum, err, expected)
	}
}

// expectLoad reads a message, or fails to.
func (s *site) expectLoad(seq uint64, expected error) store.Message {
	s.t.Helper()
	var m store.Message
	if err := s.Load(seq, &m); err != expected || err == nil && m.Sequence != seq {
		s.t.Fatalf("load %d: %d %v, expected %v", seq, m.Sequence, err, expected)
	}
	return m
}

// expectNext reads the next message of a filter; 0 is none.
func (s *site) expectNext(f *store.Filter, start, expected uint64) store.Message {
	s.t.Helper()
	var m store.Message
	seq, err := s.Next(f, start, &m)
	switch {
	case expected == 0 && err == store.ErrEOF && seq == s.State().LastSequence:
	case err != nil || seq != expected || m.Sequence != expected:
		s.t.Fatalf("next from %d: %d %v, expected %d", start, seq, err, expected)
	}
	return m
}

// reads counts the reads of the disk that something takes.
func (s *site) reads(do func()) int {
	before := s.disk.Count(faulty.Read)
	do()
	return s.disk.Count(faulty.Read) - before
}

// chunkFiles are the names of the files that hold chunks.
func (s *site) chunkFiles() (names []string) {
	s.t.Helper()
	infos, err := s.disk.ReadDir(streamDir)
	s.must(err)
	for _, info := range infos {
		if strings.HasSuffix(info.Name, ".chunks") {
			names = append(names, path.Join(streamDir, info.Name))
		}
	}
	return names
}

// used is the room that the chunks take, in bytes.
func (s *site) used() (bytes int64) {
	s.t.Helper()
	for _, name := range s.chunkFiles() {
		info, err := s.disk.Stat(name)
		s.must(err)
		bytes += info.Size
	}
	return bytes
}

// contains reports whether some bytes are in any file of the stream.
func (s *site) contains(text []byte) bool {
	s.t.Helper()
	infos, err := s.disk.ReadDir(streamDir)
	s.must(err)
	for _, info := range infos {
		content, err := vfs.ReadFile(s.disk, path.Join(streamDir, info.Name), 1<<30)
		s.must(err)
		if bytes.Contains(content, text) {
			return true
		}
	}
	return false
}

// waitFor waits until something has happened.
func waitFor(t testing.TB, what string, happened func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !happened() {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s in vain", what)
		}
		runtime.Gosched()
	}
}
