package legacy

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/godwit-mq/godwit/internal/vfs"
)

const (
	messagesDir = "msgs"
	newDir      = "__new_msgs__"
	purgedDir   = "__msgs__"

	blockSuffix = ".blk"
	keySuffix   = ".key"
	oldSuffix   = ".idx"
)

// isKnown reports whether a name in the directory of a stream needs no mention.
func isKnown(name string) bool {
	switch name {
	case metaFile, sumFile, keyFile, messagesDir, newDir, "sources.db":
		return true
	}
	return strings.HasSuffix(name, vfs.TempSuffix) || strings.HasPrefix(name, "_test_")
}

// A blockFile is one block on disk.
type blockFile struct {
	number uint64
	dir    string
	hasKey bool
	hasOld bool // there is an .idx file
}

func (b blockFile) path() string    { return filepath.Join(b.dir, b.name(blockSuffix)) }
func (b blockFile) keyPath() string { return filepath.Join(b.dir, b.name(keySuffix)) }
func (b blockFile) name(suffix string) string {
	return strconv.FormatUint(b.number, 10) + suffix
}

// numbered reads a name like 17.blk.
func numbered(name, suffix string) (uint64, bool) {
	text, ok := strings.CutSuffix(name, suffix)
	n, err := strconv.ParseUint(text, 10, 64)
	return n, ok && err == nil && strconv.FormatUint(n, 10) == text
}

// listBlocks returns the blocks that count, ascending by number, and the directory
// where they are. A purge that was under way has happened if its new block is in
// place, and else it has not.
func (s *Stream) listBlocks(p *problems) (blocks []blockFile, dir string, err error) {
	note := func(path, text string) { p.add(Problem{Grade: Note, File: path, Err: errors.New(text)}) }
	dir = filepath.Join(s.Path, messagesDir)
	withdrawn := map[uint64]bool{}
	if fresh := filepath.Join(s.Path, newDir); isDir(s.fsys, fresh) {
		entries, err := s.fsys.ReadDir(fresh)
		if err != nil {
			return nil, dir, err
		}
		for _, e := range entries {
			if n, ok := numbered(e.Name, keySuffix); ok {
				withdrawn[n] = true
			}
			if _, ok := numbered(e.Name, blockSuffix); ok {
				dir = fresh
			}
		}
		if dir == fresh {
			note(fresh, "a purge was under way: it counts as done")
			clear(withdrawn)
		} else {
			note(fresh, "a purge was under way: it counts as not begun")
		}
	}
	entries, err := s.fsys.ReadDir(dir)
	if err != nil {
		return nil, dir, err
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name] = true
	}
	for _, e := range entries {
		n, ok := numbered(e.Name, blockSuffix)
		switch {
		case ok && withdrawn[n]:
			note(filepath.Join(dir, e.Name), "left-over of a purge")
		case ok && !e.Dir:
			b := blockFile{number: n, dir: dir}
			b.hasKey, b.hasOld = names[b.name(keySuffix)], names[b.name(oldSuffix)]
			blocks = append(blocks, b)
		default:
			if text := describe(e.Name, names); text != "" {
				note(filepath.Join(dir, e.Name), text)
			}
		}
	}
	slices.SortFunc(blocks, func(a, b blockFile) int { return cmp.Compare(a.number, b.number) })
	return blocks, dir, nil
}

// describe says what a file beside the blocks is, if that is worth knowing.
func describe(name string, names map[string]bool) string {
	switch name {
	case indexFile, "thw.db", "sched.db":
		return ""
	}
	if strings.HasSuffix(name, vfs.TempSuffix) {
		return ""
	}
	for _, suffix := range []string{".new", oldSuffix, ".fss"} {
		if _, ok := numbered(name, suffix); ok {
			return ""
		}
	}
	if n, ok := numbered(name, keySuffix); ok {
		if names[blockFile{number: n}.name(blockSuffix)] {
			return ""
		}
		return "a key without its block"
	}
	return "unknown"
}

// A loader reads blocks, one at a time, into memory that it uses again.
type loader struct {
	stream     *Stream
	raw, plain []byte
	seed       seed // of the last block
}

// load returns the decrypted, decompressed content of a block, good until the next
// call. What cannot be decompressed is passed to bad. It fails where there is no content
// at all.
func (l *loader) load(b blockFile, h *Hasher, bad func(Gap)) ([]byte, error) {
	if err := l.read(b); err != nil {
		return nil, err
	}
	l.seed = seed{}
	var keyErr error
	if b.hasKey {
		key, err := vfs.ReadFile(l.stream.fsys, b.keyPath(), keyMax)
		if err == nil {
			l.seed, err = l.stream.ring.open(key, l.stream.Name+":"+strconv.FormatUint(b.number, 10))
		}
		keyErr = err
	} else if l.stream.seed.cipher != Plain {
		keyErr = fmt.Errorf("%w: %s is missing", ErrKey, b.name(keySuffix))
	}
	// Where encryption was being introduced, a block may be plain in spite of all.
	if len(l.raw) > 0 && !looksPlain(h, l.raw) {
		if keyErr != nil {
			return nil, keyErr
		}
		if l.seed.cipher != Plain {
			if err := l.seed.decryptBlock(l.raw); err != nil {
				return nil, err
			}
		}
	}
	if !IsWrapped(l.raw) {
		return l.raw, nil
	}
	var err error
	l.plain, err = Unwrap(l.plain[:0], l.raw, int(l.stream.options.blockMax()), bad)
	return l.plain, err
}

// looksPlain reports whether content cannot be the look of an encrypted block.
func looksPlain(h *Hasher, buf []byte) bool {
	if IsWrapped(buf) && strings.Contains(string(buf[:min(len(buf), 24)]), "S2sTwO") {
		return true
	}
	_, err := DecodeRecord(h, buf)
	return err == nil
}

// read reads the file of a block.
func (l *loader) read(b blockFile) error {
	f, err := l.stream.fsys.OpenFile(b.path(), vfs.ReadOnly)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	if limit := l.stream.options.blockMax(); size > limit {
		return fmt.Errorf("block of %d bytes, at most %d allowed: %w", size, limit, vfs.ErrTooLarge)
	}
	l.raw = slices.Grow(l.raw[:0], int(size))[:size]
	if n, err := f.ReadAt(l.raw, 0); err != nil && (err != io.EOF || n < len(l.raw)) {
		return err
	}
	return nil
}
