package stream

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

// Interest tells whether some consumer wants messages of a subject. A *gsl.List is
// one.
type Interest interface {
	HasInterest(subject []byte) bool
}

// A Quota is what the server and the account allow beyond the limits of the stream.
// Each returns nil, or the error with which the publisher is refused.
type Quota interface {
	// Server judges by the use of the whole server.
	Server() *api.Error
	// Account judges a message by what it counts for in the store, in bytes.
	Account(size uint64) *api.Error
}

// Options are what a stream needs beside its configuration and its store.
type Options struct {
	// Domain is told in acknowledgements; empty if there is none.
	Domain string
	// MaxPayload bounds what a counter makes of a message, in bytes of headers and
	// payload; 0 is no bound.
	MaxPayload int64
	// Batches bounds the batches of this stream, Budget those of the server. A nil
	// Budget is none.
	Batches BatchLimits
	Budget  *Budget
	// Quota is nil if the server and the account allow everything.
	Quota Quota
	// Interest is asked by streams that retain by interest; nil is no interest.
	Interest Interest
	// Zone finds a time zone; nil knows UTC alone.
	Zone func(name string) (*time.Location, error)
}

// A Stream is the machine of one stream. Package documentation tells who may call
// what.
type Stream struct {
	rules   *rules
	store   store.Stream
	options Options

	last   uint64 // the last sequence used
	lastID []byte // the identifier of the message that has it, or empty

	ids       duplicates
	schedules schedules
	atomic    atomicBatches
	fast      fastBatches

	candidate candidate // the message at hand
	message   store.Message
	expired   []expiry
}

// New returns the machine of a stream that has no messages yet, or of one whose
// headers nobody needs to know. The configuration must be valid; it is copied.
func New(config *api.StreamConfig, s store.Stream, o Options) (*Stream, error) {
	r, err := newRules(config, o.Domain)
	if err != nil {
		return nil, err
	}
	if o.Zone == nil {
		o.Zone = onlyUTC
	}
	o.Batches = o.Batches.normal()
	m := &Stream{rules: r, store: s, options: o, last: s.State().LastSequence}
	m.ids.setWindow(r.window)
	return m, nil
}

func onlyUTC(name string) (*time.Location, error) {
	if name == "UTC" {
		return time.UTC, nil
	}
	return nil, fmt.Errorf("unknown time zone %q", name)
}

// Restore returns the machine of a stream with messages, after a restart at the time
// now. Batches that were open are gone. It fails if the store cannot be read.
func Restore(config *api.StreamConfig, s store.Stream, o Options, now int64) (*Stream, error) {
	m, err := New(config, s, o)
	if err != nil {
		return nil, err
	}
	if err := m.restoreIDs(now); err != nil {
		return nil, fmt.Errorf("read message identifiers of stream %q: %w", config.Name, err)
	}
	if err := m.restoreSchedules(); err != nil {
		return nil, fmt.Errorf("read schedules of stream %q: %w", config.Name, err)
	}
	return m, nil
}

// restoreIDs reads the identifiers of the messages within the window, and that of the
// last message.
func (s *Stream) restoreIDs(now int64) error {
	var m store.Message
	switch err := s.store.Load(s.last, &m); {
	case err == nil:
		s.candidate.fields.read(m.Header)
		s.lastID = append(s.lastID[:0], s.candidate.fields.get(fieldMsgID)...)
	case !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrEOF):
		return err
	}
	if s.ids.window <= 0 {
		return nil
	}
	from, err := s.store.SequenceAt(now - int64(s.ids.window) + 1)
	if err != nil {
		return err
	}
	return s.store.Each(nil, max(from, 1), func(m *store.Message) bool {
		if len(m.Header) == 0 || s.ids.isOver(m.Time, now) {
			return true
		}
		s.candidate.fields.read(m.Header)
		if id := s.candidate.fields.get(fieldMsgID); len(id) > 0 {
			s.ids.add(id, m.Sequence, m.Time)
		}
		return true
	})
}

// Config returns the configuration, which must not be changed.
func (s *Stream) Config() *api.StreamConfig { return s.rules.config }

// LastSequence is the last sequence that was used.
func (s *Stream) LastSequence() uint64 { return s.last }

// SetInterest says whom to ask whether a message is wanted.
func (s *Stream) SetInterest(i Interest) { s.options.Interest = i }

// Update changes the configuration to one that is valid in the place of the old one.
// Limits that are tighter take effect before it returns, those of age at the next Due;
// open batches of a kind that is no longer allowed are dropped. If retention becomes
// that of interest, the owner calls Trim.
func (s *Stream) Update(config *api.StreamConfig, now int64) error {
	r, err := newRules(config, s.options.Domain)
	if err != nil {
		return err
	}
	if err := s.store.SetLimits(limits(config)); err != nil {
		return fmt.Errorf("change limits of stream %q: %w", config.Name, err)
	}
	before := s.rules
	s.rules = r
	if r.window != s.ids.window {
		s.ids.expire(now) // what is over does not come back
		s.ids.setWindow(r.window)
		s.ids.expire(now)
	}
	if !config.AllowAtomic {
		s.atomic.drop(s.options.Budget)
	}
	if !config.AllowBatched {
		s.fast.drop(s.options.Budget)
	}
	if config.AllowSchedules && !before.config.AllowSchedules {
		return s.restoreSchedules()
	}
	return s.forgetGone()
}

// Close gives back what the stream has taken of the server's budget. The store stays
// open.
func (s *Stream) Close() {
	s.atomic.drop(s.options.Budget)
	s.fast.drop(s.options.Budget)
}

// Next returns when Due will have something to do, or the greatest time.
func (s *Stream) Next() int64 {
	next := min(s.ids.next(), s.atomic.next(), s.fast.next())
	if s.rules.config.Sealed {
		return next
	}
	return min(next, s.store.NextExpiry(), s.schedules.next())
}

// Due does what the time has come for: messages expire, markers take their place,
// schedules fire, and batches that nobody goes on with are abandoned.
func (s *Stream) Due(now int64, out *Result) error {
	s.ids.expire(now)
	s.atomic.expire(now, s.options.Budget, out)
	s.fast.expire(now, s.options.Budget)
	if s.rules.config.Sealed {
		return nil
	}
	if err := s.expire(now, out); err != nil {
		return err
	}
	return s.fire(now, out)
}

// never is a time that does not come.
const never = math.MaxInt64
