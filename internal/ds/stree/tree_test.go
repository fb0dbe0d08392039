package stree

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func treeOf(subjects ...string) *Tree[int] {
	tree := &Tree[int]{}
	for i, subject := range subjects {
		if _, _, err := tree.Insert([]byte(subject), i+1); err != nil {
			panic(err)
		}
	}
	return tree
}

func insert(t *testing.T, tree *Tree[int], subject string, value int) {
	t.Helper()
	if old, replaced, err := tree.Insert([]byte(subject), value); err != nil || replaced {
		t.Fatalf("Insert(%q): old %d, %v, %v", subject, old, replaced, err)
	}
}

func remove(t *testing.T, tree *Tree[int], subject string, want int) {
	t.Helper()
	if got, ok := tree.Delete([]byte(subject)); !ok || got != want {
		t.Fatalf("Delete(%q): %d, %v, want %d", subject, got, ok, want)
	}
	check(t, tree)
}

func wantFound(t *testing.T, tree *Tree[int], subject string, want int) {
	t.Helper()
	if got := tree.Find([]byte(subject)); got == nil || *got != want {
		t.Fatalf("Find(%q): %v, want %d", subject, got, want)
	}
}

func wantAbsent(t *testing.T, tree *Tree[int], subject string) {
	t.Helper()
	if got := tree.Find([]byte(subject)); got != nil {
		t.Fatalf("Find(%q): %d", subject, *got)
	}
}

func wantLen(t *testing.T, tree *Tree[int], n int) {
	t.Helper()
	check(t, tree)
	if tree.Len() != n {
		t.Fatalf("%d subjects, want %d", tree.Len(), n)
	}
}

// letters are the subjects "foo.bar.A" and so on.
func letters(n int) []string {
	subjects := make([]string, n)
	for i := range subjects {
		subjects[i] = fmt.Sprintf("foo.bar.%c", 'A'+i)
	}
	return subjects
}

// Go: TestSubjectTreeBasics server/stree/stree_test.go:35
func TestInsertAndFind(t *testing.T) {
	tree := &Tree[int]{}
	wantLen(t, tree, 0)
	insert(t, tree, "foo.bar.baz", 22)
	wantLen(t, tree, 1)
	wantAbsent(t, tree, "foo.bar.*")
	wantFound(t, tree, "foo.bar.baz", 22)
	if old, replaced, err := tree.Insert([]byte("foo.bar.baz"), 33); err != nil || !replaced || old != 22 {
		t.Fatalf("second Insert: %d, %v, %v", old, replaced, err)
	}
	wantLen(t, tree, 1)
	insert(t, tree, "foo.bar", 22)
	wantLen(t, tree, 2)
	wantFound(t, tree, "foo.bar", 22)
	wantFound(t, tree, "foo.bar.baz", 33)
}

// A node grows with its children through all its sizes, and shrinks again.
//
// Go: TestSubjectTreeNodeGrow server/stree/stree_test.go:71
// Go: TestSubjectTreeNodeDelete server/stree/stree_test.go:154
func TestNodeGrowsAndShrinks(t *testing.T) {
	tree := &Tree[int]{}
	class := func() uint8 {
		if tree.root == 0 || tree.root.isLeaf() {
			return 0
		}
		return tree.nodes.class(tree.root)
	}
	for n := 1; n <= 256; n++ {
		before := class()
		insert(t, tree, "foo.bar."+string([]byte{byte(n - 1)}), n)
		wantLen(t, tree, n)
		if n > 1 && tree.node(tree.root).count() != n {
			t.Fatalf("the root has %d children, want %d", tree.node(tree.root).count(), n)
		}
		if class() < before {
			t.Fatalf("class %d follows %d", class(), before)
		}
	}
	insert(t, tree, "foo.bar.", 257)
	if int(class()) != len(classes)-1 {
		t.Fatalf("class of 257 children is %d", class())
	}
	for n := 1; n <= 256; n++ {
		wantFound(t, tree, "foo.bar."+string([]byte{byte(n - 1)}), n)
	}
	remove(t, tree, "foo.bar.", 257)
	for n := 256; n >= 1; n-- {
		before := class()
		subject := "foo.bar." + string([]byte{byte(n - 1)})
		remove(t, tree, subject, n)
		wantAbsent(t, tree, subject)
		if _, ok := tree.Delete([]byte(subject)); ok {
			t.Fatalf("%q was deleted twice", subject)
		}
		if n > 1 {
			wantFound(t, tree, "foo.bar."+string([]byte{0}), 1)
		}
		if class() > before {
			t.Fatalf("class %d follows %d", class(), before)
		}
		if n == 2 && !tree.root.isLeaf() {
			t.Fatal("a node with one child stays")
		}
	}
	if tree.root != 0 || len(tree.nodes.chunks) > 0 || len(tree.leaves.chunks) > 0 || len(tree.text.chunks) > 0 {
		t.Fatalf("an empty tree keeps memory: %+v", tree)
	}
}

