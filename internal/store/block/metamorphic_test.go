package block

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/store/heap"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// A twin is a stream under options of its own, and with a rhythm of its own in which it
// is written to the disk and loaded from there. None of this makes a difference.
type twin struct {
	program *program
	random  *rand.Rand // of everything but the program
	options Options
	disk    *faulty.Disk
	node    *Node
	stream  *Stream
	write   *Checkpoint // that has begun and not ended
	pace    int         // steps between checkpoints, about
}

func newTwin(t *testing.T, seed, number uint64) *twin {
	w := &twin{
		program: newProgram(seed), random: rand.New(rand.NewPCG(seed, 100+number)),
		options: small(), disk: faulty.New(seed),
	}
	pick := func(of ...int64) int64 { return of[w.random.IntN(len(of))] }
	o := &w.program.options
	o.ChunkSize, o.FileSize = int(pick(1, 300, 2000, 64<<10)), pick(64<<10, 1<<20)
	o.Compression = heap.Compression(w.random.IntN(2))
	w.options.CacheBytes = pick(1, 4<<10, 1<<20)
	w.pace = int(pick(1, 5, 1000))
	switch key := bytes.Repeat([]byte{byte(number)}, 32); w.random.IntN(3) {
	case 0:
		w.options.Cipher, _ = seal.NewAESGCM(key)
		w.options.Journal.Cipher = w.options.Cipher
	case 1:
		w.options.Cipher, _ = seal.NewChaCha20Poly1305(key)
	}
	w.node = openNode(t, w.disk, w.options)
	var err error
	if w.stream, err = w.node.CreateStream(7, *o); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *twin) String() string {
	o := w.program.options
	return fmt.Sprintf("chunks of %d, files of %d, compression %d, cache of %d, cipher %T, a checkpoint in %d steps",
		o.ChunkSize, o.FileSize, o.Compression, w.options.CacheBytes, w.options.Cipher, w.pace)
}

// between does what must make no difference.
func (w *twin) between() error {
	if w.random.IntN(2) == 0 {
		if err := commitNow(w.stream); err != nil {
			return err
		}
	}
	switch {
	case w.write != nil && w.random.IntN(2) == 0:
		c := w.write
		w.write = nil
		return w.stream.EndCheckpoint(c, c.Write())
	case w.write == nil && w.random.IntN(w.pace) == 0:
		var err error
		w.write, err = w.stream.BeginCheckpoint()
		return err
	case w.write == nil && w.random.IntN(5*w.pace) == 0:
		return w.stream.Rest()
	case w.random.IntN(20) == 0:
		return w.restart()
	}
	return nil
}

// restart ends the process, and has the power cut.
func (w *twin) restart() error {
	if err := commitNow(w.stream); err != nil {
		return err
	}
	if err := w.node.Close(); err != nil {
		return err
	}
	w.disk, w.write = w.disk.Survive(w.random.Uint64()), nil
	var err error
	if w.node, _, err = Open(w.disk, "data", w.options); err != nil {
		return err
	}
	if w.stream, err = w.node.LoadStream(7, w.program.options); err != nil {
		return err
	}
	if err := w.node.Recover(); err != nil {
		return err
	}
	if d := w.stream.Report().Damage; len(d) > 0 {
		return fmt.Errorf("%v", d)
	}
	return nil
}

// TestOptionsMakeNoDifference: the same operations under other options, and with
// restarts at other times, give the same stream after each step.
func TestOptionsMakeNoDifference(t *testing.T) {
	programs, more := 0, until(min(max(*cuts/12, 1), 1000))
	for seed := *firstSeed; more(programs); seed++ {
		programs++
		twins := make([]*twin, 5)
		for i := range twins {
			twins[i] = newTwin(t, seed, uint64(i))
		}
		for step := range 80 {
			var first uint32
			for i, w := range twins {
				if err := w.program.step(w.stream); err != nil {
					t.Fatalf("seed %d, step %d, %v: %v", seed, step, w, err)
				}
				found := digest(w.stream)
				if i == 0 {
					first = found
				}
				if found != first {
					t.Fatalf("seed %d, step %d: the stream is not the same with\n%v: %+v\n%v: %+v", seed, step, twins[0], twins[0].stream.State(), w, w.stream.State())
				}
				if err := w.between(); err != nil {
					t.Fatalf("seed %d, step %d, %v: %v", seed, step, w, err)
				}
				if found = digest(w.stream); found != first {
					t.Fatalf("seed %d, behind step %d: something changes the stream with\n%v: %+v", seed, step, w, w.stream.State())
				}
			}
		}
		for _, w := range twins {
			if err := w.node.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
