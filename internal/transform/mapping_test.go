package transform

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mapping(t testing.TB, source string, destinations ...Destination) *Mapping {
	t.Helper()
	m, err := NewMapping(source, destinations)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// to is a destination on all servers.
func to(subject string, weight uint8) Destination {
	return Destination{Subject: subject, Weight: weight}
}

// tally asks a mapping once for each number that can be drawn, both ways.
func tally(t *testing.T, m *Mapping, literal, cluster string) map[string]int {
	t.Helper()
	count := map[string]int{}
	for n := range uint64(100) {
		draw := func() uint64 { return n }
		mapped, outcome := m.Choose(literal, cluster, draw)
		appended, same := m.AppendTo([]byte("x "), []byte(literal), cluster, draw)
		want := "x "
		if outcome == Mapped {
			want += mapped
		}
		if same != outcome || string(appended) != want {
			t.Fatalf("Choose(%q) is %q, %v, but AppendTo is %q, %v", literal, mapped, outcome, appended, same)
		}
		if outcome == Dropped {
			mapped = "(dropped)"
		}
		count[mapped]++
	}
	return count
}

func TestWeights(t *testing.T) {
	for name, c := range map[string]struct {
		source       string
		destinations []Destination
		literal      string
		cluster      string
		want         map[string]int
	}{
		"the source gets what is missing": {
			"foo", []Destination{to("bar", 50)}, "foo", "", map[string]int{"foo": 50, "bar": 50},
		},
		"several destinations and a remainder": {
			"foo", []Destination{to("bar", 50), to("baz", 30)}, "foo", "", map[string]int{"foo": 20, "bar": 50, "baz": 30},
		},
		"nothing is missing": {
			"foo", []Destination{to("bar", 50), to("baz", 50)}, "foo", "", map[string]int{"bar": 50, "baz": 50},
		},
		"one destination for all": {
			"foo", []Destination{to("bar", 100)}, "foo", "", map[string]int{"bar": 100},
		},
		"no destinations": {
			"foo", nil, "foo", "", map[string]int{"foo": 100},
		},
		"a destination without weight": {
			"foo", []Destination{to("bar", 0)}, "foo", "", map[string]int{"foo": 100},
		},
		"loss": {
			"foo", []Destination{to("foo", 80)}, "foo", "", map[string]int{"foo": 80, "(dropped)": 20},
		},
		"loss of everything": {
			"bar", []Destination{to("bar", 0)}, "bar", "", map[string]int{"(dropped)": 100},
		},
		"loss beside another destination": {
			"foo", []Destination{to("foo", 10), to("bar", 30)}, "foo", "", map[string]int{"foo": 10, "bar": 30, "(dropped)": 60},
		},
		"loss of an open source": {
			"foo.>", []Destination{to("foo.>", 70)}, "foo.a", "", map[string]int{"foo.a": 70, "(dropped)": 30},
		},
		"wildcards in the remainder": {
			"foo.*.*", []Destination{to("bar.$2.$1", 60)}, "foo.a.b", "", map[string]int{"foo.a.b": 40, "bar.b.a": 60},
		},
		"references to the source itself are no loss": {
			"foo.*", []Destination{to("foo.$1", 60)}, "foo.a", "", map[string]int{"foo.a": 100},
		},
		"a result that happens to be the same": {
			"foo.*.*", []Destination{to("foo.$2.$1", 100)}, "foo.a.a", "", map[string]int{"foo.a.a": 100},
		},
		"another cluster uses the main list": {
			"foo", []Destination{{"bar", 100, "SYN"}}, "foo", "ACK", map[string]int{"foo": 100},
		},
		"no cluster uses the main list": {
			"foo", []Destination{{"bar", 100, "SYN"}}, "foo", "", map[string]int{"foo": 100},
		},
		"a cluster uses its own list": {
			"foo", []Destination{{"bar", 100, "SYN"}}, "foo", "SYN", map[string]int{"bar": 100},
		},
		"the list of a cluster is filled up, too": {
			"foo", []Destination{to("baz", 10), {"bar", 25, "SYN"}}, "foo", "SYN", map[string]int{"bar": 25, "foo": 75},
		},
		"loss in a cluster stays there": {
			"foo", []Destination{{"foo", 25, "SYN"}}, "foo", "", map[string]int{"foo": 100},
		},
		"loss in a cluster": {
			"foo", []Destination{{"foo", 25, "SYN"}}, "foo", "SYN", map[string]int{"foo": 25, "(dropped)": 75},
		},
		"each list has 100 percent": {
			"foo", []Destination{to("a", 60), {"b", 60, "SYN"}, {"c", 40, "SYN"}}, "foo", "SYN", map[string]int{"b": 60, "c": 40},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := mapping(t, c.source, c.destinations...)
			if diff := cmp.Diff(c.want, tally(t, m, c.literal, c.cluster)); diff != "" {
				t.Errorf("%v (-want +got):\n%s", c.destinations, diff)
			}
		})
	}
}

