package subject

// Match tells whether pattern selects the subject literal. Wildcard tokens in
// literal have no meaning of their own: they are selected by the same wildcard
// and by wider ones, so "foo.*" is selected by "foo.*" and "foo.>" and not by
// "foo.bar". A literal or pattern with an empty token gives false.
func Match[L, P Text](literal L, pattern P) bool {
	// Most comparisons fail, so what is rare is looked at last. A pattern with
	// an empty token can only select literals with one.
	return MatchFrom(literal, 0, pattern, 0) && !HasEmptyToken(literal)
}

// MatchFrom goes on with a comparison whose first tokens are done: it tells
// whether the tokens of pattern from offset p on select those of literal from
// offset l on. Offsets are those of the first byte of a token; the length of
// the text plus one says that no token is left. The caller vouches that no
// token of literal is empty.
func MatchFrom[L, P Text](literal L, l int, pattern P, p int) bool {
	for p < len(pattern) {
		start := l
		switch c := pattern[p]; {
		case (c == '*' || c == '>') && (p+1 == len(pattern) || pattern[p+1] == '.'):
			if c == '>' {
				return p+1 == len(pattern) && l < len(literal)
			}
			for l < len(literal) && literal[l] != '.' {
				l++
			}
			p++
		default:
			for p < len(pattern) && pattern[p] != '.' {
				if l >= len(literal) || literal[l] != pattern[p] {
					return false
				}
				l, p = l+1, p+1
			}
		}
		switch {
		case l == start: // no token there
			return false
		case p == len(pattern):
			return l == len(literal)
		case l == len(literal) || literal[l] != '.':
			return false
		}
		l, p = l+1, p+1
	}
	return p > len(pattern) && l > len(literal)
}

// IsSubset tells whether b matches every literal that a matches. It is false
// when either is malformed.
func IsSubset[A, B Text](a A, b B) bool {
	return covers(a, b) && IsValid(a) && IsValid(b)
}

// covers is IsSubset for valid subjects.
func covers[A, B Text](a A, b B) bool {
	i, j := 0, 0
	for i <= len(a) && j <= len(b) {
		iend, jend := tokenEnd(a, i), tokenEnd(b, j)
		if isToken(b, j, jend, '>') {
			return true
		}
		if isToken(a, i, iend, '>') {
			return false // a goes on without end, b does not
		}
		if !isToken(b, j, jend, '*') && !equal(a, i, iend, b, j, jend) {
			return false
		}
		i, j = iend+1, jend+1
	}
	return i > len(a) && j > len(b)
}

// Collide tells whether some literal is matched by both a and b. It is false
// when either is malformed.
func Collide[A, B Text](a A, b B) bool {
	return CollideFrom(a, 0, b, 0) && IsValid(a) && IsValid(b)
}

// CollideFrom goes on with a comparison whose first tokens are done, with
// offsets as in MatchFrom. The caller vouches that both are valid.
func CollideFrom[A, B Text](a A, i int, b B, j int) bool {
	for i <= len(a) && j <= len(b) {
		iend, jend := tokenEnd(a, i), tokenEnd(b, j)
		if isToken(a, i, iend, '>') || isToken(b, j, jend, '>') {
			return true
		}
		wild := isToken(a, i, iend, '*') || isToken(b, j, jend, '*')
		if !wild && !equal(a, i, iend, b, j, jend) {
			return false
		}
		i, j = iend+1, jend+1
	}
	return i > len(a) && j > len(b)
}

// equal tells whether a[i:iend] and b[j:jend] are the same bytes.
func equal[A, B Text](a A, i, iend int, b B, j, jend int) bool {
	if iend-i != jend-j {
		return false
	}
	for ; i < iend; i, j = i+1, j+1 {
		if a[i] != b[j] {
			return false
		}
	}
	return true
}
