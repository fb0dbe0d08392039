package api

import (
	"slices"
	"strings"
)

// CreateStream judges a request to create a stream, made on a subject with the name
// of the stream. It returns the complete configuration with its metadata. If such a
// stream exists already, it is that one's, and nothing is to be done.
func CreateStream(name string, r *StreamRequest, w *World) (config *StreamConfig, exists bool, err error) {
	switch {
	case r.Name != name:
		return nil, false, ErrStreamMismatch
	case hasPathSeparators(name):
		return nil, false, ErrStreamNameContainsPathSeparators
	case r.Sealed:
		return nil, false, invalid("stream configuration for create can not be sealed")
	case r.MirrorDirect && r.Mirror == nil:
		return nil, false, invalid("stream has no mirror but does have mirror direct")
	}
	if err := w.checkStreams(&r.StreamConfig); err != nil {
		return nil, false, err
	}
	return w.place(&r.StreamConfig, r.Pedantic)
}

// RestoreStream judges a request to make a stream from an archive. There must not
// be one of the name.
func RestoreStream(name string, r *RestoreRequest, w *World) (*StreamConfig, error) {
	if err := r.Name(name); err != nil {
		return nil, err
	}
	if _, err := CheckStream(stamped(&r.Config), w, false); err != nil {
		return nil, err
	}
	if err := w.checkStreams(&r.Config); err != nil {
		return nil, err
	}
	if w.stream(name) != nil {
		return nil, ErrStreamNameExistRestoreFailed
	}
	config, _, err := w.place(&r.Config, false)
	return config, err
}

// checkStreams says whether the account may have one stream more.
func (w *World) checkStreams(c *StreamConfig) error {
	limits, tier, err := w.Tiers.Select(c.Replicas)
	if err != nil {
		return err
	}
	reserved, streams := w.reserved(c, tier)
	if limits.MaxStreams > 0 && streams >= limits.MaxStreams {
		return ErrMaximumStreamsLimit
	}
	return w.checkRoom(c, c.MaxBytes, &limits, tier, reserved)
}

// stamped is a copy with the metadata that are stored.
func stamped(c *StreamConfig) *StreamConfig {
	shallow := *c
	StampStream(&shallow)
	return &shallow
}

// place completes the configuration of a stream and finds its place among the
// others.
func (w *World) place(c *StreamConfig, strict bool) (config *StreamConfig, exists bool, err error) {
	config, err = CheckStream(stamped(c), w, strict)
	if err != nil {
		return nil, false, err
	}
	if w.Alone && config.Replicas > 1 {
		return nil, false, ErrStreamReplicasNotSupported
	}
	if present := w.stream(config.Name); present != nil {
		if !SameStream(config, present) {
			return nil, false, ErrStreamNameExist
		}
		return present.Clone(), true, nil
	}
	limits, tier, err := w.Tiers.Select(config.Replicas)
	if err != nil {
		return nil, false, err
	}
	reserved, _ := w.reserved(config, tier)
	if err := w.checkRoom(config, config.MaxBytes, &limits, tier, reserved); err != nil {
		return nil, false, err
	}
	if err := config.checkFilters(); err != nil {
		return nil, false, NewStreamCreate(err)
	}
	if w.subjectsOverlap(config) {
		return nil, false, ErrStreamSubjectOverlap
	}
	return config, false, nil
}

