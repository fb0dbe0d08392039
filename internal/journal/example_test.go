package journal_test

import (
	"fmt"

	"github.com/godwit-mq/godwit/internal/journal"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// A group's owner appends, lets go of what it has stored elsewhere, and after a
// power cut gets back what it had not.
func Example() {
	const orders journal.GroupID = 1
	disk := faulty.New(1) // in a server: vfs.OS
	options := journal.Options{SegmentSize: 64 << 10}

	j, report, err := journal.Open(disk, "/data/journal", options)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("new:", report.Fresh)

	acknowledged := make(chan journal.Appended)
	records := [][]byte{[]byte("first"), []byte("second"), []byte("third")}
	if _, err := j.Append(orders, records, func(a journal.Appended, err error) {
		if err == nil {
			acknowledged <- a
		}
	}); err != nil {
		fmt.Println(err)
		return
	}
	a := <-acknowledged
	fmt.Println("durable:", a.Count, "records from", a.First)

	// The first record is in a file of its own now, and synced there.
	_ = j.Release(orders, 1)
	_ = j.Checkpoint()

	disk.Cut()
	_ = j.Close() // fails: the power is off

	j, report, err = journal.Open(disk.Survive(1), "/data/journal", options)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer j.Close()
	fmt.Println("damaged:", report.Damaged())
	err = j.Replay(func(r journal.Record, err error) error {
		fmt.Printf("record %d: %s\n", r.Sequence, r.Data)
		return err
	})
	if err != nil {
		fmt.Println(err)
	}

	// Output:
	// new: true
	// durable: 3 records from 1
	// damaged: false
	// record 2: second
	// record 3: third
}
