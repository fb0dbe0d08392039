package transform

import (
	"fmt"
	"testing"
)

var benchmarked = []struct{ name, source, destination, literal string }{
	{"Same", "orders.*.*", "", "orders.eu.1234567"},
	{"Constant", "orders.new", "orders.all", "orders.new"},
	{"Prefix", ">", "prefix.>", "orders.eu.1234567.created"},
	{"Swap", "orders.*.*", "o.$2.$1", "orders.eu.1234567"},
	{"Partition", "orders.*.*", "o.$1.{{partition(10,1,2)}}", "orders.eu.1234567"},
	{"Slice", "orders.*.*", "o.$1.{{slicefromleft(2,2)}}", "orders.eu.1234567"},
	{"Split", "orders.*.*", "o.$1.{{split(2,-)}}", "orders.eu.12-34-56-7"},
}

func BenchmarkMatch(b *testing.B) {
	for _, c := range benchmarked {
		made := must(b)(New(c.source, c.destination))
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				made.Match(c.literal)
			}
		})
	}
}

func BenchmarkAppendTo(b *testing.B) {
	for _, c := range benchmarked {
		made := must(b)(New(c.source, c.destination))
		literal := []byte(c.literal)
		var buffer []byte
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				buffer = made.AppendTo(buffer[:0], literal)
			}
		})
	}
}

func BenchmarkFind(b *testing.B) {
	var list []*Mapping
	for i := range 1000 {
		list = append(list, mapping(b, fmt.Sprintf("literal.%d", i)), mapping(b, fmt.Sprintf("orders%d.*", i)))
	}
	set := NewMappings(list...)
	for _, literal := range []string{"literal.500", "orders500.x", "nothing.of.this"} {
		bytes := []byte(literal)
		b.Run(literal, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.FindBytes(bytes)
			}
		})
	}
}