// UpdateStream judges a request to update a stream, made on a subject with the name
// of the stream; consumers are those of the stream. It returns the complete
// configuration with its metadata.
func UpdateStream(name string, r *StreamRequest, w *World, consumers []*ConsumerConfig) (*StreamConfig, error) {
	config, err := CheckStream(stamped(&r.StreamConfig), w, r.Pedantic)
	switch {
	case err != nil:
		return nil, err
	case config.Name != name:
		return nil, ErrStreamMismatch
	}
	old := w.stream(name)
	if old == nil {
		return nil, ErrStreamNotFound
	}
	if err := w.checkChange(old, config); err != nil {
		return nil, err
	}
	seal(config)
	if err := w.checkMoreRoom(old, config); err != nil {
		return nil, err
	}
	if err := checkConsumerLimits(old.ConsumerLimits, config.ConsumerLimits, consumers); err != nil {
		return nil, NewStreamUpdate(err)
	}
	if err := config.checkFilters(); err != nil {
		return nil, NewStreamUpdate(err)
	}
	if w.subjectsOverlap(config) {
		return nil, ErrStreamSubjectOverlap
	}
	return config, nil
}

// checkChange refuses changes that a stream cannot undergo.
func (w *World) checkChange(old, c *StreamConfig) error {
	switch {
	case c.Name != old.Name:
		return invalid("stream configuration name must match original")
	case w.Alone && c.Replicas > 1:
		return ErrStreamReplicasNotSupported
	case c.Storage != old.Storage:
		return invalid("stream configuration update can not change storage type")
	case c.Retention != old.Retention && (c.Retention == RetentionWorkQueue || old.Retention == RetentionWorkQueue):
		return invalid("stream configuration update can not change retention policy to/from workqueue")
	case old.Sealed && !c.Sealed:
		return invalid("stream configuration update can not unseal a sealed stream")
	case old.DenyDelete && !c.DenyDelete:
		return invalid("stream configuration update can not cancel deny message deletes")
	case old.DenyPurge && !c.DenyPurge:
		return invalid("stream configuration update can not cancel deny purge")
	case c.Mirror != nil && !sameSource(c.Mirror, old.Mirror):
		return ErrStreamMirrorNotUpdatable
	case old.AllowMessageTTL && !c.AllowMessageTTL:
		return invalid("message TTL status can not be disabled")
	case c.AllowCounter != old.AllowCounter:
		return invalid("stream configuration update can not change message counter setting")
	case old.AllowSchedules && !c.AllowSchedules:
		return invalid("message schedules can not be disabled")
	case c.PersistMode != old.PersistMode:
		return invalid("stream configuration update can not change persist mode")
	}
	return nil
}

func sameSource(a, b *StreamSource) bool {
	return a != nil && b != nil && sameJSON(utcSource(a), utcSource(b))
}

// seal makes sure that nothing comes into a sealed stream, or goes.
func seal(c *StreamConfig) {
	if !c.Sealed {
		return
	}
	c.MaxAge = 0
	c.Discard = DiscardNew
	c.DenyDelete, c.DenyPurge = true, true
	c.AllowRollup = false
}

// checkMoreRoom says whether there is room for what a stream will reserve beyond
// what it has reserved. If the account has no limits for the new number of replicas,
// those for the old one hold.
func (w *World) checkMoreRoom(old, c *StreamConfig) error {
	limits, tier, err := w.Tiers.Select(c.Replicas)
	if err != nil {
		if limits, tier, err = w.Tiers.Select(old.Replicas); err != nil {
			return err
		}
	}
	more := max(max(c.MaxBytes, 0)-max(old.MaxBytes, 0), 0)
	reserved, _ := w.reserved(c, tier)
	reserved = add(reserved, reserve(tier, c.Replicas, c.MaxBytes-more))
	return w.checkRoom(c, more, &limits, tier, reserved)
}

// checkConsumerLimits refuses new limits that existing consumers exceed.
func checkConsumerLimits(old, limits ConsumerLimits, consumers []*ConsumerConfig) error {
	if old == limits {
		return nil
	}
	var names []string
	for _, c := range consumers {
		if limits.InactiveThreshold > 0 && c.InactiveThreshold > limits.InactiveThreshold ||
			limits.MaxAckPending > 0 && c.MaxAckPending > limits.MaxAckPending {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return errorf("change to limits violates consumers: %s", strings.Join(names, ", "))
}
