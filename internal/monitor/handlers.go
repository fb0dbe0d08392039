package monitor

import (
	"net/http"

	"github.com/godwit-mq/godwit/internal/monitor/api"
)

// decode reads the parameters of a request. If one is wrong it answers and
// reports false.
func decode[O any](w http.ResponseWriter, r *http.Request, read func(*query) O) (o O, ok bool) {
	q := &query{values: r.URL.Query()}
	o = read(q)
	if q.err != nil {
		badRequest(w, q.err)
		return o, false
	}
	return o, true
}

// serve reads the parameters, asks, and sends the answer or what was wrong.
func serve[O, A any](s *Server, w http.ResponseWriter, r *http.Request, read func(*query) O, ask func(O) (A, error)) {
	o, ok := decode(w, r, read)
	if !ok {
		return
	}
	answer, err := ask(o)
	if err != nil {
		badRequest(w, err)
		return
	}
	s.respond(w, r, http.StatusOK, answer, twoSpaces)
}

// HandleVarz serves /varz.
func (s *Server) HandleVarz(w http.ResponseWriter, r *http.Request) {
	s.counts.add("/varz")
	serve(s, w, r, (*query).varz, s.Varz)
}

// HandleConnz serves /connz. Here, and for routes, only requests are counted
// whose parameters could be decoded.
func (s *Server) HandleConnz(w http.ResponseWriter, r *http.Request) {
	serve(s, w, r, (*query).connz, func(o *api.ConnzOptions) (*api.Connz, error) {
		s.counts.add("/connz")
		return s.Connz(o)
	})
}

// HandleRoutez serves /routez.
func (s *Server) HandleRoutez(w http.ResponseWriter, r *http.Request) {
	serve(s, w, r, (*query).routez, func(o *api.RoutezOptions) (*api.Routez, error) {
		s.counts.add("/routez")
		return s.Routez(o)
	})
}

// HandleGatewayz serves /gatewayz.
func (s *Server) HandleGatewayz(w http.ResponseWriter, r *http.Request) {
	s.counts.add("/gatewayz")
	serve(s, w, r, (*query).gatewayz, s.Gatewayz)
}

// HandleLeafz serves /leafz.
func (s *Server) HandleLeafz(w http.ResponseWriter, r *http.Request) {
	s.counts.add("/leafz")
	serve(s, w, r, (*query).leafz, s.Leafz)
}

// HandleSubsz serves /subsz and its other name, /subscriptionsz.
func (s *Server) HandleSubsz(w http.ResponseWriter, r *http.Request) {
	s.counts.add("/subsz")
	serve(s, w, r, (*query).subsz, s.Subsz)
}

// HandleAccountz serves /accountz.
func (s *Server) HandleAccountz(w http.ResponseWriter, r *http.Request) {
	s.counts.add("/accountz")
	serve(s, w, r, (*query).accountz, s.Accountz)
}

// HandleAccountStatz serves /accstatz.
func (s *Server) HandleAccountStatz(w http.ResponseWriter, r *http.Request) {
	s.counts.add("/accstatz")
	serve(s, w, r, (*query).accstatz, s.AccountStatz)
}

// HandleJsz serves /jsz.
func (s *Server) HandleJsz(w http.ResponseWriter, r *http.Request) {
	s.counts.add("/jsz")
	serve(s, w, r, (*query).jsz, s.Jsz)
}

// HandleRaftz serves /raftz: the server has no RAFT groups.
func (s *Server) HandleRaftz(w http.ResponseWriter, _ *http.Request) {
	respondText(w, http.StatusNotFound, "No Raft nodes registered")
}

// HandleHealthz serves /healthz. What is wrong is logged too.
func (s *Server) HandleHealthz(w http.ResponseWriter, r *http.Request) {
	s.counts.add("/healthz")
	o, ok := decode(w, r, (*query).healthz)
	if !ok {
		return
	}
	if o.JSEnabled {
		s.source.Warnf("Healthcheck: js-enabled deprecated, use js-enabled-only instead")
	}
	health := s.Healthz(o)
	switch {
	case health.Error != "":
		s.source.Warnf("Healthcheck failed: %q", health.Error)
	case len(health.Errors) > 0:
		s.source.Warnf("Healthcheck failed: %d errors", len(health.Errors))
	}
	code := health.StatusCode
	health.StatusCode = 0 // HTTP says it
	s.respond(w, r, code, health, "")
}

// HandleIPQueuesz serves /ipqueuesz.
func (s *Server) HandleIPQueuesz(w http.ResponseWriter, r *http.Request) {
	if o, ok := decode(w, r, (*query).ipqueuesz); ok {
		s.respond(w, r, http.StatusOK, s.Ipqueuesz(o), threeSpaces)
	}
}
