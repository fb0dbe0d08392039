package block

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/godwit-mq/godwit/internal/journal"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/chunked"
	"github.com/godwit-mq/godwit/internal/store/heap"
)

// StreamOptions are what a stream store is opened with.
type StreamOptions struct {
	store.Options
	// Compression is for chunks that are written from now on.
	Compression heap.Compression
	// FileSize is that of the stream's files in bytes, 0 for the usual.
	FileSize int64
	// ChunkSize is how many bytes are read at once to read a message, and what is lost
	// where the disk loses something; 0 for 64 KiB.
	ChunkSize int
}

const defaultChunk = 64 << 10

// A Stream is a stream store whose messages survive. Reading and changing are those of
// store.Stream; what changes is durable when Commit says so.
type Stream struct {
	*chunked.Stream
	node *Node
	id   ID
	heap *heap.Heap

	chunkSize int // bytes of records at which a chunk is full

	effects effects
	records [][]byte // scratch of Commit
	ready   bool     // recovered: changes are to be kept
	logged  uint64   // journal record that was handed over last
	since   int64    // bytes handed over since the last checkpoint

	checkpointed uint64         // the manifest has all up to this journal record
	writing      bool           // a checkpoint is being written
	whole        bool           // the next checkpoint must have everything
	nextChunk    uint64         // number
	manifest     map[uint64]put // chunks by number, as the last checkpoint has them
	drops        []uint64       // chunks that are no more since the last checkpoint
	garbage      []heap.Ref     // places that the next manifest does not need
	index        []heap.Ref     // pieces of the index that the manifest has
	erased       bool           // a message was, of which nothing may be left
	report       *Report        // of the recovery

	givenFirst, foundFirst uint64 // sequences: what the manifest calls the first, and what was there

	missed  atomic.Uint64 // number of the chunk, plus one, of which a part was read last
	waiting waiting
}

var _ store.Stream = (*Stream)(nil)

// CreateStream makes a stream. It is durable when CreateStream returns; its first
// sequence is after the first Commit.
func (n *Node) CreateStream(id ID, o StreamOptions) (*Stream, error) {
	s, err := n.newStream(id, o)
	if err != nil {
		return nil, err
	}
	if s.heap, err = heap.Create(n.fsys, n.streamDir(id), n.heapOptions(o)); err != nil {
		n.leave(id)
		return nil, err
	}
	s.manifest = make(map[uint64]put)
	if o.FirstSequence > 0 {
		s.effects.compact(o.FirstSequence)
	}
	s.ready = true
	return s, nil
}

func (n *Node) newStream(id ID, o StreamOptions) (*Stream, error) {
	s := &Stream{node: n, id: id}
	s.effects.most = int(min(recordMost, n.options.Journal.SegmentSize/8))
	if err := s.begin(o); err != nil {
		return nil, err
	}
	return s, n.enter(id, s)
}

// begin makes the inside of the stream, empty.
func (s *Stream) begin(o StreamOptions) (err error) {
	if o.ChunkSize <= 0 {
		o.ChunkSize = defaultChunk
	}
	s.chunkSize = o.ChunkSize
	s.Stream, err = chunked.NewKept(o.Options, keeper{s}, o.ChunkSize)
	return err
}

func (n *Node) heapOptions(o StreamOptions) heap.Options {
	return heap.Options{
		FileSize: o.FileSize, Compression: o.Compression,
		Cipher: n.options.Cipher, OldCiphers: n.options.OldCiphers, Random: n.options.Journal.Random,
	}
}

func (s *Stream) head() head {
	state := s.State()
	first := state.FirstSequence
	if first == s.foundFirst {
		first = s.givenFirst
	}
	return head{through: s.logged, first: first, last: state.LastSequence, lastTime: state.LastTime}
}

// A Report tells what a stream or a consumer was found to be.
type Report struct {
	// Chunks and Messages were on the disk, Records came from the journal.
	Chunks   int
	Messages uint64
	Records  int
	// Damage is what could not be read. It stays on the disk; the messages are missing.
	Damage []Damage
}

