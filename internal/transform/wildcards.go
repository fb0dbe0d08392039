package transform

import "strings"

// NumberWildcards writes each '*' token of a pattern as a reference to it, in
// order: "a.*.*" becomes "a.$1.$2". The result is the destination that stands
// for the pattern itself; a subject without '*' is returned as it is.
func NumberWildcards(pattern string) string {
	return joinTokens(sameTokens(pattern))
}

// Placeholders writes each token of a destination that stands for a '*' of the
// source, "$1" or "{{wildcard(1)}}", as '*', and lists these tokens in order:
// the pattern of all results, and what to put into it. Other functions are left
// as they are.
func Placeholders(destination string) (pattern string, placeholders []string) {
	tokens := strings.Split(destination, ".")
	for i, raw := range tokens {
		parsed, err := parseToken(raw)
		if err == nil && parsed.kind == wildcard && parsed.indexes[0] > 0 {
			placeholders = append(placeholders, raw)
			tokens[i] = "*"
		}
	}
	return strings.Join(tokens, "."), placeholders
}