// Go: TestSubjectTreeNodePrefixMismatch server/stree/stree_test.go:129
func TestInsertSplitsSharedBytes(t *testing.T) {
	tree := treeOf("foo.bar.A", "foo.bar.B", "foo.bar.C")
	root := tree.root
	insert(t, tree, "foo.foo.A", 44)
	if tree.root == root {
		t.Fatal("the root stays")
	}
	for i, subject := range letters(3) {
		wantFound(t, tree, subject, i+1)
	}
	wantFound(t, tree, "foo.foo.A", 44)
	wantLen(t, tree, 4)
}

// Go: TestSubjectTreeNodesAndPaths server/stree/stree_test.go:245
// Go: TestSubjectTreeConstruction server/stree/stree_test.go:270
func TestShapeOfTree(t *testing.T) {
	tree := treeOf("foo.bar.A", "foo.bar.B", "foo.bar.C", "foo.baz.A", "foo.baz.B", "foo.baz.C", "foo.bar")
	// shape writes a node as its offset and branches, a leaf as its subject.
	var shape func(r reference) string
	shape = func(r reference) string {
		if r.isLeaf() {
			return string(tree.text.get(tree.leaf(r.leaf()).place))
		}
		n := tree.node(r)
		parts := []string{fmt.Sprint(n.offset())}
		for _, child := range n.children() {
			parts = append(parts, shape(reference(child)))
		}
		return "(" + strings.Join(parts, " ") + ")"
	}
	const z = "(8 foo.baz.A foo.baz.B foo.baz.C)"
	if got, want := shape(tree.root), "(6 (7 foo.bar (8 foo.bar.A foo.bar.B foo.bar.C)) "+z+")"; got != want {
		t.Fatalf("tree is\n%s, want\n%s", got, want)
	}
	remove(t, tree, "foo.bar", 7)
	if got, want := shape(tree.root), "(6 (8 foo.bar.A foo.bar.B foo.bar.C) "+z+")"; got != want {
		t.Fatalf("tree is\n%s, want\n%s", got, want)
	}
	for i, subject := range letters(3) {
		wantFound(t, tree, subject, i+1)
	}
}

// Go: TestSubjectTreeNoPrefix server/stree/stree_test.go:434
func TestSubjectsOfOneByte(t *testing.T) {
	tree := &Tree[int]{}
	for c := 'A'; c <= 'Z'; c++ {
		insert(t, tree, string(c), 22)
	}
	for i, subject := range []string{"B", "Z"} {
		remove(t, tree, subject, 22)
		if got := tree.node(tree.root).count(); got != 25-i {
			t.Fatalf("%d children", got)
		}
	}
}

// Bytes at the ends of bitmaps are bytes as others, and so are those with which
// other trees mark the end of a subject.
//
// Go: TestSubjectTreeNode48 server/stree/stree_test.go:881
// Go: TestSubjectTreeInsertLongerLeafSuffixWithTrailingNulls server/stree/stree_test.go:999
func TestAnyByte(t *testing.T) {
	tree := &Tree[int]{}
	for i, c := range []byte{255, 0, 31, 32, 127, 128, 'A', 'B', 'C'} {
		insert(t, tree, "foo"+string([]byte{c}), i)
	}
	remove(t, tree, "fooA", 6)
	for i, c := range []byte{255, 0, 31, 32, 127, 128} {
		wantFound(t, tree, "foo"+string([]byte{c}), i)
	}
	wantFound(t, tree, "fooB", 7)
	wantFound(t, tree, "fooC", 8)
	zeros := "foo.bar.baz_" + strings.Repeat("\x00", 10)
	insert(t, tree, zeros, 1)
	insert(t, tree, zeros+zeros[12:], 2)
	wantFound(t, tree, zeros, 1)
	wantFound(t, tree, zeros+zeros[12:], 2)
	wantAbsent(t, tree, zeros+"\x00")
	wantLen(t, tree, 10)
}