// Damage is one thing that could not be read. First and Last are the sequences of
// messages that may be missing, 0 if that is not known.
type Damage struct {
	First, Last uint64
	Err         error
}

func (d Damage) String() string {
	if d.First == 0 {
		return d.Err.Error()
	}
	return fmt.Sprintf("messages %d to %d: %v", d.First, d.Last, d.Err)
}

// LoadStream reads what is on the disk of a stream. It is of use after Recover, which
// adds what is in the journal. It fails with fs.ErrNotExist if there is none.
func (n *Node) LoadStream(id ID, o StreamOptions) (*Stream, error) {
	o.FirstSequence = 0 // the manifest knows
	s, err := n.newStream(id, o)
	if err != nil {
		return nil, err
	}
	if err := s.load(o); err != nil {
		n.leave(id)
		return nil, err
	}
	return s, nil
}

func (s *Stream) load(o StreamOptions) error {
	s.report = &Report{}
	m := manifest{}
	h, recovery, err := heap.Open(s.node.fsys, s.node.streamDir(s.id), s.node.heapOptions(o), m.apply)
	if err != nil {
		return err
	}
	s.heap = h
	for _, d := range recovery.Damage {
		err := fmt.Errorf("%d bytes of the manifest at %d cannot be read", d.Length, d.Offset)
		s.damage(Damage{Err: err})
	}
	if s.manifest = m.chunks; s.manifest == nil {
		s.manifest = make(map[uint64]put)
	}
	good, bad := m.sorted()
	for _, p := range bad {
		_ = s.heap.Use(p.ref)
		s.damage(Damage{Err: errEdit})
	}
	good = s.leaveAside(good, m.head)
	if len(bad) > 0 || len(recovery.Damage) > 0 || !s.adoptIndexed(m.index, good) {
		if err := s.begin(o); err != nil {
			return errors.Join(err, h.Close())
		}
		s.adoptAll(good)
	}
	s.nextChunk, s.checkpointed, s.logged = m.nextID, m.through, m.through
	if err := s.Resume(m.first, m.last, m.lastTime); err != nil {
		return errors.Join(err, h.Close())
	}
	s.report.Messages = s.State().Messages
	s.givenFirst, s.foundFirst = m.first, s.State().FirstSequence
	return nil
}

// leaveAside reports the chunks that were set aside earlier, and those that lie outside
// of the stream, and returns the others.
func (s *Stream) leaveAside(list []listed, h head) []listed {
	return slices.DeleteFunc(list, func(l listed) bool {
		err := errAside
		if !l.aside && (l.first < h.first || l.last > h.last) {
			err, l.aside = errOutside, true
		}
		if l.aside {
			_ = s.heap.Use(l.ref)
			s.damage(Damage{First: l.first, Last: l.last, Err: err})
		}
		return l.aside
	})
}

// adoptIndexed takes up the chunks of the manifest without reading them, if there is an
// index.
func (s *Stream) adoptIndexed(index []heap.Ref, list []listed) bool {
	s.index = index
	if len(index) == 0 {
		return false
	}
	var buf []byte
	for _, ref := range index {
		if s.heap.Use(ref) != nil {
			return false
		}
		piece, err := s.heap.Read(ref, nil)
		if err != nil {
			return false
		}
		buf = append(buf, piece...)
	}
	sketches := make([][]byte, len(list))
	for i, l := range list {
		sketches[i] = l.sketch
	}
	chunks, err := s.AdoptIndexed(sketches, buf)
	if err != nil {
		return false
	}
	for i, l := range list {
		if s.heap.Use(l.ref) != nil {
			return false // where it is missing is found by reading all
		}
		chunks[i].Kept = &stored{id: l.id, ref: l.ref}
	}
	s.report.Chunks = len(list)
	return true
}

// A loaded chunk is one of the manifest with its records, or why there are none.
type loaded struct {
	listed
	records []byte
	err     error
}

