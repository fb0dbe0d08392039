package api

import (
	"time"
)

// CheckStream judges the configuration of a stream and completes it: the result is a
// copy with all defaults. If strict, nothing is adjusted that the configuration
// says, but refused ("pedantic"). The error is the first one in the order that
// clients know.
//
// It looks at the configuration alone; for the place of the stream among the
// others there are CreateStream and UpdateStream.
func CheckStream(config *StreamConfig, w *World, strict bool) (*StreamConfig, error) {
	if config == nil {
		return nil, invalid("stream configuration invalid")
	}
	j := &streamJudge{c: config.Clone(), w: w, strict: strict}
	for _, step := range [...]func() error{
		j.names, j.words, j.replicas, j.limits, j.age, j.window, j.rollup, j.counter, j.perSubject,
		j.markers, j.schedules, j.persistence, j.mirror, j.sources, j.prefixes, j.cycle,
		j.subjects, j.maxBytes, j.transform, j.republish, j.placement,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	j.tidy()
	return j.c, nil
}

// A streamJudge goes through a configuration, step by step.
type streamJudge struct {
	c      *StreamConfig
	w      *World
	strict bool
	// origins are the subjects of the local streams from which this one is filled, the
	// rest are prefixes of those elsewhere.
	origins         []string
	deliverPrefixes []string
	apiPrefixes     []string
}

func (j *streamJudge) names() error {
	switch c := j.c; {
	case !IsValidName(c.Name):
		return invalid(`stream name is required and can not contain '.', '*', '>', '\', '/'`)
	case len(c.Name) > MaxNameLength:
		return invalid("stream name is too long, maximum allowed is %d", MaxNameLength)
	case len(c.Description) > MaxDescriptionLength:
		return invalid("stream description is too long, maximum allowed is %d", MaxDescriptionLength)
	case metadataSize(c.Metadata) > MaxMetadataSize:
		return invalid("stream metadata exceeds maximum size of %d bytes", MaxMetadataSize)
	}
	return nil
}

// words refuses values that no JSON could have brought.
func (j *streamJudge) words() error {
	switch c := j.c; {
	case !retentionTexts.has(uint8(c.Retention)):
		return invalid("invalid retention")
	case !discardTexts.has(uint8(c.Discard)):
		return invalid("invalid discard policy")
	case !compressionTexts.has(uint8(c.Compression)):
		return invalid("invalid compression")
	case !storageTexts.has(uint8(c.Storage)):
		return invalid("invalid storage type")
	case !persistTexts.has(uint8(c.PersistMode)):
		return invalid("invalid persist mode")
	}
	return nil
}

func (j *streamJudge) replicas() error {
	switch c := j.c; {
	case c.Replicas > MaxReplicas:
		return invalid("maximum replicas is %d", MaxReplicas)
	case c.Replicas < 0:
		return ErrReplicasCountCannotBeNegative
	case c.Replicas == 0:
		c.Replicas = 1
	}
	return nil
}

func (j *streamJudge) limits() error {
	c := j.c
	for _, err := range []error{
		unlimit(&c.MaxMessages, "max_msgs", j.strict),
		unlimit(&c.MaxPerSubject, "max_msgs_per_subject", j.strict),
		unlimit(&c.MaxBytes, "max_bytes", j.strict),
		unlimit(&c.MaxMessageSize, "max_msg_size", j.strict),
		unlimit(&c.MaxConsumers, "max_consumers", j.strict),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// unlimit makes -1 of a limit that is none.
func unlimit[T int | int32 | int64](limit *T, name string, strict bool) error {
	if strict && *limit < -1 {
		return pedantic(name + " must be set to -1")
	}
	if *limit <= 0 {
		*limit = -1
	}
	return nil
}

func (j *streamJudge) age() error {
	switch c := j.c; {
	case c.MaxAge < 0:
		return invalid("max age can not be negative")
	case c.MaxAge != 0 && c.MaxAge < MinInterval:
		return invalid("max age needs to be >= 100ms")
	}
	return nil
}

// window completes and judges the duplicate window. A stream that is filled from
// others has none unless it asks for one.
func (j *streamJudge) window() error {
	c, most := j.c, j.w.Server.DuplicateWindow
	if c.DuplicateWindow == 0 && c.Mirror == nil && len(c.Sources) == 0 {
		if err := j.defaultWindow(most); err != nil {
			return err
		}
	}
	switch {
	case c.DuplicateWindow < 0:
		return invalid("duplicates window can not be negative")
	case c.MaxAge != 0 && c.DuplicateWindow > c.MaxAge:
		return invalid("duplicates window can not be larger then max age")
	case most > 0 && c.DuplicateWindow > most:
		return invalid("duplicates window can not be larger then server limit of %v", most)
	case c.DuplicateWindow > 0 && c.DuplicateWindow < MinInterval:
		return invalid("duplicates window needs to be >= 100ms")
	}
	return nil
}

func (j *streamJudge) defaultWindow(most time.Duration) error {
	window := DefaultDuplicateWindow
	if most > 0 && window > most {
		if j.strict {
			return pedantic("duplicate window limits are higher than current limits")
		}
		window = most
	}
	if age := j.c.MaxAge; age != 0 && age < window {
		if j.strict {
			return pedantic("duplicate window cannot be bigger than max age")
		}
		window = age
	}
	j.c.DuplicateWindow = window
	return nil
}

func (j *streamJudge) rollup() error {
	if j.c.DenyPurge && j.c.AllowRollup {
		return invalid("roll-ups require the purge permission")
	}
	return nil
}

func (j *streamJudge) counter() error {
	c := j.c
	if !c.AllowCounter {
		return nil
	}
	switch {
	case c.Discard == DiscardNew:
		return invalid("counter stream cannot use discard new")
	case c.AllowMessageTTL:
		return invalid("counter stream cannot use message TTLs")
	case c.AllowSchedules:
		return invalid("counter stream cannot use message schedules")
	case c.Retention != RetentionLimits:
		return invalid("counter stream can only use limits retention")
	}
	return nil
}

func (j *streamJudge) perSubject() error {
	switch c := j.c; {
	case !c.DiscardNewPerSubject:
		return nil
	case c.Discard != DiscardNew:
		return invalid("discard new per subject requires discard new policy to be set")
	case c.MaxPerSubject <= 0:
		return invalid("discard new per subject requires max msgs per subject > 0")
	}
	return nil
}

// markers judges subject delete markers, which need life times and roll-ups.
func (j *streamJudge) markers() error {
	c := j.c
	switch ttl := c.SubjectDeleteMarkerTTL; {
	case ttl == 0:
		return nil
	case ttl < 0:
		return invalid("subject delete marker TTL must not be negative")
	case ttl < MinMarkerTTL:
		return invalid("subject delete marker TTL must be at least 1 second")
	case j.strict && !c.AllowMessageTTL:
		return invalid("subject delete marker cannot be set if message TTLs are disabled")
	case c.AllowCounter:
		return invalid("counter stream cannot use message TTLs")
	}
	c.AllowMessageTTL = true
	return j.needRollup("subject delete marker cannot be set if roll-ups are disabled")
}

func (j *streamJudge) schedules() error {
	switch c := j.c; {
	case !c.AllowSchedules:
		return nil
	case c.Discard == DiscardNew:
		return invalid("message scheduling cannot use discard new")
	}
	return j.needRollup("message scheduling cannot be set if roll-ups are disabled")
}

// needRollup turns roll-ups on, and with them the permission to purge.
func (j *streamJudge) needRollup(refusal string) error {
	if j.c.AllowRollup {
		return nil
	}
	if j.strict {
		return invalid("%s", refusal)
	}
	j.c.AllowRollup, j.c.DenyPurge = true, false
	return nil
}

func (j *streamJudge) persistence() error {
	switch c := j.c; {
	case c.PersistMode != PersistAsync:
		return nil
	case c.Storage != FileStorage:
		return invalid("async persist mode is only supported on file storage")
	case c.Replicas > 1:
		return invalid("async persist mode is not supported on replicated streams")
	case c.AllowAtomic:
		return invalid("async persist mode is not supported with atomic batch publish")
	}
	return nil
}

// maxBytes judges what the account demands of each stream. If no limits apply, that
// is said later.
func (j *streamJudge) maxBytes() error {
	limits, _, err := j.w.Tiers.Select(j.c.Replicas)
	if err != nil {
		return nil
	}
	most := limits.maxStreamBytes(j.c.Storage)
	switch {
	case limits.MaxBytesRequired && j.c.MaxBytes <= 0:
		return ErrStreamMaxBytesRequired
	case most > 0 && j.c.MaxBytes > most:
		return ErrStreamMaxStreamBytesExceeded
	}
	return nil
}

func (j *streamJudge) transform() error {
	if j.c.SubjectTransform == nil {
		return nil
	}
	return checkTransform(*j.c.SubjectTransform, NewStreamTransformInvalidSource, NewStreamTransformInvalidDestination)
}

func (j *streamJudge) placement() error {
	p := j.c.Placement
	switch {
	case p == nil:
		return nil
	case p.Preferred != "":
		return invalid("preferred server not permitted in placement")
	case p.Cluster == "" && len(p.Tags) == 0:
		j.c.Placement = nil
	}
	return nil
}

// tidy makes nothing of what is empty, so that configurations that say the same are
// the same.
func (j *streamJudge) tidy() {
	c := j.c
	if len(c.Subjects) == 0 {
		c.Subjects = nil
	}
	if len(c.Sources) == 0 {
		c.Sources = nil
	}
	if len(c.Metadata) == 0 {
		c.Metadata = nil
	}
}
