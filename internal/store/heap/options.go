package heap

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/godwit-mq/godwit/internal/seal"
)

var (
	// ErrCorrupt: bytes are there but damaged. A CorruptError says where.
	ErrCorrupt = errors.New("heap is damaged")
	// ErrNotFound: there is no chunk at the place: its file is missing or deleted, or
	// the place is one of an interval that was abandoned.
	ErrNotFound = errors.New("no such chunk")
	// ErrRewrite: the manifest takes no more edits; Rewrite makes a new one. The cause
	// is wrapped with it. Nothing is abandoned.
	ErrRewrite = errors.New("manifest must be rewritten")
	// ErrTooLarge: a chunk is empty or larger than MaxChunk, or an edit larger than
	// MaxEdit.
	ErrTooLarge = errors.New("size is not allowed")
	// ErrClosed: the heap is closed.
	ErrClosed = errors.New("heap is closed")
	// ErrVersion: a file was written in a format that is not known.
	ErrVersion = errors.New("unknown version of the heap's format")
)

// CorruptError says where damage is. It answers to errors.Is with ErrCorrupt.
type CorruptError struct {
	Name   string // of the file, with the directory
	Offset int64  // in bytes
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s at offset %d: %s", e.Name, e.Offset, e.Reason)
}

// Is reports whether target is ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// Limits, in bytes.
const (
	MaxChunk    = 40 << 20 // of data in a chunk
	MaxEdit     = 1 << 30  // of an edit
	MinFileSize = 64 << 10
	MaxFileSize = 1 << 30
)

// Compression is how new chunks are compressed.
type Compression uint8

// The compressions.
const (
	None Compression = iota
	S2
)

// Cipher encrypts chunks and edits.
type Cipher = seal.Cipher

// Options configure a heap. The zero value is a plain heap with files of 64 MiB.
type Options struct {
	// FileSize is the length in bytes from which on a file takes no more chunks:
	// MinFileSize to MaxFileSize, by default 64 MiB.
	FileSize int64
	// OpenFiles bounds the files that are kept open while nobody reads them, by
	// default 16. Those written since the last commit come on top.
	OpenFiles int
	// Compression of new chunks. A chunk that does not shrink is stored plain.
	Compression Compression
	// Cipher, if not nil, seals new chunks and manifests. OldCiphers can still be read.
	Cipher     Cipher
	OldCiphers []Cipher
	// Random gives identities, salts and nonces, by default crypto/rand.
	Random io.Reader
}

func (o *Options) complete() error {
	if o.FileSize == 0 {
		o.FileSize = 64 << 20
	}
	if o.OpenFiles == 0 {
		o.OpenFiles = 16
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	switch {
	case o.FileSize < MinFileSize || o.FileSize > MaxFileSize:
		return fmt.Errorf("heap file size %d: must be between %d and %d", o.FileSize, MinFileSize, MaxFileSize)
	case o.OpenFiles < 0:
		return fmt.Errorf("heap of %d open files", o.OpenFiles)
	case o.Compression > S2:
		return fmt.Errorf("heap compression %d is not known", o.Compression)
	case o.Cipher != nil && o.Cipher.Kind() == 0:
		return errors.New("heap cipher of kind 0")
	}
	return nil
}

// ciphers lists those that can be read.
func (o *Options) ciphers() []Cipher {
	return append([]Cipher{o.Cipher}, o.OldCiphers...)
}
