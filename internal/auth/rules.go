package auth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godwit-mq/godwit/internal/subject"
)

// rules are one list of permissions: which subjects are named in it and for
// which queues. Literal subjects are found by name, so that the cost of a look-up
// depends on the number of wildcards only. Immutable once built.
type rules struct {
	literal map[string]*rule
	sorted  []string // the keys of literal, to find those that begin alike
	wild    []*rule
}

// rule joins all entries for one subject.
type rule struct {
	subject string
	plain   bool     // an entry without a queue
	queues  []string // of the entries with one: names or patterns
}

// entry is one item of a list in a configuration.
type entry struct{ subject, queue string }

// parseEntry reads "subject" or "subject queue"; blanks around them are ignored.
func parseEntry(text string) (entry, error) {
	var e entry
	switch fields := strings.Fields(text); len(fields) {
	case 1:
		e.subject = fields[0]
	case 2:
		e.subject, e.queue = fields[0], fields[1]
	default:
		return e, fmt.Errorf("invalid subject-queue %q", text)
	}
	if !subject.IsValidStrict(e.subject) {
		return e, fmt.Errorf("subject %q is not a valid subject", e.subject)
	}
	if e.queue != "" && !subject.IsValidStrict(e.queue) {
		return e, fmt.Errorf("queue %q is not a valid queue", e.queue)
	}
	return e, nil
}

// String is the entry in the form of a configuration.
func (e entry) String() string {
	if e.queue == "" {
		return e.subject
	}
	return e.subject + " " + e.queue
}

func newRules(list []entry) rules {
	s := rules{literal: make(map[string]*rule)}
	wild := make(map[string]*rule)
	for _, e := range list {
		table := s.literal
		if !subject.IsLiteral(e.subject) {
			table = wild
		}
		r := table[e.subject]
		if r == nil {
			r = &rule{subject: e.subject}
			table[e.subject] = r
			if subject.IsLiteral(e.subject) {
				s.sorted = append(s.sorted, e.subject)
			} else {
				s.wild = append(s.wild, r)
			}
		}
		if e.queue == "" {
			r.plain = true
		} else {
			r.queues = append(r.queues, e.queue)
		}
	}
	slices.Sort(s.sorted)
	return s
}

// names reports whether the subject of a message is in the list for a
// subscription with this queue, "" for a plain one.
func (s *rules) names(name []byte, queue string) bool {
	return s.literal[string(name)].concerns(queue) || anyNames(s.wild, name, queue)
}

// namesText is names for a string. Wildcards in it count as ordinary tokens.
func (s *rules) namesText(name, queue string) bool {
	return s.literal[name].concerns(queue) || anyNames(s.wild, name, queue)
}

func anyNames[T subject.Text](wild []*rule, name T, queue string) bool {
	for _, r := range wild {
		if subject.Match(name, r.subject) && r.concerns(queue) {
			return true
		}
	}
	return false
}

// concerns reports whether the rule says anything about subscriptions with the
// queue. A plain entry is about all of them, one with a queue only about that.
func (r *rule) concerns(queue string) bool {
	return r != nil && (r.plain || queue != "" && r.hasQueue(queue))
}

// hasQueue takes the queue's name literally: `*` and `>` may be part of it, and an
// entry with the very same text is about it.
func (r *rule) hasQueue(queue string) bool {
	for _, q := range r.queues {
		if subject.Match(queue, q) {
			return true
		}
	}
	return false
}

// covers reports whether the list allows a subscription. Entries with a queue
// restrict the queues of the subjects that they cover, whatever plain entries
// say; a plain subscription needs a plain entry.
func (s *rules) covers(name, queue string) bool {
	plain, restricted := false, false
	consider := func(r *rule) bool {
		plain = plain || r.plain
		restricted = restricted || len(r.queues) > 0
		return queue != "" && r.hasQueue(queue)
	}
	if r := s.literal[name]; r != nil && consider(r) {
		return true
	}
	for _, r := range s.wild {
		if subject.IsSubset(name, r.subject) && consider(r) {
			return true
		}
	}
	return plain && (queue == "" || !restricted)
}

// overlaps reports whether some message that a subscription gets is in the list.
func (s *rules) overlaps(name, queue string) bool {
	if subject.IsLiteral(name) {
		return s.namesText(name, queue)
	}
	for _, r := range s.wild {
		if r.concerns(queue) && subject.Collide(name, r.subject) {
			return true
		}
	}
	prefix := literalPrefix(name)
	from, _ := slices.BinarySearch(s.sorted, prefix)
	for _, literal := range s.sorted[from:] {
		if !strings.HasPrefix(literal, prefix) {
			return false
		}
		if subject.Match(literal, name) && s.literal[literal].concerns(queue) {
			return true
		}
	}
	return false
}

// literalPrefix is what all subjects that a pattern selects begin with: its
// tokens before the first wildcard.
func literalPrefix(pattern string) string {
	start := 0
	for i := 0; i <= len(pattern); i++ {
		if i < len(pattern) && pattern[i] != '.' {
			continue
		}
		if token := pattern[start:i]; token == "*" || token == ">" {
			return pattern[:start]
		}
		start = i + 1
	}
	return pattern
}
