package migrate

import (
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/catalog"
	"github.com/godwit-mq/godwit/internal/store/heap"
	"github.com/godwit-mq/godwit/internal/store/legacy"
)

const (
	// commitBytes is how much is handed to the journal at once.
	commitBytes = 1 << 20
	// progressBytes is after how much of one stream a line tells of it.
	progressBytes = 1 << 30
	// witnessMax is how far beyond the records a consumer is believed to have come.
	witnessMax = 1 << 32
)

// A wantedStream is what the new store must hold of a stream.
type wantedStream struct {
	report    *StreamReport
	asset     catalog.Asset
	digest    *digest
	state     store.State
	consumers []wantedConsumer
}

// stream migrates one stream with its consumers.
func (m *migration) stream(s *legacy.Stream) error {
	m.options.progress("stream %s > %s: reading", s.Account, s.Name)
	for _, p := range s.Problems {
		m.problem(p)
	}
	contents, err := s.Survey()
	if errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err != nil {
		m.note(legacy.Damage, s.Path, err)
		contents = nil
	}
	if contents != nil {
		m.report.Untold += contents.Dropped
		for _, p := range contents.Problems {
			if errors.Is(p.Err, fs.ErrPermission) || errors.Is(p.Err, legacy.ErrNoKey) {
				return fmt.Errorf("read %s: %w", p.File, p.Err)
			}
			m.problem(p)
		}
	}
	if s.Config == nil && (contents == nil || contents.State.LastSequence == 0) {
		m.note(legacy.Damage, s.Path, errors.New("neither a configuration nor messages can be read: the stream is left out"))
		return nil
	}
	w := &writer{migration: m, source: s, contents: contents}
	w.plan()
	if m.options.Strict && m.report.Damaged() {
		return nil // there will be no store; what else is wrong is still told
	}
	err = w.enter()
	if err == nil {
		err = w.copy()
	}
	if err == nil {
		err = m.consumers(w)
	}
	if err != nil {
		return err
	}
	m.wanted = append(m.wanted, w.wanted)
	m.report.Streams = append(m.report.Streams, *w.wanted.report)
	m.options.progress("stream %s > %s: %d messages, %d bytes, %d consumers written", s.Account, s.Name,
		w.wanted.digest.messages, w.wanted.digest.bytes, w.wanted.report.Consumers)
	return nil
}

// A writer copies one stream.
type writer struct {
	*migration
	source   *legacy.Stream
	contents *legacy.Contents // nil: nothing can be read
	states   []consumerState
	wanted   *wantedStream
	options  block.StreamOptions
	last     uint64 // sequence that the stream must end with
	lastTime int64

	stream *block.Stream // nil until the first message
	open   int64         // bytes since the last Commit
	told   uint64        // bytes that progress was told of
	failed atomic.Pointer[error]
	partOf bool // the last message is part of an atomic batch
}

// plan finds out what the stream will be like.
func (w *writer) plan() {
	config, err := readStreamConfig(w.source.Config)
	if err != nil {
		w.note(legacy.Doubtful, w.source.Path, err)
	}
	w.options.FirstSequence = config.FirstSequence
	if config.Compression == "s2" {
		w.options.Compression = heap.S2
	}
	if c := w.contents; c != nil {
		w.last, w.lastTime = c.State.LastSequence, c.State.LastTime
		if hint := c.Hint; hint.LastSequence > w.last && hint.LastSequence <= store.SequenceMax {
			w.last, w.lastTime = hint.LastSequence, hint.LastTime
		}
	}
	w.readStates()
}

// enter enters the stream in the catalog.
func (w *writer) enter() (err error) {
	asset := catalog.Asset{Kind: catalog.Stream, Account: w.source.Account, Name: w.source.Name, Created: unixNano(w.source.Created), Config: w.source.Config}
	if asset.ID, err = w.catalog.Create(asset); err != nil {
		return err
	}
	w.wanted = &wantedStream{asset: asset, digest: newDigest(), report: &StreamReport{Account: asset.Account, Name: asset.Name}}
	return nil
}

// copy writes the messages.
func (w *writer) copy() error {
	var failure error
	if w.contents != nil {
		seen := uint64(0)
		err := w.contents.Each(0, func(message *store.Message) bool {
			seen++
			failure = w.message(message)
			return failure == nil
		})
		if err == nil {
			err = failure
		}
		if err == nil && seen != w.contents.State.Messages {
			err = fmt.Errorf("%w: %d messages became %d", ErrChanged, w.contents.State.Messages, seen)
		}
		if err != nil {
			return errors.Join(err, w.close())
		}
	}
	if err := w.finish(); err != nil {
		return errors.Join(err, w.close())
	}
	return w.close()
}

