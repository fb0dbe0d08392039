package heap

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

func fileBits(t testing.TB, disk vfs.FS, name string) int64 {
	t.Helper()
	info, err := disk.Stat(filepath.Join(testDir, name))
	must(t, err)
	return info.Size * 8
}

// TestEveryBitOfADataFile: a flipped bit is detected or does no harm.
func TestEveryBitOfADataFile(t *testing.T) {
	for name, o := range variants(t) {
		t.Run(name, func(t *testing.T) {
			disk := faulty.New(1)
			s, data := sample(t, disk, o)
			file := filepath.Join(testDir, "1.chunks")
			for bit := range fileBits(t, disk, "1.chunks") {
				must(t, disk.FlipBit(file, bit))
				h, _, _ := reopen(t, disk, o)
				bad := 0
				for key, ref := range s {
					got, err := h.Read(ref, nil)
					inside := bit/8 >= int64(ref.Offset) && bit/8 < ref.end()
					var corrupt *CorruptError
					switch {
					case err == nil && bytes.Equal(got, data[key]) && !inside:
					case errors.As(err, &corrupt) && errors.Is(err, ErrCorrupt) && corrupt.Name == file:
						bad++
						if inside && corrupt.Offset != int64(ref.Offset) {
							t.Fatalf("bit %d: %v", bit, err)
						}
					default:
						t.Fatalf("bit %d, %v: %q, %v", bit, ref, got, err)
					}
				}
				header := bit/8 < headerSize
				if want := map[bool]int{true: 0, false: 1}[header]; bad != want && !(header && o.Cipher != nil && bad == len(s)) {
					t.Fatalf("bit %d: %d chunks are bad", bit, bad)
				}
				must(t, h.Close())
				must(t, disk.FlipBit(file, bit))
			}
		})
	}
}

// TestEveryBitOfAManifest: a flipped bit is detected, and then nothing is deleted and the
// other edits are replayed, or does no harm.
func TestEveryBitOfAManifest(t *testing.T) {
	for name, o := range variants(t) {
		t.Run(name, func(t *testing.T) {
			disk := faulty.New(1)
			s, _ := sample(t, disk, o)
			must(t, vfs.WriteFile(disk, filepath.Join(testDir, "9.chunks"), []byte("left")))
			bits := fileBits(t, disk, manifestName)
			for bit := range bits {
				disk := disk.Clone(1)
				must(t, disk.FlipBit(filepath.Join(testDir, manifestName), bit))
				got := state{}
				h, report, err := Open(disk, testDir, o, got.apply)
				if bit < headerSize*8 {
					wantError(t, err, ErrCorrupt)
					continue
				}
				must(t, err)
				for _, ref := range got {
					must(t, h.Use(ref))
				}
				if bit >= bits-editHeader*8 { // the witness
					if report.Damage != nil || !maps.Equal(got, s) {
						t.Fatalf("bit %d: %+v", bit, report)
					}
					continue
				}
				if len(report.Damage) != 1 || report.Edits != 2 {
					t.Fatalf("bit %d: %+v", bit, report)
				}
				d := report.Damage[0]
				if bit/8 < d.Offset || bit/8 >= d.Offset+d.Length {
					t.Fatalf("bit %d: %+v", bit, report)
				}
				wantError(t, h.Commit(nil), ErrRewrite)
				wantError(t, h.NeedsRewrite(), ErrCorrupt)
				must(t, h.Rewrite(got.whole()))
				if !exists(disk, 9) {
					t.Fatalf("bit %d: a file was deleted", bit)
				}
				h, again, report := reopen(t, disk, o)
				if report.Damage != nil || !maps.Equal(again, got) {
					t.Fatalf("bit %d: after Rewrite %+v", bit, report)
				}
				must(t, h.Close())
			}
		})
	}
}

