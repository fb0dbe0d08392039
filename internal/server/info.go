package server

import (
	"encoding/json"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"

	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/options"
)

// info is what INFO tells a client. The order of the fields is that of the
// reference, since people read it.
type info struct {
	ID            string   `json:"server_id"`
	Name          string   `json:"server_name"`
	Version       string   `json:"version"`
	Proto         int      `json:"proto"`
	GitCommit     string   `json:"git_commit,omitempty"`
	Go            string   `json:"go"`
	Host          string   `json:"host"`
	Port          int      `json:"port"`
	Headers       bool     `json:"headers"`
	AuthRequired  bool     `json:"auth_required,omitempty"`
	TLSRequired   bool     `json:"tls_required,omitempty"`
	TLSVerify     bool     `json:"tls_verify,omitempty"`
	TLSAvailable  bool     `json:"tls_available,omitempty"`
	MaxPayload    int      `json:"max_payload"`
	JetStream     bool     `json:"jetstream,omitempty"`
	ClientID      uint64   `json:"client_id,omitempty"`
	ClientIP      string   `json:"client_ip,omitempty"`
	Nonce         string   `json:"nonce,omitempty"`
	ConnectURLs   []string `json:"connect_urls,omitempty"`
	LameDuck      bool     `json:"ldm,omitempty"`
	ConnectInfo   bool     `json:"connect_info,omitempty"`
	RemoteAccount string   `json:"remote_account,omitempty"`
	IsSystem      bool     `json:"acc_is_sys,omitempty"`
	XKey          string   `json:"xkey"`
}

// baseInfo is what is the same for every client.
func (s *Server) baseInfo() info {
	o := s.current()
	i := info{
		ID: s.id, Name: s.name, Version: CompatVersion, Proto: 1, GitCommit: revision(), Go: runtime.Version(),
		Host: o.Host, Port: s.port(), Headers: !o.NoHeaderSupport,
		AuthRequired: o.auth.Required() && !o.auth.HasNoAuthUser(),
		MaxPayload:   int(o.MaxPayload), XKey: s.xkey,
		LameDuck: state(s.state.Load()) == lameDuck, JetStream: s.jetstream.Load() != nil,
	}
	if o.TLSConfig != nil {
		i.TLSRequired = !o.AllowNonTLS
		i.TLSAvailable = o.AllowNonTLS
		i.TLSVerify = o.TLSVerify
	}
	if o.advertise != nil {
		i.Host = o.advertise.host
		if o.advertise.port > 0 {
			i.Port = o.advertise.port // otherwise it is the listener's
		}
	}
	return i
}

// port is the client port as far as it is known.
func (s *Server) port() int {
	if addr, ok := s.Addr().(*net.TCPAddr); ok {
		return addr.Port
	}
	return max(s.current().Port, 0)
}

// Info implements client.Server.
func (s *Server) Info(c *client.Client, connected bool) []byte {
	return line(s.infoFor(c, connected))
}

func (s *Server) infoFor(c *client.Client, connected bool) info {
	i := s.baseInfo()
	if c.Web != nil {
		s.webInfo(&i)
	}
	i.ClientID = c.ID
	i.MaxPayload = c.MaxPayload()
	i.ClientIP = c.ShownIP(s.current().ProxyProtocol && c.Web == nil)
	secure := c.TLSState()
	if c.Type == options.ConnectionInProcess && (secure == nil || !secure.First) && s.current().TLSConfig != nil {
		i.TLSRequired, i.TLSAvailable = false, true
	}
	if secure != nil && secure.First {
		i.TLSRequired = true
	}
	if !connected {
		i.Nonce = string(c.Nonce)
		return i
	}
	i.ConnectInfo = true
	if account := c.Account(); account != nil {
		i.RemoteAccount = account.Name
		i.IsSystem = account.Name == s.accounts.systemName()
	}
	return i
}

// line renders an INFO line.
func line(i info) []byte {
	text, err := json.Marshal(i)
	if err != nil {
		panic(fmt.Sprintf("server: INFO of plain fields: %v", err))
	}
	return append(append([]byte("INFO "), text...), " \r\n"...)
}

// revision is the commit that the binary was built from, 7 characters, or empty.
func revision() string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range build.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value[:min(7, len(setting.Value))]
		}
	}
	return ""
}
