package migrate

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/godwit-mq/godwit/internal/store"
)

// A digest stands for a row of messages: their number, size, ends and contents.
type digest struct {
	messages, bytes uint64
	first, last     uint64
	sum             hash.Hash
	head            []byte
}

func newDigest() *digest { return &digest{sum: sha256.New()} }

// add takes up a message. Lengths go before the parts, so that no two rows of messages look
// the same.
func (d *digest) add(m *store.Message) {
	if d.messages == 0 {
		d.first = m.Sequence
	}
	d.last = m.Sequence
	d.messages++
	d.bytes += store.FileSize(len(m.Subject), len(m.Header), len(m.Payload))
	d.head = binary.LittleEndian.AppendUint64(d.head[:0], m.Sequence)
	d.head = binary.LittleEndian.AppendUint64(d.head, uint64(m.Time))
	d.head = binary.LittleEndian.AppendUint64(d.head, uint64(m.TTL))
	marker := byte(0)
	if m.Marker {
		marker = 1
	}
	d.head = append(d.head, marker)
	for _, part := range [][]byte{m.Subject, m.Header, m.Payload} {
		d.head = binary.LittleEndian.AppendUint64(d.head, uint64(len(part)))
	}
	d.sum.Write(d.head)
	d.sum.Write(m.Subject)
	d.sum.Write(m.Header)
	d.sum.Write(m.Payload)
}

func (d *digest) total() (total [sha256.Size]byte) {
	d.sum.Sum(total[:0])
	return total
}
