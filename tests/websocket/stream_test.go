package websocket_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/internal/websocket"
	"github.com/godwit-mq/godwit/tests/kit"
)

// both runs a test without and with compression.
func both(t *testing.T, test func(t *testing.T, s *site, a asks)) {
	for _, deflate := range []bool{false, true} {
		t.Run(fmt.Sprint("compression ", deflate), func(t *testing.T) {
			test(t, run(t, web(fmt.Sprint("compression: ", deflate))), asks{deflate: deflate})
		})
	}
}

// Go: TestWSPubSub server/websocket_test.go:2251
func TestMessagesPassBetweenTCPAndWebSocket(t *testing.T) {
	both(t, func(t *testing.T, s *site, a asks) {
		nc := s.overTCP()
		up := subscribe(t, nc, "up")
		p := s.peer(a)
		p.send("PUB up 7\r\nfrom ws\r\n")
		next(t, up, "from ws")
		p.send("SUB down 1\r\n")
		p.sync()
		publish(t, nc, "down", []byte("from nats"))
		p.expect("MSG down 1 9", "from nats")
		publish(t, nc, "down", letters(1000))
		p.expect("MSG down 1 1000", string(letters(1000)))
	})
}

// A frame is a piece of a stream: it may hold several messages, more than one of
// which may have to be, and a part of one.
//
// Go: TestWSBatchedPubInSingleFrame server/websocket_test.go:2323
func TestFramesMayHoldSeveralMessagesOrParts(t *testing.T) {
	s := run(t, plain+"max_payload: 16\n")
	sub := subscribe(t, s.overTCP(), "foo")
	p := s.peer(asks{})
	p.send("PUB foo 8\r\n12345678\r\nPUB foo 8\r\nabcdefgh\r\nPING\r\n")
	next(t, sub, "12345678")
	next(t, sub, "abcdefgh")
	p.expect("PONG")
	for _, b := range []byte("PUB foo 16\r\n1234567890123456\r\nPING\r\n") {
		p.send(string(b))
	}
	next(t, sub, "1234567890123456")
	p.expect("PONG")
}

// Go: TestWSCompressedPubInSingleFrame server/websocket_test.go:2349
// Go: TestWSCompressedSequentialFramesRemainResponsive server/websocket_test.go:2377
// Go: TestWSCompressedFragmentedFrame server/websocket_test.go:2406
func TestCompressedMessages(t *testing.T) {
	s := run(t, web("compression: true")+"max_payload: 64\n")
	sub := subscribe(t, s.overTCP(), "foo")
	p := s.peer(asks{deflate: true})
	if got := p.response.Header.Get("Sec-Websocket-Extensions"); !strings.HasPrefix(got, "permessage-deflate") {
		t.Fatalf("the extension agreed on is %q", got)
	}
	t.Run("one", func(t *testing.T) {
		p.send("PUB foo 1\r\na\r\n")
		next(t, sub, "a")
		p.sync()
	})
	t.Run("many", func(t *testing.T) {
		for range 64 {
			p.send("PUB foo 1\r\nb\r\n")
		}
		for range 64 {
			next(t, sub, "b")
		}
		p.sync()
	})
	t.Run("in fragments", func(t *testing.T) {
		whole := p.codec.deflate([]byte("PUB foo 1\r\nc\r\n"))
		half := len(whole) / 2
		p.sendFrame(websocket.Header{Opcode: websocket.Binary, Compressed: true}, whole[:half])
		p.sendFrame(websocket.Header{Opcode: websocket.Continuation, Final: true}, whole[half:])
		next(t, sub, "c")
		p.sync()
	})
	t.Run("beside plain ones", func(t *testing.T) {
		p.sendFrame(websocket.Header{Opcode: websocket.Text, Final: true}, []byte("PUB foo 1\r\nd\r\n"))
		next(t, sub, "d")
		p.sync()
	})
}

// What the server compresses: a flush that is large enough, to those who asked.
//
// Go: TestWSCompressionBasic server/websocket_test.go:3276
func TestLargeFlushesAreCompressed(t *testing.T) {
	s := run(t, web("compression: true"))
	nc := s.overTCP()
	p, without := s.peer(asks{deflate: true}), s.peer(asks{})
	for _, each := range []*peer{p, without} {
		each.send("SUB foo 1\r\n")
		each.sync()
	}
	for _, size := range []int{5, 200} {
		text := fmt.Sprintf("MSG foo 1 %d\r\n%s\r\n", size, letters(size))
		publish(t, nc, "foo", letters(size))
		f, err := p.frame()
		if err != nil {
			t.Fatal(err)
		}
		if f.opcode != websocket.Binary || !f.final || f.compressed != (size > 64) {
			t.Errorf("%d bytes: opcode %d, final %v, compressed %v", size, f.opcode, f.final, f.compressed)
		}
		got := f.payload
		if f.compressed {
			if bytes.HasSuffix(got, []byte{0, 0, 0xff, 0xff}) || len(got) >= size {
				t.Errorf("compressed to % x", got)
			}
			if got, err = p.codec.inflate(got); err != nil {
				t.Fatal(err)
			}
		}
		if string(got) != text {
			t.Errorf("got %q, want %q", got, text)
		}
		if f, err := without.frame(); err != nil || f.compressed || string(f.payload) != text {
			t.Errorf("the one that did not ask got %+v, %v", f, err)
		}
	}
}

