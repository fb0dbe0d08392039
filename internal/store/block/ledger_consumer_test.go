package block_test

import (
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// A desk is a consumer on a disk in memory.
type desk struct {
	*block.Consumer
	t      testing.TB
	disk   *faulty.Disk
	node   *block.Node
	nodeIs block.Options
	rules  store.Rules
	seed   uint64
}

func newDesk(t testing.TB, v variant, r store.Rules) *desk {
	t.Helper()
	d := &desk{t: t, disk: faulty.New(1), nodeIs: v.nodeOptions(), rules: r}
	d.open()
	var err error
	d.Consumer, err = d.node.CreateConsumer(consumerID, r)
	d.must(err)
	t.Cleanup(func() { _ = d.node.Close() })
	return d
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) open() {
	d.t.Helper()
	n, _, err := block.Open(d.disk, "data", d.nodeIs)
	d.must(err)
	d.node = n
}

func (d *desk) commit() {
	d.t.Helper()
	result := make(chan error, 1)
	d.Commit(func(err error) { result <- err })
	d.must(<-result)
}

// restart begins anew after an orderly end and after a power cut, and compares.
func (d *desk) restart() {
	d.t.Helper()
	before := d.State()
	d.commit()
	for _, cut := range []bool{true, false} {
		if cut {
			d.seed++
			after := d.disk.Survive(d.seed)
			_ = d.node.Close()
			d.disk = after
		} else {
			d.must(d.node.Close())
		}
		d.open()
		var err error
		d.Consumer, err = d.node.LoadConsumer(consumerID, d.rules)
		d.must(err)
		d.must(d.node.Recover())
		if damage := d.Report().Damage; len(damage) > 0 {
			d.t.Fatalf("damage: %v", damage)
		}
		if after := d.State(); !reflect.DeepEqual(after, before) {
			d.t.Fatalf("after a restart (power cut: %v) %+v, was %+v", cut, after, before)
		}
	}
}

func pair(consumer, stream uint64) store.Pair { return store.Pair{Consumer: consumer, Stream: stream} }

func (d *desk) deliver(consumer, stream, count uint64) {
	d.t.Helper()
	d.must(d.Deliver(store.Delivery{Pair: pair(consumer, stream), Count: count, Time: begin + int64(consumer)}))
}

func (d *desk) ack(consumer, stream uint64) {
	d.t.Helper()
	d.must(d.Ack(pair(consumer, stream)))
}

// expect compares the state, its lists by their lengths.
func (d *desk) expect(delivered, floor store.Pair, pending, redelivered int) {
	d.t.Helper()
	s := d.State()
	if s.Delivered != delivered || s.Floor != floor || len(s.Pending) != pending || len(s.Redelivered) != redelivered {
		d.t.Fatalf("state %+v, expected %v delivered, floor %v, %d pending, %d redelivered", s, delivered, floor, pending, redelivered)
	}
}

// TestRedeliveredAfterRestart: how often messages were delivered again is known after
// restarts, until they are acknowledged.
//
// Go: TestFileStoreConsumerRedeliveredLost server/filestore_test.go:2756
func TestRedeliveredAfterRestart(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		d := newDesk(t, v, store.Rules{Ack: store.AckExplicit})
		for i := uint64(1); i <= 4; i++ {
			d.deliver(i, 1, i)
		}
		d.deliver(5, 2, 1)
		d.restart()
		d.expect(pair(5, 2), pair(0, 0), 2, 1)
		d.deliver(6, 2, 2)
		d.deliver(7, 3, 1)
		d.restart()
		d.expect(pair(7, 3), pair(0, 0), 3, 2)
		d.ack(7, 3)
		d.ack(6, 2)
		d.restart()
		d.expect(pair(7, 3), pair(0, 0), 1, 1)
		d.ack(4, 1)
		d.expect(pair(7, 3), pair(7, 3), 0, 0)
		d.restart()
	})
}

// TestLateAcknowledgementSurvives: an acknowledgement that finds no outstanding message,
// because it was delivered too often, ends the count of its redeliveries for good.
//
// Go: TestFileStoreConsumerUpdateAcksFlushesRedelivered server/filestore_test.go:2822
func TestLateAcknowledgementSurvives(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		d := newDesk(t, v, store.Rules{Ack: store.AckExplicit, MaxDeliver: 1})
		d.deliver(1, 1, 1)
		d.deliver(2, 1, 2)
		d.restart()
		d.expect(pair(2, 1), pair(0, 0), 0, 1)
		if err := d.Ack(pair(2, 1)); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("late acknowledgement: %v", err)
		}
		d.restart()
		d.expect(pair(2, 1), pair(0, 0), 0, 0)
	})
}

