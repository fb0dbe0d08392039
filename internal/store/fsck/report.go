package fsck

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/godwit-mq/godwit/internal/store/heap"
)

// A Report tells what was found. Its JSON form is for programs.
type Report struct {
	// Dir is the directory of the store.
	Dir     string   `json:"dir"`
	Streams []Stream `json:"streams"`
	// Damage is that of the journal and the catalog.
	Damage []Damage `json:"damage,omitempty"`
	Notes  []Note   `json:"notes,omitempty"`
}

// A Stream is what there is of one.
type Stream struct {
	// Number is the one in the catalog and on the disk. Account and Name are empty if no
	// catalog knows it.
	Number  uint64 `json:"number"`
	Account string `json:"account,omitempty"`
	Name    string `json:"name,omitempty"`
	// Dir is the directory with its files.
	Dir string `json:"dir"`
	// Messages and Bytes are those that can be read.
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
	// First and Last are its first and last sequence.
	First     uint64     `json:"first_seq"`
	Last      uint64     `json:"last_seq"`
	Consumers []Consumer `json:"consumers,omitempty"`
	Damage    []Damage   `json:"damage,omitempty"`
	// Untold is how much more damage there is than DamageMax.
	Untold int `json:"untold,omitempty"`
}

// A Consumer is what there is of one.
type Consumer struct {
	Number    uint64   `json:"number"`
	Name      string   `json:"name"`
	Delivered uint64   `json:"delivered_seq"`
	Floor     uint64   `json:"ack_floor_seq"`
	Pending   int      `json:"pending"`
	Damage    []Damage `json:"damage,omitempty"`
}

// DamageMax is how much damage of one stream is listed.
const DamageMax = 10_000

// Damage is one thing that is wrong.
type Damage struct {
	// File and Offset are where; File is empty if it is in no one place, and Offset is 0
	// if it is the file as a whole.
	File   string `json:"file,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	// First and Last are the sequences of messages that are or may be missing, 0 if that
	// is not known.
	First uint64 `json:"first_seq,omitempty"`
	Last  uint64 `json:"last_seq,omitempty"`
	// Messages is how many of these sequences had a message, 0 if that is not known.
	Messages uint64 `json:"messages,omitempty"`
	// Reason is what is wrong.
	Reason string `json:"reason"`
}

// A Note is something that is worth knowing.
type Note struct {
	File string `json:"file,omitempty"`
	Text string `json:"text"`
}

// damageOf makes Damage of an error, with the place that it has.
func damageOf(err error) Damage {
	d := Damage{Reason: err.Error()}
	var corrupt *heap.CorruptError
	if errors.As(err, &corrupt) {
		d.File, d.Offset = corrupt.Name, corrupt.Offset
		d.Reason = strings.Replace(d.Reason, corrupt.Error(), corrupt.Reason, 1)
	}
	return d
}

// String is the damage in one line.
func (d Damage) String() string {
	text := d.Reason
	if d.File != "" {
		text += fmt.Sprintf(" [%s at %d]", d.File, d.Offset)
	}
	switch {
	case d.First == 0 && d.Last == 0:
	case d.First == d.Last:
		text += fmt.Sprintf(" (sequence %d)", d.First)
	case d.Messages > 0:
		text += fmt.Sprintf(" (%d messages with sequences %d to %d)", d.Messages, d.First, d.Last)
	default:
		text += fmt.Sprintf(" (sequences %d to %d)", d.First, d.Last)
	}
	return text
}

// Clean reports whether there is no damage.
func (r *Report) Clean() bool { return r.count() == 0 }

// count is how many things are wrong.
func (r *Report) count() int {
	n := len(r.Damage)
	for _, s := range r.Streams {
		n += len(s.Damage) + s.Untold
		for _, c := range s.Consumers {
			n += len(c.Damage)
		}
	}
	return n
}

// WriteJSON writes the report as JSON, with the member clean besides.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Clean bool `json:"clean"`
		*Report
	}{r.Clean(), r})
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	p := printer{w: w}
	for _, d := range r.Damage {
		p.line("damage: %v", d)
	}
	for i := range r.Streams {
		p.stream(&r.Streams[i])
	}
	for _, n := range r.Notes {
		if n.File != "" {
			p.line("note: %s: %s", n.File, n.Text)
		} else {
			p.line("note: %s", n.Text)
		}
	}
	if n := r.count(); n > 0 {
		p.line("%s: %d streams, damaged in %d places", r.Dir, len(r.Streams), n)
	} else {
		p.line("%s: %d streams, clean", r.Dir, len(r.Streams))
	}
	return p.err
}

// A printer writes lines until that fails.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) stream(s *Stream) {
	name := fmt.Sprintf("%s > %s", s.Account, s.Name)
	if s.Name == "" {
		name = fmt.Sprintf("number %d, without a name", s.Number)
	}
	p.line("stream %s: %d messages, %d bytes, first %d, last %d, %d consumers", name, s.Messages, s.Bytes, s.First, s.Last, len(s.Consumers))
	if len(s.Damage) > 0 {
		p.line("  its files are in %s", s.Dir)
	}
	for _, d := range s.Damage {
		p.line("  damage: %v", d)
	}
	if s.Untold > 0 {
		p.line("  damage: in %d more places", s.Untold)
	}
	for _, c := range s.Consumers {
		for _, d := range c.Damage {
			p.line("  damage of consumer %s: %v", c.Name, d)
		}
	}
}
