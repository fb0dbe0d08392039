package interest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/godwit-mq/godwit/internal/subject"
	"pgregory.net/rapid"
)

// expectAgreement fails unless the index and the model give the same answer for
// subj, taken once as a published subject and once as a pattern.
func expectAgreement(t rapid.TB, x *Index[int], m *model, subj string) {
	r := x.Reader()
	defer r.Release()

	want := []string{}
	plain, queued := 0, 0
	for _, e := range m.matching(subj) {
		if e.Queue == "" {
			want, plain = append(want, fmt.Sprint(e.Value)), plain+1
		} else {
			want, queued = append(want, memberText(e.Queue, e.Weight, e.Value)), queued+1
		}
	}
	slices.Sort(want)
	var matches Matches[int]
	r.Match([]byte(subj), &matches)
	if got := texts(&matches); !slices.Equal(got, want) {
		t.Fatalf("Match(%q) = %q, want %q", subj, got, want)
	}
	if p, q := r.Count([]byte(subj)); p != plain || q != queued {
		t.Fatalf("Count(%q) = %d, %d, want %d, %d", subj, p, q, plain, queued)
	}
	if got := r.HasInterest([]byte(subj)); got != (len(want) > 0) {
		t.Fatalf("HasInterest(%q) = %v", subj, got)
	}

	var found []Entry[int]
	r.Overlapping(subj, func(e Entry[int]) bool { found = append(found, e); return true })
	if want := m.overlapping(subj); !slices.Equal(sortEntries(found), sortEntries(want)) {
		t.Fatalf("Overlapping(%q) = %v, want %v", subj, found, want)
	}
}

// checkShape fails if the trie holds what it should have got rid of, or if
// something lies where no walk would find it.
func checkShape(t rapid.TB, x *Index[int]) {
	for subj, s := range x.literals.entries {
		checkSet(t, &s)
		if !subject.IsValidLiteral(subj) {
			t.Fatalf("%q is stored as a literal", subj)
		}
	}
	if x.wild != nil {
		checkBranch(t, x.wild, "")
	}
}

func checkBranch(t rapid.TB, b *branch[int], prefix string) {
	if b.isEmpty() || prefix != "" && b.only() != nil {
		t.Fatalf("the branch at %q should have gone", prefix)
	}
	if len(b.kids) > kidsMax || b.wide.entries != nil && (len(b.kids) > 0 || len(b.wide.entries) <= kidsMax/2) {
		t.Fatalf("the branch at %q has %d kids and a table of %d", prefix, len(b.kids), len(b.wide.entries))
	}
	checkLeaf(t, b.here, strings.TrimSuffix(prefix, "."), "")
	checkLeaf(t, b.rest, prefix, ">")
	each := func(token string, c child[int]) bool {
		switch {
		case c.leaf != nil && c.branch != nil:
			t.Fatalf("%q has a leaf and a branch", prefix+token)
		case c.branch != nil:
			checkBranch(t, c.branch, prefix+token+".")
		case c.leaf == nil || c.leaf.pattern != prefix+token && !strings.HasPrefix(c.leaf.pattern, prefix+token+"."):
			t.Fatalf("a wrong leaf at %q", prefix+token)
		default:
			checkSet(t, &c.leaf.set)
		}
		return true
	}
	b.eachKid(each)
	if !b.star.isEmpty() {
		each("*", b.star)
	}
}

func checkLeaf(t rapid.TB, l *leaf[int], prefix, token string) {
	if l == nil {
		return
	}
	if l.pattern != prefix+token {
		t.Fatalf("pattern %q lies at %q", l.pattern, prefix+token)
	}
	checkSet(t, &l.set)
}

func checkSet(t rapid.TB, s *set[int]) {
	if s.many == nil {
		return
	}
	checkRoster(t, &s.many.plain, itself)
	checkRoster(t, &s.many.groups, (*group[int]).key)
	for i := range s.many.groups.items {
		g := &s.many.groups.items[i]
		checkRoster(t, &g.members, (*Member[int]).key)
		if len(g.members.items) == 0 {
			t.Fatalf("group %q is empty", g.name)
		}
	}
	if len(s.many.groups.items) == 0 && len(s.many.plain.items) < 2 {
		t.Fatalf("a long set with %d plain subscriptions only", len(s.many.plain.items))
	}
}

func checkRoster[K comparable, E any](t rapid.TB, r *roster[K, E], keyOf func(*E) K) {
	if r.at == nil && len(r.items) > searchMax || r.at != nil && len(r.at) != len(r.items) {
		t.Fatalf("a list of %d with a map of %d", len(r.items), len(r.at))
	}
	for i := range r.items {
		if r.find(keyOf(&r.items[i]), keyOf) != i {
			t.Fatalf("item %d is not found", i)
		}
	}
}

// textOf draws subjects with few tokens of few kinds, so that they meet; some
// are malformed.
func textOf(tokens ...string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(tokens), 1, 5).Draw(t, "tokens"), ".")
	})
}

func TestIndexAgreesWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, m := New[int](), &model{}
		subj := textOf("a", "a", "b", "b", "c", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "*", "*", ">", "a*", "")
		queue := rapid.SampledFrom([]string{"", "", "q", "r"})
		value := rapid.IntRange(0, 3)
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				s, q, v := subj.Draw(t, "subject"), queue.Draw(t, "queue"), value.Draw(t, "value")
				weight := rapid.Int32Range(0, 3).Draw(t, "weight")
				w := x.Writer()
				defer w.Release()
				if got, want := w.Insert(s, q, weight, v), m.insert(s, q, weight, v); got != want {
					t.Fatalf("Insert: %v, want %v", got, want)
				}
			},
			"remove": func(t *rapid.T) {
				s, q, v := subj.Draw(t, "subject"), queue.Draw(t, "queue"), value.Draw(t, "value")
				w := x.Writer()
				defer w.Release()
				if got, want := w.Remove(s, q, v), m.remove(s, q, v); got != want {
					t.Fatalf("Remove: %v, want %v", got, want)
				}
			},
			"remove one of those stored": func(t *rapid.T) {
				if len(m.entries) == 0 {
					t.Skip("empty")
				}
				e := rapid.SampledFrom(m.entries).Draw(t, "entry")
				w := x.Writer()
				defer w.Release()
				if err := w.Remove(e.Subject, e.Queue, e.Value); err != nil {
					t.Fatal(err)
				}
				_ = m.remove(e.Subject, e.Queue, e.Value)
			},
			"": func(t *rapid.T) {
				checkShape(t, x)
				expectAgreement(t, x, m, subj.Draw(t, "asked"))
				if got := x.Stats().NumSubs; got != uint64(len(m.entries)) {
					t.Fatalf("NumSubs = %d, want %d", got, len(m.entries))
				}
			},
		})
		w := x.Writer()
		for _, e := range m.entries {
			if err := w.Remove(e.Subject, e.Queue, e.Value); err != nil {
				t.Fatal(err)
			}
		}
		w.Release()
		if x.wild != nil || x.literals.entries != nil {
			t.Fatal("something is left")
		}
	})
}

// TestLongListsAgreeWithModel grows and shrinks the lists of few subjects over
// the lengths at which they change their form.
func TestLongListsAgreeWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, m := New[int](), &model{}
		subj := rapid.SampledFrom([]string{"a", "*", ">"})
		queue := rapid.SampledFrom([]string{"", "q"})
		for range 6 {
			s, q := subj.Draw(t, "subject"), queue.Draw(t, "queue")
			n := rapid.IntRange(1, 3*searchMax).Draw(t, "values")
			grow := rapid.Bool().Draw(t, "grow")
			perGroup := rapid.Bool().Draw(t, "a group for each")
			w := x.Writer()
			for _, v := range rapid.Permutation(numbers(n)).Draw(t, "order") {
				q := q
				if perGroup {
					q = fmt.Sprint("g", v)
				}
				var got, want error
				if grow {
					got, want = w.Insert(s, q, 1, v), m.insert(s, q, 1, v)
				} else {
					got, want = w.Remove(s, q, v), m.remove(s, q, v)
				}
				if got != want {
					t.Fatalf("%v, want %v", got, want)
				}
			}
			w.Release()
			checkShape(t, x)
			expectAgreement(t, x, m, "a")
		}
	})
}

func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// FuzzMatch stores the lines of patterns, matches subj, and compares with the
// model and with subject.Match; then it takes every other line out again and
// compares once more.
func FuzzMatch(f *testing.F) {
	f.Add("foo.*\nfoo.>\nfoo.bar\n>\n*.*", "foo.bar")
	f.Add("a.b.*.d.e.>\na.b.*.d.e.*\na.b.c.d.e.f\na.b.*", "a.b.c.d.e.f")
	f.Add("*.>\n*.*.>\n*.*.*.>\n>", "foo..bar")
	f.Add("a*.>\n>a\n**\n*.*", "*.>")
	f.Add("1.>\n2.>\n3.>\n4.>\n5.>\n6.>\n7.>\n8.>\n9.>\n10.>", "9.x")
	f.Fuzz(func(t *testing.T, patterns, subj string) {
		lines := strings.Split(patterns, "\n")
		if len(lines) > 40 || len(patterns) > 2000 {
			return
		}
		x, m := New[int](), &model{}
		w := x.Writer()
		for i, line := range lines {
			queue := []string{"", "q"}[i%2]
			if got, want := w.Insert(line, queue, 1, i), m.insert(line, queue, 1, i); got != want {
				t.Fatalf("Insert(%q): %v, want %v", line, got, want)
			}
		}
		w.Release()
		for i, line := range lines {
			matched := slices.ContainsFunc(m.matching(subj), func(e Entry[int]) bool { return e.Value == i })
			if got := subject.Match(subj, line); got != matched {
				t.Fatalf("subject.Match(%q, %q) = %v, want %v", subj, line, got, matched)
			}
			overlaps := slices.ContainsFunc(m.overlapping(subj), func(e Entry[int]) bool { return e.Value == i })
			if got := subject.Collide(subj, line); got != overlaps {
				t.Fatalf("subject.Collide(%q, %q) = %v, want %v", subj, line, got, overlaps)
			}
		}
		checkShape(t, x)
		expectAgreement(t, x, m, subj)
		w = x.Writer()
		for i := 0; i < len(lines); i += 2 {
			if got, want := w.Remove(lines[i], "", i), m.remove(lines[i], "", i); got != want {
				t.Fatalf("Remove(%q): %v, want %v", lines[i], got, want)
			}
		}
		w.Release()
		checkShape(t, x)
		expectAgreement(t, x, m, subj)
	})
}
