package transform

import (
	"strconv"
	"unicode/utf8"

	"github.com/godwit-mq/godwit/internal/subject"
)

// placesInPlace is up to how many tokens are found without an allocation.
const placesInPlace = 32

// Match rewrites a literal subject. It is false if the subject is not a valid
// literal or does not match the source.
func (t *Transform) Match(literal string) (string, bool) {
	if !subject.IsValidLiteral(literal) || !subject.MatchFrom(literal, 0, t.source, 0) {
		return "", false
	}
	return t.Apply(literal), true
}

// Apply rewrites a subject that is known to match the source. For any other
// the result is of no use: tokens that are missing count as empty.
func (t *Transform) Apply(matching string) string {
	return apply(t, matching, t.random)
}

func apply(t *Transform, matching string, draw func() uint64) string {
	switch {
	case t.identity:
		return matching
	case t.constant:
		return t.parts[0].text
	}
	var buffer [128]byte
	return string(write(t, buffer[:0], matching, draw))
}

// AppendTo appends to dst what Apply would return and gives back the extended
// slice. The subject is not kept; dst must not share memory with it.
func (t *Transform) AppendTo(dst, matching []byte) []byte {
	return write(t, dst, matching, t.random)
}

// AppendStringTo is AppendTo for a subject that is a string.
func (t *Transform) AppendStringTo(dst []byte, matching string) []byte {
	return write(t, dst, matching, t.random)
}

// write appends the result for a subject to dst.
func write[T subject.Text](t *Transform, dst []byte, s T, draw func() uint64) []byte {
	if t.identity {
		return append(dst, s...)
	}
	var buffer [placesInPlace + 1]int
	starts := tokenStarts(buffer[:0], s, t.places)
	for i := range t.parts {
		p := &t.parts[i]
		if i > 0 {
			dst = append(dst, '.')
		}
		switch p.kind {
		case text:
			dst = append(dst, p.text...)
		case rest:
			dst = append(dst, s[restStart(starts, p.places[0], len(s)):]...)
		case wildcard:
			dst = append(dst, tokenAt(s, starts, p.places[0])...)
		case partition:
			dst = appendPartition(dst, p, s, starts)
		case random:
			dst = appendNumber(dst, draw, p.number)
		default:
			dst = appendCut(dst, p, tokenAt(s, starts, p.places[0]))
		}
	}
	return dst
}

// tokenStarts appends the offsets at which the first tokens of s begin, one
// more than asked for. Behind the last token the next one begins where it would
// after a '.'; if there are fewer tokens, the list ends with that.
func tokenStarts[T subject.Text](starts []int, s T, tokens int) []int {
	starts = append(starts, 0)
	for i := 0; i < len(s) && len(starts) <= tokens; i++ {
		if s[i] == '.' {
			starts = append(starts, i+1)
		}
	}
	if len(starts) <= tokens {
		starts = append(starts, len(s)+1)
	}
	return starts
}

// tokenAt returns the token at a place, an empty one if there is none.
func tokenAt[T subject.Text](s T, starts []int, place int) T {
	if place+1 >= len(starts) {
		return s[:0]
	}
	return s[starts[place] : starts[place+1]-1]
}

// restStart returns where the token at a place begins, or the length of the
// subject if there is none.
func restStart(starts []int, place, length int) int {
	if place+1 >= len(starts) {
		return length
	}
	return starts[place]
}

// FNV-1a with 32 bits. All servers must agree on partitions.
const (
	hashBasis = 2166136261
	hashPrime = 16777619
)

func hash[T subject.Text](sum uint32, s T) uint32 {
	for i := 0; i < len(s); i++ {
		sum = (sum ^ uint32(s[i])) * hashPrime
	}
	return sum
}

func appendPartition[T subject.Text](dst []byte, p *part, s T, starts []int) []byte {
	if p.number == 0 {
		return append(dst, '0')
	}
	sum := uint32(hashBasis)
	for _, place := range p.places {
		sum = hash(sum, tokenAt(s, starts, place))
	}
	if len(p.places) == 0 {
		sum = hash(sum, s)
	}
	return strconv.AppendUint(dst, uint64(sum%uint32(p.number)), 10)
}

func appendNumber(dst []byte, draw func() uint64, n int) []byte {
	if n == 0 {
		return append(dst, '0')
	}
	return strconv.AppendUint(dst, draw()%uint64(n), 10)
}

// appendCut appends what a function makes of one token: the token itself if
// there is nothing to cut, or if the pieces would not be literal tokens.
func appendCut[T subject.Text](dst []byte, p *part, s T) []byte {
	mark := len(dst)
	switch n := p.number; {
	case p.kind == split:
		dst = appendSplit(dst, s, p.text)
	case n <= 0 || n >= len(s):
	case p.kind == left:
		dst = append(dst, s[:n]...)
	case p.kind == right:
		dst = append(dst, s[len(s)-n:]...)
	case p.kind == splitFromLeft:
		dst = appendPieces(dst, s, n, len(s))
	case p.kind == splitFromRight:
		dst = appendPieces(dst, s, len(s)-n, len(s))
	case p.kind == sliceFromLeft:
		dst = appendPieces(dst, s, n, n)
	case p.kind == sliceFromRight:
		dst = appendPieces(dst, s, (len(s)-1)%n+1, n)
	}
	if len(dst) == mark || !subject.IsLiteral(dst[mark:]) {
		return append(dst[:mark], s...)
	}
	return dst
}

// appendPieces cuts a token behind the first bytes, then each size bytes.
func appendPieces[T subject.Text](dst []byte, s T, first, size int) []byte {
	dst = append(dst, s[:first]...)
	for at := first; at < len(s); at += size {
		dst = append(dst, '.')
		dst = append(dst, s[at:min(at+size, len(s))]...)
	}
	return dst
}

// appendSplit cuts a token at each delimiter and drops empty pieces.
func appendSplit[T subject.Text](dst []byte, s T, delimiter string) []byte {
	mark := len(dst)
	for len(s) > 0 {
		piece, after := cutDelimiter(s, delimiter)
		if len(piece) > 0 && len(dst) > mark {
			dst = append(dst, '.')
		}
		dst = append(dst, piece...)
		s = after
	}
	return dst
}

// cutDelimiter returns what stands before and after the first delimiter; an
// empty one stands behind each character.
func cutDelimiter[T subject.Text](s T, delimiter string) (piece, after T) {
	if delimiter == "" {
		_, size := utf8.DecodeRuneInString(string(s[:min(len(s), utf8.UTFMax)]))
		return s[:size], s[size:]
	}
	for i := 0; i+len(delimiter) <= len(s); i++ {
		if string(s[i:i+len(delimiter)]) == delimiter {
			return s[:i], s[i+len(delimiter):]
		}
	}
	return s, s[len(s):]
}
