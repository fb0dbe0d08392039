package subject

import "strings"

// Intersect returns the pattern of all literals that both a and b match. It
// reports false if there are none, or if either is malformed.
func Intersect(a, b string) (string, bool) {
	switch {
	case !Collide(a, b):
		return "", false
	case IsSubset(a, b):
		return a, true
	case IsSubset(b, a):
		return b, true
	}
	var tokens []string
	for {
		x, restA, moreA := strings.Cut(a, ".")
		y, restB, moreB := strings.Cut(b, ".")
		switch {
		case x == ">":
			return join(tokens, b), true
		case y == ">":
			return join(tokens, a), true
		case x == "*":
			tokens = append(tokens, y)
		default:
			tokens = append(tokens, x)
		}
		if !moreA || !moreB {
			return strings.Join(tokens, "."), true
		}
		a, b = restA, restB
	}
}

func join(tokens []string, rest string) string { return strings.Join(append(tokens, rest), ".") }
