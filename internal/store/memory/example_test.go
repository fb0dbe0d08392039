package memory_test

import (
	"fmt"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/memory"
)

// The life of a small stream: its owner brings the time.
func Example() {
	stream, err := memory.NewStream(store.Options{Limits: store.Limits{MaxPerSubject: 1, MaxAge: time.Minute}})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, subject := range []string{"orders.1", "orders.2", "orders.1"} {
		m := store.Message{Subject: []byte(subject), Time: now.Add(time.Duration(i) * time.Second).UnixNano()}
		if err := stream.Append(&m, store.Checked); err != nil {
			fmt.Println(err)
		}
	}
	_ = stream.Each(nil, 0, func(m *store.Message) bool {
		fmt.Println(m.Sequence, string(m.Subject))
		return true
	})
	next := time.Unix(0, stream.NextExpiry()).UTC()
	removed, _ := stream.Tick(next.UnixNano(), nil)
	fmt.Println(removed.Messages, "expired at", next.Format(time.TimeOnly))
	// Output:
	// 2 orders.2
	// 3 orders.1
	// 1 expired at 00:01:01
}
