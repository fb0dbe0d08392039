package interest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// model is the index as one would write it without a thought of speed: a list
// of subscriptions, and matching token by token.
type model struct{ entries []Entry[int] }

func (m *model) find(subj, queue string, v int) int {
	return slices.IndexFunc(m.entries, func(e Entry[int]) bool {
		return e.Subject == subj && e.Queue == queue && e.Value == v
	})
}

func (m *model) valid(subj string) bool {
	tokens := strings.Split(subj, ".")
	for i, token := range tokens {
		if token == "" || token == ">" && i < len(tokens)-1 {
			return false
		}
	}
	return true
}

func (m *model) insert(subj, queue string, weight int32, v int) error {
	if !m.valid(subj) {
		return ErrInvalidSubject
	}
	weight = max(weight, 1)
	if queue == "" {
		weight = 1
	}
	i := m.find(subj, queue, v)
	switch {
	case i < 0:
		m.entries = append(m.entries, Entry[int]{subj, queue, weight, v})
	case m.entries[i].Weight == weight:
		return ErrDuplicate
	default:
		m.entries[i].Weight = weight
	}
	return nil
}

func (m *model) remove(subj, queue string, v int) error {
	if !m.valid(subj) {
		return ErrInvalidSubject
	}
	i := m.find(subj, queue, v)
	if i < 0 {
		return ErrNotFound
	}
	m.entries = slices.Delete(m.entries, i, i+1)
	return nil
}

func (m *model) matching(subj string) (found []Entry[int]) {
	tokens := strings.Split(subj, ".")
	if slices.Contains(tokens, "") {
		return nil
	}
	for _, e := range m.entries {
		if related(tokens, strings.Split(e.Subject, "."), false) {
			found = append(found, e)
		}
	}
	return found
}

func (m *model) overlapping(pattern string) (found []Entry[int]) {
	if !m.valid(pattern) {
		return nil
	}
	for _, e := range m.entries {
		if related(strings.Split(pattern, "."), strings.Split(e.Subject, "."), true) {
			found = append(found, e)
		}
	}
	return found
}

// related tells whether b matches a or, if both count as patterns, whether
// they overlap.
func related(a, b []string, both bool) bool {
	switch {
	case len(a) == 0 || len(b) == 0:
		return len(a) == len(b)
	case b[0] == ">" || both && a[0] == ">":
		return true
	case a[0] == b[0] || b[0] == "*" || both && a[0] == "*":
		return related(a[1:], b[1:], both)
	}
	return false
}

// The helpers below take the lock for one question each.

func insert[T comparable](t testing.TB, x *Index[T], subj, queue string, weight int32, v T) {
	t.Helper()
	w := x.Writer()
	defer w.Release()
	if err := w.Insert(subj, queue, weight, v); err != nil {
		t.Fatalf("Insert(%q, %q, %v): %v", subj, queue, v, err)
	}
}

func remove[T comparable](t testing.TB, x *Index[T], subj, queue string, v T) {
	t.Helper()
	w := x.Writer()
	defer w.Release()
	if err := w.Remove(subj, queue, v); err != nil {
		t.Fatalf("Remove(%q, %q, %v): %v", subj, queue, v, err)
	}
}

// match returns what Match finds as sorted text: "3" is the plain value 3,
// "q:3*10" the member 3 of q with weight 10. It fails if Match, HasInterest and
// Count disagree.
func match[T comparable](t testing.TB, x *Index[T], subj string) []string {
	t.Helper()
	r := x.Reader()
	defer r.Release()
	var m Matches[T]
	r.Match([]byte(subj), &m)
	checkForm(t, &m)
	plain, queued := r.Count([]byte(subj))
	members := 0
	for _, q := range m.Queues {
		members += len(q.Members)
	}
	if plain != len(m.Plain) || queued != members {
		t.Fatalf("Count(%q) = %d, %d, but Match found %d, %d", subj, plain, queued, len(m.Plain), members)
	}
	if got := r.HasInterest([]byte(subj)); got != (plain+queued > 0) {
		t.Fatalf("HasInterest(%q) = %v, but Match found %d", subj, got, plain+queued)
	}
	return texts(&m)
}

func texts[T comparable](m *Matches[T]) []string {
	found := []string{}
	for _, v := range m.Plain {
		found = append(found, fmt.Sprint(v))
	}
	for _, q := range m.Queues {
		for _, member := range q.Members {
			found = append(found, memberText(q.Name, member.Weight, member.Value))
		}
	}
	slices.Sort(found)
	return found
}

func memberText[T any](queue string, weight int32, v T) string {
	if weight == 1 {
		return fmt.Sprintf("%s:%v", queue, v)
	}
	return fmt.Sprintf("%s:%v*%d", queue, v, weight)
}

// checkForm fails if a group is empty or comes twice.
func checkForm[T comparable](t testing.TB, m *Matches[T]) {
	t.Helper()
	names := map[string]bool{}
	for _, q := range m.Queues {
		if names[q.Name] || len(q.Members) == 0 {
			t.Fatalf("group %q comes twice or is empty", q.Name)
		}
		names[q.Name] = true
	}
}

func expect[T comparable](t testing.TB, x *Index[T], subj string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := match(t, x, subj); !slices.Equal(got, want) {
		t.Fatalf("Match(%q) = %q, want %q", subj, got, want)
	}
}

func expectSubs[T comparable](t testing.TB, x *Index[T], want uint64) {
	t.Helper()
	n := uint64(0)
	r := x.Reader()
	r.All(func(Entry[T]) bool { n++; return true })
	r.Release()
	if stats := x.Stats(); stats.NumSubs != want || n != want {
		t.Fatalf("NumSubs = %d, All visits %d, want %d", stats.NumSubs, n, want)
	}
}

// expectNothingLeft fails if an empty index holds a table or a branch.
func expectNothingLeft[T comparable](t testing.TB, x *Index[T]) {
	t.Helper()
	expectSubs(t, x, 0)
	if x.wild != nil || x.literals.entries != nil || x.literals.peak != 0 {
		t.Fatalf("an empty index holds %+v", x)
	}
}

func overlapping[T comparable](x *Index[T], pattern string) []Entry[T] {
	r := x.Reader()
	defer r.Release()
	var found []Entry[T]
	r.Overlapping(pattern, func(e Entry[T]) bool { found = append(found, e); return true })
	return found
}

func sortEntries(entries []Entry[int]) []Entry[int] {
	slices.SortFunc(entries, func(a, b Entry[int]) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.Value, b.Value))
	})
	return entries
}