// readAhead is how many chunks are read while another is taken up.
const readAhead = 16

// adoptAll takes up the chunks of the manifest, in their order.
func (s *Stream) adoptAll(list []listed) {
	for _, l := range list {
		_ = s.heap.Use(l.ref) // what is wrong with it is found when it is read
	}
	read, free := make(chan loaded, readAhead), make(chan []byte, readAhead+1)
	for range cap(free) {
		free <- nil
	}
	go func() {
		defer close(read)
		for _, l := range list {
			records, err := s.heap.Read(l.ref, <-free)
			read <- loaded{l, records, err}
		}
	}()
	for l := range read {
		s.adopt(l)
		free <- l.records
	}
}

// adopt takes up a chunk of the manifest.
func (s *Stream) adopt(l loaded) {
	var c *chunked.Chunk
	err := l.err
	if err == nil {
		c, err = s.Adopt(l.sketch, l.records)
	}
	if err == nil {
		c.Kept = &stored{id: l.id, ref: l.ref}
		s.report.Chunks++
		return
	}
	if !s.salvage(l, err) {
		s.damage(Damage{First: l.first, Last: l.last, Err: err})
	}
}

// salvage takes up the messages of a damaged chunk that are whole, as a new chunk. The
// old one stays in the manifest, set aside.
func (s *Stream) salvage(l loaded, damage error) bool {
	if !l.ref.Plain() {
		return false
	}
	records, err := s.heap.ReadPart(l.ref, 0, int(l.ref.Raw), nil)
	if err != nil {
		return false
	}
	missing, err := s.Salvage(l.sketch, records)
	if err != nil {
		return false
	}
	l.aside = true
	s.manifest[l.id], s.whole = l.put, true
	for _, r := range missing {
		s.damage(Damage{First: r.First, Last: r.Last(), Err: damage})
	}
	if len(missing) == 0 {
		s.damage(Damage{Err: damage})
	}
	return true
}

// damage reports a chunk that cannot be read. It stays in the manifest.
func (s *Stream) damage(d Damage) { s.report.Damage = append(s.report.Damage, d) }

// Report tells what LoadStream and Recover found.
func (s *Stream) Report() Report {
	if s.report == nil {
		return Report{}
	}
	return *s.report
}

// IsNotExist reports whether an error says that there is no such stream.
func IsNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func (s *Stream) through() uint64 { return s.checkpointed }

func (s *Stream) redo(sequence uint64, data []byte) error {
	s.report.Records++
	s.since += int64(len(data))
	s.logged = sequence
	d := redoing{stream: s.Stream, lossy: len(s.report.Damage) > 0}
	return d.record(data)
}

func (s *Stream) lost(first, last uint64) {
	s.damage(Damage{Err: fmt.Errorf("journal records %d to %d are lost", first, last)})
}

func (s *Stream) redone(last uint64) {
	s.logged = max(s.logged, last)
	s.waiting.reached(s.logged)
	s.ready = true
	s.Recovered()
}

// Close ends the use of the stream. What was committed stays. Who wants the next start
// to be quick makes a checkpoint before.
func (s *Stream) Close() error {
	if err := s.Stream.Close(); err != nil {
		return err
	}
	s.node.leave(s.id)
	return s.heap.Close()
}

// Reload closes a stream of which a Commit has failed, and returns it as it was when the
// last one succeeded. It fails as long as the disk does.
func (s *Stream) Reload(o StreamOptions) (*Stream, error) {
	if err := s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
		return nil, err
	}
	if _, err := s.node.journal.Resume(s.id); err != nil {
		return nil, err
	}
	again, err := s.node.LoadStream(s.id, o)
	if err != nil {
		return nil, err
	}
	return again, s.node.RecoverOne(s.id)
}

// Delete removes the stream from the disk, and its records from the journal. A power cut
// meanwhile may leave a part, which a second Delete removes.
func (s *Stream) Delete() error {
	if err := s.Close(); err != nil {
		return err
	}
	if err := heap.Remove(s.node.fsys, s.node.streamDir(s.id)); err != nil {
		return err
	}
	return s.node.drop(s.id)
}

