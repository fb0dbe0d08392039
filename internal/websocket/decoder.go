package websocket

import "encoding/binary"

// MaskRule says which frames a Decoder takes.
type MaskRule uint8

const (
	// MaskRequired is the rule for what clients send.
	MaskRequired MaskRule = iota
	// MaskAsSent honours the mask bit of each frame, for clients with which
	// unmasked frames were agreed.
	MaskAsSent
	// MaskForbidden is the rule for what servers send.
	MaskForbidden
)

// EventKind is what a Decoder found.
type EventKind uint8

const (
	// NeedMore: everything was consumed and there is no event.
	NeedMore EventKind = iota
	// MessageBegin: a text or binary message starts. Event.Compressed is set.
	MessageBegin
	// Data: Event.Payload is the next part of the message.
	Data
	// MessageEnd: the message is complete.
	MessageEnd
	// PingReceived: Event.Payload is to be sent back.
	PingReceived
	// PongReceived: Event.Payload is what a ping had.
	PongReceived
	// CloseReceived: Event.Payload is status and text. The status is valid, the
	// text need not be UTF-8. There are no events after it.
	CloseReceived
)

// Event is one step of a Decoder.
type Event struct {
	Kind       EventKind
	Compressed bool
	// Payload is unmasked. That of Data is a part of the input of Next, that of
	// control frames belongs to the decoder until its next call.
	Payload []byte
}

// Decoder takes frames apart. It is fed with bytes as they come, in pieces of any
// size, and holds no more of them than a header or a control frame. The zero
// value decodes uncompressed frames of clients. It belongs to one goroutine.
type Decoder struct {
	Masks   MaskRule
	Deflate bool // whether permessage-deflate was agreed

	state   decoderState
	message bool   // a message was begun and its final frame not yet completed
	opcode  Opcode // of the current frame
	final   bool   // of the current data frame
	masked  bool
	key     uint32
	left    uint64 // payload bytes of the current frame that are still to come

	have, want int // bytes of the header at hand and needed
	header     [headerMax]byte
	control    [controlMax]byte
	filled     int // bytes in control

	err *CloseError
}

type decoderState uint8

const (
	inHeader decoderState = iota
	inData
	inControl
	afterClose
	failed
)

// Idle reports whether the bytes so far end between messages.
func (d *Decoder) Idle() bool {
	return d.state == inHeader && d.have == 0 && !d.message
}

// Next goes on to the next event. It returns how many bytes of in it consumed and
// is to be called again with the rest, also if there is none, until the event is
// NeedMore. The input is unmasked in place. An error is a *CloseError and final;
// everything after a close frame is ignored.
func (d *Decoder) Next(in []byte) (event Event, n int, err error) {
	for {
		switch d.state {
		case inHeader:
			taken, complete := d.fillHeader(in[n:])
			n += taken
			if d.err != nil {
				return Event{}, n, d.err
			}
			if !complete {
				return Event{}, n, nil
			}
			if begun := d.begin(); begun {
				return Event{Kind: MessageBegin, Compressed: d.header[0]&rsv1Bit != 0}, n, nil
			}
		case inData:
			if d.left > 0 {
				payload := d.take(in[n:])
				if len(payload) == 0 {
					return Event{}, n, nil
				}
				return Event{Kind: Data, Payload: payload}, n + len(payload), nil
			}
			d.state = inHeader
			if d.final {
				d.message = false
				return Event{Kind: MessageEnd}, n, nil
			}
		case inControl:
			payload := d.take(in[n:])
			n += len(payload)
			d.filled += copy(d.control[d.filled:], payload)
			if d.left > 0 {
				return Event{}, n, nil
			}
			event, err = d.endControl()
			return event, n, err
		case afterClose:
			return Event{}, len(in), nil
		default:
			return Event{}, n, d.err
		}
	}
}

// take unmasks and returns what in has of the current frame's payload.
func (d *Decoder) take(in []byte) []byte {
	if uint64(len(in)) > d.left {
		in = in[:d.left]
	}
	d.left -= uint64(len(in))
	if d.masked {
		d.key = applyMask(in, d.key)
	}
	return in
}

