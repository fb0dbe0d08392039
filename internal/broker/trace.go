package broker

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/subject"
	"github.com/godwit-mq/godwit/internal/wire"
)

// Headers of traced messages.
const (
	traceDest    = "Nats-Trace-Dest"
	traceOnly    = "Nats-Trace-Only"
	traceOrigin  = "Nats-Trace-Origin-Account" // of servers whose traces work otherwise
	traceParent  = "traceparent"
	traceOff     = "trace disabled"
	traceAccept  = "Accept-Encoding"
	traceEncoded = "Content-Encoding"
)

// Why a traced message was not delivered; tools know these texts.
const (
	notEcho      = "Not delivered because of no echo"
	notPermitted = "Not delivered because subscription denies this subject"
	notClosed    = "Not delivered because subscription is closed"
	notOpen      = "Not delivered because client is closed"
	notAuto      = "Not delivered because auto-unsubscribe exceeded"
	notSlow      = "Not delivered because fast producer not stalled and consumer is slow"
)

// clientKind is how traces call connections of clients.
var clientKind = 0

// TraceTarget is where an account's messages are traced whose traceparent header
// asks for it.
type TraceTarget struct {
	Subject  string
	Sampling int // percent
}

// SetTrace replaces the account's trace target; an empty subject means none.
func (a *Account) SetTrace(t TraceTarget) { a.trace.Store(&t) }

// tracing is a message on its way of which each step is noted.
type tracing struct {
	account *Account
	dest    string
	only    bool   // nobody gets the message
	accept  string // encodings of the event that its receiver understands; empty: none named
	event   events.Trace
}

// TraceStart is what becomes of a message that asks to be traced.
type TraceStart struct {
	Drop      bool   // it is not published
	Violation string // destination that the connection may not publish to
	Log       string // line for the log
}

// StartTrace looks whether a message with headers asks to be traced, and begins
// with it. size is that of headers and payload, of which the command may have less
// if the message is refused anyway. The command may be changed. If the message is
// traced, its Lookup, Publish or RefuseTrace follow at once.
func (p *Publisher) StartTrace(cmd *wire.Command, size int) (s TraceStart) {
	header := exactHeader(cmd.Body[:cmd.Header])
	target := TraceTarget{Subject: first(header, traceDest)}
	byParent := false
	switch target.Subject {
	case traceOff:
		return s
	case "":
		if !sampledParent(header) {
			return s
		}
		byParent = true
		if t := p.home.account.trace.Load(); t != nil {
			target = *t
		}
		if target.Subject == "" {
			return s
		}
	}
	only := !byParent && isTrue(first(header, traceOnly))
	switch {
	case first(header, traceOrigin) != "":
		s.Log = fmt.Sprintf("Message tracing disabled because of header %q with value=%q", traceOrigin, first(header, traceOrigin))
		s.Drop = only
		p.disableTrace(cmd)
		return s
	case byParent && int(p.random.Uint64()>>32*100>>32) >= target.Sampling:
		p.disableTrace(cmd)
		return s
	case !subject.IsValidPublish(target.Subject), !subject.IsValidStrict(target.Subject):
		s.Log = fmt.Sprintf("Destination %q is not valid, won't be able to trace events", target.Subject)
		s.Drop = only
		return s
	case p.checker.Check([]byte(target.Subject)) != Allowed:
		return TraceStart{Drop: true, Violation: target.Subject}
	}
	p.tracing = &tracing{account: p.home.account, dest: target.Subject, only: only, accept: first(header, traceAccept)}
	p.tracing.event.Request = events.TraceRequest{Header: header, Size: size}
	who := events.Client{}
	if p.Requestor != nil {
		who = p.Requestor.Describe(true)
	}
	p.note(events.TraceEvent{
		Type: events.TraceIngress, Kind: &clientKind, CID: p.self.ID, Name: who.Name,
		Account: p.home.account.Name, Subject: string(cmd.Subject),
	})
	return s
}

// RefuseTrace ends the trace of a message that the connection may not publish.
func (p *Publisher) RefuseTrace(text string) {
	if t := p.tracing; t != nil {
		t.event.Events = t.event.Events[:1]
		t.event.Events[0].Error = text
		p.endTrace(t)
	}
}

// note adds a step to the trace of the message that is being published.
func (p *Publisher) note(e events.TraceEvent) {
	e.Time = time.Now()
	p.tracing.event.Events = append(p.tracing.event.Events, e)
}

// noteMapping notes that a mapping has changed the subject.
func (p *Publisher) noteMapping(to []byte) {
	p.note(events.TraceEvent{Type: events.TraceMapping, To: string(to)})
}

// noteEgress notes a delivery. It reports whether the message is to be delivered,
// and if not, whether it counts as such.
func (p *Publisher) noteEgress(v *view, t *target, local []byte) (deliver, reached bool) {
	only := p.tracing.only
	if t.stage == nil {
		return !only, only // parts of the server are not shown
	}
	if t.shadow != nil {
		via := t.shadow.shadow.via
		p.note(events.TraceEvent{Type: events.TraceStreamExport, Account: via.to.Name, To: string(localSubject(local))})
		if !via.AllowTrace {
			return !only, only
		}
	}
	e := p.egress(v, t.sub, t.shadow)
	switch {
	case t.sub.max.Load()&gone != 0:
		e.Error = notClosed
	case t.stage.to.Closed():
		e.Error = notOpen
	}
	p.note(e)
	if e.Error != "" {
		return false, false
	}
	return !only, only
}