// drop forgets the journal records of an asset.
func (n *Node) drop(id ID) error {
	if err := n.journal.Sync(); err != nil {
		return err
	}
	return n.journal.Drop(id)
}

// portionMost is how many bytes survive all or not at all, where segments are not small.
const portionMost = 16 << 20

// Commit hands everything that has changed since the last Commit to the journal. Up to
// 16 MiB of that survive as a whole or not at all. done, which may be nil, is called when
// it is durable, or with an error when it is not; in the order of Commits, by a goroutine
// of the journal, which it must not make wait. Commit waits while the journal is busy: its
// caller must hold no lock that done needs. After an error the stream must be loaded anew.
func (s *Stream) Commit(done func(error)) { s.commit(done, s.node.journal.Append) }

// CommitNow is Commit for a change that came alone: if nothing else is on its way, the
// caller itself writes it and done has been called when it returns.
func (s *Stream) CommitNow(done func(error)) { s.commit(done, s.node.journal.AppendNow) }

type appendFunc = func(ID, [][]byte, journal.Done) (uint64, error)

func (s *Stream) commit(done func(error), add appendFunc) {
	if s.effects.empty() {
		s.waiting.add(s.logged, done)
		return
	}
	s.records = s.effects.take(s.records[:0])
	// The number is known before: nobody else appends to this group.
	s.waiting.expect(s.logged+uint64(len(s.records)), done)
	for rest := s.records; len(rest) > 0; {
		n, size := s.portion(rest)
		if _, err := add(s.id, rest[:n], s.waiting.done); err != nil {
			s.waiting.fail(s.logged+uint64(len(rest)), err)
			break
		}
		s.logged += uint64(n)
		s.since += size
		rest = rest[n:]
	}
	clear(s.records)
	s.effects.reset()
}

// portion is how many of some journal records go there together, and their bytes.
func (s *Stream) portion(records [][]byte) (n int, size int64) {
	for _, r := range records {
		if n > 0 && size+int64(len(r)) > min(portionMost, s.node.options.Journal.SegmentSize/2) {
			break
		}
		size += int64(len(r))
		n++
	}
	return n, size
}

// A keeper is a Stream as chunked sees it.
type keeper struct{ s *Stream }

var _ chunked.Keeper = keeper{}

func (k keeper) Load(c *chunked.Chunk) ([]byte, error) {
	st := c.Kept.(*stored)
	if records := st.records(); records != nil {
		return records, nil
	}
	records, err := k.s.heap.Read(st.ref, nil)
	if err != nil {
		return nil, err
	}
	return k.s.node.cache.add(st, records), nil
}

// partMost is the length of the longest record that is read by itself.
const partMost = 8 << 10

// Record reads a part of a chunk, unless another part was asked for just before: then
// all of it is likely to be needed.
func (k keeper) Record(c *chunked.Chunk, seq uint64, start, stop int, ahead bool) ([]byte, error) {
	st := c.Kept.(*stored)
	if records := st.records(); records != nil {
		return records[start:stop], nil
	}
	if record := k.s.node.windows.record(k.s.id, st.ref, start, stop); record != nil && chunked.Genuine(record, seq) {
		return record, nil
	}
	again := k.s.missed.Swap(st.id+1) == st.id+1
	if !again && stop-start <= partMost {
		if record := k.genuine(st, seq, start, stop, ahead); record != nil {
			return record, nil
		}
	}
	records, err := k.Load(c)
	if err == nil {
		return records[start:stop], nil
	}
	// A damaged chunk may well have records that are not.
	if record := k.genuine(st, seq, start, stop, false); record != nil {
		return record, nil
	}
	return nil, err
}

// genuine reads a record by itself, nil if it is not what it should be.
func (k keeper) genuine(st *stored, seq uint64, start, stop int, ahead bool) []byte {
	if !st.ref.Plain() {
		return nil
	}
	record, err := k.part(st, start, stop, ahead)
	if err != nil || !chunked.Genuine(record, seq) {
		return nil
	}
	return record
}

