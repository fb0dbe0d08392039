package stream

import "github.com/godwit-mq/godwit/internal/jetstream/api"

// A plan is what the messages of a batch that were judged so far will change. The
// rest of the batch is judged as if they were stored.
type plan struct {
	// together says that there is more than one message. A plan for a single one
	// remembers nothing.
	together bool

	messages uint64
	subjects map[string]*plannedSubject
	ids      map[string]struct{}
	expected map[string]uint64
	tallies  map[string]tally
}

// A plannedSubject is one that the batch writes to.
type plannedSubject struct {
	scheduled bool // the last message for it sets a schedule
}

// add takes up a message that has passed.
func (p *plan) add(c *candidate) {
	p.messages++
	if p.subjects == nil {
		p.subjects = make(map[string]*plannedSubject)
	}
	of := p.subjects[string(c.Subject)]
	if of == nil {
		of = &plannedSubject{}
		p.subjects[string(c.Subject)] = of
	}
	of.scheduled = c.scheduled != nil
}

// addID reports whether an identifier is new in the batch.
func (p *plan) addID(id []byte) bool {
	if !p.together {
		return true
	}
	if _, known := p.ids[string(id)]; known {
		return false
	}
	if p.ids == nil {
		p.ids = make(map[string]struct{})
	}
	p.ids[string(id)] = struct{}{}
	return true
}

func (p *plan) setTally(subject []byte, t tally) {
	if !p.together {
		return
	}
	if p.tallies == nil {
		p.tallies = make(map[string]tally)
	}
	p.tallies[string(subject)] = t
}

// judgeSubjectSequence checks an expected sequence of a subject. There is no telling
// what it will be for a subject that the batch itself writes to. All that is expected
// of another one must agree.
func (p *plan) judgeSubjectSequence(s *Stream, of []byte, expected uint64) *api.Error {
	if p.subjects[string(of)] != nil {
		return api.ErrStreamWrongLastSequenceConstant
	}
	actual, known := p.expected[string(of)]
	if !known {
		actual = s.lastOf(of)
	}
	if actual != expected {
		return api.NewStreamWrongLastSequence(actual)
	}
	if !p.together {
		return nil
	}
	if p.expected == nil {
		p.expected = make(map[string]uint64)
	}
	p.expected[string(of)] = actual
	return nil
}

// judgePart checks a message of a batch, given what those before it have planned. The
// order differs from that of a message by itself.
func (s *Stream) judgePart(c *candidate, p *plan) (duplicate uint64, refusal *api.Error) {
	for _, check := range partChecks {
		if duplicate, refusal = check(s, c, p); duplicate != 0 || refusal != nil {
			return duplicate, refusal
		}
	}
	return 0, nil
}

// A partCheck is one step of judgePart.
type partCheck func(s *Stream, c *candidate, p *plan) (duplicate uint64, refusal *api.Error)

// unrepeated makes a step of a check that finds no duplicates.
func unrepeated(check func(s *Stream, c *candidate, p *plan) *api.Error) partCheck {
	return func(s *Stream, c *candidate, p *plan) (uint64, *api.Error) { return 0, check(s, c, p) }
}

var partChecks = []partCheck{
	unrepeated(judgePartSize),
	unrepeated(func(s *Stream, c *candidate, _ *plan) *api.Error { return s.judgeIncrement(c) }),
	unrepeated(func(s *Stream, c *candidate, _ *plan) *api.Error { return s.judgeStreamName(c) }),
	unrepeated(judgePartTTL),
	judgePartID,
	unrepeated(judgePartSource),
	unrepeated(judgePartCounter),
	unrepeated(judgePartSequence),
	unrepeated(func(s *Stream, c *candidate, p *plan) *api.Error { return s.judgeSubjectSequence(c, p) }),
	unrepeated(func(s *Stream, c *candidate, p *plan) *api.Error { return s.judgeSchedule(c, p) }),
	unrepeated(func(s *Stream, c *candidate, p *plan) *api.Error { return s.judgeRollup(c, p) }),
	unrepeated(func(s *Stream, c *candidate, _ *plan) *api.Error { return s.judgeSize(c) }),
	unrepeated(func(s *Stream, c *candidate, _ *plan) *api.Error { return s.judgeRoom(c) }),
}

func judgePartSize(s *Stream, c *candidate, _ *plan) *api.Error {
	if err := c.Verify(); err != nil {
		return storeRefusal(err)
	}
	return s.judgeSize(c)
}

func judgePartTTL(s *Stream, c *candidate, _ *plan) *api.Error {
	if refusal := s.judgeTTLAllowed(c); refusal != nil {
		return refusal
	}
	if _, ok := parseTTL(c.fields.get(fieldTTL)); !ok {
		return api.ErrMessageTTLInvalid
	}
	return nil
}

func judgePartID(s *Stream, c *candidate, p *plan) (uint64, *api.Error) {
	if duplicate := s.findDuplicate(c); duplicate != 0 {
		return duplicate, api.ErrAtomicPublishContainsDuplicateMessage
	}
	if len(c.id) > 0 && !p.addID(c.id) {
		return 0, api.ErrAtomicPublishContainsDuplicateMessage
	}
	return 0, nil
}

func judgePartSource(_ *Stream, c *candidate, _ *plan) *api.Error {
	if c.fields.filled(fieldStreamSource) {
		return api.ErrMessageSourceHdrNotAllowed
	}
	return nil
}

func judgePartCounter(s *Stream, c *candidate, p *plan) *api.Error {
	if s.rules.config.AllowCounter {
		return s.count(c, p)
	}
	return nil
}

func judgePartSequence(s *Stream, c *candidate, p *plan) *api.Error {
	if !c.fields.filled(fieldExpectedLastSequence) {
		return nil
	}
	if refusal := s.judgeSequence(c, s.last+p.messages); refusal != nil {
		return refusal
	}
	if p.messages > 0 {
		return api.ErrStreamWrongLastSequenceConstant
	}
	return nil
}
