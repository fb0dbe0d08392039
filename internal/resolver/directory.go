package resolver

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// DeleteMode is what Delete does.
type DeleteMode uint8

// Modes of deleting.
const (
	DeleteRefused DeleteMode = iota
	DeleteRenames            // to a name that is not read
	DeleteRemoves
)

const (
	extension        = ".jwt"
	deletedExtension = ".deleted" // behind the other one
	// checkInterval is how often expired files are looked for, at least.
	checkInterval = time.Minute
)

// Config says how a directory is used. The zero value is one that holds any
// number of accounts until they expire, does not delete, and is there already.
type Config struct {
	Create   bool // the directory if it does not exist
	ReadOnly bool // nothing is written or removed
	Shard    bool // new files go below a directory of their last two letters
	Delete   DeleteMode
	// Limit is the number of accounts; 0 is no limit. At the limit a further one
	// is refused with ErrFull or, with Evict, replaces another.
	Limit int
	Evict bool
	// Lifetime is how long a JWT stays after its last use, if it does not expire
	// earlier; 0 is no limit.
	Lifetime time.Duration
	// CheckEvery is how often expired files are removed. 0 is a minute, or half
	// of the lifetime if that is less; negative: only by calls of Expire.
	CheckEvery time.Duration

	// Accept is asked before what comes from elsewhere is stored. Nil accepts
	// every well-formed account JWT.
	Accept func(key, text string) error
	// Changed is told of accounts whose JWT is another one now, and Deleted of
	// those that were deleted.
	Changed, Deleted func(key string)
	// Report is told of files that are in the way, and what could not be done in
	// the background.
	Report func(error)

	FS  vfs.FS           // nil: the operating system's
	Now func() time.Time // nil: the clock
}

// Directory is a store of account JWTs in files. It belongs to one server alone.
type Directory struct {
	path   string
	config Config

	mu       sync.Mutex
	index    *index  // guarded by mu
	closed   bool    // guarded by mu
	problems []error // to be reported by unlock; guarded by mu

	stop chan struct{} // closed by Close
	done chan struct{} // closed by the end of the goroutine
}

// OpenDirectory reads what is in a directory and begins to remove what expires.
func OpenDirectory(path string, c Config) (*Directory, error) {
	if path == "" {
		return nil, errors.New("dir has no value and needs to point to a directory")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("account directory: %w", err)
	}
	if c.FS == nil {
		c.FS = vfs.OS
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	d := &Directory{path: path, config: c, index: newIndex(c.Lifetime), stop: make(chan struct{}), done: make(chan struct{})}
	if err := d.prepare(); err != nil {
		return nil, fmt.Errorf("account directory: %w", err)
	}
	d.mu.Lock()
	_, err = d.scan()
	d.unlock()
	if err != nil {
		return nil, fmt.Errorf("account directory: %w", err)
	}
	if every := c.interval(); every > 0 && !c.ReadOnly {
		go d.expireRegularly(every)
	} else {
		close(d.done)
	}
	return d, nil
}

func (c *Config) interval() time.Duration {
	if c.CheckEvery != 0 {
		return c.CheckEvery
	}
	if c.Lifetime > 0 {
		return max(1, min(checkInterval, c.Lifetime/2))
	}
	return checkInterval
}

// prepare makes sure that there is a directory.
func (d *Directory) prepare() error {
	info, err := d.config.FS.Stat(d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && d.config.Create && !d.config.ReadOnly:
		return d.config.FS.MkdirAll(d.path)
	case err != nil:
		return err
	case !info.Dir:
		return fmt.Errorf("%s is not a directory", d.path)
	}
	return nil
}

// Close ends the removal of expired files. What is stored stays.
func (d *Directory) Close() error {
	d.mu.Lock()
	first := !d.closed
	d.closed = true
	d.mu.Unlock()
	if first {
		close(d.stop)
	}
	<-d.done
	return nil
}

// Path is the directory, as an absolute path.
func (d *Directory) Path() string { return d.path }

// IsReadOnly tells whether nothing can be stored.
func (d *Directory) IsReadOnly() bool { return d.config.ReadOnly }

// Hash stands for all that is stored.
func (d *Directory) Hash() Hash {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.index.hash
}

// Keys lists the accounts, in order.
func (d *Directory) Keys() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.index.keys()
}