func TestWeightsHoldInTheLongRun(t *testing.T) {
	m := mapping(t, "foo", to("bar", 50), to("baz", 30))
	random := rand.New(rand.NewPCG(1, 2))
	const total = 20_000
	count := map[string]int{}
	for range total {
		mapped, _ := m.Choose("foo", "", random.Uint64)
		count[mapped]++
	}
	for name, percent := range map[string]int{"foo": 20, "bar": 50, "baz": 30} {
		if expected := total * percent / 100; count[name] < expected*95/100 || count[name] > expected*105/100 {
			t.Errorf("%q was chosen %d times; want about %d", name, count[name], expected)
		}
	}
}

func TestWithoutASourceOfNumbersOneIsFound(t *testing.T) {
	m := mapping(t, "foo", to("bar.{{random(2)}}", 60))
	seen := map[string]bool{}
	var dst []byte
	for range 1000 {
		mapped, _ := m.Choose("foo", "", nil)
		seen[mapped] = true
		dst, _ = m.AppendTo(dst[:0], []byte("foo"), "", nil)
		seen[string(dst)] = true
	}
	if want := map[string]bool{"": true, "foo": true, "bar.0": true, "bar.1": true}; !cmp.Equal(want, seen) {
		t.Errorf("seen: %v", seen)
	}
}

func TestMappingErrors(t *testing.T) {
	const prefix = "invalid mapping destination: "
	for _, c := range []struct {
		source       string
		destinations []Destination
		want         string
	}{
		{"foo..bar", nil, "invalid subject"},
		{"", nil, "invalid subject"},
		{"foo", []Destination{to("", 100)}, "invalid subject"},
		{"foo", []Destination{to("bar", 150)}, "individual weights need to be <= 100"},
		{"foo", []Destination{to("bar", 50), to("bar", 50)}, `duplicate entry for "bar"`},
		{"foo", []Destination{to("bar", 50), {"bar", 50, "SYN"}}, `duplicate entry for "bar"`},
		{"foo", []Destination{to("bar", 50), to("baz", 60)}, "total weight needs to be <= 100"},
		{"foo", []Destination{{"bar", 50, "SYN"}, {"baz", 60, "SYN"}}, "total weight needs to be <= 100"},
		{"foo", []Destination{to("a", 100), to("b", 100), to("c", 100)}, "total weight needs to be <= 100"},
		{"foo", []Destination{to("bar..baz", 50)}, prefix + "invalid transform"},
		{"foo", []Destination{to("bar.b z", 50)}, prefix + "invalid transform"},
		{"foo", []Destination{to("bar.\tz", 50)}, prefix + "invalid transform"},
		{"foo.>", []Destination{to("bar.>.z", 50)}, prefix + "invalid transform in z"},
		{"foo.*", []Destination{to("bar.*", 50)}, "invalid subject"},
		{"foo.*", []Destination{to("bar.$2", 50)}, prefix + "wildcard index out of range in $2: [2]"},
		{"foo.*", []Destination{to("bar.{{x(1)}}", 50)}, prefix + "unknown function in {{x(1)}}"},
		{"foo.*", []Destination{to("a b{{wildcard(1)}}", 50)}, prefix + "unknown function in a b{{wildcard(1)}}"},
	} {
		if got, err := NewMapping(c.source, c.destinations); got != nil || err == nil || err.Error() != c.want {
			t.Errorf("%q to %v: error %v; want %q", c.source, c.destinations, err, c.want)
		}
	}
	if _, err := NewMapping("foo", []Destination{to("b z", 50)}); !errors.Is(err, ErrInvalidDestination) {
		t.Errorf("error %v is no ErrInvalidDestination", err)
	}
	mapping(t, "foo.*", to("a.{{ left( 1 , 2 ) }}", 50), to("a.{{ right (1, 2) }}", 30), Destination{"b.$1", 100, "SYN"})
}

func TestMonitoringShowsRunningTotals(t *testing.T) {
	for _, c := range []struct {
		source       string
		destinations []Destination
		want         []Destination
	}{
		{"m.a", []Destination{to("m.b", 50), {"m.c", 25, "C1"}},
			[]Destination{to("m.b", 50), to("m.a", 100), {"m.c", 25, "C1"}, {"m.a", 100, "C1"}}},
		{"half", []Destination{to("half2", 50)}, []Destination{to("half2", 50), to("half", 100)}},
		{"a.*", []Destination{to("b.$1", 70)}, []Destination{to("a.$1", 30), to("b.$1", 100)}},
		{"a", []Destination{to("a", 70), to("b", 20)}, []Destination{to("b", 20), to("a", 90)}},
		{"a", []Destination{{"c", 100, "Z"}, {"b", 100, "Y"}},
			[]Destination{to("a", 100), {"b", 100, "Y"}, {"c", 100, "Z"}}},
	} {
		m := mapping(t, c.source, c.destinations...)
		if diff := cmp.Diff(c.want, m.RunningTotals()); diff != "" || m.Source() != c.source {
			t.Errorf("%q (-want +got):\n%s", m.Source(), diff)
		}
	}
}

