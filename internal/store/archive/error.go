package archive

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/s2"
)

// Errors of archives, to be compared with errors.Is: they come with details.
var (
	// ErrInvalid is returned for bytes that are no archive, or only the beginning of one.
	ErrInvalid = errors.New("archive: invalid archive stream")
	// ErrLimit is returned where something is larger than Limits allow, or than an
	// archive can hold.
	ErrLimit = errors.New("archive: too large")
	// ErrDamaged is returned for an archive that was made of a damaged stream.
	ErrDamaged = errors.New("archive: damaged")
	// ErrNotEmpty is returned by Restore for a stream that is in use.
	ErrNotEmpty = errors.New("archive: the stream is not empty")
	// ErrSource is returned by Write for a source that cannot be archived.
	ErrSource = errors.New("archive: bad source")
)

// A refusal is an error of a kind with a text of its own, because users know it.
type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

func refuse(kind error, format string, args ...any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}

// broken says what an error of the decompression means: bytes that are not right are
// ErrInvalid, a reader that fails is what it is.
func broken(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it ends early", ErrInvalid)
	case errors.Is(err, s2.ErrCorrupt), errors.Is(err, s2.ErrCRC), errors.Is(err, s2.ErrTooLarge), errors.Is(err, s2.ErrUnsupported):
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return err
}
