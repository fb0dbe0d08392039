package api

import (
	"strings"

	"github.com/godwit-mq/godwit/internal/subject"
)

// mirror judges what a mirror must not be besides, and the stream that it mirrors.
func (j *streamJudge) mirror() error {
	c, m := j.c, j.c.Mirror
	switch {
	case m == nil:
		return nil
	case c.FirstSequence > 0:
		return ErrMirrorWithFirstSeq
	case len(c.Subjects) > 0:
		return ErrMirrorWithSubjects
	case len(c.Sources) > 0:
		return ErrMirrorWithSources
	case c.AllowCounter:
		return ErrMirrorWithCounters
	case c.AllowAtomic:
		return ErrMirrorWithAtomicPublish
	case c.AllowBatched:
		return ErrMirrorWithBatchPublish
	case c.AllowSchedules:
		return ErrMirrorWithMsgSchedules
	case !m.validConsumer():
		return ErrMirrorDurableConsumerCfgInvalid
	case m.FilterSubject != "" && len(m.SubjectTransforms) > 0:
		return ErrMirrorMultipleFiltersNotAllowed
	case c.SubjectDeleteMarkerTTL > 0:
		// a marker takes a sequence, and a mirror has those of its origin
		return invalid("subject delete markers forbidden on mirrors")
	}
	overlap := firstOverlap(m.transformed())
	for i, t := range m.SubjectTransforms {
		if err := checkTransform(t, NewMirrorInvalidSubjectFilter, NewMirrorInvalidTransformDestination); err != nil {
			return err
		}
		if i == overlap {
			return ErrMirrorOverlappingSubjectFilters
		}
	}
	return j.mirrored(m)
}

// mirrored judges the origin of a mirror.
func (j *streamJudge) mirrored(m *StreamSource) error {
	if m.External != nil {
		j.addPrefixes(m.External)
		return nil
	}
	if !IsValidName(m.Name) {
		return ErrMirrorInvalidStreamName
	}
	origin := j.w.stream(m.Name)
	if origin == nil {
		return nil
	}
	j.origins = append(j.origins, origin.Subjects...)
	if tooSmall(j.c, origin) {
		return ErrMirrorMaxMessageSizeTooBig
	}
	if j.strict && j.c.MirrorDirect != origin.AllowDirect {
		return pedantic("origin stream has direct get set, mirror has it disabled")
	}
	j.c.MirrorDirect = origin.AllowDirect
	return nil
}

// tooSmall says that a stream would not take all messages of its origin.
func tooSmall(c, origin *StreamConfig) bool {
	return c.MaxMessageSize > 0 && origin.MaxMessageSize > 0 && c.MaxMessageSize < origin.MaxMessageSize
}

// validConsumer says that the source names no consumer, or one that can serve: what
// it delivers is decided by the consumer alone.
func (s *StreamSource) validConsumer() bool {
	c := s.Consumer
	return c == nil || IsValidName(c.Name) && isLiteral(c.DeliverSubject) &&
		s.StartSequence == 0 && s.StartTime == nil && s.FilterSubject == ""
}

func (j *streamJudge) sources() error {
	if len(j.c.Sources) > 0 && j.c.AllowSchedules {
		return ErrSourceWithMsgSchedules
	}
	indexes, consumers := make(map[string]bool), make(map[string]bool)
	for _, s := range j.c.Sources {
		if s == nil || !IsValidName(s.Name) {
			return ErrSourceInvalidStreamName
		}
		index := s.Index()
		if indexes[index] {
			return ErrSourceDuplicateDetected
		}
		indexes[index] = true
		if err := j.source(s, consumers); err != nil {
			return err
		}
	}
	return nil
}

// source judges one source; consumers are those of the ones before.
func (j *streamJudge) source(s *StreamSource, consumers map[string]bool) error {
	if s.FilterSubject != "" && len(s.SubjectTransforms) > 0 {
		return ErrSourceMultipleFiltersNotAllowed
	}
	for _, t := range s.SubjectTransforms {
		if err := checkTransform(t, NewSourceInvalidSubjectFilter, NewSourceInvalidTransformDestination); err != nil {
			return err
		}
	}
	if anyNarrower(s.transformed()) < len(s.SubjectTransforms) {
		return ErrSourceOverlappingSubjectFilters
	}
	if !s.validConsumer() {
		return ErrSourceDurableConsumerCfgInvalid
	}
	if s.Consumer != nil {
		key := s.place() + " " + s.Consumer.Name
		if consumers[key] {
			return ErrSourceDurableConsumerDuplicateDetected
		}
		consumers[key] = true
	}
	if s.External != nil {
		j.addPrefixes(s.External)
		return nil
	}
	origin := j.w.stream(s.Name)
	if origin == nil {
		return nil
	}
	j.origins = append(j.origins, origin.Subjects...)
	if tooSmall(j.c, origin) {
		return ErrSourceMaxMessageSizeTooBig
	}
	return nil
}

