package transform

import (
	"testing"

	"github.com/godwit-mq/godwit/internal/subject"
)

func FuzzNew(f *testing.F) {
	for _, c := range [][3]string{
		{"foo.*.*", "bar.$2.{{wildcard(1)}}", "foo.a.b"},
		{"foo.*.>", "{{partition(10,1)}}.{{random(3)}}.>", "foo.a.b.c"},
		{"*", "{{split(1,-)}}.{{split(1,)}}", "--a-*"},
		{"*.*", "{{left(1,2)}}.{{right(2,2)}}.{{splitfromleft(1,1)}}", "abc.>de"},
		{"*", "{{ SliceFromLeft ( 1 , 3 ) }}.{{sliceFromRight(1,3)}}.{{splitFromRight(1,3)}}", "1234567890"},
		{"", "", "a.b"},
		{"a.b", "x.{{partition(7)}}.$x", "a.b"},
		{"$1.*", "x{{.$1", "$1.b"},
	} {
		f.Add(c[0], c[1], c[2])
	}
	f.Fuzz(func(t *testing.T, source, destination, literal string) {
		Placeholders(destination)
		NumberWildcards(source)
		if made, err := New(source, destination); err == nil {
			fuzzApply(t, made, literal)
		}
		made, err := NewStrict(source, destination)
		if err != nil {
			return
		}
		back, err := made.Reverse()
		if err != nil {
			t.Fatalf("%v: %v", made, err)
		}
		if to, ok := made.Match(literal); ok {
			if got, ok := back.Match(to); !ok || got != literal {
				t.Fatalf("%v: %q becomes %q and that %q, %v", made, literal, to, got, ok)
			}
		}
	})
}

func fuzzApply(t *testing.T, made *Transform, literal string) {
	made = made.WithRandom(func() uint64 { return 12345 })
	got := made.Apply(literal)
	if appended := made.AppendTo(nil, []byte(literal)); string(appended) != got {
		t.Fatalf("%v: %q becomes %q and %q", made, literal, got, appended)
	}
	if matched, ok := made.Match(literal); ok && (matched != got || !subject.IsValidLiteral(got)) {
		t.Fatalf("%v: %q becomes %q (%q), which is no literal subject", made, literal, matched, got)
	}
}

func FuzzMapping(f *testing.F) {
	f.Add("foo.*", "bar.$1", byte(40), "foo.$1", byte(10), "SYN", "foo.a", uint64(7))
	f.Add("foo", "foo", byte(80), "b", byte(20), "", "foo", uint64(99))
	f.Add("foo.>", "foo.>", byte(80), "b.{{partition(3)}}.>", byte(100), "C", "foo.x.y", uint64(1))
	f.Fuzz(func(t *testing.T, source, one string, weightOne byte, two string, weightTwo byte, cluster, literal string, number uint64) {
		m, err := NewMapping(source, []Destination{{one, weightOne, ""}, {two, weightTwo, cluster}})
		if err != nil {
			return
		}
		found := NewMappings(m).Find(literal)
		if (found == m) != subject.Match(literal, source) {
			t.Fatalf("source %q: %q finds %v", source, literal, found)
		}
		if found == nil || !subject.IsValidLiteral(literal) {
			return
		}
		mapped, outcome := m.Choose(literal, cluster, func() uint64 { return number })
		if (outcome == Dropped) != (mapped == "") || (outcome == Unchanged) != (mapped == literal) {
			t.Fatalf("%q becomes %q, %v", literal, mapped, outcome)
		}
		if outcome == Mapped && !subject.IsValidLiteral(mapped) {
			t.Fatalf("%q becomes %q, which is no literal subject", literal, mapped)
		}
	})
}
