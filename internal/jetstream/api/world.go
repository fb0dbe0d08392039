package api

import (
	"fmt"

	"github.com/godwit-mq/godwit/internal/subject"
	"github.com/godwit-mq/godwit/internal/transform"
)

// A World is all that a configuration is judged against, besides itself.
type World struct {
	Server ServerLimits
	// Tiers are the limits of the account, Streams its streams.
	Tiers   Tiers
	Streams Streams
	// Alone says that the server is in no cluster: nothing is replicated.
	Alone bool
}

// Streams are the configurations of the streams of an account, complete ones. They
// are looked at, not kept.
type Streams interface {
	// Stream returns that of a stream, nil if there is none of the name.
	Stream(name string) *StreamConfig
	// Each calls fn with each, in any order, until fn returns false.
	Each(fn func(*StreamConfig) bool)
}

// StreamMap is Streams as a map from names.
type StreamMap map[string]*StreamConfig

// Stream returns the configuration of a stream.
func (m StreamMap) Stream(name string) *StreamConfig { return m[name] }

// Each calls fn with each configuration.
func (m StreamMap) Each(fn func(*StreamConfig) bool) {
	for _, c := range m {
		if !fn(c) {
			return
		}
	}
}

// stream is the configuration of another stream, nil if there is none.
func (w *World) stream(name string) *StreamConfig {
	if w.Streams == nil {
		return nil
	}
	return w.Streams.Stream(name)
}

// others calls fn with all streams but the one of a name.
func (w *World) others(name string, fn func(*StreamConfig) bool) {
	if w.Streams == nil {
		return
	}
	w.Streams.Each(func(c *StreamConfig) bool { return c.Name == name || fn(c) })
}

// invalid is the error of a configuration that cannot be.
func invalid(format string, args ...any) error {
	return NewStreamInvalidConfig(fmt.Errorf(format, args...))
}

// pedantic is the error of a configuration that would have been adjusted.
func pedantic(text string) error { return NewPedantic(fmt.Errorf("%s", text)) }

// MaxSubjectLength bounds a subject in a configuration, in bytes.
const MaxSubjectLength = 1<<16 - 1

// isSubject and isLiteral judge the subjects of configurations, where blanks are a
// mistake.
func isSubject(s string) bool { return len(s) <= MaxSubjectLength && subject.IsValidStrict(s) }

func isLiteral(s string) bool { return isSubject(s) && subject.IsLiteral(s) }

// checkTransform says what is wrong with a rule: with its source, its destination
// or how they go together. An empty destination leaves subjects as they are.
func checkTransform(t SubjectTransform, source, destination func(error) *Error) error {
	if t.Source != "" && !isSubject(t.Source) {
		return source(fmt.Errorf("%w %s", transform.ErrBadSubject, t.Source))
	}
	if t.Destination == "" {
		return nil
	}
	from := t.Source
	if from == "" {
		from = ">"
	}
	if _, err := transform.NewMapping(from, []transform.Destination{{Subject: t.Destination, Weight: 100}}); err != nil {
		return destination(err)
	}
	return nil
}