// transformed are the subjects that the transforms take.
func (s *StreamSource) transformed() []string {
	subjects := make([]string, len(s.SubjectTransforms))
	for i, t := range s.SubjectTransforms {
		subjects[i] = t.Source
	}
	return subjects
}

// place is where the stream of a source is: its name, and a hash of the prefix of
// the API there.
func (s *StreamSource) place() string {
	if s.External == nil {
		return s.Name
	}
	return s.Name + ":" + Hash(s.External.APIPrefix)
}

// Index tells the sources of one stream apart: where a message came from, and what
// became of its subject. It begins the header Nats-Stream-Source; a source with the
// index of a removed one goes on where that had stopped.
func (s *StreamSource) Index() string {
	place := s.place()
	if s.Consumer != nil {
		place += ":C=" + Hash(s.Consumer.Name)
	}
	if len(s.SubjectTransforms) == 0 {
		return place + " " + orAll(s.FilterSubject) + " >"
	}
	var sources, destinations []string
	for _, t := range s.SubjectTransforms {
		sources = append(sources, orAll(t.Source))
		destinations = append(destinations, orAll(t.Destination))
	}
	return place + " " + strings.Join(sources, "\f") + " " + strings.Join(destinations, "\f")
}

// orAll is the subject, or all of them if it is empty.
func orAll(s string) string {
	if s == "" {
		return ">"
	}
	return s
}

func (j *streamJudge) addPrefixes(e *ExternalStream) {
	if e.DeliverPrefix != "" {
		j.deliverPrefixes = append(j.deliverPrefixes, e.DeliverPrefix)
	}
	if e.APIPrefix != "" {
		j.apiPrefixes = append(j.apiPrefixes, e.APIPrefix)
	}
}

func (j *streamJudge) prefixes() error {
	for _, prefix := range j.deliverPrefixes {
		if !isLiteral(prefix) {
			return NewStreamInvalidExternalDeliverySubj(prefix)
		}
		for _, s := range j.origins {
			if subject.Collide(s, prefix+"."+s) {
				return NewStreamExternalDelPrefixOverlaps(prefix, s)
			}
		}
	}
	for _, prefix := range j.apiPrefixes {
		if !isLiteral(prefix) {
			return invalid("stream external api prefix %q must be a valid subject without wildcards", prefix)
		}
		if subject.Collide(prefix, Prefix) {
			return NewStreamExternalApiOverlap(prefix, Prefix)
		}
	}
	return nil
}

// cycle looks whether messages could come back to the stream, by way of other
// streams of the account.
func (j *streamJudge) cycle() error {
	visit, seen := []*StreamConfig{j.c}, make(map[string]bool)
	for len(visit) > 0 {
		c := visit[0]
		visit = visit[1:]
		for name := range c.localOrigins {
			if name == j.c.Name && c.takesFrom(name) {
				return invalid("detected cycle")
			}
			if origin := j.w.stream(name); origin != nil && name != j.c.Name && !seen[name] {
				seen[name] = true
				visit = append(visit, origin)
			}
		}
	}
	return nil
}

// localOrigins calls yield with the names of the streams of the account from which
// the stream is filled.
func (c *StreamConfig) localOrigins(yield func(string) bool) {
	for _, s := range c.Sources {
		if s != nil && s.External == nil && !yield(s.Name) {
			return
		}
	}
	if c.Mirror != nil && c.Mirror.External == nil {
		yield(c.Mirror.Name)
	}
}

// takesFrom says whether what the stream takes from another one could be of its own
// subjects.
func (c *StreamConfig) takesFrom(name string) bool {
	if c.Mirror != nil && c.Mirror.External == nil && c.Mirror.Name == name {
		return true
	}
	for _, s := range c.Sources {
		if s == nil || s.External != nil || s.Name != name {
			continue
		}
		if s.FilterSubject == "" {
			return true
		}
		for _, own := range c.Subjects {
			if subject.Collide(own, s.FilterSubject) {
				return true
			}
		}
	}
	return false
}

// checkFilters judges the filters of mirror and sources. They are not looked at
// before all else is right.
func (c *StreamConfig) checkFilters() error {
	if m := c.Mirror; m != nil && m.FilterSubject != "" && !isSubject(m.FilterSubject) {
		return errorf("subject filter '%s' for the mirror %w", m.FilterSubject, errBadSubject)
	}
	for _, s := range c.Sources {
		if s.FilterSubject != "" && !isSubject(s.FilterSubject) {
			return errorf("subject filter '%s' for the source: %w", s.FilterSubject, errBadSubject)
		}
	}
	return nil
}
