package broker

import (
	"bytes"
	"strconv"

	"github.com/godwit-mq/godwit/internal/interest"
	"github.com/godwit-mq/godwit/internal/link"
	"github.com/godwit-mq/godwit/internal/transform"
	"github.com/godwit-mq/godwit/internal/wire"
)

// Entry is a resolved subject: what the publisher may do with it and who wants
// it.
type Entry struct {
	subject string
	mapped  bool // no mapping applies to it
	// Verdict is what the publisher's permissions say.
	Verdict Verdict
	// Subject, if not nil, is what a mapping made of the subject.
	Subject []byte
	mapping *transform.Mapping // whose outcome is not always the same
	plain   []target
	groups  []group
	text    []byte // backing of the targets' prefixes
}

// target is one subscription that wants the subject.
type target struct {
	sub    *Subscription
	shadow *Subscription // that stands for sub in this account; nil if it is sub itself
	stage  *stage        // nil for an internal receiver
	via    passage       // to another account; nil for a receiver in this one
	grant  func([]byte)
	prefix int // text[prefix:end] is "MSG subject sid ", or the subject alone
	end    int
	weight int32
	header bool // the receiver understands headers
}

// group is a queue group: one of its members gets each message.
type group struct {
	members []target
	total   int32 // weight of all members
}

// fanout is how many receivers a message on the subject has.
func (e *Entry) fanout() int64 { return int64(len(e.plain) + len(e.groups)) }

func (e *Entry) reset() {
	clear(e.plain)
	for i := range e.groups {
		clear(e.groups[i].members)
		e.groups[i].members = e.groups[i].members[:0]
	}
	e.plain, e.groups, e.text = e.plain[:0], e.groups[:0], e.text[:0]
	e.Verdict, e.Subject, e.mapping = Allowed, nil, nil
}

// resolve fills the entry for a subject, under the read lock.
func (p *Publisher) resolve(v *view, e *Entry, subject []byte, mapped bool) {
	e.reset()
	if m := v.account.mappings.Load(); m != nil && !mapped {
		if mapping := m.FindBytes(subject); mapping != nil {
			if !mapping.IsFixed(p.node().Cluster) {
				e.mapping = mapping
				return
			}
			to, outcome := mapping.AppendTo(nil, subject, p.node().Cluster, p.random.Uint64)
			switch outcome {
			case transform.Dropped:
				return
			case transform.Mapped:
				subject = to
				e.Subject = to
			}
		}
	}
	if !v.foreign {
		e.Verdict = p.checker.Check(subject)
		if e.Verdict == Denied {
			return
		}
	}
	v.reader.Match(subject, &p.matches)
	for _, s := range p.matches.Plain {
		if local, ok := p.wanted(v, s, subject); ok {
			e.plain = append(e.plain, p.target(e, s, local))
		}
	}
	for i := range p.matches.Queues {
		p.resolveGroup(v, e, &p.matches.Queues[i], subject)
	}
	v.lookups.FanoutMax = max(v.lookups.FanoutMax, e.fanout())
}

func (p *Publisher) resolveGroup(v *view, e *Entry, q *interest.QueueMatch[*Subscription], subject []byte) {
	var g *group
	if n := len(e.groups); n < cap(e.groups) {
		e.groups = e.groups[:n+1] // keeps the members' capacity
		g = &e.groups[n]
	} else {
		e.groups = append(e.groups, group{})
		g = &e.groups[n]
	}
	g.members, g.total = g.members[:0], 0
	for _, m := range q.Members {
		local, ok := p.wanted(v, m.Value, subject)
		if !ok {
			continue
		}
		t := p.target(e, m.Value, local)
		t.weight = m.Weight
		g.members = append(g.members, t)
		g.total += m.Weight
	}
	if len(g.members) == 0 {
		e.groups = e.groups[:len(e.groups)-1]
	}
}

// wanted reports whether the publisher's messages on a subject may go to a
// subscription at all, and under which subject. What has crossed from another
// account already is not imported again.
func (p *Publisher) wanted(v *view, s *Subscription, subject []byte) (local []byte, ok bool) {
	if s.To == p.self && s.To.NoEcho.Load() {
		p.noteUnwanted(v, s, notEcho)
		return nil, false
	}
	if _, service := s.To.via.(*serviceImport); service && bytes.HasPrefix(subject, []byte(ServiceReplies)) {
		return nil, false // an answer is not a request to others
	}
	if s.shadow != nil {
		if v.foreign {
			return nil, false
		}
		subject = s.shadow.via.local(subject)
	}
	f := s.To.Filter.Load()
	if f != nil && f.Denies != nil && f.Denies(subject, s.Queue) {
		p.noteUnwanted(v, s, notPermitted)
		return nil, false
	}
	return subject, true
}

