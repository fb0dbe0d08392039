package conf

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Position is a place in a configuration text. Line counts from 1. Column
// counts bytes, from 0 on line 1 and from 1 on all other lines. File is the
// name the text was read under; it may be empty.
type Position struct {
	File         string
	Line, Column int
}

// String gives "file:line:column".
func (p Position) String() string {
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Map is a list of entries with distinct keys. Pos is the place just behind
// its opening brace; the Map of a whole file stands at the file's beginning.
type Map struct {
	// Entries stand in the order of the file. An entry whose key was given
	// before takes the place of the earlier one.
	Entries []*Entry
	Pos     Position

	index map[string]int
}

// Entry is a key with its value. Pos is the place of the key, behind the
// opening quote if it has one. UsedVariable tells that some $key referred to
// the entry, which makes an otherwise unknown key a definition.
type Entry struct {
	Key          string
	Value        Value
	Pos          Position
	UsedVariable bool
}

// Value is a value and its place. Data is a string, int64, float64, bool,
// time.Time, []Value or *Map. IsVariable tells that the text held a $name here;
// Pos is then the place of the name.
type Value struct {
	Data       any
	Pos        Position
	IsVariable bool

	weight int // values at and below this one, variables written out
	height int // levels of maps and arrays at and below this one
}

// Get finds the entry of exactly this key.
func (m *Map) Get(key string) (*Entry, bool) {
	if m.index != nil {
		i, ok := m.index[key]
		if !ok {
			return nil, false
		}
		return m.Entries[i], true
	}
	for i := len(m.Entries) - 1; i >= 0; i-- {
		if m.Entries[i].Key == key {
			return m.Entries[i], true
		}
	}
	return nil, false
}

func (m *Map) put(e *Entry) {
	if m.index == nil {
		m.index = make(map[string]int)
	}
	if i, ok := m.index[e.Key]; ok {
		m.Entries[i] = e
		return
	}
	m.index[e.Key] = len(m.Entries)
	m.Entries = append(m.Entries, e)
}

// Plain gives the tree as maps, slices and scalars without places: string,
// int64, float64, bool, time.Time, []any and map[string]any. The result is
// new and belongs to the caller.
func (m *Map) Plain() map[string]any {
	plain := make(map[string]any, len(m.Entries))
	for _, e := range m.Entries {
		plain[e.Key] = e.Value.plain()
	}
	return plain
}

func (v Value) plain() any {
	switch data := v.Data.(type) {
	case *Map:
		return data.Plain()
	case []Value:
		list := make([]any, len(data))
		for i, item := range data {
			list[i] = item.plain()
		}
		return list
	}
	return v.Data
}

// Digest identifies the content of the tree: "sha256:" and the hexadecimal
// SHA-256 of Plain as JSON with sorted keys and a trailing newline. Comments,
// layout, the order of keys and the division into files do not change it. It
// is empty for a hand-made tree whose Data JSON cannot express.
func (m *Map) Digest() string {
	hash := sha256.New()
	if err := json.NewEncoder(hash).Encode(m.Plain()); err != nil {
		return ""
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil))
}
