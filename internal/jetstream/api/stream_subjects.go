package api

import (
	"fmt"

	"github.com/godwit-mq/godwit/internal/subject"
	"github.com/godwit-mq/godwit/internal/transform"
)

var errBadSubject = transform.ErrBadSubject

func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }

// reserved are the subjects of the server itself, and the part of each that a
// stream may keep all the same. A stream that never answers may keep all.
var reserved = []struct{ space, allowed, refusal string }{
	{"$JS.>", "$JS.EVENT.>", refusedAPI},
	{"$JSC.>", "$JS.EVENT.>", refusedAPI},
	{"$NRG.>", "$JS.EVENT.>", refusedAPI},
	{"$SYS.>", "$SYS.ACCOUNT.>", "subjects that overlap with system api require no-ack to be true"},
}

const refusedAPI = "subjects that overlap with jetstream api require no-ack to be true"

// subjects judges the subjects, one after the other. Without any, a stream that is
// filled by nobody else has its name.
func (j *streamJudge) subjects() error {
	c := j.c
	if len(c.Subjects) == 0 {
		if c.Mirror == nil && len(c.Sources) == 0 {
			c.Subjects = []string{c.Name}
		}
		return nil
	}
	seen := make(map[string]bool, len(c.Subjects))
	first := firstOverlap(c.Subjects)
	for i, s := range c.Subjects {
		switch {
		case !isSubject(s), !subject.IsValidStored(s):
			return invalid("invalid subject")
		case seen[s]:
			return invalid("duplicate subjects detected")
		case s == ">" && !c.NoAck:
			return invalid("capturing all subjects requires no-ack to be true")
		case s == ">" && c.Replicas != 1:
			return invalid("capturing all subjects requires replicas of 1")
		}
		seen[s] = true
		if err := j.notReserved(s); err != nil {
			return err
		}
		if i == first {
			return invalid("subject %q overlaps with %q", s, overlapping(s, c.Subjects[i+1:]))
		}
	}
	return nil
}

func (j *streamJudge) notReserved(s string) error {
	if j.c.NoAck {
		return nil
	}
	for _, r := range reserved {
		if subject.Collide(s, r.space) && !subject.IsSubset(s, r.allowed) {
			return invalid("%s", r.refusal)
		}
	}
	return nil
}

// overlapping is the first of the subjects that shares a literal with s.
func overlapping(s string, subjects []string) string {
	for _, other := range subjects {
		if subject.Collide(s, other) {
			return other
		}
	}
	return ""
}

// subjectsOverlap reports whether the stream would share subjects with another one
// of the account.
func (w *World) subjectsOverlap(c *StreamConfig) bool {
	var set subjectSet
	for _, s := range c.Subjects {
		set.add(s)
	}
	found := false
	w.others(c.Name, func(other *StreamConfig) bool {
		for _, s := range other.Subjects {
			if set.overlaps(s) {
				found = true
				return false
			}
		}
		return true
	})
	return found
}

// republish judges under which subjects stored messages are published again.
func (j *streamJudge) republish() error {
	c, r := j.c, j.c.RePublish
	if r == nil {
		return nil
	}
	if r.Source == "" {
		if j.strict {
			return pedantic("republish source can not be empty")
		}
		r.Source = ">"
	}
	// all to all is a cycle, unless the stream keeps messages under subjects that are
	// not its own: then it is those that are meant
	if t := c.SubjectTransform; t != nil && r.Source == ">" && r.Destination == ">" && len(c.Subjects) == 1 && t.Source == c.Subjects[0] {
		if j.strict {
			return pedantic("implicit republish based on subject transform")
		}
		r.Source, r.Destination = t.Destination, t.Destination
	}
	if overlapping(orAll(r.Destination), c.Subjects) != "" {
		return invalid("stream configuration for republish destination forms a cycle")
	}
	if _, err := transform.New(r.Source, r.Destination); err != nil {
		return invalid("stream configuration for republish with transform from '%s' to '%s' not valid", r.Source, r.Destination)
	}
	return nil
}
