package stree

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/ds/gsl"
)

// asked counts the subjects about which an interest is asked.
type asked struct {
	gsl.List[int]
	subjects int
}

func (a *asked) HasInterest(subject []byte) bool {
	a.subjects++
	return a.List.HasInterest(subject)
}

func interestIn(t tester, patterns ...string) *asked {
	t.Helper()
	interest := &asked{}
	for i, pattern := range patterns {
		if err := interest.Insert(pattern, i); err != nil {
			t.Fatalf("Insert(%q): %v", pattern, err)
		}
	}
	return interest
}

// Go: TestSubjectTreeGSLIntersection server/stree/stree_test.go:1080
func TestMatchInterest(t *testing.T) {
	all := []string{"eight.nine", "one.two.seven", "one.two.six", "one.two.three.five", "one.two.three.four", "stream.A", "stream.A.child"}
	tree := treeOf(all...)
	for _, test := range []struct {
		name     string
		patterns []string
		want     []string
	}{
		{"literals", []string{"one.two.six", "eight.nine"}, []string{"eight.nine", "one.two.six"}},
		{"stars", []string{"one.two.*.*"}, all[3:5]},
		{"overlapping stars", []string{"one.two.*.four", "one.two.*.*"}, all[3:5]},
		{"all by stars", []string{"*.*", "*.*.*", "*.*.*.*"}, all},
		{"rest", []string{"one.>"}, all[1:5]},
		{"overlapping rests", []string{"one.two.three.four", "one.>", ">"}, all},
		{"rest and parent", []string{"stream.A.>", "stream.A"}, all[5:]},
		{"star and parent", []string{"stream.*.child", "stream.A"}, all[5:]},
		{"one subject, many patterns", []string{"stream.A.child", "*.A.child", "stream.*.child", "stream.A.*", "stream.*.*", "*.A.*", "*.*.child"}, all[6:]},
		{"without the widest", []string{"stream.A.child", "*.A.child", "stream.A.*", "*.A.*", "*.*.child"}, all[6:]},
		{"literal and stars", []string{"stream.A.child", "stream.*.*"}, all[6:]},
		{"literal and rest", []string{"stream.A.child", "stream.*.>"}, all[6:]},
		{"literal and short stars", []string{"stream.A.child", "*.*"}, []string{"eight.nine", "stream.A", "stream.A.child"}},
		{"literal and short star", []string{"stream.A.child", "stream.*"}, all[5:]},
		{"short literal and stars", []string{"stream.A", "*.*.*"}, []string{"one.two.seven", "one.two.six", "stream.A", "stream.A.child"}},
		{"everything", []string{">"}, all},
		{"a token that has more", []string{"one"}, nil},
		{"several of them", []string{"one", "eight", "ten"}, nil},
		{"only beginnings", []string{"stream.A.not-child", "stream.A.child.>"}, nil},
		{"a star hides no literal", []string{"one.*.six", "one.two.seven"}, []string{"one.two.seven", "one.two.six"}},
		{"stars hide no literals", []string{"one.*.*.four", "one.*.*.five", "one.*.three"}, all[3:5]},
		{"stars at other places", []string{"one.two.*.*", "*.two.three.four"}, all[3:5]},
		{"a literal beside a star", []string{"one.*.four.five", "one.two.three.four"}, all[4:5]},
	} {
		var got []string
		tree.MatchInterest(interestIn(t, test.patterns...), func(subject []byte, value *int) bool {
			if all[*value-1] != string(subject) {
				t.Errorf("%s: %q came with %d", test.name, subject, *value)
			}
			got = append(got, string(subject))
			return true
		})
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	n := 0
	tree.MatchInterest(interestIn(t, ">"), func([]byte, *int) bool {
		n++
		return n < 3
	})
	if n != 3 {
		t.Errorf("visited %d, want 3", n)
	}
}

// Subjects with leading tokens of no interest are not asked about one by one.
func TestMatchInterestPassesOver(t *testing.T) {
	tree := &Tree[int]{}
	for _, first := range []string{"a", "b", "c", "d"} {
		for _, subject := range letters(26) {
			insert(t, tree, first+"."+subject, 1)
		}
	}
	interest := interestIn(t, "b.foo.bar.*", "c.x.>")
	n := 0
	tree.MatchInterest(interest, func([]byte, *int) bool {
		n++
		return true
	})
	if n != 26 || interest.subjects != 26 {
		t.Fatalf("%d subjects match, %d were asked about", n, interest.subjects)
	}
}

// The tree and the interest agree with asking about every subject.
func TestMatchInterestAgreesWithAsking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := &Tree[int]{}
		for _, subject := range rapid.SliceOfN(rapid.StringMatching(`[abc](\.[abc]{1,2}){0,4}`), 0, 30).Draw(t, "subjects") {
			if _, _, err := tree.Insert([]byte(subject), 1); err != nil {
				t.Fatal(err)
			}
		}
		interest := interestIn(t, rapid.SliceOfN(rapid.StringMatching(`([abc*])(\.([abc]{1,2}|\*)){0,3}(\.>)?`), 0, 5).Draw(t, "patterns")...)
		var got, want []string
		tree.MatchInterest(interest, func(subject []byte, _ *int) bool {
			got = append(got, string(subject))
			return true
		})
		for subject := range tree.All {
			if interest.HasInterest(subject) {
				want = append(want, string(subject))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	})
}
