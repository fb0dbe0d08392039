package broker

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/godwit-mq/godwit/internal/interest"
	"github.com/godwit-mq/godwit/internal/sharing"
	"github.com/godwit-mq/godwit/internal/subject"
	"github.com/godwit-mq/godwit/internal/transform"
)

// StreamImport lets an account receive what is published in another one.
type StreamImport struct {
	From           *Account
	Subject, Local string // there and here; Local may name the wildcards of Subject
	AllowTrace     bool
}

// ServiceImport lets an account send requests into another one.
type ServiceImport struct {
	To             *Account
	Subject, Local string // there and here; Local may name the wildcards of Subject
	Share          bool   // the exporter sees who asks
	Response       sharing.Response
	Threshold      time.Duration
	Latency        sharing.Latency // Subject is empty if it is not measured
	AllowTrace     bool
}

// streamImport is a StreamImport in force. Subscriptions of the importing account
// that overlap it cast a shadow: a subscription in the exporting account whose
// messages go to the same receiver.
type streamImport struct {
	StreamImport
	to                *Account
	pattern           string               // of the local subjects
	toLocal, toRemote *transform.Transform // nil if one of the subjects is literal, or they are equal
}

// shadow tells what a subscription in another account stands for.
type shadow struct {
	of  *Subscription
	via *streamImport
}

// serviceImport is a ServiceImport in force: a subscription in the importing
// account whose receiver passes messages on.
type serviceImport struct {
	ServiceImport
	from     *Account
	sub      *Subscription
	receiver Receiver
	// accountInfo begins the description of a requestor: {"acc":"name"
	accountInfo []byte
	rename      *transform.Transform // nil if every message goes to Subject, or keeps its own
}

// SetImports replaces the account's imports. Those that are unchanged stay as
// they are, with the subscriptions and pending answers that belong to them. An
// import that cannot be made is reported; the others are in force nevertheless.
func (a *Account) SetImports(streams []StreamImport, services []ServiceImport) error {
	return errors.Join(a.setServices(services), a.setStreams(streams))
}

func (a *Account) setServices(wanted []ServiceImport) error {
	var failed error
	var changes []Change
	a.interest.Lock()
	old := a.services
	keep := make([]*serviceImport, 0, len(wanted))
	for _, w := range wanted {
		if w.Threshold <= 0 {
			w.Threshold = sharing.DefaultThreshold
		}
		if i := slices.IndexFunc(old, func(s *serviceImport) bool { return s.ServiceImport == w }); i >= 0 {
			keep = append(keep, old[i])
			old = slices.Delete(slices.Clone(old), i, i+1)
			continue
		}
		s, err := newServiceImport(a, w)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		keep = append(keep, s)
		changes = append(changes, Change{Sub: s.sub})
	}
	for _, s := range old {
		changes = append(changes, Change{s.sub, true})
	}
	a.services = keep
	a.interest.Unlock()
	return errors.Join(failed, a.Apply(changes))
}

// Imports lists the imports in force, for monitoring.
func (a *Account) Imports() (streams []StreamImport, services []ServiceImport) {
	a.interest.Lock()
	defer a.interest.Unlock()
	for _, s := range a.streams {
		streams = append(streams, s.StreamImport)
	}
	for _, s := range a.services {
		services = append(services, s.ServiceImport)
	}
	return streams, services
}

// LocalPattern is the pattern of an import's local subjects: wildcards that local
// names by their numbers are '*' there. An import that cannot be made has the
// pattern that it was written with.
func LocalPattern(remote, local string) string {
	if _, toRemote, err := renaming(remote, local); err == nil && toRemote != nil {
		return toRemote.Source()
	}
	return local
}

func newServiceImport(from *Account, i ServiceImport) (*serviceImport, error) {
	s := &serviceImport{ServiceImport: i, from: from}
	_, toRemote, err := renaming(i.Subject, i.Local)
	if err != nil {
		return nil, err
	}
	name, err := json.Marshal(from.Name)
	if err != nil {
		return nil, err
	}
	s.accountInfo = append([]byte(`{"acc":`), name...)
	pattern := i.Local
	if s.rename = toRemote; toRemote != nil {
		pattern = toRemote.Source()
	}
	s.receiver.via = s
	s.receiver.Headers.Store(true)
	s.sub = &Subscription{Subject: pattern, To: &s.receiver}
	return s, nil
}

// remote is the subject in the exporting account for one in the importing one.
func (s *serviceImport) remote(local []byte) []byte {
	switch {
	case s.rename != nil:
		return s.rename.AppendTo(nil, local)
	case subject.IsLiteral(s.Subject):
		return []byte(s.Subject)
	}
	return local
}

