package stree

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// matches is the slow and obvious meaning of a filter.
func matches(filter, subject string) bool {
	f, s := strings.Split(filter, "."), strings.Split(subject, ".")
	if filter == "" {
		return false
	}
	for i, token := range f {
		switch {
		case token == ">" && i == len(f)-1:
			return len(s) > i
		case i >= len(s) || token != "*" && token != s[i]:
			return false
		}
	}
	return len(f) == len(s)
}

type tester interface {
	Helper()
	Fatalf(string, ...any)
}

// check fails the test if the parts of the tree contradict each other.
func check[T any](t tester, tree *Tree[T]) {
	t.Helper()
	leaves, nodes := 0, map[uint8]int{}
	var visit func(r reference, least int) (prefix []byte)
	visit = func(r reference, least int) []byte {
		if r.isLeaf() {
			leaves++
			return tree.text.get(tree.leaf(r.leaf()).place)
		}
		nodes[tree.nodes.class(r)]++
		n := tree.node(r)
		if n.offset() < least || n.count() < 2 || len(n.children()) != n.count() {
			t.Fatalf("node at %d, below %d, with %d children", n.offset(), least, n.count())
		}
		var shared []byte
		for i, child := range n.children() {
			prefix := visit(reference(child), n.offset()+1)
			if len(prefix) < n.offset() || i > 0 && !bytes.Equal(prefix[:n.offset()], shared) {
				t.Fatalf("node at %d: %q does not begin with %q", n.offset(), prefix, shared)
			}
			shared = prefix[:n.offset()]
			if at, ok := n.childFor(prefix); !ok || n[at] != child {
				t.Fatalf("node at %d does not lead to %q", n.offset(), prefix)
			}
		}
		rep := tree.text.get(n[1])
		var has func(r reference) bool
		has = func(r reference) bool {
			if r.isLeaf() {
				return tree.leaf(r.leaf()).place == n[1]
			}
			return slices.ContainsFunc(tree.node(r).children(), func(c uint32) bool { return has(reference(c)) })
		}
		if !has(r) {
			t.Fatalf("node at %d names a leaf %q that is not below", n.offset(), rep)
		}
		return rep
	}
	if tree.root != 0 {
		visit(tree.root, 0)
	}
	if leaves != tree.Len() {
		t.Fatalf("%d leaves, Len is %d", leaves, tree.Len())
	}
	inArena := map[uint8]int{}
	for _, in := range tree.nodes.info {
		if in.live > 0 {
			inArena[in.class] += int(in.live)
		}
	}
	if !maps.Equal(nodes, inArena) {
		t.Fatalf("nodes by class: %v are in the tree, %v in use", nodes, inArena)
	}
	if inUse(&tree.leaves) != leaves {
		t.Fatalf("%d leaves are in the tree, %d in use", leaves, inUse(&tree.leaves))
	}
	used := 0
	tree.All(func(subject []byte, _ *T) bool {
		used += recordLen(len(subject))
		return true
	})
	if used != tree.text.used {
		t.Fatalf("%d bytes of text are in the tree, %d in use", used, tree.text.used)
	}
}

func inUse[E any](s *store[E]) int {
	n := 0
	for _, live := range s.live {
		n += int(live)
	}
	return n
}

func subjects() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[ab](\.[abc]{1,2}){0,3}`),
		rapid.StringMatching(`(orders|order|o)\.[0-9]{1,3}\.(new|news|old)`),
		rapid.StringMatching(`[a-z0-9A-Z]{1,12}(\.[a-zA-Z0-9*>\x00\x7f-]{1,8}){0,6}`),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 6), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.IntRange(1, 300), func(n int) string { return strings.Repeat("long.", n) + "x" }),
	)
}

func filters() *rapid.Generator[string] {
	return rapid.OneOf(
		subjects(),
		rapid.StringMatching(`([ab*]|orders|o)(\.([abc*]|new|>|1[0-9])){0,4}`),
		rapid.StringMatching(`[ab*>.'oc]{0,7}`),
	)
}

