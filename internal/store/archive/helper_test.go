package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"
	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/memory"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

const (
	testName   = "ORDERS"
	testConfig = `{"name":"ORDERS","subjects":["orders.\u003e"]}`
	unpackDir  = "staging/unpacked"
)

var testTime = time.Date(2026, 11, 24, 6, 9, 31, 672173055, time.UTC)

// A tester is a test, or one run of a property.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func must(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A message is a message of a test.
type message struct {
	Sequence                 uint64
	Time                     int64
	Subject, Header, Payload string
}

func copyOf(m *store.Message) message {
	return message{m.Sequence, m.Time, string(m.Subject), string(m.Header), string(m.Payload)}
}

// contents is all that an archive, or a stream, holds.
type contents struct {
	Head      Head
	Consumers []Consumer
	Messages  []message
}

// read reads an archive, and sees to it that nothing stays on the disk.
func read(archive []byte, o Options) (contents, error) {
	return gather(o, func(o Options, h Handler) (Head, error) { return Read(bytes.NewReader(archive), o, h) })
}

// readPlain does so with one that is not compressed.
func readPlain(plain []byte, f Format, o Options) (contents, error) {
	return gather(o, func(o Options, h Handler) (Head, error) {
		if f == Tar {
			return readTar(bufio.NewReader(bytes.NewReader(plain)), o, h)
		}
		return readBinary(bufio.NewReader(bytes.NewReader(plain)), o, h)
	})
}

func gather(o Options, read func(Options, Handler) (Head, error)) (c contents, err error) {
	disk := faulty.New(1)
	o.FS, o.Dir = disk, unpackDir
	c.Head, err = read(o, Handler{
		Consumer: func(consumer *Consumer) error {
			c.Consumers = append(c.Consumers, *consumer)
			return nil
		},
		Message: func(m *store.Message) error {
			c.Messages = append(c.Messages, copyOf(m))
			return nil
		},
	})
	if disk.Used() > 0 {
		return c, fmt.Errorf("%d bytes stay on the disk (%w)", disk.Used(), err)
	}
	return c, err
}

func mustRead(t tester, archive []byte) contents {
	t.Helper()
	c, err := read(archive, Options{})
	must(t, err)
	return c
}

func newStream(t tester, o store.Options) store.Stream {
	t.Helper()
	s, err := memory.NewStream(o)
	must(t, err)
	return s
}

func messagesOf(t tester, s store.Stream) (list []message) {
	t.Helper()
	must(t, s.Each(nil, 0, func(m *store.Message) bool {
		list = append(list, copyOf(m))
		return true
	}))
	return list
}

// put stores a message on each subject.
func put(t tester, s store.Stream, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		seq := s.State().LastSequence + 1
		m := store.Message{Subject: []byte(subject), Payload: fmt.Appendf(nil, "payload %d", seq), Time: testTime.UnixNano() + int64(seq)}
		if seq%3 == 0 {
			m.Header = []byte("NATS/1.0\r\nKey: Value\r\n\r\n")
		}
		must(t, s.Append(&m, store.Decided))
	}
}

func sourceOf(s store.Stream, consumers ...Consumer) Source {
	return Source{
		Name: testName, Created: testTime, Config: []byte(testConfig), Time: testTime,
		State: s.State(), Consumers: consumers, Messages: Direct(s),
	}
}

func mustWrite(t tester, f Format, s Source) []byte {
	t.Helper()
	var buf bytes.Buffer
	must(t, Write(&buf, f, s))
	return buf.Bytes()
}

// small is a stream with gaps everywhere, and its consumers.
func small(t tester) (store.Stream, []Consumer) {
	t.Helper()
	s := newStream(t, store.Options{})
	put(t, s, "orders.a", "orders.b", "orders.a", "orders.c", "orders.b", "orders.a", "orders.d")
	for _, seq := range []uint64{1, 4, 7} {
		if _, err := s.Remove(seq); err != nil {
			t.Fatal(err)
		}
	}
	at := func(consumer, stream uint64) store.Pair { return store.Pair{Consumer: consumer, Stream: stream} }
	return s, []Consumer{
		{Name: "C1", Created: testTime, Config: []byte(`{"name":"C1","ack_policy":"explicit"}`), State: &store.ConsumerState{
			Delivered: at(5, 6), Floor: at(2, 2),
			Pending:     []store.Outstanding{{Pair: at(3, 3), Time: testTime.Unix() * 1e9}, {Pair: at(5, 6), Time: (testTime.Unix() - 7) * 1e9}},
			Redelivered: []store.Redelivered{{Stream: 3, Count: 2}},
		}},
		{Name: "C2", Created: testTime, Config: []byte(`{"name":"C2"}`), State: &store.ConsumerState{}},
	}
}

// archiveOf is the archive of small.
func archiveOf(t tester, f Format) []byte {
	s, consumers := small(t)
	return mustWrite(t, f, sourceOf(s, consumers...))
}

// entries is a Binary archive of some entries; bodies are as they are, whatever the
// lengths say.
func entries(t tester, list ...part) []byte {
	t.Helper()
	var plain bytes.Buffer
	w := entryWriter{w: &plain}
	for _, p := range list {
		must(t, w.write(p.entry, []byte(p.body)))
	}
	return pack(t, plain.Bytes())
}

type part struct {
	entry
	body string
}

