package legacy

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/chacha20poly1305"
)

// Errors of encrypted directories.
var (
	// ErrNoKey is returned where something is encrypted and no key was given.
	ErrNoKey = errors.New("encrypted, and no key was given")
	// ErrKey is returned, with details, for a key file or a sealed file that no given key
	// opens.
	ErrKey = errors.New("cannot be decrypted with the given keys")
)

// Cipher is how a directory, or one file of it, is encrypted.
type Cipher uint8

const (
	// Plain is not encrypted.
	Plain Cipher = iota
	// ChaCha is XChaCha20, with Poly1305 where files are sealed.
	ChaCha
	// AES is AES-256: GCM where files are sealed, CTR for blocks.
	AES
)

func (c Cipher) String() string {
	switch c {
	case ChaCha:
		return "ChaCha20-Poly1305"
	case AES:
		return "AES-GCM"
	default:
		return "none"
	}
}

const (
	seedLen  = 32
	tagLen   = 16
	aesNonce = aes.BlockSize

	chachaKeyLen = chacha20.NonceSizeX + seedLen + tagLen
	aesKeyLen    = aesNonce + seedLen + tagLen
)

// aead returns the cipher that seals small files.
func (c Cipher) aead(key []byte) (cipher.AEAD, error) {
	if c == ChaCha {
		return chacha20poly1305.NewX(key)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithNonceSize(block, aesNonce)
}

// A seed is what a key file holds.
type seed struct {
	cipher Cipher
	key    []byte
	nonce  []byte // of the key file; blocks use it as well
}

// keyring is what opens key files.
type keyring struct {
	account string
	keys    []string // in the order in which they are tried
}

func newKeyring(account string, o Options) keyring {
	k := keyring{account: account}
	for _, key := range []string{o.Key, o.PreviousKey} {
		if key != "" {
			k.keys = append(k.keys, key)
		}
	}
	return k
}

// derive makes the key that opens the key file of a context: the name of a stream,
// stream:block or stream.consumer.
func derive(key, account, context string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(account + context))
	return mac.Sum(nil)
}

// open reads a key file. It fails with ErrNoKey or ErrKey.
func (k keyring) open(file []byte, context string) (seed, error) {
	var c Cipher
	switch len(file) {
	case chachaKeyLen:
		c = ChaCha
	case aesKeyLen:
		c = AES
	default:
		return seed{}, fmt.Errorf("%w: key file of %d bytes", ErrKey, len(file))
	}
	if len(k.keys) == 0 {
		return seed{}, ErrNoKey
	}
	for _, key := range k.keys {
		aead, err := c.aead(derive(key, k.account, context))
		if err != nil {
			return seed{}, err
		}
		nonce := file[:aead.NonceSize()]
		if secret, err := aead.Open(nil, nonce, file[len(nonce):], nil); err == nil {
			return seed{c, secret, nonce}, nil
		}
	}
	return seed{}, fmt.Errorf("%w: key file", ErrKey)
}

// unseal opens a small file: nonce, content, tag.
func (s seed) unseal(file []byte) ([]byte, error) {
	if s.cipher == Plain {
		return file, nil
	}
	aead, err := s.cipher.aead(s.key)
	if err != nil {
		return nil, err
	}
	if len(file) < aead.NonceSize()+aead.Overhead() {
		return nil, fmt.Errorf("%w: sealed file of %d bytes", ErrKey, len(file))
	}
	nonce := file[:aead.NonceSize()]
	content, err := aead.Open(nil, nonce, file[len(nonce):], nil)
	if err != nil {
		return nil, fmt.Errorf("%w: sealed file", ErrKey)
	}
	return content, nil
}

// decryptBlock turns the content of a block file into plain bytes, in place.
func (s seed) decryptBlock(buf []byte) error {
	var stream cipher.Stream
	if s.cipher == ChaCha {
		c, err := chacha20.NewUnauthenticatedCipher(s.key, s.nonce)
		if err != nil {
			return err
		}
		stream = c
	} else {
		block, err := aes.NewCipher(s.key)
		if err != nil {
			return err
		}
		stream = cipher.NewCTR(block, s.nonce)
	}
	stream.XORKeyStream(buf, buf)
	return nil
}
