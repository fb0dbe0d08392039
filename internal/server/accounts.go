package server

import (
	"cmp"
	"slices"
	"sync"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/options"
)

// account is an account with its configuration and its connections.
type account struct {
	*broker.Account
	limits options.AccountLimits
	count  int   // connections now
	total  int64 // connections ever
}

// accounts knows all accounts of the server.
type accounts struct {
	mu     sync.Mutex
	byName map[string]*account
	home   map[uint64]*account // of each connection
	system string              // name, empty if there is none
}

func newAccounts(o *options.Options) *accounts {
	a := &accounts{byName: make(map[string]*account), home: make(map[uint64]*account)}
	a.create(options.GlobalAccount, options.UnlimitedAccount())
	for _, configured := range o.Accounts {
		a.create(configured.Name, configured.Limits)
	}
	if !o.NoSystemAccount {
		a.system = cmp.Or(o.SystemAccount, options.SystemAccount)
		if a.byName[a.system] == nil {
			a.create(a.system, options.UnlimitedAccount())
		}
	}
	return a
}

func (a *accounts) create(name string, limits options.AccountLimits) {
	a.byName[name] = &account{
		Account: broker.NewAccount(name), limits: limits,
	}
}

func (a *accounts) global() *broker.Account { return a.get(options.GlobalAccount).Account }

func (a *accounts) get(name string) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byName[name]
}

// join counts a connection in; false means that the account is full.
func (a *accounts) join(to *account, c *client.Client) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	from := a.home[c.ID]
	if from == to {
		return true
	}
	if limit := to.limits.MaxConnections; limit >= 0 && int64(to.count) >= limit {
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
