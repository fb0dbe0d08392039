package system

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/monitor"
	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/wire"
)

// serverRequests are the requests about the server, by the last token of their
// subject.
var serverRequests = map[string]func(*Service, *request){
	"IDZ":       (*Service).answerID,
	"STATSZ":    (*Service).answerStatsz,
	"VARZ":      ask((*monitor.Server).Varz),
	"SUBSZ":     ask((*monitor.Server).Subsz),
	"CONNZ":     ask((*monitor.Server).Connz),
	"ROUTEZ":    ask((*monitor.Server).Routez),
	"GATEWAYZ":  ask((*monitor.Server).Gatewayz),
	"LEAFZ":     ask((*monitor.Server).Leafz),
	"ACCOUNTZ":  ask((*monitor.Server).Accountz),
	"JSZ":       ask((*monitor.Server).Jsz),
	"HEALTHZ":   ask(healthz),
	"IPQUEUESZ": ask(ipqueuesz),
	"RAFTZ":     ask(raftz),
	"EXPVARZ":   (*Service).answerExpvars,
	"PROFILEZ":  (*Service).answerProfile,
}

// accountRequests are the requests about one account.
var accountRequests = map[string]func(*Service, *request){
	"SUBSZ": of(func(m *monitor.Server, name string, o *api.SubszOptions) (any, error) {
		o.Account, o.Subscriptions = name, true
		return m.Subsz(o)
	}),
	"CONNZ": of(func(m *monitor.Server, name string, o *api.ConnzOptions) (any, error) {
		o.Account = name
		return m.Connz(o)
	}),
	"LEAFZ": of(func(m *monitor.Server, name string, o *api.LeafzOptions) (any, error) {
		o.Account = name
		return m.Leafz(o)
	}),
	"JSZ": of(func(m *monitor.Server, name string, o *api.JSzOptions) (any, error) {
		return nil, errors.New("jetstream not enabled")
	}),
	"INFO": of(func(m *monitor.Server, name string, o *struct{}) (any, error) {
		z, err := m.Accountz(&api.AccountzOptions{Account: name})
		if err != nil {
			return nil, err
		}
		return z.Account, nil
	}),
	"STATZ": (*Service).answerAccountStatz,
	"CONNS": (*Service).answerConnections,
}

// ask makes an answerer of a monitoring function.
func ask[O, A any](get func(*monitor.Server, *O) (A, error)) func(*Service, *request) {
	return func(s *Service, r *request) {
		var o O
		if s.options(r, &o) {
			data, err := get(s.host.Monitor(), &o)
			s.answer(r, data, err)
		}
	}
}

// of is ask for one account.
func of[O any](get func(*monitor.Server, string, *O) (any, error)) func(*Service, *request) {
	return func(s *Service, r *request) {
		var o O
		if s.options(r, &o) {
			data, err := get(s.host.Monitor(), r.account, &o)
			s.answer(r, data, err)
		}
	}
}

func healthz(m *monitor.Server, o *api.HealthzOptions) (*api.HealthStatus, error) {
	return m.Healthz(o), nil
}

func ipqueuesz(m *monitor.Server, o *api.IpqueueszOptions) (*api.IpqueueszStatus, error) {
	return m.Ipqueuesz(o), nil
}

func raftz(*monitor.Server, *struct{}) (map[string]any, error) { return map[string]any{}, nil }

func (s *Service) answerID(r *request) {
	server := s.host.Describe()
	s.reply(r, false, func(events.Server) any {
		return struct {
			Name string `json:"name"`
			Host string `json:"host"`
			ID   string `json:"id"`
		}{server.Name, server.Host, server.ID}
	})
}

// answerExpvars answers with the statistics of the runtime, as their HTTP endpoint
// shows them.
func (s *Service) answerExpvars(r *request) {
	if !s.options(r, nil) {
		return
	}
	vars, err := monitor.DebugVars()
	s.answer(r, json.RawMessage(vars), err)
}

// maxProfile bounds the duration of a CPU profile.
const maxProfile = 5 * time.Minute

// profileOptions ask for a profile of the process.
type profileOptions struct {
	Name     string        `json:"name"`
	Debug    int           `json:"debug,omitempty"`
	Duration time.Duration `json:"duration,omitempty"` // of a CPU profile
}

