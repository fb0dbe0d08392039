package stream

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/transform"
	"github.com/godwit-mq/godwit/internal/wire"
)

// A Step says what to do after a message from an origin.
type Step uint8

const (
	// Taken messages are stored, or were stored before.
	Taken Step = iota
	// Old messages were seen before, or are redeliveries: they are left out.
	Old
	// Broken is for when messages were lost in between, or this one could not come in:
	// the consumer at the origin is to be made anew, from Resume on.
	Broken
)

// An Origin is the stream from which a mirror or a source is filled, and how far that
// has come. It belongs to the owner of the stream.
type Origin struct {
	// Index tells the sources of one stream apart.
	Index string
	// Identity is that of the stream of origin, empty if it is not known.
	Identity string
	// Sequence is that of the last message received, Delivered the number of its
	// delivery.
	Sequence, Delivered uint64
	// Lag is how many messages are still to come.
	Lag uint64
	// Heard is when something was last heard, in Unix nanoseconds, 0 if never. Failure
	// is why the last consumer could not be made, or nil. The owner sets both.
	Heard   int64
	Failure *api.Error

	source     *api.StreamSource
	attached   bool // a message has come from the present consumer
	transforms []*transform.Transform
	begin, end string // of the header that tells where a message came from
}

// NewOrigin returns the origin of a mirror or a source, of which nothing has come.
func NewOrigin(source *api.StreamSource) (*Origin, error) {
	o := &Origin{Index: source.Index(), source: source.Clone()}
	for _, t := range source.SubjectTransforms {
		made, err := transform.New(t.Source, t.Destination)
		if err != nil {
			return nil, fmt.Errorf("subject transform of source %q: %w", source.Name, err)
		}
		o.transforms = append(o.transforms, made)
	}
	place, rest, _ := strings.Cut(o.Index, " ")
	o.begin, o.end = place+" ", " "+rest+" "
	return o, nil
}

// Info is what is told of the origin at the time now.
func (o *Origin) Info(now int64) *api.SourceInfo {
	info := &api.SourceInfo{
		Name: o.source.Name, External: o.source.External, Lag: o.Lag, Sequence: o.Sequence, Active: -1, Error: o.Failure,
		FilterSubject: o.source.FilterSubject, SubjectTransforms: o.source.SubjectTransforms,
	}
	if o.Heard > 0 {
		info.Active = time.Duration(max(now-o.Heard, 0))
	}
	return info
}

// Attach notes that there is a new consumer at the origin, which begins with the first
// message behind Sequence.
func (o *Origin) Attach() { o.attached, o.Delivered = false, 0 }

// Resume is the sequence from which a new consumer is to begin, 0 if nothing has come
// yet: then the configuration says where.
func (o *Origin) Resume() uint64 {
	if o.Sequence == 0 {
		return 0
	}
	return o.Sequence + 1
}

// advance notes a delivery. It reports what to do with it, and whether messages are
// missing in front of it because the origin does not have them any more.
func (o *Origin) advance(d *Delivery) Step {
	switch {
	case d.Count > 1:
		return Old
	case d.StreamSequence <= o.Sequence:
		if d.ConsumerSequence == o.Delivered+1 {
			o.Delivered++
		}
		return Old
	case o.attached && d.ConsumerSequence <= o.Delivered:
		return Old
	case o.attached && d.ConsumerSequence != o.Delivered+1:
		return Broken
	}
	o.attached = true
	o.Delivered, o.Sequence = d.ConsumerSequence, d.StreamSequence
	o.Lag = max(d.Pending, 1) - 1
	return Taken
}

// Heartbeat takes the header of an idle heartbeat of the origin. It is Broken if
// deliveries were lost. If the other side waits, stalled is where to tell it to go on.
func (o *Origin) Heartbeat(header []byte) (step Step, stalled []byte) {
	last, ok := parseUint(wire.Header(header, "Nats-Last-Consumer"))
	if ok && last > 0 && last != o.Delivered {
		return Broken, nil
	}
	return Taken, wire.Header(header, "Nats-Consumer-Stalled")
}

// FlowHeader is the header of the answer to a flow control message: how far this side
// has come.
func (o *Origin) FlowHeader() []byte {
	b := strconv.AppendUint([]byte(wire.HeaderLine+"Nats-Last-Consumer: "), o.Delivered, 10)
	b = strconv.AppendUint(append(b, "\r\nNats-Last-Stream: "...), o.Sequence, 10)
	return append(b, "\r\n\r\n"...)
}

