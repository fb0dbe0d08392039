package heap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

const testDir = "/streams/one"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// seeded gives random bytes that are the same each time.
func seeded(n uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], n)
	return rand.NewChaCha8(key)
}

func cipherOf(t testing.TB, kind uint8, b byte) Cipher {
	t.Helper()
	make := seal.NewAESGCM
	if kind == seal.KindChaCha20Poly1305 {
		make = seal.NewChaCha20Poly1305
	}
	c, err := make(bytes.Repeat([]byte{b}, 32))
	must(t, err)
	return c
}

// variants are the ways to store chunks that most tests are done with.
func variants(t testing.TB) map[string]Options {
	return map[string]Options{
		"plain":             {},
		"compressed":        {Compression: S2},
		"aes":               {Cipher: cipherOf(t, seal.KindAESGCM, 1)},
		"compressed chacha": {Compression: S2, Cipher: cipherOf(t, seal.KindChaCha20Poly1305, 2)},
	}
}

// content is data that a number stands for: every other one compresses well.
func content(n uint64, length int) []byte {
	p := make([]byte, length)
	if n%2 == 0 {
		for i := range p {
			p[i] = byte(n) + byte(i/50)
		}
		return p
	}
	_, _ = io.ReadFull(seeded(n), p)
	return p
}

// state is an owner's state: the places of chunks by key. As an edit it is its text.
type state map[uint64]Ref

// edit says what leads from one state to another.
func (s state) edit(to state) []byte {
	var buf []byte
	for _, key := range slices.Sorted(maps.Keys(s)) {
		if _, ok := to[key]; !ok {
			buf = binary.AppendUvarint(append(buf, '-'), key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(to)) {
		if s[key] != to[key] {
			buf = to[key].Append(binary.AppendUvarint(append(buf, '+'), key))
		}
	}
	return buf
}

var errTestEdit = errors.New("edit makes no sense")

func (s state) apply(edit []byte) error {
	for len(edit) > 0 {
		kind := edit[0]
		key, n := binary.Uvarint(edit[1:])
		if n <= 0 {
			return errTestEdit
		}
		edit = edit[1+n:]
		switch kind {
		case '*':
			clear(s)
		case '-':
			delete(s, key)
		case '+':
			ref, n := DecodeRef(edit)
			if n == 0 {
				return errTestEdit
			}
			s[key] = ref
			edit = edit[n:]
		default:
			return errTestEdit
		}
	}
	return nil
}

// whole is the edit for a Rewrite.
func (s state) whole() []byte { return append([]byte{'*', 0}, state{}.edit(s)...) }

// reopen opens a heap and uses the chunks of its state.
func reopen(t testing.TB, fsys vfs.FS, o Options) (*Heap, state, Recovery) {
	t.Helper()
	s := state{}
	h, report, err := Open(fsys, testDir, o, s.apply)
	must(t, err)
	for _, ref := range s {
		must(t, h.Use(ref))
	}
	return h, s, report
}

func write(t testing.TB, h *Heap, key uint64, data []byte) Ref {
	t.Helper()
	ref, err := h.Write(key, data)
	must(t, err)
	return ref
}

func wantRead(t testing.TB, h *Heap, ref Ref, want []byte) {
	t.Helper()
	got, err := h.Read(ref, nil)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Fatalf("%v: %d bytes differ from the %d written", ref, len(got), len(want))
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%v, want %v", err, want)
	}
}

// names lists a directory; nil if there is none.
func names(t testing.TB, fsys vfs.FS, dir string) []string {
	t.Helper()
	infos, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	must(t, err)
	var list []string
	for _, info := range infos {
		list = append(list, info.Name)
	}
	return list
}

func exists(fsys vfs.FS, file uint64) bool {
	_, err := fsys.Stat(filepath.Join(testDir, strconv.FormatUint(file, 10)+".chunks"))
	return err == nil
}

// failing returns a decision for Disk.Fail: operations of this kind on names with this
// suffix fail.
func failing(kind faulty.Kind, suffix string, err error) func(faulty.Operation) error {
	return func(op faulty.Operation) error {
		if op.Kind == kind && (suffix == "" || bytes.HasSuffix([]byte(op.Name), []byte(suffix))) {
			return err
		}
		return nil
	}
}

// sample makes a heap with a rewritten base, two commits behind it, and several files.
func sample(t testing.TB, disk vfs.FS, o Options) (state, map[uint64][]byte) {
	t.Helper()
	h, err := Create(disk, testDir, o)
	must(t, err)
	s, data := state{}, map[uint64][]byte{}
	put := func(key uint64, length int) {
		data[key] = content(key, length)
		s[key] = write(t, h, key, data[key])
	}
	put(1, 100)
	put(2, 180)
	must(t, h.Rewrite(s.whole()))
	for key := uint64(3); key < 7; key += 2 {
		before := maps.Clone(s)
		put(key, 60)
		put(key+1, 200)
		must(t, h.Commit(before.edit(s)))
	}
	must(t, h.Close())
	return s, data
}

func describe(s state) string {
	text := ""
	for _, key := range slices.Sorted(maps.Keys(s)) {
		text += fmt.Sprintf("%d at %v ", key, s[key])
	}
	return text
}
