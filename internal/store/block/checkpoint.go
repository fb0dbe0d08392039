package block

import (
	"errors"
	"maps"
	"slices"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/chunked"
	"github.com/godwit-mq/godwit/internal/store/heap"
)

const (
	// sparseShare: a file of which less than this lives is emptied.
	sparseShare = 0.5
	// moveMost bounds the bytes that one checkpoint moves out of sparse files.
	moveMost = 16 << 20
)

// ErrCheckpoint is returned where a checkpoint is already being written.
var ErrCheckpoint = errors.New("a checkpoint is being written")

// A Checkpoint is a stream's state at a moment on its way to the disk. The owner begins
// it, which takes no longer than it takes to look at the chunks that changed; anybody
// writes it; the owner ends it:
//
//	lock; c, err := s.BeginCheckpoint(); unlock
//	err = c.Write()
//	lock; err = s.EndCheckpoint(c, err); unlock
//
// After that the journal does not need what came before, and what was written no longer
// takes memory.
type Checkpoint struct {
	stream *Stream
	edit   edit
	chunks []written
	index  []byte // of all chunks, if the checkpoint has it
	drop   []heap.Ref
	wipe   bool // everything that nobody reads any more has to be overwritten
	given  bool // what is to be dropped was dropped
}

// A written is a chunk of a checkpoint.
type written struct {
	chunk   *chunked.Chunk
	stored  *stored
	capture chunked.Capture
	move    bool     // its records are on the disk and have to go elsewhere
	ref     heap.Ref // where it is after Write
}

// WantsCheckpoint reports whether enough has happened since the last one.
func (s *Stream) WantsCheckpoint() bool {
	return !s.writing && s.since >= s.node.options.CheckpointBytes
}

// BeginCheckpoint takes up the state. It fails with ErrCheckpoint if there is one under
// way, and store.ErrClosed.
func (s *Stream) BeginCheckpoint() (*Checkpoint, error) {
	switch {
	case s.writing:
		return nil, ErrCheckpoint
	case !s.ready:
		return nil, store.ErrClosed
	}
	s.Commit(nil)
	s.gatherSparse()
	c := &Checkpoint{stream: s, drop: append(s.garbage, s.index...), wipe: s.erased || s.heap.Unwiped()}
	c.edit = edit{whole: s.whole || s.heap.NeedsRewrite() != nil || s.overgrown(), head: s.head(), drops: s.drops}
	s.garbage, s.index, s.drops, s.erased = nil, nil, nil, false
	s.Changed(func(chunk *chunked.Chunk) { c.add(chunk) })
	s.writing, s.since = true, 0
	return c, nil
}

// overgrown reports whether the edits of the manifest take more room than the whole
// would.
func (s *Stream) overgrown() bool {
	base, edits := s.heap.ManifestSize()
	return edits > 2*base+64<<10
}

// gatherSparse marks chunks that lie in files that are mostly empty.
func (s *Stream) gatherSparse() {
	files := s.heap.Sparse(sparseShare)
	if len(files) == 0 {
		return
	}
	sparse := make(map[uint64]bool, len(files))
	for _, f := range files {
		sparse[f.Number] = true
	}
	bytes := 0
	s.Chunks(func(c *chunked.Chunk) bool {
		if st, ok := c.Kept.(*stored); ok && sparse[st.ref.File] {
			bytes += c.Len()
			st.move = true
			s.Touch(c)
		}
		return bytes < moveMost
	})
}

// add takes up a chunk that has changed.
func (c *Checkpoint) add(chunk *chunked.Chunk) {
	st, ok := chunk.Kept.(*stored)
	if !ok {
		st = &stored{id: c.stream.nextChunk}
		c.stream.nextChunk++
		chunk.Kept = st
	}
	w := written{chunk: chunk, stored: st, capture: chunk.Capture(), ref: st.ref}
	w.move = st.move && w.capture.Records == nil
	st.move = false
	c.chunks = append(c.chunks, w)
	c.edit.puts = append(c.edit.puts, put{id: st.id, sketch: chunk.Sketch(nil)})
}

// useful are the places that are of use until the checkpoint is ended: those of all
// chunks as the manifest had them, but for the ones that went and the ones that are
// written anew from memory; and those that the checkpoint has written.
func (c *Checkpoint) useful() []heap.Ref {
	old := make(map[uint64]bool)
	for _, id := range c.edit.drops {
		old[id] = true
	}
	refs := slices.Clone(c.edit.index)
	for _, w := range c.chunks {
		old[w.stored.id] = w.capture.Records != nil
		refs = append(refs, w.ref)
	}
	for id, p := range c.stream.manifest {
		if !old[id] {
			refs = append(refs, p.ref)
		}
	}
	return refs
}

