package migrate

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/catalog"
	"github.com/godwit-mq/godwit/internal/store/legacy"
)

// A consumerState is what was read of a consumer.
type consumerState struct {
	consumer *legacy.Consumer
	rules    store.Rules
	state    *store.ConsumerState // nil: it begins by its configuration
	err      error                // the file system's
}

// A wantedConsumer is what the new store must hold of one.
type wantedConsumer struct {
	asset    catalog.Asset
	rules    store.Rules
	hasState bool
	sum      [sha256.Size]byte // of the state
}

// readStates reads the consumers of the stream, and moves its last sequence up to what
// they have seen.
func (w *writer) readStates() {
	records := w.last
	for _, c := range w.source.Consumers {
		if c.Config == nil {
			w.note(legacy.Damage, c.Path, errors.New("its configuration cannot be read: the consumer is left out"))
			continue
		}
		one := consumerState{consumer: c}
		var err error
		if one.rules, err = consumerRules(c.Config); err != nil {
			w.note(legacy.Damage, c.Path, fmt.Errorf("%w: the consumer is left out", err))
			continue
		}
		one.state, err = c.State()
		if err == nil && one.state != nil {
			err = believable(one.state, records)
		}
		switch {
		case errors.Is(err, fs.ErrPermission):
			one.err = err
		case err != nil:
			w.note(legacy.Damage, c.Path, fmt.Errorf("%w: the consumer begins by its configuration", err))
			one.state = nil
		}
		w.states = append(w.states, one)
		if s := one.state; s != nil && s.Delivered.Stream > records {
			w.note(legacy.Doubtful, c.Path, fmt.Errorf("it has seen sequence %d, and the last one of the stream is %d: the stream goes on behind that", s.Delivered.Stream, records))
			w.last = max(w.last, s.Delivered.Stream)
		}
	}
}

// believable fails for a state that cannot be, of a stream whose records end somewhere.
func believable(s *store.ConsumerState, last uint64) error {
	if err := s.Verify(); err != nil {
		return err
	}
	if s.Delivered.Stream > store.SequenceMax || s.Delivered.Stream > last && s.Delivered.Stream-last > witnessMax {
		return fmt.Errorf("%w: sequence %d of a stream that ends with %d", store.ErrConsumerState, s.Delivered.Stream, last)
	}
	return nil
}

// consumers writes the consumers of a stream.
func (m *migration) consumers(w *writer) error {
	for i := range w.states {
		one, err := m.consumer(w, &w.states[i])
		if err != nil {
			return fmt.Errorf("consumer %s: %w", w.states[i].consumer.Name, err)
		}
		w.wanted.consumers = append(w.wanted.consumers, one)
		w.wanted.report.Consumers++
	}
	return nil
}

func (m *migration) consumer(w *writer, c *consumerState) (wantedConsumer, error) {
	if c.err != nil {
		return wantedConsumer{}, c.err
	}
	asset := catalog.Asset{Kind: catalog.Consumer, Parent: w.wanted.asset.ID, Account: w.wanted.asset.Account,
		Name: c.consumer.Name, Created: unixNano(c.consumer.Created), Config: c.consumer.Config}
	var err error
	if asset.ID, err = m.catalog.Create(asset); err != nil || c.state == nil {
		return wantedConsumer{asset: asset, rules: c.rules}, err
	}
	into, err := m.node.CreateConsumer(block.ID(asset.ID), c.rules)
	if err != nil {
		return wantedConsumer{}, err
	}
	if err := into.Replace(*c.state); err != nil {
		return wantedConsumer{}, err
	}
	done := make(chan error, 1)
	into.Commit(func(err error) { done <- err })
	if err := <-done; err != nil {
		return wantedConsumer{}, err
	}
	return wantedConsumer{asset: asset, rules: c.rules, hasState: true, sum: stateSum(c.state)}, into.Close()
}

func stateSum(s *store.ConsumerState) [sha256.Size]byte { return sha256.Sum256(s.Append(nil)) }

// unixNano is a time as the catalog has it; of one that it cannot have, the nearest.
func unixNano(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}
