package stream

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

const (
	// directSubjectsMax is of how many subjects one request can have the last message.
	directSubjectsMax = 1024
	// directBytes is about how many bytes are sent to a reader that does not say.
	directBytes = 64 << 20
)

// Statuses of direct gets, as header blocks.
const (
	statusNotFound  = "NATS/1.0 404 Message Not Found\r\n\r\n"
	statusNoResults = "NATS/1.0 404 No Results\r\n\r\n"
	statusEmpty     = "NATS/1.0 408 Empty Request\r\n\r\n"
	statusMalformed = "NATS/1.0 408 Malformed Request\r\n\r\n"
	statusBad       = "NATS/1.0 408 Bad Request\r\n\r\n"
	statusTooMany   = "NATS/1.0 413 Too Many Results\r\n\r\n"
	statusInternal  = "NATS/1.0 500 "
	statusEnd       = "NATS/1.0 204 EOB\r\n"
)

// A Send takes one message of an answer to a reader. What it is given is good until it
// returns.
type Send func(header, payload []byte)

// Direct answers a direct get: header and body are those of the request. An answer is
// messages, or a status that says why there are none.
func (s *Stream) Direct(header, body []byte, send Send) {
	if api.CheckLevel(header) != nil {
		send([]byte(api.RequiredLevelStatus), nil)
		return
	}
	var r GetRequest
	status := ""
	switch {
	case len(body) == 0:
		status = statusEmpty
	case json.Unmarshal(body, &r) != nil:
		status = statusMalformed
	default:
		status = r.directStatus()
	}
	if status != "" {
		send([]byte(status), nil)
		return
	}
	if len(r.MultiLastFor) > 0 {
		s.directMulti(&r, send)
		return
	}
	s.directRun(&r, send)
}

// directStatus is the status for a request that makes no sense, or empty.
func (r *GetRequest) directStatus() string {
	switch {
	case r.Sequence == 0 && r.LastFor == "" && r.NextFor == "" && len(r.MultiLastFor) == 0 && r.StartTime == nil:
		return statusEmpty
	case r.conflicts(),
		r.LastFor != "" && (r.Batch > 0 || len(r.MultiLastFor) > 0),
		r.NextFor != "" && len(r.MultiLastFor) > 0,
		r.UpToSequence > 0 && r.UpToTime != nil,
		r.Batch < 0:
		return statusBad
	}
	return ""
}

// DirectLast answers a direct get that names the subject whose last message is wanted
// in its own subject.
func (s *Stream) DirectLast(of string, header, body []byte, send Send) {
	if api.CheckLevel(header) != nil {
		send([]byte(api.RequiredLevelStatus), nil)
		return
	}
	var r GetRequest
	if len(body) > 0 && json.Unmarshal(body, &r) != nil {
		send([]byte(statusMalformed), nil)
		return
	}
	if of == "" || r.selects() {
		send([]byte(statusBad), nil)
		return
	}
	r.LastFor = of
	s.directRun(&r, send)
}

// selects reports whether the request says which messages are wanted.
func (r *GetRequest) selects() bool {
	return r.LastFor != "" || r.NextFor != "" || len(r.MultiLastFor) > 0 || r.Sequence != 0 || r.Batch != 0 ||
		r.StartTime != nil || r.UpToSequence != 0 || r.UpToTime != nil
}

// maxBytes is after how many bytes no further message is sent.
func (r *GetRequest) maxBytes() int {
	if r.MaxBytes == 0 {
		return directBytes
	}
	return r.MaxBytes
}

// A page counts what was sent to a reader.
type page struct {
	header  []byte
	pending uint64 // how many messages are still to come
	last    uint64 // the sequence of the message before
	bytes   int
}

// add sends a message with the lines that tell where it is stored and, if paged, where
// it is in the answer.
func (p *page) add(stream string, m *store.Message, paged, bare bool, send Send) {
	var header []byte
	if !bare {
		p.header = appendPlace(appendKept(p.header[:0], m.Header, keepAll), stream, m)
		if paged {
			p.header = p.appendCounts(p.header)
		}
		p.header = append(p.header, "\r\n"...)
		header = p.header
	}
	p.last = m.Sequence
	p.bytes += len(m.Subject) + len(m.Header) + len(m.Payload)
	send(header, m.Payload)
}

