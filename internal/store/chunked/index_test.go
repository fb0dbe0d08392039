package chunked

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

// A shelf is a keeper that remembers nothing but the chunks it was given.
type shelf struct{ records map[*Chunk][]byte }

func (k *shelf) Load(c *Chunk) ([]byte, error) {
	if r := k.records[c]; r != nil {
		return r, nil
	}
	return nil, errors.New("never written")
}
func (k *shelf) Record(c *Chunk, seq uint64, start, stop int, _ bool) ([]byte, error) {
	r := k.records[c]
	if r == nil || !Genuine(r[start:stop], seq) {
		return nil, errors.New("never written")
	}
	return r[start:stop], nil
}
func (k *shelf) Stored(uint64, []byte) {}
func (k *shelf) Removed(uint64)        {}
func (k *shelf) Erased(uint64)         {}
func (k *shelf) Skipped(uint64, int64) {}
func (k *shelf) Compacted(uint64)      {}
func (k *shelf) Truncated(uint64)      {}
func (k *shelf) Dropped(*Chunk)        {}

// shelve takes everything out of memory, and returns the sketches and the records.
func shelve(s *Stream, k *shelf) (sketches, records [][]byte) {
	s.Chunks(func(c *Chunk) bool {
		got := c.Capture()
		if got.Records == nil {
			got.Records = k.records[c]
		}
		k.records[c] = got.Records
		c.Settle(got)
		sketches, records = append(sketches, c.Sketch(nil)), append(records, got.Records)
		return true
	})
	return sketches, records
}

// TestAdoption: a stream made of sketches and records, and one made of sketches and an
// index, are the stream that they come from, whatever happened to that.
func TestAdoption(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		k := &shelf{records: map[*Chunk][]byte{}}
		limits := store.Limits{MessageTTL: random.IntN(2) == 0, MaxPerSubject: random.Int64N(4)}
		s, err := NewKept(store.Options{Limits: limits}, k, 200+random.IntN(3000))
		if err != nil {
			t.Fatal(err)
		}
		for i := range random.IntN(400) {
			m := store.Message{Subject: fmt.Appendf(nil, "s.%d", random.IntN(1+random.IntN(30))), Time: int64(i), Payload: make([]byte, random.IntN(2)*random.IntN(90))}
			if random.IntN(9) == 0 {
				m.TTL, m.Header = 5, []byte("header")
			}
			if err := s.Append(&m, store.Checked); err != nil {
				t.Fatal(err)
			}
			if random.IntN(50) == 0 {
				shelve(s, k)
			}
			if random.IntN(20) == 0 {
				if err := s.Skip(0, random.Uint64N(1<<(3*random.Uint64N(12))), 1); err != nil {
					t.Fatal(err)
				}
			}
			if state := s.State(); random.IntN(3) == 0 {
				if _, err := s.take(state.FirstSequence+random.Uint64N(state.LastSequence-state.FirstSequence+1), false); err != nil {
					t.Fatal(err)
				}
			}
		}
		sketches, records := shelve(s, k)
		index := s.AppendIndex(nil)
		var expired []store.Removal
		for _, indexed := range []bool{false, true} {
			again, err := adopt(limits, sketches, records, index, indexed)
			if err != nil {
				t.Fatal(seed, err)
			}
			state := s.State()
			if err := again.Resume(state.FirstSequence, state.LastSequence, state.LastTime); err != nil {
				t.Fatal(seed, err)
			}
			again.Recovered()
			if got, expected := portrait(again), portrait(s); got != expected {
				t.Fatalf("seed %d, indexed %v:\n%s\n%s", seed, indexed, got, expected)
			}
			expired = append(expired, expire(t, again))
		}
		if expired = append(expired, expire(t, s)); !slices.EqualFunc(expired[:2], expired[1:], func(a, b store.Removal) bool { return a.Messages == b.Messages && a.Bytes == b.Bytes }) {
			t.Fatalf("seed %d: expired %v", seed, expired)
		}
	}
}

