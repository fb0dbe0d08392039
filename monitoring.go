package godwit

import (
	"net/http"

	"github.com/godwit-mq/godwit/internal/monitor/api"
)

// Answers of the monitoring endpoints and what can be asked of them. They are
// plain structs with the JSON of the NATS server.
type (
	Varz                = api.Varz
	VarzOptions         = api.VarzOptions
	Connz               = api.Connz
	ConnzOptions        = api.ConnzOptions
	ConnInfo            = api.ConnInfo
	Subsz               = api.Subsz
	SubszOptions        = api.SubszOptions
	Accountz            = api.Accountz
	AccountzOptions     = api.AccountzOptions
	AccountStatz        = api.AccountStatz
	AccountStatzOptions = api.AccountStatzOptions
	HealthStatus        = api.HealthStatus
	HealthzOptions      = api.HealthzOptions
	Routez              = api.Routez
	RoutezOptions       = api.RoutezOptions
	Gatewayz            = api.Gatewayz
	GatewayzOptions     = api.GatewayzOptions
	Leafz               = api.Leafz
	LeafzOptions        = api.LeafzOptions
)

// Varz describes the server: limits, load, counters. The options may be nil,
// as in all methods here.
func (s *Server) Varz(o *VarzOptions) (*Varz, error) { return s.core.Monitor().Varz(o) }

// Connz lists connections, open and closed.
func (s *Server) Connz(o *ConnzOptions) (*Connz, error) { return s.core.Monitor().Connz(o) }

// Subsz describes and lists subscriptions.
func (s *Server) Subsz(o *SubszOptions) (*Subsz, error) { return s.core.Monitor().Subsz(o) }

// Accountz lists accounts, or describes one.
func (s *Server) Accountz(o *AccountzOptions) (*Accountz, error) { return s.core.Monitor().Accountz(o) }

// AccountStatz counts what accounts send and receive.
func (s *Server) AccountStatz(o *AccountStatzOptions) (*AccountStatz, error) {
	return s.core.Monitor().AccountStatz(o)
}

// Healthz says whether the server can be used.
func (s *Server) Healthz(o *HealthzOptions) *HealthStatus { return s.core.Monitor().Healthz(o) }

// Routez lists connections to other servers of the cluster.
func (s *Server) Routez(o *RoutezOptions) (*Routez, error) { return s.core.Monitor().Routez(o) }

// Gatewayz lists connections to other clusters.
func (s *Server) Gatewayz(o *GatewayzOptions) (*Gatewayz, error) { return s.core.Monitor().Gatewayz(o) }

// Leafz lists leafnode connections.
func (s *Server) Leafz(o *LeafzOptions) (*Leafz, error) { return s.core.Monitor().Leafz(o) }

// HandleVarz serves /varz in a program's own HTTP server.
func (s *Server) HandleVarz(w http.ResponseWriter, r *http.Request) {
	s.core.Monitor().HandleVarz(w, r)
}

// HandleConnz serves /connz.
func (s *Server) HandleConnz(w http.ResponseWriter, r *http.Request) {
	s.core.Monitor().HandleConnz(w, r)
}

// HandleSubsz serves /subsz.
func (s *Server) HandleSubsz(w http.ResponseWriter, r *http.Request) {
	s.core.Monitor().HandleSubsz(w, r)
}

// HandleHealthz serves /healthz.
func (s *Server) HandleHealthz(w http.ResponseWriter, r *http.Request) {
	s.core.Monitor().HandleHealthz(w, r)
}
