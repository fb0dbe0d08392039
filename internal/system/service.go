package system

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/events"
)

// queueSize bounds the requests that wait, in each queue.
const queueSize = 1024

// profilers work on profiles: one is enough for the CPU profile, of which the
// process takes one at a time, the other for those that are there at once.
const profilers = 2

// Service serves the system account of one server. Make it with New.
type Service struct {
	host    Host
	id      string
	account *broker.Account

	receiver broker.Receiver
	sender   *broker.Sender
	requests chan *request
	statsz   chan *request
	profiles chan *request
	forced   chan struct{}
	ended    <-chan struct{}

	sending sync.Mutex // so that numbers grow in the order of sending
	seq     uint64

	conns connections
}

// request is a message that asks for something.
type request struct {
	message *broker.Message
	answer  func(*Service, *request)
	account string // that the subject names, of account requests
}

// New returns the service of a server with this ID. It does nothing before Run.
func New(host Host, id string, account *broker.Account) *Service {
	s := &Service{
		host: host, id: id, account: account,
		requests: make(chan *request, queueSize), statsz: make(chan *request, queueSize),
		profiles: make(chan *request, queueSize), forced: make(chan struct{}, 1),
	}
	s.receiver.Headers.Store(true)
	s.sender = broker.NewSender(account, &s.receiver)
	s.conns.timers = make(map[string]*time.Timer)
	return s
}

// Run serves until the context ends. It subscribes before it returns from its
// first step, so that requests are answered once ready is closed.
func (s *Service) Run(ctx context.Context, ready chan<- struct{}) {
	s.ended = ctx.Done()
	s.subscribe()
	close(ready)
	var workers sync.WaitGroup
	workers.Go(func() { s.work(ctx, s.requests) })
	workers.Go(func() { s.work(ctx, s.statsz) })
	for range profilers {
		workers.Go(func() { s.work(ctx, s.profiles) })
	}
	workers.Go(func() { s.beat(ctx) })
	workers.Wait()
	s.conns.stop()
}

func (s *Service) work(ctx context.Context, queue <-chan *request) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-queue:
			r.answer(s, r)
		}
	}
}

// subscribe announces interest in everything that the server answers.
func (s *Service) subscribe() {
	var subs []*broker.Subscription
	add := func(subject string, account int, answer func(*Service, *request)) {
		to := &broker.Receiver{Handle: func(sub *broker.Subscription, m *broker.Message) { s.enqueue(sub, m, account, answer) }}
		to.Headers.Store(true)
		name, queue, _ := strings.Cut(subject, " ")
		subs = append(subs, &broker.Subscription{Subject: name, Queue: queue, To: to})
	}
	for name, answer := range serverRequests {
		add("$SYS.REQ.SERVER."+s.id+"."+name, 0, answer)
		add("$SYS.REQ.SERVER.PING."+name, 0, answer)
	}
	add("$SYS.REQ.SERVER.PING", 0, (*Service).answerStatsz)
	for name, answer := range orders {
		add("$SYS.REQ.SERVER."+s.id+"."+name, 0, answer)
	}
	for name, answer := range accountRequests {
		add("$SYS.REQ.ACCOUNT.*."+name, accountToken, answer)
	}
	add("$SYS.REQ.ACCOUNT.PING.STATZ", 0, (*Service).answerAccountStatz)
	add("$SYS.REQ.ACCOUNT.NSUBS", 0, (*Service).answerCount)
	add("$SYS.DEBUG.SUBSCRIBERS", 0, (*Service).answerSubscribers)
	add("$SYS.REQ.USER.*.INFO", accountToken, (*Service).answerUser)
	add("$SYS.REQ.USER.INFO", 0, (*Service).answerUser)
	if c := s.host.Claims(); c != nil {
		s.subscribeClaims(c, add)
	}
	s.account.Subscribe(subs...) // the subjects are valid
}

// accountToken is the number of the token, from 1, that names the account.
const accountToken = 4

// queueOf returns the queue for requests of a kind, by the last token of their
// subject.
func (s *Service) queueOf(name string) chan *request {
	switch name {
	case "STATSZ", "PING":
		return s.statsz
	case "PROFILEZ":
		return s.profiles
	default:
		return s.requests
	}
}

// enqueue takes a request over from its publisher's goroutine. Without a reply
// subject there is nothing to do, unless the statistics are to be published or
// claims have changed.
func (s *Service) enqueue(sub *broker.Subscription, m *broker.Message, account int, answer func(*Service, *request)) {
	queue := s.queueOf(sub.Subject[strings.LastIndexByte(sub.Subject, '.')+1:])
	if m.Reply == "" && queue != s.statsz && !strings.Contains(sub.Subject, ".CLAIMS.") {
		return
	}
	r := &request{message: m, answer: answer}
	if account > 0 {
		r.account = strings.Split(m.Subject, ".")[account-1]
		if r.account == "PING" && sub.Subject == "$SYS.REQ.ACCOUNT.*.STATZ" {
			return // has a subscription of its own
		}
	}
	select {
	case queue <- r:
	default:
		s.host.Log().Warnf("Dropped a system request on %q: too many are waiting", m.Subject)
	}
}

// publish sends a message that may carry the server's description: build is given
// the description as it is at this moment.
func (s *Service) publish(subject string, header []byte, build func(events.Server) any) {
	s.sending.Lock()
	defer s.sending.Unlock()
	body, ok := s.encode(build)
	if ok {
		s.sender.Send(broker.Outgoing{Subject: subject, Header: header, Payload: body})
	}
}

// Publish publishes an event if anybody listens.
func (s *Service) Publish(subject string, build func() any) {
	if !s.wanted(subject) {
		return
	}
	body, err := json.Marshal(build())
	if err != nil {
		s.host.Log().Errorf("Encoding a system message: %v", err)
		return
	}
	s.sender.Send(broker.Outgoing{Subject: subject, Payload: body})
}

// Stamp gives a description the next number and the present time, for messages that
// do not leave through the service.
func (s *Service) Stamp(server events.Server) events.Server {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.seq++
	server.Seq, server.Time = s.seq, time.Now().UTC()
	return server
}

// encode builds a message with the next number. sending is held.
func (s *Service) encode(build func(events.Server) any) ([]byte, bool) {
	server := s.host.Describe()
	s.seq++
	server.Seq, server.Time = s.seq, time.Now().UTC()
	body, err := json.Marshal(build(server))
	if err != nil {
		s.host.Log().Errorf("Encoding a system message: %v", err)
		return nil, false
	}
	return body, true
}

// wanted reports whether anybody listens to a subject of the system account.
func (s *Service) wanted(subject string) bool {
	r := s.account.Index().Reader()
	defer r.Release()
	return r.HasInterest([]byte(subject))
}
