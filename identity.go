package godwit

import (
	"errors"
	"net"
	"time"
)

var errNotRunning = errors.New("server is not running")

// ID is the server's public nkey, new at each start.
func (s *Server) ID() string { return s.core.ID() }

// Name is the configured name, or the ID.
func (s *Server) Name() string { return s.core.Name() }

// String is the name.
func (s *Server) String() string { return s.core.Name() }

// ConfigTime is when the configuration in force was read.
func (s *Server) ConfigTime() time.Time { return s.core.ConfigTime() }

// SystemAccountName is the system account, empty if there is none.
func (s *Server) SystemAccountName() string { return s.core.SystemAccountName() }

// Running reports whether the server was started and is not being shut down. A
// server whose Start failed is not running.
func (s *Server) Running() bool { return s != nil && s.core.Running() }

// Addr is the address of the client listener, nil if there is none.
func (s *Server) Addr() net.Addr { return s.core.Addr() }

// MonitorAddr is the address of the monitoring listener, nil if there is none.
func (s *Server) MonitorAddr() *net.TCPAddr { return s.core.MonitorAddr() }

// ProfilerAddr is the address of the profiling listener, nil if there is none.
func (s *Server) ProfilerAddr() *net.TCPAddr { return s.core.ProfilerAddr() }

// PortsInfo lists the URLs of the listeners, waiting for them at most the given
// time; nil if there is no client listener.
func (s *Server) PortsInfo(wait time.Duration) *Ports {
	if !s.ReadyForConnections(wait) {
		return nil
	}
	return s.core.PortsInfo()
}

// NumClients is the number of client connections.
func (s *Server) NumClients() int { return s.core.NumClients() }

// NumSubscriptions is the number of subscriptions in all accounts.
func (s *Server) NumSubscriptions() uint32 { return s.core.NumSubscriptions() }

// NumSlowConsumers counts the connections that were too slow.
func (s *Server) NumSlowConsumers() int64 { return s.core.NumSlowConsumers() }

// NumStaleConnections counts the connections that left PINGs unanswered.
func (s *Server) NumStaleConnections() int64 { return s.core.NumStaleConnections() }

// NumStalledClients counts how often a publisher was made to wait for its
// receivers.
func (s *Server) NumStalledClients() int64 { return s.core.NumStalledClients() }

// NumActiveAccounts is the number of accounts with connections.
func (s *Server) NumActiveAccounts() int32 { return s.core.NumActiveAccounts() }

// NumLoadedAccounts is the number of accounts.
func (s *Server) NumLoadedAccounts() int { return s.core.NumLoadedAccounts() }

// DisconnectClientByID closes a connection. The error is "no such client or
// leafnode id" if there is none.
func (s *Server) DisconnectClientByID(id uint64) error {
	if s == nil {
		return errNotRunning
	}
	return s.core.DisconnectClientByID(id)
}

// LDMClientByID asks one client to go elsewhere.
func (s *Server) LDMClientByID(id uint64) error {
	if s == nil {
		return errNotRunning
	}
	return s.core.LDMClientByID(id)
}

// LameDuck reports whether the server is in lame duck mode.
func (s *Server) LameDuck() bool { return s.core.LameDuck() }

// Logger is where the server logs: the logger that was put in place, or
// nowhere. It is never nil.
func (s *Server) Logger() Logger { return s.core.Log() }
