package stream

import (
	"bytes"
	"slices"
	"time"

	"github.com/godwit-mq/godwit/internal/ds/thw"
	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/subject"
)

// A schedule is what the header of a message says about when another one is to come.
type schedule struct {
	pattern        *pattern
	target, source []byte
	ttl, rollup    []byte
}

// readSchedule reads the headers of a schedule. There is none if it is nil without a
// refusal.
func (s *Stream) readSchedule(f *fields) (*schedule, *api.Error) {
	var zone *time.Location
	if f.has(fieldScheduleZone) {
		name := f.get(fieldScheduleZone)
		if len(name) == 0 {
			return nil, api.ErrMessageSchedulesTimeZoneInvalid
		}
		var err error
		if zone, err = s.options.Zone(string(name)); err != nil || zone == nil {
			return nil, api.ErrMessageSchedulesTimeZoneInvalid
		}
	}
	text := f.get(fieldSchedule)
	if len(text) == 0 {
		return nil, nil
	}
	p, ok := parsePattern(string(text), zone)
	if !ok {
		return nil, api.ErrMessageSchedulesPatternInvalid
	}
	return &schedule{
		pattern: p,
		target:  f.get(fieldScheduleTarget),
		source:  f.get(fieldScheduleSource),
		ttl:     f.get(fieldScheduleTTL),
		rollup:  f.get(fieldScheduleRollup),
	}, nil
}

// judgeSchedule checks the headers of schedules, and of messages that end one.
func (s *Stream) judgeSchedule(c *candidate, p *plan) *api.Error {
	if c.origin != fromClient {
		return nil
	}
	set, refusal := s.readSchedule(&c.fields)
	if (refusal != nil || set != nil) && !s.rules.config.AllowSchedules {
		return api.ErrMessageSchedulesDisabled
	}
	if refusal == nil && set != nil {
		refusal = s.judgeNewSchedule(c, set)
	}
	if refusal != nil {
		return refusal
	}
	return s.judgeScheduler(c, p)
}

func (s *Stream) judgeNewSchedule(c *candidate, set *schedule) *api.Error {
	if _, ok := set.pattern.after(c.Time); !ok {
		return api.ErrMessageSchedulesPatternInvalid
	}
	if _, ok := parseTTL(set.ttl); !ok {
		return api.ErrMessageSchedulesTTLInvalid
	}
	if len(set.rollup) > 0 && string(set.rollup) != rollupSubject {
		return api.ErrMessageSchedulesRollupInvalid
	}
	if len(set.ttl) > 0 && !s.rules.ttl {
		return api.ErrMessageTTLDisabled
	}
	if !subject.IsValidPublish(set.target) || bytes.Equal(set.target, c.Subject) {
		return api.ErrMessageSchedulesTargetInvalid
	}
	if len(set.source) > 0 && (!subject.IsValidPublish(set.source) || bytes.Equal(set.source, c.Subject) || bytes.Equal(set.source, set.target)) {
		return api.ErrMessageSchedulesSourceInvalid
	}
	if !s.captures(set.target) {
		return api.ErrMessageSchedulesTargetInvalid
	}
	if len(set.source) > 0 && !s.captures(set.source) {
		return api.ErrMessageSchedulesSourceInvalid
	}
	if !c.fields.filled(fieldRollup) {
		c.Header = with(c.Header, headerRollup, rollupSubject)
		c.fields.read(c.Header)
	} else if !bytes.EqualFold(c.fields.get(fieldRollup), []byte(rollupSubject)) {
		return api.ErrMessageSchedulesRollupInvalid
	}
	c.scheduled = set
	return nil
}

// captures reports whether a subject of the stream covers a literal one.
func (s *Stream) captures(literal []byte) bool {
	return slices.ContainsFunc(s.rules.config.Subjects, func(of string) bool { return subject.Match(literal, of) })
}

// judgeScheduler checks a message that names a schedule: clients do that to end it.
func (s *Stream) judgeScheduler(c *candidate, p *plan) *api.Error {
	next, scheduler := c.fields.get(fieldScheduleNext), c.fields.get(fieldScheduler)
	switch {
	case len(next) == 0 && len(scheduler) == 0:
		return nil
	case string(next) != schedulePurge || bytes.Equal(scheduler, c.Subject) || !subject.IsValidPublish(scheduler):
		return api.ErrMessageSchedulesSchedulerInvalid
	case !s.rules.config.AllowSchedules:
		return api.ErrMessageSchedulesDisabled
	case !s.mayEnd(scheduler, p):
		return api.ErrMessageSchedulesSchedulerInvalid
	}
	return nil
}

