package archive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// Limits bound what an archive may hold. What is 0 has no other limit than those of the
// store.
type Limits struct {
	// Payload is how large header and payload of a message may be by the configuration of
	// the server, Message by that of the stream, in bytes.
	Payload, Message int64
	// Bytes is the most that the messages may count for, or the files of a Tar archive:
	// without it, a small one can fill the disk.
	Bytes int64
	// Consumers is how many there may be.
	Consumers int
}

// Options are how an archive is read.
type Options struct {
	Limits Limits
	// FS and Dir are where a Tar archive is unpacked: a directory that is empty or does not
	// exist, and is removed in the end. Without them Tar is refused.
	FS  vfs.FS
	Dir string
	// Damaged takes what is left of a stream with damaged blocks.
	Damaged bool
}

// A Handler gets what an archive holds. What is nil is not called. An error ends the
// reading and is returned.
type Handler struct {
	// Begin comes first.
	Begin func(Head) error
	// Consumer comes for each consumer, and keeps what it gets.
	Consumer func(*Consumer) error
	// Message comes for each message, by ascending sequence. The message is good until it
	// returns.
	Message func(*store.Message) error
}

// Read reads an archive to its end. It fails with ErrInvalid, ErrLimit, ErrDamaged and
// errors of r, of the file system and of the handler.
func Read(r io.Reader, o Options, h Handler) (Head, error) {
	decoded, format, err := open(r)
	if err != nil {
		return Head{}, err
	}
	if format == Tar {
		return readTar(decoded, o, h)
	}
	return readBinary(decoded, o, h)
}

// binaryReader is one run of readBinary.
type binaryReader struct {
	entries entryReader
	checks  checks
	handler Handler
	buf     []byte
}

func readBinary(r *bufio.Reader, o Options, h Handler) (Head, error) {
	b := &binaryReader{entries: entryReader{r: r}, handler: h}
	head, err := b.begin()
	if err != nil {
		return head, err
	}
	b.checks = checks{limits: o.Limits, floor: max(head.State.FirstSequence, 1) - 1}
	if h.Begin != nil {
		if err := h.Begin(head); err != nil {
			return head, err
		}
	}
	if err := b.checks.consumers(head.Consumers); err != nil {
		return head, err
	}
	for range head.Consumers {
		if err := b.consumer(head.State.LastSequence); err != nil {
			return head, err
		}
	}
	for end := false; !end; {
		if end, err = b.message(); err != nil {
			return head, err
		}
	}
	if _, err := r.ReadByte(); err == nil {
		return head, fmt.Errorf("%w: data behind its end", ErrInvalid)
	} else if !errors.Is(err, io.EOF) {
		return head, broken(err)
	}
	return head, nil
}

// next is the next entry, which must be there.
func (b *binaryReader) next() (entry, error) {
	e, err := b.entries.next()
	if errors.Is(err, io.EOF) {
		err = broken(err)
	}
	return e, err
}

// metadata reads the body of an entry that is no message.
func (b *binaryReader) metadata(e entry) ([]byte, error) {
	if e.header+e.payload > MetadataMax {
		return nil, refuse(ErrLimit, "%.256q has %d bytes, at most %d are allowed", e.name, e.header+e.payload, MetadataMax)
	}
	return b.entries.body(nil, e.header+e.payload)
}

func (b *binaryReader) begin() (Head, error) {
	head := Head{Format: Binary}
	e, err := b.next()
	if err != nil {
		return head, err
	}
	if e.name != stateName {
		return head, refuse(ErrInvalid, "expected state.json first")
	}
	content, err := b.metadata(e)
	if err != nil {
		return head, err
	}
	head.State, head.Consumers, err = decodeState(content)
	return head, err
}

func (b *binaryReader) consumer(last uint64) error {
	e, err := b.next()
	if err != nil {
		return err
	}
	name, ok := strings.CutPrefix(e.name, consumersName)
	if !ok {
		return refuse(ErrInvalid, "expected consumer, found %.256q", e.name)
	}
	if !isName(name) {
		return refuse(ErrInvalid, "consumer cannot be named %.256q", name)
	}
	if b.handler.Consumer == nil {
		return nil
	}
	content, err := b.metadata(e)
	if err != nil {
		return err
	}
	c, err := decodeConsumer(name, content)
	if err != nil {
		return err
	}
	c.State = clamp(c.State, last)
	return b.handler.Consumer(c)
}

// message reads one message, or the end.
func (b *binaryReader) message() (end bool, err error) {
	e, err := b.next()
	if err != nil || e.isEnd() {
		return err == nil, err
	}
	if e.sequence == 0 {
		return false, refuse(ErrInvalid, "expected message sequence")
	}
	if err := b.checks.message(e.sequence, len(e.name), e.header, e.payload); err != nil {
		return false, err
	}
	if !isSubject(e.name) {
		return false, refuse(ErrInvalid, "message sequence %d has the subject %.256q", e.sequence, e.name)
	}
	if b.handler.Message == nil {
		return false, nil
	}
	b.buf, err = b.entries.body(append(b.buf[:0], e.name...), e.header+e.payload)
	if err != nil {
		return false, err
	}
	subject, body := b.buf[:len(e.name):len(e.name)], b.buf[len(e.name):]
	return false, b.handler.Message(&store.Message{
		Sequence: e.sequence, Time: e.time, Subject: subject,
		Header: body[:e.header:e.header], Payload: body[e.header:],
	})
}

// checks are what messages and consumers of both formats have to pass.
type checks struct {
	limits Limits
	floor  uint64 // the sequence before
	bytes  uint64
}

func (c *checks) consumers(n int) error {
	if c.limits.Consumers > 0 && n > c.limits.Consumers {
		return refuse(ErrLimit, "%d consumers, at most %d are allowed", n, c.limits.Consumers)
	}
	return nil
}

// message checks the place and the lengths of a message.
func (c *checks) message(seq uint64, subject int, header, payload int64) error {
	length := header + payload
	switch l := c.limits; {
	case seq <= c.floor:
		return refuse(ErrInvalid, "message sequence %d out of order", seq)
	case seq > store.SequenceMax:
		return refuse(ErrInvalid, "message sequence %d is beyond the highest", seq)
	case l.Payload > 0 && length > l.Payload:
		return refuse(ErrLimit, "message sequence %d exceeds maximum payload size", seq)
	case l.Message > 0 && length > l.Message, length > store.SizeMax:
		return refuse(ErrLimit, "message sequence %d exceeds maximum message size", seq)
	case subject > store.SubjectMax:
		return refuse(ErrLimit, "message sequence %d has a subject of %d bytes", seq, subject)
	}
	bytes := store.FileSize(subject, int(header), int(payload))
	if bytes > store.SizeMax {
		return refuse(ErrLimit, "message sequence %d exceeds maximum message size", seq)
	}
	c.floor = seq
	c.bytes += bytes
	if c.limits.Bytes > 0 && c.bytes > uint64(c.limits.Bytes) {
		return refuse(ErrLimit, "messages up to sequence %d exceed %d bytes", seq, c.limits.Bytes)
	}
	return nil
}

// isSubject reports whether a subject can stand in a line of the protocol. Established
// servers store such that have wildcards or empty tokens.
func isSubject[T string | []byte](s T) bool { return !bytes.ContainsAny([]byte(s), " \t\r\n\x00") }
