package godwit

import (
	"errors"

	"github.com/godwit-mq/godwit/internal/subject"
	"github.com/godwit-mq/godwit/internal/transform"
)

// IsValidSubject reports whether a subject may be subscribed to.
func IsValidSubject(s string) bool { return subject.IsValid(s) }

// IsValidLiteralSubject reports whether a subject is valid and has no wildcards.
func IsValidLiteralSubject(s string) bool { return subject.IsValidLiteral(s) }

// IsValidPublishSubject reports whether a message to the subject is beyond
// reproach.
func IsValidPublishSubject(s string) bool { return subject.IsValidPublish(s) }

// SubjectsCollide reports whether a message can match both subjects.
func SubjectsCollide(a, b string) bool { return subject.Collide(a, b) }

// SubjectMatchesFilter reports whether a literal subject is selected by a filter.
func SubjectMatchesFilter(literal, filter string) bool { return subject.Match(literal, filter) }

// ValidateMapping reports what is wrong with a subject transform, as strictly as
// for the mappings of a configuration. No destination is none to be wrong.
func ValidateMapping(source, destination string) error {
	if destination == "" {
		_, err := transform.New(source, destination)
		return err
	}
	_, err := transform.NewMapping(source, []transform.Destination{{Subject: destination, Weight: 100}})
	return err
}

// Errors of SubjectTransform.Match.
var (
	ErrBadSubject   = errors.New("invalid subject")
	ErrNoTransforms = errors.New("no matching transforms available")
)

// SubjectTransform rewrites subjects. Any goroutine may use it.
type SubjectTransform struct{ t *transform.Transform }

// NewSubjectTransform makes a transform of subjects that match source. An empty
// destination leaves them as they are.
func NewSubjectTransform(source, destination string) (*SubjectTransform, error) {
	t, err := transform.New(source, destination)
	if err != nil {
		return nil, err
	}
	return &SubjectTransform{t}, nil
}

// Match rewrites a literal subject.
func (t *SubjectTransform) Match(literal string) (string, error) {
	if !subject.IsValidLiteral(literal) {
		return "", ErrBadSubject
	}
	to, ok := t.t.Match(literal)
	if !ok {
		return "", ErrNoTransforms
	}
	return to, nil
}