func (p *page) appendCounts(b []byte) []byte {
	b = strconv.AppendUint(append(b, "Nats-Num-Pending: "...), p.pending, 10)
	b = strconv.AppendUint(append(b, "\r\nNats-Last-Sequence: "...), p.last, 10)
	return append(b, "\r\n"...)
}

// end sends the end of the batch; upTo is told unless it is 0.
func (p *page) end(upTo uint64, tell bool, send Send) {
	p.header = p.appendCounts(append(p.header[:0], statusEnd...))
	if tell {
		p.header = strconv.AppendUint(append(p.header, "Nats-UpTo-Sequence: "...), upTo, 10)
		p.header = append(p.header, "\r\n"...)
	}
	send(append(p.header, "\r\n"...), nil)
}

// directRun answers with one message or, if the request asks for a batch, with those
// that follow it and the end.
func (s *Stream) directRun(r *GetRequest, send Send) {
	var (
		m store.Message
		p page
	)
	if r.Batch == 0 {
		if s.find(r, &m) != nil {
			send([]byte(statusNotFound), nil)
			return
		}
		p.add(s.rules.name, &m, false, r.NoHeaders, send)
		return
	}
	filter, err := store.NewFilter(r.NextFor)
	start, startErr := s.start(r)
	if err != nil || startErr != nil {
		send([]byte(statusNotFound), nil)
		return
	}
	if p.pending, _, err = s.store.Pending(filter, start, false); err != nil {
		sendInternal(err, send)
		return
	}
	sent := 0
	for ; sent < r.Batch && (sent == 0 || p.bytes < r.maxBytes()); sent++ {
		sequence, err := s.store.Next(filter, start, &m)
		if err != nil {
			break
		}
		if p.pending > 0 {
			p.pending--
		}
		p.add(s.rules.name, &m, true, r.NoHeaders, send)
		start = sequence + 1
	}
	if sent == 0 {
		send([]byte(statusNotFound), nil)
		return
	}
	p.end(0, false, send)
}

func sendInternal(err error, send Send) {
	send([]byte(statusInternal+err.Error()+"\r\n\r\n"), nil)
}

// directMulti answers with the last message of each subject.
func (s *Stream) directMulti(r *GetRequest, send Send) {
	upTo, ok, err := s.upTo(r)
	switch {
	case err != nil:
		sendInternal(err, send)
		return
	case !ok:
		send([]byte(statusNoResults), nil)
		return
	}
	filter, err := store.NewFilter(r.MultiLastFor...)
	if err != nil {
		send([]byte(statusNoResults), nil)
		return
	}
	var p page
	sent := 0
	total, left, err := store.EachLast(s.store, filter, r.Sequence, upTo, directSubjectsMax, func(m *store.Message, left uint64) bool {
		p.pending = left
		p.add(s.rules.name, m, true, false, send)
		sent++
		return p.bytes < r.maxBytes() && (r.Batch == 0 || sent < r.Batch)
	})
	switch {
	case errors.Is(err, store.ErrTooMany):
		send([]byte(statusTooMany), nil)
	case err != nil:
		sendInternal(err, send)
	case total == 0:
		send([]byte(statusNoResults), nil)
	default:
		p.pending = left
		p.end(upTo, true, send)
	}
}

// upTo is the highest sequence that counts. It is false if nothing does.
func (s *Stream) upTo(r *GetRequest) (uint64, bool, error) {
	if r.UpToSequence > 0 {
		return r.UpToSequence, true, nil
	}
	state := s.store.State()
	if r.UpToTime == nil {
		return state.LastSequence, true, nil
	}
	sequence, err := s.store.SequenceAt(nanoseconds(*r.UpToTime))
	if err != nil || sequence <= state.FirstSequence || sequence == math.MaxUint64 {
		return 0, false, err
	}
	return sequence - 1, true, nil
}
