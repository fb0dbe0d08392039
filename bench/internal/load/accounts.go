package load

import (
	"fmt"

	"github.com/godwit-mq/godwit/bench/internal/proc"
)

// Accounts of ConfigAccounts, and users in each.
const (
	AccountCount    = 10_000
	UsersPerAccount = 10
)

// UserOfAccount returns the name of a user of ConfigAccounts.
func UserOfAccount(account, user int) string { return fmt.Sprintf("user%05d-%d", account, user) }

// AccountUser is how a configuration file tells of a user of ConfigAccounts.
func AccountUser(name string) string {
	return fmt.Sprintf("{user: %q, password: %q}, ", name, UserPassword)
}

// manyAccounts connects and disconnects one user after the other of a server with very many of them. What counts is
// how long the server took to start, and its memory.
func manyAccounts(r *run) error {
	alive := r.gauge()
	n := 0
	connect := func() error {
		n++
		conn, _, err := r.dial(dialOptions{as: credentials{UserOfAccount(n*7919%AccountCount, n%UsersPerAccount), UserPassword}})
		if err != nil {
			return err
		}
		alive.add(1)
		return conn.Close()
	}
	count, begin, end, err := r.measure(func() (int64, error) {
		const connections = 200
		for i := range int64(connections) {
			if err := connect(); err != nil {
				return i, err
			}
		}
		return connections, nil
	})
	if err != nil {
		return err
	}
	r.result.record(count, begin, end)
	if err := r.sleep(r.settings.Settle); err != nil {
		return err
	}
	memory, err := proc.ReadMemory(r.target.PID)
	if err != nil {
		return err
	}
	r.result.ResidentBytes, r.result.PeakBytes = memory.Resident, memory.Peak
	r.result.extra("start", "ms", lower, float64(r.target.Started.Milliseconds()))
	r.result.extra("memory", "MB", lower, float64(memory.Resident)/(1<<20))
	return nil
}
