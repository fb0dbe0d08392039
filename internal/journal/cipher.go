package journal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// Cipher encrypts records. Each generation of a segment gets a key of its own,
// derived from a random salt, so that a copied directory that goes its own way
// does not use a key and nonce twice. The nonce is the record's position.
// Lengths, groups and sequences stay readable.
type Cipher interface {
	// Kind is stored in each commit and tells ciphers apart. It is not zero.
	Kind() uint8
	// Derive returns the AEAD for a salt, with nonces of 12 bytes, and a number
	// that shows the next time whether the key is the same.
	Derive(salt [16]byte) (aead cipher.AEAD, check uint64, err error)
}

// The kinds of the ciphers of this package.
const (
	KindAESGCM           = 1
	KindChaCha20Poly1305 = 2
)

const keySize = 32

// NewAESGCM returns AES-256 in GCM. The key has 32 bytes.
func NewAESGCM(key []byte) (Cipher, error) { return newCipher(KindAESGCM, key) }

// NewChaCha20Poly1305 returns ChaCha20-Poly1305. The key has 32 bytes.
func NewChaCha20Poly1305(key []byte) (Cipher, error) { return newCipher(KindChaCha20Poly1305, key) }

func newCipher(kind uint8, key []byte) (Cipher, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("journal key of %d bytes, %d needed", len(key), keySize)
	}
	return &standardCipher{kind: kind, key: append([]byte(nil), key...)}, nil
}

type standardCipher struct {
	kind uint8
	key  []byte
}

func (c *standardCipher) Kind() uint8 { return c.kind }

func (c *standardCipher) Derive(salt [16]byte) (cipher.AEAD, uint64, error) {
	material, err := hkdf.Key(sha256.New, c.key, salt[:], "godwit journal records", keySize+8)
	if err != nil {
		return nil, 0, err
	}
	check := binary.LittleEndian.Uint64(material[keySize:])
	if c.kind == KindChaCha20Poly1305 {
		aead, err := chacha20poly1305.New(material[:keySize])
		return aead, check, err
	}
	block, err := aes.NewCipher(material[:keySize])
	if err != nil {
		return nil, 0, err
	}
	aead, err := cipher.NewGCM(block)
	return aead, check, err
}

// seal says how the records of a generation are encrypted; kind 0 is not at all.
type seal struct {
	kind  uint8
	salt  [16]byte
	check uint64
}

// derive makes the AEAD for a generation and verifies what a Cipher returns.
func derive(c Cipher, salt [16]byte) (cipher.AEAD, uint64, error) {
	aead, check, err := c.Derive(salt)
	if err != nil {
		return nil, 0, fmt.Errorf("derive a journal key: %w", err)
	}
	if aead.NonceSize() != nonceSize || aead.Overhead() > maxOverhead {
		return nil, 0, fmt.Errorf("cipher %d: nonces of %d and overhead of %d bytes do not fit", c.Kind(), aead.NonceSize(), aead.Overhead())
	}
	return aead, check, nil
}

const (
	nonceSize   = 12
	maxOverhead = 64
)

// unseal finds the key of a generation among the configured ones.
func (o *Options) unseal(s seal) (cipher.AEAD, error) {
	if s.kind == 0 {
		return nil, nil
	}
	for _, c := range append([]Cipher{o.Cipher}, o.OldCiphers...) {
		if c == nil || c.Kind() != s.kind {
			continue
		}
		aead, check, err := derive(c, s.salt)
		if err != nil {
			return nil, err
		}
		if check == s.check {
			return aead, nil
		}
	}
	return nil, ErrKey
}

func nonce(pos Position) [nonceSize]byte {
	var n [nonceSize]byte
	binary.LittleEndian.PutUint64(n[:], uint64(pos))
	return n
}
