package broker

import (
	"encoding/json"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/sharing"
	"github.com/godwit-mq/godwit/internal/wire"
)

// measurement is one request to a service whose latency is measured. One metric
// is published for it, in the exporting account.
type measurement struct {
	via      *serviceImport
	start    time.Time     // arrival of the request
	asked    events.Client // the requestor, as the service may see it
	header   http.Header   // that made it a sample
	reported atomic.Bool
}

// measure decides whether a request is a sample.
func (s *serviceImport) measure(p *Publisher, cmd *wire.Command, h *hop) *measurement {
	if s.Latency.Subject == "" || s.from.node.System == nil {
		return nil
	}
	m := &measurement{via: s, start: p.time(), asked: h.asked}
	m.asked.Service = ""
	if int(p.random.Uint64()>>32*100>>32) < s.Latency.Sampling {
		return m
	}
	if !s.Latency.Headers || cmd.Header == 0 {
		return nil
	}
	header, sampled := sampledBy(parseHeader(cmd.Body[:cmd.Header]))
	if !sampled {
		return nil
	}
	m.header = header
	return m
}

// reportWithoutReply publishes the metric of a request that nobody can answer.
func (s *serviceImport) reportWithoutReply(p *Publisher, cmd *wire.Command, h *hop) {
	if m := s.measure(p, cmd, h); m != nil {
		m.report(p, events.Latency{Status: http.StatusBadRequest, Description: "Bad Request"})
	}
}

// serve publishes the metric of a request that was answered.
func (m *measurement) serve(p *Publisher, at time.Time) {
	if p.Requestor == nil {
		return // a part of the server answered
	}
	responder := p.Requestor.Describe(true)
	responder.Server, responder.Cluster = p.node().Name, p.node().Cluster
	took := at.Sub(m.start)
	l := events.Latency{Status: http.StatusOK, Responder: &responder}
	l.Service = max(took-responder.RTT, 0)
	l.System = max(time.Since(at), 0)
	l.Total = m.asked.RTT + responder.RTT + l.Service + l.System
	m.report(p, l)
}

// fail publishes the metric of a request that was not.
func (m *measurement) fail(p *Publisher, why ending) {
	switch why {
	case unreached:
		m.report(p, events.Latency{Status: http.StatusServiceUnavailable, Description: "Service Unavailable"})
	case timedOut:
		m.report(p, events.Latency{Status: http.StatusGatewayTimeout, Description: "Service Timeout"})
	case lostInterest:
		m.report(p, events.Latency{Status: http.StatusRequestTimeout, Description: "Request Timeout"})
	}
}

// report publishes a metric, unless one was published already: at the end of the
// publisher's batch, or now if there is none.
func (m *measurement) report(p *Publisher, l events.Latency) {
	if m.reported.Swap(true) {
		return
	}
	l.Head = events.NewHead(events.TypeLatency)
	l.Requestor, l.Header = &m.asked, m.header
	l.Start = m.start.Add(-m.asked.RTT).UTC()
	text, err := json.Marshal(&l)
	if err != nil {
		return // cannot happen: the struct has nothing that fails
	}
	send := func() { m.via.To.Sender().Send(Outgoing{Subject: m.via.Latency.Subject, Payload: text}) }
	if p == nil {
		send()
		return
	}
	p.later = append(p.later, send)
}

// parseHeader reads a header block; names take their canonical form.
func parseHeader(block []byte) http.Header {
	h := make(http.Header)
	lines := strings.Split(string(block), "\r\n")
	for _, line := range lines[1:] {
		if name, value, ok := strings.Cut(line, ":"); ok && name != "" {
			name = textproto.CanonicalMIMEHeaderKey(name)
			h[name] = append(h[name], strings.TrimSpace(value))
		}
	}
	return h
}

// sampledBy reports whether headers of a tracing system ask for a sample, and
// which of them are to be echoed. The first system that is recognized decides.
func sampledBy(h http.Header) (echo http.Header, sampled bool) {
	switch {
	case h.Get("Uber-Trace-Id") != "":
		parts := strings.Split(h.Get("Uber-Trace-Id"), ":")
		if len(parts) != 4 || !sampledFlags(parts[3], 1) {
			return nil, false
		}
		echo = pick(h, "Uber-Trace-Id")
		for name, values := range h {
			if strings.HasPrefix(name, "Uberctx-") {
				echo[name] = values
			}
		}
		return echo, true
	case h.Get("X-B3-Sampled") == "0":
		return nil, false
	case h.Get("X-B3-Sampled") == "1", h.Get("X-B3-Traceid") != "":
		return pick(h, "X-B3-Sampled", "X-B3-Traceid", "X-B3-Parentspanid", "X-B3-Spanid"), true
	case h.Get("B3") != "":
		parts := strings.Split(h.Get("B3"), "-")
		if h.Get("B3") == "0" || len(parts) > 2 && parts[2] == "0" {
			return nil, false
		}
		return pick(h, "B3"), true
	case h.Get("Traceparent") != "":
		parts := strings.Split(h.Get("Traceparent"), "-")
		if len(parts) != 4 || !sampledFlags(parts[3], 2) {
			return nil, false
		}
		return pick(h, "Traceparent", "Tracestate"), true
	}
	return nil, false
}

// sampledFlags reports whether hexadecimal flags of at least n digits and at most
// two have bit 0 set.
func sampledFlags(text string, n int) bool {
	flags, err := strconv.ParseUint(text, 16, 8)
	return err == nil && len(text) >= n && len(text) <= 2 && flags&1 == 1
}

// pick returns the named headers that are there.
func pick(h http.Header, names ...string) http.Header {
	picked := make(http.Header)
	for _, name := range names {
		if values := h[name]; len(values) > 0 {
			picked[name] = values
		}
	}
	return picked
}

// LatencyOf is what an import has to know of its export's measurements.
func LatencyOf(e *sharing.Export) sharing.Latency {
	if e.Latency == nil {
		return sharing.Latency{}
	}
	return *e.Latency
}
