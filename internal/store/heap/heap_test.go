package heap

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

func TestChunksOfAllSizesComeBack(t *testing.T) {
	for name, o := range variants(t) {
		t.Run(name, func(t *testing.T) {
			disk := faulty.New(1)
			h, err := Create(disk, testDir, o)
			must(t, err)
			s, data := state{}, map[uint64][]byte{}
			for i, length := range []int{1, 2, 100, 4096, 64 << 10, direct - 1, direct, direct + 1, bufferSize, 3 << 20, 100, 1} {
				for key := uint64(2 * i); key < uint64(2*i+2); key++ {
					data[key] = content(key, length)
					s[key] = write(t, h, key, data[key])
					wantRead(t, h, s[key], data[key]) // not yet written, most of them
				}
			}
			check := func() {
				t.Helper()
				var buf []byte
				for key, ref := range s {
					if buf, err = h.Read(ref, buf); err != nil || !bytes.Equal(buf, data[key]) {
						t.Fatalf("chunk %d of %d bytes: %d bytes, %v", key, len(data[key]), len(buf), err)
					}
				}
			}
			check()
			must(t, h.Commit(s.whole()))
			check()
			must(t, h.Close())
			h, got, report := reopen(t, disk, o)
			if !maps.Equal(got, s) || report.Edits != 1 || report.Torn != 0 || report.Damage != nil {
				t.Fatalf("%v, report %+v", describe(got), report)
			}
			check()
			must(t, h.Close())
		})
	}
}

func TestLargestChunk(t *testing.T) {
	h, err := Create(faulty.New(1), testDir, Options{Compression: S2, Cipher: cipherOf(t, 1, 1)})
	must(t, err)
	data := make([]byte, MaxChunk)
	for key := range uint64(2) {
		wantRead(t, h, write(t, h, key, data), data)
		copy(data, content(1, len(data)))
	}
	for _, bad := range [][]byte{nil, {}, make([]byte, MaxChunk+1)} {
		_, err := h.Write(1, bad)
		wantError(t, err, ErrTooLarge)
	}
	must(t, h.Commit(nil)) // a size that is refused does no harm
}

func TestChunksBecomeFewWrites(t *testing.T) {
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{})
	must(t, err)
	before := disk.Count(faulty.Write)
	for key := range uint64(100) {
		write(t, h, key, content(key, 32<<10))
	}
	must(t, h.Commit(nil))
	// 3.2 MB in pieces of a megabyte, the edit and its witness.
	if n := disk.Count(faulty.Write) - before; n > 6 {
		t.Fatalf("%d writes", n)
	}
}

func TestCompressionOnlyWhereItHelps(t *testing.T) {
	h, err := Create(faulty.New(1), testDir, Options{Compression: S2})
	must(t, err)
	if ref := write(t, h, 1, content(2, 10000)); ref.Stored > 5000 {
		t.Errorf("text takes %d bytes", ref.Stored)
	}
	if ref := write(t, h, 1, content(1, 10000)); ref.Stored != 10000+chunkHeader {
		t.Errorf("noise takes %d bytes", ref.Stored)
	}
}

func TestFilesEndAtTheirSize(t *testing.T) {
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{FileSize: MinFileSize})
	must(t, err)
	s := state{}
	for key := range uint64(10) {
		s[key] = write(t, h, key, content(key, 30000))
	}
	must(t, h.Commit(s.whole()))
	if s[2].File != 1 || s[3].File != 2 || s[9].File != 4 {
		t.Fatal(describe(s))
	}
	for key, ref := range s {
		wantRead(t, h, ref, content(key, 30000))
	}
	if got, want := h.Stats(), (Stats{Files: 4, Bytes: 10*30032 + 4*headerSize, Chunks: 10, Live: 10 * 30032, Open: 4}); got != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
}