// TestAcknowledgementsAfterRestart plays deliveries and acknowledgements out of order,
// and restarts in between.
//
// Go: TestFileStoreConsumerDeliveredAndAckUpdates server/filestore_test.go:2953
func TestAcknowledgementsAfterRestart(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		d := newDesk(t, v, store.Rules{Ack: store.AckExplicit})
		for i, stream := range []uint64{100, 110, 130, 150, 165} {
			d.deliver(uint64(i+1), stream, 1)
			d.expect(pair(uint64(i+1), stream), pair(0, 0), i+1, 0)
		}
		for _, bad := range []store.Pair{pair(3, 101), pair(1, 1)} {
			if err := d.Ack(bad); !errors.Is(err, store.ErrNotFound) {
				t.Fatalf("acknowledgement of %v: %v", bad, err)
			}
		}
		for i, step := range []struct{ ack, floor store.Pair }{
			{pair(1, 100), pair(1, 109)}, {pair(3, 130), pair(1, 109)}, {pair(2, 110), pair(3, 149)},
			{pair(5, 165), pair(3, 149)}, {pair(4, 150), pair(5, 165)},
		} {
			d.must(d.Ack(step.ack))
			d.expect(pair(5, 165), step.floor, 4-i, 0)
		}
		for i, stream := range []uint64{170, 171, 172, 173, 200} {
			d.deliver(uint64(i+6), stream, 1)
		}
		d.ack(7, 171)
		d.ack(8, 172)
		d.expect(pair(10, 200), pair(5, 165), 3, 0)
		d.restart()
		d.ack(6, 170)
		d.expect(pair(10, 200), pair(8, 172), 2, 0)
	})
}

// TestUpdatedStateSurvives: a state that came from a peer is there after a restart.
//
// Go: TestFileStoreConsumerStoreEncodeAfterRestart server/filestore_test.go:5320
func TestUpdatedStateSurvives(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		d := newDesk(t, v, store.Rules{Ack: store.AckExplicit})
		d.must(d.Update(store.ConsumerState{Delivered: pair(22, 22), Floor: pair(11, 11)}))
		d.restart()
		d.expect(pair(22, 22), pair(11, 11), 0, 0)
	})
}

// TestConsumerSetBack: a consumer does not go back by itself, but can be made to, as when
// its stream has lost its end.
//
// Go: TestFileStoreResetConsumerToStreamState server/filestore_test.go:9170
func TestConsumerSetBack(t *testing.T) {
	d := newDesk(t, plain, store.Rules{Ack: store.AckNone})
	d.must(d.Update(store.ConsumerState{Delivered: pair(5, 5), Floor: pair(5, 5)}))
	d.expect(pair(5, 5), pair(5, 5), 0, 0)
	back := store.ConsumerState{Delivered: pair(1, 4), Floor: pair(1, 3)}
	if err := d.Update(back); !errors.Is(err, store.ErrOldUpdate) {
		t.Fatalf("update with an older state: %v", err)
	}
	d.expect(pair(5, 5), pair(5, 5), 0, 0)
	d.must(d.Replace(back))
	d.expect(pair(1, 4), pair(1, 3), 0, 0)
	d.restart()
}

// TestDeletingConsumersInUse deletes consumers while they change: deletion succeeds,
// changes then say that the consumer is closed, and nothing is left of it.
//
// Go: TestFileStoreNoDirectoryNotEmptyError server/filestore_test.go:14646
func TestDeletingConsumersInUse(t *testing.T) {
	d := newDesk(t, plain, store.Rules{Ack: store.AckExplicit})
	for i := range 100 {
		c, err := d.node.CreateConsumer(block.ID(1000+i), store.Rules{Ack: store.AckExplicit})
		d.must(err)
		var mu sync.Mutex
		changed := make(chan struct{})
		var group sync.WaitGroup
		group.Go(func() {
			for seq := uint64(1); ; seq++ {
				mu.Lock()
				err := c.Start(seq)
				if err == nil {
					c.Commit(nil)
				}
				mu.Unlock()
				if errors.Is(err, store.ErrClosed) {
					return
				}
				if seq == uint64(i%7)+1 {
					close(changed)
				}
			}
		})
		<-changed
		mu.Lock()
		err = c.Delete()
		mu.Unlock()
		d.must(err)
		group.Wait()
		if info := d.node.Journal().Group(block.ID(1000 + i)); info.Live > 0 {
			t.Fatalf("%d records are left of a consumer", info.Live)
		}
	}
}
