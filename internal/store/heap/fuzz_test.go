package heap

import (
	"bytes"
	"hash/crc32"
	"path/filepath"
	"testing"

	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

func crcOf(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }

// resum gives a chunk correct checksums, so that a fuzzer gets past them.
func (c codec) resum(p []byte) {
	if len(p) > chunkHeader {
		le.PutUint32(p[24:], crc32.Update(crc32.Update(c.seed, castagnoli, p[:24]), castagnoli, p[chunkHeader:]))
		le.PutUint32(p[28:], crc32.Update(c.seed, castagnoli, p[:28]))
	}
}

// FuzzChunk decodes anything as a chunk: it must not fail in another way than by a
// reason, and nothing but the length that the header says may come out.
func FuzzChunk(f *testing.F) {
	for i, o := range variants(f) {
		c := codec{seed: 7}
		if o.Cipher != nil {
			aead, _, err := o.Cipher.Derive("test", [16]byte{})
			must(f, err)
			c.aead = aead
		}
		p, _, _ := c.encode(nil, 76, 5, content(uint64(len(i)), 300), o.Compression)
		f.Add(p, true)
		f.Add(p, false)
	}
	f.Fuzz(func(t *testing.T, p []byte, sum bool) {
		c := codec{seed: 7}
		p = bytes.Clone(p)
		if sum {
			c.resum(p)
		}
		head, ok := c.parse(p, 76)
		if !ok || int(head.stored) > len(p) {
			return
		}
		p = p[:head.stored]
		if sum {
			c.resum(p)
		}
		data, reason := c.decode(head, p, nil)
		if reason == "" && len(data) != int(head.raw) || reason != "" && data != nil {
			t.Fatalf("%d bytes, header says %d, reason %q", len(data), head.raw, reason)
		}
	})
}

// FuzzRef: what decodes encodes to what decodes the same.
func FuzzRef(f *testing.F) {
	f.Add(Ref{1, 2, 3, 4}.Append(nil))
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, p []byte) {
		ref, n := DecodeRef(p)
		if n == 0 {
			return
		}
		q := ref.Append(nil)
		if again, m := DecodeRef(q); n > len(p) || again != ref || m != len(q) {
			t.Fatalf("%v, then %v", ref, again)
		}
	})
}

// FuzzScan puts anything in the place of a data file. Whatever is found must be a chunk
// that was written, and where the file was not changed it must be found.
func FuzzScan(f *testing.F) {
	disk := faulty.New(1)
	o := Options{Random: seeded(1)}
	s, data := sample(f, disk, o)
	name := filepath.Join(testDir, "1.chunks")
	whole, err := vfs.ReadFile(disk, name, 1<<20)
	must(f, err)
	f.Add(whole)
	f.Add(whole[:200])
	f.Add(append(bytes.Clone(whole[:300]), whole...))
	f.Add([]byte("gwchunks"))
	f.Fuzz(func(t *testing.T, p []byte) {
		disk := disk.Clone(1)
		must(t, vfs.WriteFile(disk, name, p))
		good, keys, _ := scanAll(t, disk, o)
		for ref, got := range good {
			if s[keys[ref]] != ref || !bytes.Equal(got, data[keys[ref]]) {
				t.Fatalf("%v was never written", ref)
			}
		}
		for key, ref := range s {
			same := int64(len(p)) >= ref.end() && bytes.Equal(p[ref.Offset:ref.end()], whole[ref.Offset:ref.end()])
			// No chunk can hide it: each has one place where it is valid.
			if same && !bytes.Equal(good[ref], data[key]) {
				t.Fatalf("%v was not found", ref)
			}
		}
	})
}

// FuzzManifest puts anything in the place of a manifest. The edits that are replayed
// must be some of those that were committed, in their order.
func FuzzManifest(f *testing.F) {
	disk := faulty.New(1)
	h, err := Create(disk, testDir, Options{Random: seeded(1)})
	must(f, err)
	edits := [][]byte{[]byte("first"), []byte("edit"), {}, bytes.Repeat([]byte("long"), 30)}
	must(f, h.Rewrite(edits[0]))
	for _, edit := range edits[1:] {
		must(f, h.Commit(edit))
	}
	name := filepath.Join(testDir, manifestName)
	whole, err := vfs.ReadFile(disk, name, 1<<20)
	must(f, err)
	f.Add(whole)
	f.Add(whole[:150])
	f.Add(append(bytes.Clone(whole[:200]), whole...))
	f.Add([]byte("gwmanife"))
	f.Fuzz(func(t *testing.T, p []byte) {
		disk := disk.Clone(1)
		must(t, vfs.WriteFile(disk, name, p))
		left := edits
		h, report, err := Open(disk, testDir, Options{}, func(p []byte) error {
			for len(left) > 0 {
				same := bytes.Equal(p, left[0])
				left = left[1:]
				if same {
					return nil
				}
			}
			t.Fatalf("%q was not committed, or not there", p)
			return nil
		})
		if err != nil {
			return
		}
		if (len(report.Damage) > 0) != (h.NeedsRewrite() != nil) {
			t.Fatalf("%+v, but %v", report, h.NeedsRewrite())
		}
		if bytes.HasPrefix(p, whole) && report.Edits != len(edits) {
			t.Fatalf("%+v", report)
		}
		must(t, h.Rewrite([]byte("new")))
	})
}