func TestOpenFilesAreBounded(t *testing.T) {
	disk := faulty.New(1)
	o := Options{FileSize: MinFileSize, OpenFiles: 2}
	h, err := Create(disk, testDir, o)
	must(t, err)
	s := state{}
	for key := range uint64(10) {
		s[key] = write(t, h, key, content(key, 70000))
	}
	if open := h.Stats().Open; open != 10 {
		t.Fatalf("%d of 10 files that must be synced are open", open)
	}
	must(t, h.Commit(s.whole()))
	for key, ref := range s {
		wantRead(t, h, ref, content(key, 70000))
		if open := h.Stats().Open; open > 2 {
			t.Fatalf("%d files open", open)
		}
	}
	h.CloseIdle()
	if open := h.Stats().Open; open != 0 {
		t.Fatalf("%d files open", open)
	}
	// The file that is written goes on after it was closed.
	s[10] = write(t, h, 10, content(10, 10))
	h.CloseIdle()
	s[11] = write(t, h, 11, content(11, 10))
	must(t, h.Commit(s.whole()))
	must(t, h.Close())
	h, s, _ = reopen(t, disk, o)
	wantRead(t, h, s[11], content(11, 10))
	must(t, h.Close())
}

func TestEditsComeBackInOrder(t *testing.T) {
	for name, o := range variants(t) {
		t.Run(name, func(t *testing.T) {
			disk := faulty.New(1)
			h, err := Create(disk, testDir, o)
			must(t, err)
			want := []string{"a", "", string(content(1, 600<<10)), "b"}
			for _, edit := range want {
				must(t, h.Commit([]byte(edit)))
			}
			must(t, h.Close())
			for range 2 { // opening changes nothing
				var got []string
				h, report, err := Open(disk, testDir, o, func(p []byte) error { got = append(got, string(p)); return nil })
				must(t, err)
				if !slices.Equal(got, want) || report.Edits != 4 {
					t.Fatalf("%d edits", len(got))
				}
				must(t, h.Close())
			}
			h, _, err = Open(disk, testDir, o, func([]byte) error { return nil })
			must(t, err)
			base, edits := h.ManifestSize()
			if base != headerSize || edits < 600<<10 {
				t.Fatal(base, edits)
			}
			must(t, h.Rewrite([]byte("everything")))
			must(t, h.Commit([]byte("and more")))
			base, edits = h.ManifestSize()
			if base < 10 || base > 300 || edits < 8 || edits > 100 {
				t.Fatal(base, edits)
			}
			must(t, h.Close())
			var got []string
			_, _, err = Open(disk, testDir, o, func(p []byte) error { got = append(got, string(p)); return nil })
			must(t, err)
			if !slices.Equal(got, []string{"everything", "and more"}) {
				t.Fatal(got)
			}
		})
	}
}

func TestOwnerMayRefuseAnEdit(t *testing.T) {
	disk := faulty.New(1)
	sample(t, disk, Options{})
	refusal := errors.New("no")
	_, _, err := Open(disk, testDir, Options{}, func([]byte) error { return refusal })
	wantError(t, err, refusal)
}

