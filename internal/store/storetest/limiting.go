package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
)

// Limiting is how limits refuse messages or remove them.
func Limiting(t *testing.T, open Open) { tell(t, open, limitingStories) }

var limitingStories = []story{
	{"messages", limitMessages},
	{"bytes", limitBytes},
	{"bytes, new discarded", limitBytesNew},
	{"a message that never fits", limitNeverFits},
	{"new discarded", limitNew},
	{"replacing needs room", limitReplace},
	{"roll-up passes a full subject", limitRollup},
	{"messages of a subject", limitSubject},
	{"limit of subjects lowered and raised", limitSubjectChanged},
	{"limit of subjects from none to one", limitSubjectFromNone},
	{"limit of subjects, the newest was removed", limitSubjectNewestRemoved},
	{"limits lowered", limitLowered},
	{"bad limits", limitBad},
}

func limitMessages(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MaxMessages: 10})
	s.fill(10, "foo")
	s.expect(10, 1, 10)
	s.fill(1, "foo")
	s.expect(10, 2, 11)
	if err := s.Load(1, &store.Message{}); err != store.ErrNotFound {
		t.Fatalf("load of the oldest: %v", err)
	}
}

func limitBytes(t *testing.T, open Open) {
	size := plain(t, open).Size(3, 0, 7)
	s := limited(t, open, store.Limits{MaxBytes: int64(size) * 1024})
	s.fill(1024, "foo")
	s.expect(1024, 1, 1024)
	s.fill(10, "foo")
	s.expect(1024, 11, 1034)
	if state := s.State(); state.Bytes != size*1024 {
		t.Fatalf("%d bytes", state.Bytes)
	}
}

func limitBytesNew(t *testing.T, open Open) {
	size := plain(t, open).Size(4, 0, 7)
	s := limited(t, open, store.Limits{MaxBytes: int64(size)*3 + int64(size)/2, DiscardNew: true})
	for i := range 10 {
		if err := s.Append(s.message("tiny"), store.Checked); i < 3 && err != nil || i >= 3 && err != store.ErrMaxBytes {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	s.expect(3, 1, 3)
	if state := s.State(); state.Bytes != size*3 {
		t.Fatalf("%d bytes", state.Bytes)
	}
}

// limitNeverFits: a message that would go the moment it comes is refused, unless the
// decision was made elsewhere.
func limitNeverFits(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MaxBytes: 100})
	s.put("foo")
	large := store.Message{Subject: []byte("foo"), Payload: make([]byte, 100), Time: s.now}
	if err := s.Append(&large, store.Checked); err != store.ErrMaxBytes {
		t.Fatalf("append: %v", err)
	}
	s.expect(1, 1, 1)
	s.must(s.Append(&large, store.Decided))
	s.expect(0, 3, 2)
}

// limitNew sends a message of one subject to a stream of one message: checked it is
// refused, or takes the place of the other; decided it always comes.
func limitNew(t *testing.T, open Open) {
	bytes := int64(plain(t, open).Size(3, 0, 7)) * 3 / 2
	for name, c := range map[string]struct {
		limits   store.Limits
		expected error
	}{
		"messages":                           {store.Limits{MaxMessages: 1}, store.ErrMaxMessages},
		"bytes":                              {store.Limits{MaxBytes: bytes}, store.ErrMaxBytes},
		"subject":                            {store.Limits{MaxPerSubject: 1}, nil},
		"subject, new":                       {store.Limits{MaxPerSubject: 1, DiscardNewPerSubject: true}, store.ErrMaxPerSubject},
		"subject and messages":               {store.Limits{MaxPerSubject: 1, MaxMessages: 1}, nil},
		"subject and bytes":                  {store.Limits{MaxPerSubject: 1, MaxBytes: bytes}, nil},
		"subject and messages, new":          {store.Limits{MaxPerSubject: 1, MaxMessages: 1, DiscardNewPerSubject: true}, store.ErrMaxPerSubject},
		"subject and bytes, new per subject": {store.Limits{MaxPerSubject: 1, MaxBytes: bytes, DiscardNewPerSubject: true}, store.ErrMaxPerSubject},
	} {
		c.limits.DiscardNew = true
		s := limited(t, open, c.limits)
		s.put("foo")
		err := s.Append(s.message("foo"), store.Checked)
		if err != c.expected {
			t.Errorf("%s: %v, expected %v", name, err, c.expected)
			continue
		}
		last := uint64(1)
		if c.expected == nil {
			last++
		}
		s.expect(1, last, last)
		// One that the leader decided on comes, and pushes others out only of its
		// subject.
		s.must(s.Append(s.message("foo"), store.Decided))
		if c.limits.MaxPerSubject > 0 {
			s.expect(1, last+1, last+1)
		} else {
			s.expect(2, last, last+1)
		}
	}
}

