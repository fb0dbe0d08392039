package catalog

import (
	"fmt"
	"slices"
)

// Find returns the stream of a name. It fails with ErrNotFound.
func (c *Catalog) Find(account, stream string) (Asset, error) {
	a, ok := c.named(name{account: account, name: stream})
	if !ok {
		return Asset{}, fmt.Errorf("stream %.64q of account %.64q: %w", stream, account, ErrNotFound)
	}
	return a, nil
}

// FindConsumer returns the consumer of a name. It fails with ErrNotFound.
func (c *Catalog) FindConsumer(stream ID, consumer string) (Asset, error) {
	a, ok := c.named(name{parent: stream, name: consumer})
	if !ok {
		return Asset{}, fmt.Errorf("consumer %.64q of stream %d: %w", consumer, stream, ErrNotFound)
	}
	return a, nil
}

func (c *Catalog) named(n name) (Asset, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, ok := c.names[n]
	if !ok {
		return Asset{}, false
	}
	return c.assets[id].clone(), true
}

// Get returns an asset that is not dropped. It fails with ErrNotFound.
func (c *Catalog) Get(id ID) (Asset, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.assets[id]
	if r == nil || r.dropped {
		return Asset{}, fmt.Errorf("asset %d: %w", id, ErrNotFound)
	}
	return r.clone(), nil
}

// All lists what is not dropped, in the order of the numbers: a stream comes before its
// consumers.
func (c *Catalog) All() []Asset {
	return c.list(func(r *record) bool { return !r.dropped })
}

// Consumers lists the consumers of a stream that are not dropped.
func (c *Catalog) Consumers(stream ID) (list []Asset) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range c.children(stream) {
		if r := c.assets[id]; !r.dropped {
			list = append(list, r.clone())
		}
	}
	return list
}

// Dropped lists what is being deleted, consumers before their streams: the order in
// which they can be forgotten.
func (c *Catalog) Dropped() []Asset {
	list := c.list(func(r *record) bool { return r.dropped })
	slices.SortStableFunc(list, func(a, b Asset) int { return int(b.Kind) - int(a.Kind) })
	return list
}

// Incomplete reports whether there may be assets that are not in the list, because some
// of it could not be read, now or before.
func (c *Catalog) Incomplete() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.incomplete
}

// MayDelete reports whether what is on the disk under a number belongs to nobody: the
// number was given, and the asset is forgotten. Of an incomplete catalog that is never
// known.
func (c *Catalog) MayDelete(id ID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.incomplete && id != 0 && id < c.next && c.assets[id] == nil
}