// profileAnswer is a profile, or why there is none.
type profileAnswer struct {
	Profile []byte `json:"profile"`
	Error   string `json:"error"`
}

// answerProfile takes a profile of the process.
func (s *Service) answerProfile(r *request) {
	var o profileOptions
	if !s.options(r, &o) {
		return
	}
	profile, err := s.take(&o)
	answer := profileAnswer{Profile: profile}
	if err != nil {
		answer.Error = err.Error()
	}
	s.answer(r, answer, nil)
}

func (s *Service) take(o *profileOptions) ([]byte, error) {
	var out bytes.Buffer
	if o.Name == "cpu" {
		if o.Duration <= 0 || o.Duration > maxProfile {
			return nil, fmt.Errorf("duration %v should be between 0s and %v", o.Duration, maxProfile)
		}
		if err := pprof.StartCPUProfile(&out); err != nil {
			return nil, fmt.Errorf("failed to start CPU profile: %w", err)
		}
		timer := time.NewTimer(o.Duration)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.ended:
		}
		pprof.StopCPUProfile()
		return out.Bytes(), nil
	}
	profile := pprof.Lookup(o.Name)
	if profile == nil {
		return nil, fmt.Errorf("profile %q not found", o.Name)
	}
	if err := profile.WriteTo(&out, o.Debug); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// answerAccountStatz answers for one account, or for those that the options name.
// About unused accounts the server is silent, unless they are asked for.
func (s *Service) answerAccountStatz(r *request) {
	var o api.AccountStatzOptions
	if !s.options(r, &o) {
		return
	}
	if r.account != "" {
		o.Accounts = []string{r.account}
	}
	z, err := s.host.Monitor().AccountStatz(&o)
	if err == nil && len(z.Accounts) == 0 && !o.IncludeUnused {
		return
	}
	s.answer(r, z, err)
}

// answerUser tells a user about itself. Only the server that holds the connection
// answers: the request says who asks, and by way of an import it is the server that
// says so.
func (s *Service) answerUser(r *request) {
	id := uint64(0)
	if r.account == "" {
		if r.message.From == nil {
			return
		}
		id = r.message.From.ID
	} else {
		var asks events.Client
		if err := json.Unmarshal(wire.Header(r.message.Header, "Nats-Request-Info"), &asks); err != nil {
			return
		}
		if asks.Server != s.host.Describe().Name || asks.Account != r.account {
			return
		}
		id = asks.ID
	}
	if user, ok := s.host.User(id); ok {
		s.answer(r, user, nil)
	}
}

// countOptions ask how much interest there is in a subject.
type countOptions struct {
	Account string `json:"acc"`
	Subject string `json:"subject"`
	Queue   []byte `json:"queue,omitempty"`
}

// answerCount answers another server's question with a bare number.
func (s *Service) answerCount(r *request) {
	var o countOptions
	if json.Unmarshal(r.message.Payload, &o) != nil {
		return
	}
	if n, err := s.host.CountSubscribers(o.Account, o.Subject, string(o.Queue)); err == nil {
		s.replyText(r, strconv.Itoa(n))
	}
}

// answerSubscribers counts the subscribers of "subject [queue]" in the account
// that asks.
func (s *Service) answerSubscribers(r *request) {
	account := s.account.Name
	var asks events.Client
	if json.Unmarshal(wire.Header(r.message.Header, "Nats-Request-Info"), &asks) == nil && asks.Account != "" {
		account = asks.Account
	}
	fields := strings.Fields(string(r.message.Payload))
	if len(fields) == 0 || len(fields) > 2 {
		s.refuse(r, badRequest, errors.New("expected a subject and at most one queue"))
		return
	}
	n, err := s.host.CountSubscribers(account, fields[0], strings.Join(fields[1:], ""))
	if err != nil {
		s.refuse(r, badRequest, err)
		return
	}
	s.replyText(r, strconv.Itoa(n))
}

func (s *Service) replyText(r *request, text string) {
	if r.message.Reply != "" {
		s.sender.Send(broker.Outgoing{Subject: r.message.Reply, Payload: []byte(text)})
	}
}
