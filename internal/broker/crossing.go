package broker

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/wire"
)

// requestInfo is the header that tells a service who asks.
const requestInfo = "Nats-Request-Info"

// ackReplies begin replies that stay as they are in every account.
const ackReplies = "$JS.ACK."

// passage carries a message that was published in one account to another one. It
// is called when the publisher holds no lock.
type passage interface {
	pass(p *Publisher, c *crossing)
}

// crossing is a message on its way to another account. Messages cross when the
// batch has ended, so that the lock of one account is never held while another
// one's is taken.
type crossing struct {
	via passage
	cmd wire.Command // its bytes stay until the end of the flush
	hop *hop         // where it comes from
}

// maxCrossings bounds how often one message, and what becomes of it in other
// accounts, crosses. Where accounts import twice from each other the ways double
// with every account; beyond the bound a message goes no further.
const maxCrossings = 4096

// hop is a message as it was published in one account, and what became of it.
type hop struct {
	parent   *hop           // nil for what the connection itself published
	origin   *hop           // the first parent, or itself
	crossed  int            // of the origin: crossings so far
	via      *serviceImport // that led from the parent to here
	response *response      // that waits for the answer
	open     int            // crossings that are under way
	reached  bool
	answer   bool          // of a service: not a request to others
	ask      bool          // the connection wants to be told if nobody is reached
	cmd      wire.Command  // of the origin, if ask is set
	trace    *tracing      // nil: not traced here
	step     int           // of the parent's trace, that led here
	asked    events.Client // who asks, as the services may see it
}

// depart prepares the crossings of a message that the connection published.
func (p *Publisher) depart(cmd *wire.Command, first int, ask, reached bool, trace *tracing) {
	h := &hop{open: len(p.crossings) - first, reached: reached, ask: ask, cmd: *cmd, trace: trace}
	h.origin = h
	for i := first; i < len(p.crossings); i++ {
		p.crossings[i].hop = h
	}
}

// cross carries over what crosses, and what crosses further from there.
func (p *Publisher) cross() {
	block := p.block
	p.block = nil // what imports rewrite does not lie in the block
	for i := 0; i < len(p.crossings); i++ {
		c := p.crossings[i]
		c.via.pass(p, &c)
		if p.Full() {
			p.release()
			p.sendDirty()
		}
	}
	clear(p.crossings)
	p.crossings = p.crossings[:0]
	p.release()
	p.sendDirty()
	p.block = block
	if cap(p.carried) > maxStaged/4 {
		p.carried = nil
	}
	p.carried = p.carried[:0]
	for _, v := range p.views {
		v.settle()
	}
}

// doLater does what had to wait until nothing is locked.
func (p *Publisher) doLater() {
	for len(p.later) > 0 {
		list := p.later
		p.later = nil
		for _, do := range list {
			do()
		}
	}
}

// arrive publishes a message in the account that it has crossed to.
func (p *Publisher) arrive(account *Account, cmd *wire.Command, h *hop, mapped bool) {
	v := p.foreign(account)
	p.lock(v)
	v.lookups.Total++
	p.tracing = h.trace
	e := p.find(v, cmd.Subject, mapped)
	if e.mapping != nil {
		e = p.choose(v, e, cmd)
	}
	if e.Subject != nil {
		cmd.Subject = e.Subject
	}
	if h.parent != nil && h.parent.trace != nil {
		h.parent.trace.event.Events[h.step].To = string(cmd.Subject)
	}
	before := len(p.crossings)
	reached := p.publish(v, e, cmd)
	p.tracing = nil
	for i := before; i < len(p.crossings); i++ {
		p.crossings[i].hop = h
	}
	h.open += len(p.crossings) - before
	p.finish(h, reached)
}

// finish notes that one of the ways of a hop's message has ended. When all have,
// whoever waits for an answer that cannot come is told.
func (p *Publisher) finish(h *hop, reached bool) {
	for h != nil {
		h.reached = h.reached || reached
		if h.open--; h.open > 0 {
			return
		}
		switch {
		case !h.reached:
			if h.response != nil {
				h.response.end(p, unreached)
			}
			if h.ask {
				p.noResponders(&h.cmd)
			}
		case h.trace != nil && h.trace.only:
			h.response.cancel() // nobody got the request
		}
		if h.trace != nil && h.parent == nil {
			p.endTrace(h.trace)
		}
		reached = h.reached
		h = h.parent
	}
}