// TestManifestCutAtEveryByte: what a cut takes from the end is torn as long as nothing
// says that it was synced.
func TestManifestCutAtEveryByte(t *testing.T) {
	disk := faulty.New(1)
	sample(t, disk, Options{})
	h, _, _ := reopen(t, disk, Options{})
	base, edits := h.ManifestSize()
	must(t, h.Close())
	name := filepath.Join(testDir, manifestName)
	for size := range base + edits + editHeader {
		disk := disk.Clone(1)
		f, err := disk.OpenFile(name, 0)
		must(t, err)
		must(t, f.Truncate(size))
		got := state{}
		h, report, err := Open(disk, testDir, Options{}, got.apply)
		switch {
		case size < headerSize:
			wantError(t, err, ErrCorrupt)
			continue
		case err != nil:
			t.Fatal(err)
		case (size < base) != (len(report.Damage) > 0):
			t.Fatalf("%d of %d+%d bytes: %+v", size, base, edits, report)
		case size < base:
			continue
		}
		for _, ref := range got {
			must(t, h.Use(ref))
		}
		must(t, h.Commit([]byte("+\x4d\x01\x4c\x64\x32")))
		h, again, report := reopen(t, disk, Options{})
		if got[77] = (Ref{1, 76, 100, 50}); report.Torn != 0 || report.Damage != nil || !maps.Equal(again, got) {
			t.Fatalf("%d bytes: %s, %+v", size, describe(again), report)
		}
		must(t, h.Close())
	}
}

// TestTornEditIsCutOffOnce: a long one does not stay behind the short one that takes its
// place.
func TestTornEditIsCutOffOnce(t *testing.T) {
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{})
	must(t, err)
	must(t, h.Commit(make([]byte, 1000)))
	must(t, h.Close())
	f, err := disk.OpenFile(filepath.Join(testDir, manifestName), 0)
	must(t, err)
	size, err := f.Size()
	must(t, err)
	must(t, f.Truncate(size-editHeader-1)) // the witness and a byte of the edit
	for _, torn := range []int64{editHeader + 999, 0} {
		h, report, err := Open(disk, testDir, Options{}, func([]byte) error { return nil })
		must(t, err)
		if report.Torn != torn {
			t.Fatalf("%+v, want %d bytes torn", report, torn)
		}
		must(t, h.Commit([]byte("x")))
		must(t, h.Close())
	}
}

// TestChunksDoNotPassElsewhere: at another offset, in another file, in another heap.
func TestChunksDoNotPassElsewhere(t *testing.T) {
	for name, o := range variants(t) {
		t.Run(name, func(t *testing.T) {
			disk := faulty.New(1)
			h, err := Create(disk, testDir, o)
			must(t, err)
			s := state{}
			for key := range uint64(2) {
				s[key] = write(t, h, key, content(1, 50))
			}
			must(t, h.Commit(s.whole()))
			must(t, h.Close())
			h, s, _ = reopen(t, disk, o)
			s[2] = write(t, h, 2, content(1, 50))
			must(t, h.Commit(s.whole()))
			must(t, h.Close())
			other, err := Create(disk, "/streams/two", o)
			must(t, err)
			elsewhere := write(t, other, 0, content(1, 50))
			must(t, other.Commit(nil))

			first, err := vfs.ReadFile(disk, filepath.Join(testDir, "1.chunks"), 1<<20)
			must(t, err)
			chunk := first[s[0].Offset:s[0].end()]
			for what, place := range map[string]struct {
				dir string
				Ref
			}{
				"another offset": {testDir, s[1]},
				"another file":   {testDir, s[2]},
				"another heap":   {"/streams/two", elsewhere},
			} {
				f, err := disk.OpenFile(filepath.Join(place.dir, chunksName(place.File)), 0)
				must(t, err)
				_, err = f.WriteAt(chunk, int64(place.Offset))
				must(t, err)
				h := other
				if place.dir == testDir {
					h, _, _ = reopen(t, disk, o)
				}
				if _, err = h.Read(place.Ref, nil); !errors.Is(err, ErrCorrupt) {
					t.Errorf("%s: %v", what, err)
				}
			}
			// A whole file under another name.
			must(t, vfs.WriteFile(disk, filepath.Join(testDir, "2.chunks"), first))
			h, _, _ = reopen(t, disk, o)
			moved := s[0]
			moved.File = 2
			_, err = h.Read(moved, nil)
			wantError(t, err, ErrCorrupt)
			// And a place that is not the one of the chunk.
			for _, change := range []func(*Ref){
				func(r *Ref) { r.Offset++ }, func(r *Ref) { r.Stored-- }, func(r *Ref) { r.Raw-- }, func(r *Ref) { r.Offset = s[1].Offset - 1 },
			} {
				ref := s[0]
				change(&ref)
				_, err = h.Read(ref, nil)
				wantError(t, err, ErrCorrupt)
			}
		})
	}
}