// A message that a client of the library may send gets through, however well it
// compresses.
func TestTheLargestPayloadPassesCompressed(t *testing.T) {
	s := run(t, web("compression: true"))
	sub := subscribe(t, s.overTCP(), "foo")
	nc := s.overWeb(nats.Compression(true))
	mine := subscribe(t, nc, "foo")
	for _, data := range [][]byte{make([]byte, nc.MaxPayload()), noise(int(nc.MaxPayload()))} {
		publish(t, nc, "foo", data)
		next(t, sub, string(data))
		next(t, mine, string(data))
	}
}

// Go: TestWSDecompressLimit server/websocket_test.go:4811
func TestInflatedMessagesKeepToMaxPayload(t *testing.T) {
	for limit, setting := range map[int]string{1 << 20: "", 2 << 20: "max_payload: 2097152", 4096: "max_payload: 4096"} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			s := run(t, web("compression: true")+setting)
			p := s.dial(asks{deflate: true})
			p.send(fmt.Sprintf("PUB foo %d\r\n%s\r\n", limit+1, make([]byte, limit+1)))
			p.closed(1009, "Maximum Message Payload Exceeded", "-ERR 'Maximum Payload Violation'")
			s.logged("ERR", "maximum payload exceeded")
		})
	}
	t.Run("a message that never ends", func(t *testing.T) {
		s := run(t, web("compression: true")+"max_payload: 4096")
		p := s.peer(asks{deflate: true})
		p.send(strings.Repeat("PUB foo 0\r\n\r\n", 20_000))
		line, err := p.line()
		if end, ok := err.(*ended); !ok || end.code != 1009 || line != "" {
			t.Fatalf("got %q, %v", line, err)
		}
	})
}

// Go: TestWSCorruptedCompressedFrameIsRejected server/websocket_test.go:2455
func TestCorruptCompressionIsRejected(t *testing.T) {
	s := run(t, web("compression: true"))
	p := s.peer(asks{deflate: true})
	bad := p.codec.deflate([]byte("PING\r\n"))
	bad[len(bad)-1] ^= 0xff
	p.sendFrame(websocket.Header{Opcode: websocket.Binary, Final: true, Compressed: true}, bad)
	for err := error(nil); err == nil; { // what came before the damage may be answered
		_, err = p.message()
	}
	s.logged("ERR", "read error", "corrupt")
	s.peer(asks{deflate: true}) // the server is well
}

// Go: TestWSFlushesBufferedDeliveryBeforeProtocolClose server/websocket_test.go:2480
func TestWhatCameBeforeABadFrameTakesEffect(t *testing.T) {
	s := run(t, plain)
	sub := subscribe(t, s.overTCP(), "foo")
	p := s.peer(asks{})
	good := masked(websocket.Header{Opcode: websocket.Binary, Final: true}, []byte("PUB foo 1\r\na\r\nPING\r\n"))
	bad := websocket.AppendFrame(nil, websocket.Header{Opcode: websocket.Ping, Final: true}, nil)
	p.write(append(good, bad...))
	next(t, sub, "a")
	p.closed(1002, "mask bit missing", "PONG")
}

// Go: TestWSWebrowserClient server/websocket_test.go:3205
func TestBrowsersGetSmallFrames(t *testing.T) {
	const frameMax, size = 4096, 204_813
	both(t, func(t *testing.T, s *site, a asks) {
		a.browser = true
		p := s.peer(a)
		p.send("SUB foo 1\r\n")
		p.sync()
		data := noise(size)
		publish(t, s.overTCP(), "foo", data)
		want := fmt.Sprintf("MSG foo 1 %d\r\n%s\r\n", size, data)
		var got []byte
		frames, compressed := 0, false
		for whole := []byte(nil); len(got) < len(want); frames++ {
			f, err := p.frame()
			if err != nil {
				t.Fatal(err)
			}
			if len(f.payload) > frameMax {
				t.Fatalf("a frame has %d bytes", len(f.payload))
			}
			begins := f.opcode == websocket.Binary
			if f.compressed && !begins || begins && len(f.payload) > 64 && f.compressed != a.deflate {
				t.Fatalf("frame %d: opcode %d, compressed %v", frames, f.opcode, f.compressed)
			}
			if whole = append(whole, f.payload...); begins {
				compressed = f.compressed
			}
			if !f.final {
				continue
			}
			if compressed {
				if whole, err = p.codec.inflate(whole); err != nil {
					t.Fatal(err)
				}
			}
			got, whole = append(got, whole...), nil
		}
		if string(got) != want {
			t.Error("the message is not what was sent")
		}
		if frames < size/frameMax {
			t.Errorf("%d frames", frames)
		}
	})
}

