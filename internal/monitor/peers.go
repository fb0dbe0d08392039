package monitor

import "github.com/godwit-mq/godwit/internal/monitor/api"

// The answers here are those of a server without other servers and without
// JetStream. Tools ask for them whether or not these are in use.

// Routez returns the routes. There are none, whatever the options ask for.
// The error is always nil.
func (s *Server) Routez(*api.RoutezOptions) (*api.Routez, error) {
	id := s.source.Identity()
	return &api.Routez{ID: id.ID, Name: id.Name, Now: s.now(), Routes: []*api.RouteInfo{}}, nil
}

// Gatewayz returns the gateways. There are none. The error is always nil.
func (s *Server) Gatewayz(*api.GatewayzOptions) (*api.Gatewayz, error) {
	return &api.Gatewayz{
		ID: s.source.Identity().ID, Now: s.now(),
		OutboundGateways: map[string]*api.RemoteGatewayz{}, InboundGateways: map[string][]*api.RemoteGatewayz{},
	}, nil
}

// Leafz returns the leafnode connections. There are none. The error is always
// nil.
func (s *Server) Leafz(*api.LeafzOptions) (*api.Leafz, error) {
	return &api.Leafz{ID: s.source.Identity().ID, Now: s.now(), Leafs: []*api.LeafInfo{}}, nil
}

// Ipqueuesz returns the internal queues by name. The server has none: what a
// connection brings is worked off by its reader.
func (s *Server) Ipqueuesz(*api.IpqueueszOptions) *api.IpqueueszStatus {
	return &api.IpqueueszStatus{}
}