// TestEditsOfAnEarlierManifestDoNotPass behind the present one.
func TestEditsOfAnEarlierManifestDoNotPass(t *testing.T) {
	disk := faulty.New(1)
	name := filepath.Join(testDir, manifestName)
	h, err := Create(disk, testDir, Options{})
	must(t, err)
	must(t, h.Rewrite([]byte("one")))
	must(t, h.Commit([]byte("two")))
	old, err := vfs.ReadFile(disk, name, 1<<20)
	must(t, err)
	must(t, h.Rewrite([]byte("new")))
	f, err := disk.OpenFile(name, 0)
	must(t, err)
	base, _ := h.ManifestSize()
	_, err = f.WriteAt(old[base:], base)
	must(t, err)
	var got []string
	_, report, err := Open(disk, testDir, Options{}, func(p []byte) error { got = append(got, string(p)); return nil })
	must(t, err)
	if !slices.Equal(got, []string{"new"}) || report.Damage != nil || report.Torn == 0 {
		t.Fatalf("%q, %+v", got, report)
	}
}

// scanAll gathers what a Scan finds.
func scanAll(t testing.TB, disk vfs.FS, o Options) (good map[Ref][]byte, keys map[Ref]uint64, bad []Found) {
	t.Helper()
	good, keys = map[Ref][]byte{}, map[Ref]uint64{}
	must(t, Scan(disk, testDir, o, func(f Found) error {
		if f.Err != nil {
			bad = append(bad, f)
			return nil
		}
		good[f.Ref], keys[f.Ref] = bytes.Clone(f.Data), f.Key
		return nil
	}))
	return good, keys, bad
}

func TestScanFindsEverything(t *testing.T) {
	for name, o := range variants(t) {
		t.Run(name, func(t *testing.T) {
			o.FileSize = MinFileSize
			disk := faulty.New(1)
			h, err := Create(disk, testDir, o)
			must(t, err)
			s := state{}
			for key := range uint64(12) {
				s[key] = write(t, h, key, content(key, 100+int(key)*30000))
			}
			must(t, h.Commit(s.whole()))
			check := func(what string, lost ...uint64) (bad []Found) {
				t.Helper()
				good, keys, bad := scanAll(t, disk, o)
				for key, ref := range s {
					missing := slices.Contains(lost, key)
					if _, found := good[ref]; found == missing || found && (keys[ref] != key || !bytes.Equal(good[ref], content(key, len(good[ref]))) || len(good[ref]) != int(ref.Raw)) {
						t.Fatalf("%s: chunk %d at %v: found %v", what, key, ref, found)
					}
				}
				if len(good) != len(s)-len(lost) {
					t.Fatalf("%s: %d chunks", what, len(good))
				}
				return bad
			}
			if bad := check("whole"); len(bad) != 0 {
				t.Fatal(bad)
			}
			must(t, disk.Remove(filepath.Join(testDir, manifestName)))
			if bad := check("without a manifest"); len(bad) != 0 {
				t.Fatal(bad)
			}
			file := filepath.Join(testDir, chunksName(s[1].File))
			must(t, disk.FlipBit(file, int64(s[1].Offset)*8))
			if bad := check("bad header of a chunk", 1); len(bad) != 1 || bad[0].Ref.Offset != s[1].Offset || !errors.Is(bad[0].Err, ErrCorrupt) {
				t.Fatal(bad)
			}
			must(t, disk.FlipBit(file, int64(s[1].Offset)*8))
			must(t, disk.FlipBit(file, (s[1].end()-1)*8))
			if bad := check("bad body", 1); len(bad) != 1 || bad[0].Ref != s[1] || bad[0].Key != 1 {
				t.Fatal(bad)
			}
			must(t, disk.FlipBit(file, (s[1].end()-1)*8))
			must(t, disk.FlipBit(file, 8*20))
			if o.Cipher == nil {
				if bad := check("bad header of a file"); len(bad) != 1 || bad[0].Ref.File != s[1].File {
					t.Fatal(bad)
				}
			} else if _, _, bad := scanAll(t, disk, o); len(bad) < 2 {
				t.Fatal(bad)
			}
		})
	}
}