// part reads a record, with what is behind it.
func (k keeper) part(st *stored, start, stop int, ahead bool) ([]byte, error) {
	length := stop - start
	if ahead {
		length = min(max(length, windowSize), int(st.ref.Raw)-start)
	}
	buf, err := k.s.heap.ReadPart(st.ref, start, length, nil)
	if err != nil {
		return nil, err
	}
	if ahead {
		k.s.node.windows.put(&window{id: k.s.id, ref: st.ref, start: start, records: buf})
	}
	return buf[:stop-start], nil
}

func (k keeper) Stored(origin uint64, record []byte) {
	if k.s.ready {
		k.s.effects.stored(origin, record)
	}
}

func (k keeper) Removed(seq uint64) {
	if k.s.ready {
		k.s.effects.remove(seq)
	}
}

func (k keeper) Erased(seq uint64) {
	if k.s.ready {
		k.s.effects.erase(seq)
	}
	k.s.erased = true
}

func (k keeper) Skipped(count uint64, lastTime int64) {
	if k.s.ready {
		k.s.effects.skip(count, lastTime)
	}
}

func (k keeper) Compacted(seq uint64) {
	if k.s.ready {
		k.s.effects.compact(seq)
	}
}

func (k keeper) Truncated(seq uint64) {
	if k.s.ready {
		k.s.effects.truncate(seq)
	}
}

// Dropped notes that a chunk is no more, which the next checkpoint tells the manifest.
func (k keeper) Dropped(c *chunked.Chunk) {
	st, ok := c.Kept.(*stored)
	if !ok {
		return
	}
	k.s.node.cache.forget(st)
	k.s.drops = append(k.s.drops, st.id)
	if !st.ref.IsZero() {
		k.s.garbage = append(k.s.garbage, st.ref)
	}
}

// waiting are the calls to make when journal records are durable. Its lock is held for
// moments only, by the stream's owner and the journal's goroutine.
type waiting struct {
	mu      sync.Mutex
	durable uint64
	failed  error
	calls   []call
}

type call struct {
	at uint64
	fn func(error)
}

// expect notes a call for the time when a journal record is durable.
func (w *waiting) expect(at uint64, fn func(error)) {
	if fn == nil {
		return
	}
	w.mu.Lock()
	w.calls = append(w.calls, call{at, fn})
	w.mu.Unlock()
}

// add is expect, or the call itself if it is durable already.
func (w *waiting) add(at uint64, fn func(error)) {
	if fn == nil {
		return
	}
	w.mu.Lock()
	if err := w.failed; err != nil || w.durable >= at && len(w.calls) == 0 {
		w.mu.Unlock()
		fn(err)
		return
	}
	w.calls = append(w.calls, call{at, fn})
	w.mu.Unlock()
}

// done is the journal's.
func (w *waiting) done(a journal.Appended, err error) {
	last := a.First + uint64(a.Count) - 1
	if err != nil {
		w.fail(last, err)
		return
	}
	w.reached(last)
}

func (w *waiting) reached(at uint64) {
	w.mu.Lock()
	w.durable = max(w.durable, at)
	n := 0
	for n < len(w.calls) && w.calls[n].at <= at {
		n++
	}
	w.finish(n, nil)
}

func (w *waiting) error() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

func (w *waiting) fail(at uint64, err error) {
	w.mu.Lock()
	w.failed = err
	n := 0
	for n < len(w.calls) && w.calls[n].at <= at {
		n++
	}
	w.finish(n, err)
}

// finish makes the first n calls. It is called with the lock held and gives it up.
func (w *waiting) finish(n int, err error) {
	due := append([]call(nil), w.calls[:n]...)
	w.calls = append(w.calls[:0], w.calls[n:]...)
	w.mu.Unlock()
	for _, c := range due {
		c.fn(err)
	}
}
