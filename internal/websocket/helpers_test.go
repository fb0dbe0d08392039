package websocket

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testKey is the mask of the frames that tests make.
var testKey = [4]byte{1, 2, 3, 4}

// fromClient is a masked frame.
func fromClient(opcode Opcode, final bool, payload []byte) []byte {
	return AppendFrame(nil, Header{Opcode: opcode, Final: final, Masked: true, Key: testKey}, payload)
}

// compressedFromClient is a masked frame with RSV1, whose payload is compressed
// already.
func compressedFromClient(final bool, payload []byte) []byte {
	return AppendFrame(nil, Header{Opcode: Binary, Final: final, Compressed: true, Masked: true, Key: testKey}, payload)
}

// compressed is data as a compressed message.
func compressed(data []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestSpeed)
	w.Write(data)
	w.Flush()
	return b.Bytes()[:b.Len()-4]
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// fakeConn is a connection whose input is a script and whose output is recorded.
type fakeConn struct {
	net.Conn
	reads [][]byte // each is what one Read brings at most
	end   error    // after them; io.EOF if nil

	mu        sync.Mutex
	written   bytes.Buffer
	writes    int
	largest   int   // of the writes
	takes     []int // how much each Write takes before its deadline passes; -1: all
	writeErr  error
	deadlines []time.Time
	closed    bool
}

func (f *fakeConn) Read(p []byte) (int, error) {
	for len(f.reads) > 0 {
		n := copy(p, f.reads[0])
		f.reads[0] = f.reads[0][n:]
		if len(f.reads[0]) == 0 {
			f.reads = f.reads[1:]
		}
		if n > 0 {
			return n, nil
		}
	}
	if f.end != nil {
		return 0, f.end
	}
	return 0, io.EOF
}

func (f *fakeConn) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes++
	f.largest = max(f.largest, len(p))
	if f.writeErr != nil {
		return 0, f.writeErr
	}
	if len(f.takes) > 0 {
		n := f.takes[0]
		f.takes = f.takes[1:]
		if n >= 0 && n < len(p) {
			f.written.Write(p[:n])
			return n, os.ErrDeadlineExceeded
		}
	}
	return f.written.Write(p)
}

func (f *fakeConn) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

func (f *fakeConn) setDeadline(t time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deadlines = append(f.deadlines, t)
	return nil
}

func (f *fakeConn) SetDeadline(t time.Time) error      { return f.setDeadline(t) }
func (f *fakeConn) SetReadDeadline(t time.Time) error  { return f.setDeadline(t) }
func (f *fakeConn) SetWriteDeadline(t time.Time) error { return f.setDeadline(t) }

// output takes what was written so far.
func (f *fakeConn) output() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := bytes.Clone(f.written.Bytes())
	f.written.Reset()
	return out
}

// serverConn is a server's side that reads a script.
func serverConn(p profile, reads ...[]byte) (*Conn, *fakeConn) {
	f := &fakeConn{}
	for _, r := range reads {
		f.reads = append(f.reads, bytes.Clone(r)) // reading unmasks in place
	}
	if p.frameMax == 0 {
		p.frameMax = frameSize
	}
	return newConn(f, p, MaskRequired), f
}

// readAll reads to the end with a buffer of the given size.
func readAll(c *Conn, size int) ([]byte, error) {
	var all []byte
	p := make([]byte, size)
	for {
		n, err := c.Read(p)
		all = append(all, p[:n]...)
		if err != nil {
			return all, err
		}
	}
}

// frame is a frame as it stood on the wire, unmasked.
type frame struct {
	Header
	payload []byte
}

// frames takes output apart, independently of Decoder.
func frames(t testing.TB, wire []byte) (list []frame) {
	t.Helper()
	for len(wire) > 0 {
		f, rest, err := oneFrame(wire)
		if err != nil {
			t.Fatalf("frame %d: %v: % x", len(list), err, wire[:min(len(wire), 20)])
		}
		list, wire = append(list, f), rest
	}
	return list
}

func oneFrame(wire []byte) (f frame, rest []byte, err error) {
	if len(wire) < 2 {
		return f, nil, errors.New("short header")
	}
	f.Opcode, f.Final, f.Compressed = Opcode(wire[0]&15), wire[0]>>7 == 1, wire[0]>>6&1 == 1
	f.Masked = wire[1]>>7 == 1
	length, at := int(wire[1]&127), 2
	more := 0
	switch length {
	case 126:
		more = 2
	case 127:
		more = 8
	}
	if more > 0 {
		if len(wire) < 2+more {
			return f, nil, errors.New("short length")
		}
		length = 0
		for range more {
			length = length<<8 | int(wire[at])
			at++
		}
	}
	if f.Masked {
		if len(wire) < at+4 {
			return f, nil, errors.New("short key")
		}
		at += copy(f.Key[:], wire[at:at+4])
	}
	if len(wire)-at < length {
		return f, nil, errors.New("short payload")
	}
	f.payload = bytes.Clone(wire[at : at+length])
	if f.Masked {
		slowMask(f.payload, f.Key[:], 0)
	}
	return f, wire[at+length:], nil
}

// slowMask is the definition of masking. It returns the next position.
func slowMask(data, key []byte, position int) int {
	for i := range data {
		data[i] ^= key[(position+i)&3]
	}
	return (position + len(data)) & 3
}

// payloads are the data of the messages in frames, inflated.
func payloads(t testing.TB, list []frame) []byte {
	t.Helper()
	var data, message []byte
	deflated := false
	for _, f := range list {
		if f.Opcode.Control() {
			continue
		}
		if f.Opcode != Continuation {
			message, deflated = nil, f.Compressed
		}
		message = append(message, f.payload...)
		if !f.Final {
			continue
		}
		if deflated {
			plain, err := io.ReadAll(flate.NewReader(bytes.NewReader(append(message, deflateTail...))))
			if err != nil {
				t.Fatalf("inflate: %v", err)
			}
			message = plain
		}
		data = append(data, message...)
	}
	return data
}

// noise does not compress.
func noise(n int) []byte {
	data := make([]byte, n)
	state := uint64(88172645463325252)
	for i := range data {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		data[i] = byte(state >> 32)
	}
	return data
}

// letters compress well.
func letters(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = 'A' + byte(i%26)
	}
	return data
}