func TestWhatMayBeRemembered(t *testing.T) {
	m := mapping(t, "foo", to("bar", 100), Destination{"a", 50, "HALF"}, Destination{"b.{{random(2)}}", 100, "DICE"},
		Destination{"foo", 0, "LOST"}, Destination{"c.{{random(2)}}", 0, "NEVER"})
	for cluster, want := range map[string]bool{"": true, "OTHER": true, "HALF": false, "DICE": false, "LOST": true, "NEVER": true} {
		if got := m.IsFixed(cluster); got != want {
			t.Errorf("cluster %q: IsFixed is %v", cluster, got)
		}
	}
	never := func() uint64 { t.Error("a number was drawn"); return 0 }
	if mapped, outcome := m.Choose("foo", "", never); mapped != "bar" || outcome != Mapped {
		t.Errorf("%q, %v", mapped, outcome)
	}
}

func TestOutcomesHaveNames(t *testing.T) {
	if got := []string{Unchanged.String(), Mapped.String(), Dropped.String()}; !slices.Equal(got, []string{"unchanged", "mapped", "dropped"}) {
		t.Errorf("%q", got)
	}
}

func sources(s *Mappings) string {
	var list []string
	for m := range s.All() {
		list = append(list, m.Source())
	}
	return strings.Join(list, " ")
}

func TestPrecedenceOfMappings(t *testing.T) {
	var list []*Mapping
	for _, source := range strings.Fields("> *.b foo.> *.bar foo.* foo a.*.c foo.bar a.b.* foo.*.x") {
		list = append(list, mapping(t, source))
	}
	set := NewMappings(list...)
	for literal, want := range map[string]string{
		"foo": "foo", "foo.bar": "foo.bar", "foo.b": "foo.*", "foo.b.x": "foo.*.x", "foo.b.y": "foo.>", "a.b.c": "a.b.*",
		"a.x.c": "a.*.c", "x.bar": "*.bar", "x.b": "*.b", "x": ">", "a.b.x": "a.b.*", "*.b": "*.b", "foo.*": "foo.*",
	} {
		if got := set.Find(literal); got == nil || got.Source() != want {
			t.Errorf("%q finds %v; want %q", literal, got, want)
		}
	}
	for _, malformed := range []string{"", "a..b", "foo.", ".", "foo..x"} {
		if got := set.Find(malformed); got != nil {
			t.Errorf("%q finds %q", malformed, got.Source())
		}
	}
}

func TestMappingsAreReplacedAndRemoved(t *testing.T) {
	var none *Mappings
	if none.Len() != 0 || none.Find("foo") != nil || none.FindBytes([]byte("foo")) != nil || sources(none) != "" {
		t.Error("a nil set is not empty")
	}
	first, second := mapping(t, "foo", to("a", 100)), mapping(t, "foo", to("b", 100))
	one := none.With(first)
	if one.Find("foo") != first || NewMappings(first, second).Find("foo") != second || NewMappings(first, second).Len() != 1 {
		t.Error("the later mapping of a source does not count")
	}
	two := one.With(mapping(t, "foo.*")).With(second)
	if two.Find("foo") != second || two.Len() != 2 || sources(two) != "foo foo.*" {
		t.Errorf("after With: %v", sources(two))
	}
	if left := two.Without("foo"); left.Find("foo") != nil || left.Find("foo.a") == nil || left.Len() != 1 {
		t.Errorf("after Without: %v", sources(left))
	}
	if two.Without("none").Len() != 2 || none.Without("foo").Len() != 0 {
		t.Error("removing what is not there changes the set")
	}
	if one.Find("foo") != first || one.Len() != 1 || two.Find("foo") != second {
		t.Error("a set was changed")
	}
}

func TestFindingAndChoosingAllocateNothing(t *testing.T) {
	set := NewMappings(mapping(t, "foo", to("bar", 50)), mapping(t, "foo.*", to("bar.$1.{{partition(3,1)}}", 50)), mapping(t, "*.x", to("y", 20)))
	buffer := make([]byte, 0, 64)
	for _, literal := range []string{"foo", "foo.bar", "none.at.all", "any.x"} {
		bytes := []byte(literal)
		number := uint64(0)
		draw := func() uint64 { number++; return number }
		if n := testing.AllocsPerRun(200, func() {
			if m := set.FindBytes(bytes); m != nil {
				buffer, _ = m.AppendTo(buffer[:0], bytes, "", draw)
			}
			set.Find(literal)
		}); n > 0 {
			t.Errorf("%q: %v allocations", literal, n)
		}
	}
}
