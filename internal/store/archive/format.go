package archive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/s2"
)

// Format is one of the formats of archives.
type Format uint8

const (
	// Binary is the format of version 2.15.
	Binary Format = iota + 1
	// Tar is the format of versions 2.10 to 2.14.
	Tar
)

func (f Format) String() string {
	switch f {
	case Binary:
		return "binary"
	case Tar:
		return "tar"
	}
	return fmt.Sprintf("format %d", uint8(f))
}

const (
	// DetectLen is how many decoded bytes tell the format for sure.
	DetectLen = 512

	magic       = "NATSARC1"
	tarMagic    = "ustar"
	tarMagicOff = 257 // in the header of the first file
)

// Detect tells the format of an archive by its first bytes, decompressed. It fails with
// ErrInvalid if they are of neither.
func Detect(head []byte) (Format, error) {
	switch {
	case bytes.HasPrefix(head, []byte(magic)):
		return Binary, nil
	case len(head) >= DetectLen && bytes.HasPrefix(head[tarMagicOff:], []byte(tarMagic)):
		return Tar, nil
	}
	return 0, ErrInvalid
}

// open begins to decompress an archive, and tells its format.
func open(r io.Reader) (*bufio.Reader, Format, error) {
	decoded := bufio.NewReaderSize(s2.NewReader(r, s2.ReaderAllocBlock(64<<10)), 64<<10)
	head, err := decoded.Peek(DetectLen)
	format, unknown := Detect(head)
	switch {
	case unknown == nil:
		return decoded, format, nil
	case err != nil && !errors.Is(err, io.EOF):
		return nil, 0, broken(err)
	}
	return nil, 0, unknown
}

// compress is where an archive is written to.
func compress(w io.Writer) *s2.Writer {
	return s2.NewWriter(w, s2.WriterConcurrency(1))
}
