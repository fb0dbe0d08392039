package websocket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// wantRead reads once.
func wantRead(t *testing.T, c *Conn, want string) {
	t.Helper()
	p := make([]byte, 100<<10)
	n, err := c.Read(p)
	if err != nil || string(p[:n]) != want {
		t.Fatalf("read %q, %v, want %q", p[:n], err, want)
	}
}

// wantEnd reads nothing but an error.
func wantEnd(t *testing.T, c *Conn, want error) {
	t.Helper()
	if n, err := c.Read(make([]byte, 100)); n != 0 || !errors.Is(err, want) {
		t.Fatalf("read %d bytes, %v, want %v", n, err, want)
	}
}

// closePayload is what a close frame holds.
func closePayload(code int, text string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), text...)
}

// wantClose expects that nothing but a close frame was written, once the
// connection is closed.
func wantClose(t *testing.T, c *Conn, f *fakeConn, payload []byte) {
	t.Helper()
	if out := f.output(); len(out) > 0 {
		t.Fatalf("written before Close: % x", out)
	}
	c.Close()
	list := frames(t, f.output())
	if len(list) != 1 || list[0].Opcode != Close || !list[0].Final || list[0].Masked || !bytes.Equal(list[0].payload, payload) {
		t.Fatalf("got %+v, want a close frame with %q", list, payload)
	}
}

// What one read brings is handed over at once, whether it has several frames or
// a part of one.
//
// Go: TestWSReadUncompressedFrames server/websocket_test.go:343
func TestReadFrames(t *testing.T) {
	wire := join(fromClient(Binary, true, []byte("first message")), fromClient(Binary, true, []byte("second message")))
	c, _ := serverConn(profile{}, wire)
	wantRead(t, c, "first messagesecond message")
	wantEnd(t, c, io.EOF)

	c, _ = serverConn(profile{}, wire[:11], wire[11:32], wire[32:])
	wantRead(t, c, "first")
	wantRead(t, c, " messagesecond ")
	wantRead(t, c, "message")
	wantEnd(t, c, io.EOF)
}

// Each form of the length is understood.
//
// Go: TestWSReadVariousFrameSizes server/websocket_test.go:411
func TestReadSizes(t *testing.T) {
	for _, size := range []int{1, 100, 125, 126, 1000, 65535, 65536, 70000} {
		c, _ := serverConn(profile{}, fromClient(Binary, true, letters(size)))
		wantRead(t, c, string(letters(size)))
	}
}

// Go: TestWSReadFragmentedFrames server/websocket_test.go:442
func TestReadFragments(t *testing.T) {
	c, _ := serverConn(profile{}, join(fromClient(Text, false, []byte("first")),
		fromClient(Continuation, false, []byte("second")), fromClient(Continuation, true, []byte("third"))))
	wantRead(t, c, "firstsecondthird")
}

// A message is not held back because the header behind it is not complete.
//
// Go: TestWSReadPartialFrameHeaderAtEndOfReadBuffer server/websocket_test.go:465
func TestReadPartOfHeader(t *testing.T) {
	first, second := fromClient(Binary, true, []byte("msg1")), fromClient(Binary, true, []byte("msg2"))
	for cut := 1; cut < 6; cut++ {
		c, _ := serverConn(profile{}, join(first, second[:cut]), second[cut:])
		wantRead(t, c, "msg1")
		wantRead(t, c, "msg2")
	}
}

