package websocket

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	browser = profile{frameMax: browserFrameSize, fragments: true}
	masking = func(p profile, on bool) profile { p.masked = on; return p }
)

// sizesOf are the payload sizes of frames.
func sizesOf(list []frame) (sizes []int) {
	for _, f := range list {
		sizes = append(sizes, len(f.payload))
	}
	return sizes
}

// What is written at once becomes one frame; for a browser, frames of at most 4096
// bytes, which keep small pieces whole. Only a client masks.
//
// Go: TestWSFrameOutbound server/websocket_test.go:2968
func TestWriteFrames(t *testing.T) {
	text := func(s string) []byte { return []byte(s) }
	big := func(n int) []byte { return letters(browserFrameSize + n) }
	for _, test := range []struct {
		name    string
		browser bool
		pieces  [][]byte
		sizes   []int
	}{
		{"one frame", false, [][]byte{text("this "), text("is "), text("a "), text("set "), text("of "), text("buffers")}, []int{24}},
		{"nothing", false, [][]byte{nil, {}}, nil},
		{"at the limit", false, [][]byte{letters(frameSize)}, []int{frameSize}},
		{"above the limit", false, [][]byte{letters(2*frameSize + 1)}, []int{frameSize, frameSize, 1}},
		{"too large in the middle", true, [][]byte{text("some smaller "), text("buffers"), big(10), text("then some more")}, []int{20, 4096, 24}},
		{"just right", true, [][]byte{text("some smaller "), text("buffers"), big(0), text("then some more")}, []int{20, 4096, 14}},
		{"just right at the end", true, [][]byte{text("some smaller "), text("buffers"), big(0)}, []int{20, 4096}},
		{"does not fit", true, [][]byte{text("some smaller buffer"), big(-5), text("then some more")}, []int{19, 4091, 14}},
		{"alone", true, [][]byte{big(100)}, []int{4096, 100}},
	} {
		for _, masked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, masked %v", test.name, masked), func(t *testing.T) {
				p := profile{}
				if test.browser {
					p = browser
				}
				c, f := serverConn(masking(p, masked))
				want := bytes.Join(test.pieces, nil)
				if n, err := c.WriteBuffers(test.pieces); n != len(want) || err != nil {
					t.Fatalf("wrote %d, %v", n, err)
				}
				list := frames(t, f.output())
				if sizes := sizesOf(list); !slices.Equal(sizes, test.sizes) {
					t.Errorf("frames of %v, want %v", sizes, test.sizes)
				}
				for _, frame := range list {
					if frame.Opcode != Binary || !frame.Final || frame.Compressed || frame.Masked != masked {
						t.Errorf("got %+v", frame.Header)
					}
				}
				if got := payloads(t, list); !bytes.Equal(got, want) {
					t.Errorf("data differ")
				}
				if !bytes.Equal(bytes.Join(test.pieces, nil), want) {
					t.Error("the data of the caller were changed")
				}
			})
		}
	}
}

func TestMaskKeysDiffer(t *testing.T) {
	c, f := serverConn(masking(profile{}, true))
	seen := make(map[[4]byte]bool)
	for range 100 {
		c.Write([]byte("x"))
	}
	for _, frame := range frames(t, f.output()) {
		seen[frame.Key] = true
	}
	if len(seen) < 99 {
		t.Errorf("%d keys in 100 frames", len(seen))
	}
}

// Up to 64 bytes go as they are; more are compressed, even if they grow. The form
// is what the best speed gives, without its tail.
func TestWriteCompressed(t *testing.T) {
	for _, test := range []struct {
		data       []byte
		compressed bool
	}{
		{letters(64), false}, {letters(65), true}, {noise(65), true}, {letters(5000), true},
		{[]byte("MSG foo 1 5\r\nsmall\r\n"), false},
	} {
		c, f := serverConn(profile{deflate: true})
		if n, err := c.Write(test.data); n != len(test.data) || err != nil {
			t.Fatal(n, err)
		}
		list := frames(t, f.output())
		want := test.data
		if test.compressed {
			want = compressed(test.data)
		}
		if len(list) != 1 || list[0].Header != (Header{Opcode: Binary, Final: true, Compressed: test.compressed}) || !bytes.Equal(list[0].payload, want) {
			t.Errorf("%d bytes: %+v", len(test.data), list)
		}
	}
}