// Go: TestSubjectTreeInsertSamePivotBug server/stree/stree_test.go:625
// Go: TestInsertComplexEdgeCases server/stree/stree_test.go:2183
func TestSubjectsThatBeginAlike(t *testing.T) {
	for _, subjects := range [][]string{
		{"a", "aa", "aaa", "aaaa.a", "a.a"},
		{"a.b", "a.c"},
		{
			"0d00.2abbb82c1d.6e16.fa7f85470e.3e46", "534b12.3486c17249.4dde0666", "6f26aabd.920ee3.d4d3.5ffc69f6",
			"8850.ade3b74c31.aa533f77.9f59.a4bd8415.b3ed7b4111", "5a75047dcb.5548e845b6.76024a34.14d5b3.80c426.51db871c3a",
			"825fa8acfc.5331.00caf8bbbd.107c4b.c291.126d1d010e",
		},
	} {
		tree := &Tree[int]{}
		for i, subject := range subjects {
			insert(t, tree, subject, i)
			for j, known := range subjects[:i+1] {
				wantFound(t, tree, known, j)
			}
		}
		wantLen(t, tree, len(subjects))
	}
}

// Go: TestSubjectTreeLongTokens server/stree/stree_test.go:728
func TestDeleteBesideLongTokens(t *testing.T) {
	long := "a1." + strings.Repeat("a", 22)
	tree := treeOf(long+"0", "a2.0", long+"1", "a2.1")
	remove(t, tree, "a2.0", 2)
	remove(t, tree, "a2.1", 4)
	wantLen(t, tree, 2)
	wantFound(t, tree, long+"0", 1)
	wantFound(t, tree, long+"1", 3)
}

// Go: TestSubjectTreeRandomTrackEntries server/stree/stree_test.go:685
func TestRandomSubjectsStayFound(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	tree, model := &Tree[int]{}, map[string]int{}
	for i := range 1000 {
		tokens := make([]string, random.IntN(6)+1)
		for j := range tokens {
			tokens[j] = fmt.Sprintf("%0*x", 2*(random.IntN(4)+2), random.Uint32())
		}
		subject := strings.Join(tokens, ".")
		if _, ok := model[subject]; ok {
			continue
		}
		model[subject] = i
		insert(t, tree, subject, i)
		for known, value := range model {
			wantFound(t, tree, known, value)
		}
	}
	wantLen(t, tree, len(model))
}

// A deletion of what is not there finds nothing, whatever is asked.
//
// Go: TestSubjectTreeDeleteShortSubjectNoPanic server/stree/stree_test.go:1424
// Go: TestDeleteEdgeCases server/stree/stree_test.go:2063
// Go: TestFindEdgeCases server/stree/stree_test.go:1788
func TestAbsentSubjects(t *testing.T) {
	if _, ok := treeOf().Delete([]byte("foo")); ok {
		t.Fatal("an empty tree had foo")
	}
	tree := treeOf("foo.bar.baz", "foo.bar.qux", "foo", "verylongprefix.suffix", "verylongprefix.suffix2")
	for _, subject := range []string{"", "f", "foo.", "foo.bar", "foo.bar.", "foo.bar.ba", "foo.bar.bazz", "very", "verylongprefix.suffix3", "z"} {
		if _, ok := tree.Delete([]byte(subject)); ok {
			t.Fatalf("%q was deleted", subject)
		}
		wantAbsent(t, tree, subject)
	}
	wantLen(t, tree, 5)
	wantFound(t, tree, "foo.bar.baz", 1)
	wantFound(t, tree, "foo.bar.qux", 2)
}