func TestExistence(t *testing.T) {
	disk := faulty.New(1)
	_, _, err := Open(disk, testDir, Options{}, nil)
	wantError(t, err, fs.ErrNotExist)
	must(t, disk.MkdirAll(testDir))
	_, _, err = Open(disk, testDir, Options{}, nil)
	wantError(t, err, fs.ErrNotExist)
	sample(t, disk, Options{})
	_, err = Create(disk, testDir, Options{})
	wantError(t, err, fs.ErrExist)
	must(t, disk.Remove(filepath.Join(testDir, manifestName)))
	_, err = Create(disk, testDir, Options{})
	wantError(t, err, ErrCorrupt)
	_, _, err = Open(disk, testDir, Options{}, nil)
	wantError(t, err, ErrCorrupt)
	if !exists(disk, 1) {
		t.Fatal("a data file was deleted")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{
		{FileSize: MinFileSize - 1}, {FileSize: MaxFileSize + 1}, {OpenFiles: -1}, {Compression: 2}, {Cipher: oddCipher{}},
	} {
		if _, err := Create(faulty.New(1), testDir, o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

type oddCipher struct{ Cipher }

func (oddCipher) Kind() uint8 { return 0 }

func TestClosed(t *testing.T) {
	h, err := Create(faulty.New(1), testDir, Options{})
	must(t, err)
	ref := write(t, h, 1, []byte("x"))
	must(t, h.Close())
	_, err = h.Write(1, []byte("x"))
	wantError(t, err, ErrClosed)
	_, err = h.Read(ref, nil)
	wantError(t, err, ErrClosed)
	for _, err := range []error{h.Commit(nil), h.Rewrite(nil), h.Close(), h.Remove()} {
		wantError(t, err, ErrClosed)
	}
}

func TestFilesGoWhenNothingLives(t *testing.T) {
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{FileSize: MinFileSize})
	must(t, err)
	s := state{}
	for key := range uint64(3) {
		s[key] = write(t, h, key, content(key, 70000))
	}
	must(t, h.Commit(s.whole()))
	h.Drop(s[0])
	if !exists(disk, 1) {
		t.Fatal("deleted before the commit")
	}
	delete(s, 0)
	must(t, h.Commit(s.whole()))
	if exists(disk, 1) || !exists(disk, 2) || !exists(disk, 3) {
		t.Fatal(names(t, disk, testDir))
	}
	_, err = h.Read(Ref{1, headerSize, 100, 50}, nil)
	wantError(t, err, ErrNotFound)
	// The file that is written goes, too.
	h.Drop(s[1])
	h.Drop(s[2])
	must(t, h.Rewrite(nil))
	if got := names(t, disk, testDir); !slices.Equal(got, []string{manifestName}) {
		t.Fatal(got)
	}
	// No number comes back.
	must(t, h.Close())
	h, _, _ = reopen(t, disk, Options{FileSize: MinFileSize})
	if ref := write(t, h, 1, []byte("x")); ref.File != 4 {
		t.Fatal(ref)
	}
}

func TestFileBeingReadGoesLater(t *testing.T) {
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{})
	must(t, err)
	ref := write(t, h, 1, []byte("x"))
	must(t, h.Commit(nil))
	f := h.files[ref.File]
	_, err = h.acquire(f)
	must(t, err)
	h.Drop(ref)
	must(t, h.Commit(nil))
	if !exists(disk, ref.File) {
		t.Fatal("deleted under a reader")
	}
	h.release(f)
	must(t, h.Commit(nil))
	if exists(disk, ref.File) {
		t.Fatal("not deleted")
	}
}

func TestDeletionIsTriedAgain(t *testing.T) {
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{})
	must(t, err)
	ref := write(t, h, 1, []byte("x"))
	must(t, h.Commit(nil))
	h.Drop(ref)
	disk.Fail(failing(faulty.Remove, "", errors.New("not now")))
	must(t, h.Commit(nil)) // what it promised is done
	if !exists(disk, ref.File) {
		t.Fatal("the failure did not take place")
	}
	disk.Fail(nil)
	must(t, h.Commit(nil))
	if exists(disk, ref.File) {
		t.Fatal("not deleted")
	}
}

// TestMismatchDeletesNothing: a chunk dropped twice must not delete its neighbours.
func TestMismatchDeletesNothing(t *testing.T) {
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{})
	must(t, err)
	a, b := write(t, h, 1, []byte("first")), write(t, h, 2, []byte("second one"))
	must(t, h.Commit(nil))
	h.Drop(a)
	h.Drop(a)
	must(t, h.Commit(nil))
	wantRead(t, h, b, []byte("second one"))
	if !exists(disk, b.File) {
		t.Fatal("deleted")
	}
}

func TestLeftOversGoWithTheFirstCommit(t *testing.T) {
	disk := faulty.New(1)
	s, data := sample(t, disk, Options{})
	for _, name := range []string{"77.chunks", tempName, "notes.txt", "01.chunks", "x.chunks"} {
		must(t, vfs.WriteFile(disk, filepath.Join(testDir, name), []byte("left")))
	}
	h, got, _ := reopen(t, disk, Options{})
	want := []string{"01.chunks", "1.chunks", "77.chunks", manifestName, tempName, "notes.txt", "x.chunks"}
	if list := names(t, disk, testDir); !slices.Equal(list, want) {
		t.Fatal(list)
	}
	got[9] = write(t, h, 9, []byte("x"))
	if got[9].File != 78 {
		t.Fatalf("%v follows file 77", got[9])
	}
	must(t, h.Commit(s.edit(got)))
	want = []string{"01.chunks", "1.chunks", "78.chunks", manifestName, "notes.txt", "x.chunks"}
	if list := names(t, disk, testDir); !slices.Equal(list, want) {
		t.Fatal(list)
	}
	for key, ref := range s {
		wantRead(t, h, ref, data[key])
	}
}

