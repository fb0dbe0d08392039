package subject

import "unicode/utf8"

// Text is the form in which a subject comes: a string, or the bytes of a read
// buffer.
type Text interface{ ~string | ~[]byte }

// Class says what kind of subject a text is.
type Class uint8

const (
	// Malformed is no subject: empty, or with an empty token, or with a
	// token behind '>'.
	Malformed Class = iota
	// Literal is a valid subject without wildcard tokens.
	Literal
	// Wildcard is a valid subject with at least one wildcard token.
	Wildcard
)

// Classify looks at s once and tells its class by the rules of the wire.
func Classify[T Text](s T) Class {
	class := Literal
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			continue
		}
		switch i - start {
		case 0:
			return Malformed
		case 1:
			switch s[start] {
			case '*':
				class = Wildcard
			case '>':
				if i != len(s) {
					return Malformed
				}
				class = Wildcard
			}
		}
		start = i + 1
	}
	return class
}

// IsValid tells whether s may be subscribed to: not empty, no empty token, and
// '>' as a token only in the last place.
func IsValid[T Text](s T) bool { return Classify(s) != Malformed }

// IsValidStrict is IsValid for subjects of a configuration: blanks, tabs, form
// feeds and line ends are refused as well.
func IsValidStrict[T Text](s T) bool {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ' ', '\t', '\n', '\f', '\r':
			return false
		}
	}
	return IsValid(s)
}

// IsValidStored is IsValidStrict for subjects that are stored under their name,
// such as those of a stream: s must be text, too. NUL is refused, and so are
// bytes that are not UTF-8 and the replacement character, which tells that
// some decoder met such bytes before.
func IsValidStored(s string) bool {
	for _, r := range s {
		if r == 0 || r == utf8.RuneError {
			return false
		}
	}
	return IsValidStrict(s)
}

// IsLiteral tells whether s holds no wildcard token. It does not ask whether s
// is valid.
func IsLiteral[T Text](s T) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '*' && s[i] != '>' {
			continue
		}
		if (i == 0 || s[i-1] == '.') && (i+1 == len(s) || s[i+1] == '.') {
			return false
		}
	}
	return true
}

// IsValidLiteral tells whether s is a valid subject without wildcard tokens.
func IsValidLiteral[T Text](s T) bool { return Classify(s) == Literal }

// IsValidPublish tells whether a message to s is beyond reproach. A client
// that is not pedantic may publish to other subjects too.
func IsValidPublish[T Text](s T) bool { return IsValidLiteral(s) }

// HasEmptyToken tells whether some token of s is empty; the empty subject is
// one empty token. Such a subject matches nothing.
func HasEmptyToken[T Text](s T) bool {
	previous := byte('.')
	for i := 0; i < len(s); i++ {
		if s[i] == '.' && previous == '.' {
			return true
		}
		previous = s[i]
	}
	return previous == '.'
}

// NumTokens counts the tokens of s, empty ones included. The empty subject has
// none.
func NumTokens[T Text](s T) int {
	if len(s) == 0 {
		return 0
	}
	n := 1
	for i := 0; i < len(s); i++ {
		if s[i] == '.' {
			n++
		}
	}
	return n
}

// Token returns the token with index i of s, counted from 0, or an empty one
// when s has no such token. The result shares the memory of s.
func Token[T Text](s T, i int) T {
	start := 0
	for ; i > 0 && start <= len(s); i-- {
		start = tokenEnd(s, start) + 1
	}
	if i < 0 || start > len(s) {
		return s[:0]
	}
	return s[start:tokenEnd(s, start)]
}

// tokenEnd returns where the token that starts at start ends: at the next
// separator or at the end of s.
func tokenEnd[T Text](s T, start int) int {
	for start < len(s) && s[start] != '.' {
		start++
	}
	return start
}

// isToken tells whether s[start:end] is the one-byte token c.
func isToken[T Text](s T, start, end int, c byte) bool {
	return end-start == 1 && s[start] == c
}