func adopt(l store.Limits, sketches, records [][]byte, index []byte, indexed bool) (*Stream, error) {
	k := &shelf{records: map[*Chunk][]byte{}}
	s, err := NewKept(store.Options{Limits: l}, k, 1000)
	if err != nil {
		return nil, err
	}
	if indexed {
		chunks, err := s.AdoptIndexed(sketches, index)
		for i, c := range chunks {
			k.records[c] = records[i]
		}
		return s, err
	}
	for i, sketch := range sketches {
		c, err := s.Adopt(sketch, records[i])
		if err != nil {
			return nil, err
		}
		k.records[c] = records[i]
	}
	return s, nil
}

// expire removes what has a life time.
func expire(t *testing.T, s *Stream) store.Removal {
	r, err := s.Tick(1e12, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// portrait is everything that can be asked of a stream.
func portrait(s *Stream) string {
	text := fmt.Sprintf("%+v\n", s.State())
	err := s.Each(nil, 0, func(m *store.Message) bool {
		text += fmt.Sprintf("%d %s %d %d %q %d|", m.Sequence, m.Subject, m.Time, m.TTL, m.Header, len(m.Payload))
		return true
	})
	s.subjects.visit(nil, func(_ uint32, e *entry) bool {
		text += fmt.Sprintf("\n%s %d:", e.name, e.count)
		for seq, ok := e.next(0); ok; seq, ok = e.next(seq + 1) {
			text += fmt.Sprintf(" %d", seq)
		}
		return true
	})
	for _, c := range s.chunks {
		text += fmt.Sprintf("\nchunk %d-%d live %d dead %d of %d", c.first(), c.last(), c.live, c.dead, c.bytes())
	}
	return text + fmt.Sprint(err)
}

// FuzzIndex: no index makes an adoption panic or take much memory, and a stream that
// was adopted with it can be asked.
func FuzzIndex(f *testing.F) {
	k := &shelf{records: map[*Chunk][]byte{}}
	s, err := NewKept(store.Options{}, k, 300)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 60 {
		m := store.Message{Subject: fmt.Appendf(nil, "s.%d", i%7), Time: int64(i)}
		if err := s.Append(&m, store.Checked); err != nil {
			f.Fatal(err)
		}
	}
	for _, seq := range []uint64{1, 5, 6, 30} {
		if _, err := s.take(seq, false); err != nil {
			f.Fatal(err)
		}
	}
	sketches, _ := shelve(s, k)
	f.Add(s.AppendIndex(nil))
	f.Fuzz(func(t *testing.T, index []byte) {
		s, err := NewKept(store.Options{}, &shelf{}, 300)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.AdoptIndexed(sketches, index); err != nil {
			return
		}
		portrait(s)
	})
}

// TestPostingWithoutMessage: a subject that claims a message that is nowhere, as after
// an index that is wrong, does not hold up a limit or a purge.
func TestPostingWithoutMessage(t *testing.T) {
	for _, act := range []func(*Stream) error{
		func(s *Stream) error { return s.SetLimits(store.Limits{MaxPerSubject: 1}) },
		func(s *Stream) error {
			f, err := store.NewFilter("foo")
			if err == nil {
				_, err = s.Purge(store.Purge{Filter: f})
			}
			return err
		},
	} {
		s := open(t, store.Options{})
		for range 3 {
			put(t, s, []byte("foo"), []byte("x"))
		}
		id := s.subjects.find([]byte("foo"))
		s.subjects.at(id).postings = postings{}
		for _, seq := range []uint64{1, 2, 3, 7, 9} {
			s.subjects.at(id).add(seq)
		}
		if err := act(s); err != nil {
			t.Fatal(err)
		}
		if s.messages != 0 {
			t.Errorf("%d messages are left", s.messages)
		}
	}
}
