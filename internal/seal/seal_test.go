package seal_test

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/godwit-mq/godwit/internal/seal"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

type maker func([]byte) (seal.Cipher, error)

var makers = map[string]maker{"aes": seal.NewAESGCM, "chacha": seal.NewChaCha20Poly1305}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestMarkFindsItsKey(t *testing.T) {
	for name, make := range makers {
		t.Run(name, func(t *testing.T) {
			right, wrong := must[seal.Cipher](t)(make(key(1))), must[seal.Cipher](t)(make(key(2)))
			mark, aead, err := seal.New(right, "test", rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			nonce := [seal.NonceSize]byte{7}
			sealed := aead.Seal(nil, nonce[:], []byte("secret"), []byte("about"))

			again, err := mark.Open("test", nil, wrong, right)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := again.Open(nil, nonce[:], sealed, []byte("about"))
			if err != nil || string(plain) != "secret" {
				t.Fatalf("%q, %v", plain, err)
			}
			for what, open := range map[string]func() (cipher.AEAD, error){
				"another key":     func() (cipher.AEAD, error) { return mark.Open("test", wrong) },
				"no key":          func() (cipher.AEAD, error) { return mark.Open("test", nil) },
				"another purpose": func() (cipher.AEAD, error) { return mark.Open("toast", right) },
				"another kind": func() (cipher.AEAD, error) {
					m := mark
					m.Kind ^= 3
					return m.Open("test", right)
				},
			} {
				if _, err := open(); !errors.Is(err, seal.ErrKey) {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}

func TestEachMarkHasItsOwnKey(t *testing.T) {
	c := must[seal.Cipher](t)(seal.NewAESGCM(key(1)))
	a, one, err := seal.New(c, "test", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, two, err := seal.New(c, "test", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, seal.NonceSize)
	if a.Salt == b.Salt || a.Check == b.Check || bytes.Equal(one.Seal(nil, nonce, []byte("x"), nil), two.Seal(nil, nonce, []byte("x"), nil)) {
		t.Fatal("two files share a key")
	}
}

func TestWithoutCipher(t *testing.T) {
	mark, aead, err := seal.New(nil, "test", rand.Reader)
	if mark != (seal.Mark{}) || aead != nil || err != nil {
		t.Fatal(mark, aead, err)
	}
	if aead, err := mark.Open("test"); aead != nil || err != nil {
		t.Fatal(aead, err)
	}
}

type oddCipher struct {
	kind uint8
	aead cipher.AEAD
}

func (c oddCipher) Kind() uint8 { return c.kind }
func (c oddCipher) Derive(string, [16]byte) (cipher.AEAD, uint64, error) {
	if c.aead == nil {
		return nil, 0, errors.New("the key is away")
	}
	return c.aead, 1, nil
}

type oddAEAD struct{ nonce, overhead int }

func (a oddAEAD) NonceSize() int                         { return a.nonce }
func (a oddAEAD) Overhead() int                          { return a.overhead }
func (oddAEAD) Seal(dst, _, _, _ []byte) []byte          { return dst }
func (oddAEAD) Open(dst, _, _, _ []byte) ([]byte, error) { return dst, nil }

func TestBadCiphersAreRefused(t *testing.T) {
	for name, c := range map[string]seal.Cipher{
		"kind":     oddCipher{kind: 0, aead: oddAEAD{12, 16}},
		"error":    oddCipher{kind: 9},
		"nonce":    oddCipher{kind: 9, aead: oddAEAD{24, 16}},
		"overhead": oddCipher{kind: 9, aead: oddAEAD{12, 65}},
	} {
		if _, _, err := seal.New(c, "test", rand.Reader); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, make := range makers {
		if _, err := make([]byte("short")); err == nil {
			t.Errorf("%s with a short key: no error", name)
		}
	}
	if _, _, err := seal.New(oddCipher{kind: 9, aead: oddAEAD{12, 16}}, "test", bytes.NewReader(nil)); err == nil {
		t.Error("no random bytes: no error")
	}
}
