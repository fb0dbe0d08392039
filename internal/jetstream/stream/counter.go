package stream

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
)

// A tally is the state of a counter: its total, and what came from where.
type tally struct {
	total   *big.Int
	sources api.CounterSources
}

// parseInteger reads a decimal number of any length, with or without a sign.
func parseInteger(text []byte) (*big.Int, bool) {
	digits := bytes.TrimLeft(text, "+-")
	if len(digits) == 0 || len(text)-len(digits) > 1 {
		return nil, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return nil, false
		}
	}
	return new(big.Int).SetString(string(text), 10)
}

// parseTotal reads the payload of a message of a counter. It is false if that is none.
func parseTotal(payload []byte) (*big.Int, bool) {
	var v api.CounterValue
	if json.Unmarshal(payload, &v) != nil {
		return nil, false
	}
	return parseInteger([]byte(v.Value))
}

// count makes of an increment the message that has the new total. A plan has the
// totals that messages before it in a batch have left.
func (s *Stream) count(c *candidate, p *plan) *api.Error {
	if c.increment == nil {
		return api.ErrMessageIncrMissing
	}
	state, refusal := s.tally(c.Subject, p)
	if refusal != nil {
		return refusal
	}
	increment := c.increment
	if source := c.fields.get(fieldStreamSource); len(source) > 0 {
		if increment, refusal = state.follow(c, source); refusal != nil {
			return refusal
		}
	}
	state.total.Add(state.total, increment)
	c.total = state.total.Append(nil, 10)
	payload := make([]byte, 0, len(c.total)+len(`{"val":""}`))
	c.Payload = append(append(append(payload, `{"val":"`...), c.total...), `"}`...)
	if len(state.sources) > 0 {
		text, err := json.Marshal(state.sources)
		if err != nil {
			return api.ErrMessageCounterBroken
		}
		c.Header = replaced(c.Header, headerCounterSources, text)
	}
	if most := s.options.MaxPayload; most > 0 && int64(len(c.Header)+len(c.Payload)) > most {
		return api.ErrStreamMessageExceedsMaximum
	}
	if p != nil {
		p.setTally(c.Subject, state)
	}
	return nil
}

// tally returns the state of the counter of a subject, to be changed by the caller.
func (s *Stream) tally(subject []byte, p *plan) (tally, *api.Error) {
	if p != nil {
		if known, ok := p.tallies[string(subject)]; ok {
			return known.clone(), nil
		}
	}
	if !s.loadLast(subject) {
		return tally{total: new(big.Int)}, nil
	}
	total, ok := parseTotal(s.message.Payload)
	if !ok {
		return tally{}, api.ErrMessageCounterBroken
	}
	state := tally{total: total}
	var f fields
	f.read(s.message.Header)
	if text := f.get(fieldCounterSources); len(text) > 0 {
		if json.Unmarshal(text, &state.sources) != nil {
			return tally{}, api.ErrMessageCounterBroken
		}
	}
	return state, nil
}

// follow takes over the value that a counter has at its origin. What changes here is
// the difference to the value seen before, so messages that were missed in between do
// no harm; the header of the message then says this difference.
func (t *tally) follow(c *candidate, source []byte) (*big.Int, *api.Error) {
	parts := strings.Split(string(source), " ")
	stream, subject := parts[0], string(c.Subject)
	if len(parts) >= 5 {
		subject = parts[4]
	}
	value, ok := parseTotal(c.Payload)
	if !ok {
		return nil, api.ErrMessageCounterBroken
	}
	if t.sources == nil {
		t.sources = make(api.CounterSources)
	}
	if t.sources[stream] == nil {
		t.sources[stream] = make(map[string]string)
	}
	difference := new(big.Int).Set(value)
	if before, ok := parseInteger([]byte(t.sources[stream][subject])); ok {
		difference.Sub(difference, before)
	}
	t.sources[stream][subject] = value.String()
	c.Header = replaced(c.Header, headerIncrement, difference.String())
	return difference, nil
}

func (t tally) clone() tally {
	clone := tally{total: new(big.Int).Set(t.total)}
	if t.sources == nil {
		return clone
	}
	clone.sources = make(api.CounterSources, len(t.sources))
	for stream, subjects := range t.sources {
		copied := make(map[string]string, len(subjects))
		for subject, value := range subjects {
			copied[subject] = value
		}
		clone.sources[stream] = copied
	}
	return clone
}
