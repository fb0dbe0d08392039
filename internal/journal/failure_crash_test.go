package journal

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// uniqueSize: data of this size or more is appended once only.
const uniqueSize = 8

// condemn notes data that was answered with an error for good. Called with mu
// held.
func (m *model) condemn(records [][]byte) {
	for _, data := range records {
		if len(data) >= uniqueSize {
			m.condemned[string(data)] = true
		}
	}
}

// failing makes writes and syncs fail from an operation on: one, a few in a row,
// some of them, or all of one file.
func (m *model) failing(index int, random *rand.Rand) func(faulty.Operation) error {
	kind, times, file := random.IntN(4), 1+random.IntN(4), ""
	coins := rand.New(rand.NewPCG(random.Uint64(), 4))
	return func(op faulty.Operation) error {
		if op.Index < index || op.Kind != faulty.Write && op.Kind != faulty.Sync {
			return nil
		}
		if file == "" {
			file = op.Name
		}
		fails := times > 0
		switch kind {
		case 0:
			fails = file == op.Name && op.Index == index
		case 1: // so many in a row
		case 2:
			fails = fails && coins.IntN(3) == 0
		case 3:
			fails = file == op.Name && op.Index < index+60
		}
		if !fails {
			return nil
		}
		times--
		m.mu.Lock()
		m.faulted = true
		m.mu.Unlock()
		return syscall.EIO
	}
}

// survivable: the error of a failed commit, after which the journal goes on.
func (c *crashRun) survivable(err error) bool {
	return (errors.Is(err, ErrFailed) || errors.Is(err, ErrPoisoned)) && c.journal.Err() == nil
}

// tolerate passes what an operation may meet after a failed commit: its error, or
// that records are gone.
func (c *crashRun) tolerate(err error) error {
	c.model.mu.Lock()
	faulted := c.model.faulted
	c.model.mu.Unlock()
	if errors.Is(err, ErrNotFound) && c.disk.IsCut() {
		return faulty.ErrPowerCut // what was not synced is lost
	}
	if c.survivable(err) || faulted && errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// fenced: there is always room for another segment, so that an error that was
// answered is final.
func (c *crashRun) fenced() bool { return !c.tight && c.options.MaxSegments == 0 }

// resume does what an owner does: it forgets what is above the last committed
// record, and goes on.
func (c *crashRun) resume(id GroupID) error {
	last, err := c.journal.Resume(id)
	if errors.Is(err, ErrFull) {
		return nil
	}
	if err != nil {
		return err
	}
	m := c.model
	m.mu.Lock()
	defer m.mu.Unlock()
	g := m.group(id)
	if last < g.promised {
		return fmt.Errorf("group %d resumes after %d, promised was %d", id, last, g.promised)
	}
	if last > uint64(len(g.records)) {
		return fmt.Errorf("group %d resumes after %d, appended were %d", id, last, len(g.records))
	}
	for _, r := range g.records[last:] {
		m.condemn([][]byte{r.data})
	}
	g.records = g.records[:last]
	g.resumed++
	g.visible, g.released = last, min(g.released, last)
	return nil
}

// nonceWatch sees all nonces, across the lives of a journal.
type nonceWatch struct {
	mu    sync.Mutex
	seen  map[string]bool // key and nonce
	twice error
}

func (w *nonceWatch) note(salt [16]byte, nonce []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = make(map[string]bool)
	}
	key := string(salt[:]) + string(nonce)
	if w.seen[key] {
		w.twice = fmt.Errorf("a nonce is used twice with the key of salt %x: %x", salt, nonce)
	}
	w.seen[key] = true
}

func (w *nonceWatch) reused() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.twice
}

type watchedCipher struct {
	Cipher
	watch *nonceWatch
}

func (c watchedCipher) Derive(purpose string, salt [16]byte) (cipher.AEAD, uint64, error) {
	aead, check, err := c.Cipher.Derive(purpose, salt)
	return watchedAEAD{aead, salt, c.watch}, check, err
}

type watchedAEAD struct {
	cipher.AEAD
	salt  [16]byte
	watch *nonceWatch
}

func (a watchedAEAD) Seal(to, nonce, plain, more []byte) []byte {
	a.watch.note(a.salt, nonce)
	return a.AEAD.Seal(to, nonce, plain, more)
}

// TestFailuresThenPowerCuts: writes and syncs fail at each operation in turn,
// groups go on after them, and then the power is cut at one of the operations that
// follow. Nothing promised is lost, nothing that was answered with an error comes
// back, and no nonce is used twice. The variables of TestPowerCuts apply.
func TestFailuresThenPowerCuts(t *testing.T) {
	seed := crashSeed(t)
	begin := seed
	left, deadline := crashCuts(t)
	tried := 0
	more := func() bool { return tried < left && (tried == 0 || time.Now().Before(deadline)) }
	for ; more(); seed++ {
		operations, err := crash(seed, -1, -1)
		if err != nil {
			t.Fatalf("GODWIT_CRASH_SEED=%d, no failure: %v", seed, err)
		}
		for fail := 0; fail < operations && more(); fail++ {
			after, step := 0, 1
			for more() {
				cut := fail + after
				if after == 0 {
					cut = -1
				}
				total, err := crash(seed, fail, cut)
				if err != nil {
					t.Fatalf("GODWIT_CRASH_SEED=%d, failure at %d, cut at %d: %v", seed, fail, cut, err)
				}
				tried++
				if cut >= total || after > 0 && fail+after >= operations {
					break
				}
				after, step = after+step, step+int(seed+uint64(fail))%3
			}
		}
	}
	t.Logf("%d power cuts after failures from seed %d on", tried, begin)
}
