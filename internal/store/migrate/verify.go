package migrate

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/godwit-mq/godwit/internal/journal"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/catalog"
	"github.com/godwit-mq/godwit/internal/vfs/overlay"
)

// viewBytes bounds the memory of what opening the new store would write.
const viewBytes = 1 << 30

// verify reads the new store as a server would find it, and compares.
func (m *migration) verify() error {
	m.options.progress("verifying")
	view := overlay.New(m.fsys, viewBytes)
	node, recovery, err := block.Open(view, m.dir, m.options.Node)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrVerify, err)
	}
	list, found, err := catalog.Open(view, m.dir, catalogOptions(m.options.Node))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrVerify, errors.Join(err, node.Close()))
	}
	if err = m.compare(node, recovery, list, found); err != nil {
		err = fmt.Errorf("%w: %w", ErrVerify, err)
	}
	return errors.Join(err, list.Close(), node.Close())
}

func (m *migration) compare(node *block.Node, recovery journal.Recovery, list *catalog.Catalog, found catalog.Recovery) error {
	switch {
	case recovery.Damaged():
		return fmt.Errorf("journal: %+v", recovery)
	case len(found.Damage) > 0:
		return errors.Join(found.Damage...)
	}
	assets := 0
	for _, w := range m.wanted {
		if err := w.compare(node, list); err != nil {
			return fmt.Errorf("stream %s > %s: %w", w.asset.Account, w.asset.Name, err)
		}
		assets += 1 + len(w.consumers)
	}
	if all := len(list.All()); all != assets {
		return fmt.Errorf("the catalog lists %d streams and consumers instead of %d", all, assets)
	}
	return nil
}

func (w *wantedStream) compare(node *block.Node, list *catalog.Catalog) error {
	asset, err := list.Find(w.asset.Account, w.asset.Name)
	if err != nil {
		return err
	}
	if err := sameAsset(w.asset, asset); err != nil {
		return err
	}
	if err := w.compareMessages(node); err != nil {
		return err
	}
	for i := range w.consumers {
		if err := w.consumers[i].compare(node, list); err != nil {
			return fmt.Errorf("consumer %s: %w", w.consumers[i].asset.Name, err)
		}
	}
	return nil
}

func sameAsset(want, got catalog.Asset) error {
	if got.ID != want.ID || got.Kind != want.Kind || got.Parent != want.Parent || got.Created != want.Created || !bytes.Equal(got.Config, want.Config) {
		return fmt.Errorf("the catalog has %+v instead of %+v", got, want)
	}
	return nil
}

func (w *wantedStream) compareMessages(node *block.Node) error {
	id := block.ID(w.asset.ID)
	s, err := node.LoadStream(id, block.StreamOptions{})
	if err != nil {
		return err
	}
	err = w.compareStream(node, id, s)
	return errors.Join(err, s.Close())
}

func (w *wantedStream) compareStream(node *block.Node, id block.ID, s *block.Stream) error {
	if err := node.RecoverOne(id); err != nil {
		return err
	}
	if damage := s.Report().Damage; len(damage) > 0 {
		return fmt.Errorf("%v", damage[0])
	}
	if got := s.State(); got != w.state {
		return fmt.Errorf("its state is %+v instead of %+v", got, w.state)
	}
	d := newDigest()
	if err := s.Each(nil, 0, func(m *store.Message) bool { d.add(m); return true }); err != nil {
		return err
	}
	want := w.digest
	if d.messages != want.messages || d.bytes != want.bytes || d.first != want.first || d.last != want.last || d.total() != want.total() {
		return fmt.Errorf("%d messages of %d bytes from %d to %d are others than the %d of %d from %d to %d that were read",
			d.messages, d.bytes, d.first, d.last, want.messages, want.bytes, want.first, want.last)
	}
	return nil
}

func (w *wantedConsumer) compare(node *block.Node, list *catalog.Catalog) error {
	asset, err := list.FindConsumer(w.asset.Parent, w.asset.Name)
	if err != nil {
		return err
	}
	if err := sameAsset(w.asset, asset); err != nil {
		return err
	}
	id := block.ID(asset.ID)
	c, err := node.LoadConsumer(id, w.rules)
	if err != nil {
		return err
	}
	if err = node.RecoverOne(id); err == nil {
		report, state := c.Report(), c.State()
		switch {
		case len(report.Damage) > 0:
			err = fmt.Errorf("%v", report.Damage[0])
		case w.hasState != (report.Records > 0) || w.hasState && stateSum(&state) != w.sum:
			err = fmt.Errorf("its state is another one, in %d records", report.Records)
		}
	}
	return errors.Join(err, c.Close())
}
