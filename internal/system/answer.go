package system

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/wire"
)

// filter restricts which servers answer a request. It is part of the request's
// body, beside the options.
type filter struct {
	Name    string   `json:"server_name,omitempty"`
	Host    string   `json:"host,omitempty"`
	Cluster string   `json:"cluster,omitempty"`
	Exact   bool     `json:"exact_match,omitempty"`
	Tags    []string `json:"tags,omitempty"`
	Domain  string   `json:"domain,omitempty"`
}

// admits reports whether the server is one of those that were asked.
func (f *filter) admits(server *events.Server) bool {
	same := strings.Contains
	if f.Exact {
		same = func(value, wanted string) bool { return value == wanted }
	}
	for _, pair := range [][2]string{{server.Name, f.Name}, {server.Host, f.Host}, {server.Cluster, f.Cluster}} {
		if pair[1] != "" && !same(pair[0], pair[1]) {
			return false
		}
	}
	for _, tag := range f.Tags {
		if !slices.ContainsFunc(server.Tags, func(t string) bool { return strings.EqualFold(t, tag) }) {
			return false
		}
	}
	return f.Domain == "" || f.Domain == server.Domain
}

// envelope is the common form of answers.
type envelope struct {
	Server *events.Server `json:"server"`
	Data   any            `json:"data,omitempty"`
	Error  *apiError      `json:"error,omitempty"`
}

// apiError tells what was wrong with a request.
type apiError struct {
	Code        int    `json:"code"`
	Description string `json:"description,omitempty"`
}

// Codes of errors.
const (
	badRequest = 400
	failed     = 500
)

// options decodes a request's body and reports whether the server is to answer.
// If the body is not JSON, the answer is an error.
func (s *Service) options(r *request, into any) bool {
	body := bytes.TrimSpace(r.message.Payload)
	if len(body) == 0 {
		return true
	}
	var f filter
	err := json.Unmarshal(body, &f)
	if err == nil && into != nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		s.refuse(r, badRequest, err)
		return false
	}
	server := s.host.Describe()
	return f.admits(&server)
}

// answer replies with data, or with an error.
func (s *Service) answer(r *request, data any, err error) {
	if err != nil {
		s.refuse(r, failed, err)
		return
	}
	s.reply(r, true, func(server events.Server) any { return envelope{Server: &server, Data: data} })
}

func (s *Service) refuse(r *request, code int, err error) {
	s.reply(r, false, func(server events.Server) any {
		return envelope{Server: &server, Error: &apiError{code, err.Error()}}
	})
}

// reply sends an answer, if one is wanted, compressed if the request asks for it.
func (s *Service) reply(r *request, compress bool, build func(events.Server) any) {
	if r.message.Reply == "" {
		return
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	body, ok := s.encode(build)
	if !ok {
		return
	}
	var header []byte
	if accepted := wire.Header(r.message.Header, "Accept-Encoding"); accepted != nil && compress {
		var encoding string
		encoding, body = events.Compress(string(accepted), body)
		header = wire.SetHeader(nil, nil, "Content-Encoding", []byte(encoding))
	}
	s.sender.Send(broker.Outgoing{Subject: r.message.Reply, Header: header, Payload: body})
}