// Many messages to browsers, larger than a frame, arrive whole and in order.
func TestManyMessagesInSmallFrames(t *testing.T) {
	const messages = 300
	data := letters(2*4096 + 123)
	both(t, func(t *testing.T, s *site, a asks) {
		a.browser = true
		peers := []*peer{s.peer(a), s.peer(a)}
		for _, p := range peers {
			p.send("SUB foo 1\r\n")
			p.sync()
		}
		nc := s.overWeb(nats.Compression(a.deflate))
		want := fmt.Appendf(nil, "MSG foo 1 %d\r\n%s\r\n", len(data), data)
		for sent := range messages {
			publish(t, nc, "foo", data)
			if sent%10 != 9 {
				continue
			}
			kit.Flush(t, nc)
			for _, p := range peers {
				for range 10 {
					if got, err := p.take(len(want)); err != nil || !bytes.Equal(got, want) {
						t.Fatalf("message %d: %.80q, %v", sent, got, err)
					}
				}
			}
		}
	})
}

// A subscriber that pauses makes the server write parts of frames; a ping meanwhile
// is answered between frames.
func TestPartialWritesCorruptNothing(t *testing.T) {
	both(t, func(t *testing.T, s *site, a asks) {
		p := s.peer(a)
		p.send("SUB foo 1\r\n")
		p.sync()
		pending := func() int {
			z, err := s.Connz(&godwit.ConnzOptions{CID: p.info.ID})
			if err != nil || len(z.Conns) != 1 {
				t.Fatalf("%+v, %v", z, err)
			}
			return z.Conns[0].Pending
		}
		nc := s.overTCP()
		source := noise(300_000)
		var want bytes.Buffer
		for i := 0; pending() < 200_000; i++ {
			data := source[:i*7919%len(source)]
			fmt.Fprintf(&want, "MSG foo 1 %d\r\n%s\r\n", len(data), data)
			publish(t, nc, "foo", data)
			kit.Flush(t, nc)
		}
		p.sendFrame(websocket.Header{Opcode: websocket.Ping, Final: true}, []byte("are you there"))
		p.streams(want.Bytes(), "are you there")
		p.sync()
		kit.Eventually(t, "nothing is pending", func() bool { return pending() == 0 })
	})
}

// streams expects data, and one pong somewhere in between.
func (p *peer) streams(want []byte, pong string) {
	p.t.Helper()
	for pongs := 0; len(want) > 0 || pongs == 0; {
		f, err := p.frame()
		if err != nil {
			p.t.Fatalf("%d bytes before the end: %v", len(want), err)
		}
		if f.opcode == websocket.Pong {
			if pongs++; pongs > 1 || string(f.payload) != pong {
				p.t.Errorf("pong %d with %q", pongs, f.payload)
			}
			continue
		}
		payload := f.payload
		if f.compressed {
			if payload, err = p.codec.inflate(payload); err != nil {
				p.t.Fatal(err)
			}
		}
		if !f.final || f.opcode != websocket.Binary || !bytes.HasPrefix(want, payload) {
			p.t.Fatalf("wrong %d bytes before the end, opcode %d", len(want), f.opcode)
		}
		want = want[len(payload):]
	}
}

// A client of the library can catch up after a long pause: no frame is larger than
// it takes.
func TestABacklogComesInBoundedFrames(t *testing.T) {
	const messages, size = 30, 1 << 20
	s := run(t, plain)
	nc := s.overWeb()
	paused, resume := make(chan struct{}), make(chan struct{})
	got := make(chan int, messages)
	var pause sync.Once
	_, err := nc.Subscribe("foo", func(m *nats.Msg) {
		pause.Do(func() {
			close(paused)
			<-resume
		})
		got <- len(m.Data)
	})
	if err != nil {
		t.Fatal(err)
	}
	kit.Flush(t, nc)
	p := s.peer(asks{})
	p.send("SUB foo 1\r\n")
	p.sync()
	publisher := s.overTCP()
	for range messages {
		publish(t, publisher, "foo", make([]byte, size))
	}
	kit.Flush(t, publisher)
	<-paused
	close(resume)
	for range messages {
		if n := <-got; n != size {
			t.Fatalf("got %d bytes", n)
		}
	}
	for total := 0; total < messages*size; {
		f, err := p.frame()
		if err != nil || len(f.payload) > size {
			t.Fatalf("a frame of %d bytes, %v", len(f.payload), err)
		}
		total += len(f.payload)
	}
}

func TestPingsAreAnswered(t *testing.T) {
	s := run(t, plain)
	p := s.peer(asks{})
	for _, payload := range []string{"", "x", strings.Repeat("y", 125)} {
		p.sendFrame(websocket.Header{Opcode: websocket.Ping, Final: true}, []byte(payload))
		if f, err := p.frame(); err != nil || f.opcode != websocket.Pong || !f.final || string(f.payload) != payload {
			t.Errorf("%q was answered with %+v, %v", payload, f, err)
		}
	}
	p.sendFrame(websocket.Header{Opcode: websocket.Pong, Final: true}, []byte("unasked"))
	p.sync()
}