func TestSparse(t *testing.T) {
	disk := faulty.New(1)
	o := Options{FileSize: MinFileSize}
	h, err := Create(disk, testDir, o)
	must(t, err)
	s := state{}
	for key := range uint64(40) { // seven to a file
		s[key] = write(t, h, key, content(1, 10000))
	}
	must(t, h.Commit(s.whole()))
	for _, key := range []uint64{0, 1, 2, 3, 7, 8, 9, 10, 11, 14, 21, 22, 23, 24, 25, 26, 27} {
		h.Drop(s[key])
	}
	var got []uint64
	for _, f := range h.Sparse(0.5) {
		got = append(got, f.Number)
		if f.Size != 7*10032+headerSize || f.Live >= f.Size/2 {
			t.Errorf("%+v", f)
		}
	}
	// File 4 is empty, 3 is fuller, 6 is being written.
	if !slices.Equal(got, []uint64{2, 1}) {
		t.Fatal(got)
	}
	if all := h.Sparse(2); len(all) != 4 {
		t.Fatal(all)
	}
}

func TestSmallFilesOfManyStartsAreOffered(t *testing.T) {
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{})
	must(t, err)
	s := state{}
	for key := range uint64(smallFiles) {
		if got := h.Sparse(0.1); len(got) != 0 {
			t.Fatalf("start %d: %v", key, got)
		}
		s[key] = write(t, h, key, content(key, 100))
		must(t, h.Commit(s.whole()))
		must(t, h.Close())
		h, s, _ = reopen(t, disk, Options{})
	}
	small := h.Sparse(0.1)
	if len(small) != smallFiles {
		t.Fatal(small)
	}
	for key, ref := range s {
		data, err := h.Read(ref, nil)
		must(t, err)
		s[key] = write(t, h, key, data)
		h.Drop(ref)
	}
	must(t, h.Rewrite(s.whole()))
	if got := h.Stats(); got.Files != 1 || got.Chunks != smallFiles {
		t.Fatalf("%+v", got)
	}
}

func TestUseSaysWhatIsLost(t *testing.T) {
	disk := faulty.New(1)
	_, data := sample(t, disk, Options{FileSize: MinFileSize})
	// A second file, that will be missing, and a left-over.
	h, s, _ := reopen(t, disk, Options{})
	next := maps.Clone(s)
	next[50] = write(t, h, 50, []byte("lost"))
	must(t, h.Commit(s.edit(next)))
	must(t, h.Close())
	must(t, disk.Remove(filepath.Join(testDir, "2.chunks")))
	must(t, vfs.WriteFile(disk, filepath.Join(testDir, "9.chunks"), []byte("left")))
	f, err := disk.OpenFile(filepath.Join(testDir, "1.chunks"), 0)
	must(t, err)
	must(t, f.Truncate(int64(next[6].Offset)+10))

	got := state{}
	h, report, err := Open(disk, testDir, Options{}, got.apply)
	must(t, err)
	if len(report.Damage) > 0 {
		t.Fatalf("%+v", report)
	}
	for key, ref := range got {
		err := h.Use(ref)
		switch key {
		case 50:
			wantError(t, err, ErrNotFound)
		case 6:
			wantError(t, err, ErrCorrupt)
		default:
			must(t, err)
			wantRead(t, h, ref, data[key])
		}
	}
	for key, ref := range got {
		h.Drop(ref)
		delete(got, key)
	}
	must(t, h.Rewrite(got.whole()))
	if !exists(disk, 1) || !exists(disk, 9) {
		t.Fatal("files were deleted where a chunk is missing")
	}
	for _, impossible := range []Ref{{}, {File: 1}, {1, headerSize, chunkHeader, 1}, {1, 1, 50, 10}, {1, headerSize, 50, MaxChunk + 1}} {
		if h.Use(impossible) == nil {
			t.Errorf("%v can be used", impossible)
		}
	}
}

