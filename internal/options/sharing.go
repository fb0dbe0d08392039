package options

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/conf"
	"github.com/godwit-mq/godwit/internal/sharing"
	"github.com/godwit-mq/godwit/internal/subject"
	"github.com/godwit-mq/godwit/internal/transform"
)

// Errors of exports and imports; their texts reach users.
var (
	errSampling        = errors.New("bad sampling percentage, should be 1-100")
	errLatencySubject  = errors.New("invalid publish subject")
	errLatencyResponse = errors.New("bad service response type")
	errPrefix          = errors.New("stream import prefix can not contain wildcard tokens")
	errLiteralImport   = errors.New("a subject without wildcard tokens can not be imported under one that has them")
)

// Sharing describes what the account offers and uses. The result is not to be
// changed.
func (a *Account) Sharing() *sharing.Account {
	return &sharing.Account{Name: a.Name, Exports: a.Exports, Imports: a.Imports}
}

// offer is what one account wants to share, before it is known to be allowed.
type offer struct {
	account *Account
	exports []*sharing.Export
	imports []*wantedImport
}

// finishSharing brings together what the accounts of a file want to share, unless
// some of them are wrong already.
func (d *decoder) finishSharing(m *conf.Map) {
	if !d.accountsGood {
		return
	}
	e := entryOf(m, "accounts") // it is there: somebody found the accounts good
	join(d.o.Accounts, d.offers, d.o.NoSystemAccount, func(format string, args ...any) { d.fail(e.Pos, format, args...) })
}

// joint brings the offers of all accounts together. What is allowed is added step
// by step to accounts; the imports there have their patterns as local names (see
// rename), so that they can be compared. The rest is reported to fail.
type joint struct {
	accounts map[string]*sharing.Account
	fail     func(format string, args ...any)
	noSystem bool
	now      int64 // Unix seconds
}

// join gives the accounts the exports and imports that are allowed. The order is
// exports before imports, and of either streams before services, over all
// accounts.
func join(accounts []*Account, offers []offer, noSystem bool, fail func(format string, args ...any)) {
	j := &joint{make(map[string]*sharing.Account, len(accounts)), fail, noSystem, time.Now().Unix()}
	for _, a := range accounts {
		j.accounts[a.Name] = &sharing.Account{Name: a.Name}
	}
	for _, kind := range []sharing.Kind{sharing.Stream, sharing.Service} {
		for _, o := range offers {
			for _, e := range o.exports {
				if e.Kind == kind {
					j.addExport(j.accounts[o.account.Name], e)
				}
			}
		}
	}
	for _, o := range offers {
		o.account.Exports = j.accounts[o.account.Name].Exports
		for _, e := range o.account.Exports {
			j.checkLatency(j.accounts[o.account.Name], e)
		}
		o.account.Imports = nil
	}
	for _, kind := range []sharing.Kind{sharing.Stream, sharing.Service} {
		for _, o := range offers {
			for _, i := range o.imports {
				if i.Kind == kind {
					j.addImport(o.account, i)
				}
			}
		}
	}
}

func (j *joint) addExport(a *sharing.Account, e *sharing.Export) {
	e = cloneExport(e)
	e.Accounts = slices.DeleteFunc(e.Accounts, func(name string) bool {
		unknown := j.accounts[name] == nil
		if unknown {
			j.fail("%q account not defined for %s export", name, e.Kind)
		}
		return unknown
	})
	if err := a.AddExport(e); err != nil {
		j.fail("Error adding %s export %q: %v", e.Kind, e.Subject, err)
	}
}

func (j *joint) checkLatency(a *sharing.Account, e *sharing.Export) {
	switch {
	case e.Latency == nil:
	case j.noSystem:
		j.fail("Error adding service latency sampling for %q: system account not setup", e.Subject)
	default:
		if err := latencyFault(a, e); err != nil {
			j.fail("Error adding service latency sampling for %q on subject %q: %v", e.Subject, e.Latency.Subject, err)
		}
	}
}

func latencyFault(a *sharing.Account, e *sharing.Export) error {
	l := e.Latency
	if l.Sampling < 0 || l.Sampling > 100 || l.Sampling == 0 && !l.Headers {
		return errSampling
	}
	if !validDestination(l.Subject) {
		return errLatencySubject
	}
	for _, other := range a.Exports { // a measurement of measurements would never end
		if other.Kind == sharing.Service && subject.IsSubset(l.Subject, other.Subject) {
			return errLatencySubject
		}
	}
	if e.Kind != sharing.Service || e.Response != sharing.Singleton {
		return errLatencyResponse
	}
	return nil
}