func limitReplace(t *testing.T, open Open) {
	size := int64(plain(t, open).Size(3, 0, 7))
	s := limited(t, open, store.Limits{MaxPerSubject: 1, MaxBytes: size * 2, DiscardNew: true})
	s.put("foo", "bar")
	larger := s.message("foo")
	larger.Payload = append(larger.Payload, 'x')
	if err := s.Append(larger, store.Checked); err != store.ErrMaxBytes {
		t.Fatalf("a larger message in place of a small one: %v", err)
	}
	s.put("foo")
	s.expect(2, 2, 3)
}

func limitRollup(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MaxPerSubject: 1, DiscardNew: true, DiscardNewPerSubject: true})
	s.put("foo")
	m := s.message("foo")
	m.Rollup = true
	s.must(s.Append(m, store.Checked))
	s.expect(1, 2, 2)
}

func limitSubject(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MaxPerSubject: 3, MaxMessages: 10})
	for range 5 {
		s.put("a", "b", "c")
	}
	s.expect(9, 7, 15)
	s.put("d", "e")
	s.expect(10, 8, 17)
	s.expectSubject("a", 2, 10, 13)
	s.expectSubject("b", 3, 8, 14)
}

func (s *stage) limit(l store.Limits) {
	s.Helper()
	s.must(s.SetLimits(l))
}

func limitSubjectChanged(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MaxPerSubject: 10})
	s.limit(store.Limits{MaxPerSubject: 50})
	s.fill(22, "foo")
	s.expectSubject("foo", 22, 1, 22)
	s.limit(store.Limits{MaxPerSubject: 10})
	s.expectSubject("foo", 10, 13, 22)
	s.limit(store.Limits{})
	s.fill(22, "foo")
	s.expectSubject("foo", 32, 13, 44)
}

func limitSubjectFromNone(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(5, "foo")
	s.expect(5, 1, 5)
	s.limit(store.Limits{MaxPerSubject: 1})
	s.expect(1, 5, 5)
	s.limit(store.Limits{MaxPerSubject: -2})
	if l := s.Limits(); l != (store.Limits{}) {
		t.Fatalf("a limit below 0 is %+v", l)
	}
	s.fill(2, "foo")
	s.expect(3, 5, 7)
}

// limitSubjectNewestRemoved has the messages of the subject far apart.
func limitSubjectNewestRemoved(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MaxPerSubject: -1})
	between := func() {
		for i := range 9 {
			m := s.message(fmt.Sprintf("foo.%d", i+1))
			m.Payload = make([]byte, 1<<20)
			s.must(s.Append(m, store.Checked))
		}
	}
	s.put("foo.0")
	between()
	second := s.put("foo.0")
	between()
	s.remove(s.put("foo.0"))
	s.limit(store.Limits{MaxPerSubject: 1})
	s.expectSubject("foo.0", 1, second, second)
}

func limitLowered(t *testing.T, open Open) {
	s := plain(t, open)
	s.fill(10, "foo")
	s.limit(store.Limits{MaxMessages: 7})
	s.expect(7, 4, 10)
	s.limit(store.Limits{MaxBytes: int64(s.Size(3, 0, 7))*3 + 1})
	s.expect(3, 8, 10)
	// A stream that discards new messages keeps what it has.
	s.limit(store.Limits{MaxMessages: 1, DiscardNew: true})
	s.expect(3, 8, 10)
	s.limit(store.Limits{MaxMessages: 1})
	s.expect(1, 10, 10)
}

func limitBad(t *testing.T, open Open) {
	s := limited(t, open, store.Limits{MaxMessages: 3})
	for _, l := range []store.Limits{
		{DiscardNewPerSubject: true, MaxPerSubject: 1},
		{DiscardNewPerSubject: true, DiscardNew: true},
	} {
		if err := s.SetLimits(l); !errors.Is(err, store.ErrLimits) {
			t.Errorf("%+v: %v", l, err)
		}
	}
	if l := s.Limits(); l != (store.Limits{MaxMessages: 3}) {
		t.Fatalf("limits became %+v", l)
	}
	s.limit(store.Limits{MaxMessages: -1, MaxBytes: -5, MaxAge: -time.Second, MaxPerSubject: -1})
	if l := s.Limits(); l != (store.Limits{}) {
		t.Fatalf("limits became %+v", l)
	}
}