// mayEnd reports whether a subject is that of a schedule, or has no message at all.
func (s *Stream) mayEnd(scheduler []byte, p *plan) bool {
	if p != nil {
		if of := p.subjects[string(scheduler)]; of != nil {
			return of.scheduled
		}
	}
	if !s.loadLast(scheduler) {
		return true
	}
	var f fields
	f.read(s.message.Header)
	return f.filled(fieldSchedule)
}

// A pendingSchedule is one that waits to fire.
type pendingSchedule struct {
	sequence uint64 // of the message that set it
	due      int64
}

// Schedules are those that wait, one for each subject at most. The zero value has
// none. It is derived from the messages of the stream; one whose message has gone is
// dropped when it is due, if nobody has noticed before.
type schedules struct {
	bySubject map[string]pendingSchedule
	subjects  map[uint64]string
	wheel     thw.Wheel
}

func (l *schedules) set(of []byte, sequence uint64, due int64) {
	l.cancel(of)
	if l.bySubject == nil {
		l.bySubject = make(map[string]pendingSchedule)
		l.subjects = make(map[uint64]string)
	}
	key := string(of)
	l.bySubject[key] = pendingSchedule{sequence: sequence, due: due}
	l.subjects[sequence] = key
	l.wheel.Add(sequence, due)
}

// move sets another time for the schedule of a subject.
func (l *schedules) move(of []byte, due int64) {
	if known, ok := l.bySubject[string(of)]; ok {
		l.set(of, known.sequence, due)
	}
}

func (l *schedules) cancel(of []byte) {
	known, ok := l.bySubject[string(of)]
	if !ok {
		return
	}
	// While schedules fire, the wheel may have let go of this one already.
	_ = l.wheel.Remove(known.sequence, known.due)
	delete(l.bySubject, string(of))
	delete(l.subjects, known.sequence)
}

// next is when a schedule is due, or the greatest time.
func (l *schedules) next() int64 { return l.wheel.Next(never) }

// due returns the sequences of the messages whose schedules are due, ascending.
func (l *schedules) due(now int64) (sequences []uint64) {
	l.wheel.Expire(now, func(sequence uint64, _ int64) bool {
		sequences = append(sequences, sequence)
		return false
	})
	slices.Sort(sequences)
	return sequences
}

// keepSchedule notes what a message that was stored means for schedules.
func (s *Stream) keepSchedule(c *candidate) {
	if !s.rules.config.AllowSchedules {
		return
	}
	switch {
	case c.scheduled != nil:
		if due, ok := c.scheduled.pattern.after(c.Time); ok {
			s.schedules.set(c.Subject, c.Sequence, due)
		}
	case c.fields.filled(fieldScheduler):
		s.moveSchedule(&c.fields)
	default:
		s.schedules.cancel(c.Subject)
	}
}

// moveSchedule notes that a schedule has fired.
func (s *Stream) moveSchedule(f *fields) {
	next, err := time.Parse(time.RFC3339Nano, string(f.get(fieldScheduleNext)))
	if err != nil {
		return // the schedule ends: its message is purged
	}
	s.schedules.move(f.get(fieldScheduler), nanoseconds(next))
}

// restoreSchedules reads the schedules from all messages.
func (s *Stream) restoreSchedules() error {
	s.schedules = schedules{}
	if !s.rules.config.AllowSchedules {
		return nil
	}
	patterns := make(map[uint64]*pattern)
	var f fields
	err := s.store.Each(nil, 1, func(m *store.Message) bool {
		f.read(m.Header)
		set, refusal := s.readSchedule(&f)
		switch {
		case refusal == nil && set != nil:
			if due, ok := set.pattern.after(m.Time); ok {
				s.schedules.set(m.Subject, m.Sequence, due)
				patterns[m.Sequence] = set.pattern
			}
		case f.filled(fieldScheduler):
			s.moveSchedule(&f)
		default:
			s.schedules.cancel(m.Subject)
		}
		return true
	})
	s.leaveOutFired(patterns)
	return err
}

// timerGrace is by how much a schedule may be late when it fires.
const timerGrace = int64(time.Second)

