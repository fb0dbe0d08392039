package server

import (
	"fmt"
	"math/rand/v2"

	"github.com/godwit-mq/godwit/internal/broker"
)

// inbox is where answers to questions of the server itself arrive.
type inbox struct {
	account *broker.Account
	sub     *broker.Subscription
	subject string
	answers chan *broker.Message
}

// openInbox opens one in an account. It has room for so many answers; those that find
// none are lost.
func (s *Server) openInbox(a *broker.Account, room int) (*inbox, error) {
	in := &inbox{
		account: a, subject: fmt.Sprintf("$SYS._INBOX.%s.%08d", s.accounts.node.Hash, rand.IntN(1e8)),
		answers: make(chan *broker.Message, room),
	}
	in.sub = &broker.Subscription{Subject: in.subject, To: &broker.Receiver{Handle: in.take}}
	return in, a.Subscribe(in.sub)
}

func (in *inbox) take(_ *broker.Subscription, m *broker.Message) {
	select {
	case in.answers <- m:
	default:
	}
}

func (in *inbox) close() { in.account.Unsubscribe(in.sub) }