// What is needed to go on is put together from as many reads as it takes; an
// error on the way is passed on.
//
// Go: TestWSGet server/websocket_test.go:69
func TestReadHeaderAndControlInPieces(t *testing.T) {
	wire := join(fromClient(Ping, true, []byte("0123456789")), fromClient(Binary, true, letters(300)))
	for size := 1; size <= len(wire); size++ {
		c, f := serverConn(profile{}, slices.Collect(slices.Chunk(wire, size))...)
		got, err := readAll(c, 1000)
		if err != io.EOF || !bytes.Equal(got, letters(300)) {
			t.Fatalf("pieces of %d: %q, %v", size, got, err)
		}
		if pong := f.output(); !bytes.Equal(pong, AppendFrame(nil, Header{Opcode: Pong, Final: true}, []byte("0123456789"))) {
			t.Fatalf("pieces of %d: pong % x", size, pong)
		}
	}
	onPurpose := errors.New("on purpose")
	for cut := range wire[:24] { // the ping and the header of the message
		c, f := serverConn(profile{}, wire[:cut])
		f.end = onPurpose
		wantEnd(t, c, onPurpose)
	}
}

// A pong has what the ping had, and a ping no effect on data.
//
// Go: TestWSReadPingFrame server/websocket_test.go:490
func TestReadPing(t *testing.T) {
	for _, payload := range []string{"", "optional payload", strings.Repeat("x", 125)} {
		c, f := serverConn(profile{}, fromClient(Ping, true, []byte(payload)), fromClient(Binary, true, []byte("data")))
		wantRead(t, c, "data")
		list := frames(t, f.output())
		if len(list) != 1 || list[0].Header != (Header{Opcode: Pong, Final: true}) || string(list[0].payload) != payload {
			t.Errorf("ping with %q: %+v", payload, list)
		}
	}
}

// Go: TestWSReadPongFrame server/websocket_test.go:535
func TestReadPong(t *testing.T) {
	for _, payload := range []string{"", "optional payload"} {
		c, f := serverConn(profile{}, fromClient(Pong, true, []byte(payload)))
		wantEnd(t, c, io.EOF)
		c.Close()
		if out := f.output(); len(out) > 0 {
			t.Errorf("a pong is answered with % x", out)
		}
	}
}

// Go: TestWSReadControlFrameBetweebFragmentedFrames server/websocket_test.go:638
func TestReadControlBetweenFragments(t *testing.T) {
	c, f := serverConn(profile{}, join(fromClient(Binary, false, []byte("first")), fromClient(Pong, true, nil),
		fromClient(Ping, true, []byte("p")), fromClient(Continuation, true, []byte("second"))))
	wantRead(t, c, "firstsecond")
	if list := frames(t, f.output()); len(list) != 1 || string(list[0].payload) != "p" {
		t.Errorf("got %+v", list)
	}
}

// A close frame ends reading, after the data before it, and is answered by the
// same.
//
// Go: TestWSReadCloseFrame server/websocket_test.go:565
func TestReadClose(t *testing.T) {
	for _, test := range []struct {
		payload []byte
		code    int
		text    string
	}{
		{closePayload(1000, ""), 1000, ""},
		{closePayload(1001, "optional payload"), 1001, "optional payload"},
		{closePayload(4999, strings.Repeat("x", 123)), 4999, strings.Repeat("x", 123)},
		{nil, 1005, ""},
	} {
		c, f := serverConn(profile{}, join(fromClient(Binary, true, []byte("msg")), fromClient(Close, true, test.payload), []byte("ignored")))
		wantRead(t, c, "msg")
		wantEnd(t, c, io.EOF)
		wantEnd(t, c, io.EOF)
		if code, text, received := c.PeerClose(); code != test.code || text != test.text || !received {
			t.Errorf("peer closed with %d %q, %v", code, text, received)
		}
		wantClose(t, c, f, test.payload)
	}
}

func TestPeerCloseWithoutFrame(t *testing.T) {
	c, f := serverConn(profile{}, fromClient(Binary, true, []byte("msg")))
	wantRead(t, c, "msg")
	wantEnd(t, c, io.EOF)
	if _, _, received := c.PeerClose(); received {
		t.Error("a close frame was received")
	}
	c.Close()
	if out := f.output(); len(out) > 0 {
		t.Errorf("written: % x", out)
	}
}