func (w *writer) close() error {
	if w.stream == nil {
		return nil
	}
	return w.stream.Close()
}

// make makes the new stream, whose first message has a sequence.
func (w *writer) make(first uint64) (err error) {
	o := w.options
	o.FirstSequence = first
	w.stream, err = w.node.CreateStream(block.ID(w.wanted.asset.ID), o)
	return err
}

// message writes a message of the source.
func (w *writer) message(message *store.Message) error {
	if w.contents.Unlisted.Contains(message.Sequence) {
		w.wanted.report.LeftOut++
		return nil
	}
	interpret(message)
	if w.stream == nil {
		if err := w.make(message.Sequence); err != nil {
			return err
		}
	}
	if next := w.stream.State().LastSequence + 1; message.Sequence > next {
		if err := w.stream.Skip(next, message.Sequence-next, message.Time); err != nil {
			return err
		}
	}
	if err := w.stream.Append(message, store.Decided); err != nil {
		return fmt.Errorf("store message %d: %w", message.Sequence, err)
	}
	w.wanted.digest.add(message)
	w.partOf = isPartOfBatch(message)
	w.open += int64(store.FileSize(len(message.Subject), len(message.Header), len(message.Payload)))
	if w.open < commitBytes {
		return nil
	}
	return w.commit()
}

// commit hands over what was written, and makes a checkpoint when it is time.
func (w *writer) commit() error {
	w.open = 0
	w.stream.Commit(func(err error) {
		if err != nil {
			w.failed.CompareAndSwap(nil, &err)
		}
	})
	if err := w.failed.Load(); err != nil {
		return *err
	}
	if d := w.wanted.digest; d.bytes-w.told >= progressBytes {
		w.told = d.bytes
		w.migration.options.progress("stream %s > %s: %d of %d messages", w.source.Account, w.source.Name, d.messages, w.contents.State.Messages)
	}
	if w.stream.WantsCheckpoint() {
		return w.stream.Checkpoint()
	}
	return nil
}

// finish brings the stream to its last sequence and makes it durable.
func (w *writer) finish() error {
	if w.stream == nil {
		first := w.options.FirstSequence
		if w.last > 0 {
			first = w.last // and nothing is there
		}
		if err := w.make(first); err != nil {
			return err
		}
	}
	if state := w.stream.State(); state.LastSequence < w.last {
		// The last one was there once, at its time.
		at := w.lastTime
		if at == 0 {
			at = state.LastTime
		}
		if n := w.last - state.LastSequence - 1; n > 0 {
			if err := w.stream.Skip(state.LastSequence+1, n, at); err != nil {
				return err
			}
		}
		if err := w.stream.SkipUnwanted(w.last, at); err != nil {
			return err
		}
	}
	if err := w.commit(); err != nil {
		return err
	}
	if err := w.stream.Rest(); err != nil {
		return err
	}
	if len(w.source.Batches) > 0 {
		w.noteBatches()
	}
	d, r := w.wanted.digest, w.wanted.report
	w.wanted.state = w.stream.State()
	r.Messages, r.Bytes, r.First, r.Last = d.messages, d.bytes, w.wanted.state.FirstSequence, w.wanted.state.LastSequence
	return w.check()
}

// check compares the stream in memory with what was read.
func (w *writer) check() error {
	state, d := w.wanted.state, w.wanted.digest
	switch {
	case state.Messages != d.messages || state.Bytes != d.bytes:
		return fmt.Errorf("%w: %d messages of %d bytes instead of %d of %d", ErrVerify, state.Messages, state.Bytes, d.messages, d.bytes)
	case w.last > 0 && state.LastSequence != w.last:
		return fmt.Errorf("%w: last sequence %d instead of %d", ErrVerify, state.LastSequence, w.last)
	case d.messages > 0 && state.FirstSequence != d.first:
		return fmt.Errorf("%w: first sequence %d instead of %d", ErrVerify, state.FirstSequence, d.first)
	}
	return nil
}

// noteBatches tells of atomic batches that were under way.
func (w *writer) noteBatches() {
	grade, text := legacy.Note, "an atomic batch that was not committed"
	if w.partOf && w.wanted.digest.last == w.last {
		// It was acknowledged to nobody, but a part of it is there.
		grade, text = legacy.Doubtful, "an atomic batch of which a part was stored: the rest is left out"
	}
	for _, path := range w.source.Batches {
		w.note(grade, path, errors.New(text))
	}
}
