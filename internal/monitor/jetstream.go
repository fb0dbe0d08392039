package monitor

import (
	"errors"

	"github.com/godwit-mq/godwit/internal/monitor/api"
)

// errNotLeader answers those who want to hear from the leader only.
var errNotLeader = errors.New("filtered response: not leader")

// Jsz returns the state of JetStream: disabled. With LeaderOnly that is an
// error, as a server without JetStream leads nothing.
func (s *Server) Jsz(o *api.JSzOptions) (*api.JSInfo, error) {
	if o != nil && o.LeaderOnly {
		return nil, errNotLeader
	}
	return &api.JSInfo{ID: s.source.Identity().ID, Now: s.now(), Disabled: true}, nil
}
