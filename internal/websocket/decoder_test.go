package websocket

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// record is events, one a line, with neighbouring data joined.
type record struct {
	lines strings.Builder
	data  []byte
}

func (r *record) line(format string, args ...any) {
	if r.data != nil {
		fmt.Fprintf(&r.lines, "data %q\n", r.data)
		r.data = nil
	}
	fmt.Fprintf(&r.lines, format+"\n", args...)
}

// trace feeds a decoder with input in pieces and writes down what it finds.
func trace(d *Decoder, pieces ...[]byte) string {
	var r record
	for _, piece := range pieces {
		in := bytes.Clone(piece)
		for {
			event, n, err := d.Next(in)
			in = in[n:]
			if err != nil {
				r.line("error %v", err)
				return r.lines.String()
			}
			if event.Kind == NeedMore {
				break
			}
			switch event.Kind {
			case Data:
				r.data = append(r.data, event.Payload...)
			case MessageBegin:
				r.line("begin %v", event.Compressed)
			case MessageEnd:
				r.line("end")
			case PingReceived:
				r.line("ping %q", event.Payload)
			case PongReceived:
				r.line("pong %q", event.Payload)
			case CloseReceived:
				r.line("close %q", event.Payload)
			}
		}
	}
	r.line("idle %v", d.Idle())
	return r.lines.String()
}

// violations are frames that must not be, as they stand after the complete
// message "hello".
var violations = []struct {
	name    string
	deflate bool
	wire    []byte
	text    string
}{
	{"rsv2", true, []byte{0xa2, 0x80}, "RSV2 and RSV3 must be clear"},
	{"rsv3", true, []byte{0x92, 0x80}, "RSV2 and RSV3 must be clear"},
	{"compressed", false, compressedFromClient(true, compressed([]byte("compressed"))), "compressed frame received without negotiated permessage-deflate"},
	{"no mask", false, AppendFrame(nil, Header{Opcode: Binary, Final: true}, []byte("hello")), "mask bit missing"},
	{"no mask in a ping", false, AppendFrame(nil, Header{Opcode: Ping, Final: true}, nil), "mask bit missing"},
	{"long ping", false, fromClient(Ping, true, make([]byte, 200)), "control frame length bigger than maximum allowed of 125 bytes"},
	{"part of a ping", false, fromClient(Ping, false, []byte("hello")), "control frame does not have final bit set"},
	{"compressed ping", true, []byte{0xc9, 0x80}, "control frame must not be compressed"},
	{"message in message", false, join(fromClient(Binary, false, []byte("frag1")), fromClient(Binary, true, []byte("new message"))), "new message started before final frame for previous message was received"},
	{"continuation of nothing", false, fromClient(Continuation, false, []byte("frame")), "invalid continuation frame"},
	{"continuation after the end", false, join(fromClient(Binary, true, []byte("frame")), fromClient(Continuation, false, []byte("more"))), "invalid continuation frame"},
	{"compressed continuation", true, join(fromClient(Text, false, nil), []byte{0x40 | 0x80, 0x80}), "invalid continuation frame"},
	{"opcode 3", false, fromClient(3, true, nil), "unknown opcode 3"},
	{"opcode 11", false, fromClient(11, true, []byte("hello")), "unknown opcode 11"},
	{"huge", false, []byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, "invalid 64-bit payload length"},
	{"hugest", false, []byte{0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4}, "invalid 64-bit payload length"},
	{"close of 1 byte", false, fromClient(Close, true, []byte{3}), "close frame payload cannot be 1 byte"},
	{"close 1005", false, fromClient(Close, true, []byte{1005 >> 8, 1005 & 255}), "invalid close status code 1005"},
	// What is wrong first is reported.
	{"order", false, []byte{0xf3, 0x00}, "RSV2 and RSV3 must be clear"},
	{"order", false, []byte{0x43, 0x7f}, "compressed frame received without negotiated permessage-deflate"},
	{"order", true, []byte{0x49, 0x7f}, "mask bit missing"},
	{"order", true, []byte{0x49, 0xff}, "control frame length bigger than maximum allowed of 125 bytes"},
	{"order", true, []byte{0x49, 0x80}, "control frame does not have final bit set"},
}

// Each violation has its text and the status 1002, and it is final; what came
// before is not lost.
//
// Go: TestWSReadErrors server/websocket_test.go:861
// Go: TestWSReadHugePayloadLenDoesNotPanic server/websocket_test.go:967
func TestViolations(t *testing.T) {
	for _, test := range violations {
		t.Run(test.name, func(t *testing.T) {
			wire := join(fromClient(Binary, true, []byte("hello")), test.wire)
			d := &Decoder{Deflate: test.deflate}
			got := trace(d, wire)
			if !strings.HasPrefix(got, "begin false\ndata \"hello\"\nend\n") || !strings.HasSuffix(got, "error "+test.text+"\n") {
				t.Errorf("got\n%s", got)
			}
			_, n, err := d.Next(wire)
			if again, ok := err.(*CloseError); !ok || n != 0 || again.Text != test.text || again.Code != StatusProtocolError {
				t.Errorf("after the error: %d, %v", n, err)
			}
			if split := trace(&Decoder{Deflate: test.deflate}, bytes.SplitAfter(wire, nil)...); split != got {
				t.Errorf("byte by byte:\n%s", split)
			}
		})
	}
}

// A peer that sends nonsense is told so when the second byte is there.
func TestViolationIsSeenEarly(t *testing.T) {
	if got := trace(new(Decoder), []byte{0x83, 0xff}); got != "error unknown opcode 3\n" {
		t.Error(got)
	}
}

