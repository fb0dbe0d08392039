package ocspcheck

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/vfs"
)

const (
	cacheFile     = "cache.json"
	cacheFileTemp = "ocsprc-" // begins the names of temporary files
	// revocationMemory is how long an expired revocation is known that is not
	// preserved.
	revocationMemory = 24 * time.Hour
)

// What a cache and its file hold, at most. The file has the size of the weight of
// the entries; those of others may be somewhat larger.
const (
	cacheEntries   = 16384
	cacheWeight    = 48 << 20
	cacheFileLimit = 64 << 20
)

// CacheConfig says what a LocalCache does.
type CacheConfig struct {
	Options *options.OCSPResponseCacheConfig // nil: the defaults

	Log logging.Logger   // nil: none
	FS  vfs.FS           // nil: the operating system's
	Now func() time.Time // nil: the clock
}

// LocalCache is a Cache that survives restarts in a file.
type LocalCache struct {
	shelf    *shelf
	path     string
	interval time.Duration
	log      logging.Logger
	fs       vfs.FS
	now      func() time.Time

	saving sync.Mutex // held while the file is written
	saved  uint64     // changes that are in the file; guarded by saving
}

var _ Cache = (*LocalCache)(nil)

// OpenLocalCache reads the file, if there is one. A file that cannot be read is
// logged about and then replaced.
func OpenLocalCache(c CacheConfig) *LocalCache {
	if c.Options == nil {
		c.Options = options.NewOCSPResponseCacheConfig()
	}
	directory := c.Options.LocalStore
	if directory == "" {
		directory = options.NewOCSPResponseCacheConfig().LocalStore
	}
	l := &LocalCache{
		shelf: &shelf{
			limits: limits{cacheEntries, cacheWeight}, preserve: c.Options.PreserveRevoked,
			entries: make(map[string]Entry),
		},
		path:     filepath.Join(directory, cacheFile),
		interval: max(duration(c.Options.SaveInterval, 0), time.Second),
		log:      c.Log, fs: c.FS, now: c.Now,
	}
	if l.log == nil {
		l.log = logging.Discard
	}
	if l.fs == nil {
		l.fs = vfs.OS
	}
	if l.now == nil {
		l.now = time.Now
	}
	if err := l.load(); err != nil {
		l.log.Warnf("Unable to load OCSP peer cache: %s", err)
	}
	l.log.Noticef("OCSP peer cache online, type [%s]", l.Type())
	return l
}

func (l *LocalCache) load() error {
	data, err := vfs.ReadFile(l.fs, l.path, cacheFileLimit)
	if errors.Is(err, fs.ErrNotExist) {
		l.log.Debugf("No OCSP peer cache found, starting with empty cache")
		return nil
	}
	if err != nil {
		return err
	}
	entries, dropped, bad, err := decodeCache(data)
	if err != nil {
		l.shelf.changes++ // so that the file is replaced
		return fmt.Errorf("%s: %w", l.path, err)
	}
	for key, e := range entries {
		l.shelf.put(key, e)
	}
	if dropped > 0 {
		l.shelf.changes++
		return fmt.Errorf("%s: %d broken entries left out, the last one: %w", l.path, dropped, bad)
	}
	l.saved = l.shelf.changes
	return nil
}

// Type is the word that stands in logs and monitoring.
func (l *LocalCache) Type() string { return "local" }

// Get implements Cache.
func (l *LocalCache) Get(key string) []byte { return l.shelf.get(key) }

// Expire implements Cache. Revocations stay.
func (l *LocalCache) Expire(key string) { l.shelf.expire(key) }

// Discard implements Cache.
func (l *LocalCache) Discard(key string) { l.shelf.discard(key) }

// Put implements Cache.
func (l *LocalCache) Put(key string, e Entry) {
	e.Subject = shorten(e.Subject)
	e.Cached = l.now().UTC().Round(time.Second)
	e.Expires = representable(e.Expires)
	l.shelf.put(key, e)
}

// Stats returns the numbers of now.
func (l *LocalCache) Stats() CacheStats { return l.shelf.stats() }

// Run saves the cache at each interval, until ctx ends.
func (l *LocalCache) Run(ctx context.Context) {
	ticker := time.NewTicker(l.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := l.Save(); err != nil {
				l.log.Errorf("Unable to save OCSP peer cache: %s", err)
			}
		}
	}
}

// Save writes the file if the cache has changed since the last time. When it
// returns nil the file would survive a power cut.
func (l *LocalCache) Save() error {
	l.saving.Lock()
	defer l.saving.Unlock()
	l.shelf.forget(l.now().Add(-revocationMemory))
	entries, changes := l.shelf.snapshot()
	if changes == l.saved {
		return nil
	}
	data, err := encodeCache(entries)
	if err != nil {
		return err
	}
	if err := l.fs.MkdirAll(filepath.Dir(l.path)); err != nil {
		return err
	}
	if err := replaceFile(l.fs, l.path, cacheFileTemp, data); err != nil {
		return err
	}
	l.saved = changes
	l.log.Debugf("Saved OCSP peer cache successfully (%d bytes)", len(data))
	return nil
}

// Close saves the cache. What is put later stays in memory.
func (l *LocalCache) Close() error {
	if err := l.Save(); err != nil {
		return fmt.Errorf("save OCSP peer cache: %w", err)
	}
	return nil
}