// A close frame may come in parts; one with a bad status is a violation, of which
// the peer is told.
//
// Go: TestWSCloseFrameWithPartialOrInvalid server/websocket_test.go:661
func TestReadCloseInPartsOrInvalid(t *testing.T) {
	good := fromClient(Close, true, closePayload(1000, "hello"))
	for cut := range good {
		c, f := serverConn(profile{}, good[:cut], good[cut:])
		wantEnd(t, c, io.EOF)
		wantClose(t, c, f, closePayload(1000, "hello"))
	}
	bad := map[string][]byte{"close frame payload cannot be 1 byte": {3}}
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535} {
		bad[fmt.Sprintf("invalid close status code %d", code)] = closePayload(code, "")
	}
	for text, payload := range bad {
		wire := fromClient(Close, true, payload)
		c, f := serverConn(profile{}, wire[:1], wire[1:])
		_, err := c.Read(make([]byte, 100))
		if violation, ok := err.(*CloseError); !ok || violation.Code != StatusProtocolError || err.Error() != text {
			t.Errorf("got %v, want %s", err, text)
		}
		wantClose(t, c, f, closePayload(StatusProtocolError, text))
	}
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1014, 3000, 4999} {
		c, f := serverConn(profile{}, fromClient(Close, true, closePayload(code, "")))
		wantEnd(t, c, io.EOF)
		wantClose(t, c, f, closePayload(code, ""))
	}
}

// A connection that breaks inside a control frame gives its error; a close text
// that is not UTF-8 ends the connection in order, but is answered with 1007.
//
// Go: TestWSHandleControlFrameErrors server/websocket_test.go:807
func TestReadControlErrors(t *testing.T) {
	payload := closePayload(1000, "this is a close message")
	wire := fromClient(Close, true, payload)
	c, f := serverConn(profile{}, wire[:len(wire)-4])
	f.end = errors.New("on purpose")
	wantEnd(t, c, f.end)

	payload[10] = 0xf1
	c, f = serverConn(profile{}, fromClient(Close, true, payload))
	wantEnd(t, c, io.EOF)
	if code, text, _ := c.PeerClose(); code != 1000 || text != "" {
		t.Errorf("peer closed with %d %q", code, text)
	}
	wantClose(t, c, f, closePayload(StatusInvalidPayload, "invalid utf8 body in close frame"))
}

// A message is not lost if the connection breaks inside the frame behind it.
//
// Go: TestWSReadGetErrors server/websocket_test.go:772
func TestReadErrorInsideFrame(t *testing.T) {
	for _, length := range []int{10, 200, 70000} {
		for extra := 1; extra < 14; extra++ {
			second := fromClient(Binary, true, make([]byte, length))
			c, f := serverConn(profile{}, join(fromClient(Binary, true, []byte("msg")), second[:extra]))
			f.end = errors.New("on purpose")
			got, err := readAll(c, 1000)
			if err != f.end || !bytes.HasPrefix(got, []byte("msg")) {
				t.Errorf("length %d, %d bytes: %q, %v", length, extra, got, err)
			}
			c, _ = serverConn(profile{}, join(fromClient(Binary, true, []byte("msg")), second[:extra]))
			if _, err := readAll(c, 1000); err != io.ErrUnexpectedEOF {
				t.Errorf("end of input inside a frame: %v", err)
			}
		}
	}
}

// The data before a bad frame is handed over, then the error comes, and stays.
// The peer is told the reason.
func TestReadViolation(t *testing.T) {
	for _, test := range violations {
		c, f := serverConn(profile{deflate: test.deflate}, join(fromClient(Binary, true, []byte("hello")), test.wire))
		got, err := readAll(c, 100)
		if !bytes.HasPrefix(got, []byte("hello")) || err == nil || err.Error() != test.text {
			t.Errorf("%s: %q, %v", test.name, got, err)
		}
		wantEnd(t, c, err)
		wantClose(t, c, f, closePayload(StatusProtocolError, test.text))
	}
}