// For a browser a compressed message comes in fragments of at most 4096 bytes, of
// which only the first one says so. Safari gets it in one frame.
//
// Go: TestWSCompressionFrameSizeLimit server/websocket_test.go:3465
func TestCompressedFragments(t *testing.T) {
	for _, masked := range []bool{false, true} {
		data := noise(2 * browserFrameSize)
		p := masking(browser, masked)
		p.deflate = true
		c, f := serverConn(p)
		c.Write(data)
		list := frames(t, f.output())
		if len(list) != 3 {
			t.Fatalf("frames of %v", sizesOf(list))
		}
		for i, frame := range list {
			want := Header{Opcode: Continuation, Final: i == len(list)-1, Masked: masked, Key: frame.Key}
			if i == 0 {
				want.Opcode, want.Compressed = Binary, true
			}
			if frame.Header != want || len(frame.payload) > browserFrameSize {
				t.Errorf("frame %d: %+v with %d bytes", i, frame.Header, len(frame.payload))
			}
		}
		if !bytes.Equal(payloads(t, list), data) {
			t.Error("data differ")
		}
		p.fragments = false
		c, f = serverConn(p)
		c.Write(data)
		if list := frames(t, f.output()); len(list) != 1 || len(list[0].payload) <= browserFrameSize || !list[0].Compressed {
			t.Errorf("Safari: frames of %v", sizesOf(list))
		}
	}
}

// A large write becomes several messages, none of which a small receiver would
// refuse.
func TestCompressedMessagesAreBounded(t *testing.T) {
	data := join(letters(frameSize), noise(frameSize), letters(100_000), noise(40))
	c, f := serverConn(profile{deflate: true})
	if n, err := c.Write(data); n != len(data) || err != nil {
		t.Fatal(n, err)
	}
	list := frames(t, f.output())
	for _, f := range list {
		if len(f.payload) > 65535 || len(payloads(t, []frame{f})) > frameSize {
			t.Errorf("a frame of %d bytes", len(f.payload))
		}
	}
	if !bytes.Equal(payloads(t, list), data) {
		t.Error("data differ")
	}
}

// However much is written at once, it passes through a buffer of bounded size,
// which is filled with frames as far as they fit.
func TestWritesAreBounded(t *testing.T) {
	for _, p := range []profile{{}, browser, {deflate: true}} {
		c, f := serverConn(p)
		c.Write(noise(1 << 20))
		if f.largest > scratchSize || f.largest < frameSize/2 || f.writes > 20 {
			t.Errorf("%+v: %d writes of up to %d bytes", p, f.writes, f.largest)
		}
	}
}

// A ping that comes at the very end of a write is answered all the same.
func TestPongAtTheEndOfWrite(t *testing.T) {
	c, f := serverConn(profile{})
	c.out.mu.Lock()
	c.debts.owePong([]byte("p"))
	c.payPong() // somebody is writing
	if out := f.output(); len(out) > 0 {
		t.Fatalf("written: % x", out)
	}
	c.unlockOut()
	if list := frames(t, f.output()); len(list) != 1 || list[0].Opcode != Pong || string(list[0].payload) != "p" {
		t.Errorf("got %+v", list)
	}
}

// Repeated compressed writes allocate next to nothing.
//
// Go: TestWSCompressionPoolBufferRecycling server/websocket_test.go:3549
func TestCompressedWriteAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools at random")
	}
	c, f := serverConn(profile{deflate: true})
	pieces := [][]byte{letters(256)}
	write := func() {
		c.WriteBuffers(pieces)
		f.written.Reset()
	}
	for range 10 {
		write()
	}
	if allocations := testing.AllocsPerRun(500, write); allocations > 2 {
		t.Errorf("%.1f allocations for a write", allocations)
	}
}

// Fragments that wait for a slow peer are not touched by what others write
// meanwhile with the same pooled memory.
//
// Go: TestWSCompressedFragmentsDoNotShareNbPoolBuffer server/websocket_test.go:5387
func TestWaitingFragmentsAreNotShared(t *testing.T) {
	p := browser
	p.deflate = true
	slow, f := serverConn(p)
	f.takes = []int{browserFrameSize + 4 + 10} // a fragment and a bit of the next
	data := noise(4 * browserFrameSize)
	if n, err := slow.Write(data); n != len(data) || err != os.ErrDeadlineExceeded {
		t.Fatal(n, err)
	}
	inverted := bytes.Clone(data)
	slowMask(inverted, []byte{0xff, 0xff, 0xff, 0xff}, 0)
	for range 20 {
		other, _ := serverConn(p)
		other.Write(inverted)
	}
	if n, err := slow.Write([]byte("more")); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	if got := payloads(t, frames(t, f.output())); !bytes.Equal(got, append(data, "more"...)) {
		t.Error("data differ")
	}
}

