package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/godwit-mq/godwit/internal/vfs"
)

var (
	// ErrClosed: the journal is closed or closing.
	ErrClosed = errors.New("journal is closed")
	// ErrFailed: a write or sync has failed, and what it concerns is not durable.
	// If Journal.Err is not nil, the journal has failed for good, and nothing is
	// accepted or acknowledged any more. The cause is wrapped with it.
	ErrFailed = errors.New("journal has failed")
	// ErrPoisoned: the group has lost records to a failed commit and takes no
	// appends until Resume. The cause is wrapped with it.
	ErrPoisoned = errors.New("journal group has lost records")
	// ErrFull: there is no room for another segment. Appends are refused until
	// there is. The cause is wrapped with it.
	ErrFull = errors.New("journal is full")
	// ErrTooLarge: the records of one append do not fit into a segment.
	ErrTooLarge = errors.New("append is too large for a journal segment")
	// ErrNotFound: the record does not exist, is released, or is not yet
	// committed.
	ErrNotFound = errors.New("no such journal record")
	// ErrCorrupt: a record is there but damaged.
	ErrCorrupt = errors.New("journal record is damaged")
)

// Options configure a journal. The zero value is a durable, unencrypted journal
// of the default sizes.
type Options struct {
	// SegmentSize is the size of new segments in bytes, rounded up to whole
	// pages: 16 KiB to MaxSegmentSize, by default 64 MiB. One append must fit.
	SegmentSize int64
	// BatchBytes bounds the batch that fills while another is committed, in
	// bytes, by default 4 MiB. One larger append makes its own batch.
	BatchBytes int
	// BatchAppends bounds the appends in it, by default 65,536.
	BatchAppends int
	// LiveSegments is how many full segments may be in use, not counting those
	// that are held, before old records are moved. By default 4.
	LiveSegments int
	// MaxSegments bounds the files of the journal, held ones included; beyond
	// it appends get ErrFull. At least 4, better some more: after a failed commit
	// another segment is needed at once. 0 is no bound.
	MaxSegments int
	// CheckpointBytes is the distance between checkpoints, by default
	// SegmentSize.
	CheckpointBytes int64
	// OpenFiles bounds the segment files that are kept open for reading, by
	// default 128.
	OpenFiles int

	// Interval, if not zero, acknowledges what is written and syncs it within
	// this time. A power cut, or a sync that fails, loses what is not synced.
	Interval time.Duration
	// AsyncInterval is the same for groups set to SetAsync, by default 100 ms.
	AsyncInterval time.Duration
	// Witness is the idle time after which the last commit gets a witness that
	// it was synced, by default one second. Negative is never.
	Witness time.Duration
	// Direct writes past the page cache where the system can.
	Direct bool

	// Cipher, if not nil, encrypts new records. OldCiphers can still be read.
	Cipher     Cipher
	OldCiphers []Cipher

	// OnEvent, if not nil, is told what happens. It is called without locks,
	// from several goroutines, and must not wait for the journal.
	OnEvent func(Event)
	// Random gives names and salts, by default crypto/rand. Several goroutines
	// read it.
	Random io.Reader
	// After gives the time, by default time.After.
	After func(time.Duration) <-chan time.Time
}

const (
	minSegmentSize = 16 << 10
	minSegments    = 4
)

func (o *Options) complete() error {
	setDefault(&o.SegmentSize, 64<<20)
	setDefault(&o.BatchBytes, 4<<20)
	setDefault(&o.BatchAppends, 1<<16)
	setDefault(&o.LiveSegments, 4)
	o.SegmentSize = (o.SegmentSize + vfs.PageSize - 1) / vfs.PageSize * vfs.PageSize
	setDefault(&o.CheckpointBytes, o.SegmentSize)
	setDefault(&o.OpenFiles, 128)
	setDefault(&o.AsyncInterval, 100*time.Millisecond)
	setDefault(&o.Witness, time.Second)
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.After == nil {
		o.After = time.After
	}
	switch {
	case o.SegmentSize < minSegmentSize || o.SegmentSize > MaxSegmentSize:
		return fmt.Errorf("journal segment size %d: must be between %d and %d", o.SegmentSize, minSegmentSize, MaxSegmentSize)
	case o.BatchBytes < 0 || o.BatchAppends < 0 || o.LiveSegments < 0 || o.CheckpointBytes < 0 || o.OpenFiles < 0 || o.Interval < 0 || o.AsyncInterval < 0:
		return errors.New("journal options must not be negative")
	case o.MaxSegments != 0 && o.MaxSegments < minSegments:
		return fmt.Errorf("journal of at most %d segments: at least %d are needed", o.MaxSegments, minSegments)
	case o.Cipher != nil && o.Cipher.Kind() == 0:
		return errors.New("journal cipher of kind 0")
	}
	return nil
}

func setDefault[T int | int64 | time.Duration](value *T, standard T) {
	if *value == 0 {
		*value = standard
	}
}
