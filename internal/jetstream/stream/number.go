package stream

import (
	"math"
	"strconv"
)

// parseUint reads a plain decimal number.
func parseUint(text []byte) (uint64, bool) {
	if len(text) == 0 || len(text) > 20 {
		return 0, false
	}
	var n uint64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		d := uint64(c - '0')
		if n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// parseSequence reads an expected sequence: what is no number is a sequence that
// nothing has.
func parseSequence(text []byte) uint64 {
	n, ok := parseUint(text)
	if !ok {
		return math.MaxUint64
	}
	return n
}

func formatUint(n uint64) string { return strconv.FormatUint(n, 10) }