// transformed rewrites a subject by the first transform that it matches.
func (o *Origin) transformed(of []byte) []byte {
	for _, t := range o.transforms {
		if result, ok := t.Match(string(of)); ok {
			return []byte(result)
		}
	}
	return of
}

// isForPublishers reports whether a header was for the stream of origin to check.
func isForPublishers(name []byte) bool {
	return hasPrefix(name, prefixExpected) || hasPrefix(name, prefixBatch)
}

// Mirrored takes a message from the origin of a mirror. It is stored under its sequence
// there and with its time. Sequences that the origin does not have are skipped. An error
// is one of the store.
func (s *Stream) Mirrored(o *Origin, d *Delivery, in *Incoming, out *Result) (Step, *api.Error, error) {
	before := *o
	if step := o.advance(d); step != Taken {
		return step, nil, nil
	}
	if d.StreamSequence <= s.last {
		return Old, nil, nil
	}
	if err := s.skipTo(d.StreamSequence, d.Time); err != nil {
		*o = before
		return Broken, nil, err
	}
	message := *in
	message.Reply = nil
	message.Subject = o.transformed(in.Subject)
	message.Header = without(in.Header, isForPublishers)
	_, refusal, err := s.publishFrom(&message, d.StreamSequence, d.Time, out)
	if refusal != nil || err != nil {
		*o = before
		o.Sequence = max(o.Sequence, s.last)
		return Broken, refusal, err
	}
	return Taken, nil, nil
}

// skipTo makes a sequence the next one. In a stream that never had one, what is in
// front of it is not a hole.
func (s *Stream) skipTo(next uint64, now int64) error {
	switch {
	case next == s.last+1:
		return nil
	case s.last == 0:
		if _, err := s.store.Compact(next); err != nil {
			return fmt.Errorf("begin at sequence %d: %w", next, err)
		}
	default:
		if err := s.store.Skip(s.last+1, next-s.last-1, now); err != nil {
			return fmt.Errorf("skip to sequence %d: %w", next, err)
		}
	}
	s.last = next - 1
	return nil
}

// Sourced takes a message from a source, at the time now. It gets a sequence of this
// stream, and a header that tells where it came from. A message that came before is
// taken without being stored again. One that is refused is for later: nothing behind it
// is taken before. An error is one of the store.
func (s *Stream) Sourced(o *Origin, d *Delivery, in *Incoming, now int64, out *Result) (Step, *api.Error, error) {
	before := *o
	if step := o.advance(d); step != Taken {
		return step, nil, nil
	}
	message := Incoming{Subject: o.transformed(in.Subject), Payload: in.Payload}
	header := appendKept(nil, in.Header, func(name []byte) bool {
		return string(name) == headerStreamSource || isForPublishers(name)
	})
	header = o.appendSource(append(header, headerStreamSource+": "...), d.StreamSequence, in.Subject)
	message.Header = closeBlock(append(header, "\r\n"...), 0)
	_, refusal, err := s.publishFrom(&message, 0, now, out)
	if refusal != nil || err != nil {
		*o = before
		o.Sequence = d.StreamSequence - 1
		return Broken, refusal, err
	}
	return Taken, nil, nil
}

// appendSource appends where a message came from: place, sequence, filter, destination,
// subject there, and the identity of the stream if that is known.
func (o *Origin) appendSource(b []byte, sequence uint64, of []byte) []byte {
	b = strconv.AppendUint(append(b, o.begin...), sequence, 10)
	b = append(append(b, o.end...), of...)
	if o.Identity != "" {
		b = append(append(b, ' '), o.Identity...)
	}
	return b
}

// publishFrom takes in a message of another stream. Given a sequence, it is stored under
// that.
func (s *Stream) publishFrom(in *Incoming, sequence uint64, now int64, out *Result) (duplicate uint64, refusal *api.Error, err error) {
	c := &s.candidate
	c.read(in, fromSource, now)
	c.Sequence = sequence
	s.transformed(c, out)
	duplicate, refusal = s.judge(c)
	if duplicate != 0 || refusal != nil {
		return duplicate, refusal, nil
	}
	refusal, err = s.apply(c, out)
	return 0, refusal, err
}
