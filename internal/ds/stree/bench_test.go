package stree

import (
	"fmt"
	"testing"
)

func benchmarkSubjects() [][]byte {
	subjects := make([][]byte, 100_000)
	for i := range subjects {
		subjects[i] = fmt.Appendf(nil, "account.%d.stream.%d", i%1000, i)
	}
	return subjects
}

func filled(b *testing.B, subjects [][]byte) *Tree[int] {
	tree := &Tree[int]{}
	for i, subject := range subjects {
		if _, _, err := tree.Insert(subject, i); err != nil {
			b.Fatal(err)
		}
	}
	return tree
}

// BenchmarkInsert builds a tree. Together with finding, walking and matching below it
// shows what a tree costs in memory and time.
//
// Go: TestSubjectTreeMemoryPerf server/stree/stree_test.go:801
func BenchmarkInsert(b *testing.B) {
	subjects := benchmarkSubjects()
	b.ReportAllocs()
	for b.Loop() {
		filled(b, subjects)
	}
}

func BenchmarkFind(b *testing.B) {
	subjects := benchmarkSubjects()
	tree := filled(b, subjects)
	for i := 0; b.Loop(); i++ {
		if tree.Find(subjects[i*7919%len(subjects)]) == nil {
			b.Fatal("missing")
		}
	}
}

func BenchmarkReplace(b *testing.B) {
	subjects := benchmarkSubjects()
	tree := filled(b, subjects)
	for i := 0; b.Loop(); i++ {
		subject := subjects[i*7919%len(subjects)]
		value, _ := tree.Delete(subject)
		if _, _, err := tree.Insert(subject, value); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMatch matches all, some and few.
//
// Go: TestSubjectTreeMatchAllPerf server/stree/stree_test.go:751
func BenchmarkMatch(b *testing.B) {
	tree := filled(b, benchmarkSubjects())
	for _, filter := range []string{">", "account.*.stream.>", "account.77.*.*", "account.*.*.4242"} {
		b.Run(filter, func(b *testing.B) {
			for b.Loop() {
				tree.Match([]byte(filter), func([]byte, *int) bool { return true })
			}
		})
	}
}

// BenchmarkAll walks over all in order.
//
// Go: TestSubjectTreeIterPerf server/stree/stree_test.go:781
func BenchmarkAll(b *testing.B) {
	tree := filled(b, benchmarkSubjects())
	for b.Loop() {
		tree.All(func([]byte, *int) bool { return true })
	}
}
