package transform

import (
	"slices"
	"strconv"
	"strings"
)

// parseDestination understands the tokens of a valid subject.
func parseDestination(destination string) ([]token, error) {
	var tokens []token
	references := 0
	for raw := range strings.SplitSeq(destination, ".") {
		switch raw {
		case "*":
			return nil, ErrBadSubject
		case ">":
			tokens = append(tokens, token{kind: rest, raw: raw})
			continue
		}
		parsed, err := parseToken(raw)
		if err != nil {
			return nil, err
		}
		if parsed.kind != text {
			references += max(1, len(parsed.indexes))
		}
		if references > MaxReferences {
			return nil, &DestinationError{Token: raw, Err: ErrTooManyFunctions}
		}
		tokens = append(tokens, parsed)
	}
	return tokens, nil
}

// sameTokens are those of the destination that changes nothing.
func sameTokens(source string) []token {
	var tokens []token
	wildcards := 0
	for raw := range strings.SplitSeq(source, ".") {
		switch raw {
		case "*":
			wildcards++
			tokens = append(tokens, reference(wildcards))
		case ">":
			tokens = append(tokens, token{kind: rest, raw: raw})
		default:
			tokens = append(tokens, token{kind: text, raw: raw})
		}
	}
	return tokens
}

// reference is the token "$index".
func reference(index int) token {
	return token{kind: wildcard, raw: "$" + strconv.Itoa(index), indexes: []int{index}}
}

// compile ties the tokens of the destination to places in the source.
func (t *Transform) compile(tokens []token) error {
	source := strings.Split(t.source, ".")
	var wildcards []int // the place of each '*'
	for place, raw := range source {
		if raw == "*" {
			wildcards = append(wildcards, place)
		}
	}
	for i := 0; i < len(tokens); i++ {
		if run := textRun(tokens[i:]); run > 0 {
			t.parts = append(t.parts, part{kind: text, text: joinTokens(tokens[i : i+run])})
			i += run - 1
			continue
		}
		next, err := t.tie(&tokens[i], wildcards, len(source))
		if err != nil {
			return err
		}
		for _, place := range next.places {
			t.places = max(t.places, place+1)
		}
		t.parts = append(t.parts, next)
	}
	t.constant = len(t.parts) == 1 && t.parts[0].kind == text
	t.identity = leavesAlone(tokens, source, wildcards)
	t.fixed = !slices.ContainsFunc(t.parts, func(p part) bool { return p.kind == random })
	if !t.strict {
		return nil
	}
	t.tokens = tokens
	return t.checkUses(len(wildcards))
}

// textRun counts the text tokens at the front.
func textRun(tokens []token) int {
	run := 0
	for run < len(tokens) && tokens[run].kind == text {
		run++
	}
	return run
}

func joinTokens(tokens []token) string {
	raw := make([]string, len(tokens))
	for i := range tokens {
		raw[i] = tokens[i].raw
	}
	return strings.Join(raw, ".")
}

// tie finds the places that a token which is not text refers to. The source
// has its '*' at the places wildcards, and length tokens in all.
func (t *Transform) tie(tied *token, wildcards []int, length int) (part, error) {
	next := part{kind: tied.kind, text: tied.delimiter, number: tied.number}
	switch {
	case tied.kind == rest:
		next.places = []int{length - 1}
		return next, nil
	case t.strict && tied.kind != wildcard:
		return next, &DestinationError{Token: tied.raw, Err: ErrNotReversible}
	}
	literal := len(wildcards) == 0 && !isOpen(t.source)
	if literal && tied.kind != partition && tied.kind != random {
		return next, &DestinationError{Token: tied.raw, Err: ErrIndexOutOfRange}
	}
	for _, index := range tied.indexes {
		switch {
		case tied.kind == partition && index == 0:
			// Here 0 is in use for the first token of the subject, whatever the
			// source has there.
			next.places = append(next.places, 0)
		case index < 0 || !literal && (index == 0 || index > len(wildcards)):
			return next, indexError(tied.raw, index)
		case !literal:
			next.places = append(next.places, wildcards[index-1])
		}
	}
	if literal {
		next.places = nil // the whole subject is hashed, whatever was listed
	}
	return next, nil
}

// checkUses makes sure that the transform can be reversed.
func (t *Transform) checkUses(wildcards int) error {
	used := make([]int, wildcards)
	for i := range t.tokens {
		if t.tokens[i].kind == wildcard {
			used[t.tokens[i].indexes[0]-1]++
		}
	}
	switch {
	case slices.Contains(used, 0):
		return &DestinationError{Token: t.destination, Err: ErrUnusedWildcard}
	case slices.ContainsFunc(used, func(n int) bool { return n > 1 }):
		return &DestinationError{Token: t.destination, Err: ErrRepeatedWildcard}
	}
	return nil
}

// leavesAlone tells whether the destination puts every token where it was.
func leavesAlone(tokens []token, source []string, wildcards []int) bool {
	if len(tokens) != len(source) {
		return false
	}
	for place := range tokens {
		switch tokens[place].kind {
		case text, rest:
			if tokens[place].raw != source[place] {
				return false
			}
		case wildcard:
			if wildcards[tokens[place].indexes[0]-1] != place {
				return false
			}
		default:
			return false
		}
	}
	return true
}
