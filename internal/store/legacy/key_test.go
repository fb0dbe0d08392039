package legacy

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func TestDerivedKeyVector(t *testing.T) {
	same(t, "key", "2d0097a6717c6290a96a86a724f1baf1586545bc8dee38cb53d4fde9ae422d56", hex.EncodeToString(derive(testKey, "$G", "ENC:1")))
}

func TestKeyFiles(t *testing.T) {
	for _, c := range []Cipher{ChaCha, AES} {
		w := &writer{t: t, account: "A", cipher: c, key: "new"}
		file, want := w.keyFile("S:1")
		for name, test := range map[string]struct {
			options Options
			account string
			context string
			file    []byte
			err     error
		}{
			"key":             {Options{Key: "new"}, "A", "S:1", file, nil},
			"previous key":    {Options{Key: "newer", PreviousKey: "new"}, "A", "S:1", file, nil},
			"only previous":   {Options{PreviousKey: "new"}, "A", "S:1", file, nil},
			"none":            {Options{}, "A", "S:1", file, ErrNoKey},
			"wrong":           {Options{Key: "old"}, "A", "S:1", file, ErrKey},
			"another account": {Options{Key: "new"}, "B", "S:1", file, ErrKey},
			"another block":   {Options{Key: "new"}, "A", "S:2", file, ErrKey},
			"short":           {Options{Key: "new"}, "A", "S:1", file[:40], ErrKey},
			"empty":           {Options{Key: "new"}, "A", "S:1", []byte{}, ErrKey},
		} {
			got, err := newKeyring(test.account, test.options).open(test.file, test.context)
			if !errors.Is(err, test.err) {
				t.Errorf("%v, %s: %v", c, name, err)
			}
			if err == nil && (got.cipher != c || !bytes.Equal(got.key, want.key) || !bytes.Equal(got.nonce, want.nonce)) {
				t.Errorf("%v, %s: another seed", c, name)
			}
		}
		sealed := w.seal(want, []byte("content"))
		if got, err := want.unseal(sealed); err != nil || string(got) != "content" {
			t.Errorf("%v: unsealed %q: %v", c, got, err)
		}
		for i := range sealed {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1
			if _, err := want.unseal(bad); !errors.Is(err, ErrKey) {
				t.Errorf("%v: bit of byte %d changed: %v", c, i, err)
			}
			if _, err := want.unseal(sealed[:i]); !errors.Is(err, ErrKey) {
				t.Errorf("%v: %d bytes: %v", c, i, err)
			}
		}
	}
}

// FuzzKeyFile: what is not a key file made with the key is refused.
func FuzzKeyFile(f *testing.F) {
	known := map[string]bool{}
	for _, c := range []Cipher{ChaCha, AES} {
		file, _ := (&writer{t: f, account: "A", cipher: c, key: "k"}).keyFile("S")
		known[string(file)] = true
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := newKeyring("A", Options{Key: "k", PreviousKey: "j"}).open(file, "S")
		if (err == nil) != known[string(file)] {
			t.Fatalf("%x: %v", file, err)
		}
		if err != nil {
			return
		}
		if err := s.decryptBlock(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	})
}
