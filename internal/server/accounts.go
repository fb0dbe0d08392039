package server

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/sharing"
	"github.com/godwit-mq/godwit/internal/transform"
)

// account is an account with its configuration and its connections.
type account struct {
	*broker.Account
	described atomic.Pointer[description]
	count     int   // connections now; guarded by accounts.mu
	total     int64 // connections ever; likewise
}

// description is what an account is configured to be. It is immutable.
type description struct {
	limits   options.AccountLimits
	offers   *sharing.Account
	mappings *transform.Mappings
	trace    broker.TraceTarget
	updated  time.Time
	claims   *operator.Account                    // nil unless claims describe it
	tokens   map[*sharing.Import]*operator.Import // of imports that bring one
}

// accounts knows all accounts of the server.
type accounts struct {
	node *broker.Node

	// configuring is held while accounts are made, changed and linked.
	configuring sync.Mutex

	mu     sync.Mutex
	byName map[string]*account
	home   map[uint64]*account // of each connection
	system string              // name, empty if there is none
}

// newAccounts makes the accounts that the options describe.
func newAccounts(o *options.Options, name string) (*accounts, error) {
	a := &accounts{
		node:   &broker.Node{Name: name, Hash: nodeHash(name)},
		byName: make(map[string]*account), home: make(map[uint64]*account),
	}
	return a, a.configure(o)
}

// nodeHash is how other servers know this one: 8 characters made of its name.
func nodeHash(name string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256([]byte(name))
	hash := make([]byte, 8)
	for i := range hash {
		hash[i] = digits[sum[i]%62]
	}
	return string(hash)
}

// configure makes the accounts that the options describe, before anybody uses them.
func (a *accounts) configure(o *options.Options) error {
	wanted, system, err := describe(o)
	if err != nil {
		return err
	}
	a.system = system
	if d := wanted[system]; d != nil {
		a.put(system, d)
		a.node.System = a.byName[system].Account
	}
	return a.follow(wanted)
}

// follow makes the accounts what new options describe: new ones appear, others are
// changed in place, and those that are described no more are forgotten; whoever is
// connected to one of them has to be closed. The system account, which others look
// at without a lock, stays the same one.
func (a *accounts) follow(wanted map[string]*description) error {
	a.configuring.Lock()
	defer a.configuring.Unlock()
	a.mu.Lock()
	for name, d := range wanted {
		a.put(name, d)
	}
	var failed error
	list := slices.DeleteFunc(a.sorted(), func(acc *account) bool {
		if wanted[acc.Name] != nil {
			return false
		}
		delete(a.byName, acc.Name)
		failed = errors.Join(failed, acc.SetImports(nil, nil))
		return true
	})
	a.mu.Unlock()
	for _, acc := range list {
		d := acc.described.Load()
		acc.SetMappings(d.mappings)
		acc.SetTrace(d.trace)
	}
	for _, acc := range list {
		failed = errors.Join(failed, a.link(acc))
	}
	return failed
}

// describe collects what the options say about accounts.
func describe(o *options.Options) (wanted map[string]*description, system string, err error) {
	wanted = make(map[string]*description)
	add := func(name string, limits options.AccountLimits, mappings []options.Mapping) *sharing.Account {
		d := &description{limits: limits, offers: &sharing.Account{Name: name}, updated: time.Now()}
		var m *transform.Mappings
		if m, err = compile(mappings); err == nil {
			d.mappings = m
		}
		wanted[name] = d
		return d.offers
	}
	add(options.GlobalAccount, options.UnlimitedAccount(), o.Mappings)
	for _, configured := range o.Accounts {
		if err != nil {
			return nil, "", err
		}
		offers := add(configured.Name, configured.Limits, configured.Mappings)
		wanted[configured.Name].trace = broker.TraceTarget{Subject: configured.TraceDest, Sampling: configured.TraceSampling}
		offers.Exports = slices.Clone(configured.Exports)
		offers.Imports = slices.Clone(configured.Imports)
	}
	if o.NoSystemAccount || err != nil || o.TrustedKeySet() != nil {
		return wanted, "", err // in operator mode it comes with the others
	}
	system = cmp.Or(o.SystemAccount, options.SystemAccount)
	if wanted[system] == nil {
		add(system, options.UnlimitedAccount(), nil)
	}
	shareSystem(wanted, system)
	return wanted, system, err
}

