package broker

import (
	"sync"

	"github.com/godwit-mq/godwit/internal/wire"
)

// Outgoing is a message that a part of the server publishes.
type Outgoing struct {
	Subject, Reply  string
	Header, Payload []byte
	// As, if not empty, is the subject that receivers see; Subject only says who they
	// are.
	As string
}

// Sender publishes in one account on behalf of a part of the server. Its methods
// may be called from any goroutine that holds no lock on interest, also from a
// Receiver.Handle: messages leave in the order of the calls, and whoever finds the
// sender idle sends until nothing is left.
type Sender struct {
	mu    sync.Mutex
	queue []Outgoing
	busy  bool
	pub   *Publisher // owned by whoever made it busy
}

// anything lets internal senders publish where they want.
type anything struct{}

func (anything) Check([]byte) Verdict { return Allowed }

// NewSender returns a sender of an account. Subscriptions of self do not get what
// it sends.
func NewSender(account *Account, self *Receiver) *Sender {
	if self == nil {
		self = &Receiver{}
	}
	self.NoEcho.Store(true)
	return &Sender{pub: NewPublisher(self, account, anything{})}
}

// Send publishes a message.
func (s *Sender) Send(m Outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, m)
	if s.busy {
		return
	}
	s.busy = true
	for len(s.queue) > 0 {
		batch := s.queue
		s.queue = nil
		s.mu.Unlock()
		s.send(batch)
		s.mu.Lock()
	}
	s.busy = false
}

func (s *Sender) send(batch []Outgoing) {
	for i := range batch {
		m := &batch[i]
		body := append(append(append([]byte(nil), m.Header...), m.Payload...), '\r', '\n')
		cmd := wire.Command{
			Op: wire.OpPub, Subject: []byte(m.Subject), Header: len(m.Header),
			Body: body[:len(body)-2], Payload: body,
		}
		if m.Reply != "" {
			cmd.Reply = []byte(m.Reply)
		}
		s.pub.as = m.As
		s.pub.Publish(s.pub.Lookup(&cmd), &cmd, false)
		s.pub.as = ""
		if s.pub.Full() {
			s.pub.Flush()
		}
	}
	s.pub.Flush()
}
