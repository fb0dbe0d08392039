package count

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// PrefixSize is the number of bytes at the start of a delivery that a Counter compares.
const PrefixSize = 8

// LineMax is the longest control line that a Counter accepts, in bytes.
const LineMax = 1 << 20

// ErrServer is wrapped by the error that reports an -ERR line.
var ErrServer = errors.New("server reported an error")

// Counter counts the deliveries and control lines in one connection's incoming bytes.
type Counter struct {
	// Messages, Pings and Pongs are the complete ones seen so far.
	Messages, Pings, Pongs int64

	// Visit, if set, is called with each complete delivery, first byte of the control line to the final line feed.
	// The slice is valid only during the call.
	Visit func(delivery []byte)

	size   int
	prefix uint64

	left     int    // bytes still missing from a delivery that began in an earlier Feed
	line     []byte // the start of a control line or delivery whose kind is not known yet
	delivery []byte // the part seen of an unfinished delivery, kept only for Visit
}

// New returns a Counter for deliveries that look like the given one: same length, same first PrefixSize bytes.
// With an empty sample no delivery is expected and any is an error.
func New(sample []byte) (*Counter, error) {
	if len(sample) == 0 {
		return &Counter{}, nil
	}
	if len(sample) <= PrefixSize || sample[len(sample)-1] != '\n' {
		return nil, fmt.Errorf("delivery %q is too short or has no line end", sample)
	}
	if bytes.IndexByte(sample[:PrefixSize], '\n') >= 0 || !bytes.HasPrefix(sample, []byte("MSG ")) {
		return nil, fmt.Errorf("delivery %.20q does not begin with MSG", sample)
	}
	return &Counter{size: len(sample), prefix: binary.LittleEndian.Uint64(sample)}, nil
}

// Feed counts what one read returned. After an error the counter must not be used again.
func (c *Counter) Feed(p []byte) error {
	for len(p) > 0 {
		var err error
		switch {
		case c.left > 0:
			p, err = c.continueDelivery(p)
		case len(c.line) > 0:
			p, err = c.continueLine(p)
		default:
			p, err = c.whole(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// whole takes all complete deliveries from the front of p. The first byte after them is left to continueLine.
func (c *Counter) whole(p []byte) ([]byte, error) {
	size, prefix := c.size, c.prefix
	for size > 0 && len(p) >= size && binary.LittleEndian.Uint64(p) == prefix {
		if p[size-1] != '\n' {
			return nil, fmt.Errorf("delivery %d of %d bytes ends with %q instead of a line feed", c.Messages+1, size, p[size-1])
		}
		c.Messages++
		if c.Visit != nil {
			c.Visit(p[:size])
		}
		p = p[size:]
	}
	if len(p) == 0 {
		return nil, nil
	}
	return c.continueLine(p)
}

func (c *Counter) continueDelivery(p []byte) ([]byte, error) {
	n := min(c.left, len(p))
	if c.Visit != nil {
		c.delivery = append(c.delivery, p[:n]...)
	}
	c.left -= n
	if c.left > 0 {
		return nil, nil
	}
	if p[n-1] != '\n' {
		return nil, fmt.Errorf("delivery %d of %d bytes ends with %q instead of a line feed", c.Messages+1, c.size, p[n-1])
	}
	c.Messages++
	if c.Visit != nil {
		c.Visit(c.delivery)
		c.delivery = c.delivery[:0]
	}
	return p[n:], nil
}

// continueLine collects bytes until they are known to be the expected delivery or a complete control line.
func (c *Counter) continueLine(p []byte) ([]byte, error) {
	for i, b := range p {
		c.line = append(c.line, b)
		if len(c.line) == PrefixSize && c.size > 0 && binary.LittleEndian.Uint64(c.line) == c.prefix {
			if c.Visit != nil {
				c.delivery = append(c.delivery[:0], c.line...)
			}
			c.line = c.line[:0]
			c.left = c.size - PrefixSize
			return p[i+1:], nil
		}
		if b == '\n' {
			err := c.control(c.line)
			c.line = c.line[:0]
			return p[i+1:], err
		}
		if len(c.line) > LineMax {
			return nil, fmt.Errorf("control line longer than %d bytes: %.40q", LineMax, c.line)
		}
	}
	return nil, nil
}

func (c *Counter) control(line []byte) error {
	text := bytes.TrimRight(line, "\r\n")
	switch {
	case bytes.Equal(text, []byte("PING")):
		c.Pings++
	case bytes.Equal(text, []byte("PONG")):
		c.Pongs++
	case bytes.Equal(text, []byte("+OK")), bytes.HasPrefix(text, []byte("INFO ")):
	case bytes.HasPrefix(text, []byte("-ERR")):
		return fmt.Errorf("%w: %.200q", ErrServer, text)
	case bytes.HasPrefix(text, []byte("MSG ")), bytes.HasPrefix(text, []byte("HMSG ")):
		return fmt.Errorf("unexpected delivery %.200q after %d messages", text, c.Messages)
	default:
		return fmt.Errorf("bytes that are no control line: %.200q after %d messages", text, c.Messages)
	}
	return nil
}
