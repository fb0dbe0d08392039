package server

import (
	"cmp"
	"errors"
	"reflect"
	"runtime"
	"slices"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/reload"
)

// ErrNoConfigFile: the server was started without a file that could be read again.
var ErrNoConfigFile = errors.New("can only reload config when a file is provided using -c or --config")

// Reload reads the configuration file again and makes its changes take effect: all
// of them, or none and an error, which is logged too.
func (s *Server) Reload() error {
	old := s.current().Options
	if old.ConfigFile == "" {
		return s.reloadFailed(ErrNoConfigFile)
	}
	next, err := old.Reread()
	if err != nil {
		return s.reloadFailed(err)
	}
	return s.ReloadOptions(next)
}

func (s *Server) reloadFailed(err error) error {
	s.log.Errorf("Failed to reload server configuration: %s", err)
	return err
}

// ReloadOptions is Reload with options at hand, which are copied.
func (s *Server) ReloadOptions(next *options.Options) error {
	s.opening.Lock()
	defer s.opening.Unlock()
	if !s.Running() {
		return s.reloadFailed(ErrStopped)
	}
	next = next.Clone()
	if err := s.reload(next); err != nil {
		return s.reloadFailed(err)
	}
	s.log.Noticef("Reloaded server configuration (%s)", next.ConfigDigest)
	return nil
}

func (s *Server) reload(next *options.Options) error {
	next.SetDefaults()
	if err := next.Validate(); err != nil {
		return err
	}
	old := s.current()
	changes, err := reload.Compare(old.Options, next)
	if err != nil {
		return err
	}
	c, err := s.configure(next, old, s.port())
	if err != nil {
		return err
	}
	if _, _, err := describe(next); err != nil {
		return err
	}
	if err := s.reloadFiles(changes, next); err != nil {
		return err
	}
	// From here on nothing fails.
	before := s.baseInfo()
	if changes.Has("Accounts", "Mappings") {
		s.accounts.configure(next) // it was described without an error
	}
	s.config.Store(c)
	s.review(old, c)
	s.shedConnections(next.MaxConn)
	if !reflect.DeepEqual(before, s.baseInfo()) {
		s.announce()
	}
	for _, change := range changes {
		s.log.Noticef("Reloaded: %s", change.Text)
	}
	return nil
}

// reloadFiles opens and writes what the new options name. The log goes first, so
// that a file that cannot be written prevents the reload.
func (s *Server) reloadFiles(changes reload.Changes, next *options.Options) error {
	if changes.Has("LogFile", "Syslog", "RemoteSyslog", "Logtime", "LogtimeUTC", "LogSizeLimit", "LogMaxFiles",
		"Debug", "Trace") {
		if err := s.reloadLog(next); err != nil {
			return err
		}
	}
	if changes.Has("PidFile") {
		if err := writePidFile(next.PidFile); err != nil {
			return err
		}
	}
	if changes.Has("PortsFileDir") {
		s.removePortsFile()
		if err := s.writePortsFile(next.PortsFileDir); err != nil {
			return err
		}
	}
	if changes.Has("ProfBlockRate") {
		runtime.SetBlockProfileRate(next.ProfBlockRate)
	}
	return nil
}

// reloadLog follows new log options. A logger that an embedding program has put
// in place stays.
func (s *Server) reloadLog(next *options.Options) error {
	if !s.ownLog.Load() {
		s.log.SetLevels(next.Debug, next.Trace)
		return nil
	}
	l, err := newLogger(next)
	if err != nil {
		return err
	}
	if err := s.log.Set(l, next.Debug, next.Trace); err != nil {
		s.log.Errorf("Closing the former log: %v", err)
	}
	return nil
}

// review looks at all connections with new options: whoever may not be connected
// any more is closed, whoever may do other things than before is told so.
func (s *Server) review(old, now *configuration) {
	for _, c := range s.clients.all() {
		s.reviewClient(c, old, now)
	}
	for _, a := range s.accounts.list() {
		a.Index().Touch() // publishers remember what receivers may get
		s.shedAccount(a)
	}
}

func (s *Server) reviewClient(c *client.Client, old, now *configuration) {
	was := c.Binding()
	if was == s.unbound {
		web := c.Web != nil
		if now.authFor(web).Required() && !old.authFor(web).Required() {
			c.Reject(refusal(auth.Verdict{})) // it came in without credentials
		}
		return
	}
	if secure := c.TLSState(); secure != nil && len(now.TLSPinnedCerts) > 0 {
		if auth.CheckPinned(secure.State, now.TLSPinnedCerts) != nil {
			c.CloseWith(client.TLSHandshakeFailure, "Authorization Violation")
			return
		}
	}
	verdict := now.authFor(c.Web != nil).Review(was.Verdict, s.request(c))
	account := s.accounts.get(verdict.Account)
	if !verdict.OK || account == nil || account.Account != was.Account {
		c.Reject(refusal(verdict))
		return
	}
	binding := s.newBinding(account, &verdict)
	if !binding.Same(was) {
		c.Rebind(binding)
	}
}

// shedConnections closes the newest connections if there are more than allowed.
func (s *Server) shedConnections(limit int) {
	if limit <= 0 {
		return
	}
	all := s.clients.all()
	if surplus := len(all) - limit; surplus > 0 {
		for _, c := range newest(all, surplus) {
			c.CloseWith(client.MaximumConnections, "maximum connections exceeded")
		}
	}
}

// shedAccount closes the newest connections of an account that has more than it
// may have.
func (s *Server) shedAccount(a *account) {
	limit := a.described.Load().limits.MaxConnections
	now, _ := s.accounts.connections(a)
	if limit < 0 || int64(now) <= limit {
		return
	}
	var members []*client.Client
	for _, c := range s.clients.all() {
		if c.Account() == a.Account {
			members = append(members, c)
		}
	}
	for _, c := range newest(members, min(now-int(limit), len(members))) {
		c.CloseWith(client.MaximumAccountConnections, "maximum account active connections exceeded")
	}
}

// newest returns the n connections that were opened last.
func newest(list []*client.Client, n int) []*client.Client {
	slices.SortFunc(list, func(x, y *client.Client) int {
		return cmp.Or(y.Start.Compare(x.Start), cmp.Compare(y.ID, x.ID))
	})
	return list[:n]
}
