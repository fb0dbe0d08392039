package heap

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/godwit-mq/godwit/internal/seal"
)

// Data files and manifests begin with a header of 76 bytes, little-endian as all:
//
//	0   8  magic: "gwchunks" or "gwmanife"
//	8   2  version, 1
//	10  1  kind of the cipher, 0 is none
//	11  5  zero
//	16  16 identity of the heap
//	32  8  number of the file; of a manifest: how many there were, with it
//	40  16 salt of the key
//	56  8  check of the key
//	64  8  length of a manifest when it took its place; 0 in data files
//	72  4  checksum of bytes 0 to 72
//
// All checksums are CRC-32C. Those behind the header continue the checksum of magic,
// identity and number, so that no piece of another heap, another file or an earlier
// manifest passes for one of this.
//
// In a data file chunks follow, each beginning where the one before ends:
//
//	0   3  magic: "gwc"
//	3   1  flags: 1 compressed with S2, 2 encrypted
//	4   4  offset in the file
//	8   8  key
//	16  4  length of the data
//	20  4  length of the body
//	24  4  checksum of bytes 0 to 24 and the body
//	28  4  checksum of bytes 0 to 28
//	32     body: the data, compressed, then encrypted
//
// The nonce of an encrypted chunk is its offset (4 bytes, then zeros), the additional
// data are bytes 0 to 24. The key is the file's own, derived for "godwit heap chunks".
//
// In a manifest edits follow in the same way:
//
//	0   4  magic: "edit"
//	4   1  flags: 1 witness
//	5   3  zero
//	8   4  length of the body
//	12  12 nonce, random; zero if not encrypted
//	24  8  offset in the manifest
//	32  8  number of the next data file: those before were in use
//	40  4  checksum of bytes 0 to 40 and the body
//	44  4  checksum of bytes 0 to 44
//	48     body: the edit, encrypted
//
// The additional data are bytes 0 to 40; the key is the manifest's own, derived for
// "godwit heap manifest". A witness has no body. It says that everything before it was
// synced when it was written, and the next edit overwrites it.
const (
	headerSize  = 76
	version     = 1
	chunkHeader = 32
	editHeader  = 48

	flagCompressed = 1
	flagEncrypted  = 2
	flagWitness    = 1

	maxFile   = 1<<63 - 1
	maxStored = chunkHeader + MaxChunk + seal.MaxOverhead
)

const (
	chunksMagic   = "gwchunks"
	manifestMagic = "gwmanife"
	chunkMagic    = "gwc"
	editMagic     = "edit"

	chunksPurpose   = "godwit heap chunks"
	manifestPurpose = "godwit heap manifest"
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian
)

// identity is the random name of a heap.
type identity [16]byte

// header is the beginning of a file.
type header struct {
	id     identity
	number uint64
	mark   seal.Mark
	base   uint64
}

func (h header) append(buf []byte, magic string) []byte {
	at := len(buf)
	buf = append(buf, magic...)
	buf = le.AppendUint16(buf, version)
	buf = append(buf, h.mark.Kind, 0, 0, 0, 0, 0)
	buf = append(buf, h.id[:]...)
	buf = le.AppendUint64(buf, h.number)
	buf = append(buf, h.mark.Salt[:]...)
	buf = le.AppendUint64(buf, h.mark.Check)
	buf = le.AppendUint64(buf, h.base)
	return le.AppendUint32(buf, crc32.Checksum(buf[at:], castagnoli))
}

// parseHeader reads the header at the beginning of p: ErrCorrupt or ErrVersion.
func parseHeader(p []byte, magic string) (header, error) {
	if len(p) < headerSize || string(p[:8]) != magic || le.Uint32(p[72:]) != crc32.Checksum(p[:72], castagnoli) {
		return header{}, ErrCorrupt
	}
	if le.Uint16(p[8:]) != version {
		return header{}, ErrVersion
	}
	return header{
		id:     identity(p[16:32]),
		number: le.Uint64(p[32:]),
		mark:   seal.Mark{Kind: p[10], Salt: [16]byte(p[40:56]), Check: le.Uint64(p[56:])},
		base:   le.Uint64(p[64:]),
	}, nil
}

// seed is what checksums in a file begin with.
func seed(magic string, id identity, number uint64) uint32 {
	var p [8 + 16 + 8]byte
	copy(p[:], magic)
	copy(p[8:], id[:])
	le.PutUint64(p[24:], number)
	return crc32.Checksum(p[:], castagnoli)
}