// Deadlines may pass anywhere: what was framed goes on later, pongs stand between
// messages, and no byte is lost or doubled.
func TestWritePartsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := profile{frameMax: rapid.SampledFrom([]int{browserFrameSize, frameSize}).Draw(t, "frames")}
		p.fragments = rapid.Bool().Draw(t, "fragments")
		p.deflate = rapid.Bool().Draw(t, "deflate")
		p.masked = rapid.Bool().Draw(t, "masked")
		c, f := serverConn(p)
		f.takes = rapid.SliceOfN(rapid.IntRange(-1, 6000), 0, 30).Draw(t, "takes")
		var want []byte
		for range rapid.IntRange(0, 8).Draw(t, "writes") {
			if rapid.IntRange(0, 2).Draw(t, "ping") == 0 {
				c.debts.owePong([]byte("ping"))
				c.payPong()
			}
			var pieces [][]byte
			for range rapid.IntRange(0, 5).Draw(t, "pieces") {
				n := rapid.OneOf(rapid.IntRange(0, 200), rapid.IntRange(0, 100_000)).Draw(t, "size")
				pieces = append(pieces, rapid.SampledFrom([]func(int) []byte{letters, noise}).Draw(t, "kind")(n))
			}
			data := bytes.Join(pieces, nil)
			want = append(want, data...)
			n, err := c.WriteBuffers(pieces)
			for err != nil {
				if err != os.ErrDeadlineExceeded || n > len(data) {
					t.Fatal(n, err)
				}
				data = data[n:]
				n, err = c.Write(data)
			}
			if n != len(data) {
				t.Fatalf("wrote %d of %d without an error", n, len(data))
			}
		}
		f.takes = nil
		if err := c.CloseWith(StatusGoingAway, "bye"); err != nil {
			t.Fatal(err)
		}
		var list []frame
		for wire := f.output(); len(wire) > 0; {
			one, rest, err := oneFrame(wire)
			if err != nil {
				t.Fatal(err)
			}
			list, wire = append(list, one), rest
		}
		got := payloads(failer{T: t}, list)
		if !bytes.Equal(got, want) {
			t.Fatalf("%d bytes on the wire, want %d", len(got), len(want))
		}
		checkOrder(t, list)
	})
}

type failer struct {
	testing.TB
	T *rapid.T
}

func (failer) Helper()                     {}
func (f failer) Fatalf(s string, a ...any) { f.T.Fatalf(s, a...) }

// checkOrder checks that fragments are not torn apart and that the close frame is
// the last one.
func checkOrder(t *rapid.T, list []frame) {
	open := false
	for i, f := range list {
		switch {
		case open && f.Opcode != Continuation, !open && f.Opcode == Continuation:
			t.Fatalf("frame %d has opcode %d", i, f.Opcode)
		case (f.Opcode == Close) != (i == len(list)-1):
			t.Fatalf("frame %d of %d has opcode %d", i, len(list), f.Opcode)
		}
		open = !f.Final
	}
}

// A connection that takes less than it is given, as a short write, is written to
// until it has everything; pongs find their place between the messages.
//
// Go: TestWSWithPartialWrite server/websocket_test.go:4647
// Go: TestWSCompressionWithPartialWrite server/websocket_test.go:3377
func TestShortWrites(t *testing.T) {
	for _, deflate := range []bool{false, true} {
		t.Run(fmt.Sprint("compression ", deflate), func(t *testing.T) {
			c, f := serverConn(profile{deflate: deflate})
			c.conn = shortWriter{f}
			var want []byte
			for i := range 100 {
				data := letters(10 + rand.IntN(10_000))
				want = append(want, data...)
				if i == 50 {
					c.debts.owePong([]byte("my ping"))
				}
				if n, err := c.Write(data); n != len(data) || err != nil {
					t.Fatal(n, err)
				}
			}
			list := frames(t, f.output())
			if got := payloads(t, list); !bytes.Equal(got, want) {
				t.Error("data differ")
			}
			pong := slices.IndexFunc(list, func(f frame) bool { return f.Opcode == Pong })
			if pong < 0 || string(list[pong].payload) != "my ping" {
				t.Error("the ping is not answered")
			}
			if len(c.out.unsent) > 0 || c.debts.hasPong() {
				t.Error("something is left")
			}
		})
	}
}

// shortWriter takes a random part of what it is given.
type shortWriter struct{ net.Conn }

