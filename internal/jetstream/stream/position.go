package stream

import (
	"errors"
	"fmt"
	"strings"

	"github.com/godwit-mq/godwit/internal/store"
)

// A Position is how far a source had come, as a stored message tells.
type Position struct {
	Sequence uint64
	Identity string
}

// SetPosition makes an origin go on behind a message that is stored.
func (o *Origin) SetPosition(p Position) { o.Sequence, o.Identity = p.Sequence, p.Identity }

// sourceLine is the header that tells where a message came from, in any of its forms.
type sourceLine struct {
	stream string // the place of the stream: its name, and what tells it from others
	index  string // of the source, empty in the older forms
	Position
}

// parseSource reads where a message came from. The older forms are a stream with a
// sequence, and the reply subject under which the message was delivered.
func parseSource(text []byte) (sourceLine, bool) {
	if d, ok := ParseDelivery(text); ok {
		return sourceLine{stream: string(d.Stream), Position: Position{Sequence: d.StreamSequence}}, true
	}
	parts := strings.Split(string(text), " ")
	if len(parts) != 2 && len(parts) < 4 {
		return sourceLine{}, false
	}
	sequence, ok := parseUint([]byte(parts[1]))
	if !ok || parts[0] == "" {
		return sourceLine{}, false
	}
	line := sourceLine{stream: parts[0], Position: Position{Sequence: sequence}}
	if len(parts) >= 4 {
		line.index = parts[0] + " " + parts[2] + " " + parts[3]
	}
	if len(parts) >= 6 {
		line.Identity = parts[5]
	}
	return line, true
}

// Positions finds, from the newest message to older ones, how far sources had come,
// given what tells them apart. Sources of which no message is left have none.
func (s *Stream) Positions(indexes []string) (map[string]Position, error) {
	missing := make(map[string]string, len(indexes)) // by index, the place of the stream
	for _, index := range indexes {
		place, _, _ := strings.Cut(index, " ")
		missing[index] = place
	}
	found := make(map[string]Position, len(indexes))
	var (
		m store.Message
		f fields
	)
	for at := s.last; at > 0 && len(missing) > 0; {
		sequence, err := s.store.Previous(nil, at, &m)
		if errors.Is(err, store.ErrEOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("look for messages of sources: %w", err)
		}
		at = sequence - 1
		f.read(m.Header)
		line, ok := parseSource(f.get(fieldStreamSource))
		if !ok {
			continue
		}
		for index, place := range missing {
			if line.index == index || line.index == "" && line.stream == place {
				found[index] = line.Position
				delete(missing, index)
			}
		}
	}
	return found, nil
}
