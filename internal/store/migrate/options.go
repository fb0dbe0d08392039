package migrate

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/legacy"
)

const (
	// StoreDir is the name of the store's directory in the server's store directory.
	StoreDir = "godwit"
	// workDir is where it is made.
	workDir = StoreDir + ".new"

	legacyDir = "jetstream"
)

var (
	// ErrStoreExists: there is a store already.
	ErrStoreExists = errors.New("there is a store already")
	// ErrNothing: there are no streams in the source.
	ErrNothing = errors.New("there are no streams")
	// ErrInside: the new store would be in the directory that is to be read, or the other
	// way round.
	ErrInside = errors.New("the new store would be written into the source")
	// ErrBusy: another migration to the same directory is running.
	ErrBusy = errors.New("another migration is writing there")
	// ErrKey: the source is encrypted, and the keys given do not open it.
	ErrKey = errors.New("the source is encrypted")
	// ErrChanged: the source changed while it was read.
	ErrChanged = errors.New("the source changed while it was read: is a server using it?")
	// ErrVerify: the new store does not hold what was written to it.
	ErrVerify = errors.New("the new store is not what was written")
	// ErrDamage is returned in strict mode for a source with damage.
	ErrDamage = errors.New("the source is damaged")
)

// Options say what is to be done.
type Options struct {
	// From is the source: the store directory of the established server, or the directory
	// jetstream in it. To is the store directory of the new one.
	From, To string
	// Key and PreviousKey are the encryption keys of the source.
	Key, PreviousKey string
	// Strict makes damage a failure.
	Strict bool
	// Node configures the new store.
	Node block.Options
	// OnProgress, if not nil, is told in a line what is being done. OnProblem, if not nil,
	// is told what is wrong with the source.
	OnProgress func(line string)
	OnProblem  func(legacy.Problem)
}

func (o *Options) progress(format string, args ...any) {
	if o.OnProgress != nil {
		o.OnProgress(fmt.Sprintf(format, args...))
	}
}

// check fails with ErrInside where writing would change the source.
func (o *Options) check() error {
	if o.From == "" || o.To == "" {
		return errors.New("a source and a destination are needed")
	}
	from, err := filepath.Abs(o.From)
	if err != nil {
		return err
	}
	to, err := filepath.Abs(o.To)
	if err != nil {
		return err
	}
	if isIn(to, from) {
		return fmt.Errorf("%w: %s is in %s (of a store directory, %s can be the source by itself)", ErrInside,
			filepath.Join(o.To, StoreDir), o.From, filepath.Join(o.From, legacyDir))
	}
	for _, name := range []string{StoreDir, workDir} {
		if dir := filepath.Join(to, name); isIn(from, dir) {
			return fmt.Errorf("%w: %s is in %s", ErrInside, o.From, dir)
		}
	}
	return nil
}

// isIn reports whether a path is a directory or in it.
func isIn(path, dir string) bool {
	separator := string(filepath.Separator)
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, separator)+separator)
}

// A StreamReport tells what there is of a stream.
type StreamReport struct {
	Account, Name   string
	Messages, Bytes uint64
	First, Last     uint64 // sequences
	Consumers       int
	// LeftOut is how many messages were left out that index.db says are gone.
	LeftOut uint64
}

// A Report tells what was done.
type Report struct {
	Streams []StreamReport
	// Problems are how many there are of each grade; Untold is how many more there are that
	// nobody was told of because they are too many.
	Problems map[legacy.Grade]int
	Untold   int
}

// Damaged reports whether something may be missing, or not right.
func (r *Report) Damaged() bool {
	return r.Problems[legacy.Damage]+r.Problems[legacy.Doubtful]+r.Untold > 0
}
