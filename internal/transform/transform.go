package transform

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/godwit-mq/godwit/internal/subject"
)

// MaxReferences is how many tokens of the source, and how many random numbers
// or hashes of the whole subject, a destination may ask for. It bounds what one
// message can be made to cost.
const MaxReferences = 256

// Transform rewrites the subjects that match its source. It is never changed
// after it was made, so any goroutine may use it.
type Transform struct {
	source      string
	destination string // as written, empty if the subject stays as it is

	parts  []part // what to write, with a '.' between them
	places int    // how many leading tokens of a subject parts refers to

	identity bool // the result is the subject
	constant bool // the result is destination
	fixed    bool // no part is drawn
	strict   bool

	tokens []token // the destination, to be reversed; strict transforms only
	random func() uint64
}

// part is a run of text tokens or one function, tied to places in the subject.
// A place is the index of a token of the subject, counted from 0.
type part struct {
	kind   kind
	text   string // the text, or the delimiter of split
	places []int
	number int
}

// New makes a transform in which all functions are allowed and a '*' of the
// source may be left out or used twice. An empty source means ">", an empty
// destination leaves subjects as they are. The error is ErrBadSubject or a
// DestinationError.
func New(source, destination string) (*Transform, error) {
	return build(source, destination, false)
}

// NewStrict makes a transform that can be reversed, as imports need it: the
// only function is wildcard, and each '*' of the source is used exactly once.
func NewStrict(source, destination string) (*Transform, error) {
	return build(source, destination, true)
}

func build(source, destination string, strict bool) (*Transform, error) {
	if source == "" {
		source = ">"
	}
	if !subject.IsValid(source) {
		return nil, ErrBadSubject
	}
	t := &Transform{source: source, destination: destination, strict: strict, random: rand.Uint64}
	if destination == "" {
		return t, t.compile(sameTokens(source))
	}
	if !subject.IsValid(destination) || isOpen(source) != isOpen(destination) {
		return nil, ErrBadSubject
	}
	tokens, err := parseDestination(destination)
	if err != nil {
		return nil, err
	}
	if err := t.compile(tokens); err != nil {
		return nil, err
	}
	return t, nil
}

// isOpen tells whether a valid subject ends with the token '>'.
func isOpen(s string) bool { return s == ">" || strings.HasSuffix(s, ".>") }

// Source is the pattern of the subjects that are rewritten; never empty.
func (t *Transform) Source() string { return t.source }

// Destination is the destination as it was given: empty if subjects stay as
// they are.
func (t *Transform) Destination() string { return t.destination }

func (t *Transform) String() string {
	if t.destination == "" {
		return t.source
	}
	return t.source + " -> " + t.destination
}

// IsFixed tells whether a subject has the same result each time, so that it may
// be remembered. Only {{random()}} makes a transform that is not.
func (t *Transform) IsFixed() bool { return t.fixed }

// WithRandom returns the transform with another source of random numbers. It is
// called from any goroutine that applies the transform.
func (t *Transform) WithRandom(random func() uint64) *Transform {
	other := *t
	other.random = random
	return &other
}

// Reverse returns the strict transform that leads from results of t back to
// their subjects. The error is ErrStrictOnly if t is not strict.
func (t *Transform) Reverse() (*Transform, error) {
	if !t.strict {
		return nil, ErrStrictOnly
	}
	source := make([]string, len(t.tokens))
	var back []int // for each place of the destination that was a reference, which
	for i := range t.tokens {
		source[i] = t.tokens[i].raw
		if t.tokens[i].kind == wildcard {
			source[i] = "*"
			back = append(back, t.tokens[i].indexes[0])
		}
	}
	tokens := sameTokens(t.source)
	destination := make([]string, len(tokens))
	for i := range tokens {
		if tokens[i].kind == wildcard {
			tokens[i] = reference(1 + slices.Index(back, tokens[i].indexes[0]))
		}
		destination[i] = tokens[i].raw
	}
	// Built from tokens and not from text: text tokens of the source may look
	// like references.
	reversed := &Transform{
		source:      strings.Join(source, "."),
		destination: strings.Join(destination, "."),
		strict:      true,
		random:      t.random,
	}
	return reversed, reversed.compile(tokens)
}
