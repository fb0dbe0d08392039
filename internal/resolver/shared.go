package resolver

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Defaults of resolvers with a directory.
const (
	DefaultCacheLimit   = 1000
	DefaultSyncInterval = time.Minute
)

// Lookup asks the other servers for the JWT of an account.
type Lookup func(name string, timeout time.Duration) (string, error)

// Settings are what full and cache resolvers have in common.
type Settings struct {
	Path    string
	Limit   int           // 0: of a full one none, of a cache the default
	Timeout time.Duration // of lookups; 0: the default
	Lookup  Lookup        // nil: there are no other servers

	Accept           func(key, text string) error // as in Config
	Changed, Deleted func(key string)
	Report           func(error)
}

// Shared is a resolver with a directory that asks other servers for what is not
// in it.
type Shared struct {
	*Directory
	kind    Kind
	timeout time.Duration
	lookup  Lookup

	flights flights
}

// NewFull makes a resolver that has all accounts.
func NewFull(s Settings, deletes DeleteMode) (*Shared, error) {
	c := s.config()
	c.Limit, c.Delete = s.Limit, deletes
	return s.open(KindFull, c)
}

// NewCache makes a resolver that has the accounts that were needed lately. A
// lifetime of 0 lets them stay until they expire or make room for others.
func NewCache(s Settings, lifetime time.Duration) (*Shared, error) {
	c := s.config()
	c.Limit, c.Evict, c.Lifetime, c.Delete = s.Limit, true, lifetime, DeleteRemoves
	if c.Limit == 0 {
		c.Limit = DefaultCacheLimit
	}
	return s.open(KindCache, c)
}

func (s *Settings) config() Config {
	return Config{Create: true, Accept: s.Accept, Changed: s.Changed, Deleted: s.Deleted, Report: s.Report}
}

func (s *Settings) open(kind Kind, c Config) (*Shared, error) {
	if s.Timeout < 0 {
		return nil, fmt.Errorf("Fetch timeout %v is too smal", s.Timeout) // a known text
	}
	if c.Limit < 0 || c.Lifetime < 0 {
		return nil, errors.New("limit and ttl of an account directory cannot be negative")
	}
	d, err := OpenDirectory(s.Path, c)
	if err != nil {
		return nil, err
	}
	r := &Shared{Directory: d, kind: kind, timeout: s.Timeout, lookup: s.Lookup}
	if r.timeout == 0 {
		r.timeout = DefaultTimeout
	}
	return r, nil
}

// Kind is KindFull or KindCache.
func (r *Shared) Kind() Kind { return r.kind }

// Store is SaveNewer.
func (r *Shared) Store(name, text string) error { return r.SaveNewer(name, text) }

// Fetch returns the JWT of the directory, or asks the other servers. What they
// say is stored and returned if it is accepted; that it cannot be stored is
// reported only.
func (r *Shared) Fetch(name string) (string, error) {
	text, err := r.Load(name)
	if err == nil || errors.Is(err, ErrKey) {
		return text, err
	}
	if !errors.Is(err, ErrNotFound) {
		r.report(err)
	}
	if r.lookup == nil {
		return "", err
	}
	return r.flights.do(name, func() (string, error) { return r.ask(name) })
}

func (r *Shared) ask(name string) (string, error) {
	text, err := r.lookup(name, r.timeout)
	if err != nil {
		return "", err
	}
	s, err := r.judge(name, text)
	if err != nil {
		return "", err
	}
	if err := r.saveNewer(name, text, s); err != nil {
		r.report(err)
	}
	return text, nil
}

// Gathering counts the answers to a lookup.
type Gathering struct{ missing int }

// NewGathering expects answers of so many other servers.
func NewGathering(servers int) *Gathering { return &Gathering{servers} }

// Answer takes an answer. The first that is not empty is the result. ErrNotFound
// says that all servers, or more than were expected, have answered without one.
func (g *Gathering) Answer(body string) (text string, done bool, err error) {
	g.missing--
	switch {
	case body != "":
		return body, true, nil
	case g.missing <= 0:
		return "", true, ErrNotFound
	}
	return "", false, nil
}

// flights let those who ask for the same at the same time share one answer.
type flights struct {
	mu    sync.Mutex
	under map[string]*flight // guarded by mu
}

type flight struct {
	done chan struct{} // closed when text and err are set
	text string
	err  error
}

func (f *flights) do(name string, ask func() (string, error)) (string, error) {
	f.mu.Lock()
	if running := f.under[name]; running != nil {
		f.mu.Unlock()
		<-running.done
		return running.text, running.err
	}
	if f.under == nil {
		f.under = make(map[string]*flight)
	}
	mine := &flight{done: make(chan struct{}), err: ErrShutdown}
	f.under[name] = mine
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.under, name)
		f.mu.Unlock()
		close(mine.done)
	}()
	mine.text, mine.err = ask()
	return mine.text, mine.err
}
