package heap

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// Found is what a Scan has come upon: a chunk, or with Err a place where there is none
// that can be read.
type Found struct {
	Ref  Ref // with Err, only File and Offset may be known
	Key  uint64
	Data []byte // valid during the call
	Err  error
}

// Scan reads the chunks of all data files, in the order of the files and in each of the
// writing, without the manifest, and goes on behind damage. It changes nothing. It also
// finds chunks that were dropped, or written and never committed: the caller tells from
// the keys and the data. An error of the function ends the Scan and is returned.
func Scan(fsys vfs.FS, dir string, o Options, visit func(Found) error) error {
	if err := o.complete(); err != nil {
		return err
	}
	found, err := list(fsys, dir)
	if err != nil {
		return err
	}
	s := scanner{fsys: fsys, dir: dir, options: o, visit: visit}
	numbers := slices.Sorted(maps.Keys(found.sizes))
	s.identify(numbers)
	for _, number := range numbers {
		if err := s.file(number); err != nil {
			return err
		}
	}
	return nil
}

type scanner struct {
	fsys    vfs.FS
	dir     string
	options Options
	visit   func(Found) error
	id      identity
	out     []byte // for what was compressed
}

// identify finds the identity of the heap in the first header that can be read, so that
// the chunks behind a damaged one can be told.
func (s *scanner) identify(numbers []uint64) {
	if head, err := s.header(manifestName, manifestMagic); err == nil {
		s.id = head.id
		return
	}
	for _, number := range numbers {
		if head, err := s.header(chunksName(number), chunksMagic); err == nil && head.number == number {
			s.id = head.id
			return
		}
	}
}

func (s *scanner) header(name, magic string) (header, error) {
	name = filepath.Join(s.dir, name)
	file, err := s.fsys.OpenFile(name, vfs.ReadOnly)
	if err != nil {
		return header{}, err
	}
	defer file.Close()
	return readHeader(file, name, magic)
}

// file scans a data file.
func (s *scanner) file(number uint64) error {
	name := filepath.Join(s.dir, chunksName(number))
	file, err := s.fsys.OpenFile(name, vfs.ReadOnly)
	if err != nil {
		return s.visit(Found{Ref: Ref{File: number}, Err: err})
	}
	defer file.Close()
	w := &window{file: file}
	if w.size, err = file.Size(); err != nil {
		return s.visit(Found{Ref: Ref{File: number}, Err: err})
	}
	w.size = min(w.size, math.MaxUint32)
	c := codec{seed: seed(chunksMagic, s.id, number)}
	head, err := readHeader(file, name, chunksMagic)
	switch {
	case err != nil:
		// Chunks that are not encrypted can be read without the header.
		if err := s.visit(Found{Ref: Ref{File: number}, Err: err}); err != nil {
			return err
		}
	case head.id != s.id || head.number != number:
		err = &CorruptError{name, 0, "the file is another heap's or another one"}
		return s.visit(Found{Ref: Ref{File: number}, Err: err})
	default:
		if c.aead, err = head.mark.Open(chunksPurpose, s.options.ciphers()...); err != nil {
			return s.visit(Found{Ref: Ref{File: number}, Err: fmt.Errorf("%s: %w", name, err)})
		}
	}
	return s.chunks(name, number, c, w)
}

// chunks scans what is behind the header of a data file.
func (s *scanner) chunks(name string, number uint64, c codec, w *window) error {
	bad := int64(-1) // where the present damage begins
	report := func(end int64) error {
		if bad < 0 || bad >= end {
			return nil
		}
		if w.blank(bad, end) {
			bad = -1
			return nil
		}
		err := &CorruptError{name, bad, fmt.Sprintf("no chunk in %d bytes", end-bad)}
		ref := Ref{File: number, Offset: uint32(bad)}
		bad = -1
		return s.visit(Found{Ref: ref, Err: err})
	}
	at := int64(headerSize)
	for at < w.size {
		head, p, unreadable := readChunk(c, w, at)
		if p == nil {
			if bad < 0 {
				bad = at
			}
			at = skip(w, at+1, unreadable)
			continue
		}
		if bad >= 0 {
			if err := report(at); err != nil {
				return err
			}
			continue // the window has moved
		}
		found := Found{Ref: Ref{number, uint32(at), head.stored, head.raw}, Key: head.key}
		var reason string
		if found.Data, reason = c.decode(head, p, s.out); reason != "" {
			found.Err = &CorruptError{name, at, reason}
		} else if head.flags&flagCompressed != 0 {
			s.out = found.Data[:0]
		}
		if err := s.visit(found); err != nil {
			return err
		}
		at += int64(head.stored)
	}
	return report(w.size)
}

// readChunk returns the header of the chunk at an offset and all of its bytes, or none.
func readChunk(c codec, w *window, at int64) (head chunkHead, p []byte, unreadable bool) {
	p, err := w.bytes(at, chunkHeader)
	if err != nil {
		return head, nil, true
	}
	head, ok := c.parse(p, uint32(at))
	if !ok || int64(head.stored) > w.size-at {
		return head, nil, false
	}
	if p, err = w.bytes(at, int(head.stored)); err != nil {
		return head, nil, true
	}
	return head, p, false
}

// skip returns the next offset where a chunk may begin.
func skip(w *window, at int64, unreadable bool) int64 {
	for at < w.size {
		var p []byte
		if !unreadable {
			var err error
			p, err = w.bytes(at, windowSize/2)
			unreadable = err != nil
		}
		if unreadable {
			// The next page is in the next window, and perhaps on a better part of the disk.
			return (at/vfs.PageSize + 1) * vfs.PageSize
		}
		if i := bytes.Index(p, []byte(chunkMagic)); i >= 0 {
			return at + int64(i)
		}
		at += max(int64(len(p)-len(chunkMagic)+1), 1)
	}
	return w.size
}
