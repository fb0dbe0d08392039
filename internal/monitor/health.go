package monitor

import (
	"net/http"
	"slices"
	"strings"

	"github.com/godwit-mq/godwit/internal/monitor/api"
)

const (
	healthOK    = "ok"
	healthError = "error"
)

// Healthz tells whether the server can do its work: its listeners are open. The
// first problem ends the check.
func (s *Server) Healthz(o *api.HealthzOptions) *api.HealthStatus {
	if o == nil {
		o = &api.HealthzOptions{}
	}
	switch {
	case o.Stream != "" && o.Account == "":
		return unhealthy(o, http.StatusBadRequest, api.HealthzErrorBadRequest,
			`"account" must not be empty when checking stream health`)
	case o.Consumer != "" && o.Stream == "":
		return unhealthy(o, http.StatusBadRequest, api.HealthzErrorBadRequest,
			`"stream" must not be empty when checking consumer health`)
	}
	if closed := slices.Sorted(slices.Values(s.source.NotReady())); len(closed) > 0 {
		return unhealthy(o, http.StatusInternalServerError, api.HealthzErrorConn,
			"failed to be ready for connections after 1ms: "+strings.Join(closed, ", "))
	}
	// Accounts, streams and consumers are those of JetStream: without it they
	// are not looked for.
	return &api.HealthStatus{Status: healthOK, StatusCode: http.StatusOK}
}

func unhealthy(o *api.HealthzOptions, code int, kind api.HealthZErrorType, text string) *api.HealthStatus {
	status := &api.HealthStatus{Status: healthError, StatusCode: code}
	if o.Details {
		status.Errors = []api.HealthzError{{Type: kind, Error: text}}
	} else {
		status.Error = text
	}
	return status
}