func TestRef(t *testing.T) {
	for _, ref := range []Ref{{}, {1, 2, 3, 4}, {1<<64 - 1, 1<<32 - 1, 1<<32 - 1, 1<<32 - 1}} {
		p := ref.Append([]byte("x"))
		got, n := DecodeRef(append(p[1:], 9, 9))
		if got != ref || n != len(p)-1 {
			t.Errorf("%v became %v, %d bytes of %d", ref, got, n, len(p)-1)
		}
		for cut := range p[1:] {
			if _, n := DecodeRef(p[1 : 1+cut]); n != 0 {
				t.Errorf("%v cut to %d bytes decodes", ref, cut)
			}
		}
	}
	if _, n := DecodeRef([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x1f, 1, 1}); n != 0 {
		t.Error("an offset of 33 bits decodes")
	}
	if !(Ref{}).IsZero() || (Ref{File: 1}).IsZero() {
		t.Error("zero")
	}
}

func TestRemove(t *testing.T) {
	disk := faulty.New(1)
	must(t, Remove(disk, testDir)) // nothing is there
	sample(t, disk, Options{})
	h, _, _ := reopen(t, disk, Options{})
	must(t, h.Remove())
	if got := names(t, disk, "/streams"); len(got) != 0 {
		t.Fatal(got)
	}
	// Files of others stay.
	sample(t, disk, Options{})
	other := filepath.Join(testDir, "notes.txt")
	must(t, vfs.WriteFile(disk, other, []byte("x")))
	must(t, Remove(disk, testDir))
	if got := names(t, disk, testDir); !slices.Equal(got, []string{"notes.txt"}) {
		t.Fatal(got)
	}
	// Also what has lost its manifest.
	sample(t, disk, Options{})
	must(t, disk.Remove(filepath.Join(testDir, manifestName)))
	must(t, Remove(disk, testDir))
	if got := names(t, disk, testDir); !slices.Equal(got, []string{"notes.txt"}) {
		t.Fatal(got)
	}
}

func TestChangeOfCipher(t *testing.T) {
	aes, other, chacha := cipherOf(t, seal.KindAESGCM, 1), cipherOf(t, seal.KindAESGCM, 2), cipherOf(t, seal.KindChaCha20Poly1305, 1)
	steps := []struct {
		name string
		Options
	}{
		{"plain", Options{}},
		{"encrypted", Options{Cipher: aes}},
		{"another key", Options{Cipher: other, OldCiphers: []Cipher{aes}}},
		{"another cipher", Options{Cipher: chacha, OldCiphers: []Cipher{aes, other}}},
		{"plain again", Options{OldCiphers: []Cipher{chacha, other, aes}}},
	}
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{})
	must(t, err)
	must(t, h.Close())
	for i, step := range steps {
		h, s, _ := reopen(t, disk, step.Options)
		key := uint64(i)
		s[key] = write(t, h, key, content(key, 500))
		err := h.Commit(s.whole())
		if changed := i > 0; changed != errors.Is(err, ErrRewrite) || changed != (h.NeedsRewrite() != nil) {
			t.Fatalf("%s: %v", step.name, err)
		}
		must(t, h.Rewrite(s.whole()))
		must(t, h.NeedsRewrite())
		must(t, h.Commit(nil))
		for key, ref := range s {
			wantRead(t, h, ref, content(key, 500))
		}
		must(t, h.Close())
	}
	_, _, err = Open(disk, testDir, Options{}, func([]byte) error { return nil })
	must(t, err) // the manifest is plain, two chunks are
	h, s, _ := reopen(t, disk, Options{})
	_, err = h.Read(s[1], nil)
	wantError(t, err, seal.ErrKey)
	wantRead(t, h, s[0], content(0, 500))
	must(t, h.Close())

	// The end of a rotation: every chunk is copied, then the old keys can go.
	h, s, _ = reopen(t, disk, Options{Cipher: aes, OldCiphers: []Cipher{chacha, other}})
	all := map[uint64]bool{}
	for _, f := range h.Sparse(2) {
		all[f.Number] = true
	}
	for key, ref := range s {
		if !all[ref.File] {
			t.Fatalf("file of %v is not offered", ref)
		}
		data, err := h.Read(ref, nil)
		must(t, err)
		s[key] = write(t, h, key, data)
		h.Drop(ref)
	}
	must(t, h.Rewrite(s.whole()))
	must(t, h.Close())
	h, s, _ = reopen(t, disk, Options{Cipher: aes})
	for key, ref := range s {
		wantRead(t, h, ref, content(key, 500))
	}
	must(t, h.Close())
	_, _, err = Open(disk, testDir, Options{Cipher: other}, func([]byte) error { return nil })
	wantError(t, err, seal.ErrKey)
}

