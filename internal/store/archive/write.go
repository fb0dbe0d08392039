package archive

import (
	"fmt"
	"io"

	"github.com/godwit-mq/godwit/internal/store"
)

// consumersName is what the names of the entries of consumers begin with, and
// stateName that of the entry of the summary.
const (
	stateName     = "state.json"
	consumersName = "consumers/"
)

// Write writes an archive of the source. It fails with ErrSource, with the errors of w
// and with those of Source.Messages; what was written then is not an archive.
func Write(w io.Writer, f Format, s Source) error {
	for _, c := range s.Consumers {
		if !isName(c.Name) {
			return fmt.Errorf("%w: consumer named %.64q", ErrSource, c.Name)
		}
		if !isObject(c.Config) {
			return fmt.Errorf("%w: consumer %s has no configuration", ErrSource, c.Name)
		}
	}
	compressed := compress(w)
	var err error
	switch f {
	case Binary:
		err = writeBinary(compressed, &s)
	case Tar:
		err = writeTar(compressed, &s)
	default:
		err = fmt.Errorf("%w: %v", ErrSource, f)
	}
	if err != nil {
		return err
	}
	return compressed.Close()
}

func writeBinary(w io.Writer, s *Source) error {
	out := entryWriter{w: w}
	metadata := func(name string, content []byte, err error) error {
		if err == nil && len(content) > MetadataMax {
			err = fmt.Errorf("%w: %d bytes", ErrLimit, len(content))
		}
		if err != nil {
			return fmt.Errorf("archive %s: %w", name, err)
		}
		return out.write(entry{name: name, time: s.Time.UnixNano(), payload: int64(len(content))}, content)
	}
	content, err := encodeState(s.State, len(s.Consumers))
	if err := metadata(stateName, content, err); err != nil {
		return err
	}
	for i := range s.Consumers {
		c := &s.Consumers[i]
		content, err := encodeConsumer(c, s.State.LastSequence)
		if err := metadata(consumersName+c.Name, content, err); err != nil {
			return err
		}
	}
	err = s.each(func(m *store.Message, body []byte) error {
		return out.write(entry{string(m.Subject), m.Time, m.Sequence, int64(len(m.Header)), int64(len(m.Payload))}, body)
	})
	if err != nil {
		return err
	}
	return out.write(entry{}, nil)
}

// each calls fn, outside of the access to the stream, with the messages that belong to
// the archive; body is header and payload in one piece.
func (s *Source) each(fn func(m *store.Message, body []byte) error) error {
	var b batch
	for next := s.State.FirstSequence; next <= s.State.LastSequence; {
		b.reset()
		end := false
		err := s.Messages(func(stream store.Stream) error {
			end = true
			return stream.Each(nil, next, func(m *store.Message) bool {
				if m.Sequence > s.State.LastSequence {
					return false
				}
				if b.isFull(m) {
					end = false
					return false
				}
				b.add(m)
				return true
			})
		})
		if err != nil {
			return fmt.Errorf("read messages from sequence %d: %w", next, err)
		}
		for i := range b.messages {
			if err := fn(&b.messages[i], b.bodies[i]); err != nil {
				return err
			}
			next = b.messages[i].Sequence + 1
		}
		if end {
			return nil
		}
		if len(b.messages) == 0 {
			return fmt.Errorf("%w: the stream was not given", ErrSource)
		}
	}
	return nil
}
