package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/link"
	"github.com/godwit-mq/godwit/internal/options"
)

// Pauses after temporary errors of accept.
const (
	acceptPauseMin = 10 * time.Millisecond
	acceptPauseMax = time.Second
)

// listenConfig opens listeners without TCP keep-alive: the server's own PINGs
// find dead peers.
var listenConfig = net.ListenConfig{KeepAlive: -1}

// listen opens the client listener and starts to accept.
func (s *Server) listen() error {
	o := s.current().Options
	port := max(o.Port, 0)
	address := net.JoinHostPort(o.Host, strconv.Itoa(port))
	l, err := listenConfig.Listen(s.ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("Error listening on port: %s, %q", address, err) // a line that operators know
	}
	resolved := l.Addr().(*net.TCPAddr).Port
	s.mu.Lock()
	s.listener = l
	s.mu.Unlock()
	s.given.Port = resolved
	s.given = nil // the caller may forget it now
	s.log.Noticef("Listening for client connections on %s", net.JoinHostPort(o.Host, strconv.Itoa(resolved)))
	s.noteTLS()
	if o.ProxyProtocol {
		s.log.Noticef("PROXY protocol enabled for client connections")
	}
	s.tasks.Add(1)
	go s.accept(l)
	return nil
}

// noteTLS logs in which way the client listener speaks TLS.
func (s *Server) noteTLS() {
	o := s.current().Options
	if o.TLSConfig == nil {
		return
	}
	if o.AllowNonTLS && (!o.TLSHandshakeFirst || o.TLSHandshakeFirstFallback > 0) {
		s.log.Noticef("TLS available for client connections")
	} else {
		s.log.Noticef("TLS required for client connections")
	}
	if o.TLSHandshakeFirst && o.TLSHandshakeFirstFallback == 0 {
		s.log.Warnf("Clients that are not using \"TLS Handshake First\" option will fail to connect")
	}
}

func (s *Server) accept(l net.Listener) {
	defer s.tasks.Done()
	pause := acceptPauseMin
	for {
		conn, err := l.Accept()
		if err == nil {
			pause = acceptPauseMin
			if !s.serve(client.Identity{Net: conn, Type: options.ConnectionStandard}) {
				conn.Close() // nobody listens to it
			}
			continue
		}
		if s.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		s.log.Errorf("Temporary Client Accept Error(%v), sleeping %dms", err, pause.Milliseconds())
		if !sleep(s.ctx, pause) {
			return
		}
		pause = min(2*pause, acceptPauseMax)
	}
}

// sleep waits; it reports false if the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// serve starts a connection of which the transport is known; it reports false, and does nothing, if the server
// is ending.
func (s *Server) serve(identity client.Identity) bool {
	identity.ID, identity.Start = s.nextID.Add(1), time.Now()
	if s.current().auth.NeedsNonce() {
		identity.Nonce = auth.NewNonce()
	}
	s.mu.Lock()
	if state(s.state.Load()) >= stopping {
		s.mu.Unlock()
		return false
	}
	s.tasks.Add(1)
	s.mu.Unlock()
	s.counters.total.Add(1)
	identity.Refuse = !s.clients.reserve(s.current().MaxConn)
	c := client.New(identity, s)
	c.Attach(s.unbound)
	s.clients.add(c)
	if state(s.state.Load()) >= lameDuck {
		c.Close(client.ServerShutdown)
	}
	go func() {
		defer s.tasks.Done()
		c.Serve()
	}()
	return true
}

// InProcessConn returns the client's end of a connection that does not leave
// the process.
func (s *Server) InProcessConn() (net.Conn, error) {
	failed := errors.New("failed to create connection")
	if now := state(s.state.Load()); now != running && now != starting {
		return nil, failed
	}
	ours, theirs := link.Pipe()
	if !s.serve(client.Identity{Net: ours, Type: options.ConnectionInProcess}) {
		return nil, failed
	}
	return theirs, nil
}

// closeListener stops accepting.
func (s *Server) closeListener() {
	s.mu.Lock()
	l := s.listener
	s.listener = nil
	s.mu.Unlock()
	if l != nil {
		l.Close() // it ends either way
	}
}

// Addr is the client listener's address, nil if there is none.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Closed implements client.Server.
func (s *Server) Closed(c *client.Client) {
	s.accounts.leave(c)
	s.clients.remove(c)
	s.disconnected(c)
}
