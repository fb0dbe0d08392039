package ds_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	reference "github.com/nats-io/nats-server/v2/server/stree"

	"github.com/godwit-mq/godwit/internal/ds/stree"
)

// An entry is what a stream keeps for a subject.
type entry struct {
	count       uint64
	first, last uint32
}

type treeShape struct {
	name    string
	make    func() [][]byte
	filters []string
}

func formatted(n int, format func(i int, random *rand.Rand) string) func() [][]byte {
	return func() [][]byte {
		random := rand.New(rand.NewPCG(uint64(n), 1))
		subjects := make([][]byte, n)
		for i := range subjects {
			subjects[i] = []byte(format(i, random))
		}
		return subjects
	}
}

var treeShapes = []treeShape{
	{"small/20", formatted(20, func(i int, _ *rand.Rand) string { return fmt.Sprintf("orders.%d.new", i) }),
		[]string{"orders.*.new", "orders.7.*", ">"}},
	{"devices/10k", formatted(10_000, func(i int, _ *rand.Rand) string { return fmt.Sprintf("devices.%d.state.temperature", i) }),
		[]string{"devices.*.state.temperature", "devices.77.>", ">"}},
	{"account/250k", formatted(250_000, func(i int, _ *rand.Rand) string { return fmt.Sprintf("account.%d.stream.%d", i%1000, i) }),
		[]string{"account.*.stream.>", "account.77.>", "account.*.*.4242", ">"}},
	{"keys/250k", formatted(250_000, func(_ int, random *rand.Rand) string {
		const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		key := []byte("$KV.bucket.0123456789ABCDEFGHIJKL")
		for i := len(key) - 22; i < len(key); i++ {
			key[i] = digits[random.IntN(len(digits))]
		}
		return string(key)
	}), []string{"$KV.bucket.>", "$KV.*.*"}},
}