func (a *Account) setStreams(wanted []StreamImport) error {
	var failed error
	a.interest.Lock()
	defer a.interest.Unlock()
	old := a.streams
	keep := make([]*streamImport, 0, len(wanted))
	changed := false
	for _, w := range wanted {
		if i := slices.IndexFunc(old, func(s *streamImport) bool { return s.StreamImport == w }); i >= 0 {
			keep = append(keep, old[i])
			continue
		}
		changed = true
		s, err := newStreamImport(a, w)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		keep = append(keep, s)
	}
	if !changed && len(keep) == len(old) {
		return nil
	}
	a.streams = keep
	a.castAll()
	return failed
}

func newStreamImport(to *Account, i StreamImport) (*streamImport, error) {
	s := &streamImport{StreamImport: i, to: to, pattern: i.Local}
	var err error
	if s.toLocal, s.toRemote, err = renaming(i.Subject, i.Local); err != nil {
		return nil, err
	}
	if s.toRemote != nil {
		s.pattern = s.toRemote.Source()
	}
	return s, nil
}

// renaming returns the ways between the subjects of an import, nil if they are the
// same or if there is only one subject on the other side.
func renaming(remote, local string) (toLocal, toRemote *transform.Transform, err error) {
	if local == remote || subject.IsLiteral(remote) {
		return nil, nil, nil
	}
	if toLocal, err = transform.NewStrict(remote, transform.NumberWildcards(local)); err != nil {
		return nil, nil, err
	}
	if toRemote, err = toLocal.Reverse(); err != nil {
		return nil, nil, err
	}
	return toLocal, toRemote, nil
}

// local is the subject in the importing account for one in the exporting one.
func (s *streamImport) local(remote []byte) []byte {
	switch {
	case s.toLocal != nil:
		return s.toLocal.AppendTo(nil, remote)
	case s.Local == s.Subject:
		return remote
	}
	return []byte(s.Local)
}

// remote is the pattern in the exporting account for a subscription in the
// importing one, or "" if the import does not concern it.
func (s *streamImport) remote(wanted string) string {
	common, ok := subject.Intersect(wanted, s.pattern)
	switch {
	case !ok:
		return ""
	case s.toRemote != nil:
		return string(s.toRemote.AppendTo(nil, []byte(common)))
	case s.Local == s.Subject:
		return common
	}
	return s.Subject
}

// castShadows brings the shadows up to date with changed subscriptions. It is
// called with the lock on the interest held.
func (a *Account) castShadows(changes []Change) {
	there := make(map[*Account][]Change)
	for _, c := range changes {
		a.cast(c.Sub, c.Remove, there)
	}
	for account, changes := range there {
		account.place(changes)
	}
}

// castAll brings the shadows up to date with changed imports.
func (a *Account) castAll() {
	var all []Change
	r := a.index.Reader()
	r.All(func(e interest.Entry[*Subscription]) bool {
		all = append(all, Change{Sub: e.Value})
		return true
	})
	r.Release()
	a.castShadows(all)
}

// cast notes which shadows of one subscription are to be placed and removed, by
// the account where they stand. Those of imports that stay in force are kept, so
// that no message is missed. Subscriptions that are shadows themselves cast none:
// what was imported is not exported again.
func (a *Account) cast(sub *Subscription, remove bool, there map[*Account][]Change) {
	if sub.shadow != nil || sub.To.via != nil {
		return
	}
	old := a.shadows[sub]
	var list []*Subscription
	for _, via := range a.streams {
		remote := via.remote(sub.Subject)
		if remote == "" || remove {
			continue
		}
		if i := slices.IndexFunc(old, func(s *Subscription) bool { return s.shadow.via == via }); i >= 0 {
			list = append(list, old[i])
			continue
		}
		s := &Subscription{
			Subject: remote, Queue: sub.Queue, SID: sub.SID, To: sub.To, shadow: &shadow{of: sub, via: via},
		}
		list = append(list, s)
		there[via.From] = append(there[via.From], Change{Sub: s})
	}
	for _, s := range old {
		if !slices.Contains(list, s) {
			from := s.shadow.via.From
			there[from] = append(there[from], Change{s, true})
		}
	}
	if len(list) == 0 {
		delete(a.shadows, sub)
		return
	}
	if a.shadows == nil {
		a.shadows = make(map[*Subscription][]*Subscription)
	}
	a.shadows[sub] = list
}

// place changes an index without looking at imports.
func (a *Account) place(changes []Change) {
	w := a.index.Writer()
	defer w.Release()
	for _, c := range changes {
		if c.Remove {
			w.Remove(c.Sub.Subject, c.Sub.Queue, c.Sub) // it may have run out meanwhile
			continue
		}
		w.Insert(c.Sub.Subject, c.Sub.Queue, 1, c.Sub) // the subject is one of a checked import
	}
}
