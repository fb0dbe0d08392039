package transform

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// Destination is one of the subjects that a source is mapped to.
type Destination struct {
	Subject string // in the form that New understands
	Weight  uint8  // percent, 0 to 100
	Cluster string // servers of this cluster only; empty: servers of all clusters that have no list of their own
}

// Outcome is what a mapping does with a message.
type Outcome uint8

// Unchanged is the zero value: without a mapping a message stays as it is.
const (
	Unchanged Outcome = iota // the message keeps its subject
	Mapped                   // the message goes to another subject
	Dropped                  // the message is lost, and its sender is not told
)

func (o Outcome) String() string {
	return [...]string{"unchanged", "mapped", "dropped"}[o]
}

// Mapping maps the subjects that match its source to destinations chosen by
// weight. It is never changed after it was made, so any goroutine may use it.
type Mapping struct {
	source   string
	main     choices
	clusters map[string]choices // cluster name -> the choices there
}

// choices are destinations by ascending weight.
type choices []choice

// choice is taken if a number from 0 to 99 is below its limit, which is its
// weight and those before it, and not below an earlier one.
type choice struct {
	subject   string
	transform *Transform
	weight    uint8
	limit     uint8
}

// NewMapping makes a mapping. The destinations for one cluster, and those
// without a cluster, form lists of their own. A list whose weights do not make
// 100 gets the source itself for what is missing, unless the source is in the
// list already, in the same words: then the rest is dropped. (A source with '*'
// is never in the list, for a destination cannot have one.)
//
// The error is ErrBadSubject, ErrWeight, ErrTotalWeight, that a destination is
// there twice, or a DestinationError.
func NewMapping(source string, destinations []Destination) (*Mapping, error) {
	if source == "" {
		return nil, ErrBadSubject
	}
	same, err := New(source, "")
	if err != nil {
		return nil, err
	}
	lists := map[string]choices{"": nil}
	seen := make(map[string]bool)
	total := make(map[string]int)
	for _, d := range destinations {
		if seen[d.Subject] {
			return nil, fmt.Errorf("duplicate entry for %q", d.Subject)
		}
		seen[d.Subject] = true
		if d.Weight > 100 {
			return nil, ErrWeight
		}
		if total[d.Cluster] += int(d.Weight); total[d.Cluster] > 100 {
			return nil, ErrTotalWeight
		}
		t, err := newMapped(source, d.Subject)
		if err != nil {
			return nil, err
		}
		lists[d.Cluster] = append(lists[d.Cluster], choice{subject: d.Subject, transform: t, weight: d.Weight})
	}
	for cluster, list := range lists {
		lists[cluster] = complete(list, same)
	}
	m := &Mapping{source: source, main: lists[""], clusters: lists}
	delete(m.clusters, "")
	return m, nil
}

// newMapped makes the transform of one destination. Mappings are stricter than
// New about the destination's text.
func newMapped(source, destination string) (*Transform, error) {
	if destination == "" {
		return nil, ErrBadSubject
	}
	open := false
	for raw := range strings.SplitSeq(destination, ".") {
		switch {
		case raw == "" || open:
			return nil, &DestinationError{Token: raw, Err: ErrInvalidTransform}
		case strings.Contains(raw, "{{"):
			continue // New tells whether it is a function
		case strings.ContainsAny(raw, blanks):
			return nil, &DestinationError{Err: ErrInvalidTransform}
		}
		open = raw == ">"
	}
	return New(source, destination)
}

// complete adds the transform that changes nothing for what is missing to 100
// percent and puts the list in order.
func complete(list choices, same *Transform) choices {
	total := 0
	for _, c := range list {
		total += int(c.weight)
	}
	source := same.Source()
	if total < 100 && !slices.ContainsFunc(list, func(c choice) bool { return c.subject == source }) {
		list = append(list, choice{subject: NumberWildcards(source), transform: same, weight: uint8(100 - total)})
	}
	slices.SortStableFunc(list, func(a, b choice) int { return cmp.Compare(a.weight, b.weight) })
	limit := uint8(0)
	for i := range list {
		limit += list[i].weight
		list[i].limit = limit
	}
	return list
}

// Source is the pattern of the subjects that are mapped.
func (m *Mapping) Source() string { return m.source }

// RunningTotals lists the destinations with those that were added to make 100
// percent, first those of all clusters and then cluster by cluster, as
// monitoring shows them: in each list by ascending weight, and with Weight as
// the sum up to and including the destination.
func (m *Mapping) RunningTotals() []Destination {
	shown := m.main.appendTotals(nil, "")
	for _, cluster := range slices.Sorted(maps.Keys(m.clusters)) {
		shown = m.clusters[cluster].appendTotals(shown, cluster)
	}
	return shown
}

func (list choices) appendTotals(shown []Destination, cluster string) []Destination {
	for _, c := range list {
		shown = append(shown, Destination{Subject: c.subject, Weight: c.limit, Cluster: cluster})
	}
	return shown
}

// IsFixed tells whether on a server of the cluster a subject has the same
// outcome each time, so that it may be remembered.
func (m *Mapping) IsFixed(cluster string) bool {
	list := m.in(cluster)
	for _, c := range list {
		if c.weight > 0 && c.weight < 100 || c.weight == 100 && !c.transform.fixed {
			return false
		}
	}
	return true
}

// in returns the choices for servers of a cluster.
func (m *Mapping) in(cluster string) choices {
	if list, own := m.clusters[cluster]; own {
		return list
	}
	return m.main
}

// Choose says where a message goes whose subject matches the source, on a server
// of the named cluster. A subject that is dropped is mapped to "". The random
// numbers come from draw, which is not asked when nothing depends on it; nil
// stands for a generator of the process.
func (m *Mapping) Choose(matching, cluster string, draw func() uint64) (mapped string, outcome Outcome) {
	if draw == nil {
		draw = rand.Uint64
	}
	t := m.in(cluster).pick(draw)
	if t == nil {
		return "", Dropped
	}
	mapped = apply(t, matching, draw)
	if mapped == matching {
		return matching, Unchanged
	}
	return mapped, Mapped
}

// AppendTo is Choose for a subject in a buffer. If the outcome is Mapped, the
// new subject is appended to dst; else dst is returned as it is. dst must not
// share memory with the subject.
func (m *Mapping) AppendTo(dst, matching []byte, cluster string, draw func() uint64) ([]byte, Outcome) {
	if draw == nil {
		draw = rand.Uint64
	}
	t := m.in(cluster).pick(draw)
	switch {
	case t == nil:
		return dst, Dropped
	case t.identity:
		return dst, Unchanged
	}
	mark := len(dst)
	dst = write(t, dst, matching, draw)
	if string(dst[mark:]) == string(matching) {
		return dst[:mark], Unchanged
	}
	return dst, Mapped
}

// pick draws a transform; nil says that the message is lost.
func (list choices) pick(draw func() uint64) *Transform {
	if last := len(list) - 1; list[last].weight == 100 {
		return list[last].transform
	}
	number := uint8(draw() % 100)
	for i := range list {
		if number < list[i].limit {
			return list[i].transform
		}
	}
	return nil
}