func (p *Publisher) target(e *Entry, s *Subscription, subject []byte) target {
	t := target{sub: s, header: s.To.Headers.Load(), weight: 1, via: s.To.via}
	if s.shadow != nil {
		t.sub, t.shadow = s.shadow.of, s
	}
	if f := s.To.Filter.Load(); f != nil {
		t.grant = f.Grant
	}
	t.prefix = len(e.text)
	if s.To.Out == nil {
		e.text = append(e.text, subject...)
		t.end = len(e.text)
		return t
	}
	t.stage = p.stageFor(s.To.Out)
	e.text = append(e.text, "MSG "...)
	e.text = append(e.text, subject...)
	e.text = append(e.text, ' ')
	e.text = append(e.text, s.SID...)
	e.text = append(e.text, ' ')
	t.end = len(e.text)
	return t
}

// Count adds an incoming message to the statistics, delivered or not.
func (p *Publisher) Count(cmd *wire.Command) {
	p.inMsgs++
	p.inBytes += int64(len(cmd.Body))
}

// Publish routes a message to everybody whom the entry names. If it reaches
// nobody and ask is set, the publisher is told so on the reply subject.
func (p *Publisher) Publish(e *Entry, cmd *wire.Command, ask bool) {
	if e.Subject != nil {
		cmd.Subject = e.Subject
	}
	trace := p.tracing
	if trace != nil && e.Subject != nil {
		p.noteMapping(e.Subject)
	}
	before := len(p.crossings)
	reached := p.publish(&p.home, e, cmd)
	p.tracing = nil
	if n := len(p.crossings) - before; n > 0 {
		p.depart(cmd, before, ask, reached, trace)
		return
	}
	if trace != nil {
		p.endTrace(trace)
	}
	if !reached && ask {
		p.noResponders(cmd)
	}
}

// publish routes a message to the entry's targets and reports whether it reached
// anybody in this account.
func (p *Publisher) publish(v *view, e *Entry, cmd *wire.Command) bool {
	reached := false
	for i := range e.plain {
		if p.deliver(v, e, &e.plain[i], cmd) {
			reached = true
		}
	}
	for i := range e.groups {
		if p.deliverGroup(v, e, &e.groups[i], cmd) {
			reached = true
		}
	}
	return reached
}

// deliverGroup picks a member at random, by weight, and goes on to the next
// ones while the chosen cannot take the message.
func (p *Publisher) deliverGroup(v *view, e *Entry, g *group, cmd *wire.Command) bool {
	n := len(g.members)
	pick := int32(uint64(uint32(p.random.Uint64())) * uint64(g.total) >> 32)
	first := 0
	if int(g.total) == n {
		first = int(pick)
	} else {
		for pick >= g.members[first].weight {
			pick -= g.members[first].weight
			first++
		}
	}
	for i := range n {
		if p.deliver(v, e, &g.members[(first+i)%n], cmd) {
			return true
		}
	}
	return false
}

// deliver stages the message for one subscription.
func (p *Publisher) deliver(v *view, e *Entry, t *target, cmd *wire.Command) bool {
	if t.via != nil {
		p.crossings = append(p.crossings, crossing{via: t.via, cmd: *cmd})
		return false
	}
	if p.tracing != nil {
		if ok, reached := p.noteEgress(v, t, e.text[t.prefix:t.end]); !ok {
			return reached
		}
	}
	limit := t.sub.limit()
	if t.stage != nil && p.DropCrowded && t.stage.to.Crowded() {
		p.noteFailure(notSlow)
		return false
	}
	if limit > 0 {
		ok, last := t.sub.take(limit)
		if last {
			p.exhausted = append(p.exhausted, t.sub)
		}
		if !ok {
			p.noteFailure(notAuto)
			return false
		}
	}
	if t.grant != nil && len(cmd.Reply) > 0 {
		t.grant(cmd.Reply)
	}
	size := int64(len(cmd.Body))
	if !t.header {
		size -= int64(cmd.Header)
	}
	v.outMsgs++
	v.outBytes += size
	if t.stage == nil {
		if limit == 0 {
			t.sub.delivered.Add(1)
		}
		p.internal = append(p.internal, delivery{t.sub, p.message(v, p.seen(e, t), cmd)})
		return true
	}
	s := t.stage
	if limit == 0 {
		if s.sub != t.sub {
			s.settle()
			s.sub = t.sub
		}
		s.count++
	}
	before := s.run.Bytes
	if before == 0 && s != p.own {
		p.dirty = append(p.dirty, s)
	}
	s.run.Messages++
	s.run.Payload += size
	prefix := p.seen(e, t)
	p.write(&s.run, prefix, t.header, cmd)
	if p.Trace && t.sub.To.Trace != nil {
		p.trace(t, prefix, cmd)
	}
	p.staged += s.run.Bytes - before
	return true
}

