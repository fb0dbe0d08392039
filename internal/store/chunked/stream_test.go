package chunked

import (
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/storetest"
)

func open(t testing.TB, o store.Options) *Stream {
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// openTiny makes streams with chunks so small that a test has many of them.
func openTiny(o store.Options) (store.Stream, error) {
	s, err := New(o)
	if err == nil {
		s.shape = shape{slots: 16, arena: 1000, dead: 64}
	}
	return s, err
}

func TestRandom(t *testing.T) { storetest.Random(t, openTiny) }

func FuzzRandom(f *testing.F) { storetest.Fuzz(f, openTiny) }

// TestEraseOverwrites: the bytes of an erased message are nowhere.
func TestEraseOverwrites(t *testing.T) {
	s := open(t, store.Options{})
	for range 3 {
		put(t, s, []byte("foo"), []byte("secret"))
	}
	c := s.chunks[0]
	whole := c.arena[c.start(1):c.stop(1)]
	if ok, err := s.Erase(2); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for _, b := range whole[recordHead:] {
		if b != 0 {
			t.Fatalf("left %q", whole)
		}
	}
}

// TestAppendAllocatesLittle: a message costs no allocation of its own.
func TestAppendAllocatesLittle(t *testing.T) {
	s := open(t, store.Options{Limits: store.Limits{MaxMessages: 5000}})
	payload := make([]byte, 100)
	fill := func() {
		for range 10_000 {
			put(t, s, []byte("foo"), payload)
		}
	}
	fill()
	if n := testing.AllocsPerRun(3, fill); n > 2500 {
		t.Errorf("%.0f allocations for 10,000 messages", n)
	}
}
