package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// ErrKey: something is encrypted with a key that was not given.
var ErrKey = errors.New("encrypted with another key")

// Sizes that every AEAD of a Cipher keeps, in bytes.
const (
	NonceSize   = 12
	MaxOverhead = 64
)

// Cipher derives keys.
type Cipher interface {
	// Kind tells ciphers apart in what is stored. It is not zero.
	Kind() uint8
	// Derive returns the AEAD for a purpose and a salt, with nonces of NonceSize, and
	// a number that shows the next time whether the key is the same.
	Derive(purpose string, salt [16]byte) (aead cipher.AEAD, check uint64, err error)
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
		return nil, fmt.Errorf("key of %d bytes, %d needed", len(key), keySize)
	}
	return &standard{kind: kind, key: append([]byte(nil), key...)}, nil
}

type standard struct {
	kind uint8
	key  []byte
}

func (c *standard) Kind() uint8 { return c.kind }

func (c *standard) Derive(purpose string, salt [16]byte) (cipher.AEAD, uint64, error) {
	material, err := hkdf.Key(sha256.New, c.key, salt[:], purpose, keySize+8)
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

// Mark says how a file is encrypted. It is stored with it and is no secret. The zero
// Mark says that it is not.
type Mark struct {
	Kind  uint8
	Salt  [16]byte
	Check uint64
}

// New makes the key of a new file, with a salt from random. Without a Cipher it returns
// the zero Mark and no AEAD.
func New(c Cipher, purpose string, random io.Reader) (Mark, cipher.AEAD, error) {
	if c == nil {
		return Mark{}, nil, nil
	}
	m := Mark{Kind: c.Kind()}
	if m.Kind == 0 {
		return Mark{}, nil, errors.New("cipher of kind 0")
	}
	if _, err := io.ReadFull(random, m.Salt[:]); err != nil {
		return Mark{}, nil, fmt.Errorf("salt of a key: %w", err)
	}
	aead, check, err := derive(c, purpose, m.Salt)
	m.Check = check
	return m, aead, err
}

// Open finds the key of a file among ciphers, of which some may be nil: ErrKey if none
// fits. For the zero Mark it returns no AEAD.
func (m Mark) Open(purpose string, ciphers ...Cipher) (cipher.AEAD, error) {
	if m.Kind == 0 {
		return nil, nil
	}
	for _, c := range ciphers {
		if c == nil || c.Kind() != m.Kind {
			continue
		}
		aead, check, err := derive(c, purpose, m.Salt)
		if err != nil {
			return nil, err
		}
		if check == m.Check {
			return aead, nil
		}
	}
	return nil, ErrKey
}

// derive verifies what a Cipher returns.
func derive(c Cipher, purpose string, salt [16]byte) (cipher.AEAD, uint64, error) {
	aead, check, err := c.Derive(purpose, salt)
	if err != nil {
		return nil, 0, fmt.Errorf("derive a key: %w", err)
	}
	if aead.NonceSize() != NonceSize || aead.Overhead() > MaxOverhead {
		return nil, 0, fmt.Errorf("cipher %d: nonces of %d and overhead of %d bytes do not fit", c.Kind(), aead.NonceSize(), aead.Overhead())
	}
	return aead, check, nil
}
