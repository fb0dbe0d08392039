package server

import (
	"math/rand/v2"
	"time"

	"github.com/godwit-mq/godwit/internal/client"
)

// LameDuckShutdown stops accepting, tells the clients, gives them time to go
// elsewhere, closes those that stay one by one, and shuts down. It returns when
// that is done.
func (s *Server) LameDuckShutdown() {
	if !s.state.CompareAndSwap(int32(running), int32(lameDuck)) {
		if state(s.state.Load()) != lameDuck {
			s.Shutdown()
		}
		<-s.done
		return
	}
	s.log.Noticef("Entering lame duck mode, stop accepting new clients")
	s.closeListener()
	s.closeWeb()
	if service := s.system.Load(); service != nil {
		service.LameDuck()
	}
	if s.clients.num() > 0 {
		s.announce()
		s.closeSlowly()
	}
	s.Shutdown()
}

// LameDuck reports whether the server is in lame duck mode.
func (s *Server) LameDuck() bool { return state(s.state.Load()) == lameDuck }

// announce tells every client that understands it to look for another server.
func (s *Server) announce() {
	for _, c := range s.clients.all() {
		c.Tell(s.Info(c, false))
	}
}

// closeSlowly closes the clients after the grace period, spread over what
// remains of the lame duck duration.
func (s *Server) closeSlowly() {
	grace := s.current().LameDuckGracePeriod
	if grace < 0 {
		grace = -grace
	}
	if !s.waitForClients(grace) {
		return
	}
	s.log.Noticef("Closing existing clients")
	clients := s.clients.all()
	spread := s.current().LameDuckDuration - grace
	batch, pause := 1, time.Duration(0)
	if n := len(clients); n > 0 {
		pause = spread / time.Duration(n)
		if pause < time.Millisecond {
			// Timers are no finer than this: close several at a time.
			pause = time.Millisecond
			batch = int(int64(n)*int64(pause)/max(int64(spread), 1)) + 1
		}
	}
	pause = min(pause, time.Second)
	for len(clients) > 0 {
		n := min(batch, len(clients))
		for _, c := range clients[:n] {
			c.Close(client.ServerShutdown)
		}
		if clients = clients[n:]; len(clients) == 0 {
			return
		}
		half := pause / 2
		if !sleep(s.ctx, half+time.Duration(rand.Int64N(int64(half)+1))) {
			return
		}
	}
}

// waitForClients waits until the grace period has passed. It reports false if
// nothing is left to do: every client has gone, or the server is stopping.
func (s *Server) waitForClients(grace time.Duration) bool {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.clients.empty():
		return false
	case <-s.ctx.Done():
		return false
	}
}
