package broker

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/sharing"
	"github.com/godwit-mq/godwit/internal/subject"
)

// ServiceReplies begin the subjects on which services answer to other accounts.
const ServiceReplies = "_R_."

const (
	replyToken = 6 // characters of a token of a mapped reply
	// maxExpected bounds the answers that an account's services may owe.
	maxExpected = 1 << 20
)

// responses are the answers that an account's services owe to other accounts, and
// those that its own requestors wait for. A request that crosses gets a reply
// subject of the exporting account, "_R_.account.request"; what is published there
// is delivered to the original reply subject in the importing account.
type responses struct {
	account *Account
	// awaited counts the entries of waiting.
	awaited atomic.Int64

	mu       sync.Mutex
	prefix   string // "_R_." and the account's token
	receiver Receiver
	byName   map[string]*response // owed, by mapped reply
	waiting  map[string]*response // wanted, by original reply: heads of lists
	sweeps   map[time.Duration]bool
}

// response is one answer that is owed.
type response struct {
	via     *serviceImport
	by, to  *Account // who answers, who waits
	name    string   // mapped reply, in by
	reply   string   // original reply, in to
	last    time.Time
	ended   bool // removed from by.responses
	metered *measurement

	next, prev *response // in to.responses.waiting
	listed     bool
}

// ending tells why nobody waits for a response any more.
type ending int

const (
	served       ending = iota
	unreached           // nobody got the request, or the answer
	timedOut            // the service took too long
	lostInterest        // whoever asked has stopped listening
)

// expect makes a mapped reply for a request that account to sends to the service.
// It is nil if too many answers are owed already. No lock on interest is held.
func (r *responses) expect(via *serviceImport, to *Account, reply string, m *measurement) *response {
	waiting := &response{via: via, by: r.account, to: to, reply: reply, last: time.Now(), metered: m}
	r.mu.Lock()
	if len(r.byName) >= maxExpected {
		r.mu.Unlock()
		return nil
	}
	fresh := r.prefix == ""
	if fresh {
		r.prefix = ServiceReplies + randomToken() + "."
		r.byName = make(map[string]*response)
		r.receiver.via = r
		r.receiver.Headers.Store(true)
	}
	for waiting.name == "" || r.byName[waiting.name] != nil {
		waiting.name = r.prefix + randomToken()
		if m != nil {
			waiting.name += "." + to.node.Hash + ".T"
		}
	}
	r.byName[waiting.name] = waiting
	r.sweep(via.Threshold)
	pattern := r.prefix + ">"
	r.mu.Unlock()
	if fresh {
		r.account.Subscribe(&Subscription{Subject: pattern, To: &r.receiver}) // the subject is valid
	}
	to.responses.await(waiting)
	r.mu.Lock()
	ended := waiting.ended // meanwhile, before it was listed
	r.mu.Unlock()
	if ended {
		to.responses.forget(waiting)
	}
	return waiting
}

func randomToken() string {
	var token [replyToken]byte
	events.Base62(token[:])
	return string(token[:])
}

// await lists a response under its original reply.
func (r *responses) await(w *response) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting == nil {
		r.waiting = make(map[string]*response)
	}
	head := r.waiting[w.reply]
	w.next, w.listed = head, true
	if head != nil {
		head.prev = w
	}
	r.waiting[w.reply] = w
	r.awaited.Add(1)
}

// forget takes a response off the list.
func (r *responses) forget(w *response) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !w.listed {
		return
	}
	w.listed = false
	r.awaited.Add(-1)
	if w.next != nil {
		w.next.prev = w.prev
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else if w.next != nil {
		r.waiting[w.reply] = w.next
	} else {
		delete(r.waiting, w.reply)
	}
	w.next, w.prev = nil, nil
}

