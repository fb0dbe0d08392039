package system

import (
	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/resolver"
)

// Claims are the account claims that the server keeps or uses. Its methods may be
// called from any goroutine.
type Claims interface {
	// Update takes claims over; key is the account that they were sent for, or
	// empty.
	Update(key, text string) resolver.Answer
	// Keeps reports whether the server keeps claims, and Whole, whether it keeps
	// those of all accounts, for other servers too.
	Keeps() bool
	Whole() bool
	Lookup(key string) string // empty: not known
	List() []string
	// Pack sends what the holder of a store with this hash lacks, and an empty line
	// at the end.
	Pack(hash []byte, send func(line string))
	Delete(text string) resolver.Answer
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
		s.answerClaims(r, c.Delete(string(r.message.Payload)))
	})
	if !c.Whole() {
		return
	}
	add("$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP", accountToken, func(s *Service, r *request) {
		s.replyText(r, c.Lookup(r.account))
	})
	add("$SYS.REQ.CLAIMS.PACK responder", 0, func(s *Service, r *request) { s.answerPack(c, r) })
}

func (s *Service) answerUpdate(c Claims, r *request) {
	s.answerClaims(r, c.Update(r.account, string(r.message.Payload)))
}

func (s *Service) answerClaims(r *request, a resolver.Answer) {
	if !a.OK() {
		s.host.Log().Errorf("Account %q: %s", a.Account, a.Description)
	}
	s.reply(r, false, func(server events.Server) any {
		if a.OK() {
			return struct {
				Server events.Server   `json:"server"`
				Data   resolver.Answer `json:"data"`
			}{server, a}
		}
		return struct {
			Server events.Server   `json:"server"`
			Error  resolver.Answer `json:"error"`
		}{server, a}
	})
}

// answerPack sends claims, one message each.
func (s *Service) answerPack(c Claims, r *request) {
	if r.message.Reply == "" {
		return
	}
	c.Pack(r.message.Payload, func(line string) {
		s.sender.Send(broker.Outgoing{Subject: r.message.Reply, Payload: []byte(line)})
	})
}
