package storetest

import (
	"bytes"
	"maps"
	"math"
	"slices"

	"github.com/godwit-mq/godwit/internal/store"
)

// A Model is a stream store that is slow and obvious: a list of messages, and
// loops over it. It is what others are compared with.
type Model struct {
	options  store.Options
	limits   store.Limits
	size     func(subject, header, payload int) uint64
	messages []store.Message
	first    uint64
	last     uint64
	lastTime int64
	held     map[uint64]int64 // until when Tick does not ask
	closed   bool
}

var _ store.Stream = (*Model)(nil)

// NewModel returns an empty model whose messages count for what size says.
func NewModel(o store.Options, size func(subject, header, payload int) uint64) (*Model, error) {
	limits, err := o.Limits.Normal()
	if err != nil {
		return nil, err
	}
	if o.FirstSequence > store.SequenceMax {
		return nil, store.ErrSequence
	}
	m := &Model{options: o, limits: limits, size: size, held: map[uint64]int64{}}
	if o.FirstSequence > 0 {
		m.first, m.last = o.FirstSequence, o.FirstSequence-1
	}
	return m, nil
}

func (m *Model) Close() error {
	if m.closed {
		return store.ErrClosed
	}
	*m = Model{closed: true, size: m.size}
	return nil
}

func (m *Model) Size(subject, header, payload int) uint64 { return m.size(subject, header, payload) }

func (m *Model) sizeOf(msg *store.Message) uint64 {
	return m.size(len(msg.Subject), len(msg.Header), len(msg.Payload))
}

func (m *Model) clone() *Model {
	c := *m
	c.messages = slices.Clone(m.messages)
	c.options.OnRemove = nil
	c.held = maps.Clone(m.held)
	return &c
}

func (m *Model) Append(msg *store.Message, admission store.Admission) error {
	if m.closed {
		return store.ErrClosed
	}
	if admission == store.Checked {
		if err := m.admit(msg); err != nil {
			return err
		}
	}
	if msg.Sequence != 0 && msg.Sequence != m.last+1 || m.last == store.SequenceMax {
		return store.ErrSequence
	}
	if err := msg.Verify(); err != nil {
		return err
	}
	kept := store.Message{
		Sequence: m.last + 1, Time: msg.Time, TTL: msg.TTL, Marker: msg.Marker, Subject: bytes.Clone(msg.Subject),
		Header: bytes.Clone(msg.Header), Payload: bytes.Clone(msg.Payload),
	}
	m.messages = append(m.messages, kept)
	m.last, m.lastTime = kept.Sequence, kept.Time
	m.settle()
	msg.Sequence = kept.Sequence
	m.enforceSubject(msg.Subject)
	m.enforce()
	return nil
}

// AppendBatch tries the batch on a copy first.
func (m *Model) AppendBatch(batch []store.Message, admission store.Admission) error {
	if m.closed {
		return store.ErrClosed
	}
	trial := m.clone()
	for i := range batch {
		msg := batch[i]
		if err := trial.Append(&msg, admission); err != nil {
			return err
		}
	}
	for i := range batch {
		if err := m.Append(&batch[i], admission); err != nil {
			return err
		}
	}
	return nil
}

func (m *Model) admit(msg *store.Message) error {
	l := m.limits
	size := m.sizeOf(msg)
	if !l.DiscardNew {
		if l.MaxBytes > 0 && size > uint64(l.MaxBytes) {
			return store.ErrMaxBytes
		}
		return nil
	}
	of := m.indexes(msg.Subject)
	full := l.MaxPerSubject > 0 && len(msg.Subject) > 0 && len(of) >= int(l.MaxPerSubject)
	if full && l.DiscardNewPerSubject && !msg.Rollup {
		return store.ErrMaxPerSubject
	}
	if l.MaxMessages > 0 && len(m.messages) >= int(l.MaxMessages) && !full {
		return store.ErrMaxMessages
	}
	if l.MaxBytes > 0 && m.State().Bytes+size > uint64(l.MaxBytes) {
		if !full || m.sizeOf(&m.messages[of[0]]) < size {
			return store.ErrMaxBytes
		}
	}
	return nil
}

