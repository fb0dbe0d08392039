package archive

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strconv"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/legacy"
)

// Names of the files of a Tar archive.
const (
	metaFile     = "meta.inf"
	sumFile      = "meta.sum"
	messagesDir  = "msgs"
	blockSuffix  = ".blk"
	indexFile    = "index.db"
	consumersDir = "obs"
	consumerFile = "o.dat"
	failureFile  = "errors.txt"
)

// blockMax is how large a block becomes, in bytes, unless one record is larger.
const blockMax = 4 << 20

// A tarWriter writes the directory of a stream.
type tarWriter struct {
	*tar.Writer
	source *Source
	block  []byte
	number uint64 // of the block
	hasher *legacy.Hasher
}

// writeTar writes a Tar archive. It has no index, which servers make anew.
func writeTar(out io.Writer, s *Source) error {
	if !isName(s.Name) {
		return fmt.Errorf("%w: stream named %.64q", ErrSource, s.Name)
	}
	var config struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(s.Config, &config); err != nil || config.Name != s.Name {
		return fmt.Errorf("%w: configuration of a stream named %.64q, expected %s (%w)", ErrSource, config.Name, s.Name, err)
	}
	w := &tarWriter{Writer: tar.NewWriter(out), source: s}
	if err := w.meta("", s.Name, legacy.Meta{Created: s.Created, Config: s.Config}); err != nil {
		return err
	}
	if err := w.messages(); err != nil {
		return err
	}
	for i := range s.Consumers {
		if err := w.consumer(&s.Consumers[i]); err != nil {
			return fmt.Errorf("archive consumer %s: %w", s.Consumers[i].Name, err)
		}
	}
	return w.Close()
}

func (w *tarWriter) file(name string, content []byte) error {
	err := w.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o600, Uname: "nats", Gname: "nats",
		ModTime: w.source.Time.Truncate(time.Second), Format: tar.FormatPAX,
	})
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

// meta writes metadata and their checksum.
func (w *tarWriter) meta(dir, key string, m legacy.Meta) error {
	content, err := m.Append(nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSource, err)
	}
	if err := w.file(path.Join(dir, metaFile), content); err != nil {
		return err
	}
	return w.file(path.Join(dir, sumFile), legacy.MetaSum(key, content))
}

func (w *tarWriter) consumer(c *Consumer) error {
	dir := path.Join(consumersDir, c.Name)
	if err := w.meta(dir, w.source.Name+"/"+c.Name, legacy.Meta{Created: c.Created, Name: c.Name, Config: c.Config}); err != nil {
		return err
	}
	state := clamp(c.State, w.source.State.LastSequence)
	if state == nil {
		return nil
	}
	return w.file(path.Join(dir, consumerFile), legacy.AppendConsumerState(nil, state))
}

// messages writes the blocks. Gaps need no record, but the end does: if the last
// sequence has no message, a tombstone in a block for itself says what it was.
func (w *tarWriter) messages() error {
	last := uint64(0)
	err := w.source.each(func(m *store.Message, _ []byte) (err error) {
		length := store.FileSize(len(m.Subject), len(m.Header), len(m.Payload))
		if w.hasher == nil || uint64(len(w.block))+length > blockMax {
			if err := w.roll(); err != nil {
				return err
			}
		}
		last = m.Sequence
		w.block, err = legacy.AppendRecord(w.block, w.hasher, m.Sequence, m.Time, m.Subject, m.Header, m.Payload)
		return err
	})
	if err != nil {
		return err
	}
	if state := w.source.State; last < state.LastSequence {
		if err := w.roll(); err != nil {
			return err
		}
		w.block = legacy.AppendTombstone(w.block, w.hasher, state.LastSequence, state.LastTime)
	}
	return w.flush()
}

// roll begins the next block.
func (w *tarWriter) roll() error {
	if err := w.flush(); err != nil {
		return err
	}
	w.number++
	w.hasher = legacy.BlockHasher(w.source.Name, w.number)
	return nil
}

func (w *tarWriter) flush() error {
	if len(w.block) == 0 {
		return nil
	}
	name := path.Join(messagesDir, strconv.FormatUint(w.number, 10)+blockSuffix)
	content := w.block
	w.block = w.block[:0]
	return w.file(name, content)
}