// Load returns the JWT of an account, or ErrNotFound, and counts as a use of it.
func (d *Directory) Load(key string) (string, error) {
	if !isAccount(key) {
		return "", ErrKey
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.index.items[key]
	if i == nil {
		return "", ErrNotFound
	}
	text, err := d.read(i)
	if err != nil {
		return "", err
	}
	d.index.use(i, d.config.Now())
	return text, nil
}

// read returns the text of an item. If somebody took the file away, the item
// goes, too.
func (d *Directory) read(i *item) (string, error) {
	text, err := d.readFile(i.path)
	if errors.Is(err, fs.ErrNotExist) {
		d.index.remove(i)
		return "", ErrNotFound
	}
	return text, err
}

// readFile ignores blanks and line ends around a JWT, which editors leave.
func (d *Directory) readFile(path string) (string, error) {
	data, err := vfs.ReadFile(d.config.FS, path, MaxSize)
	if err != nil {
		return "", fmt.Errorf("account JWT: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// Save stores a JWT, whatever there was before. The text may be anything that
// fits into a file; whoever calls it has judged it.
func (d *Directory) Save(key, text string) error {
	s, _ := stampOf(text)
	return d.save(key, text, s, func(*item) (bool, error) { return true, nil })
}

// SaveNewer stores an account JWT that comes from elsewhere, if it is accepted,
// unless the one that is stored is the same or was issued later.
func (d *Directory) SaveNewer(key, text string) error {
	s, err := d.judge(key, text)
	if err != nil {
		return err
	}
	return d.saveNewer(key, text, s)
}

// judge decides whether an account JWT may be stored, as far as the store does
// not matter for that.
func (d *Directory) judge(key, text string) (stamp, error) {
	if !isAccount(key) {
		return stamp{}, ErrKey
	}
	s, err := verify(key, text)
	if err != nil {
		return s, err
	}
	if d.config.Accept != nil {
		err = d.config.Accept(key, text)
	}
	return s, err
}

func (d *Directory) saveNewer(key, text string, s stamp) error {
	return d.save(key, text, s, func(old *item) (bool, error) {
		switch {
		case old == nil || old.stamp == stamp{}:
			return true, nil
		case old.stamp.Subject != s.Subject:
			return false, errors.New("subject of existing and new jwt do not match")
		}
		return old.stamp.ID != s.ID && s.Issued >= old.stamp.Issued, nil
	})
}

// save stores a JWT if replace agrees, and tells of it if it is another one.
func (d *Directory) save(key, text string, s stamp, replace func(old *item) (bool, error)) error {
	if d.config.ReadOnly {
		return ErrReadOnly
	}
	if !isAccount(key) {
		return ErrKey
	}
	if err := checkText(text); err != nil {
		return err
	}
	d.mu.Lock()
	changed, err := d.replace(key, text, s, replace)
	d.unlock()
	if changed && d.config.Changed != nil {
		d.config.Changed(key)
	}
	return err
}

func (d *Directory) replace(key, text string, s stamp, replace func(old *item) (bool, error)) (changed bool, err error) {
	if d.closed {
		return false, ErrClosed
	}
	old := d.index.items[key]
	if ok, err := replace(old); !ok || err != nil {
		return false, err
	}
	hash := Hash(sha256.Sum256([]byte(text)))
	path := d.pathOf(key)
	if old != nil {
		if old.hash == hash {
			d.index.use(old, d.config.Now())
			return false, nil
		}
		path = old.path
	} else if d.config.Limit > 0 && len(d.index.items) >= d.config.Limit && !d.config.Evict {
		return false, ErrFull
	}
	if err := d.write(path, text); err != nil {
		return false, fmt.Errorf("store JWT of account %s: %w", key, err)
	}
	d.index.put(key, path, hash, s, d.config.Now())
	d.evict()
	return true, nil
}

func (d *Directory) write(path, text string) error {
	if dir := filepath.Dir(path); dir != d.path {
		if err := d.config.FS.MkdirAll(dir); err != nil {
			return err
		}
	}
	return vfs.WriteFile(d.config.FS, path, []byte(text))
}

// evict removes what was not used for the longest time until the limit is kept.
// A file that cannot be removed must not keep others from being stored.
func (d *Directory) evict() {
	for d.config.Evict && d.config.Limit > 0 && len(d.index.items) > d.config.Limit {
		i := d.index.leastRecent()
		if err := d.remove(i); err != nil {
			d.note("evict JWT of account %s: %w", i.key, err)
		}
		d.index.remove(i)
	}
}

// remove removes the files of an item and makes that durable.
func (d *Directory) remove(i *item) error {
	for _, path := range append([]string{i.path}, i.others...) {
		if err := d.config.FS.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := d.config.FS.SyncDir(filepath.Dir(path)); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes an account, in the way of the configuration. It is no error if
// there is none.
func (d *Directory) Delete(key string) error {
	if d.config.ReadOnly {
		return ErrReadOnly
	}
	if d.config.Delete == DeleteRefused {
		return ErrNoDelete
	}
	d.mu.Lock()
	deleted, err := d.delete(key)
	d.mu.Unlock()
	if deleted && d.config.Deleted != nil {
		d.config.Deleted(key)
	}
	return err
}

func (d *Directory) delete(key string) (deleted bool, err error) {
	i := d.index.items[key]
	if i == nil {
		return false, nil
	}
	if d.config.Delete == DeleteRenames {
		err = d.config.FS.Rename(i.path, i.path+deletedExtension)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = d.remove(i)
	}
	if err != nil {
		return false, fmt.Errorf("delete account %s: %w", key, err)
	}
	d.index.remove(i)
	return true, nil
}

// pathOf is where the file of a new account goes.
func (d *Directory) pathOf(key string) string {
	if d.config.Shard {
		return filepath.Join(d.path, key[len(key)-2:], key+extension)
	}
	return filepath.Join(d.path, key+extension)
}

// note keeps a problem until unlock. mu is held.
func (d *Directory) note(format string, args ...any) {
	d.problems = append(d.problems, fmt.Errorf(format, args...))
}

// unlock gives mu back and reports the problems that have been noted.
func (d *Directory) unlock() {
	problems := d.problems
	d.problems = nil
	d.mu.Unlock()
	for _, err := range problems {
		d.report(err)
	}
}

// report must not be called with mu held.
func (d *Directory) report(err error) {
	if d.config.Report != nil {
		d.config.Report(err)
	}
}
