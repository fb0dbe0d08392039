package block

import (
	"sync/atomic"

	"github.com/godwit-mq/godwit/internal/store/heap"
)

const (
	// windowSize is how much of a chunk a search reads at once, in bytes.
	windowSize = 16 << 10
	// windowCount is how many windows a node has.
	windowCount = 64
)

// A window is a part of a chunk that was read and not verified. It never changes.
type window struct {
	id      ID
	ref     heap.Ref // of the chunk as it was written
	start   int
	records []byte
}

// windows are what searches in chunks that are not in the cache have read last, of some
// streams. Any goroutine may use them.
type windows [windowCount]atomic.Pointer[window]

func (w *windows) put(to *window) { w[to.id%windowCount].Store(to) }

// record returns a record that lies in a window, nil if none does.
func (w *windows) record(id ID, ref heap.Ref, start, stop int) []byte {
	at := w[id%windowCount].Load()
	if at == nil || at.id != id || at.ref != ref || start < at.start || stop > at.start+len(at.records) {
		return nil
	}
	return at.records[start-at.start : stop-at.start]
}