// Write brings the state to the disk. It takes as long as the disk does, and may run
// while the stream is used.
func (c *Checkpoint) Write() error {
	err := c.writeAll()
	if err != nil {
		c.stream.heap.Abandon()
	}
	return err
}

func (c *Checkpoint) writeAll() error {
	s := c.stream
	// What the manifest says must not come from journal records that are not there after
	// a power cut.
	if err := s.node.journal.Sync(); err != nil {
		return err
	}
	if err := s.waiting.error(); err != nil {
		return err
	}
	for i := range c.chunks {
		if err := c.write(&c.chunks[i]); err != nil {
			return err
		}
		c.edit.puts[i].ref = c.chunks[i].ref
	}
	if err := c.writeIndex(); err != nil {
		return err
	}
	c.given = true
	for _, ref := range c.drop {
		s.heap.Drop(ref)
	}
	if c.wipe {
		s.heap.WipeBut(c.useful())
	}
	if c.edit.whole {
		whole := c.all()
		return s.heap.Rewrite(whole.append(nil))
	}
	return s.heap.Commit(c.edit.append(nil))
}

// all is the edit with what the manifest has already, for one that begins anew.
func (c *Checkpoint) all() edit {
	chunks := maps.Clone(c.stream.manifest)
	c.edit.apply(chunks)
	e := c.edit
	e.puts, e.drops = slices.Collect(maps.Values(chunks)), nil
	return e
}

// indexPiece is the size of the pieces of an index in the heap, in bytes.
const indexPiece = 8 << 20

func (c *Checkpoint) writeIndex() error {
	for rest := c.index; len(rest) > 0; {
		piece := rest[:min(len(rest), indexPiece)]
		ref, err := c.stream.heap.Write(0, piece)
		if err != nil {
			return err
		}
		c.edit.index = append(c.edit.index, ref)
		rest = rest[len(piece):]
	}
	return nil
}

func (c *Checkpoint) write(w *written) (err error) {
	records := w.capture.Records
	if w.move {
		if records, err = c.stream.heap.Read(w.ref, nil); err != nil {
			return nil // it stays where it is
		}
	}
	if records == nil {
		return nil
	}
	w.ref, err = c.stream.heap.Write(w.chunk.Origin(), records)
	return err
}

// EndCheckpoint takes up what became of it: the error of Write, or nil. It returns that
// error; the next checkpoint then has everything that this one should have had.
func (s *Stream) EndCheckpoint(c *Checkpoint, failure error) error {
	s.writing = false
	if failure != nil {
		s.abandon(c)
		return failure
	}
	s.whole, s.index = false, c.edit.index
	c.edit.apply(s.manifest)
	for i := range c.chunks {
		s.settle(&c.chunks[i])
	}
	s.checkpointed = c.edit.through
	return s.node.journal.Release(s.id, c.edit.through)
}

// settle takes up where a chunk is now.
func (s *Stream) settle(w *written) {
	switch old := w.stored.ref; {
	case w.ref == old:
	case !w.chunk.Alive(): // when it went, the old place was given back
		s.garbage = append(s.garbage, w.ref)
	case !old.IsZero():
		s.garbage = append(s.garbage, old)
	}
	w.stored.ref = w.ref
	if w.chunk.Settle(w.capture) {
		records := w.capture.Records
		if len(records) < s.chunkSize/2 {
			records = slices.Clone(records) // without the memory in which the chunk could have grown
		}
		s.node.cache.replace(w.stored, records)
	}
}

// abandon makes everything of a failed checkpoint part of the next, which is whole:
// whatever was written has no place in the old manifest.
func (s *Stream) abandon(c *Checkpoint) {
	s.whole, s.erased = true, s.erased || c.wipe
	s.drops = append(c.edit.drops, s.drops...)
	if !c.given {
		s.garbage = append(s.garbage, c.drop...) // dropped twice it would count out another chunk
	}
	s.since = s.node.options.CheckpointBytes
	for i := range c.chunks {
		w := &c.chunks[i]
		w.chunk.Settle(chunked.Capture{})
		if w.chunk.Alive() {
			s.Touch(w.chunk)
		}
	}
}

// Rest makes a checkpoint after which nothing comes: the next start need not read the
// chunks to know what is in them. It may take a second per ten million messages.
func (s *Stream) Rest() error {
	c, err := s.BeginCheckpoint()
	if err != nil {
		return err
	}
	c.index = s.AppendIndex(nil)
	return s.EndCheckpoint(c, c.Write())
}

// Checkpoint is all three steps at once, for an owner who has nothing else to do.
func (s *Stream) Checkpoint() error {
	c, err := s.BeginCheckpoint()
	if err != nil {
		return err
	}
	return s.EndCheckpoint(c, c.Write())
}
