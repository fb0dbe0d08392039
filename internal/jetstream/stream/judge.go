package stream

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

var (
	errRollupDenied  = errors.New("rollup not permitted")
	errRollupSubject = errors.New("batch rollup sub invalid")
	errRollupAll     = errors.New("batch rollup all invalid")
)

// judge checks a message that comes by itself, in the order that publishers can
// observe. It returns the error to refuse it with, or the sequence of the message
// that it repeats, or neither. It changes the candidate and nothing of the stream.
func (s *Stream) judge(c *candidate) (duplicate uint64, refusal *api.Error) {
	if err := c.Verify(); err != nil {
		return 0, api.NewStreamStoreFailed(store.ErrTooLarge)
	}
	if s.rules.config.Sealed {
		return 0, api.ErrStreamSealed
	}
	if c.fields.present != 0 {
		if duplicate, refusal = s.judgeFields(c); duplicate != 0 || refusal != nil {
			return duplicate, refusal
		}
	}
	if s.rules.config.AllowCounter {
		if refusal = s.count(c, nil); refusal != nil {
			return 0, refusal
		}
	}
	if refusal = s.judgeSize(c); refusal != nil {
		return 0, refusal
	}
	return 0, s.judgeRoom(c)
}

// judgeFields checks the headers of a message that comes by itself.
func (s *Stream) judgeFields(c *candidate) (duplicate uint64, refusal *api.Error) {
	if refusal = s.judgeIncrement(c); refusal != nil {
		return 0, refusal
	}
	if refusal = s.judgeStreamName(c); refusal != nil {
		return 0, refusal
	}
	if refusal = s.judgeTTLAllowed(c); refusal != nil {
		return 0, refusal
	}
	if refusal = s.judgeSubjectSequence(c, nil); refusal != nil {
		return 0, refusal
	}
	if refusal = s.judgeSequence(c, s.last); refusal != nil {
		return 0, refusal
	}
	if refusal = s.judgeSchedule(c, nil); refusal != nil {
		return 0, refusal
	}
	if c.origin == fromClient && c.fields.filled(fieldStreamSource) {
		return 0, api.ErrMessageSourceHdrNotAllowed
	}
	if duplicate = s.findDuplicate(c); duplicate != 0 {
		return duplicate, nil
	}
	if refusal = s.judgeLastID(c); refusal != nil {
		return 0, refusal
	}
	return 0, s.judgeRollup(c, nil)
}

// judgeIncrement reads what a message adds to a counter, and checks whether it may.
func (s *Stream) judgeIncrement(c *candidate) *api.Error {
	text := c.fields.get(fieldIncrement)
	if len(text) == 0 {
		return nil
	}
	increment, ok := parseInteger(text)
	switch {
	case !ok:
		return api.ErrMessageIncrInvalid
	case c.origin != fromClient:
	case !s.rules.config.AllowCounter:
		return api.ErrMessageIncrDisabled
	case len(c.Payload) > 0:
		return api.ErrMessageIncrPayload
	case c.fields.filled(fieldRollup), c.fields.filled(fieldExpectedStream), c.fields.filled(fieldExpectedLastMsgID),
		c.fields.filled(fieldExpectedLastSubjectSequenceSubject), c.fields.filled(fieldExpectedLastSequence),
		c.fields.filled(fieldExpectedLastSubjectSequence):
		return api.ErrMessageIncrInvalid
	}
	c.increment = increment
	return nil
}

func (s *Stream) judgeStreamName(c *candidate) *api.Error {
	if name := c.fields.get(fieldExpectedStream); len(name) > 0 && string(name) != s.rules.name {
		return api.ErrStreamNotMatch
	}
	return nil
}

// judgeTTLAllowed refuses life times where the stream has none; their syntax is
// checked later.
func (s *Stream) judgeTTLAllowed(c *candidate) *api.Error {
	if s.rules.ttl || c.origin == fromSource {
		return nil
	}
	if ttl, _ := parseTTL(c.fields.get(fieldTTL)); ttl != 0 {
		return api.ErrMessageTTLDisabled
	}
	return nil
}

// judgeSubjectSequence checks the sequence that the last message of a subject is
// expected to have.
func (s *Stream) judgeSubjectSequence(c *candidate, p *plan) *api.Error {
	of := c.fields.get(fieldExpectedLastSubjectSequenceSubject)
	text := c.fields.get(fieldExpectedLastSubjectSequence)
	if len(text) == 0 {
		if len(of) > 0 {
			return api.ErrStreamExpectedLastSeqPerSubjectInvalid
		}
		return nil
	}
	if len(of) == 0 {
		of = c.Subject
	}
	expected := parseSequence(text)
	if p != nil {
		return p.judgeSubjectSequence(s, of, expected)
	}
	if actual := s.lastOf(of); actual != expected {
		return api.NewStreamWrongLastSequence(actual)
	}
	return nil
}