// indexes are the places of the messages of a subject.
func (m *Model) indexes(subject []byte) (list []int) {
	for i := range m.messages {
		if bytes.Equal(m.messages[i].Subject, subject) {
			list = append(list, i)
		}
	}
	return list
}

// settle sets the first sequence.
func (m *Model) settle() {
	if len(m.messages) > 0 {
		m.first = m.messages[0].Sequence
	} else {
		m.first = m.last + 1
	}
}

// cut removes the message at index i and tells the listener.
func (m *Model) cut(i int) store.Removal {
	msg := m.messages[i]
	m.messages = slices.Delete(m.messages, i, i+1)
	delete(m.held, msg.Sequence)
	m.settle()
	r := store.Removal{Messages: 1, Bytes: m.sizeOf(&msg), Sequence: msg.Sequence, Subject: msg.Subject}
	if m.options.OnRemove != nil {
		m.options.OnRemove(r)
	}
	return r
}

// cutIf removes messages and tells the listener of them together.
func (m *Model) cutIf(goes func(msg *store.Message) bool) store.Removal {
	listener := m.options.OnRemove
	m.options.OnRemove = nil
	var sum store.Removal
	for i := 0; i < len(m.messages); {
		if goes(&m.messages[i]) {
			sum = add(sum, m.cut(i))
		} else {
			i++
		}
	}
	m.options.OnRemove = listener
	if listener != nil && sum.Messages > 0 {
		listener(sum)
	}
	return sum
}

func add(a, b store.Removal) store.Removal {
	if a.Messages == 0 {
		return b
	}
	return store.Removal{Messages: a.Messages + b.Messages, Bytes: a.Bytes + b.Bytes}
}

func (m *Model) enforceSubject(subject []byte) {
	if m.limits.MaxPerSubject == 0 || len(subject) == 0 {
		return
	}
	for of := m.indexes(subject); len(of) > int(m.limits.MaxPerSubject); of = m.indexes(subject) {
		m.cut(of[0])
	}
}

func (m *Model) enforce() {
	l := m.limits
	if l.DiscardNew {
		return
	}
	for l.MaxMessages > 0 && len(m.messages) > int(l.MaxMessages) || l.MaxBytes > 0 && m.State().Bytes > uint64(l.MaxBytes) {
		m.cut(0)
	}
}

func (m *Model) Skip(first, count uint64, now int64) error {
	if m.closed {
		return store.ErrClosed
	}
	if first != 0 && first != m.last+1 || count > store.SequenceMax-m.last {
		return store.ErrSequence
	}
	if count == 0 {
		return nil
	}
	if m.lastTime == 0 {
		m.lastTime = now
	}
	m.last += count
	m.settle()
	return nil
}

func (m *Model) SkipUnwanted(seq uint64, now int64) error {
	if err := m.Skip(seq, 1, now); err != nil {
		return err
	}
	m.lastTime = now
	return nil
}

func (m *Model) Load(seq uint64, to *store.Message) error {
	if m.closed {
		return store.ErrClosed
	}
	for i := range m.messages {
		if m.messages[i].Sequence == seq {
			*to = m.messages[i]
			return nil
		}
	}
	if seq > m.last {
		return store.ErrEOF
	}
	return store.ErrNotFound
}

func (m *Model) Subject(seq uint64) ([]byte, error) {
	var msg store.Message
	err := m.Load(seq, &msg)
	if err == store.ErrEOF {
		err = store.ErrNotFound
	}
	return msg.Subject, err
}

func (m *Model) Next(f *store.Filter, start uint64, to *store.Message) (uint64, error) {
	if m.closed {
		return 0, store.ErrClosed
	}
	for i := range m.messages {
		if msg := &m.messages[i]; msg.Sequence >= start && f.Match(msg.Subject) {
			*to = *msg
			return msg.Sequence, nil
		}
	}
	return m.last, store.ErrEOF
}

