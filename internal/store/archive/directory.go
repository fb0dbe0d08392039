package archive

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/legacy"
	"github.com/godwit-mq/godwit/internal/vfs"
)

const (
	metaMax          = 16 << 20 // bytes
	unpackedBlockMax = 64 << 20 // bytes; more than a block with one record of the largest size
)

// readTar unpacks a Tar archive, reads the directory and removes it.
func readTar(r *bufio.Reader, o Options, h Handler) (head Head, err error) {
	if o.FS == nil || o.Dir == "" {
		return Head{Format: Tar}, refuse(ErrInvalid, "tar archives are not allowed here")
	}
	entries, err := o.FS.ReadDir(o.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Head{Format: Tar}, err
	}
	if len(entries) > 0 {
		return Head{Format: Tar}, fmt.Errorf("unpack to %s: %w", o.Dir, fs.ErrExist)
	}
	defer func() { err = errors.Join(err, removeAll(o.FS, o.Dir)) }()
	if err := unpack(r, o); err != nil {
		return Head{Format: Tar}, err
	}
	return readDirectory(o, h)
}

func readDirectory(o Options, h Handler) (Head, error) {
	head := Head{Format: Tar}
	stream, err := openDirectory(o)
	if err != nil {
		return head, err
	}
	contents, err := stream.Survey()
	if err != nil {
		return head, err
	}
	head.Name, head.Created, head.Config = stream.Name, stream.Created, stream.Config
	head.State, head.Consumers, head.Problems = contents.State, len(stream.Consumers), append(stream.Problems, contents.Problems...)
	// The index knows how far the stream had come, whatever became of its records: what
	// limits removed leaves no trace in them.
	head.State.FirstSequence = max(head.State.FirstSequence, contents.Hint.FirstSequence)
	if contents.Hint.LastSequence > head.State.LastSequence {
		head.State.LastSequence, head.State.LastTime = contents.Hint.LastSequence, contents.Hint.LastTime
	}
	if p, ok := damage(contents.Problems); ok && !o.Damaged {
		return head, fmt.Errorf("%w: %v", ErrDamaged, p)
	}
	if h.Begin != nil {
		if err := h.Begin(head); err != nil {
			return head, err
		}
	}
	c := checks{limits: o.Limits, floor: max(head.State.FirstSequence, 1) - 1}
	c.limits.Bytes = 0 // that was for the files
	if err := c.consumers(head.Consumers); err != nil {
		return head, err
	}
	for _, consumer := range stream.Consumers {
		if err := readConsumer(consumer, head.State.LastSequence, h); err != nil {
			return head, err
		}
	}
	if h.Message == nil {
		return head, nil
	}
	failed := error(nil)
	err = contents.Each(head.State.FirstSequence, func(m *store.Message) bool {
		failed = c.message(m.Sequence, len(m.Subject), int64(len(m.Header)), int64(len(m.Payload)))
		if failed == nil && !isSubject(m.Subject) {
			failed = refuse(ErrInvalid, "message sequence %d has the subject %.256q", m.Sequence, m.Subject)
		}
		if failed == nil {
			failed = h.Message(m)
		}
		return failed == nil
	})
	return head, errors.Join(failed, err)
}

// openDirectory opens the directory under the name that its metadata tell.
func openDirectory(o Options) (*legacy.Stream, error) {
	content, err := vfs.ReadFile(o.FS, filepath.Join(o.Dir, metaFile), metaMax)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, vfs.ErrTooLarge) {
		return nil, refuse(ErrInvalid, "no metadata of the stream: %v", err)
	} else if err != nil {
		return nil, err
	}
	meta, err := legacy.DecodeMeta(content)
	if err != nil {
		return nil, refuse(ErrInvalid, "metadata of the stream: %v", err)
	}
	var config struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(meta.Config, &config); err != nil || !isName(config.Name) {
		return nil, refuse(ErrInvalid, "metadata of a stream named %.64q (%v)", config.Name, err)
	}
	stream, err := legacy.OpenStream(o.FS, o.Dir, "", config.Name, legacy.Options{BlockMax: unpackedBlockMax})
	if err != nil {
		return nil, err
	}
	for _, p := range stream.Problems {
		if p.Grade >= legacy.Doubtful && filepath.Base(p.File) != consumerFile { // State tells of those
			return nil, refuse(ErrInvalid, "%v", p)
		}
	}
	return stream, nil
}

func damage(problems []legacy.Problem) (legacy.Problem, bool) {
	for _, p := range problems {
		if p.Grade == legacy.Damage {
			return p, true
		}
	}
	return legacy.Problem{}, false
}

func readConsumer(c *legacy.Consumer, last uint64, h Handler) error {
	state, err := c.State()
	if err != nil {
		return refuse(ErrInvalid, "error restoring consumer [%q]: %v", c.Name, err)
	}
	if h.Consumer == nil {
		return nil
	}
	return h.Consumer(&Consumer{Name: c.Name, Created: c.Created, Config: c.Config, State: clamp(state, last)})
}
