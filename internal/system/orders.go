package system

import (
	"bytes"
	"errors"
)

var errWhich = errors.New("the request does not say which connection: a cid is needed")

// orders are the requests that make the server do something.
var orders = map[string]func(*Service, *request){
	"RELOAD": func(s *Service, r *request) {
		if s.options(r, nil) {
			s.done(r, s.host.Reload())
		}
	},
	"KICK": order(Host.Kick),
	"LDM":  order(Host.Evacuate),
}

// order makes an answerer of what is done to one connection.
func order(do func(Host, uint64) error) func(*Service, *request) {
	return func(s *Service, r *request) {
		var o struct {
			ID uint64 `json:"cid"`
		}
		switch {
		case len(bytes.TrimSpace(r.message.Payload)) == 0:
			s.refuse(r, badRequest, errWhich)
		case s.options(r, &o):
			s.done(r, do(s.host, o.ID))
		}
	}
}

// done answers with no more than that it was done, or that it was not.
func (s *Service) done(r *request, err error) { s.answer(r, nil, err) }
