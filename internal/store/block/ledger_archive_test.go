package block_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/archive"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// source is the stream to be archived with consumers.
func (s *site) source(consumers ...archive.Consumer) archive.Source {
	return archive.Source{
		Name: "zzz", Created: time.Unix(0, begin), Time: time.Unix(0, begin), State: s.State(), Consumers: consumers,
		Config:   []byte(`{"name":"zzz","subjects":["foo"],"storage":"file"}`),
		Messages: archive.Direct(s.Stream),
	}
}

// TestArchives: a stream that is restored from an archive is as it was, whatever was
// removed before, and so are its consumers. What is removed while an archive is written
// does not disturb it, nor does a checkpoint; and who cannot write it learns of that.
//
// Go: TestFileStoreSnapshot server/filestore_test.go:2024
// Go: TestFileStoreSnapshotAndSyncBlocks server/filestore_test.go:2199
func TestArchives(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		for _, format := range []archive.Format{archive.Binary, archive.Tar} {
			s := newSite(t, v, store.Options{})
			s.payload = []byte("Hello Snappy!")
			const n = 1000
			s.fill(n, "foo")
			consumers := []archive.Consumer{
				{Name: "o22", Config: []byte(`{"ack_policy":"explicit"}`), State: &store.ConsumerState{Delivered: pair(100, 100), Floor: pair(22, 22)}},
				{Name: "o33", Config: []byte(`{"ack_policy":"explicit"}`), State: &store.ConsumerState{Delivered: pair(100, 100), Floor: pair(33, 33)}},
			}
			verify := func() {
				t.Helper()
				var buf bytes.Buffer
				s.must(archive.Write(&buf, format, s.source(consumers...)))
				got := newSite(t, v, store.Options{})
				var states []store.ConsumerState
				_, err := archive.Restore(&buf, archive.Restoration{
					Options: archive.Options{FS: faulty.New(1), Dir: "unpack"}, Into: archive.Direct(got.Stream),
					Consumer: func(c *archive.Consumer) error { states = append(states, *c.State); return nil },
				})
				s.must(err)
				if got.picture() != s.picture() {
					t.Fatalf("restored\n%s\nwas\n%s", got.picture(), s.picture())
				}
				if !reflect.DeepEqual(states, []store.ConsumerState{*consumers[0].State, *consumers[1].State}) {
					t.Fatalf("consumers %+v", states)
				}
				got.survives()
			}
			verify()
			s.removeRun(1, 100)
			verify()
			for seq := uint64(120); seq < n; seq += 19 {
				s.remove(seq)
			}
			verify()
			s.settled()
			verify()
			s.pause()
			verify()
		}

		s := newSite(t, v, store.Options{})
		s.payload = noise(2 << 10)
		s.fill(1000, "foo")
		s.checkpoint()
		source := s.source()
		calls := 0
		source.Messages = func(use func(store.Stream) error) error {
			if calls++; calls == 2 {
				s.remove(122, 990)
				s.checkpoint()
			}
			return use(s.Stream)
		}
		var buf bytes.Buffer
		s.must(archive.Write(&buf, archive.Binary, source))
		got := newSite(t, v, store.Options{})
		_, err := archive.Restore(&buf, archive.Restoration{Into: archive.Direct(got.Stream)})
		s.must(err)
		if calls < 2 || got.State().Messages < 998 || got.State().LastSequence != 1000 {
			t.Fatalf("%d calls, %+v", calls, got.State())
		}
		if err := archive.Write(&shortWriter{left: 1000}, archive.Binary, s.source()); !errors.Is(err, io.ErrShortWrite) {
			t.Fatalf("to who takes too little: %v", err)
		}
		s.remove(500)
		s.survives()
	})
}

// A shortWriter takes so many bytes.
type shortWriter struct{ left int }

func (w *shortWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, fmt.Errorf("no reader: %w", io.ErrShortWrite)
	}
	return len(b), nil
}