func statePart(json string) part {
	return part{entry{name: stateName, payload: int64(len(json))}, json}
}
func consumerPart(name, json string) part {
	return part{entry{name: name, payload: int64(len(json))}, json}
}
func messagePart(seq uint64, subject, header, payload string) part {
	return part{entry{subject, int64(seq), seq, int64(len(header)), int64(len(payload))}, header + payload}
}

var endPart = part{}

// pack compresses, unpack decompresses.
func pack(t tester, plain []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := s2.NewWriter(&buf, s2.WriterConcurrency(1), s2.WriterBlockSize(64<<10))
	_, err := w.Write(plain)
	must(t, err)
	must(t, w.Close())
	return buf.Bytes()
}

func decoded(t tester, archive []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	_, err := buf.ReadFrom(s2.NewReader(bytes.NewReader(archive)))
	must(t, err)
	return buf.Bytes()
}

// A file is one of a Tar archive.
type file struct {
	name, content string
	kind          byte // of tar, a regular file if 0
}

func files(t tester, list ...file) []byte {
	t.Helper()
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	for _, f := range list {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.content)), Mode: 0o600}
		if f.kind != 0 {
			h.Typeflag, h.Size, h.Linkname = f.kind, 0, f.content
			f.content = ""
		}
		must(t, w.WriteHeader(h))
		_, err := w.Write([]byte(f.content))
		must(t, err)
	}
	must(t, w.Close())
	return pack(t, plain.Bytes())
}

func equal(t tester, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

var drawSubject = rapid.SampledFrom([]string{"orders.a", "orders.b", "orders.c.d", "x", "", "odd..*.>"})

// drawStream is a stream after random operations.
func drawStream(t *rapid.T) store.Stream {
	s := newStream(t, store.Options{FirstSequence: rapid.SampledFrom([]uint64{0, 0, 1, 2, 500}).Draw(t, "first")})
	now := testTime.UnixNano()
	t.Repeat(map[string]func(*rapid.T){
		"append": func(t *rapid.T) {
			for range rapid.IntRange(1, 5).Draw(t, "n") {
				now += int64(rapid.IntRange(-5, 1000).Draw(t, "passed"))
				m := store.Message{
					Subject: []byte(drawSubject.Draw(t, "subject")), Time: now,
					Payload: bytes.Repeat([]byte{'p'}, rapid.SampledFrom([]int{0, 1, 30, 90_000}).Draw(t, "payload")),
				}
				if rapid.Bool().Draw(t, "header") {
					m.Header = []byte("NATS/1.0\r\nA: B\r\n\r\n")
				}
				must(t, s.Append(&m, store.Decided))
			}
		},
		"skip": func(t *rapid.T) {
			must(t, s.Skip(0, uint64(rapid.SampledFrom([]int{1, 3, 100_000}).Draw(t, "n")), now))
		},
		"unwanted": func(t *rapid.T) { must(t, s.SkipUnwanted(0, now)) },
		"remove": func(t *rapid.T) {
			if last := s.State().LastSequence; last > 0 {
				_, err := s.Remove(rapid.Uint64Range(max(s.State().FirstSequence, 1), last+1).Draw(t, "seq") - rapid.Uint64Range(0, 1).Draw(t, "less"))
				if err != nil && err != store.ErrEOF && err != store.ErrNotFound {
					t.Fatal(err)
				}
			}
		},
		"compact": func(t *rapid.T) {
			if state := s.State(); state.LastSequence > 0 {
				_, err := s.Compact(state.FirstSequence + uint64(rapid.IntRange(0, 4).Draw(t, "ahead")))
				must(t, err)
			}
		},
		"purge": func(t *rapid.T) {
			if rapid.IntRange(0, 4).Draw(t, "really") == 0 {
				_, err := s.Purge(store.Purge{})
				must(t, err)
			}
		},
	})
	return s
}

func drawConsumers(t *rapid.T, last uint64) (list []Consumer) {
	for i := range rapid.IntRange(0, 3).Draw(t, "consumers") {
		c := Consumer{Name: fmt.Sprintf("C%d", i), Created: testTime, Config: fmt.Appendf(nil, `{"name":"C%d"}`, i), State: &store.ConsumerState{}}
		if last > 0 {
			c.State.Floor.Stream = rapid.Uint64Range(0, last-1).Draw(t, "floor")
			c.State.Floor.Consumer = rapid.Uint64Range(0, 100).Draw(t, "floor of consumer")
			c.State.Delivered.Stream = last
			c.State.Delivered.Consumer = c.State.Floor.Consumer
			for seq := c.State.Floor.Stream + 1; seq <= last && len(c.State.Pending) < 5; seq += rapid.Uint64Range(1, 3).Draw(t, "step") {
				c.State.Delivered.Consumer++
				c.State.Pending = append(c.State.Pending, store.Outstanding{
					Pair: store.Pair{Consumer: c.State.Delivered.Consumer, Stream: seq}, Time: (testTime.Unix() + rapid.Int64Range(-9, 9).Draw(t, "time")) * 1e9,
				})
				if rapid.Bool().Draw(t, "again") {
					c.State.Redelivered = append(c.State.Redelivered, store.Redelivered{Stream: seq, Count: rapid.Uint64Range(1, 9).Draw(t, "count")})
				}
			}
		}
		list = append(list, c)
	}
	return list
}

// both runs a test for both formats.
func both(t *testing.T, test func(t *testing.T, f Format)) {
	for _, f := range []Format{Binary, Tar} {
		t.Run(f.String(), func(t *testing.T) { test(t, f) })
	}
}