// egress describes the delivery to a subscription of a connection.
func (p *Publisher) egress(v *view, s, standing *Subscription) events.TraceEvent {
	e := events.TraceEvent{Type: events.TraceEgress, Kind: &clientKind, CID: s.To.ID, Sub: s.Subject, Queue: s.Queue}
	if s.To.Requestor != nil {
		who := s.To.Requestor.Describe(true)
		e.Name = who.Name
		if who.Account != p.tracing.account.Name {
			e.Account = who.Account
		}
	}
	if standing != nil {
		e.Sub = standing.Subject
	}
	return e
}

// noteUnwanted notes why a subscription does not get the message.
func (p *Publisher) noteUnwanted(v *view, s *Subscription, why string) {
	if p.tracing == nil || s.To.Out == nil {
		return
	}
	e := p.egress(v, s, nil)
	e.Error = why
	p.note(e)
}

// noteFailure tells why the delivery that was noted last did not happen. Of one
// into an account that does not show its deliveries nothing is told.
func (p *Publisher) noteFailure(why string) {
	if p.tracing == nil {
		return
	}
	list := p.tracing.event.Events
	if last := &list[len(list)-1]; last.Type == events.TraceEgress {
		last.Error = why
	}
}

// endTrace publishes what became of the message, when nothing is locked any more.
func (p *Publisher) endTrace(t *tracing) {
	if p.tracing == t {
		p.tracing = nil
	}
	if describe := t.account.node.Describe; describe != nil {
		t.event.Server = describe()
	}
	body, err := json.Marshal(&t.event)
	if err != nil {
		return // cannot happen: the struct has nothing that fails
	}
	m := Outgoing{Subject: t.dest, Payload: body}
	if t.accept != "" {
		var encoding string
		encoding, m.Payload = events.Compress(t.accept, body)
		m.Header = wire.SetHeader(nil, nil, traceEncoded, []byte(encoding))
	}
	p.later = append(p.later, func() { t.account.Sender().Send(m) })
}

// traceAcross follows a message into another account, if the service allows it.
func (s *serviceImport) traceAcross(p *Publisher, h *hop, cmd *wire.Command, from []byte) (goOn bool) {
	t := h.parent.trace
	if t == nil {
		return true
	}
	p.tracing = t
	h.step = len(t.event.Events)
	p.note(events.TraceEvent{Type: events.TraceServiceImport, Account: s.To.Name, From: string(from), To: string(cmd.Subject)})
	p.tracing = nil
	if s.AllowTrace {
		h.trace = t
		// Whoever gets the message can publish what it does with it there, in its own
		// account. This server is the last to trace it, so nobody is waited for.
		p.setHeader(cmd, traceDest, []byte(s.To.responses.anyName()))
		return true
	}
	p.setHeader(cmd, traceDest, []byte(traceOff))
	return !t.only
}

// anyName is a mapped reply that nothing is known of.
func (r *responses) anyName() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(r.prefix, ServiceReplies+randomToken()+".") + randomToken()
}

// disableTrace marks a message, so that no other server traces it either.
func (p *Publisher) disableTrace(cmd *wire.Command) { p.setHeader(cmd, traceDest, []byte(traceOff)) }

// setHeader changes a header of a message.
func (p *Publisher) setHeader(cmd *wire.Command, name string, value []byte) {
	block := wire.SetHeader(nil, cmd.Body[:cmd.Header], name, value)
	payload := append(append(block, cmd.Body[cmd.Header:]...), '\r', '\n')
	cmd.Header = len(block)
	cmd.Body, cmd.Payload, cmd.Tail = payload[:len(payload)-2], payload, nil
}

// localSubject is the subject in the text of a target.
func localSubject(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("MSG "))
	name, _, _ := bytes.Cut(text, []byte(" "))
	return name
}

// first returns the first value of a header, empty if there is none.
func first(h http.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// exactHeader reads a header block, up to the first line without an end. Names keep
// their case.
func exactHeader(block []byte) http.Header {
	h := make(http.Header)
	rest, ok := bytes.CutPrefix(block, []byte(wire.HeaderLine))
	for ok {
		var line []byte
		if line, rest, ok = bytes.Cut(rest, []byte("\r\n")); !ok {
			break
		}
		name, value, colon := bytes.Cut(line, []byte(":"))
		if value = bytes.Trim(value, " \t"); colon && len(name) > 0 && len(value) > 0 {
			h[string(name)] = append(h[string(name)], string(value))
		}
	}
	return h
}

// sampledParent reports whether a header of any case names a sampled trace.
func sampledParent(h http.Header) bool {
	for name, values := range h {
		if strings.EqualFold(name, traceParent) && sampledTrace(values[0]) {
			return true
		}
	}
	return false
}

func sampledTrace(value string) bool {
	parts := strings.Split(value, "-")
	return len(parts) == 4 && len(parts[3]) == 2 && sampledFlags(parts[3], 2)
}

func isTrue(value string) bool {
	switch strings.ToLower(value) {
	case "1", "true", "on":
		return true
	}
	return false
}

// AsksForTrace reports cheaply whether a header block may ask to be traced.
func AsksForTrace(block []byte) bool {
	return bytes.Contains(block, []byte(traceDest)) || containsFold(block, traceParent)
}

// containsFold finds an ASCII text of lower case in any case.
func containsFold(block []byte, text string) bool {
	for i := 0; i+len(text) <= len(block); i++ {
		if c := block[i] | 0x20; c == text[0] && strings.EqualFold(string(block[i:i+len(text)]), text) {
			return true
		}
	}
	return false
}
