package stree

import (
	"fmt"
	"slices"
	"testing"
)

// wide is a tree whose root has n children, or one less than n beside the end of a
// subject.
func wide(t *testing.T, n int, ended bool) (tree *Tree[int], subjects []string) {
	t.Helper()
	tree = &Tree[int]{}
	for i := range n {
		subject := "prefix" + string([]byte{byte(i * 255 / max(n-1, 1))}) + "rest"
		if ended && i == 0 {
			subject = "prefix"
		}
		subjects = append(subjects, subject)
		if _, _, err := tree.Insert([]byte(subject), i); err != nil {
			t.Fatal(err)
		}
	}
	return tree, subjects
}

func visited(tree *Tree[int], most int) (list []string) {
	tree.All(func(subject []byte, _ *int) bool {
		list = append(list, string(subject))
		return len(list) < most
	})
	return list
}

// TestNodesOfEachWidth: nodes of any number of children have them in order, stop where
// they are told to, find what is there and nothing else, and are right after each
// deletion, of the first, the last and one between.
//
// Go: TestNode256Operations server/stree/stree_test.go:1609
// Go: TestNode256Shrink server/stree/stree_test.go:1658
// Go: TestNodeIterMethods server/stree/stree_test.go:1801
// Go: TestNodeDeleteChildNotFound server/stree/stree_test.go:1939
// Go: TestNodeShrinkNotNeeded server/stree/stree_test.go:1966
// Go: TestNode48IterEarlyTermination server/stree/stree_test.go:1986
// Go: TestNode10And16IterEarlyTermination server/stree/stree_test.go:2000
// Go: TestDeleteChildEdgeCasesMore server/stree/stree_test.go:2152
func TestNodesOfEachWidth(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 9, 10, 11, 16, 17, 32, 33, 47, 48, 49, 50, 128, 255, 256} {
		for _, ended := range []bool{false, true} {
			tree, subjects := wide(t, n, ended)
			for _, most := range []int{1, 2, 3, n} {
				if got := visited(tree, most); !slices.Equal(got, subjects[:min(most, n)]) {
					t.Fatalf("%d children, stopped after %d: %q", n, most, got)
				}
			}
			absent := []string{"prefiy", "prefixx", "pre", "prefixrest!", "z"}
			for round := 0; len(subjects) > 0; round++ {
				for _, subject := range absent {
					if tree.Find([]byte(subject)) != nil {
						t.Fatalf("%d children: %q is found", n, subject)
					}
					if _, ok := tree.Delete([]byte(subject)); ok || tree.Len() != len(subjects) {
						t.Fatalf("%d children: %q was deleted", n, subject)
					}
				}
				at := []int{0, len(subjects) - 1, len(subjects) / 2}[round%3]
				if _, ok := tree.Delete([]byte(subjects[at])); !ok {
					t.Fatalf("%d children: %q cannot be deleted", n, subjects[at])
				}
				subjects = slices.Delete(subjects, at, at+1)
				if got := visited(tree, 1<<10); !slices.Equal(got, subjects) {
					t.Fatalf("%d children, %d left: %q", n, len(subjects), got)
				}
				for _, subject := range subjects {
					if tree.Find([]byte(subject)) == nil {
						t.Fatalf("%d children, %d left: %q is missing", n, len(subjects), subject)
					}
				}
			}
		}
	}
}

// TestDeleteWithoutRoot: there is nothing to delete in a tree that has nothing.
//
// Go: TestDeleteNilNodePointer server/stree/stree_test.go:2211
func TestDeleteWithoutRoot(t *testing.T) {
	var tree Tree[int]
	if v, ok := tree.Delete([]byte("foo")); ok || v != 0 {
		t.Fatalf("%d %v", v, ok)
	}
	if _, _, err := tree.Insert([]byte("foo"), 1); err != nil {
		t.Fatal(err)
	}
	for _, expected := range []bool{true, false} {
		if _, ok := tree.Delete([]byte("foo")); ok != expected {
			t.Fatalf("deleted: %v", ok)
		}
	}
}

// TestMatchAcrossSplits: wildcards match wherever nodes cut the subjects into pieces, be it
// within a token, before its end, or with nothing in common at all.
//
// Go: TestMatchPartsEdgeCases server/stree/stree_test.go:2028
// Go: TestMatchPartsMoreEdgeCases server/stree/stree_test.go:2174
func TestMatchAcrossSplits(t *testing.T) {
	long := "foo.test.bar.baz.qux"
	for cut := range len(long) {
		var tree Tree[int]
		// The second splits the first after cut bytes; the third keeps it that way.
		for i, subject := range []string{long, long[:cut] + "~" + long[min(cut+1, len(long)):], "other"} {
			if _, _, err := tree.Insert([]byte(subject), i); err != nil {
				t.Fatal(err)
			}
		}
		for filter, expected := range map[string]bool{
			"foo.*.bar.>": true, "foo.*": false, "*.test.bar.baz.qux": true, "foo.>": true, "foo.test.bar.baz.*": true,
			"foo.*.bar.*.qux": true, "foo.*.bar.*.quy": false, "foo.*.bar": false, "foo.*.bar.baz.qux.>": false, "foo.*.baz.>": false,
		} {
			found := false
			tree.Match([]byte(filter), func(subject []byte, _ *int) bool {
				found = found || string(subject) == long
				return true
			})
			if found != expected {
				t.Errorf("cut at %d: %s matches: %v", cut, filter, found)
			}
		}
	}
	var tree Tree[int]
	for i := range 3 {
		if _, _, err := tree.Insert(fmt.Appendf(nil, "%d", i), i); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	tree.Match([]byte("*"), func([]byte, *int) bool { n++; return true })
	if n != 3 {
		t.Errorf("%d subjects without a common beginning match *", n)
	}
}