// A read deadline that passes between or inside plain frames does no harm.
func TestReadGoesOnAfterDeadline(t *testing.T) {
	wire := join(fromClient(Binary, true, []byte("one")), fromClient(Binary, true, []byte("two")))
	for cut := range wire {
		c, f := serverConn(profile{}, wire[:cut])
		f.end = os.ErrDeadlineExceeded
		before, err := readAll(c, 100)
		if err != os.ErrDeadlineExceeded {
			t.Fatal(err)
		}
		f.reads, f.end = [][]byte{bytes.Clone(wire[cut:])}, io.EOF
		after, err := readAll(c, 100)
		if got := string(before) + string(after); got != "onetwo" || err != io.EOF {
			t.Errorf("cut at %d: %q, %v", cut, got, err)
		}
	}
}

func TestReadCompressed(t *testing.T) {
	text := letters(100_000)
	whole := compressed(text)
	third := len(whole) / 3
	fragments := join(compressedFromClient(false, whole[:third]), fromClient(Ping, true, nil),
		fromClient(Continuation, false, whole[third:2*third]), fromClient(Continuation, true, whole[2*third:]))
	for name, wire := range map[string][]byte{
		"one frame":          compressedFromClient(true, whole),
		"fragments":          fragments,
		"empty fragments":    join(compressedFromClient(false, nil), fromClient(Continuation, false, whole), fromClient(Continuation, true, nil)),
		"stored":             compressedFromClient(true, stored(text)),
		"final block":        compressedFromClient(true, append(finalBlock(text), 0)),
		"final block, tight": compressedFromClient(true, finalBlock(text)),
	} {
		// More messages, compressed and not, in the same read and in later ones.
		wire = join([]byte(nil), fromClient(Binary, true, []byte("before")), wire, fromClient(Binary, true, []byte("plain")),
			compressedFromClient(true, []byte{0}), compressedFromClient(true, compressed([]byte("after"))))
		want := "before" + string(text) + "plainafter"
		for _, size := range []int{1, 100, 5000, len(wire)} {
			for _, buffer := range []int{1, 512, 200_000} {
				if size == 1 && buffer != 512 {
					continue
				}
				c, _ := serverConn(profile{deflate: true}, slices.Collect(slices.Chunk(wire, size))...)
				got, err := readAll(c, buffer)
				if string(got) != want || err != io.EOF {
					t.Fatalf("%s, pieces of %d, buffer of %d: %d of %d bytes, %v", name, size, buffer, len(got), len(want), err)
				}
				if c.in.stash != nil || c.in.inflater != nil {
					t.Errorf("%s: buffers are held", name)
				}
			}
		}
	}
}

// stored is data as a compressed message that compresses nothing.
func stored(data []byte) (message []byte) {
	for len(data) > 0 {
		n := min(len(data), 65535)
		message = append(message, 0, byte(n), byte(n>>8), ^byte(n), ^byte(n>>8))
		message, data = append(message, data[:n]...), data[n:]
	}
	return append(message, 0)
}

// finalBlock is data as a compressed message whose last block says so.
func finalBlock(data []byte) (message []byte) {
	message = stored(data)
	message = message[:len(message)-1]
	return append(message, 1, 0, 0, 0xff, 0xff)
}

// The connection holds no buffer between messages, though it had to.
func TestReadHoldsNothingWhileIdle(t *testing.T) {
	c, f := serverConn(profile{deflate: true}, compressedFromClient(true, compressed([]byte("x"))))
	f.end = os.ErrDeadlineExceeded
	wantRead(t, c, "x")
	wantEnd(t, c, os.ErrDeadlineExceeded)
	if c.in.stash != nil || c.in.inflater != nil {
		t.Error("buffers are held")
	}
}

func TestConnIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Conn{}); size > 1024 {
		t.Errorf("%d bytes for an idle connection", size)
	}
}

