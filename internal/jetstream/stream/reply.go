package stream

import "bytes"

// A Delivery is what the reply subject of a delivered message tells of it.
type Delivery struct {
	// Stream and Consumer are who has delivered it.
	Stream, Consumer []byte
	// Count is how often it was delivered, this time included.
	Count uint64
	// StreamSequence is that of the message in its stream, ConsumerSequence the number
	// of the delivery.
	StreamSequence, ConsumerSequence uint64
	// Time is when it was stored there, in Unix nanoseconds.
	Time int64
	// Pending is how many the consumer has still to deliver.
	Pending uint64
}

// ParseDelivery reads the reply subject of a delivered message: $JS.ACK with stream,
// consumer, count, the two sequences, time and pending, and in the newer form with
// domain and account in front of the stream. The parts lie in reply.
func ParseDelivery(reply []byte) (Delivery, bool) {
	const prefix = "$JS.ACK."
	if len(reply) < len(prefix) || string(reply[:len(prefix)]) != prefix {
		return Delivery{}, false
	}
	var tokens [10][]byte
	rest, n := reply[len(prefix):], 0
	for more := true; more && n < len(tokens); n++ {
		tokens[n], rest, more = bytes.Cut(rest, []byte("."))
	}
	from := 0
	switch {
	case n == 7 && len(rest) == 0:
	case n >= 9:
		from = 2
	default:
		return Delivery{}, false
	}
	d := Delivery{Stream: tokens[from], Consumer: tokens[from+1]}
	numbers := [5]uint64{}
	for i := range numbers {
		var ok bool
		if numbers[i], ok = parseUint(tokens[from+2+i]); !ok {
			return Delivery{}, false
		}
	}
	d.Count, d.StreamSequence, d.ConsumerSequence = numbers[0], numbers[1], numbers[2]
	d.Time, d.Pending = int64(numbers[3]), numbers[4]
	return d, len(d.Stream) > 0 && d.StreamSequence > 0 && d.ConsumerSequence > 0
}
