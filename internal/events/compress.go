package events

import (
	"bytes"
	"compress/gzip"
	"strings"

	"github.com/klauspost/compress/s2"
)

// Compress encodes a body in a way that its receiver accepts, as told by the value
// of an Accept-Encoding header. It returns the name of the encoding, "identity" if
// nothing was done.
func Compress(accepted string, body []byte) (encoding string, encoded []byte) {
	accepted = strings.ToLower(accepted)
	var out bytes.Buffer
	switch {
	case strings.Contains(accepted, "snappy"), strings.Contains(accepted, "s2"):
		w := s2.NewWriter(&out, s2.WriterSnappyCompat(), s2.WriterConcurrency(1))
		if _, err := w.Write(body); err == nil && w.Close() == nil {
			return "snappy", out.Bytes()
		}
	case strings.Contains(accepted, "gzip"):
		w := gzip.NewWriter(&out)
		if _, err := w.Write(body); err == nil && w.Close() == nil {
			return "gzip", out.Bytes()
		}
	}
	return "identity", body
}
