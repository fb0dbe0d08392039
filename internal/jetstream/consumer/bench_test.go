package consumer_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
)

// BenchmarkDeliverAck delivers messages and acknowledges them in order, 200 at a time,
// while so many others are outstanding. It reports both by themselves; an operation is a
// delivery with its acknowledgement.
func BenchmarkDeliverAck(b *testing.B) {
	for _, outstanding := range []int{1000, 100_000} {
		b.Run(strconv.Itoa(outstanding), func(b *testing.B) { benchmarkDeliverAck(b, outstanding) })
	}
}

func benchmarkDeliverAck(b *testing.B, outstanding int) {
	const group = 200
	w := newStream(b, limits)
	for range outstanding + b.N + 2*group {
		w.publish("orders.new")
	}
	config := explicit()
	config.MaxAckPending = -1
	w.create(config)
	w.deliver(outstanding)

	subjects := make([][]byte, group)
	var deliver, ack time.Duration
	seq := uint64(1)
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += group {
		for i := range subjects {
			subject := strconv.AppendUint(append(subjects[i][:0], "$JS.ACK.S.C.1."...), seq, 10)
			subject = strconv.AppendUint(append(subject, '.'), seq, 10)
			subjects[i] = append(subject, ".1700000000000000000.100"...)
			seq++
		}
		begin := time.Now()
		w.deliver(group)
		delivered := time.Now()
		for _, subject := range subjects {
			if err := w.consumer.Ack(w.now, subject, "", nil); err != nil {
				b.Fatal(err)
			}
		}
		deliver += delivered.Sub(begin)
		ack += time.Since(delivered)
	}
	b.ReportMetric(float64(deliver.Nanoseconds())/float64(b.N), "ns/deliver")
	b.ReportMetric(float64(ack.Nanoseconds())/float64(b.N), "ns/ack")
}

// deliver delivers exactly so many messages to one request.
func (w *world) deliver(n int) {
	w.t.Helper()
	w.consumer.Pull(w.now, consumer.PullRequest{Reply: "inbox", Body: strconv.AppendInt(nil, int64(n), 10)})
	for n > 0 {
		if _, err := w.consumer.Next(w.now, consumer.Room{Messages: 256, Bytes: 1 << 30}); err != nil {
			w.t.Fatal(err)
		}
		got := len(w.consumer.Effects())
		if got == 0 {
			w.t.Fatal("nothing was delivered")
		}
		n -= got
	}
}

// TestPlainMessagesCostNoMemory delivers and acknowledges while others are outstanding.
func TestPlainMessagesCostNoMemory(t *testing.T) {
	const group, rounds = 100, 200
	w := newStream(t, limits)
	for range 2000 + group*(rounds+2) {
		w.publish("orders.new")
	}
	config := explicit()
	config.MaxAckPending = -1
	w.create(config)
	w.deliver(2000)
	subjects := make([][]byte, group*(rounds+2))
	for i := range subjects {
		subjects[i] = []byte(ackOf(1, uint64(i+1), uint64(i+1)))
	}
	body := strconv.Itoa(len(subjects))
	w.consumer.Pull(w.now, consumer.PullRequest{Reply: "inbox", Body: []byte(body)})
	allocations := testing.AllocsPerRun(rounds, func() {
		if _, err := w.consumer.Next(w.now, consumer.Room{Messages: group, Bytes: 1 << 30}); err != nil {
			t.Fatal(err)
		}
		if n := len(w.consumer.Effects()); n != group {
			t.Fatalf("%d delivered", n)
		}
		for _, subject := range subjects[:group] {
			if err := w.consumer.Ack(w.now, subject, "", nil); err != nil {
				t.Fatal(err)
			}
		}
		subjects = subjects[group:]
	})
	// The list of what is outstanding grows now and then.
	if allocations >= 1 {
		t.Fatalf("%v allocations for %d messages", allocations, group)
	}
}
