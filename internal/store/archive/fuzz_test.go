package archive

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// fuzzLimits keep one run small.
var fuzzLimits = Limits{Bytes: 1 << 20, Payload: 1 << 16, Consumers: 100}

// check looks at what was read of an archive, decompressed: if it is one, it can be
// restored, and written again with the same contents.
func check(t *testing.T, plain []byte, f Format) {
	got, err := readPlain(plain, f, Options{Limits: fuzzLimits})
	if err != nil {
		return
	}
	last := uint64(0)
	for _, m := range got.Messages {
		if m.Sequence <= last || len(m.Header)+len(m.Payload) > 1<<16 {
			t.Fatalf("message %+v behind %d", m, last)
		}
		last = m.Sequence
	}
	for _, c := range got.Consumers {
		if c.State != nil && (c.State.Delivered.Stream > got.Head.State.LastSequence || c.State.Floor.Stream > got.Head.State.LastSequence) {
			t.Fatalf("consumer beyond the stream: %+v", c.State)
		}
	}
	s := newStream(t, store.Options{})
	_, err = Restore(bytes.NewReader(pack(t, plain)), Restoration{Options: Options{Limits: fuzzLimits, FS: faulty.New(1), Dir: unpackDir}, Into: Direct(s)})
	must(t, err)
	again := mustRead(t, mustWrite(t, Binary, sourceOf(s, got.Consumers...)))
	equal(t, "messages", again.Messages, got.Messages)
	equal(t, "messages of the stream", messagesOf(t, s), got.Messages)
}

func FuzzBinary(f *testing.F) {
	f.Add([]byte("NATSARC1"))
	f.Add(decoded(f, archiveOf(f, Binary)))
	f.Fuzz(func(t *testing.T, plain []byte) {
		if bytes.HasPrefix(plain, []byte(magic)) {
			check(t, plain, Binary)
		}
	})
}

func FuzzTar(f *testing.F) {
	f.Add(decoded(f, archiveOf(f, Tar)))
	var list []file
	for _, name := range []string{"meta.inf", "meta.sum", "msgs/1.blk", "../x", "obs/C/o.dat"} {
		list = append(list, file{name: name, content: "x"})
	}
	f.Add(decoded(f, files(f, list...)))
	f.Fuzz(func(t *testing.T, plain []byte) { check(t, plain, Tar) })
}

// FuzzRead reads what is, or is not, compressed.
func FuzzRead(f *testing.F) {
	f.Add(archiveOf(f, Binary))
	f.Add(archiveOf(f, Tar))
	f.Add([]byte("\xff\x06\x00\x00S2sTwO"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := read(data, Options{Limits: fuzzLimits})
		if err != nil && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrLimit) && !errors.Is(err, ErrDamaged) && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	})
}

// FuzzConsumer reads the metadata of a consumer, and what is written of them again.
func FuzzConsumer(f *testing.F) {
	_, consumers := small(f)
	seed, err := encodeConsumer(&consumers[0], 100)
	must(f, err)
	f.Add(seed)
	f.Add([]byte(`{"config":{},"state":{"pending":null,"redelivered":{}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decodeConsumer("C", data)
		if err != nil {
			return
		}
		buf, err := encodeConsumer(c, 1<<63)
		must(t, err)
		again, err := decodeConsumer("C", buf)
		must(t, err)
		equal(t, "state", again.State, clamp(c.State, 1<<63))
	})
}
