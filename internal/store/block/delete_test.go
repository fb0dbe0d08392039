package block

import (
	"errors"
	"testing"

	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// TestPowerCutInDelete cuts the power in each operation of the deletion of a stream. Then
// the stream is whole, or gone; a second deletion removes what is left of it, and another
// stream has lost nothing.
func TestPowerCutInDelete(t *testing.T) {
	whole, gone, cut := 0, 0, 0
	for ; ; cut++ {
		p := newProgram(uint64(cut))
		disk := faulty.New(uint64(cut))
		n := openNode(t, disk, small())
		s, err := n.CreateStream(7, p.options)
		if err != nil {
			t.Fatal(err)
		}
		other, err := n.CreateStream(8, p.options)
		if err != nil {
			t.Fatal(err)
		}
		h, rest := &history{}, &history{}
		h.run(s, p, 20)
		rest.run(other, p, 10)
		disk.CutAt(disk.Operations() + cut)
		err = s.Delete()
		ended := !disk.IsCut()
		if ended && err != nil {
			t.Fatal(err)
		}
		_ = n.Close()
		for outcome := range uint64(6) {
			if h.deleteAgain(t, disk.Survive(outcome), p.options) {
				whole++
			} else {
				gone++
			}
			rest.expectStream(t, "the other stream", disk.Survive(outcome), 8, p.options)
		}
		if ended {
			break
		}
	}
	t.Logf("%d power cuts", cut)
	if whole == 0 || gone == 0 {
		t.Errorf("%d times the stream was there, %d times gone", whole, gone)
	}
}

// deleteAgain deletes what is there after a power cut, and reports whether it was the
// whole stream.
func (h *history) deleteAgain(t *testing.T, disk *faulty.Disk, o StreamOptions) (whole bool) {
	t.Helper()
	n := openNode(t, disk, small())
	s, err := n.LoadStream(7, o)
	switch {
	case err == nil:
		if err := n.Recover(); err != nil {
			t.Fatal(err)
		}
		if got := digest(s); got != h.digests[h.durable] || len(s.Report().Damage) > 0 {
			t.Fatalf("a part of the stream is left: %+v, %+v", s.State(), s.Report())
		}
		if err := n.Delete(7); !errors.Is(err, ErrExists) {
			t.Fatalf("a loaded stream can be deleted: %v", err)
		}
		if err := s.Delete(); err != nil {
			t.Fatal(err)
		}
	case IsNotExist(err):
		if err := n.Delete(7); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatal(err)
	}
	if err := n.Delete(7); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = openNode(t, disk.Survive(1), small())
	defer n.Close()
	if list, err := n.Streams(); err != nil || len(list) != 1 || list[0] != 8 {
		t.Fatal(list, err)
	}
	if g := n.Journal().Group(7); g.Live > 0 {
		t.Fatalf("the journal has %+v", g)
	}
	return err == nil
}