// compile makes the mappings of an account ready for use.
func compile(list []options.Mapping) (*transform.Mappings, error) {
	if len(list) == 0 {
		return nil, nil
	}
	made := make([]*transform.Mapping, len(list))
	for i, m := range list {
		var err error
		if made[i], err = transform.NewMapping(m.Source, m.Destinations); err != nil {
			return nil, fmt.Errorf("Error adding mapping for %q : %w", m.Source, err) // a known text
		}
	}
	return transform.NewMappings(made...), nil
}

// put makes an account or changes its description. mu is held.
func (a *accounts) put(name string, d *description) {
	acc := a.byName[name]
	if acc == nil {
		acc = &account{Account: broker.NewAccount(name, a.node)}
		a.byName[name] = acc
	}
	acc.described.Store(d)
}

// link brings the imports of an account into force. Those that the exporter does
// not allow (any more) are left out.
func (a *accounts) link(acc *account) error {
	var streams []broker.StreamImport
	var services []broker.ServiceImport
	var complaints []error
	d, find := acc.described.Load(), a.inForce()
	for _, i := range d.offers.Imports {
		from := a.get(i.Account)
		if from == nil {
			continue
		}
		e, err := from.authorize(acc.Name, d, i)
		if err == nil && d.claims != nil { // a file was checked as a whole
			err = sharing.CheckCycle(find, acc.Name, i)
		}
		if err != nil {
			if complaint := (*operator.IssuerAccountError)(nil); errors.As(err, &complaint) {
				complaints = append(complaints, err)
			}
			continue
		}
		if i.Kind == sharing.Stream {
			streams = append(streams, broker.StreamImport{
				From: from.Account, Subject: i.Subject, Local: i.Local, AllowTrace: i.AllowTrace,
			})
			continue
		}
		services = append(services, broker.ServiceImport{
			To: from.Account, Subject: i.Subject, Local: i.Local, Share: i.Share, Response: e.Response,
			Threshold: e.Threshold, Latency: broker.LatencyOf(e), AllowTrace: e.AllowTrace,
		})
	}
	return errors.Join(append(complaints, acc.SetImports(streams, services))...)
}

// authorize finds the export that allows an import of an importer that is described
// by d. A token of the import is verified.
func (a *account) authorize(importer string, d *description, i *sharing.Import) (*sharing.Export, error) {
	now := time.Now()
	if token := d.tokens[i]; token != nil {
		activation, err := operator.VerifyActivation(d.claims, a.described.Load().claims, token, now)
		if err != nil {
			return nil, err
		}
		activated := *i
		activated.Activation = activation
		i = &activated
	}
	return a.described.Load().offers.Authorize(importer, i, now.Unix())
}

func (a *accounts) global() *broker.Account { return a.get(options.GlobalAccount).Account }

// systemName is the name of the system account, empty if there is none.
func (a *accounts) systemName() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.system
}

func (a *accounts) get(name string) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byName[name]
}

// remove forgets an account.
func (a *accounts) remove(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.byName, name)
}

// join counts a connection in; false means that the account is full.
func (a *accounts) join(to *account, c *client.Client) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	from := a.home[c.ID]
	if from == to {
		return true
	}
	if limit := to.described.Load().limits.MaxConnections; limit >= 0 && int64(to.count) >= limit {
		return false
	}
	if from != nil {
		from.count--
	}
	a.home[c.ID] = to
	to.count++
	to.total++
	return true
}

// leave counts a connection out.
func (a *accounts) leave(c *client.Client) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if from := a.home[c.ID]; from != nil {
		from.count--
		delete(a.home, c.ID)
	}
}

// list returns the accounts sorted by name.
func (a *accounts) list() []*account {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sorted()
}

func (a *accounts) sorted() []*account {
	list := make([]*account, 0, len(a.byName))
	for _, acc := range a.byName {
		list = append(list, acc)
	}
	slices.SortFunc(list, func(x, y *account) int { return cmp.Compare(x.Name, y.Name) })
	return list
}

// connections returns how many connections an account has and ever had.
func (a *accounts) connections(acc *account) (now int, total int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return acc.count, acc.total
}
