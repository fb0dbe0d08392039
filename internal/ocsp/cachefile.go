package ocspcheck

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/s2"
)

// fileEntry is an Entry in the file: a JSON object of these by key.
type fileEntry struct {
	Subject string    `json:"subject,omitempty"`
	Cached  time.Time `json:"cached_at"`
	Status  Status    `json:"resp_status"`
	Expires time.Time `json:"resp_expires"`
	Answer  []byte    `json:"resp"` // the DER in the framing of S2
}

// encodeCache returns the content of the file.
func encodeCache(entries map[string]Entry) ([]byte, error) {
	file := make(map[string]fileEntry, len(entries))
	for key, e := range entries {
		compressed, err := compress(e.DER)
		if err != nil {
			return nil, fmt.Errorf("compress response for key [%s]: %w", key, err)
		}
		file[key] = fileEntry{e.Subject, e.Cached, e.Status, e.Expires, compressed}
	}
	return json.MarshalIndent(file, "", " ")
}

// decodeCache reads the content of a file. It leaves out entries that cannot be
// right, and returns an error about the last of them.
func decodeCache(data []byte) (entries map[string]Entry, dropped int, bad, err error) {
	var file map[string]fileEntry
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, 0, nil, err
	}
	entries = make(map[string]Entry, len(file))
	for key, f := range file {
		der, err := f.decode(key)
		if err != nil {
			dropped++
			bad = fmt.Errorf("key [%.64s]: %w", key, err)
			continue
		}
		entries[key] = Entry{shorten(f.Subject), representable(f.Cached), f.Status, representable(f.Expires), der}
	}
	return entries, dropped, bad, nil
}

func (f fileEntry) decode(key string) ([]byte, error) {
	if sum, err := base64.StdEncoding.DecodeString(key); err != nil || len(sum) != sha256.Size {
		return nil, errors.New("not a fingerprint")
	}
	return decompress(f.Answer)
}

func compress(der []byte) ([]byte, error) {
	var out bytes.Buffer
	w := s2.NewWriter(&out, s2.WriterConcurrency(1), s2.WriterBlockSize(maxAnswer))
	if _, err := w.Write(der); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func decompress(data []byte) ([]byte, error) {
	r := s2.NewReader(bytes.NewReader(data), s2.ReaderMaxBlockSize(maxAnswer), s2.ReaderAllocBlock(4<<10))
	der, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("decompress response: %w", err)
	case len(der) == 0:
		return nil, errors.New("no response")
	case len(der) > maxAnswer:
		return nil, fmt.Errorf("response is larger than %d bytes", maxAnswer)
	}
	return der, nil
}

// representable returns a time as the file can hold it, or the zero time.
func representable(t time.Time) time.Time {
	t = t.UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return time.Time{}
	}
	return t
}

// subjectMax bounds the name in an entry, in bytes.
const subjectMax = 1024

func shorten(subject string) string { return subject[:min(len(subject), subjectMax)] }