// leaveOutFired moves on the schedules that have fired though the messages that they
// made, which say so, are gone: those that were due while the stream was still at work.
func (s *Stream) leaveOutFired(patterns map[uint64]*pattern) {
	alive := s.store.State().LastTime - timerGrace
	for sequence, p := range patterns {
		of, ok := s.schedules.subjects[sequence]
		if !ok || !p.repeats() || s.schedules.bySubject[of].due >= alive {
			continue
		}
		if due, ok := p.again(s.schedules.bySubject[of].due, alive); ok {
			s.schedules.move([]byte(of), due)
		}
	}
}

// forgetGone drops the schedules whose messages are no longer there.
func (s *Stream) forgetGone() error {
	for of, known := range s.schedules.bySubject {
		if _, err := s.store.Subject(known.sequence); err != nil {
			s.schedules.cancel([]byte(of))
		}
	}
	return nil
}

// Removed is to be called for each removal of the store, whoever has caused it. It may
// be called while the store changes.
func (s *Stream) Removed(r store.Removal) {
	if of, ok := s.schedules.subjects[r.Sequence]; ok && r.Sequence != 0 {
		s.schedules.cancel([]byte(of))
	}
}

// fire stores the messages of the schedules that are due.
func (s *Stream) fire(now int64, out *Result) error {
	if s.schedules.next() > now {
		return nil
	}
	for _, sequence := range s.schedules.due(now) {
		of, ok := s.schedules.subjects[sequence]
		if !ok {
			continue // one before has purged it
		}
		c, ok := s.fired(of, s.schedules.bySubject[of], now)
		if !ok {
			s.schedules.cancel([]byte(of))
			continue
		}
		stored, err := s.publishOwn(c, out)
		if err != nil {
			return err
		}
		if known, ok := s.schedules.bySubject[of]; ok && !(stored && known.due > now) {
			s.postpone(of, now)
		}
	}
	return nil
}

// postpone tries a schedule again, whose message could not come in: at its next time
// if it repeats, else soon.
func (s *Stream) postpone(of string, now int64) {
	due := now + int64(store.HoldTime)
	if next, ok := s.nextOf(of, now); ok {
		due = next
	}
	s.schedules.move([]byte(of), due)
}

// nextOf returns the next time of a schedule that repeats.
func (s *Stream) nextOf(of string, now int64) (int64, bool) {
	known, ok := s.schedules.bySubject[of]
	if !ok || s.store.Load(known.sequence, &s.message) != nil {
		return 0, false
	}
	var f fields
	f.read(s.message.Header)
	set, refusal := s.readSchedule(&f)
	if refusal != nil || set == nil || !set.pattern.repeats() {
		return 0, false
	}
	return set.pattern.again(known.due, now)
}

// fired makes the message that a schedule stands for. It is false if there is no such
// schedule any more.
func (s *Stream) fired(of string, known pendingSchedule, now int64) (*candidate, bool) {
	var m store.Message
	if s.store.Load(known.sequence, &m) != nil {
		return nil, false
	}
	var f fields
	f.read(m.Header)
	set, refusal := s.readSchedule(&f)
	if refusal != nil || set == nil || !subject.IsValidPublish(set.target) {
		return nil, false
	}
	target, ttl, rolls := bytes.Clone(set.target), bytes.Clone(set.ttl), bytes.Clone(set.rollup)
	if len(set.source) > 0 && s.loadLast(set.source) {
		m = s.message
	}
	header := appendKept(nil, m.Header, isOfSchedule)
	header = appendLine(header, headerScheduler, of)
	next := schedulePurge
	if set.pattern.repeats() {
		due, ok := set.pattern.again(known.due, now)
		if !ok {
			return nil, false
		}
		next = time.Unix(0, due).UTC().Format(time.RFC3339Nano)
	}
	header = appendLine(header, headerScheduleNext, next)
	if len(ttl) > 0 {
		header = appendLine(header, headerTTL, ttl)
	}
	if len(rolls) > 0 {
		header = appendLine(header, headerRollup, rolls)
	}
	c := &candidate{}
	c.read(&Incoming{Subject: target, Header: closeBlock(header, 0), Payload: bytes.Clone(m.Payload)}, fromStream, now)
	return c, true
}

// isOfSchedule reports whether a header is left out of the message that a schedule
// makes: those of the schedule, and those for which the message would be refused.
func isOfSchedule(name []byte) bool {
	switch string(name) {
	case headerMsgID, headerTTL, headerRollup:
		return true
	}
	return hasPrefix(name, prefixSchedule) || hasPrefix(name, prefixExpected)
}
