package heap_test

import (
	"fmt"

	"github.com/godwit-mq/godwit/internal/store/heap"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// An owner whose state is the place of one chunk: each edit holds it.
func Example() {
	disk := faulty.New(1)
	h, err := heap.Create(disk, "/streams/ORDERS", heap.Options{Compression: heap.S2})
	if err != nil {
		panic(err)
	}
	ref, err := h.Write(1, []byte("records of the messages 1 to 3"))
	if err != nil {
		panic(err)
	}
	if err := h.Commit(ref.Append(nil)); err != nil {
		panic(err)
	}

	// The power fails, and comes back.
	disk = disk.Survive(1)
	var place heap.Ref
	h, _, err = heap.Open(disk, "/streams/ORDERS", heap.Options{}, func(edit []byte) error {
		place, _ = heap.DecodeRef(edit)
		return nil
	})
	if err != nil {
		panic(err)
	}
	if err := h.Use(place); err != nil {
		panic(err)
	}
	data, err := h.Read(place, nil)
	fmt.Println(place, string(data), err)
	// Output: chunk 1/76 records of the messages 1 to 3 <nil>
}