func (m *Model) Previous(f *store.Filter, start uint64, to *store.Message) (uint64, error) {
	if m.closed {
		return 0, store.ErrClosed
	}
	for i := len(m.messages) - 1; i >= 0; i-- {
		if msg := &m.messages[i]; msg.Sequence <= start && f.Match(msg.Subject) {
			*to = *msg
			return msg.Sequence, nil
		}
	}
	return m.first, store.ErrEOF
}

func (m *Model) Last(f *store.Filter, to *store.Message) error {
	var err error
	if f.All() {
		err = m.Load(m.last, to)
	} else {
		_, err = m.Previous(f, m.last, to)
	}
	if err == store.ErrEOF {
		err = store.ErrNotFound
	}
	return err
}

func (m *Model) Each(f *store.Filter, start uint64, fn func(*store.Message) bool) error {
	if m.closed {
		return store.ErrClosed
	}
	for i := range m.messages {
		if msg := m.messages[i]; msg.Sequence >= start && f.Match(msg.Subject) && !fn(&msg) {
			return nil
		}
	}
	return nil
}

func (m *Model) SequenceAt(t int64) (uint64, error) {
	if m.closed {
		return 0, store.ErrClosed
	}
	for i := range m.messages {
		if m.messages[i].Time >= t {
			return m.messages[i].Sequence, nil
		}
	}
	return m.last + 1, nil
}

func (m *Model) State() store.State {
	s := store.State{
		Messages: uint64(len(m.messages)), FirstSequence: m.first, LastSequence: m.last, LastTime: m.lastTime,
	}
	subjects := map[string]bool{}
	for i := range m.messages {
		s.Bytes += m.sizeOf(&m.messages[i])
		subjects[string(m.messages[i].Subject)] = true
	}
	delete(subjects, "")
	s.Subjects = len(subjects)
	if len(m.messages) > 0 {
		s.FirstTime = m.messages[0].Time
	}
	return s
}

func (m *Model) Deleted(fn func(store.Range) bool) {
	if len(m.messages) == 0 {
		return
	}
	next := m.first
	for i := range m.messages {
		seq := m.messages[i].Sequence
		if seq > next && !fn(store.Range{First: next, Count: seq - next}) {
			return
		}
		next = seq + 1
	}
	if next <= m.last {
		fn(store.Range{First: next, Count: m.last - next + 1})
	}
}

// states are the summaries of the subjects that a filter selects, counting what is
// from start to end, with the subjects in order.
func (m *Model) states(f *store.Filter, start, end uint64) (map[string]store.SubjectState, []string) {
	states := map[string]store.SubjectState{}
	for i := range m.messages {
		msg := &m.messages[i]
		if len(msg.Subject) == 0 || msg.Sequence < start || msg.Sequence > end || !f.Match(msg.Subject) {
			continue
		}
		s := states[string(msg.Subject)]
		if s.Messages == 0 {
			s.First = msg.Sequence
		}
		s.Messages++
		s.Last = msg.Sequence
		states[string(msg.Subject)] = s
	}
	var names []string
	for name := range states {
		names = append(names, name)
	}
	slices.Sort(names)
	return states, names
}

func (m *Model) Pending(f *store.Filter, start uint64, lastPerSubject bool) (count, through uint64, err error) {
	if m.closed {
		return 0, 0, store.ErrClosed
	}
	if lastPerSubject {
		_, names := m.states(f, start, math.MaxUint64)
		return uint64(len(names)), m.last, nil
	}
	sum, err := m.Matching(f, start)
	return sum.Messages, m.last, err
}

func (m *Model) Matching(f *store.Filter, start uint64) (sum store.SubjectState, err error) {
	err = m.Each(f, start, func(msg *store.Message) bool {
		if sum.Messages == 0 {
			sum.First = msg.Sequence
		}
		sum.Messages++
		sum.Last = msg.Sequence
		return true
	})
	return sum, err
}

