package heap

import (
	"fmt"
	"testing"

	"github.com/godwit-mq/godwit/internal/vfs"
)

func benchmarks(b *testing.B, run func(b *testing.B, h *Heap, data []byte)) {
	for _, name := range []string{"plain", "compressed", "aes", "compressed chacha"} {
		for _, length := range []int{4 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%dKiB", name, length>>10), func(b *testing.B) {
				h, err := Create(vfs.OS, b.TempDir(), variants(b)[name])
				must(b, err)
				defer h.Close()
				b.SetBytes(int64(length))
				b.ReportAllocs()
				run(b, h, content(2, length))
			})
		}
	}
}

// BenchmarkWrite commits every 16 MiB. What was committed before is dropped.
func BenchmarkWrite(b *testing.B) {
	benchmarks(b, func(b *testing.B, h *Heap, data []byte) {
		edit := make([]byte, 1000)
		var refs []Ref
		for b.Loop() {
			ref, err := h.Write(1, data)
			must(b, err)
			if refs = append(refs, ref); len(refs)*len(data) >= 16<<20 {
				must(b, h.Commit(edit))
				for _, ref := range refs {
					h.Drop(ref)
				}
				refs = refs[:0]
			}
		}
		must(b, h.Commit(edit))
	})
}

func BenchmarkRead(b *testing.B) {
	benchmarks(b, func(b *testing.B, h *Heap, data []byte) {
		var refs []Ref
		for key := range uint64(64) {
			refs = append(refs, write(b, h, key, data))
		}
		must(b, h.Commit(nil))
		buf := make([]byte, 0, len(data)+100)
		i := 0
		for b.Loop() {
			var err error
			buf, err = h.Read(refs[i%len(refs)], buf)
			must(b, err)
			i++
		}
	})
}
