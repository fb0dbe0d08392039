package api

import (
	"fmt"
	"strconv"
)

// An enum is the texts of a setting that is one of a few words: the text of value
// i is at index i.
type enum []string

// text is the word for a value, or "unknown".
func (e enum) text(value uint8) string {
	if int(value) >= len(e) {
		return "unknown"
	}
	return e[value]
}

// marshal writes the word as JSON. A value without a word cannot be written.
func (e enum) marshal(value uint8) ([]byte, error) {
	if int(value) >= len(e) {
		return nil, fmt.Errorf("can not marshal %d", value)
	}
	return strconv.AppendQuote(nil, e[value]), nil
}

// find is the value of a JSON string that holds one of the words, without
// escapes.
func (e enum) find(data []byte) (value uint8, ok bool) {
	if len(data) < 2 || data[0] != '"' || data[len(data)-1] != '"' {
		return 0, false
	}
	word := data[1 : len(data)-1]
	for i, text := range e {
		if text == string(word) {
			return uint8(i), true
		}
	}
	return 0, false
}

// unmarshal is find with the complaint that clients know.
func (e enum) unmarshal(data []byte) (uint8, error) {
	value, ok := e.find(data)
	if !ok {
		return 0, fmt.Errorf("can not unmarshal %q", data)
	}
	return value, nil
}

// has reports whether a value has a word.
func (e enum) has(value uint8) bool { return int(value) < len(e) }
