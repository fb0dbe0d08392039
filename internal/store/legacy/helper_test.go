package legacy

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sort"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"
	"golang.org/x/crypto/chacha20"

	"github.com/godwit-mq/godwit/internal/ds/seqset"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

const (
	testAccount = "$G"
	testStream  = "ORDERS"
	testRoot    = "data/jetstream"
	testKey     = "s3cr3t-key-0001"
)

var testCreated = time.Date(2026, 11, 24, 6, 9, 31, 672173055, time.UTC)

// A message is a message of a test.
type message struct {
	Seq                      uint64
	Time                     int64
	Subject, Header, Payload string
}

func (m message) record(t testing.TB, buf []byte, h *Hasher) []byte {
	t.Helper()
	buf, err := AppendRecord(buf, h, m.Seq, m.Time, []byte(m.Subject), []byte(m.Header), []byte(m.Payload))
	if err != nil {
		t.Fatal(err)
	}
	return buf
}

// numberedMessage is a message whose parts follow from its sequence.
func numberedMessage(seq uint64) message {
	m := message{Seq: seq, Time: int64(seq) * 1e9, Subject: fmt.Sprintf("orders.%d", seq%7), Payload: fmt.Sprintf("payload %d", seq)}
	if seq%3 == 0 {
		m.Header = "NATS/1.0\r\nKey: Value\r\n\r\n"
	}
	return m
}

// A writer makes directories as the established servers do.
type writer struct {
	t       testing.TB
	disk    *faulty.Disk
	dir     string // of the stream
	account string
	stream  string
	cipher  Cipher
	key     string
}

func newWriter(t testing.TB, c Cipher) *writer {
	w := &writer{t: t, disk: faulty.New(1), account: testAccount, stream: testStream, cipher: c, key: testKey}
	w.dir = filepath.Join(testRoot, testAccount, "streams", testStream)
	w.metadata(w.dir, w.stream, w.stream, Meta{Created: testCreated, Config: []byte(`{"name":"` + testStream + `","subjects":["orders.\u003e"]}`)})
	must(t, w.disk.MkdirAll(filepath.Join(w.dir, messagesDir)))
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *writer) put(path string, content []byte) {
	w.t.Helper()
	must(w.t, w.disk.MkdirAll(filepath.Dir(path)))
	must(w.t, vfs.WriteFile(w.disk, path, content))
}

func (w *writer) get(path string) []byte {
	w.t.Helper()
	content, err := vfs.ReadFile(w.disk, path, 1<<30)
	must(w.t, err)
	return content
}

// keyFile is a key file and what it holds.
func (w *writer) keyFile(context string) ([]byte, seed) {
	s := seed{cipher: w.cipher, key: bytes.Repeat([]byte{byte(len(context))}, seedLen)}
	aead, err := w.cipher.aead(derive(w.key, w.account, context))
	must(w.t, err)
	s.nonce = bytes.Repeat([]byte{7}, aead.NonceSize())
	return aead.Seal(bytes.Clone(s.nonce), s.nonce, s.key, nil), s
}

func (w *writer) seal(s seed, content []byte) []byte {
	aead, err := s.cipher.aead(s.key)
	must(w.t, err)
	nonce := bytes.Repeat([]byte{9}, aead.NonceSize())
	return aead.Seal(bytes.Clone(nonce), nonce, content, nil)
}

// metadata writes meta.inf, meta.sum and meta.key.
func (w *writer) metadata(dir, sumKey, context string, m Meta) {
	w.t.Helper()
	content, err := m.Append(nil)
	must(w.t, err)
	if w.cipher != Plain {
		key, s := w.keyFile(context)
		w.put(filepath.Join(dir, keyFile), key)
		content = w.seal(s, content)
	}
	w.put(filepath.Join(dir, metaFile), content)
	w.put(filepath.Join(dir, sumFile), MetaSum(sumKey, content))
}

func (w *writer) consumer(name string, state *store.ConsumerState) {
	dir := filepath.Join(w.dir, consumersDir, name)
	w.metadata(dir, w.stream+"/"+name, w.stream+"."+name, Meta{Created: testCreated, Name: name, Config: []byte(`{"durable_name":"` + name + `"}`)})
	content := AppendConsumerState(nil, state)
	if w.cipher != Plain {
		_, s := w.keyFile(w.stream + "." + name)
		content = w.seal(s, content)
	}
	w.put(filepath.Join(dir, stateFile), content)
}

func (w *writer) blockPath(number uint64) string {
	return filepath.Join(w.dir, messagesDir, strconv.FormatUint(number, 10)+blockSuffix)
}

func (w *writer) hasher(number uint64) *Hasher { return BlockHasher(w.stream, number) }

// block writes a block file.
func (w *writer) block(number uint64, content []byte, wrapped bool) {
	w.t.Helper()
	if wrapped {
		content = wrap(w.t, content)
	}
	if w.cipher != Plain {
		key, s := w.keyFile(w.stream + ":" + strconv.FormatUint(number, 10))
		w.put(filepath.Join(w.dir, messagesDir, strconv.FormatUint(number, 10)+keySuffix), key)
		content = encrypt(w.t, s, content)
	}
	w.put(w.blockPath(number), content)
}

func wrap(t testing.TB, content []byte) []byte {
	t.Helper()
	out := bytes.NewBuffer(binary.AppendUvarint([]byte("cmp\x01"), uint64(len(content))))
	z := s2.NewWriter(out, s2.WriterConcurrency(1), s2.WriterBlockSize(4<<10))
	cut := len(content) - checksumLen
	_, err := z.Write(content[:cut])
	must(t, err)
	must(t, z.Close())
	out.Write(content[cut:])
	return out.Bytes()
}

