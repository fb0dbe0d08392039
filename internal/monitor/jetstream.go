package monitor

import (
	"errors"

	"github.com/godwit-mq/godwit/internal/monitor/api"
)

// errNotLeader answers those who want to hear from the leader only.
var errNotLeader = errors.New("filtered response: not leader")

// errDetails answers those who want to know about single accounts, streams or consumers.
var errDetails = errors.New("details of accounts, streams and consumers are not supported yet")

// Jsz returns the state of JetStream. With LeaderOnly that is an error without
// JetStream, for then the server leads nothing.
func (s *Server) Jsz(o *api.JSzOptions) (*api.JSInfo, error) {
	info := s.source.JetStream()
	switch {
	case info == nil && o != nil && o.LeaderOnly:
		return nil, errNotLeader
	case info == nil:
		info = &api.JSInfo{Disabled: true}
	case o != nil && (o.Account != "" || o.Accounts || o.Streams || o.Consumer || o.RaftGroups):
		return nil, errDetails
	}
	info.ID, info.Now = s.source.Identity().ID, s.now()
	return info, nil
}