// A tree behaves as a map does, and matches as the definition says.
func TestTreeAgreesWithMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree, model := &Tree[int]{}, map[string]int{}
		sorted := func() []string { return slices.Sorted(maps.Keys(model)) }
		drawn := func(t *rapid.T) string {
			if len(model) > 0 && rapid.Bool().Draw(t, "known") {
				return rapid.SampledFrom(sorted()).Draw(t, "subject")
			}
			return subjects().Draw(t, "subject")
		}
		insert := func(t *rapid.T, subject string, value int) {
			old, had := model[subject]
			got, replaced, err := tree.Insert([]byte(subject), value)
			if err != nil || replaced != had || got != old {
				t.Fatalf("Insert(%q): %d, %v, %v", subject, got, replaced, err)
			}
			model[subject] = value
		}
		remove := func(t *rapid.T, subject string) {
			old, had := model[subject]
			if got, ok := tree.Delete([]byte(subject)); ok != had || got != old {
				t.Fatalf("Delete(%q): %d, %v", subject, got, ok)
			}
			delete(model, subject)
		}
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) { insert(t, drawn(t), rapid.Int().Draw(t, "value")) },
			"insert many": func(t *rapid.T) {
				for i, subject := range rapid.SliceOfN(subjects(), 1, 40).Draw(t, "subjects") {
					insert(t, subject, i)
				}
			},
			"delete": func(t *rapid.T) { remove(t, drawn(t)) },
			"delete many": func(t *rapid.T) {
				keep := rapid.IntRange(1, 5).Draw(t, "keep every")
				for i, subject := range sorted() {
					if i%keep != 0 {
						remove(t, subject)
					}
				}
			},
			"find": func(t *rapid.T) {
				subject := drawn(t)
				want, ok := model[subject]
				if got := tree.Find([]byte(subject)); (got != nil) != ok || ok && *got != want {
					t.Fatalf("Find(%q)", subject)
				}
			},
			"match": func(t *rapid.T) {
				filter := filters().Draw(t, "filter")
				var got, want []string
				tree.Match([]byte(filter), func(subject []byte, value *int) bool {
					if *value != model[string(subject)] {
						t.Fatalf("%q came with %d", subject, *value)
					}
					got = append(got, string(subject))
					return true
				})
				for _, subject := range sorted() {
					if matches(filter, subject) {
						want = append(want, subject)
					}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%q matches\n%q, want\n%q", filter, got, want)
				}
			},
			"": func(t *rapid.T) {
				check(t, tree)
				var got []string
				for subject := range tree.All {
					got = append(got, string(subject))
				}
				if !slices.Equal(got, sorted()) {
					t.Fatalf("tree has %q", got)
				}
			},
		})
	})
}

// Whatever filter and subjects are, the tree matches as the definition says.
func FuzzMatch(f *testing.F) {
	f.Add("foo.*.>", "foo.bar", "foo.bar.baz", "foo.bar.baz.b")
	f.Add("*", "a", "a.b", "*")
	f.Add("'*.>'", "'a.b", "'*.>'", "'*.>.")
	f.Fuzz(func(t *testing.T, filter, a, b, c string) {
		tree := &Tree[string]{}
		want := map[string]bool{}
		for _, s := range []string{a, b, c} {
			if _, _, err := tree.Insert([]byte(s), s); err == nil && matches(filter, s) {
				want[s] = true
			}
		}
		check(t, tree)
		tree.Match([]byte(filter), func(subject []byte, value *string) bool {
			if string(subject) != *value || !want[*value] {
				t.Fatalf("%q does not match %q", *value, filter)
			}
			delete(want, *value)
			return true
		})
		if len(want) > 0 {
			t.Fatalf("%q also matches %v", filter, want)
		}
	})
}
