// Package subject knows what subjects are: where their tokens begin and end,
// which of them are well formed, and which of them match, cover or overlap
// each other. Everything in it is a pure function of its arguments.
//
// # The language
//
// A subject is a run of bytes cut into tokens by '.'. Case counts, and any
// byte may stand in a token. Two tokens mean more than themselves, but only as
// whole tokens:
//
//   - any one token
//     >   one or more tokens up to the end; nothing may follow it
//
// So "foo*", "*bar", "foo.>>" and "**" are ordinary text, and "foo.>" does not
// match "foo". A subject without wildcard tokens is a literal; a pattern is a
// subject that may hold wildcards (every literal is a pattern too).
//
// # Three questions about two subjects
//
//	Match(literal, pattern)   does the pattern select this very subject?
//	IsSubset(a, b)            does b match all that a matches?
//	Collide(a, b)             is there a literal that both match?
//
// # Well formed
//
// IsValid holds the rules of the wire: not empty, no empty token, '>' only in
// the last place. IsValidStrict adds those for subjects from a configuration
// file, where blanks and line ends in a token are a mistake, and IsValidStored
// those for the subjects of a stream, which must be text. IsValidLiteral (for a
// message: IsValidPublish) asks for a valid subject without wildcards. Classify
// answers validity and literalness in one pass. Functions that compare subjects
// say what they do with a malformed one; none of them panics.
//
// # Use
//
// Almost every function takes strings and byte slices alike, so that a subject
// can be judged where it lies in a read buffer. None allocates, keeps or changes
// its arguments, so all may be called from any goroutine.
package subject