// Bytes asked of a compressed message that has none yet are no reason to panic.
//
// Go: TestWSReadByteWithEmptyCompressedBufferDoesNotPanic server/websocket_test.go:981
func TestReadEmptyCompressed(t *testing.T) {
	for name, test := range map[string]struct {
		wire []byte
		want string
	}{
		"ends after nothing":   {compressedFromClient(false, nil), io.ErrUnexpectedEOF.Error()},
		"ends after fragments": {join(compressedFromClient(false, nil), fromClient(Continuation, false, nil)), io.ErrUnexpectedEOF.Error()},
		"empty message":        {compressedFromClient(true, nil), "flate: corrupt input before offset"},
		"empty in fragments":   {join(compressedFromClient(false, nil), fromClient(Continuation, true, nil)), "flate: corrupt input before offset"},
		"closed inside":        {join(compressedFromClient(false, nil), fromClient(Close, true, nil)), io.EOF.Error()},
		"violation inside":     {join(compressedFromClient(false, nil), fromClient(Binary, true, nil)), "new message started"},
	} {
		c, _ := serverConn(profile{deflate: true}, test.wire)
		got, err := readAll(c, 100)
		if len(got) != 0 || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestReadCorrupt(t *testing.T) {
	flipped := compressed([]byte("PING\r\n"))
	flipped[len(flipped)-1] ^= 0xff
	for name, message := range map[string][]byte{
		"flipped":           flipped,
		"ends inside":       compressed(noise(1000))[:500],
		"more after final":  append(finalBlock([]byte("x")), 1, 2, 3),
		"spare after final": append(finalBlock([]byte("x")), 0, 0),
	} {
		c, f := serverConn(profile{deflate: true}, compressedFromClient(true, message))
		_, err := readAll(c, 2000)
		violation, ok := err.(*CloseError)
		if !ok || violation.Code != StatusInvalidPayload {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name == "flipped" && !strings.Contains(err.Error(), "corrupt") {
			t.Errorf("%s: %v", name, err)
		}
		wantClose(t, c, f, closePayload(StatusInvalidPayload, err.Error()))
	}
}

// What a message may inflate to is limited; what it has up to the limit is handed
// over, and it is not inflated any further.
func TestReadLimit(t *testing.T) {
	bomb := compressed(make([]byte, 10<<20))
	for _, limit := range []int64{1, 4096, 1 << 20} {
		c, f := serverConn(profile{deflate: true}, compressedFromClient(true, bomb))
		c.SetReadLimit(limit)
		got, err := readAll(c, 32<<10)
		violation, ok := err.(*CloseError)
		if !ok || *violation != (CloseError{StatusMessageTooBig, "maximum payload exceeded"}) || int64(len(got)) != limit {
			t.Errorf("limit %d: %d bytes, %v", limit, len(got), err)
		}
		wantClose(t, c, f, closePayload(StatusMessageTooBig, "maximum payload exceeded"))
	}
	exact := compressed(make([]byte, 4096))
	c, _ := serverConn(profile{deflate: true}, join(compressedFromClient(true, exact), compressedFromClient(true, exact)))
	c.SetReadLimit(4096)
	if got, err := readAll(c, 1000); len(got) != 8192 || err != io.EOF {
		t.Errorf("two messages at the limit: %d bytes, %v", len(got), err)
	}
	c, _ = serverConn(profile{}, fromClient(Binary, true, make([]byte, 100)))
	c.SetReadLimit(10)
	if got, err := readAll(c, 1000); len(got) != 100 || err != io.EOF {
		t.Errorf("a plain message: %d bytes, %v", len(got), err)
	}
}

func TestReadLimitForPayload(t *testing.T) {
	const lines = 64 << 10
	for payload, want := range map[int64]int64{
		-1: 8<<20 + lines, 0: 8<<20 + lines, 16: 128 + lines, 1 << 20: 8<<20 + lines,
		8 << 20: 64<<20 + lines, 64 << 20: 64<<20 + lines, 100 << 20: 100<<20 + lines,
	} {
		if got := ReadLimit(payload); got != want {
			t.Errorf("payload %d: %d, want %d", payload, got, want)
		}
	}
}

// Messages that are fragmented, compressed, masked and interleaved with control
// frames, in any pieces, read with any buffer, give the data that went in.
func TestReadProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var wire, want []byte
		pings := 0
		for range rapid.IntRange(0, 8).Draw(t, "messages") {
			data := rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 0, 300),
				rapid.Map(rapid.IntRange(0, 70000), letters)).Draw(t, "data")
			h := Header{Opcode: rapid.SampledFrom([]Opcode{Text, Binary}).Draw(t, "opcode"), Masked: true}
			message := data
			if h.Compressed = rapid.Bool().Draw(t, "compressed"); h.Compressed {
				message = compressed(data)
			}
			for {
				if rapid.IntRange(0, 3).Draw(t, "ping") == 0 {
					wire = append(wire, fromClient(Ping, true, []byte("ping"))...)
					pings++
				}
				n := rapid.IntRange(0, len(message)).Draw(t, "fragment")
				h.Final = n == len(message)
				binary.LittleEndian.PutUint32(h.Key[:], rapid.Uint32().Draw(t, "key"))
				wire = AppendFrame(wire, h, message[:n])
				if message = message[n:]; h.Final {
					break
				}
				h = Header{Opcode: Continuation, Masked: true}
			}
			want = append(want, data...)
		}
		c, f := serverConn(profile{deflate: true}, drawSplit(t, wire)...)
		got, err := readAll(c, rapid.IntRange(1, 3000).Draw(t, "buffer"))
		if !bytes.Equal(got, want) || err != io.EOF {
			t.Fatalf("read %d bytes of %d, %v", len(got), len(want), err)
		}
		if out, pong := f.output(), AppendFrame(nil, Header{Opcode: Pong, Final: true}, []byte("ping")); !bytes.Equal(out, bytes.Repeat(pong, pings)) {
			t.Fatalf("%d pings, answers % x", pings, out)
		}
	})
}

