package link

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"syscall"
	"testing"
	"time"
)

// collector is a Handler that gathers the input. It consumes whole words that
// end in a blank.
type collector struct {
	words  []string
	inputs int
	need   int
	err    error
	keep   bool // retain each block, as a payload by reference does
	blocks []*Block
	slices [][]byte
}

func (h *collector) Input(block *Block, data []byte) (int, int, error) {
	h.inputs++
	consumed := 0
	for {
		i := bytes.IndexByte(data[consumed:], ' ')
		if i < 0 {
			return consumed, h.need, h.err
		}
		word := data[consumed : consumed+i]
		if h.keep {
			block.Retain()
			h.blocks = append(h.blocks, block)
			h.slices = append(h.slices, word)
		}
		h.words = append(h.words, string(word))
		consumed += i + 1
	}
}

func serve(t *testing.T, conn net.Conn, portable bool, h Handler, early []byte) (*Conn, chan error) {
	f := NewFlushers()
	t.Cleanup(f.Stop)
	c := NewConn(conn, Config{Owner: newWatcher(), Flushers: f, Limits: generous, Portable: portable})
	done := make(chan error, 1)
	go func() { done <- c.Serve(h, early) }()
	t.Cleanup(c.Close)
	return c, done
}

func end(t *testing.T, done chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("Serve never returned")
		return nil
	}
}

func paths(t *testing.T, f func(t *testing.T, portable bool)) {
	for _, portable := range []bool{false, true} {
		t.Run(fmt.Sprintf("portable=%v", portable), func(t *testing.T) { f(t, portable) })
	}
}

func TestInputComesWholeWhateverItsSize(t *testing.T) {
	paths(t, func(t *testing.T, portable bool) {
		for _, keep := range []bool{false, true} {
			server, peer := tcpPair(t)
			h := &collector{keep: keep}
			_, done := serve(t, server, portable, h, []byte("early bi"))
			var want []string
			var text bytes.Buffer
			text.WriteString("rd ")
			want = append(want, "early", "bird")
			for n := range 300 {
				size := []int{1, 10, 4000, 5000, 70000, 300000}[n%6]
				if n > 30 {
					size = n
				}
				word := string(bytes.Repeat([]byte{byte('a' + n%26)}, size))
				want = append(want, word)
				text.WriteString(word + " ")
			}
			if _, err := peer.Write(text.Bytes()); err != nil {
				t.Fatal(err)
			}
			peer.Close()
			if err := end(t, done); !errors.Is(err, io.EOF) {
				t.Fatalf("ended with %v", err)
			}
			if len(h.words) != len(want) {
				t.Fatalf("got %d words, want %d", len(h.words), len(want))
			}
			for i := range want {
				if h.words[i] != want[i] {
					t.Fatalf("word %d differs", i)
				}
				if keep && string(h.slices[i]) != want[i] {
					t.Fatalf("word %d was overwritten while it was referenced", i)
				}
			}
			for _, b := range h.blocks {
				b.Release()
			}
		}
	})
}

// TestDataBeforeTheEndIsProcessed: data followed at once by FIN or RST is
// processed, and the connection ends; no wake-up is lost.
func TestDataBeforeTheEndIsProcessed(t *testing.T) {
	paths(t, func(t *testing.T, portable bool) {
		for _, reset := range []bool{false, true} {
			for range 200 {
				server, peer := tcpPair(t)
				h := &collector{}
				_, done := serve(t, server, portable, h, nil)
				if _, err := peer.Write([]byte("last words ")); err != nil {
					t.Fatal(err)
				}
				if reset {
					peer.SetLinger(0)
				}
				peer.Close()
				err := end(t, done)
				switch {
				case !reset && (!errors.Is(err, io.EOF) || len(h.words) != 2):
					t.Fatalf("FIN: %v, %v", err, h.words)
				case reset && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF):
					t.Fatalf("RST: %v", err)
				}
			}
		}
	})
}