func (s shortWriter) Write(p []byte) (int, error) {
	some := 1 + rand.IntN(len(p))
	n, err := s.Conn.Write(p[:some])
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

func TestWriteErrorIsFinal(t *testing.T) {
	c, f := serverConn(profile{})
	f.writeErr = errors.New("broken")
	if n, err := c.Write([]byte("x")); n != 0 || err != f.writeErr {
		t.Fatal(n, err)
	}
	before := f.writes
	if n, err := c.Write([]byte("x")); n != 0 || err.Error() != "broken" || f.writes != before {
		t.Fatal(n, err, f.writes)
	}
}

// pipe is a server's side and the bare connection of its peer.
func pipe(t *testing.T, p profile) (*Conn, net.Conn) {
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	return newConn(a, p, MaskRequired), b
}

// A pong does not get between the parts of a message that is being written, and
// the reader does not wait for the writer: the writer sends it afterwards.
func TestPongWaitsForTheWriter(t *testing.T) {
	p := browser
	p.deflate = true
	c, peer := pipe(t, p)
	data := noise(40_000)
	var done sync.WaitGroup
	done.Go(func() {
		if n, err := c.Write(data); n != len(data) || err != nil {
			t.Error(n, err)
		}
	})
	first := make([]byte, 1)
	if _, err := io.ReadFull(peer, first); err != nil { // the writer is at work
		t.Fatal(err)
	}
	read := make(chan string, 1)
	done.Go(func() {
		buffer := make([]byte, 100)
		n, _ := c.Read(buffer)
		read <- string(buffer[:n])
	})
	if _, err := peer.Write(join(fromClient(Ping, true, []byte("one")), fromClient(Ping, true, []byte("two")), fromClient(Binary, true, []byte("data")))); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "data" { // though nothing was read from the writer
		t.Errorf("read %q", got)
	}
	out := make(chan []byte)
	go func() {
		rest, _ := io.ReadAll(peer)
		out <- append(first, rest...)
	}()
	done.Wait()
	c.Close()
	list := frames(t, <-out)
	last := list[len(list)-1]
	if last.Opcode != Pong || string(last.payload) != "two" {
		t.Errorf("the last frame is %+v", last)
	}
	if !bytes.Equal(payloads(t, list), data) || len(list) < 10 {
		t.Error("data differ")
	}
}

// A peer that reads nothing stops the reader for a bounded time only.
func TestReaderIsNotBlockedByPong(t *testing.T) {
	t.Parallel()
	c, peer := pipe(t, profile{frameMax: frameSize})
	go peer.Write(join(fromClient(Ping, true, nil), fromClient(Ping, true, []byte("2")), fromClient(Binary, true, []byte("data"))))
	start := time.Now()
	wantRead(t, c, "data")
	if took := time.Since(start); took > 5*replyTimeout {
		t.Errorf("it took %v", took)
	}
	// The latest one is still owed and sent ahead of the next data.
	go c.Write([]byte("x"))
	buffer := make([]byte, 8)
	if _, err := io.ReadFull(peer, buffer); err != nil || !bytes.Equal(buffer, []byte{0x8a, 0, 0x8a, 1, '2', 0x82, 1, 'x'}) {
		t.Errorf("% x, %v", buffer, err)
	}
}

// The deadline of the user holds again after one of the connection's own.
func TestDeadlinesOfUserAndOwn(t *testing.T) {
	c, f := serverConn(profile{}, fromClient(Ping, true, nil))
	far, near := time.Now().Add(time.Hour), time.Now().Add(time.Millisecond)
	for _, user := range []time.Time{{}, far, near} {
		f.reads, f.deadlines, f.end = [][]byte{fromClient(Ping, true, nil)}, nil, os.ErrDeadlineExceeded
		c.SetWriteDeadline(user)
		wantEnd(t, c, os.ErrDeadlineExceeded)
		if len(f.deadlines) != 3 || f.deadlines[0] != user || f.deadlines[2] != user {
			t.Fatalf("deadlines %v", f.deadlines)
		}
		own := f.deadlines[1]
		if wantUser := user.Equal(near); own.Equal(user) != wantUser || own.After(time.Now().Add(replyTimeout)) {
			t.Errorf("user's %v, in force %v", user, own)
		}
	}
	c.SetDeadline(far)
	if last := f.deadlines[len(f.deadlines)-2:]; last[0] != far || last[1] != far {
		t.Errorf("deadlines %v", last)
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, deflate := range []bool{false, true} {
		for _, size := range []int{128, 8 << 10, 128 << 10} {
			b.Run(fmt.Sprintf("deflate=%v/%d", deflate, size), func(b *testing.B) {
				c := newConn(discardConn{}, profile{deflate: deflate, frameMax: frameSize}, MaskRequired)
				data := letters(size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					c.Write(data)
				}
			})
		}
	}
}

type discardConn struct{ net.Conn }

func (discardConn) Write(p []byte) (int, error) { return len(p), nil }

// The compressor's output for the largest message must fit, whatever the data.
func TestFrameOverheadSuffices(t *testing.T) {
	mixed := make([]byte, frameSize)
	for at := 0; at < len(mixed); at += 512 {
		copy(mixed[at:], noise(256+at%255))
	}
	for _, data := range [][]byte{noise(frameSize), mixed, letters(frameSize)} {
		if n := len(compressed(data)); n+2*headerMax > frameSize+frameOverhead || n > 65535 {
			t.Errorf("%d bytes", n)
		}
	}
}
