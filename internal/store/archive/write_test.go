package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// What was archived is what is read and restored: messages, sequences, gaps, times,
// consumers.
func TestRoundTripOfRandomStreams(t *testing.T) {
	both(t, func(t *testing.T, f Format) {
		rapid.Check(t, func(t *rapid.T) {
			s := drawStream(t)
			state := s.State()
			consumers := drawConsumers(t, state.LastSequence)
			archive := mustWrite(t, f, sourceOf(s, consumers...))

			got := mustRead(t, archive)
			equal(t, "messages", got.Messages, messagesOf(t, s))
			if f == Binary {
				equal(t, "state", got.Head.State, state)
				for i := range consumers {
					consumers[i].Created = got.Consumers[i].Created
				}
			} else {
				equal(t, "created", got.Head.Created, testTime)
				equal(t, "config", string(got.Head.Config), testConfig)
			}
			equal(t, "consumers", got.Consumers, consumers)

			into := newStream(t, store.Options{})
			_, err := Restore(bytes.NewReader(archive), Restoration{
				Options: Options{FS: faulty.New(1), Dir: unpackDir}, Into: Direct(into),
			})
			must(t, err)
			want := state
			if state.LastSequence == 0 {
				want.FirstSequence = into.State().FirstSequence // 0 and 1 are both nothing
			}
			equal(t, "restored state", into.State(), want)
			equal(t, "restored messages", messagesOf(t, into), messagesOf(t, s))
		})
	})
}

// A stream that goes on while it is archived: what came later is left out, what went is
// a gap, and the source is asked for pieces.
func TestMessagesAreCopiedInPieces(t *testing.T) {
	both(t, func(t *testing.T, f Format) {
		s := newStream(t, store.Options{})
		payload := bytes.Repeat([]byte{'x'}, 1000)
		for range 2000 {
			must(t, s.Append(&store.Message{Subject: []byte("a"), Payload: payload}, store.Decided))
		}
		source := sourceOf(s)
		pieces := 0
		source.Messages = func(use func(store.Stream) error) error {
			if pieces++; pieces == 3 {
				put(t, s, "late", "late")
				for seq := uint64(1500); seq <= 2000; seq++ {
					if _, err := s.Remove(seq); err != nil {
						t.Fatal(err)
					}
				}
			}
			return use(s)
		}
		archive := mustWrite(t, f, source)
		got := mustRead(t, archive)
		if pieces < 5 || pieces > 20 || len(got.Messages) != 1499 || got.Messages[1498].Sequence != 1499 || got.Head.State.LastSequence != 2000 {
			t.Fatalf("%d pieces, %d messages, last sequence %d", pieces, len(got.Messages), got.Head.State.LastSequence)
		}
	})
}

// Messages larger than a piece, and than a block.
func TestLargeMessages(t *testing.T) {
	both(t, func(t *testing.T, f Format) {
		s := newStream(t, store.Options{})
		for _, n := range []int{10, batchBytes, 10, blockMax + 1, store.SizeMax - 34 - 10, 0, blockMax - 39, 10} {
			must(t, s.Append(&store.Message{Subject: []byte("a"), Payload: bytes.Repeat([]byte{byte(n)}, n)}, store.Decided))
		}
		equal(t, "messages", mustRead(t, mustWrite(t, f, sourceOf(s))).Messages, messagesOf(t, s))
	})
}

// Go: TestJetStreamSnapshotV2ClampsConsumerStateToStream server/jetstream_test.go:3352
func TestConsumersEndWithTheStream(t *testing.T) {
	both(t, func(t *testing.T, f Format) {
		s := newStream(t, store.Options{})
		put(t, s, "foo")
		at := func(consumer, stream uint64) store.Pair { return store.Pair{Consumer: consumer, Stream: stream} }
		got := mustRead(t, mustWrite(t, f, sourceOf(s, Consumer{Name: "C", Config: []byte(`{"name":"C"}`), State: &store.ConsumerState{
			Delivered: at(3, 3), Floor: at(2, 2),
			Pending:     []store.Outstanding{{Pair: at(3, 3), Time: 1e9}},
			Redelivered: []store.Redelivered{{Stream: 1, Count: 2}, {Stream: 3, Count: 2}},
		}})))
		want := store.ConsumerState{Delivered: at(3, 1), Floor: at(2, 1), Redelivered: []store.Redelivered{{Stream: 1, Count: 2}}}
		if f == Tar {
			want.Redelivered = nil // that of the floor itself has no form there
		}
		equal(t, "state", *got.Consumers[0].State, want)
		if f == Binary {
			text := string(decoded(t, mustWrite(t, f, sourceOf(s, Consumer{Name: "C", Config: []byte(`{}`), State: &store.ConsumerState{Delivered: at(3, 3)}}))))
			if !strings.Contains(text, `"delivered":{"consumer_seq":3,"stream_seq":1}`) {
				t.Errorf("not in the archive itself: %q", text)
			}
		}
	})
}

func TestFilesOfTar(t *testing.T) {
	archive := archiveOf(t, Tar)
	r := tar.NewReader(bytes.NewReader(decoded(t, archive)))
	var names []string
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		if h.Mode != 0o600 || h.Typeflag != tar.TypeReg || !h.ModTime.Equal(testTime.Truncate(1e9)) {
			t.Errorf("header %+v", h)
		}
		names = append(names, h.Name)
	}
	equal(t, "files", names, []string{
		"meta.inf", "meta.sum", "msgs/1.blk", "msgs/2.blk",
		"obs/C1/meta.inf", "obs/C1/meta.sum", "obs/C1/o.dat", "obs/C2/meta.inf", "obs/C2/meta.sum", "obs/C2/o.dat",
	})
}

func TestWriteRefuses(t *testing.T) {
	s, consumers := small(t)
	boom := errors.New("boom")
	for _, c := range []struct {
		name   string
		change func(*Source)
		format Format
		want   error
	}{
		{"format", func(*Source) {}, 0, ErrSource},
		{"consumer without configuration", func(s *Source) { s.Consumers[0].Config = nil }, Binary, ErrSource},
		{"consumer with a path", func(s *Source) { s.Consumers[0].Name = "../x" }, Binary, ErrSource},
		{"stream with a path", func(s *Source) { s.Name = "a/b" }, Tar, ErrSource},
		{"name of another", func(s *Source) { s.Config = []byte(`{"name":"X"}`) }, Tar, ErrSource},
		{"no configuration", func(s *Source) { s.Config = nil }, Tar, ErrSource},
		{"no stream", func(s *Source) { s.Messages = func(func(store.Stream) error) error { return nil } }, Binary, ErrSource},
		{"unreadable", func(s *Source) { s.Messages = func(func(store.Stream) error) error { return boom } }, Tar, boom},
	} {
		source := sourceOf(s, slices.Clone(consumers)...)
		c.change(&source)
		var buf bytes.Buffer
		if err := Write(&buf, c.format, source); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, expected %v", c.name, err, c.want)
		}
		if _, err := read(buf.Bytes(), Options{}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: what was written is read as an archive (%v)", c.name, err)
		}
	}
}

// A receiver that is gone ends the writing.
func TestWriteToNowhere(t *testing.T) {
	both(t, func(t *testing.T, f Format) {
		r, w := io.Pipe()
		must(t, r.Close())
		s, consumers := small(t)
		if err := Write(w, f, sourceOf(s, consumers...)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%v", err)
		}
	})
}