// lastOf returns the sequence of the last message of a subject, 0 if there is none.
func (s *Stream) lastOf(of []byte) uint64 {
	if !s.loadLast(of) {
		return 0
	}
	return s.message.Sequence
}

// loadLast reads the last message of a subject into s.message.
func (s *Stream) loadLast(of []byte) bool {
	f, err := store.NewFilter(string(of))
	return err == nil && s.store.Last(f, &s.message) == nil
}

func (s *Stream) judgeSequence(c *candidate, last uint64) *api.Error {
	text := c.fields.get(fieldExpectedLastSequence)
	if len(text) > 0 && parseSequence(text) != last {
		return api.NewStreamWrongLastSequence(last)
	}
	return nil
}

// findDuplicate notes the identifier and returns the sequence of the message that had
// it before, or 0.
func (s *Stream) findDuplicate(c *candidate) uint64 {
	c.id = c.fields.get(fieldMsgID)
	if len(c.id) == 0 {
		return 0
	}
	return s.ids.find(c.id, c.Time)
}

func (s *Stream) judgeLastID(c *candidate) *api.Error {
	if id := c.fields.get(fieldExpectedLastMsgID); len(id) > 0 && string(id) != string(s.lastID) {
		return api.NewStreamWrongLastMsgID(string(s.lastID))
	}
	return nil
}

// judgeRollup reads what a message replaces. What others send replaces nothing where
// that is not permitted.
func (s *Stream) judgeRollup(c *candidate, p *plan) *api.Error {
	value := c.fields.get(fieldRollup)
	if len(value) == 0 {
		return nil
	}
	if !s.rules.rollup {
		if c.origin == fromClient {
			return api.NewStreamRollupFailed(errRollupDenied)
		}
		return nil
	}
	switch lower := strings.ToLower(string(value)); {
	case lower == rollupSubject:
		if p != nil && p.subjects[string(c.Subject)] != nil {
			return api.NewStreamRollupFailed(errRollupSubject)
		}
		c.rolls = rollsSubject
	case lower == rollupAll:
		if p != nil && len(p.subjects) > 0 {
			return api.NewStreamRollupFailed(errRollupAll)
		}
		c.rolls = rollsAll
	case c.origin == fromClient:
		return api.NewStreamRollupFailed(fmt.Errorf("rollup value invalid: %q", lower))
	}
	c.Rollup = c.rolls != rollsNothing
	return nil
}

// judgeSize checks the size of headers and payload.
func (s *Stream) judgeSize(c *candidate) *api.Error {
	if most := s.rules.maxSize; most >= 0 && len(c.Header)+len(c.Payload) > most {
		return api.ErrStreamMessageExceedsMaximum
	}
	if len(c.Header) > math.MaxUint16 {
		return api.ErrStreamHeaderExceedsMaximum
	}
	return nil
}

// judgeRoom asks for the room that the server and the account have, and finds out
// whether the message is wanted and how long it lives.
func (s *Stream) judgeRoom(c *candidate) *api.Error {
	quota := s.options.Quota
	if quota != nil {
		if refusal := quota.Server(); refusal != nil {
			return refusal
		}
	}
	if s.rules.interest && !s.isWanted(c.Subject) {
		c.unwanted = true
		return nil
	}
	if quota != nil {
		if refusal := quota.Account(s.store.Size(len(c.Subject), len(c.Header), len(c.Payload))); refusal != nil {
			return refusal
		}
	}
	if c.fields.has(fieldTTL) {
		return s.judgeTTL(c)
	}
	return nil
}

func (s *Stream) isWanted(subject []byte) bool {
	return s.options.Interest != nil && s.options.Interest.HasInterest(subject)
}

// judgeTTL reads the life time. One that would end before a marker of the same
// subject does is raised to that, for else the subject would end without a marker.
func (s *Stream) judgeTTL(c *candidate) *api.Error {
	ttl, ok := parseTTL(c.fields.get(fieldTTL))
	if !ok {
		if c.origin == fromSource {
			return nil // kept as it is: the origin has accepted it
		}
		return api.ErrMessageTTLInvalid
	}
	if least := s.rules.minimumTTL; ttl > 0 && ttl < least {
		ttl = least
		header := without(c.Header, named(headerTTL))
		c.Header = with(header, headerTTL, formatUint(uint64(ttl)))
	}
	c.TTL = ttl
	return nil
}
