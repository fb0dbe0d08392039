package block

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// A consumer is one of this package, or its model.
type consumer interface {
	store.Consumer
	Rules() store.Rules
}

// change does the same random thing to a consumer and to its model, and fails if they
// do not say the same, or do not take the state that they have.
func change(random *rand.Rand, list ...consumer) error {
	state := list[0].State()
	seq := state.Floor.Stream + random.Uint64N(state.Delivered.Stream-state.Floor.Stream+2)
	pair := store.Pair{Consumer: state.Delivered.Consumer + 1, Stream: state.Delivered.Stream + 1 + random.Uint64N(3)}
	acked := store.Pair{Consumer: seq, Stream: seq}
	if n := len(state.Pending); n > 0 {
		at := random.IntN(n)
		acked = store.Pair{Consumer: state.Pending[at].Consumer, Stream: state.Pending[at].Stream}
	}
	kind, count := random.IntN(30), random.Uint64N(3)+1
	rules := store.Rules{Ack: list[0].Rules().Ack, MaxDeliver: random.Int64N(4)}
	var errs []error
	for _, c := range list {
		var err error
		switch {
		case kind < 12:
			err = c.Deliver(store.Delivery{Pair: pair, Count: 1, Time: int64(seq)})
		case kind < 16:
			err = c.Deliver(store.Delivery{Pair: store.Pair{Consumer: pair.Consumer, Stream: acked.Stream}, Count: count, Time: 7})
		case kind < 23:
			err = c.Ack(acked)
		case kind < 24 && state.Delivered.Consumer == 0:
			err = c.Start(seq)
		case kind < 25:
			err = c.Advance(pair.Stream)
		case kind < 26:
			err = c.Reset(seq)
		case kind < 27:
			err = c.ForgetRedelivered(seq)
		case kind < 28:
			err = c.SetRules(rules)
		case kind < 29:
			err = c.Update(state)
		default:
			err = c.Replace(state)
		}
		if kind >= 28 && err != nil {
			return fmt.Errorf("its own state %+v: %w", state, err)
		}
		errs = append(errs, err)
	}
	if fmt.Sprint(errs[0]) != fmt.Sprint(errs[1]) {
		return fmt.Errorf("%v, and the model says %v", errs[0], errs[1])
	}
	return nil
}

// TestConsumerSurvivesAllChanges: whatever happens to a consumer, it is after a restart
// what one that was never written down is.
func TestConsumerSurvivesAllChanges(t *testing.T) {
	for seed := range seeds(60) {
		random := rand.New(rand.NewPCG(seed, 8))
		disk := faulty.New(seed)
		n := openNode(t, disk, small())
		rules := store.Rules{Ack: store.AckPolicy(seed % 3)}
		c, err := n.CreateConsumer(9, rules)
		if err != nil {
			t.Fatal(err)
		}
		model := store.NewProgress(rules)
		for step := range 200 {
			if err := change(random, c, model); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			if random.IntN(5) == 0 {
				c.Commit(nil)
			}
			if random.IntN(10) > 0 {
				continue
			}
			c.Commit(nil)
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			disk = disk.Survive(seed)
			n = openNode(t, disk, small())
			if c, err = n.LoadConsumer(9, model.Rules()); err != nil {
				t.Fatal(err)
			}
			if err := n.Recover(); err != nil || len(c.Report().Damage) > 0 {
				t.Fatal(seed, step, err, c.Report())
			}
			if encoded(c.State()) != encoded(model.State()) || c.Rules() != model.Rules() {
				t.Fatalf("seed %d, step %d: %+v, %+v, expected %+v, %+v", seed, step, c.State(), c.Rules(), model.State(), model.Rules())
			}
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFailingJournalOfConsumer: a consumer whose whole state goes to the journal in a
// commit that fails has lost nothing of what was there before.
func TestFailingJournalOfConsumer(t *testing.T) {
	disk := faulty.New(1)
	n := openNode(t, disk, small())
	rules := store.Rules{Ack: store.AckExplicit}
	c, err := n.CreateConsumer(9, rules)
	if err != nil {
		t.Fatal(err)
	}
	failures := 0
	for seq := uint64(1); failures < 5; seq++ {
		if err := c.Deliver(store.Delivery{Pair: store.Pair{Consumer: seq, Stream: seq}, Count: 1, Time: 1}); err != nil {
			t.Fatal(err)
		}
		if seq%50 == 0 {
			if err := commitConsumer(c); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Ack(store.Pair{Consumer: seq, Stream: seq}); err != nil {
			t.Fatal(err)
		}
		if c.since <= stateEvery || seq%50 != 1 {
			continue
		}
		// The next commit is the whole state.
		durable, err := n.Journal().Read(9, c.logged, nil)
		if err != nil {
			t.Fatal(err)
		}
		failed := false
		disk.Fail(func(o faulty.Operation) error {
			if o.Kind == faulty.Sync && strings.HasSuffix(o.Name, ".seg") && !failed {
				failed = true
				return syscall.EIO
			}
			return nil
		})
		if err := commitConsumer(c); err == nil {
			t.Fatal("a commit that failed is answered as done")
		}
		disk.Fail(nil)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Journal().Resume(9); err != nil {
			t.Fatal(err)
		}
		if c, err = n.LoadConsumer(9, rules); err != nil {
			t.Fatal(err)
		}
		if err := n.RecoverOne(9); err != nil {
			t.Fatal(err)
		}
		if again, err := n.Journal().Read(9, durable.Sequence, nil); err != nil || string(again.Data) != string(durable.Data) {
			t.Fatalf("what was durable: %v", err)
		}
		if got := c.State().Delivered.Stream; len(c.Report().Damage) > 0 || got != seq-1 {
			t.Fatalf("delivered up to %d of %d: %+v", got, seq-1, c.Report())
		}
		failures++
		seq--
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}

func commitConsumer(c *Consumer) error {
	result := make(chan error, 1)
	c.Commit(func(err error) { result <- err })
	return <-result
}