func shuffledSubjects(subjects [][]byte) [][]byte {
	random := rand.New(rand.NewPCG(3, 4))
	order := slices.Clone(subjects)
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

func ourTree(subjects [][]byte) *stree.Tree[entry] {
	t := &stree.Tree[entry]{}
	for i, subject := range subjects {
		if _, _, err := t.Insert(subject, entry{first: uint32(i)}); err != nil {
			panic(err)
		}
	}
	return t
}

func referenceTree(subjects [][]byte) *reference.SubjectTree[entry] {
	t := reference.NewSubjectTree[entry]()
	for i, subject := range subjects {
		t.Insert(subject, entry{first: uint32(i)})
	}
	return t
}

func eachTreeShape(b *testing.B, run func(b *testing.B, shape treeShape, subjects [][]byte)) {
	for _, shape := range treeShapes {
		subjects := shape.make()
		b.Run(shape.name, func(b *testing.B) { run(b, shape, subjects) })
	}
}

func BenchmarkTreeInsert(b *testing.B) {
	eachTreeShape(b, func(b *testing.B, _ treeShape, subjects [][]byte) {
		b.Run("godwit", func(b *testing.B) {
			for b.Loop() {
				ourTree(subjects)
			}
			perEntry(b, len(subjects))
			b.ReportMetric(heap(func() any { return ourTree(subjects) })/float64(len(subjects)), "bytes/entry")
		})
		b.Run("reference", func(b *testing.B) {
			for b.Loop() {
				referenceTree(subjects)
			}
			perEntry(b, len(subjects))
			b.ReportMetric(heap(func() any { return referenceTree(subjects) })/float64(len(subjects)), "bytes/entry")
		})
	})
}

// Subjects are looked up in random order, as publishers ask.
func BenchmarkTreeFind(b *testing.B) {
	eachTreeShape(b, func(b *testing.B, _ treeShape, subjects [][]byte) {
		ours, theirs := ourTree(subjects), referenceTree(subjects)
		order := shuffledSubjects(subjects)
		b.Run("godwit", func(b *testing.B) {
			for b.Loop() {
				for _, subject := range order {
					if ours.Find(subject) == nil {
						b.Fatal("missing")
					}
				}
			}
			perEntry(b, len(subjects))
		})
		b.Run("reference", func(b *testing.B) {
			for b.Loop() {
				for _, subject := range order {
					if _, ok := theirs.Find(subject); !ok {
						b.Fatal("missing")
					}
				}
			}
			perEntry(b, len(subjects))
		})
	})
}

// Each subject is taken out and put in again.
func BenchmarkTreeReplace(b *testing.B) {
	eachTreeShape(b, func(b *testing.B, _ treeShape, subjects [][]byte) {
		order := shuffledSubjects(subjects)
		b.Run("godwit", func(b *testing.B) {
			t := ourTree(subjects)
			for b.Loop() {
				for _, subject := range order {
					value, _ := t.Delete(subject)
					if _, _, err := t.Insert(subject, value); err != nil {
						b.Fatal(err)
					}
				}
			}
			perEntry(b, len(subjects))
		})
		b.Run("reference", func(b *testing.B) {
			t := referenceTree(subjects)
			for b.Loop() {
				for _, subject := range order {
					value, _ := t.Delete(subject)
					t.Insert(subject, *value)
				}
			}
			perEntry(b, len(subjects))
		})
	})
}

// The trees are filled in random order: what follows each other in a walk does
// not lie side by side in memory.
func BenchmarkTreeMatch(b *testing.B) {
	eachTreeShape(b, func(b *testing.B, shape treeShape, subjects [][]byte) {
		order := shuffledSubjects(subjects)
		ours, theirs := ourTree(order), referenceTree(order)
		for _, filter := range shape.filters {
			b.Run(filter+"/godwit", func(b *testing.B) {
				n := uint64(0)
				for b.Loop() {
					ours.Match([]byte(filter), func(subject []byte, value *entry) bool {
						n += value.count + uint64(len(subject))
						return true
					})
				}
			})
			b.Run(filter+"/reference", func(b *testing.B) {
				n := uint64(0)
				for b.Loop() {
					theirs.Match([]byte(filter), func(subject []byte, value *entry) {
						n += value.count + uint64(len(subject))
					})
				}
			})
		}
	})
}

// The reference walks faster where the order of subjects does not matter; it
// does here both ways, godwit has only one.
func BenchmarkTreeIterate(b *testing.B) {
	eachTreeShape(b, func(b *testing.B, _ treeShape, subjects [][]byte) {
		order := shuffledSubjects(subjects)
		ours, theirs := ourTree(order), referenceTree(order)
		n := uint64(0)
		visit := func(subject []byte, value *entry) bool {
			n += value.count + uint64(len(subject))
			return true
		}
		for way, walk := range map[string]func(func([]byte, *entry) bool){"ordered": theirs.IterOrdered, "fast": theirs.IterFast} {
			b.Run(way+"/godwit", func(b *testing.B) {
				for b.Loop() {
					ours.All(visit)
				}
				perEntry(b, len(subjects))
			})
			b.Run(way+"/reference", func(b *testing.B) {
				for b.Loop() {
					walk(visit)
				}
				perEntry(b, len(subjects))
			})
		}
	})
}

func BenchmarkTreeIntersect(b *testing.B) {
	eachTreeShape(b, func(b *testing.B, _ treeShape, subjects [][]byte) {
		order := shuffledSubjects(subjects)
		half := order[:len(order)/2]
		b.Run("godwit", func(b *testing.B) {
			x, y := ourTree(subjects), ourTree(half)
			for b.Loop() {
				n := 0
				stree.Intersect(x, y, func([]byte, *entry, *entry) bool {
					n++
					return true
				})
			}
			perEntry(b, len(half))
		})
		b.Run("reference", func(b *testing.B) {
			x, y := referenceTree(subjects), referenceTree(half)
			for b.Loop() {
				n := 0
				reference.LazyIntersect(x, y, func([]byte, *entry, *entry) { n++ })
			}
			perEntry(b, len(half))
		})
	})
}

// Both trees give the same answers to valid filters.
func TestTreesAgree(t *testing.T) {
	for _, shape := range treeShapes {
		subjects := shape.make()
		ours, theirs := ourTree(subjects), referenceTree(subjects)
		if ours.Len() != theirs.Size() {
			t.Fatalf("%s: %d and %d subjects", shape.name, ours.Len(), theirs.Size())
		}
		for _, filter := range shape.filters {
			got := map[string]uint32{}
			ours.Match([]byte(filter), func(subject []byte, value *entry) bool {
				got[string(subject)] = value.first
				return true
			})
			n := 0
			theirs.Match([]byte(filter), func(subject []byte, value *entry) {
				n++
				if got[string(subject)] != value.first {
					t.Fatalf("%s: %q is %d, want %d", filter, subject, got[string(subject)], value.first)
				}
			})
			if n != len(got) {
				t.Fatalf("%s: %q matches %d, want %d", shape.name, filter, len(got), n)
			}
		}
		var previous []byte
		ours.All(func(subject []byte, _ *entry) bool {
			if bytes.Compare(previous, subject) >= 0 {
				t.Fatalf("%q follows %q", subject, previous)
			}
			previous = append(previous[:0], subject...)
			return true
		})
	}
}