func TestMaskRules(t *testing.T) {
	masked := fromClient(Binary, true, []byte("m"))
	plain := AppendFrame(nil, Header{Opcode: Binary, Final: true}, []byte("p"))
	m, p := "begin false\ndata \"m\"\nend\n", "begin false\ndata \"p\"\nend\n"
	for _, test := range []struct {
		rule MaskRule
		wire []byte
		want string
	}{
		{MaskRequired, join(masked, plain), m + "error mask bit missing\n"},
		{MaskAsSent, join(masked, plain, masked), m + p + m + "idle true\n"},
		{MaskForbidden, join(plain, masked), p + "error masked frame received from a server\n"},
	} {
		if got := trace(&Decoder{Masks: test.rule}, test.wire); got != test.want {
			t.Errorf("rule %d: got\n%swant\n%s", test.rule, got, test.want)
		}
	}
}

// Nothing that follows a close frame is looked at.
func TestNothingAfterClose(t *testing.T) {
	wire := join(fromClient(Close, true, nil), []byte("rubbish"))
	d := new(Decoder)
	want := "close \"\"\nidle false\n"
	if got := trace(d, wire); got != want {
		t.Error(got)
	}
	if event, n, err := d.Next([]byte("more")); event.Kind != NeedMore || n != 4 || err != nil {
		t.Error(event, n, err)
	}
}

// A frame may say its length in a longer form than necessary.
func TestLengthNeedNotBeShortest(t *testing.T) {
	wire := []byte{0x82, 0xfe, 0, 1, 0, 0, 0, 0, 'a', 0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 'b'}
	if got := trace(new(Decoder), wire); got != "begin false\ndata \"a\"\nend\nbegin false\ndata \"b\"\nend\nidle true\n" {
		t.Error(got)
	}
}

// Empty fragments give no data, but the end of a message is seen at once.
func TestEmptyFragments(t *testing.T) {
	wire := join(fromClient(Text, false, nil), fromClient(Continuation, false, []byte("x")), fromClient(Continuation, true, nil))
	if got := trace(new(Decoder), wire); got != "begin false\ndata \"x\"\nend\nidle true\n" {
		t.Error(got)
	}
}

// drawStream draws frames of a client and what a decoder finds in them.
func drawStream(t *rapid.T) (wire []byte, want string) {
	var r record
	open := false
	for range rapid.IntRange(0, 12).Draw(t, "frames") {
		h := Header{Masked: true, Key: [4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "key"))}
		size := rapid.OneOf(rapid.IntRange(0, 130), rapid.SampledFrom([]int{125, 126, 65535, 65536})).Draw(t, "size")
		payload := noise(size)
		switch rapid.IntRange(0, 8).Draw(t, "control") {
		case 0:
			payload = payload[:min(size, controlMax)]
			h.Opcode, h.Final = Ping, true
			r.line("ping %q", payload)
		case 1:
			payload = payload[:min(size, controlMax)]
			h.Opcode, h.Final = Pong, true
			r.line("pong %q", payload)
		default:
			if !open {
				h.Opcode = rapid.SampledFrom([]Opcode{Text, Binary}).Draw(t, "opcode")
				h.Compressed = rapid.Bool().Draw(t, "compressed")
				r.line("begin %v", h.Compressed)
			}
			h.Final = rapid.Bool().Draw(t, "final")
			open = !h.Final
			r.data = append(r.data, payload...)
			if h.Final {
				r.line("end")
			}
		}
		wire = AppendFrame(wire, h, payload)
	}
	r.line("idle %v", !open)
	return wire, r.lines.String()
}

func drawSplit(t *rapid.T, wire []byte) (pieces [][]byte) {
	for len(wire) > 0 {
		n := min(rapid.OneOf(rapid.IntRange(1, 20), rapid.IntRange(1, 70000)).Draw(t, "piece"), len(wire))
		pieces, wire = append(pieces, wire[:n]), wire[n:]
	}
	return pieces
}

// Whatever the pieces in which frames arrive, what was put in comes out.
func TestDecoderProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wire, want := drawStream(t)
		got := trace(&Decoder{Deflate: true}, drawSplit(t, wire)...)
		if got != want {
			t.Fatalf("got\n%.500s\nwant\n%.500s", got, want)
		}
	})
}

// Any split of any input gives the same result.
func FuzzDecoder(f *testing.F) {
	for _, test := range violations {
		f.Add(test.wire, test.deflate, uint8(0), uint16(3))
	}
	f.Add(join(fromClient(Text, false, []byte("ab")), fromClient(Ping, true, []byte("p")), fromClient(Continuation, true, nil)), true, uint8(1), uint16(9))
	f.Add(join(compressedFromClient(true, compressed([]byte("hello"))), fromClient(Close, true, []byte{3, 232, 'x'})), true, uint8(2), uint16(1))
	f.Fuzz(func(t *testing.T, wire []byte, deflate bool, rule uint8, cut uint16) {
		fresh := func() *Decoder { return &Decoder{Masks: MaskRule(rule % 3), Deflate: deflate} }
		whole := trace(fresh(), wire)
		at := int(cut) % (len(wire) + 1)
		if got := trace(fresh(), wire[:at], wire[at:]); got != whole {
			t.Errorf("cut at %d:\n%swhole:\n%s", at, got, whole)
		}
		if len(wire) <= 4096 {
			if got := trace(fresh(), bytes.SplitAfter(wire, nil)...); got != whole {
				t.Errorf("byte by byte:\n%swhole:\n%s", got, whole)
			}
		}
	})
}
