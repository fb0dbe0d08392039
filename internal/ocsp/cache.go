package ocspcheck

import (
	"sync"
	"time"
)

// Cache keeps answers about the certificates of peers, by Fingerprint. Its methods
// may be called by any goroutine.
type Cache interface {
	// Get returns an answer as it was put, or nil. It counts a hit or a miss. The
	// caller does not modify the answer.
	Get(key string) []byte
	// Expire tells that what Get returned is not current any more, so that it was
	// a miss in truth. The cache may keep it all the same.
	Expire(key string)
	// Discard tells that what Get returned is of no use at all.
	Discard(key string)
	// Put replaces the answer for key by another one, which the cache keeps.
	Put(key string, e Entry)
}

// Entry is an answer in a cache.
type Entry struct {
	Subject string    // of the certificate; for people who look at the file
	Cached  time.Time // set by the cache
	Status  Status
	Expires time.Time // zero: not known
	DER     []byte
}

// CacheStats are the numbers that monitoring shows.
type CacheStats struct {
	Hits, Misses           int64 // since the start
	Responses              int64 // in the cache now, of which:
	Revoked, Good, Unknown int64
}

// entryWeight is the most bytes that the fixed parts of an entry take in a file.
const entryWeight = 512

// weight is the most bytes that an entry takes in a file: base64 makes three
// bytes four, an escaped character of a name takes six.
func (e Entry) weight() int { return entryWeight + 6*len(e.Subject) + len(e.DER)*4/3 }

// limits bound a cache.
type limits struct {
	entries int
	weight  int // bytes
}

// shelf holds the entries of a cache within its limits. At a limit it gives up
// what was cached first, preserved revocations last.
type shelf struct {
	limits   limits
	preserve bool // revocations have precedence, and are not forgotten with time

	mu           sync.Mutex
	entries      map[string]Entry // guarded by mu
	weight       int              // of all entries; guarded by mu
	changes      uint64           // counts them; guarded by mu
	hits, misses int64            // guarded by mu
}

func (s *shelf) get(key string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries[key]
	if !ok {
		s.misses++
		return nil
	}
	s.hits++
	return e.DER
}

// expire keeps what is revoked: it is the last thing known about it.
func (s *shelf) expire(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hits--
	s.misses++
	if e, ok := s.entries[key]; ok && e.Status != Revoked {
		s.remove(key)
	}
}

func (s *shelf) discard(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hits--
	s.misses++
	s.remove(key)
}

func (s *shelf) put(key string, e Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(key)
	s.entries[key] = e
	s.weight += e.weight()
	s.changes++
	for len(s.entries) > s.limits.entries || s.weight > s.limits.weight {
		s.remove(s.least())
	}
}

// remove takes an entry away, if it is there. The caller has mu.
func (s *shelf) remove(key string) {
	e, ok := s.entries[key]
	if !ok {
		return
	}
	delete(s.entries, key)
	s.weight -= e.weight()
	s.changes++
}

// least returns the key of the entry that is given up first. The caller has mu.
func (s *shelf) least() string {
	var least string
	var found Entry
	for key, e := range s.entries {
		if least == "" || s.before(e, found) {
			least, found = key, e
		}
	}
	return least
}

func (s *shelf) before(a, b Entry) bool {
	if pa, pb := s.preserved(a), s.preserved(b); pa != pb {
		return pb
	}
	return a.Cached.Before(b.Cached)
}

func (s *shelf) preserved(e Entry) bool { return s.preserve && e.Status == Revoked }

// forget takes away what expired before a time.
func (s *shelf) forget(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, e := range s.entries {
		if !e.Expires.IsZero() && e.Expires.Before(before) && !s.preserved(e) {
			s.remove(key)
		}
	}
}

// snapshot returns a copy of the entries, and the number of changes that led there.
func (s *shelf) snapshot() (map[string]Entry, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := make(map[string]Entry, len(s.entries))
	for key, e := range s.entries {
		entries[key] = e
	}
	return entries, s.changes
}

func (s *shelf) stats() CacheStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := CacheStats{Hits: s.hits, Misses: s.misses, Responses: int64(len(s.entries))}
	for _, e := range s.entries {
		switch e.Status {
		case Good:
			stats.Good++
		case Revoked:
			stats.Revoked++
		default:
			stats.Unknown++
		}
	}
	return stats
}