// take finds the response that a message answers, nil if none is owed. One that
// gets no further messages is removed.
func (r *responses) take(name string, empty bool) *response {
	r.mu.Lock()
	w := r.byName[name]
	if w == nil {
		r.mu.Unlock()
		return nil
	}
	over := w.via.Response == sharing.Singleton || empty
	if over {
		delete(r.byName, name)
		w.ended = true
	} else {
		w.last = time.Now()
	}
	r.mu.Unlock()
	if over {
		w.to.responses.forget(w)
	}
	return w
}

// end removes a response that will not come, or was not wanted, any more.
func (w *response) end(p *Publisher, why ending) {
	r := &w.by.responses
	r.mu.Lock()
	first := !w.ended
	w.ended = true
	delete(r.byName, w.name)
	r.mu.Unlock()
	if first {
		w.to.responses.forget(w)
	}
	if w.metered != nil {
		w.metered.fail(p, why)
	}
}

// cancel removes a response of a request that was not sent.
func (w *response) cancel() {
	if w != nil {
		w.metered = nil
		w.end(nil, served)
	}
}

// answered notes that a response was delivered.
func (w *response) answered(p *Publisher, at time.Time) {
	if w.metered != nil {
		w.metered.serve(p, at)
	}
}

// sweep makes sure that answers with this threshold are looked after. It is called
// with mu held.
func (r *responses) sweep(threshold time.Duration) {
	if r.sweeps[threshold] {
		return
	}
	if r.sweeps == nil {
		r.sweeps = make(map[time.Duration]bool)
	}
	r.sweeps[threshold] = true
	time.AfterFunc(threshold, func() { r.expire(threshold) })
}

// expire ends the responses that are overdue.
func (r *responses) expire(threshold time.Duration) {
	now := time.Now()
	var overdue []*response
	r.mu.Lock()
	delete(r.sweeps, threshold)
	left := false
	for _, w := range r.byName {
		switch {
		case w.via.Threshold != threshold:
		case now.Sub(w.last) >= threshold:
			overdue = append(overdue, w)
		default:
			left = true
		}
	}
	if left {
		r.sweep(threshold)
	}
	r.mu.Unlock()
	for _, w := range overdue {
		w.end(nil, timedOut)
	}
}

// interestChanged ends the responses for which nobody listens any more, after
// subscriptions of the account were removed.
func (r *responses) interestChanged(changes []Change) {
	var candidates []*response
	r.mu.Lock()
	for _, c := range changes {
		if !c.Remove || c.Sub.To.via != nil {
			continue
		}
		if subject.IsLiteral(c.Sub.Subject) {
			if head := r.waiting[c.Sub.Subject]; head != nil {
				candidates = append(candidates, head)
			}
			continue
		}
		for reply, head := range r.waiting {
			if subject.Match(reply, c.Sub.Subject) {
				candidates = append(candidates, head)
			}
		}
	}
	r.mu.Unlock()
	for _, head := range candidates {
		reader := r.account.index.Reader()
		wanted := reader.HasInterest([]byte(head.reply))
		reader.Release()
		for !wanted {
			r.mu.Lock()
			w := r.waiting[head.reply]
			r.mu.Unlock()
			if w == nil {
				break
			}
			w.end(nil, lostInterest)
			r.forget(w)
		}
	}
}

// Pending is an answer that is owed, for monitoring.
type Pending struct {
	Name     string // mapped reply
	Reply    string // where it goes
	Account  *Account
	Service  ServiceImport
	Measured bool        // its latency is
	Header   http.Header // that made it a sample; not to be changed
}

// PendingResponses lists the answers that the account's services owe.
func (a *Account) PendingResponses() []Pending {
	r := &a.responses
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Pending, 0, len(r.byName))
	for _, w := range r.byName {
		p := Pending{Name: w.name, Reply: w.reply, Account: w.to, Service: w.via.ServiceImport}
		if w.metered != nil {
			p.Measured, p.Header = true, w.metered.header
		}
		list = append(list, p)
	}
	return list
}
