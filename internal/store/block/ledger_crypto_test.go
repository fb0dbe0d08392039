package block_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// everywhere reports whether some bytes are in any file of the node.
func (s *site) everywhere(text []byte) bool {
	s.t.Helper()
	infos, err := s.disk.ReadDir("data/journal")
	s.must(err)
	for _, info := range infos {
		content, err := vfs.ReadFile(s.disk, "data/journal/"+info.Name, 1<<30)
		s.must(err)
		if bytes.Contains(content, text) {
			return true
		}
	}
	return s.contains(text)
}

// TestEncrypted: messages and the state of a consumer come back with the key, and without
// it their bytes are nowhere.
//
// Go: TestFileStoreEncrypted server/filestore_test.go:4493
func TestEncrypted(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		s := newSite(t, v, store.Options{})
		s.payload = []byte("the text that only the key can show")
		s.fill(50, "foo.of.a.subject")
		c, err := s.node.CreateConsumer(consumerID, store.Rules{Ack: store.AckExplicit})
		s.must(err)
		s.must(c.Update(store.ConsumerState{Delivered: pair(22, 22), Floor: pair(11, 11)}))
		result := make(chan error, 1)
		c.Commit(func(err error) { result <- err })
		s.must(<-result)
		s.rest()
		s.must(s.node.Close())
		for _, text := range [][]byte{s.payload, []byte("foo.of.a.subject")} {
			if seen := s.everywhere(text); v.cipher != nil && seen || v == plain && !seen {
				t.Fatalf("%q is in the files: %v", text, seen)
			}
		}
		s.openNode()
		s.Stream, err = s.node.LoadStream(streamID, s.options)
		s.must(err)
		c, err = s.node.LoadConsumer(consumerID, store.Rules{Ack: store.AckExplicit})
		s.must(err)
		s.must(s.node.Recover())
		if m := s.expectLoad(10, nil); !bytes.Equal(m.Payload, s.payload) {
			t.Fatalf("%+v", m)
		}
		if c.Delivered() != pair(22, 22) || c.Floor() != pair(11, 11) {
			t.Fatalf("%+v", c.State())
		}
	})
}

// TestWithoutTheKey: nothing is opened, and nothing is changed, without the key or with
// another.
//
// Go: TestFileStoreRestoreEncryptedWithNoKeyFuncFails server/filestore_test.go:5428
func TestWithoutTheKey(t *testing.T) {
	for _, right := range []seal.Cipher{aes(1), chacha(1)} {
		s := newSite(t, variant{cipher: right}, store.Options{})
		s.fill(100, "zzz")
		s.rest()
		before := s.picture()
		s.must(s.node.Close())
		for name, wrong := range map[string]seal.Cipher{"none": nil, "another": aes(2), "another, ChaCha": chacha(2)} {
			// The stream's files, with the journal's key.
			o := variant{cipher: right}.nodeOptions()
			o.Cipher = wrong
			n, _, err := block.Open(s.disk, "data", o)
			s.must(err)
			if _, err := n.LoadStream(streamID, s.options); !errors.Is(err, seal.ErrKey) {
				t.Errorf("key: %s: %v", name, err)
			}
			s.must(n.Close())
			// The journal.
			if n, _, err := block.Open(s.disk, "data", (variant{cipher: wrong}).nodeOptions()); err == nil {
				if _, err = n.LoadStream(streamID, s.options); err == nil {
					t.Errorf("key: %s: the stream was opened", name)
				}
				s.must(n.Close())
			}
		}
		s.loadWhole()
		if s.picture() != before {
			t.Fatal("the stream is not as it was")
		}
	}
}

// TestKeysChange: a stream that was plain is encrypted from then on, one with an old key
// gets the new one, and in each state all can be read.
//
// Go: TestFileStoreConvertToEncryptedDoesNotResurrectXoredCache server/filestore_test.go:14982
func TestKeysChange(t *testing.T) {
	marker := bytes.Repeat([]byte("MARKER-PLAINTEXT-PAYLOAD-"), 32)
	s := newSite(t, plain, store.Options{})
	s.payload = marker
	s.put("foo")
	s.stop()
	var old []seal.Cipher
	for i, next := range []seal.Cipher{aes(1), chacha(1), aes(2)} {
		s.payload = bytes.Repeat([]byte{byte('a' + i)}, 400)
		s.put("foo")
		before := s.picture()
		s.checkpoint()
		s.must(s.node.Close())
		s.nodeIs.Cipher, s.nodeIs.Journal.Cipher = next, next
		s.nodeIs.OldCiphers, s.nodeIs.Journal.OldCiphers = old, old
		s.loadWhole()
		if after := s.picture(); after != before {
			t.Fatalf("with key %d the stream is\n%s", i, after)
		}
		if m := s.expectLoad(1, nil); !bytes.Equal(m.Payload, marker) {
			t.Fatalf("%+v", m)
		}
		s.survives()
		old = append(old, next)
	}
	s.expect(4, 1, 4)
}
