package journal

import (
	"crypto/cipher"
	"encoding/binary"

	"github.com/godwit-mq/godwit/internal/seal"
)

// Cipher encrypts records. Each generation of a segment gets a key of its own. The
// nonce is the record's position. Lengths, groups and sequences stay readable.
type Cipher = seal.Cipher

// ErrKey: records are encrypted with a key that was not given.
var ErrKey = seal.ErrKey

// purpose tells the keys of journals from those of other files.
const purpose = "godwit journal records"

// unseal finds the key of a generation among the configured ones; nil if it needs none.
func (o *Options) unseal(m seal.Mark) (cipher.AEAD, error) {
	return m.Open(purpose, append([]Cipher{o.Cipher}, o.OldCiphers...)...)
}

func nonce(pos Position) [seal.NonceSize]byte {
	var n [seal.NonceSize]byte
	binary.LittleEndian.PutUint64(n[:], uint64(pos))
	return n
}
