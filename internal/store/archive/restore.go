package archive

import (
	"fmt"
	"io"

	"github.com/godwit-mq/godwit/internal/store"
)

// A Restoration is how an archive becomes a stream.
type Restoration struct {
	Options
	// Into is an empty stream.
	Into Access
	// Begin, Consumer: as those of Handler.
	Begin    func(Head) error
	Consumer func(*Consumer) error
	// Admit, unless nil, sees each message before it is stored, sets its life time and
	// whether it is a marker, and reports whether it is still wanted.
	Admit func(*store.Message) (bool, error)
}

// Restore reads an archive into a stream. Limits of the stream are enforced by removing
// what is oldest; nothing is refused because of them. It fails as Read does, with
// ErrNotEmpty, and with errors of the stream and of the functions it was given; the
// stream then holds a part.
func Restore(r io.Reader, o Restoration) (Head, error) {
	f := &filler{into: o.Into}
	head, err := Read(r, o.Options, Handler{
		Begin: func(h Head) error {
			if o.Begin != nil {
				if err := o.Begin(h); err != nil {
					return err
				}
			}
			return f.begin(h.State)
		},
		Consumer: o.Consumer,
		Message: func(m *store.Message) error {
			if o.Admit != nil {
				if wanted, err := o.Admit(m); err != nil || !wanted {
					f.last = max(f.last, m.Sequence)
					return err
				}
			}
			return f.add(m)
		},
	})
	if err != nil {
		return head, err
	}
	return head, f.end(head.State)
}

// A filler puts messages into a stream, some at a time.
type filler struct {
	into  Access
	batch batch
	next  uint64 // sequence behind the last that the stream has
	last  uint64 // highest sequence that was there
}

// begin brings the stream to the sequence before its first.
func (f *filler) begin(s store.State) error {
	first := s.FirstSequence
	if first == s.LastSequence+1 {
		first-- // an empty stream: the time of its last message comes with its last sequence
	}
	return f.into(func(stream store.Stream) error {
		state := stream.State()
		if state.Messages > 0 || state.LastSequence > 0 && state.LastSequence >= max(s.FirstSequence, 1) {
			return fmt.Errorf("%w: it has come to sequence %d", ErrNotEmpty, state.LastSequence)
		}
		if first > 1 {
			if _, err := stream.Compact(first); err != nil {
				return fmt.Errorf("begin with sequence %d: %w", first, err)
			}
		}
		f.next = stream.State().LastSequence + 1
		return nil
	})
}

func (f *filler) add(m *store.Message) error {
	if f.batch.isFull(m) {
		if err := f.flush(nil); err != nil {
			return err
		}
	}
	f.batch.add(m)
	f.last = max(f.last, m.Sequence)
	return nil
}

// flush stores the batch, and in the same access to the stream does what comes after.
func (f *filler) flush(after func(store.Stream) error) error {
	err := f.into(func(stream store.Stream) error {
		for rest := f.batch.messages; len(rest) > 0; {
			if gap := rest[0].Sequence - f.next; gap > 0 {
				if err := stream.Skip(f.next, gap, rest[0].Time); err != nil {
					return fmt.Errorf("skip sequences %d to %d: %w", f.next, rest[0].Sequence-1, err)
				}
				f.next += gap
			}
			n := 1
			for n < len(rest) && rest[n].Sequence == rest[n-1].Sequence+1 {
				n++
			}
			if err := stream.AppendBatch(rest[:n], store.Decided); err != nil {
				return fmt.Errorf("store messages %d to %d: %w", rest[0].Sequence, rest[n-1].Sequence, err)
			}
			f.next, rest = f.next+uint64(n), rest[n:]
		}
		if after != nil {
			return after(stream)
		}
		return nil
	})
	f.batch.reset()
	return err
}

// end uses up what sequences there are behind the last message.
func (f *filler) end(s store.State) error {
	last := max(f.last, s.LastSequence)
	return f.flush(func(stream store.Stream) error {
		if f.next > last {
			return nil
		}
		if err := stream.Skip(f.next, last-f.next, s.LastTime); err != nil {
			return fmt.Errorf("skip sequences %d to %d: %w", f.next, last, err)
		}
		if s.LastTime == 0 {
			return stream.Skip(last, 1, 0)
		}
		return stream.SkipUnwanted(last, s.LastTime)
	})
}
