package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"
)

// Keys of metadata that belong to servers. Clients that send them change nothing.
const (
	// RequiredLevelKey is stored: the lowest level that understands the configuration.
	RequiredLevelKey = "_nats.req.level"
	// VersionKey and LevelKey are those of the server that answers, never stored.
	VersionKey = "_nats.ver"
	LevelKey   = "_nats.level"
)

// streamLevel is the lowest level that understands a configuration.
func streamLevel(c *StreamConfig) int {
	switch {
	case c.AllowBatched:
		return 4
	case c.AllowCounter, c.AllowAtomic, c.AllowSchedules, c.PersistMode == PersistAsync:
		return 2
	case c.AllowMessageTTL, c.SubjectDeleteMarkerTTL > 0:
		return 1
	default:
		return 0
	}
}

// consumerLevel is the lowest level that understands a configuration.
func consumerLevel(c *ConsumerConfig) int {
	switch {
	case c.AckPolicy == AckFlowControl:
		return 4
	case c.PauseUntil != nil && !c.PauseUntil.IsZero():
		return 1
	case c.PriorityPolicy != PriorityNone, c.PriorityTimeout != 0, len(c.PriorityGroups) > 0:
		return 1
	default:
		return 0
	}
}

// StampStream gives a configuration the metadata that are stored with it. The map
// of c is not changed, but replaced.
func StampStream(c *StreamConfig) { c.Metadata = stamp(c.Metadata, streamLevel(c)) }

// StampConsumer does the same for a consumer.
func StampConsumer(c *ConsumerConfig) { c.Metadata = stamp(c.Metadata, consumerLevel(c)) }

func stamp(metadata map[string]string, level int) map[string]string {
	stamped := withoutStamps(metadata)
	if stamped == nil {
		stamped = make(map[string]string, 1)
	}
	stamped[RequiredLevelKey] = strconv.Itoa(level)
	return stamped
}

// withoutStamps is a copy without the keys of servers, nil if nothing is left.
func withoutStamps(metadata map[string]string) map[string]string {
	rest := maps.Clone(metadata)
	for _, key := range []string{RequiredLevelKey, VersionKey, LevelKey} {
		delete(rest, key)
	}
	if len(rest) == 0 {
		return nil
	}
	return rest
}

// PresentStream is a configuration as it is answered: with the version and the
// level of the server. It shares all but the metadata with c.
func PresentStream(c *StreamConfig, version string) StreamConfig {
	presented := *c
	presented.Metadata = present(c.Metadata, version)
	return presented
}

// PresentConsumer does the same for a consumer.
func PresentConsumer(c *ConsumerConfig, version string) *ConsumerConfig {
	presented := *c
	presented.Metadata = present(c.Metadata, version)
	return &presented
}

func present(metadata map[string]string, version string) map[string]string {
	presented := make(map[string]string, len(metadata)+2)
	maps.Copy(presented, metadata)
	presented[VersionKey] = version
	presented[LevelKey] = strconv.Itoa(Level)
	return presented
}

// SameStream reports whether two complete configurations say the same, whichever
// server wrote them: the metadata of servers do not count.
func SameStream(a, b *StreamConfig) bool {
	x, y := *a, *b
	x.Metadata, y.Metadata = withoutStamps(a.Metadata), withoutStamps(b.Metadata)
	x.Mirror, y.Mirror = utcSource(a.Mirror), utcSource(b.Mirror)
	x.Sources, y.Sources = utcSources(a.Sources), utcSources(b.Sources)
	return sameJSON(&x, &y)
}

// SameConsumer does the same for consumers.
func SameConsumer(a, b *ConsumerConfig) bool {
	x, y := *a, *b
	x.Metadata, y.Metadata = withoutStamps(a.Metadata), withoutStamps(b.Metadata)
	x.StartTime, y.StartTime = utc(a.StartTime), utc(b.StartTime)
	x.PauseUntil, y.PauseUntil = utc(a.PauseUntil), utc(b.PauseUntil)
	return sameJSON(&x, &y)
}

// sameJSON compares what a client would see.
func sameJSON(a, b any) bool {
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	return err == nil && bytes.Equal(x, y)
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

func utcSource(s *StreamSource) *StreamSource {
	if s == nil || s.StartTime == nil {
		return s
	}
	shallow := *s
	shallow.StartTime = utc(s.StartTime)
	return &shallow
}

func utcSources(sources []*StreamSource) []*StreamSource {
	out := make([]*StreamSource, len(sources))
	for i, s := range sources {
		out[i] = utcSource(s)
	}
	return out
}

// CheckSupported fails if stored metadata demand a level that this server has not:
// the asset cannot be used then.
func CheckSupported(metadata map[string]string) error {
	required := metadata[RequiredLevelKey]
	if required == "" {
		return nil
	}
	if level, err := strconv.Atoi(required); err != nil || level > Level {
		return fmt.Errorf("unsupported - required API level: %s, current API level: %d", required, Level)
	}
	return nil
}
