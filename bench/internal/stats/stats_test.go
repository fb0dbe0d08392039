package stats

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSummarize(t *testing.T) {
	cases := []struct {
		values []float64
		want   Spread
	}{
		{[]float64{7}, Spread{7, 7, 7}},
		{[]float64{9, 1}, Spread{5, 1, 9}},
		{[]float64{3, 9, 1}, Spread{3, 1, 9}},
		{[]float64{4, 8, 1, 2}, Spread{3, 1, 8}},
	}
	for _, test := range cases {
		before := slices.Clone(test.values)
		if got := Summarize(test.values); got != test.want {
			t.Errorf("Summarize(%v) = %v, want %v", test.values, got, test.want)
		}
		if !slices.Equal(before, test.values) {
			t.Errorf("Summarize changed its argument %v to %v", before, test.values)
		}
	}
	if got := Summarize([]float64{math.NaN(), 3}); got != (Spread{3, 3, 3}) {
		t.Errorf("a NaN was not left out: %v", got)
	}
	if got := Summarize(nil); !math.IsNaN(got.Median) || !math.IsNaN(got.Min) || !math.IsNaN(got.Max) {
		t.Errorf("Summarize of nothing = %v", got)
	}
}

func TestRatiosArePairedByRound(t *testing.T) {
	// The machine was twice as slow in the second round: the ratio is 2 in every round all the same.
	if got := Ratios([]float64{20, 10, 24}, []float64{10, 5, 12}); got != (Spread{2, 2, 2}) {
		t.Errorf("got %v", got)
	}
	if got := Ratios([]float64{6, 1, 5}, []float64{2, 0}); got != (Spread{3, 3, 3}) {
		t.Errorf("a zero divisor or a missing partner was not left out: %v", got)
	}
}

func TestPercentileByNearestRank(t *testing.T) {
	values := []int{15, 20, 35, 40, 50}
	for p, want := range map[float64]int{0: 15, 0.05: 15, 0.3: 20, 0.4: 20, 0.5: 35, 0.99: 50, 1: 50} {
		if got := Percentile(values, p); got != want {
			t.Errorf("Percentile(%v) = %d, want %d", p, got, want)
		}
	}
	if got := Percentile([]int(nil), 0.5); got != 0 {
		t.Errorf("Percentile of nothing = %d", got)
	}
}

func TestPercentileMeetsItsDefinition(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		values := rapid.SliceOfN(rapid.IntRange(0, 20), 1, 50).Draw(rt, "values")
		slices.Sort(values)
		p := float64(rapid.IntRange(0, 100).Draw(rt, "percent")) / 100
		got := Percentile(values, p)
		covers := func(limit int) bool {
			n := 0
			for _, v := range values {
				if v <= limit {
					n++
				}
			}
			return float64(n) >= p*float64(len(values))
		}
		if !covers(got) {
			rt.Fatalf("%d covers less than %v of %v", got, p, values)
		}
		if at := slices.Index(values, got); at > 0 && covers(values[at-1]) {
			rt.Fatalf("%d is not the smallest value that covers %v of %v", got, p, values)
		}
	})
}
