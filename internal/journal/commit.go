package journal

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// The header of a commit, little-endian. Commits begin at page boundaries.
//
//	0    8  magic
//	8   16  identity of the log
//	24   8  position of this commit
//	32   8  synced: all before this position was on the disk before this was written
//	40   8  end of the log in the generation before this one
//	48   8  end of the last commit before this one that has records
//	56   4  length of the records, in bytes, from the end of this header
//	60   4  number of records
//	64   4  the records' checksums, folded
//	68   1  version
//	69   1  flags
//	70   1  kind of cipher
//	71   1  zero
//	72  16  salt of the generation's key
//	88   8  check of the generation's key
//	96   4  checksum of bytes 0 to 96
const (
	commitHeader  = 100
	commitMagic   = 0x74696d6d6f437747 // "GwCommit"
	commitVersion = 1

	// flagMended: what lies between the end of the log before and this generation
	// belongs to failed commits and is no data.
	flagMended = 1 << 0
)

type commit struct {
	identity    identity
	position    Position
	synced      Position
	previousEnd Position
	mended      bool
	dataEnd     Position
	length      int
	records     int
	fold        uint32
	seal        seal.Mark
}

// span returns the bytes that a commit takes, whole pages.
func span(length int) int64 {
	return (commitHeader + int64(length) + vfs.PageSize - 1) / vfs.PageSize * vfs.PageSize
}

func (c *commit) end() Position { return c.position + Position(span(c.length)) }

func (c *commit) put(p []byte) {
	le := binary.LittleEndian
	le.PutUint64(p[0:], commitMagic)
	copy(p[8:24], c.identity[:])
	le.PutUint64(p[24:], uint64(c.position))
	le.PutUint64(p[32:], uint64(c.synced))
	le.PutUint64(p[40:], uint64(c.previousEnd))
	le.PutUint64(p[48:], uint64(c.dataEnd))
	le.PutUint32(p[56:], uint32(c.length))
	le.PutUint32(p[60:], uint32(c.records))
	le.PutUint32(p[64:], c.fold)
	p[68], p[69], p[70], p[71] = commitVersion, 0, c.seal.Kind, 0
	if c.mended {
		p[69] = flagMended
	}
	copy(p[72:88], c.seal.Salt[:])
	le.PutUint64(p[88:], c.seal.Check)
	le.PutUint32(p[96:], crc32.Checksum(p[:96], castagnoli))
}

// parseCommit reads a header and checks it for itself; whether it belongs where
// it was found is for the caller to see.
func parseCommit(p []byte) (c commit, ok bool) {
	le := binary.LittleEndian
	if len(p) < commitHeader || le.Uint64(p) != commitMagic || p[68] != commitVersion ||
		le.Uint32(p[96:]) != crc32.Checksum(p[:96], castagnoli) {
		return c, false
	}
	c = commit{
		position:    Position(le.Uint64(p[24:])),
		synced:      Position(le.Uint64(p[32:])),
		previousEnd: Position(le.Uint64(p[40:])),
		dataEnd:     Position(le.Uint64(p[48:])),
		length:      int(le.Uint32(p[56:])),
		records:     int(le.Uint32(p[60:])),
		fold:        le.Uint32(p[64:]),
	}
	copy(c.identity[:], p[8:24])
	c.mended = p[69]&flagMended != 0
	c.seal.Kind = p[70]
	copy(c.seal.Salt[:], p[72:88])
	c.seal.Check = le.Uint64(p[88:])
	fits := c.position.Offset()%vfs.PageSize == 0 && c.length <= MaxSegmentSize &&
		c.records <= c.length/recordHeader && (c.records > 0) == (c.length > 0)
	return c, fits
}

// resembles reports whether a header that does not check was probably written as
// this commit of this log: two of its three names are right.
func resembles(p []byte, id identity, pos Position) bool {
	if len(p) < commitHeader {
		return false
	}
	matches := 0
	for _, match := range [...]bool{
		binary.LittleEndian.Uint64(p) == commitMagic,
		identity(p[8:24]) == id,
		Position(binary.LittleEndian.Uint64(p[24:])) == pos,
	} {
		if match {
			matches++
		}
	}
	return matches >= 2
}

// hasTrace reports whether a header that does not check was, at least in part,
// written as a commit of this log.
func hasTrace(p []byte, id identity) bool {
	return binary.LittleEndian.Uint64(p) == commitMagic || identity(p[8:24]) == id
}

// foldSum adds a record's checksum to a commit's.
func foldSum(fold, sum uint32) uint32 { return (fold ^ sum) * 16777619 }