func (j *joint) addImport(to *Account, wanted *wantedImport) {
	exporter := j.accounts[wanted.Account]
	if exporter == nil {
		j.fail("%q account not defined for %s import", wanted.Account, wanted.Kind)
		return
	}
	i := wanted.Import
	plain, err := j.admit(j.accounts[to.Name], exporter, &i, wanted.prefix)
	if err != nil {
		j.fail("Error adding %s import %q: %v", i.Kind, i.Subject, err)
		return
	}
	to.Imports = append(to.Imports, &i)
	j.accounts[to.Name].Imports = append(j.accounts[to.Name].Imports, plain)
}

// admit applies all rules to one import and completes its local name. It returns
// the import as it is kept for comparison.
func (j *joint) admit(importer, exporter *sharing.Account, i *sharing.Import, prefix string) (*sharing.Import, error) {
	if _, err := exporter.Authorize(importer.Name, i, j.now); err != nil {
		return nil, err
	}
	if prefix != "" {
		if !subject.IsLiteral(prefix) {
			return nil, errPrefix
		}
		i.Local = strings.TrimSuffix(prefix, ".") + "." + i.Subject
	}
	if i.Local == "" {
		i.Local = i.Subject
	}
	plain := *i
	if err := rename(i, &plain); err != nil {
		return nil, err
	}
	if err := sharing.CheckCycle(func(name string) *sharing.Account { return j.accounts[name] }, importer.Name, &plain); err != nil {
		return nil, err
	}
	old := importer.Duplicate(&plain)
	switch {
	case old == nil:
		return &plain, nil
	case i.Kind == sharing.Stream:
		return nil, sharing.ErrDuplicateStream
	}
	return nil, fmt.Errorf("duplicate service import subject %q, previously used in import for account %q, subject %q",
		i.Local, old.Account, old.Subject)
}

// rename checks the local name of an import. Where wildcards are renamed it
// becomes the destination of a strict transform of the imported subject, and
// that of plain becomes the pattern of all local subjects.
func rename(i, plain *sharing.Import) error {
	switch {
	case i.Local == i.Subject:
		return nil
	case subject.IsLiteral(i.Subject):
		if !subject.IsValid(i.Local) {
			return sharing.ErrInvalidSubject
		}
		if i.Kind == sharing.Stream && !subject.IsLiteral(i.Local) {
			return errLiteralImport
		}
		return nil
	}
	numbered := transform.NumberWildcards(i.Local)
	var back *transform.Transform
	t, err := transform.NewStrict(i.Subject, numbered)
	if err == nil {
		back, err = t.Reverse()
	}
	switch {
	case err == nil:
		i.Local, plain.Local = numbered, back.Source()
		return nil
	case i.Kind == sharing.Stream:
		return fmt.Errorf("failed to create mapping transform for stream import subject from %q to %q: %w", i.Subject, i.Local, err)
	}
	return fmt.Errorf("failed to create mapping transform for service import subject from %q to %q: %w", i.Local, i.Subject, err)
}

// checkSharing looks at the exports and imports of accounts made in code.
func (o *Options) checkSharing() error {
	var offers []offer
	for _, a := range o.Accounts {
		imports := make([]*wantedImport, 0, len(a.Imports))
		for _, i := range a.Imports {
			imports = append(imports, &wantedImport{Import: *i})
		}
		if len(a.Exports)+len(imports) > 0 {
			offers = append(offers, offer{a, a.Exports, imports})
		}
	}
	var first error
	join(o.Accounts, offers, o.NoSystemAccount, func(format string, args ...any) {
		if first == nil {
			first = fmt.Errorf(format, args...)
		}
	})
	return first
}

func cloneExport(e *sharing.Export) *sharing.Export {
	c := *e
	c.Accounts = slices.Clone(e.Accounts)
	if e.RevokedBefore != nil {
		c.RevokedBefore = make(map[string]int64, len(e.RevokedBefore))
		for name, before := range e.RevokedBefore {
			c.RevokedBefore[name] = before
		}
	}
	if e.Latency != nil {
		l := *e.Latency
		c.Latency = &l
	}
	return &c
}

func cloneImport(i *sharing.Import) *sharing.Import {
	c := *i
	if i.Activation != nil {
		activation := *i.Activation
		c.Activation = &activation
	}
	return &c
}