func encrypt(t testing.TB, s seed, content []byte) []byte {
	var stream cipher.Stream
	if s.cipher == ChaCha {
		c, err := chacha20.NewUnauthenticatedCipher(s.key, s.nonce)
		must(t, err)
		stream = c
	} else {
		b, err := aes.NewCipher(s.key)
		must(t, err)
		stream = cipher.NewCTR(b, s.nonce)
	}
	out := make([]byte, len(content))
	stream.XORKeyStream(out, content)
	return out
}

// An indexed block is what a test tells about a block in an index.db.
type indexed struct {
	number  uint64
	live    []message // alive in it
	first   uint64    // its first and last sequence
	last    uint64
	content []byte // of the newest block
}

// index writes an index.db, version 4.
func (w *writer) index(last uint64, lastTime int64, blocks []indexed) {
	var all []message
	for _, b := range blocks {
		all = append(all, b.live...)
	}
	size, base, first := uint64(0), int64(0), last+1
	subjects := map[string][]uint64{} // messages, first block, last block
	for _, b := range blocks {
		for _, m := range b.live {
			size += store.FileSize(len(m.Subject), len(m.Header), len(m.Payload))
			if s := subjects[m.Subject]; s == nil {
				subjects[m.Subject] = []uint64{1, b.number, b.number}
			} else {
				s[0], s[2] = s[0]+1, b.number
			}
		}
	}
	if len(all) > 0 {
		first, base = all[0].Seq, all[0].Time
	}
	buf := []byte{indexMagic, 4}
	buf = binary.AppendUvarint(buf, uint64(len(all)))
	buf = binary.AppendUvarint(buf, size)
	buf = binary.AppendVarint(binary.AppendUvarint(buf, first), base)
	buf = binary.AppendVarint(binary.AppendUvarint(buf, last), lastTime)
	buf = binary.AppendUvarint(buf, uint64(len(subjects)))
	for subject, numbers := range subjects {
		buf = append(binary.AppendUvarint(buf, uint64(len(subject))), subject...)
		for _, n := range numbers {
			buf = binary.AppendUvarint(buf, n)
		}
	}
	buf = binary.AppendUvarint(buf, uint64(len(blocks)))
	for _, b := range blocks {
		buf = b.append(buf, base)
	}
	newest := blocks[len(blocks)-1]
	buf = binary.AppendUvarint(buf, newest.number)
	buf = append(buf, newest.content[len(newest.content)-checksumLen:]...)
	if w.cipher != Plain {
		_, s := w.keyFile(w.stream)
		buf = w.seal(s, buf)
	}
	sum := NewHasher(w.stream).sum(buf)
	w.put(filepath.Join(w.dir, messagesDir, indexFile), append(buf, sum[:]...))
}

func (b indexed) append(buf []byte, base int64) []byte {
	deleted, size := &seqset.Set{}, uint64(0)
	if b.last >= b.first {
		for seq := b.first; seq <= b.last; seq++ {
			deleted.Insert(seq)
		}
	}
	for _, m := range b.live {
		deleted.Delete(m.Seq)
		size += store.FileSize(len(m.Subject), len(m.Header), len(m.Payload))
	}
	buf = binary.AppendUvarint(binary.AppendUvarint(buf, b.number), size)
	buf = binary.AppendVarint(binary.AppendUvarint(buf, b.first), -base)
	buf = binary.AppendVarint(binary.AppendUvarint(buf, b.last), -base)
	buf = binary.AppendUvarint(buf, uint64(deleted.Len()))
	buf = append(buf, 0, 0)
	if deleted.Len() > 0 {
		buf = deleted.Append(buf)
	}
	return buf
}

func (w *writer) options() Options {
	if w.cipher == Plain {
		return Options{}
	}
	return Options{Key: w.key}
}

// open opens the stream.
func (w *writer) open(o Options) *Stream {
	w.t.Helper()
	s, err := OpenStream(w.disk, w.dir, w.account, w.stream, o)
	must(w.t, err)
	return s
}

// survey opens and surveys.
func (w *writer) survey(o Options) *Contents {
	w.t.Helper()
	c, err := w.open(o).Survey()
	must(w.t, err)
	return c
}

// messages reads all messages and checks that the state agrees.
func messages(t testing.TB, c *Contents) []message {
	t.Helper()
	var list []message
	size := uint64(0)
	must(t, c.Each(0, func(m *store.Message) bool {
		list = append(list, message{m.Sequence, m.Time, string(m.Subject), string(m.Header), string(m.Payload)})
		size += store.FileSize(len(m.Subject), len(m.Header), len(m.Payload))
		return true
	}))
	if c.State.Messages != uint64(len(list)) || c.State.Bytes != size {
		t.Errorf("state counts %d messages of %d bytes, there are %d of %d", c.State.Messages, c.State.Bytes, len(list), size)
	}
	if len(list) > 0 && (c.State.FirstSequence != list[0].Seq || c.State.FirstTime != list[0].Time) {
		t.Errorf("state begins with %d at %d, the messages with %+v", c.State.FirstSequence, c.State.FirstTime, list[0])
	}
	return list
}

// A failer is a test, or a run of one with random values.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
}

func same(t failer, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// seqs lists the sequences of messages.
func seqs(list []message) (out []uint64) {
	for _, m := range list {
		out = append(out, m.Seq)
	}
	return out
}

// graver are the problems of a grade or a worse one, as text.
func graver(list []Problem, grade Grade) (out []string) {
	for _, p := range list {
		if p.Grade >= grade {
			out = append(out, p.String())
		}
	}
	sort.Strings(out)
	return out
}
