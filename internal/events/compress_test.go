package events

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
)

// FuzzCompress checks that a body can be read with the encoding that it
// claims to have.
func FuzzCompress(f *testing.F) {
	for _, accepted := range []string{"", "gzip", "snappy", "s2", "deflate, gzip;q=1", "br", "gzip, s2"} {
		f.Add(accepted, []byte(strings.Repeat("answer ", 50)))
	}
	f.Fuzz(func(t *testing.T, accepted string, body []byte) {
		encoding, encoded := Compress(accepted, bytes.Clone(body))
		if decoded, err := expand(encoding, encoded); err != nil || !bytes.Equal(decoded, body) {
			t.Errorf("%q: %v, %q", encoding, err, decoded)
		}
	})
}

// expand undoes an encoding.
func expand(encoding string, body []byte) ([]byte, error) {
	switch encoding {
	case "identity":
		return body, nil
	case "snappy":
		return io.ReadAll(s2.NewReader(bytes.NewReader(body)))
	case "gzip":
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(z)
	default:
		return nil, fmt.Errorf("unknown encoding %q", encoding)
	}
}