// seen is the text of a target, with the subject that receivers are to see.
func (p *Publisher) seen(e *Entry, t *target) []byte {
	if p.as == "" {
		return e.text[t.prefix:t.end]
	}
	if t.stage == nil {
		return append(p.alias[:0], p.as...)
	}
	p.alias = append(append(p.alias[:0], "MSG "...), p.as...)
	p.alias = append(append(append(p.alias, ' '), t.sub.SID...), ' ')
	return p.alias
}

// write appends "MSG subject sid [reply] size CRLF payload CRLF" to a run, in
// the form that the receiver understands.
func (p *Publisher) write(run *link.Run, prefix []byte, header bool, cmd *wire.Command) {
	if cmd.Tail != nil && (cmd.Header == 0 || header) {
		if cmd.Header > 0 {
			run.Reserve(1)[0] = 'H'
		}
		if len(cmd.Body) < shareFrom {
			run.Append(prefix, cmd.Tail)
			return
		}
		run.Append(prefix, cmd.Tail[:len(cmd.Tail)-len(cmd.Payload)])
		p.writePayload(run, cmd.Payload)
		return
	}
	payload, size := cmd.Payload, len(cmd.Body)
	line := p.prefix[:0]
	if cmd.Header > 0 && header {
		line = append(line, 'H')
	} else {
		payload, size = payload[cmd.Header:], size-cmd.Header
	}
	line = append(line, prefix...)
	if len(cmd.Reply) > 0 {
		line = append(append(line, cmd.Reply...), ' ')
	}
	if cmd.Header > 0 && header {
		line = append(strconv.AppendInt(line, int64(cmd.Header), 10), ' ')
	}
	line = append(strconv.AppendInt(line, int64(size), 10), '\r', '\n')
	p.prefix = line
	run.Append(line, nil)
	p.writePayload(run, payload)
}

// writePayload appends a payload, by reference if it is large.
func (p *Publisher) writePayload(run *link.Run, payload []byte) {
	if len(payload) < shareFrom || p.block == nil {
		run.Append(payload, nil)
		return
	}
	run.AppendShared(p.block, payload)
}

// message copies a command for an internal receiver.
func (p *Publisher) message(v *view, subject []byte, cmd *wire.Command) *Message {
	body := append([]byte(nil), cmd.Body...)
	return &Message{
		Account: v.account, Subject: string(subject), Reply: string(cmd.Reply),
		Header: body[:cmd.Header:cmd.Header], Payload: body[cmd.Header:], From: p.self,
	}
}

// noResponders tells the publisher that a request reached nobody, if it has a
// plain subscription for the reply.
func (p *Publisher) noResponders(cmd *wire.Command) {
	if p.own == nil {
		return
	}
	p.lock(&p.home)
	p.home.reader.Match(cmd.Reply, &p.matches)
	for _, s := range p.matches.Plain {
		if s.To == p.self && s.shadow == nil {
			p.answerNobody(s, cmd)
			return
		}
	}
}

func (p *Publisher) answerNobody(s *Subscription, cmd *wire.Command) {
	if limit := s.limit(); limit > 0 {
		ok, last := s.take(limit)
		if last {
			p.exhausted = append(p.exhausted, s)
		}
		if !ok {
			return
		}
	} else {
		s.delivered.Add(1)
	}
	const before, after = "NATS/1.0 503\r\nNats-Subject: ", "\r\n\r\n"
	size := int64(len(before) + len(cmd.Subject) + len(after))
	line := append(p.prefix[:0], "HMSG "...)
	line = append(append(line, cmd.Reply...), ' ')
	line = append(append(line, s.SID...), ' ')
	line = append(strconv.AppendInt(line, size, 10), ' ')
	line = append(strconv.AppendInt(line, size, 10), '\r', '\n')
	line = append(append(append(line, before...), cmd.Subject...), after...)
	line = append(line, '\r', '\n')
	p.prefix = line
	p.own.run.Append(line, nil)
	p.own.run.Messages++
	p.own.run.Payload += size
	p.home.outMsgs++
	p.home.outBytes += size
}

// trace tells a receiver what it is sent.
func (p *Publisher) trace(t *target, prefix []byte, cmd *wire.Command) {
	header := cmd.Header
	line := append([]byte(nil), prefix...)
	if len(cmd.Reply) > 0 {
		line = append(append(line, cmd.Reply...), ' ')
	}
	size := len(cmd.Body)
	if header > 0 && t.header {
		line = append([]byte{'H'}, line...)
		line = append(strconv.AppendInt(line, int64(header), 10), ' ')
	} else {
		size -= header
	}
	line = strconv.AppendInt(line, int64(size), 10)
	t.sub.To.Trace(line, cmd.Body[:header], cmd.Body[header:])
}
