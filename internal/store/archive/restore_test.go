package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// restore restores to a new stream.
func restore(t *testing.T, archive []byte, o store.Options, r Restoration) (store.Stream, error) {
	t.Helper()
	s := newStream(t, o)
	r.FS, r.Dir, r.Into = faulty.New(1), unpackDir, Direct(s)
	_, err := Restore(bytes.NewReader(archive), r)
	return s, err
}

func expectState(t *testing.T, s store.Stream, messages, first, last uint64, lastTime int64) {
	t.Helper()
	state := s.State()
	if state.Messages != messages || state.FirstSequence != first || state.LastSequence != last || state.LastTime != lastTime {
		t.Errorf("%d messages from %d to %d at %d, expected %d from %d to %d at %d", state.Messages, state.FirstSequence, state.LastSequence, state.LastTime,
			messages, first, last, lastTime)
	}
}

func TestRestoreSkipsGaps(t *testing.T) {
	both(t, func(t *testing.T, f Format) {
		from, consumers := small(t)
		archive := mustWrite(t, f, sourceOf(from, consumers...))
		var names []string
		begun := 0
		s, err := restore(t, archive, store.Options{}, Restoration{
			Begin: func(h Head) error {
				begun++
				equal(t, "consumers", h.Consumers, 2)
				return nil
			},
			Consumer: func(c *Consumer) error { names = append(names, c.Name); return nil },
		})
		must(t, err)
		equal(t, "consumers", names, []string{"C1", "C2"})
		equal(t, "state", s.State(), from.State())
		equal(t, "messages", messagesOf(t, s), messagesOf(t, from))
		if begun != 1 {
			t.Errorf("begun %d times", begun)
		}
		put(t, s, "next")
		expectState(t, s, 5, 2, 8, testTime.UnixNano()+8)
	})
}

// Messages whose time has passed leave their sequences, in the middle and at the end.
func TestRestoreSkipsWhatIsNotAdmitted(t *testing.T) {
	both(t, func(t *testing.T, f Format) {
		from := newStream(t, store.Options{})
		put(t, from, "live", "passed", "live", "passed", "passed")
		archive := mustWrite(t, f, sourceOf(from))
		admit := func(m *store.Message) (bool, error) {
			m.TTL = 7
			return string(m.Subject) == "live", nil
		}
		s, err := restore(t, archive, store.Options{Limits: store.Limits{MessageTTL: true}}, Restoration{Admit: admit})
		must(t, err)
		expectState(t, s, 2, 1, 5, from.State().LastTime)
		if s.NextExpiry() > from.State().FirstTime+8e9 {
			t.Errorf("life times are not kept")
		}
		s, err = restore(t, archive, store.Options{}, Restoration{Admit: func(*store.Message) (bool, error) { return false, nil }})
		must(t, err)
		expectState(t, s, 0, 6, 5, from.State().LastTime)
		if _, err := restore(t, archive, store.Options{}, Restoration{Admit: func(*store.Message) (bool, error) { return false, io.ErrNoProgress }}); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("%v", err)
		}
	})
}

// The last sequence and its time survive a purge.
func TestRestoreOfEmptyStreams(t *testing.T) {
	both(t, func(t *testing.T, f Format) {
		from := newStream(t, store.Options{FirstSequence: 100})
		put(t, from, "a", "b")
		_, err := from.Purge(store.Purge{})
		must(t, err)
		s, err := restore(t, mustWrite(t, f, sourceOf(from)), store.Options{}, Restoration{})
		must(t, err)
		expectState(t, s, 0, 102, 101, testTime.UnixNano()+101)
		s, err = restore(t, mustWrite(t, f, sourceOf(newStream(t, store.Options{}))), store.Options{}, Restoration{})
		must(t, err)
		put(t, s, "a")
		expectState(t, s, 1, 1, 1, testTime.UnixNano()+1)
		from = newStream(t, store.Options{FirstSequence: 100})
		s, err = restore(t, mustWrite(t, f, sourceOf(from)), store.Options{FirstSequence: 100}, Restoration{})
		must(t, err)
		expectState(t, s, 0, 100, 99, 0)
	})
}

// Limits of the stream are enforced, and do not refuse.
func TestRestoreIntoLimits(t *testing.T) {
	both(t, func(t *testing.T, f Format) {
		from := newStream(t, store.Options{})
		for i := range 3000 {
			put(t, from, fmt.Sprintf("s.%d", i%10))
		}
		archive := mustWrite(t, f, sourceOf(from))
		s, err := restore(t, archive, store.Options{Limits: store.Limits{MaxMessages: 5}}, Restoration{})
		must(t, err)
		expectState(t, s, 5, 2996, 3000, from.State().LastTime)
		s, err = restore(t, archive, store.Options{Limits: store.Limits{MaxMessages: 5, DiscardNew: true}}, Restoration{})
		must(t, err)
		expectState(t, s, 3000, 1, 3000, from.State().LastTime)
	})
}

func TestRestoreNeedsAnEmptyStream(t *testing.T) {
	both(t, func(t *testing.T, f Format) {
		from, _ := small(t)
		archive := mustWrite(t, f, sourceOf(from))
		s := newStream(t, store.Options{})
		put(t, s, "mine")
		r := Restoration{Options: Options{FS: faulty.New(1), Dir: unpackDir}, Into: Direct(s)}
		if _, err := Restore(bytes.NewReader(archive), r); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("%v", err)
		}
		expectState(t, s, 1, 1, 1, testTime.UnixNano()+1)
		if _, err := restore(t, archive, store.Options{FirstSequence: 5}, Restoration{}); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("a stream that begins behind the archive: %v", err)
		}
	})
}

// The stream is taken for some messages at a time, and its errors come back.
func TestRestoreTakesTheStreamInPieces(t *testing.T) {
	both(t, func(t *testing.T, f Format) {
		from := newStream(t, store.Options{})
		for range 5000 {
			put(t, from, "a")
		}
		archive := mustWrite(t, f, sourceOf(from))
		into := newStream(t, store.Options{})
		taken := 0
		r := Restoration{Options: Options{FS: faulty.New(1), Dir: unpackDir}, Into: func(use func(store.Stream) error) error {
			if taken++; taken == 4 {
				must(t, into.Close())
			}
			return use(into)
		}}
		if _, err := Restore(bytes.NewReader(archive), r); !errors.Is(err, store.ErrClosed) || taken != 4 {
			t.Errorf("taken %d times, %v", taken, err)
		}
	})
}
