// Package stats holds the few statistics that a comparison of two servers needs: the median of the rounds with its
// smallest and largest value, ratios paired by round, and percentiles of latencies.
//
// Rounds are interleaved (A B A B ...), so round i of both servers ran under nearly the same conditions. Ratios are
// therefore taken within each round first and summarised afterwards; the ratio of two medians would throw that away.
//
// All functions are pure and leave their arguments as they are, except where a comment says that they sort.
package stats