// Go: TestSubjectTreeNilNoPanic server/stree/stree_test.go:986
// Go: TestSizeOnNilTree server/stree/stree_test.go:1783
// Go: TestIterOrderedAndIterFastNilRoot server/stree/stree_test.go:1849
// Go: TestSubjectTreeMatchHasFWCNoPanic server/stree/stree_test.go:1036
// Go: TestMatchEdgeCases server/stree/stree_test.go:2086
func TestNothingToFind(t *testing.T) {
	never := func(subject []byte, _ *int) bool {
		t.Errorf("visited %q", subject)
		return true
	}
	for _, tree := range []*Tree[int]{nil, {}} {
		tree.All(never)
		tree.MatchInterest(nil, never)
		if _, ok := tree.Delete([]byte("foo")); ok || tree.Len() != 0 || tree.Find([]byte("foo")) != nil || !tree.Match([]byte("foo"), never) {
			t.Fatal("an empty tree has something")
		}
	}
	tree := treeOf("foo", "foo.bar")
	for _, filter := range []string{"", ".", "..", "*.", "foo.", "foo.*.", "foo.>.", ">.", ".>"} {
		tree.Match([]byte(filter), never)
	}
}

// Go: TestSubjectTreeEmpty server/stree/stree_test.go:1446
func TestClear(t *testing.T) {
	tree := treeOf()
	tree.Clear()
	wantLen(t, tree, 0)
	tree = treeOf("foo.bar", "foo.baz", "bar.baz")
	wantLen(t, tree, 3)
	tree.Clear()
	wantLen(t, tree, 0)
	for _, subject := range []string{"foo.bar", "foo.baz", "bar.baz"} {
		wantAbsent(t, tree, subject)
	}
	insert(t, tree, "new.entry", 42)
	wantLen(t, tree, 1)
	wantFound(t, tree, "new.entry", 42)
}

func TestLengthOfSubjects(t *testing.T) {
	longest := strings.Repeat("x", SubjectMax)
	tree := treeOf(longest, longest[1:], longest[:SubjectMax-1]+"y")
	wantLen(t, tree, 3)
	wantFound(t, tree, longest, 1)
	for _, subject := range []string{"", longest + "x"} {
		if _, _, err := tree.Insert([]byte(subject), 1); !errors.Is(err, ErrLength) {
			t.Fatalf("Insert of %d bytes: %v", len(subject), err)
		}
	}
	remove(t, tree, longest, 1)
	remove(t, tree, longest[1:], 2)
	remove(t, tree, longest[:SubjectMax-1]+"y", 3)
}

// Many subjects come and go: chunks of all kinds fill, move and vanish.
func TestMemoryIsGivenBack(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	tree, model := &Tree[int]{}, map[string]int{}
	for round := range 4 {
		for i := range 10_000 {
			subject := fmt.Sprintf("orders.%d.%x.%s", random.IntN(50), random.Uint32()>>uint(random.IntN(32)), strings.Repeat("y", random.IntN(40)))
			_, had := model[subject]
			if _, replaced, err := tree.Insert([]byte(subject), i); err != nil || replaced != had {
				t.Fatalf("Insert(%q): %v, %v", subject, replaced, err)
			}
			model[subject] = i
		}
		check(t, tree)
		keep := 500 * (3 - round)
		known := slices.Sorted(maps.Keys(model))
		random.Shuffle(len(known), func(i, j int) { known[i], known[j] = known[j], known[i] })
		for _, subject := range known[keep:] {
			if got, ok := tree.Delete([]byte(subject)); !ok || got != model[subject] {
				t.Fatalf("Delete(%q): %d, %v", subject, got, ok)
			}
			delete(model, subject)
		}
		wantLen(t, tree, keep)
		for subject, value := range model {
			wantFound(t, tree, subject, value)
		}
		words := 0
		for _, chunk := range tree.nodes.chunks {
			words += len(chunk)
		}
		texts := 0
		for _, chunk := range tree.text.chunks {
			texts += len(chunk)
		}
		if texts > 2*tree.text.used+3*textChunk {
			t.Fatalf("%d bytes of text in use take %d", tree.text.used, texts)
		}
		if keep == 0 && words+texts > 0 {
			t.Fatalf("an empty tree keeps %d words and %d bytes of text", words, texts)
		}
	}
}