func TestHandlerErrorsEndServe(t *testing.T) {
	paths(t, func(t *testing.T, portable bool) {
		server, peer := tcpPair(t)
		stop := errors.New("stop")
		_, done := serve(t, server, portable, &collector{err: stop}, nil)
		peer.Write([]byte("x"))
		if err := end(t, done); !errors.Is(err, stop) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestCloseAndInterruptEndServe(t *testing.T) {
	paths(t, func(t *testing.T, portable bool) {
		server, _ := tcpPair(t)
		c, done := serve(t, server, portable, &collector{}, nil)
		c.Close()
		if err := end(t, done); ReadError(err) {
			t.Errorf("Close: %v", err)
		}
		server, _ = tcpPair(t)
		c, done = serve(t, server, portable, &collector{}, nil)
		c.Interrupt()
		if err := end(t, done); err == nil {
			t.Error("Interrupt: no error")
		}
	})
}

// TestAnIdleConnectionHoldsNoBlock is about the memory of idle connections.
func TestAnIdleConnectionHoldsNoBlock(t *testing.T) {
	in := input{block: GetBlock(ReadBlock), end: 10}
	copy(in.block.Bytes, "0123456789")
	in.start = 7
	in.park()
	if in.block != nil || string(in.carry) != "789" {
		t.Fatalf("block %v, carry %q", in.block, in.carry)
	}
	in.prepare()
	if got := string(in.block.Bytes[in.start:in.end]); got != "789" {
		t.Fatalf("got %q", got)
	}
	in.release()
}

func TestPipeIsBufferedAndEnds(t *testing.T) {
	a, b := Pipe()
	if _, err := a.Write([]byte("no reader yet")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := b.Read(buf); err != nil || string(buf[:n]) != "no reader yet" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	b.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := b.Read(buf); err == nil || !err.(net.Error).Timeout() {
		t.Fatalf("deadline: %v", err)
	}
	b.SetReadDeadline(time.Time{})
	a.SetWriteDeadline(time.Now().Add(time.Millisecond))
	if n, err := a.Write(make([]byte, 2*pipeBuffer)); n != pipeBuffer || err == nil {
		t.Fatalf("wrote %d, %v", n, err)
	}
	a.Close()
	if n, err := io.Copy(io.Discard, b); n != pipeBuffer || err != nil {
		t.Fatalf("read %d, %v", n, err)
	}
	if _, err := b.Write([]byte("x")); err == nil {
		t.Fatal("wrote to a closed pipe")
	}
}

func TestServeOverAPipe(t *testing.T) {
	ours, theirs := Pipe()
	h := &collector{}
	c, done := serve(t, ours, false, h, nil)
	c.Out.Write([]byte("hello"))
	buf := make([]byte, 5)
	if _, err := io.ReadFull(theirs, buf); err != nil || string(buf) != "hello" {
		t.Fatalf("%q, %v", buf, err)
	}
	theirs.Write([]byte("a b "))
	theirs.Close()
	if err := end(t, done); !errors.Is(err, io.EOF) || len(h.words) != 2 {
		t.Fatalf("%v, %v", err, h.words)
	}
}

// selfSigned returns a certificate for tests.
func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestTLS exchanges data in both directions at once, with a slow reader, on
// both paths and with bytes that were read before the handshake.
func TestTLS(t *testing.T) {
	cert := selfSigned(t)
	paths(t, func(t *testing.T, portable bool) {
		server, peer := tcpPair(t)
		server.SetWriteBuffer(4 << 10)
		f := NewFlushers()
		t.Cleanup(f.Stop)
		c := NewConn(server, Config{Owner: newWatcher(), Flushers: f, Limits: generous, Portable: portable})
		t.Cleanup(c.Close)
		h := &collector{}
		done := make(chan error, 1)
		go func() {
			early := make([]byte, 3)
			if _, err := io.ReadFull(server, early); err != nil {
				done <- err
				return
			}
			if _, err := c.StartTLS(&tls.Config{Certificates: []tls.Certificate{cert}}, early, 10*time.Second); err != nil {
				done <- err
				return
			}
			done <- c.Serve(h, nil)
		}()
		client := tls.Client(peer, &tls.Config{InsecureSkipVerify: true})
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		const runs, length = 300, 7000
		go func() {
			for n := range runs {
				var r Run
				r.Append(bytes.Repeat([]byte{byte('a' + n%26)}, length), nil)
				c.Out.Send(&r, 1, 0)
			}
		}()
		wrote := make(chan error, 1)
		go func() {
			_, err := client.Write(bytes.Repeat([]byte("word "), 20000))
			wrote <- err
		}()
		got := make([]byte, runs*length)
		if _, err := io.ReadFull(client, got); err != nil {
			t.Fatal(err)
		}
		for i, b := range got {
			if b != byte('a'+i/length%26) {
				t.Fatalf("byte %d is %c", i, b)
			}
		}
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
		client.Close()
		if err := end(t, done); ReadError(err) {
			t.Fatalf("ended with %v", err)
		}
		if len(h.words) != 20000 {
			t.Errorf("got %d words", len(h.words))
		}
	})
}

func TestFailedHandshakeLeavesTheConnectionUsable(t *testing.T) {
	server, peer := tcpPair(t)
	f := NewFlushers()
	t.Cleanup(f.Stop)
	c := NewConn(server, Config{Owner: newWatcher(), Flushers: f, Limits: generous})
	peer.Write([]byte("this is no handshake\r\n"))
	if _, err := c.StartTLS(&tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}, nil, time.Second); err == nil {
		t.Fatal("no error")
	}
	c.Out.Write([]byte("bye"))
	finish(t, &c.Out)
	c.Close()
	if got, err := io.ReadAll(peer); err != nil || !bytes.HasSuffix(got, []byte("bye")) {
		t.Fatalf("%q, %v", got, err)
	}
}
