package sharing

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// graph is a set of accounts that share subjects.
type graph map[string]*Account

func (g graph) find(name string) *Account { return g[name] }

func (g graph) account(name string) *Account {
	if g[name] == nil {
		g[name] = &Account{Name: name}
	}
	return g[name]
}

// share lets an account import, if that forms no cycle.
func (g graph) share(kind Kind, exporter, remote, importer, local string) error {
	i := &Import{Kind: kind, Account: exporter, Subject: remote, Local: local}
	if err := g.account(exporter).AddExport(&Export{Kind: kind, Subject: remote}); err != nil {
		return err
	}
	if err := CheckCycle(g.find, importer, i); err != nil {
		return err
	}
	to := g.account(importer)
	to.Imports = append(to.Imports, i)
	return nil
}

func TestCheckCycle(t *testing.T) {
	type step struct{ exporter, remote, importer, local string }
	for _, c := range []struct {
		what  string
		kind  Kind
		steps []step // all but the last are fine
		want  error
	}{
		{"an own export", Service, []step{{"A", "s", "A", "s"}}, nil},
		{"there and back", Service, []step{{"A", "help", "B", "help"}, {"B", "help", "A", "help"}}, ErrCycle},
		{"there and back as a stream", Stream, []step{{"A", "strm", "B", "strm"}, {"B", "strm", "A", "strm"}}, ErrCycle},
		{"over a third account", Service, []step{{"A", "s", "B", "s"}, {"B", "s", "C", "s"}, {"C", "s", "A", "s"}}, ErrCycle},
		{"a chain", Service, []step{{"A", "s", "B", "s"}, {"B", "s", "C", "s"}, {"C", "s", "D", "s"}}, nil},
		{"different subjects", Service, []step{{"A", "a", "B", "a"}, {"B", "b", "A", "b"}}, nil},
		{"overlapping wildcards", Service, []step{{"A", "*", "B", "*"}, {"B", "foo", "A", "foo"}}, ErrCycle},
		{"renamed away", Service, []step{{"A", "x.*", "B", "y.*"}, {"B", "z", "A", "z"}}, nil},
		{"a diamond", Service, []step{
			{"D", "s", "B", "s"}, {"D", "s", "C", "s"}, {"B", "s", "A", "s"}, {"C", "s", "A", "s"},
		}, nil},
		{"narrowed in one branch only", Service, []step{
			{"X", "q.a", "E", "q.a"}, {"I", "q.b", "E", "q.b"}, {"E", "q.>", "I", "q.>"},
		}, ErrCycle},
	} {
		t.Run(c.what, func(t *testing.T) {
			g := make(graph)
			for i, s := range c.steps {
				err := g.share(c.kind, s.exporter, s.remote, s.importer, s.local)
				var want error
				if i == len(c.steps)-1 {
					want = c.want
				}
				if !errors.Is(err, want) {
					t.Fatalf("step %d: %v, want %v", i, err, want)
				}
			}
		})
	}
}

// An exporter that does not exist (any more) leads nowhere.
func TestCheckCycleWithoutTheExporter(t *testing.T) {
	if err := CheckCycle(graph{}.find, "I", &Import{Kind: Service, Account: "E", Subject: "s", Local: "s"}); err != nil {
		t.Error(err)
	}
}

// Chains of up to 1024 accounts are followed to their end.
//
// Go: TestAccountCycleDepthLimit test/accounts_cycles_test.go:313
func TestChainsMayNotBeTooLong(t *testing.T) {
	for _, kind := range []Kind{Stream, Service} {
		g := make(graph)
		for n := 1; n <= maxDepth; n++ {
			err := g.share(kind, fmt.Sprint(n), "foo", fmt.Sprint(n+1), "foo")
			var want error
			if n == maxDepth {
				want = ErrDepth
			}
			if !errors.Is(err, want) {
				t.Fatalf("%s import by account %d: %v, want %v", kind, n+1, err, want)
			}
		}
	}
}

// In a graph of layers, each of whose accounts imports from all of the next layer,
// the ways multiply with every layer. The search gives up in time.
func TestManyWaysEndTheSearch(t *testing.T) {
	const layers, width = 40, 3
	name := func(layer, n int) string { return fmt.Sprintf("%d-%d", layer, n) }
	for _, kind := range []Kind{Stream, Service} {
		g := make(graph)
		for layer := range layers {
			for from := range width {
				for to := range width {
					a := g.account(name(layer, from))
					a.Imports = append(a.Imports, &Import{Kind: kind, Account: name(layer+1, to), Subject: "s", Local: "s"})
				}
				g.account(name(layer, from)).Exports = []*Export{{Kind: kind, Subject: "s"}}
			}
		}
		started := time.Now()
		if err := CheckCycle(g.find, "I", &Import{Kind: kind, Account: name(0, 0), Subject: "s", Local: "s"}); !errors.Is(err, ErrDepth) {
			t.Errorf("%s: %v", kind, err)
		}
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("%s: the search took %v", kind, took)
		}
	}
}

// reaches follows imports of one subject without any bound.
func reaches(g graph, from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	if seen[from] || g[from] == nil {
		return false
	}
	seen[from] = true
	for _, i := range g[from].Imports {
		if reaches(g, i.Account, to, seen) {
			return true
		}
	}
	return false
}

// With one subject a cycle is what graph theory calls one: an import is refused if
// and only if its exporter can reach the importer already.
func TestCheckCycleFindsWhatReachabilityFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := make(graph)
		kind := Kind(rapid.IntRange(0, 1).Draw(t, "kind"))
		name := rapid.SampledFrom([]string{"A", "B", "C", "D", "E"})
		for range rapid.IntRange(1, 12).Draw(t, "imports") {
			exporter, importer := name.Draw(t, "exporter"), name.Draw(t, "importer")
			if exporter == importer {
				continue
			}
			for _, a := range []string{exporter, importer} {
				g.account(a).Exports = []*Export{{Kind: kind, Subject: "s"}}
			}
			var want error
			if reaches(g, exporter, importer, make(map[string]bool)) {
				want = ErrCycle
			}
			if err := g.share(kind, exporter, "s", importer, "s"); !errors.Is(err, want) {
				t.Fatalf("%s imports from %s: %v, want %v", importer, exporter, err, want)
			}
		}
	})
}
