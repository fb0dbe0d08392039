package legacy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// A Stream is the directory of one stream.
type Stream struct {
	Account, Name, Path string
	// Created and Config are those of the metadata. Config, a JSON object in the form of
	// the API, is nil if they cannot be read; the messages may well be readable.
	Created time.Time
	Config  json.RawMessage
	// Cipher is that of the metadata; blocks may have another one, or none.
	Cipher    Cipher
	Consumers []*Consumer
	// Batches are the directories of unfinished atomic batches. Each is the directory of a
	// stream whose name is the last element: OpenStream reads it.
	Batches []string
	// Problems are those of the metadata, consumers included. Survey finds those of the
	// messages.
	Problems []Problem

	fsys    vfs.FS
	options Options
	ring    keyring
	seed    seed
}

// A Consumer is the directory of one consumer.
type Consumer struct {
	Name, Path string
	// Created and Config are as those of a stream.
	Created time.Time
	Config  json.RawMessage

	fsys vfs.FS
	seed seed
	err  error // why the state cannot be read
}

// OpenStream reads the metadata of one stream directory. The names of the account and
// the stream are those under which it was written: encryption and checksums depend on
// them. It fails only if the directory itself cannot be read.
func OpenStream(fsys vfs.FS, dir, account, name string, o Options) (*Stream, error) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open directory of stream %s > %s: %w", account, name, err)
	}
	s := &Stream{Account: account, Name: name, Path: dir, fsys: fsys, options: o, ring: newKeyring(account, o)}
	meta, err := s.readMeta(dir, name, name, &s.seed)
	if err == nil {
		s.Created, s.Config = meta.Created, meta.Config
		s.checkName()
	}
	s.Cipher = s.seed.cipher
	for _, e := range entries {
		path := filepath.Join(dir, e.Name)
		switch {
		case e.Name == consumersDir && e.Dir:
			for _, c := range s.list(path) {
				s.openConsumer(filepath.Join(path, c.Name), c)
			}
		case e.Name == batchesDir && e.Dir:
			for _, b := range s.list(path) {
				s.Batches = append(s.Batches, filepath.Join(path, b.Name))
			}
		case e.Name == purgedDir && e.Dir:
			s.problem(Note, path, errors.New("purged messages that were being deleted"))
		case !isKnown(e.Name):
			s.problem(Note, path, errors.New("left-over or unknown"))
		}
	}
	return s, nil
}

func (s *Stream) problem(grade Grade, file string, err error) {
	if len(s.Problems) < ProblemsMax {
		s.Problems = append(s.Problems, Problem{Grade: grade, File: file, Err: err})
	}
}

func (s *Stream) list(dir string) []vfs.Info {
	entries, err := s.fsys.ReadDir(dir)
	if err != nil {
		s.problem(Damage, dir, err)
	}
	return entries
}

// checkName notes a configuration that is of another stream.
func (s *Stream) checkName() {
	var config struct {
		Name string `json:"name"`
	}
	err := json.Unmarshal(s.Config, &config)
	if err == nil && config.Name != s.Name {
		err = fmt.Errorf("%w: it is of a stream named %.64q", ErrMeta, config.Name)
	}
	if err != nil {
		s.problem(Doubtful, filepath.Join(s.Path, metaFile), err)
	}
}

func (s *Stream) openConsumer(dir string, info vfs.Info) {
	if !info.Dir {
		s.problem(Note, dir, errors.New("not a directory of a consumer"))
		return
	}
	c := &Consumer{Name: info.Name, Path: dir, fsys: s.fsys}
	meta, err := s.readMeta(dir, s.Name+"/"+info.Name, s.Name+"."+info.Name, &c.seed)
	if err == nil {
		c.Created, c.Config = meta.Created, meta.Config
		if meta.Name != info.Name {
			s.problem(Doubtful, filepath.Join(dir, metaFile), fmt.Errorf("%w: it is of a consumer named %.64q", ErrMeta, meta.Name))
		}
	} else if c.seed.cipher == Plain && (errors.Is(err, ErrKey) || errors.Is(err, ErrNoKey)) {
		c.err = err
	}
	state := filepath.Join(dir, stateFile)
	if file, err := s.fsys.Stat(state); err == nil && file.Size == 0 {
		s.problem(Doubtful, state, errors.New("empty, as a crash may leave it: the consumer begins by its configuration"))
	}
	s.Consumers = append(s.Consumers, c)
}

// readMeta reads the key, the metadata and their checksum in a directory. All that is
// wrong is noted; it fails if there are no metadata that can be used.
func (s *Stream) readMeta(dir, sumKey, context string, sd *seed) (Meta, error) {
	fail := func(file string, err error) (Meta, error) {
		s.problem(Damage, filepath.Join(dir, file), err)
		return Meta{}, err
	}
	key, err := readOptional(s.fsys, filepath.Join(dir, keyFile), keyMax)
	if err != nil {
		return fail(keyFile, err)
	}
	file, err := readOptional(s.fsys, filepath.Join(dir, metaFile), metaMax)
	if err == nil && file == nil {
		err = fmt.Errorf("%w: missing", ErrMeta)
	}
	if err != nil {
		file = nil
		_, _ = fail(metaFile, err)
	}
	if file != nil {
		s.checkSum(dir, sumKey, file)
	}
	if key != nil {
		opened, keyErr := s.ring.open(key, context)
		if keyErr != nil {
			return fail(keyFile, keyErr)
		}
		*sd = opened
	}
	if file == nil {
		return Meta{}, err
	}
	content, err := sd.unseal(file)
	if err != nil {
		return fail(metaFile, err)
	}
	meta, err := DecodeMeta(content)
	if err != nil {
		return fail(metaFile, err)
	}
	return meta, nil
}

// checkSum notes metadata whose checksum is missing or another one.
func (s *Stream) checkSum(dir, sumKey string, file []byte) {
	path := filepath.Join(dir, sumFile)
	sum, err := readOptional(s.fsys, path, keyMax)
	switch {
	case err != nil:
	case sum == nil:
		err = fmt.Errorf("%w: missing", ErrMeta)
	case !bytes.Equal(sum, MetaSum(sumKey, file)):
		err = fmt.Errorf("%w of %s", ErrChecksum, metaFile)
	}
	if err != nil {
		s.problem(Doubtful, path, err)
	}
}

// State reads how far the consumer has come. It returns nil if nothing is written: the
// consumer begins by its configuration. It fails with store.ErrConsumerState for a
// corrupt file, and with ErrNoKey or ErrKey.
func (c *Consumer) State() (*store.ConsumerState, error) {
	path := filepath.Join(c.Path, stateFile)
	file, err := readOptional(c.fsys, path, stateMax)
	if err != nil || len(file) == 0 {
		return nil, err
	}
	if c.err != nil {
		return nil, fmt.Errorf("read %s: %w", path, c.err)
	}
	content, err := c.seed.unseal(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	state, err := DecodeConsumerState(content)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return &state, nil
}