// TestNothingReadableInEncryptedFiles: neither chunks nor edits.
func TestNothingReadableInEncryptedFiles(t *testing.T) {
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{Cipher: cipherOf(t, 1, 1)})
	must(t, err)
	secret := []byte("the secret of the day")
	write(t, h, 1, secret)
	must(t, h.Commit(secret))
	must(t, h.Rewrite(secret))
	must(t, h.Commit(secret))
	for _, name := range names(t, disk, testDir) {
		p, err := vfs.ReadFile(disk, filepath.Join(testDir, name), 1<<20)
		must(t, err)
		if bytes.Contains(p, secret) {
			t.Errorf("%s holds it", name)
		}
	}
}

func TestEqualDataIsNotEqualWhenSealed(t *testing.T) {
	disk := faulty.New(1)
	o := Options{Cipher: cipherOf(t, 1, 1)}
	h, err := Create(disk, testDir, o)
	must(t, err)
	data := content(1, 64)
	s := state{1: write(t, h, 1, data), 2: write(t, h, 1, data)}
	must(t, h.Commit(s.whole()))
	must(t, h.Close())
	h, s, _ = reopen(t, disk, o)
	s[3] = write(t, h, 1, data) // in another file, at the offset of the first
	must(t, h.Commit(s.whole()))
	if s[3].Offset != s[1].Offset || s[3].File == s[1].File {
		t.Fatal(describe(s))
	}
	seen := map[string]bool{}
	for _, ref := range s {
		p, err := vfs.ReadFile(disk, filepath.Join(testDir, chunksName(ref.File)), 1<<20)
		must(t, err)
		seen[string(p[int(ref.Offset)+chunkHeader:ref.end()])] = true
	}
	if len(seen) != 3 {
		t.Fatal("equal data gave equal bytes")
	}
}

// TestReadersBesideTheOwner is for the race detector.
func TestReadersBesideTheOwner(t *testing.T) {
	for name, o := range variants(t) {
		t.Run(name, func(t *testing.T) {
			o.FileSize, o.OpenFiles = MinFileSize, 1
			disk := faulty.New(1)
			h, err := Create(disk, testDir, o)
			must(t, err)
			var mu sync.Mutex
			s := state{}
			done := make(chan struct{})
			var readers sync.WaitGroup
			for range 3 {
				readers.Go(func() {
					var buf []byte
					for {
						select {
						case <-done:
							return
						default:
						}
						mu.Lock()
						refs := maps.Clone(s)
						mu.Unlock()
						for key, ref := range refs {
							buf, err := h.Read(ref, buf)
							if errors.Is(err, ErrNotFound) {
								continue // dropped meanwhile
							}
							if err != nil || !bytes.Equal(buf, content(key, 3000)) {
								t.Errorf("%v: %d bytes, %v", ref, len(buf), err)
								return
							}
						}
						h.CloseIdle()
					}
				})
			}
			for key := range uint64(300) {
				ref, err := h.Write(key, content(key, 3000))
				if err != nil {
					t.Error(err)
					break
				}
				mu.Lock()
				s[key] = ref
				if key >= 50 {
					h.Drop(s[key-50])
					delete(s, key-50)
				}
				mu.Unlock()
				switch {
				case key%31 == 30:
					err = h.Commit(nil)
				case key%101 == 100:
					mu.Lock()
					h.Abandon()
					for key, ref := range s {
						if _, _, gone := h.find(ref); gone != nil {
							delete(s, key)
						}
					}
					mu.Unlock()
				}
				if err != nil {
					t.Error(err)
				}
			}
			close(done)
			readers.Wait()
			must(t, h.Close())
		})
	}
}

func TestDefaultsOfOptions(t *testing.T) {
	o := Options{}
	must(t, o.complete())
	o.Random = nil
	if want := (Options{FileSize: 64 << 20, OpenFiles: 16}); !reflect.DeepEqual(o, want) {
		t.Fatalf("%+v", o)
	}
}