// fillHeader collects a header. Its first two bytes are judged as soon as they
// are there, so that a peer which sends nonsense is not waited for.
func (d *Decoder) fillHeader(in []byte) (n int, complete bool) {
	if d.want == 0 {
		d.want = 2
	}
	for {
		taken := copy(d.header[d.have:d.want], in[n:])
		n += taken
		d.have += taken
		if d.have < d.want {
			return n, false
		}
		if d.want > 2 {
			break
		}
		if d.err = d.judge(d.header[0], d.header[1]); d.err != nil {
			d.state = failed
			return n, false
		}
		d.want += headerRest(d.header[1])
		if d.want == 2 {
			break
		}
	}
	d.parseLength()
	if d.err != nil {
		d.state = failed
		return n, false
	}
	d.have, d.want = 0, 0
	return n, true
}

// headerRest is how many bytes follow the first two of a header.
func headerRest(second byte) (n int) {
	switch second &^ maskBit {
	case length16:
		n = 2
	case length64:
		n = 8
	}
	if second&maskBit != 0 {
		n += 4
	}
	return n
}

// judge checks the first two bytes of a header against the state of the message.
func (d *Decoder) judge(first, second byte) *CloseError {
	opcode, final, compressed := Opcode(first&0x0f), first&finalBit != 0, first&rsv1Bit != 0
	masked := second&maskBit != 0
	switch {
	case first&rsv23 != 0:
		return protocolError("RSV2 and RSV3 must be clear")
	case compressed && !d.Deflate:
		return protocolError("compressed frame received without negotiated permessage-deflate")
	case !masked && d.Masks == MaskRequired:
		return protocolError("mask bit missing")
	case masked && d.Masks == MaskForbidden:
		return protocolError("masked frame received from a server")
	}
	switch opcode {
	case Ping, Pong, Close:
		switch {
		case second&^maskBit > controlMax:
			return protocolError("control frame length bigger than maximum allowed of %d bytes", controlMax)
		case !final:
			return protocolError("control frame does not have final bit set")
		case compressed:
			return protocolError("control frame must not be compressed")
		}
	case Text, Binary:
		if d.message {
			return protocolError("new message started before final frame for previous message was received")
		}
	case Continuation:
		if !d.message || compressed {
			return protocolError("invalid continuation frame")
		}
	default:
		return protocolError("unknown opcode %d", opcode)
	}
	return nil
}

// parseLength reads what follows the first two bytes.
func (d *Decoder) parseLength() {
	second := d.header[1]
	rest := d.header[2:d.want]
	switch second &^ maskBit {
	case length16:
		d.left = uint64(binary.BigEndian.Uint16(rest))
		rest = rest[2:]
	case length64:
		d.left = binary.BigEndian.Uint64(rest)
		rest = rest[8:]
		if d.left>>63 != 0 {
			d.err = protocolError("invalid 64-bit payload length")
			return
		}
	default:
		d.left = uint64(second &^ maskBit)
	}
	d.masked = second&maskBit != 0
	if d.masked {
		d.key = binary.LittleEndian.Uint32(rest)
	}
}

// begin starts on the payload of the frame whose header is complete, and reports
// whether that begins a message.
func (d *Decoder) begin() bool {
	d.opcode = Opcode(d.header[0] & 0x0f)
	if d.opcode.Control() {
		d.state, d.filled = inControl, 0
		return false
	}
	d.state, d.final = inData, d.header[0]&finalBit != 0
	d.message = true
	return d.opcode != Continuation
}

func (d *Decoder) endControl() (Event, error) {
	d.state = inHeader
	payload := d.control[:d.filled]
	switch d.opcode {
	case Ping:
		return Event{Kind: PingReceived, Payload: payload}, nil
	case Pong:
		return Event{Kind: PongReceived, Payload: payload}, nil
	}
	if _, _, _, err := parseClose(payload); err != nil {
		d.state, d.err = failed, err
		return Event{}, err
	}
	d.state = afterClose
	return Event{Kind: CloseReceived, Payload: payload}, nil
}
