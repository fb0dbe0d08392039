package api

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Compression says how stored messages are compressed.
type Compression uint8

const (
	// CompressionNone stores them as they are.
	CompressionNone Compression = iota
	// CompressionS2 is fast and saves less than the best.
	CompressionS2
)

var (
	compressionTexts      = enum{"none", "s2"}
	errUnknownCompression = errors.New("unknown compression algorithm")
)

func (c Compression) String() string { return compressionTexts.text(uint8(c)) }

// MarshalJSON writes the algorithm as a word.
func (c Compression) MarshalJSON() ([]byte, error) {
	data, err := compressionTexts.marshal(uint8(c))
	if err != nil {
		return nil, errUnknownCompression
	}
	return data, nil
}

// UnmarshalJSON reads the word.
func (c *Compression) UnmarshalJSON(data []byte) error {
	var word string
	if err := json.Unmarshal(data, &word); err != nil {
		return fmt.Errorf("read compression: %w", err)
	}
	value, ok := compressionTexts.find([]byte(`"` + word + `"`))
	if !ok {
		return errUnknownCompression
	}
	*c = Compression(value)
	return nil
}
