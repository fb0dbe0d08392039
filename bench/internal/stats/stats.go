package stats

import (
	"cmp"
	"math"
	"slices"
)

// Spread is the median of some values together with the smallest and the largest.
type Spread struct{ Median, Min, Max float64 }

// Summarize returns the spread of the values that are numbers; of none it is all NaN.
func Summarize(values []float64) Spread {
	sorted := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(sorted) == 0 {
		return Spread{math.NaN(), math.NaN(), math.NaN()}
	}
	slices.Sort(sorted)
	return Spread{Median: median(sorted), Min: sorted[0], Max: sorted[len(sorted)-1]}
}

func median(sorted []float64) float64 {
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Ratios returns the spread of a[i]/b[i]. Pairs with a zero divisor or a NaN, or of which one side is missing because
// its slice is shorter, are left out.
func Ratios(a, b []float64) Spread {
	var ratios []float64
	for i := range min(len(a), len(b)) {
		if b[i] != 0 {
			ratios = append(ratios, a[i]/b[i])
		}
	}
	return Summarize(ratios)
}

// Percentile returns the smallest value that at least the fraction p (0 to 1) of the values do not exceed (the
// nearest-rank method). The values must be sorted; of none the result is the zero value.
func Percentile[T cmp.Ordered](sorted []T, p float64) T {
	if len(sorted) == 0 {
		var zero T
		return zero
	}
	rank := int(math.Ceil(p * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
