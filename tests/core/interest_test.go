package core_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// Whether what publishers find is remembered can be chosen, for all accounts.
//
// Go: TestSublistNoCacheConfigOnAccounts server/opts_test.go:2701
// Go: TestSublistAddCacheHitRate server/sublist_test.go:1580
func TestRememberedInterest(t *testing.T) {
	for _, disabled := range []bool{true, false} {
		s := godwittest.RunConfig(t, fmt.Sprintf(`
			disable_sublist_cache: %t
			no_sys_acc: true
			accounts {
				A { users: [{user: a, password: pw}] }
				B { users: [{user: b, password: pw}] }
			}`, disabled))
		// Rates of accounts that do the same are the rate of all of them.
		var rates []float64
		for i, user := range []string{"a", "b"} {
			nc := kit.Connect(t, s, user)
			sub := kit.Subscribe(t, nc, user)
			for range 4 {
				kit.OK(t, nc.Publish(user, nil))
				kit.Flush(t, nc)
			}
			if n := sub.Count(nc); n != 4 {
				t.Errorf("%d messages", n)
			}
			z := kit.Must[*godwit.Subsz](t)(s.Subsz(nil))
			if disabled && z.NumCache != 0 || !disabled && int(z.NumCache) != i+1 || int(z.NumMatches) != 4*(i+1) {
				t.Errorf("disabled %t: %+v", disabled, z.SublistStats)
			}
			rates = append(rates, z.CacheHitRate)
		}
		if disabled != (rates[0] == 0) || rates[0] > 0.75 || rates[1] != rates[0] {
			t.Errorf("disabled %t: rates %v", disabled, rates)
		}
	}
}

// Run starts a server and returns; the server goes on until it is shut down.
//
// Go: TestRun server/service_test.go:23
func TestRunReturns(t *testing.T) {
	s := kit.Must[*godwit.Server](t)(godwit.NewServer(&godwit.Options{Host: "127.0.0.1", Port: godwit.RandomPort}))
	t.Cleanup(s.Shutdown)
	kit.OK(t, godwit.Run(s))
	if !s.ReadyForConnections(kit.Patience) || !s.Running() {
		t.Error("not ready")
	}
	kit.Flush(t, kit.Connect(t, s, ""))
	began := time.Now()
	s.Shutdown()
	s.WaitForShutdown()
	if s.Running() || time.Since(began) > kit.Patience {
		t.Errorf("running: %t, after %v", s.Running(), time.Since(began))
	}
}
