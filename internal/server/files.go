package server

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// writePidFile writes the process number: digits only, since tools parse it.
func writePidFile(path string) error {
	if path == "" {
		return nil
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return fmt.Errorf("Could not write pidfile: %w", err) // a line that operators know
	}
	return nil
}

// Ports lists the URLs of the open listeners.
type Ports struct {
	Nats       []string `json:"nats,omitempty"`
	Monitoring []string `json:"monitoring,omitempty"`
	Cluster    []string `json:"cluster,omitempty"`
	Profile    []string `json:"profile,omitempty"`
	WebSocket  []string `json:"websocket,omitempty"`
}

// PortsInfo returns the URLs of the open listeners, nil while there is no
// client listener.
func (s *Server) PortsInfo() *Ports {
	addr, ok := s.Addr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	p := &Ports{}
	scheme := "nats"
	if s.current().TLSConfig != nil {
		scheme = "tls"
	}
	p.Nats = urls(scheme, s.current().Host, addr)
	if addr := s.MonitorAddr(); addr != nil {
		scheme = "http"
		if s.current().HTTPSPort != 0 {
			scheme = "https"
		}
		p.Monitoring = urls(scheme, s.current().HTTPHost, addr)
	}
	if url := s.WebsocketURL(); url != "" {
		p.WebSocket = []string{url}
	}
	if addr := s.ProfilerAddr(); addr != nil {
		p.Profile = urls("http", s.current().Host, addr)
	}
	return p
}

// urls names a listener under every address that it can be reached at.
func urls(scheme, host string, addr *net.TCPAddr) []string {
	hosts := []string{host}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		hosts = interfaceAddresses()
	}
	list := make([]string, 0, len(hosts))
	for _, h := range hosts {
		list = append(list, scheme+"://"+net.JoinHostPort(h, strconv.Itoa(addr.Port)))
	}
	return list
}

// interfaceAddresses lists the machine's addresses. Where they cannot be listed
// (a sandbox may forbid it) there are none, which is no reason not to start.
func interfaceAddresses() []string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var list []string
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok {
			list = append(list, n.IP.String())
		}
	}
	return list
}

// writePortsFile writes the listeners' URLs where scripts look for them. The
// file appears whole or not at all.
func (s *Server) writePortsFile(dir string) error {
	if dir == "" {
		return nil
	}
	ports := s.PortsInfo()
	if ports == nil {
		ports = &Ports{}
	}
	data, err := json.Marshal(ports)
	if err != nil {
		return fmt.Errorf("write ports file: %w", err)
	}
	exe := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	path := filepath.Join(dir, fmt.Sprintf("%s_%d.ports", exe, os.Getpid()))
	temp := path + ".tmp"
	if err := os.WriteFile(temp, data, 0o666); err != nil {
		return fmt.Errorf("write ports file: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp) // the first error tells more
		return fmt.Errorf("write ports file: %w", err)
	}
	s.mu.Lock()
	s.portsFile = path
	s.mu.Unlock()
	return nil
}

func (s *Server) removePortsFile() {
	s.mu.Lock()
	path := s.portsFile
	s.portsFile = ""
	s.mu.Unlock()
	if path == "" {
		return
	}
	if err := os.Remove(path); err != nil {
		s.log.Errorf("Error removing ports file: %v", err)
	}
}