func TestScanOfOtherThings(t *testing.T) {
	disk := faulty.New(1)
	wantError(t, Scan(disk, testDir, Options{}, nil), fs.ErrNotExist)
	o := Options{Cipher: cipherOf(t, 1, 1)}
	sample(t, disk, o)
	good, _, bad := scanAll(t, disk, Options{})
	if len(good) != 0 || len(bad) != 1 || !errors.Is(bad[0].Err, seal.ErrKey) {
		t.Fatal(good, bad)
	}
	stop := errors.New("enough")
	calls := 0
	wantError(t, Scan(disk, testDir, o, func(Found) error { calls++; return stop }), stop)
	if calls != 1 {
		t.Fatal(calls)
	}
	// A file of another heap is not read.
	other, err := Create(disk, "/streams/two", o)
	must(t, err)
	write(t, other, 1, []byte("x"))
	must(t, other.Commit(nil))
	p, err := vfs.ReadFile(disk, "/streams/two/1.chunks", 1<<20)
	must(t, err)
	must(t, vfs.WriteFile(disk, filepath.Join(testDir, "2.chunks"), p))
	good, _, bad = scanAll(t, disk, o)
	if len(good) != 6 || len(bad) != 1 || bad[0].Ref.File != 2 {
		t.Fatal(good, bad)
	}
}

// TestScanGoesOnBehindBadSectors of the disk.
func TestScanGoesOnBehindBadSectors(t *testing.T) {
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{})
	must(t, err)
	s := state{}
	for key := range uint64(20) {
		s[key] = write(t, h, key, content(key, 3000))
	}
	must(t, h.Commit(s.whole()))
	const from, to = 20000, 24000
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Read && op.Offset < to && op.Offset+int64(op.Length) > from {
			return errDisk
		}
		return nil
	})
	good, _, bad := scanAll(t, disk, Options{})
	for key, ref := range s {
		readable := ref.end() <= from || int64(ref.Offset) >= to+vfs.PageSize
		if readable && !bytes.Equal(good[ref], content(key, 3000)) {
			t.Errorf("%v is not found", ref)
		}
	}
	if len(bad) == 0 {
		t.Error("nothing is reported")
	}
}

func TestUnknownVersion(t *testing.T) {
	p := header{number: 1}.append(nil, chunksMagic)
	if _, err := parseHeader(p, chunksMagic); err != nil {
		t.Fatal(err)
	}
	le.PutUint16(p[8:], 2)
	le.PutUint32(p[72:], crcOf(p[:72]))
	_, err := parseHeader(p, chunksMagic)
	wantError(t, err, ErrVersion)
	_, err = parseHeader(header{}.append(nil, chunksMagic), manifestMagic)
	wantError(t, err, ErrCorrupt)
}