// pass sends a request into the exporting account.
func (s *serviceImport) pass(p *Publisher, c *crossing) {
	origin := c.hop.origin
	if origin.crossed++; c.hop.answer || origin.crossed > maxCrossings {
		p.finish(c.hop, false)
		return
	}
	for h := c.hop; h != nil; h = h.parent {
		if h.via != nil && h.via.To == s.To && h.via.Subject == s.Subject {
			p.finish(c.hop, false) // it went this way before
			return
		}
	}
	h := &hop{parent: c.hop, origin: origin, via: s, open: 1, asked: s.asker(p, c.hop)}
	cmd := wire.Command{Op: wire.OpHPub, Subject: s.remote(c.cmd.Subject), Reply: c.cmd.Reply}
	if len(cmd.Reply) > 0 && !bytes.HasPrefix(cmd.Reply, []byte(ackReplies)) {
		p.release() // the answers' subscription may have to be made
		measured := s.measure(p, &c.cmd, h)
		h.response = s.To.responses.expect(s, s.from, string(c.cmd.Reply), measured)
		if h.response == nil {
			p.finish(h, false)
			return
		}
		cmd.Reply = []byte(h.response.name)
	} else if len(cmd.Reply) == 0 {
		s.reportWithoutReply(p, &c.cmd, h)
	}
	p.carry(&cmd, &c.cmd, s.info(h, c.cmd.Reply))
	if !s.traceAcross(p, h, &cmd, c.cmd.Subject) {
		h.response.cancel()
		h.response = nil
		p.finish(h, true) // it would have been delivered
		return
	}
	p.arrive(s.To, &cmd, h, false)
}

// asker describes who asks, as far as the service may know.
func (s *serviceImport) asker(p *Publisher, from *hop) events.Client {
	var who events.Client
	node := s.from.node
	system := s.To == node.System
	if from.via != nil {
		who = from.asked
		who.Service = s.from.Name
		if s.Share || system {
			who.Server, who.Cluster = node.Name, node.Cluster
		}
		return who
	}
	if p.Requestor != nil {
		who = p.Requestor.Describe(s.Share)
	}
	who.Account = s.from.Name
	if !s.Share {
		who = events.Client{Account: who.Account, RTT: who.RTT}
	}
	if s.Share || system {
		who.Server, who.Cluster = node.Name, node.Cluster
	}
	return who
}

// fastInbox ends replies of batches, which services have to know unchanged.
const fastInbox = ".$FI"

func (s *serviceImport) info(h *hop, reply []byte) []byte {
	who := h.asked
	if bytes.HasSuffix(reply, []byte(fastInbox)) {
		who.Reply = string(reply)
	} else if h.parent.via == nil && !s.Share && s.To != s.from.node.System {
		return s.shortInfo(who.RTT) // by far the most frequent
	}
	text, err := json.Marshal(&who)
	if err != nil {
		return []byte("{}") // cannot happen: the struct has nothing that fails
	}
	return text
}

// shortInfo is what a service learns that is not told who asks: the account, and
// the round-trip time if it is known.
func (s *serviceImport) shortInfo(rtt time.Duration) []byte {
	info := append(make([]byte, 0, len(s.accountInfo)+32), s.accountInfo...)
	if rtt != 0 {
		info = strconv.AppendInt(append(info, `,"rtt":`...), int64(rtt), 10)
	}
	return append(info, '}')
}

// carry builds the body of a message with one header more.
func (p *Publisher) carry(to, from *wire.Command, info []byte) {
	start := len(p.carried)
	p.carried = wire.SetHeader(p.carried, from.Body[:from.Header], requestInfo, info)
	to.Header = len(p.carried) - start
	p.carried = append(p.carried, from.Body[from.Header:]...)
	end := len(p.carried)
	p.carried = append(p.carried, '\r', '\n')
	to.Body = p.carried[start:end:end]
	to.Payload = p.carried[start:len(p.carried):len(p.carried)]
}

// pass delivers an answer to the account that waits for it.
func (r *responses) pass(p *Publisher, c *crossing) {
	// Whoever answered has reached the server, whether anybody waits or not.
	p.finish(c.hop, true)
	waiting := r.take(string(c.cmd.Subject), len(c.cmd.Body) == 0)
	if waiting == nil {
		return
	}
	h := &hop{open: 1, answer: true}
	h.origin = h
	cmd := c.cmd
	cmd.Tail, cmd.SameSubject = nil, false
	cmd.Subject = []byte(waiting.reply)
	if len(cmd.Reply) > 0 && !bytes.HasPrefix(cmd.Reply, []byte(ackReplies)) {
		p.release()
		h.response = waiting.to.responses.expect(waiting.via, r.account, string(cmd.Reply), nil)
		if h.response == nil {
			return
		}
		cmd.Reply = []byte(h.response.name)
	}
	arrived := p.time()
	p.arrive(waiting.to, &cmd, h, true)
	if h.open > 0 || h.reached {
		waiting.answered(p, arrived)
		return
	}
	waiting.end(p, unreached)
}

// time is when the batch began, or now if there is none.
func (p *Publisher) time() time.Time {
	if p.now == 0 {
		return time.Now()
	}
	return time.Unix(0, p.now)
}
