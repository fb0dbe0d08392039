package server

import (
	"time"

	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/logging"
)

// longStall is a wait for slow receivers that is worth a line in the log.
const longStall = 5 * time.Millisecond

// SetLogger puts a logger in place; nil is silence. The former one is closed if
// it can be. The levels hold for connections, too, whatever the options say, until a
// reload changes those of the options.
func (s *Server) SetLogger(l logging.Logger, debug, trace bool) error {
	s.ownLog.Store(false)
	s.setLevels(debug, trace)
	return s.log.Set(l, debug, trace)
}

func (s *Server) setLevels(debug, trace bool) {
	s.changeLevels(func(c *client.Settings) { c.Debug, c.Trace = debug, trace })
}

// Logger is the logger in place, nil if there is none.
func (s *Server) Logger() logging.Logger { return s.log.Logger() }

// Log implements client.Server.
func (s *Server) Log() logging.Logger { return &s.log }

// LogLimited implements client.Server.
func (s *Server) LogLimited(c *client.Client, text string) {
	s.limited.With(c.String()).Errorf("%s", text)
}

// SlowConsumer implements client.Server.
func (s *Server) SlowConsumer(c *client.Client) {
	s.counters.slow.Add(1)
	if account := c.Account(); account != nil {
		account.CountSlowConsumer()
	}
}

// StaleConnection implements client.Server.
func (s *Server) StaleConnection(*client.Client) { s.counters.stale.Add(1) }

// Stalled implements client.Server. The log does not tell of every wait: how long
// they were is no reason to write more than one line a second.
func (s *Server) Stalled(c *client.Client, waited time.Duration) {
	s.counters.stalls.Add(1)
	if waited < longStall {
		return
	}
	if ok, _ := s.stallLog.take(time.Now(), 1); ok {
		s.log.Warnf("%s - Producer was stalled for a total of %v", c, waited.Round(time.Millisecond))
	}
}
