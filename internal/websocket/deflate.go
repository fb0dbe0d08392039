package websocket

import (
	"compress/flate"
	"sync"
)

// scratch is what one write works with: the frames that it builds, and a
// compressor, made when it is first needed.
type scratch struct {
	framed     []byte
	compressed []byte
	writer     *flate.Writer
}

var scratches = sync.Pool{New: func() any { return &scratch{framed: make([]byte, 0, scratchSize)} }}

// Write takes the compressor's output.
func (s *scratch) Write(p []byte) (int, error) {
	s.compressed = append(s.compressed, p...)
	return len(p), nil
}

// deflate compresses the next n bytes. The result is valid until its next call.
func (s *scratch) deflate(from *cursor, n int) []byte {
	s.compressed = s.compressed[:0]
	if s.writer == nil {
		s.writer, _ = flate.NewWriter(s, flate.BestSpeed) // the level is valid
	} else {
		s.writer.Reset(s)
	}
	for n > 0 {
		part := from.take(n)
		s.writer.Write(part) // Write of scratch never fails
		n -= len(part)
	}
	s.writer.Flush()
	return s.compressed[:len(s.compressed)-4] // 00 00 ff ff
}