// A value lives where the tree keeps it, and may be changed in place.
func TestValuesChangeInPlace(t *testing.T) {
	tree := treeOf("foo.bar", "foo.baz")
	*tree.Find([]byte("foo.bar")) += 100
	tree.Match([]byte("foo.*"), func(subject []byte, value *int) bool {
		*value += bytes.Count(subject, []byte("z")) * 1000
		return true
	})
	wantFound(t, tree, "foo.bar", 101)
	wantFound(t, tree, "foo.baz", 1002)
}

// The oldest subjects go first, as in a stream with a limit: chunks become
// empty one after the other, and serve again.
func TestChunksServeAgain(t *testing.T) {
	const window = 3000
	tree := &Tree[int]{}
	subject := func(i int) []byte { return fmt.Appendf(nil, "events.%d.%s", i, strings.Repeat("z", i%50)) }
	for i := range 20 * window {
		if _, replaced, err := tree.Insert(subject(i), i); err != nil || replaced {
			t.Fatalf("Insert(%d): %v, %v", i, replaced, err)
		}
		if i < window {
			continue
		}
		if got, ok := tree.Delete(subject(i - window)); !ok || got != i-window {
			t.Fatalf("Delete(%d): %d, %v", i-window, got, ok)
		}
		if i%(2*window) == 0 {
			wantLen(t, tree, window)
		}
	}
	wantLen(t, tree, window)
	for i := 19 * window; i < 20*window; i++ {
		wantFound(t, tree, string(subject(i)), i)
	}
	if n := len(tree.leaves.chunks); n > 3*window/chunkItems {
		t.Errorf("%d chunks of leaves for %d subjects", n, window)
	}
	if n := len(tree.text.chunks); n*textChunk > 3*tree.text.used+4*textChunk {
		t.Errorf("%d chunks for %d bytes of text", n, tree.text.used)
	}
}

// What does not fit is refused, and leaves everything as it was.
func TestFull(t *testing.T) {
	for name, fill := range map[string]func(tree *Tree[int]){
		"text": func(tree *Tree[int]) {
			x := &tree.text
			x.chunks[x.open] = append(x.chunks[x.open], make([]byte, textChunk-len(x.chunks[x.open]))...)
			x.chunks = append(x.chunks, make([][]byte, textChunksMax-len(x.chunks))...)
			x.live = append(x.live, make([]int, textChunksMax-len(x.live))...)
		},
		"nodes": func(tree *Tree[int]) {
			a := &tree.nodes
			for c := range a.chunks {
				a.info[c].free, a.info[c].used = 0, arenaWords
			}
			a.chunks = append(a.chunks, make([][]uint32, arenaMax-len(a.chunks))...)
			a.info = append(a.info, make([]arenaChunk, arenaMax-len(a.info))...)
		},
	} {
		subjects := letters(5)
		tree := treeOf(subjects...)
		fill(tree)
		refused := 0
		for _, subject := range []string{"foo.bar.Z", "foo.bar.1", "foo", "foo.bar.A.more", "bar"} {
			if _, _, err := tree.Insert([]byte(subject), 99); err == nil {
				subjects = append(subjects, subject)
				continue
			} else if !errors.Is(err, ErrFull) {
				t.Fatalf("%s: Insert(%q): %v", name, subject, err)
			}
			refused++
			wantAbsent(t, tree, subject)
		}
		if refused < 3 {
			t.Errorf("%s: only %d were refused", name, refused)
		}
		wantLen(t, tree, len(subjects))
		for i, subject := range letters(5) {
			wantFound(t, tree, subject, i+1)
			if _, replaced, err := tree.Insert([]byte(subject), i+1); err != nil || !replaced {
				t.Errorf("%s: %q cannot be replaced: %v", name, subject, err)
			}
		}
		for _, subject := range subjects[1:] {
			if _, ok := tree.Delete([]byte(subject)); !ok {
				t.Errorf("%s: %q cannot be deleted", name, subject)
			}
			check(t, tree)
		}
	}
	var s store[int]
	for i := range uint32(chunkItems) {
		if got, ok := s.take(chunkItems); !ok || got != i {
			t.Fatalf("item %d is %d, %v", i, got, ok)
		}
	}
	if got, ok := s.take(chunkItems); ok {
		t.Fatalf("item %d is beyond the limit", got)
	}
}
