package legacy

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"path/filepath"

	"github.com/godwit-mq/godwit/internal/ds/seqset"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// errIndex is returned, with details, for an index.db that cannot be read.
var errIndex = errors.New("bad index")

const (
	indexFile  = "index.db"
	indexMagic = 11
	indexMin   = 32
	indexMax   = 4 << 30 // bytes

	// indexedMax is how many messages a block can have: no reader takes larger ones.
	indexedMax = BlockMax / RecordMin

	oldMagic     = 22
	oldMax       = 64 << 20 // bytes
	oldVersion   = 1
	newerVersion = 2
)

// An index is what an index.db says of a stream.
type index struct {
	state    store.State
	subjects subjectSum
	blocks   map[uint64]indexBlock
	newest   uint64
	tail     []byte // checksum of the last record of the newest block
}

// An indexBlock is what it says of a block: which sequences are alive.
type indexBlock struct {
	first, last uint64
	lastTime    int64       // of an .idx file
	deleted     *seqset.Set // nil if none is
}

func (b indexBlock) isLive(seq uint64) bool {
	return seq >= b.first && seq <= b.last && (b.deleted == nil || !b.deleted.Contains(seq))
}

func (b indexBlock) deletedLen() uint64 {
	if b.deleted == nil {
		return 0
	}
	return uint64(b.deleted.Len())
}

// A subjectSum stands for how many messages each subject has: two of them are equal
// only if that is, but for a chance in 2^64. It takes no memory for subjects.
type subjectSum struct{ sum uint64 }

var subjectSeed = maphash.MakeSeed()

func (s *subjectSum) add(subject []byte, messages uint64) {
	s.sum += messages * maphash.Bytes(subjectSeed, subject)
}

// readIndex reads the index.db of a stream, nil if there is none.
func (s *Stream) readIndex(dir string) (*index, error) {
	file, err := readOptional(s.fsys, filepath.Join(dir, indexFile), indexMax)
	if err != nil || file == nil {
		return nil, err
	}
	if len(file) < indexMin {
		return nil, fmt.Errorf("%w: %d bytes", errIndex, len(file))
	}
	file, trailer := file[:len(file)-checksumLen], file[len(file)-checksumLen:]
	if sum := NewHasher(s.Name).sum(file); !bytes.Equal(sum[:], trailer) {
		return nil, fmt.Errorf("%w of %s", ErrChecksum, indexFile)
	}
	content, err := s.seed.unseal(file)
	if err != nil {
		return nil, err
	}
	return decodeIndex(content)
}

// decodeIndex reads the content of an index.db, decrypted, without its trailer.
func decodeIndex(buf []byte) (*index, error) {
	if len(buf) < 2 || buf[0] != indexMagic || buf[1] < 1 || buf[1] > 4 {
		return nil, fmt.Errorf("%w: unknown version", errIndex)
	}
	version := buf[1]
	r := varints{buf: buf[2:]}
	x := &index{blocks: map[uint64]indexBlock{}}
	x.state.Messages, x.state.Bytes = r.uvarint(), r.uvarint()
	x.state.FirstSequence, x.state.FirstTime = r.uvarint(), r.varint()
	x.state.LastSequence, x.state.LastTime = r.uvarint(), r.varint()
	x.readSubjects(&r, version)
	if err := x.readBlocks(&r, version); err != nil {
		return nil, err
	}
	x.newest, x.tail = r.uvarint(), r.bytes(checksumLen)
	if r.short || len(r.buf) > 0 {
		return nil, fmt.Errorf("%w: ends early, or late", errIndex)
	}
	return x, nil
}

func (x *index) readSubjects(r *varints, version byte) {
	n := r.count(3)
	x.state.Subjects = int(n)
	for ; n > 0 && !r.short; n-- {
		subject := r.bytes(r.uvarint())
		messages := r.uvarint()
		r.uvarint() // first block
		if version > 3 || messages > 1 {
			r.uvarint() // last block
		}
		x.subjects.add(subject, messages)
	}
}

func (x *index) readBlocks(r *varints, version byte) error {
	for n := r.count(7); n > 0 && !r.short; n-- {
		number, b := r.uvarint(), indexBlock{}
		r.uvarint() // bytes
		b.first, _ = r.uvarint(), r.varint()
		b.last, _ = r.uvarint(), r.varint()
		deleted := r.uvarint()
		for counts := byte(2); counts <= min(version, 3); counts++ {
			r.uvarint() // messages with a life time, with a schedule
		}
		if deleted > 0 && !r.short {
			set, used, err := seqset.Decode(r.buf)
			if err != nil {
				return fmt.Errorf("%w: block %d: %w", errIndex, number, err)
			}
			r.skip(used)
			b.deleted = set
		}
		if live := b.last - b.first + 1 - b.deletedLen(); live > indexedMax {
			return fmt.Errorf("%w: block %d with %d messages", errIndex, number, live)
		}
		x.blocks[number] = b
	}
	return nil
}

// readOld reads the .idx file that servers before 2.10 wrote beside a block. They kept
// deletions there and nowhere else. It counts only if it is as new as the block, whose
// content this is.
func (l *loader) readOld(b blockFile, content []byte) (indexBlock, error) {
	path := filepath.Join(b.dir, b.name(oldSuffix))
	file, err := vfs.ReadFile(l.stream.fsys, path, oldMax)
	if err == nil && l.seed.cipher != Plain {
		file, err = l.seed.unseal(append(bytes.Clone(l.seed.nonce), file...))
	}
	if err != nil {
		return indexBlock{}, err
	}
	old, tail, err := decodeOld(file)
	if err == nil && !bytes.Equal(lastChecksum(content), tail) {
		err = errors.New("not as new as the block")
	}
	return old, err
}

// decodeOld reads the content of an .idx file and returns the checksum of the last
// record of the block as it was then.
func decodeOld(buf []byte) (b indexBlock, tail []byte, err error) {
	if len(buf) < 2 || buf[0] != oldMagic || buf[1] != oldVersion && buf[1] != newerVersion {
		return b, nil, fmt.Errorf("%w: unknown version", errIndex)
	}
	r := varints{buf: buf[2:]}
	messages := r.uvarint()
	r.uvarint() // bytes
	b.first, _ = r.uvarint()&^goneBit, r.varint()
	b.last, b.lastTime = r.uvarint()&^goneBit, r.varint()
	deleted := r.uvarint()
	tail = r.bytes(checksumLen)
	if r.short || messages != b.last-b.first+1-deleted {
		return b, nil, fmt.Errorf("%w: inconsistent", errIndex)
	}
	switch {
	case deleted == 0:
	case buf[1] == newerVersion:
		if b.deleted, _, err = seqset.Decode(r.buf); err != nil {
			return b, nil, fmt.Errorf("%w: %w", errIndex, err)
		}
	default:
		b.deleted = &seqset.Set{}
		for ; deleted > 0 && !r.short; deleted-- {
			b.deleted.Insert(b.first + r.uvarint())
		}
		if r.short {
			return b, nil, fmt.Errorf("%w: ends early", errIndex)
		}
	}
	return b, tail, nil
}

// lastChecksum is that of the last record of a block, zero if there are none.
func lastChecksum(content []byte) []byte {
	if len(content) < checksumLen {
		return make([]byte, checksumLen)
	}
	return content[len(content)-checksumLen:]
}