// Whatever a peer sends, reading ends, stays within the limit, gives the same in
// pieces as at once, and does not panic.
func FuzzRead(f *testing.F) {
	f.Add(compressedFromClient(true, compressed([]byte("hello"))), uint16(7), uint16(3))
	f.Add(join(compressedFromClient(false, compressed(letters(200))), fromClient(Ping, true, []byte("p")), fromClient(Continuation, true, []byte{0})), uint16(20), uint16(100))
	f.Add(compressedFromClient(true, append(finalBlock([]byte("abc")), 0)), uint16(1), uint16(1))
	for _, test := range violations {
		f.Add(test.wire, uint16(1), uint16(10))
	}
	f.Fuzz(func(t *testing.T, wire []byte, cut, buffer uint16) {
		const limit = 1 << 16
		read := func(size int, reads ...[]byte) (string, string) {
			c, conn := serverConn(profile{deflate: true}, reads...)
			c.SetReadLimit(limit)
			got, err := readAll(c, size)
			if err == nil {
				t.Fatal("no end")
			}
			wantEnd(t, c, err)
			c.Close()
			frames(t, conn.output())
			return string(got), err.Error()
		}
		data, err := read(1000, wire)
		if len(data) > limit*(len(wire)/6+1) {
			t.Errorf("%d bytes", len(data))
		}
		at := int(cut) % (len(wire) + 1)
		again, errAgain := read(int(buffer)+1, wire[:at], wire[at:])
		// Of a message that breaks off, more or less may have been handed out before.
		common := min(len(again), len(data))
		if again[:common] != data[:common] || errAgain != err || err == io.EOF.Error() && len(again) != len(data) {
			t.Errorf("cut at %d: %d bytes, %s; at once %d bytes, %s", at, len(again), errAgain, len(data), err)
		}
	})
}
