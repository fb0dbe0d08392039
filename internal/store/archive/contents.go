package archive

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/legacy"
)

// MetadataMax is the size of the summary of a stream, and of a consumer with all that
// is outstanding, at most, in bytes of JSON.
const MetadataMax = 128 << 20

// An Access lets use have a stream to itself, so that its owner can hold a lock in the
// meantime, and do what must follow a change. It calls use once and returns its error.
type Access func(use func(store.Stream) error) error

// Direct is the access to a stream that nobody else uses.
func Direct(s store.Stream) Access {
	return func(use func(store.Stream) error) error { return use(s) }
}

// A Source is a stream to be archived.
type Source struct {
	// Name, Created and Config are those of the stream; the configuration is a JSON object
	// in the form of the API. Only Tar keeps them, as they are: older servers must
	// understand the configuration.
	Name    string
	Created time.Time
	Config  json.RawMessage
	// Time is that of the archive.
	Time time.Time
	// State is the summary of the stream. Messages behind its last sequence are not
	// archived.
	State store.State
	// Consumers are those to archive with it.
	Consumers []Consumer
	// Messages is the stream.
	Messages Access
}

// A Consumer is one of an archive.
type Consumer struct {
	Name string
	// Created is known to Tar archives only.
	Created time.Time
	// Config is a JSON object in the form of the API.
	Config json.RawMessage
	// State is how far it has come, nowhere beyond the last sequence of the stream. It is
	// nil if the archive has none: the consumer begins by its configuration. Of Tar, its
	// times have whole seconds.
	State *store.ConsumerState
}

// A Head is what an archive says of itself.
type Head struct {
	Format Format
	// State is the summary of the stream when the archive was made. The number of messages
	// and bytes of Tar may count some that limits had removed; it has no subjects.
	State store.State
	// Consumers is how many there are.
	Consumers int
	// Name, Created and Config are those of the stream. Binary archives have none of them.
	// Whether the stream may get another name is for the caller to say.
	Name    string
	Created time.Time
	Config  json.RawMessage
	// Problems are what is wrong with the files of a Tar archive, small things included.
	Problems []legacy.Problem
}

// clamp takes out of a state what lies beyond the last sequence.
func clamp(s *store.ConsumerState, last uint64) *store.ConsumerState {
	if s == nil {
		return nil
	}
	c := store.ConsumerState{Delivered: s.Delivered, Floor: s.Floor}
	c.Delivered.Stream, c.Floor.Stream = min(c.Delivered.Stream, last), min(c.Floor.Stream, last)
	for _, o := range s.Pending {
		if o.Stream <= last {
			c.Pending = append(c.Pending, o)
		}
	}
	for _, r := range s.Redelivered {
		if r.Stream <= last {
			c.Redelivered = append(c.Redelivered, r)
		}
	}
	return &c
}

// isName reports whether a stream or a consumer can have this name, which becomes
// a part of paths.
func isName(name string) bool {
	return name != "" && len(name) <= 255 && !strings.ContainsAny(name, "/\\.*> \t\r\n\x00")
}
