package system

import (
	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/events"
)

// Claims are the account claims that the server keeps or uses. Its methods may be
// called from any goroutine.
type Claims interface {
	// Update takes claims over; key is the account that they were sent for, or
	// empty. account and message are for the answer, also of an error.
	Update(key, text string) (account, message string, err error)
	// Keeps reports whether the server keeps claims for others, and hands them out.
	Keeps() bool
	// Whole reports whether it keeps those of all accounts.
	Whole() bool
	Lookup(key string) string // empty: not known
	List() []string
	Pack(hash []byte) (lines []string, same bool)
	Delete(text string) (message string, err error)
}

// subscribeClaims announces interest in claims.
func (s *Service) subscribeClaims(c Claims, add func(subject string, account int, answer func(*Service, *request))) {
	const accountOfUpdate = 3 // in "$SYS.ACCOUNT.<key>.CLAIMS.UPDATE"
	update := func(s *Service, r *request) { s.answerUpdate(c, r) }
	add("$SYS.ACCOUNT.*.CLAIMS.UPDATE", accountOfUpdate, update)
	add("$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE", accountToken, update)
	if !c.Keeps() {
		return
	}
	add("$SYS.REQ.CLAIMS.UPDATE", 0, update)
	add("$SYS.REQ.CLAIMS.LIST", 0, func(s *Service, r *request) { s.answer(r, c.List(), nil) })
	add("$SYS.REQ.CLAIMS.DELETE", 0, func(s *Service, r *request) {
		message, err := c.Delete(string(r.message.Payload))
		s.answerClaims(r, "", message, err)
	})
	if !c.Whole() {
		return
	}
	add("$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP", accountToken, func(s *Service, r *request) {
		s.replyText(r, c.Lookup(r.account))
	})
	add("$SYS.REQ.CLAIMS.PACK responder", 0, func(s *Service, r *request) { s.answerPack(c, r) })
}

// claimsAnswer tells what became of claims.
type claimsAnswer struct {
	Account string `json:"account,omitempty"`
	Code    int    `json:"code"`
	Message string `json:"message,omitempty"`
}

// claimsError tells why nothing became of them.
type claimsError struct {
	Account     string `json:"account,omitempty"`
	Code        int    `json:"code"`
	Description string `json:"description,omitempty"`
}

const succeeded = 200

func (s *Service) answerUpdate(c Claims, r *request) {
	account, message, err := c.Update(r.account, string(r.message.Payload))
	s.answerClaims(r, account, message, err)
}

func (s *Service) answerClaims(r *request, account, message string, err error) {
	if err != nil {
		s.host.Log().Errorf("%s - %v", message, err)
		s.reply(r, false, func(server events.Server) any {
			return struct {
				Server events.Server `json:"server"`
				Error  claimsError   `json:"error"`
			}{server, claimsError{account, failed, message + " - " + err.Error()}}
		})
		return
	}
	s.reply(r, false, func(server events.Server) any {
		return struct {
			Server events.Server `json:"server"`
			Data   claimsAnswer  `json:"data"`
		}{server, claimsAnswer{account, succeeded, message}}
	})
}

// answerPack sends all claims, one message each, unless the asker has the same.
func (s *Service) answerPack(c Claims, r *request) {
	if r.message.Reply == "" {
		return
	}
	lines, _ := c.Pack(r.message.Payload)
	for _, line := range append(lines, "") { // an empty one ends them
		s.sender.Send(broker.Outgoing{Subject: r.message.Reply, Payload: []byte(line)})
	}
}