func (m *Model) Subjects(f *store.Filter, offset int, fn func([]byte, store.SubjectState) bool) error {
	if m.closed {
		return store.ErrClosed
	}
	states, names := m.states(f, 0, math.MaxUint64)
	for _, name := range names[min(max(offset, 0), len(names)):] {
		if !fn([]byte(name), states[name]) {
			return nil
		}
	}
	return nil
}

func (m *Model) LastSequences(f *store.Filter, upTo uint64, most int) (list []uint64, err error) {
	if m.closed {
		return nil, store.ErrClosed
	}
	if upTo == 0 {
		upTo = m.last
	}
	states, _ := m.states(f, 0, upTo)
	for _, s := range states {
		list = append(list, s.Last)
	}
	if most > 0 && len(list) > most {
		return nil, store.ErrTooMany
	}
	slices.Sort(list)
	return list, nil
}

func (m *Model) Remove(seq uint64) (bool, error) {
	switch {
	case m.closed:
		return false, store.ErrClosed
	case seq == 0:
		return false, store.ErrNotFound
	case seq > m.last:
		return false, store.ErrEOF
	}
	for i := range m.messages {
		if m.messages[i].Sequence == seq {
			m.cut(i)
			return true, nil
		}
	}
	return false, nil
}

func (m *Model) Erase(seq uint64) (bool, error) { return m.Remove(seq) }

func (m *Model) Purge(p store.Purge) (store.Removal, error) {
	if m.closed {
		return store.Removal{}, store.ErrClosed
	}
	if p.Filter.All() && p.Keep == 0 {
		return m.Compact(p.Below)
	}
	matching := 0
	for i := range m.messages {
		if p.Filter.Match(m.messages[i].Subject) {
			matching++
		}
	}
	goes := uint64(matching) - min(p.Keep, uint64(matching))
	return m.cutIf(func(msg *store.Message) bool {
		if !p.Filter.Match(msg.Subject) || goes == 0 {
			return false
		}
		goes--
		return p.Below == 0 || msg.Sequence < p.Below
	}), nil
}

func (m *Model) Compact(seq uint64) (store.Removal, error) {
	switch {
	case m.closed:
		return store.Removal{}, store.ErrClosed
	case seq > store.SequenceMax:
		return store.Removal{}, store.ErrSequence
	}
	removed := m.cutIf(func(msg *store.Message) bool { return seq == 0 || msg.Sequence < seq })
	if seq > m.last {
		m.last = seq - 1
	}
	m.settle()
	return removed, nil
}

func (m *Model) Truncate(seq uint64) (store.Removal, error) {
	switch {
	case m.closed:
		return store.Removal{}, store.ErrClosed
	case seq > m.last:
		return store.Removal{}, store.ErrEOF
	case seq == m.last && seq > 0:
		return store.Removal{}, nil
	}
	removed := m.cutIf(func(msg *store.Message) bool { return msg.Sequence > seq })
	m.last = seq
	m.settle()
	if n := len(m.messages); n > 0 {
		m.lastTime = m.messages[n-1].Time
	}
	if seq == 0 {
		m.first, m.lastTime = 0, 0
	}
	return removed, nil
}

func (m *Model) Limits() store.Limits { return m.limits }

func (m *Model) SetLimits(l store.Limits) error {
	if m.closed {
		return store.ErrClosed
	}
	limits, err := l.Normal()
	if err != nil {
		return err
	}
	if limits.MaxAge != m.limits.MaxAge || limits.MessageTTL != m.limits.MessageTTL {
		m.held = map[uint64]int64{}
	}
	m.limits = limits
	_, names := m.states(nil, 0, math.MaxUint64)
	for _, name := range names {
		m.enforceSubject([]byte(name))
	}
	m.enforce()
	return nil
}
