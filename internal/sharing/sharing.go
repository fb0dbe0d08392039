package sharing

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/subject"
)

// Kind tells streams from services.
type Kind uint8

// The two kinds of exports and imports.
const (
	Stream Kind = iota
	Service
)

func (k Kind) String() string {
	if k == Service {
		return "service"
	}
	return "stream"
}

// Response is how many answers a request to a service gets.
type Response uint8

// Response types. Streamed and chunked answers end with an empty message.
const (
	Singleton Response = iota
	Streamed
	Chunked
)

func (r Response) String() string {
	return [...]string{"Singleton", "Streamed", "Chunked"}[r]
}

// DefaultThreshold is how long a service may take to answer.
const DefaultThreshold = 2 * time.Minute

// Errors of imports and exports; their texts reach users.
var (
	ErrStreamNotAuthorized  = errors.New("stream import not authorized")
	ErrServiceNotAuthorized = errors.New("service import not authorized")
	ErrInvalidSubject       = errors.New("sublist: invalid subject")
	ErrDuplicateStream      = errors.New("stream import already exists")
	ErrCycle                = errors.New("import forms a cycle")
	ErrDepth                = errors.New("search cycle depth exhausted")
)

// Account is what one account offers and uses. It is not changed once it is in
// use.
type Account struct {
	Name    string
	Exports []*Export
	Imports []*Import
}

// Export is a subject that an account offers.
type Export struct {
	Kind    Kind
	Subject string
	// Accounts are the importers that are allowed; Private tells that nobody
	// else is.
	Accounts []string
	Private  bool
	// TokenPosition, if not 0, is the number of the token (from 1) that has to
	// be the importer's name.
	TokenPosition int
	// TokenRequired asks importers for an activation token. RevokedBefore
	// withdraws those of an importer ("*": of all) that were issued at the time
	// or earlier, in Unix seconds.
	TokenRequired bool
	RevokedBefore map[string]int64

	// Of services.
	Response   Response
	Threshold  time.Duration // 0 means DefaultThreshold
	Latency    *Latency
	AllowTrace bool

	// Advertise, Description and InfoURL are for people.
	Advertise            bool
	Description, InfoURL string
}

// Latency asks for measurements of a service.
type Latency struct {
	Sampling int  // percent of requests
	Headers  bool // and requests whose headers ask for it
	Subject  string
}

// Import is a use of another account's export, or of the own.
type Import struct {
	Kind    Kind
	Account string // who exports
	Subject string // in that account
	Local   string // in the importing account; equal to Subject if not renamed
	// Share lets the exporter of a service see who asks.
	Share bool
	// AllowTrace lets traces of messages go on behind a stream import.
	AllowTrace bool
	// Activation is the verified token that a private export may ask for.
	Activation *Activation
}

// Activation is a verified permission to import.
type Activation struct {
	Subject string // what may be imported
	Issued  int64  // Unix seconds
	Expires int64  // Unix seconds; 0 never
}

// Authorize finds the export that allows the import. An export of exactly the
// imported subject decides alone; else any that covers it may allow it. now is
// in Unix seconds.
func (a *Account) Authorize(importer string, i *Import, now int64) (*Export, error) {
	if i.Kind == Service && !subject.IsValid(i.Subject) {
		return nil, ErrInvalidSubject
	}
	var exact, covering *Export
	for _, e := range a.Exports {
		if e.Kind != i.Kind {
			continue
		}
		switch {
		case e.Subject == i.Subject:
			exact = e
		case covering == nil && subject.IsSubset(i.Subject, e.Subject) && e.admits(importer, i, now):
			covering = e
		}
	}
	switch {
	case exact != nil && exact.admits(importer, i, now):
		return exact, nil
	case exact == nil && covering != nil:
		return covering, nil
	case i.Kind == Service:
		return nil, ErrServiceNotAuthorized
	}
	return nil, ErrStreamNotAuthorized
}

// admits reports whether the importer is one of those that the export is for.
func (e *Export) admits(importer string, i *Import, now int64) bool {
	switch {
	case e.TokenPosition > 0:
		return token(i.Subject, e.TokenPosition) == importer
	case e.TokenRequired:
		return e.activated(importer, i, now)
	case e.Private:
		return slices.Contains(e.Accounts, importer)
	}
	return true
}

func (e *Export) activated(importer string, i *Import, now int64) bool {
	t := i.Activation
	if t == nil || t.Expires != 0 && t.Expires <= now || !subject.IsSubset(i.Subject, t.Subject) {
		return false
	}
	for _, name := range []string{importer, "*"} {
		if before, ok := e.RevokedBefore[name]; ok && t.Issued <= before {
			return false
		}
	}
	return true
}

// token returns the n-th token of a subject, from 1, or "".
func token(name string, n int) string {
	for ; n > 1; n-- {
		_, rest, ok := strings.Cut(name, ".")
		if !ok {
			return ""
		}
		name = rest
	}
	first, _, _ := strings.Cut(name, ".")
	return first
}

// AddExport adds an export, or merges it with one of the same kind and subject:
// lists of accounts are joined, what only one of them says stays, and whatever
// restricts importers beats a public export. Of two response types the later one
// counts.
func (a *Account) AddExport(e *Export) error {
	if !subject.IsValidStrict(e.Subject) || e.TokenPosition > 0 && token(e.Subject, e.TokenPosition) != "*" {
		return ErrInvalidSubject
	}
	for i, old := range a.Exports {
		if old.Kind == e.Kind && old.Subject == e.Subject {
			a.Exports[i] = merge(old, e)
			return nil
		}
	}
	a.Exports = append(a.Exports, e)
	return nil
}

// merge makes one export of two of the same kind and subject.
func merge(old, e *Export) *Export {
	m := *e
	m.Accounts = slices.Clone(old.Accounts)
	for _, name := range e.Accounts {
		if !slices.Contains(m.Accounts, name) {
			m.Accounts = append(m.Accounts, name)
		}
	}
	m.Private = old.Private || e.Private
	m.TokenRequired = old.TokenRequired || e.TokenRequired
	m.AllowTrace = old.AllowTrace || e.AllowTrace
	m.Advertise = old.Advertise || e.Advertise
	m.TokenPosition = cmp.Or(e.TokenPosition, old.TokenPosition)
	m.Threshold = cmp.Or(e.Threshold, old.Threshold)
	m.Latency = cmp.Or(e.Latency, old.Latency)
	m.Description = cmp.Or(e.Description, old.Description)
	m.InfoURL = cmp.Or(e.InfoURL, old.InfoURL)
	m.RevokedBefore = maps.Clone(old.RevokedBefore)
	for name, before := range e.RevokedBefore {
		if m.RevokedBefore == nil {
			m.RevokedBefore = make(map[string]int64)
		}
		m.RevokedBefore[name] = max(before, m.RevokedBefore[name])
	}
	return &m
}

// Duplicate returns an import that leaves no room for another one: a stream of
// the same subject, or a service of the same local name, from the same account.
func (a *Account) Duplicate(i *Import) *Import {
	for _, old := range a.Imports {
		if old == i || old.Kind != i.Kind || old.Account != i.Account {
			continue
		}
		if i.Kind == Stream && old.Subject == i.Subject || i.Kind == Service && old.Local == i.Local {
			return old
		}
	}
	return nil
}
