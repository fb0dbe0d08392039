package server

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/callout"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/websocket"
)

// configuration is the options in force with all that follows from them. It is
// immutable: a reload puts a new one in place as a whole.
type configuration struct {
	*options.Options
	auth         *auth.Authenticator // of the client listener
	webAuth      *auth.Authenticator // of the WebSocket listener
	settings     *client.Settings
	checker      *websocket.Checker // of upgrade requests
	web          *client.Settings
	advertise    *hostPort        // resolved client_advertise; nil without
	webAdvertise *hostPort        // that of the WebSocket listener
	callout      *callout.Service // that decides who may connect; nil without
	certs        *certificates
	loaded       time.Time
}

// hostPort is an address as it is shown to clients.
type hostPort struct {
	host string
	port int
}

// configure checks options, which become the configuration's own. port is the
// client port, as far as it is known; old the configuration in force, if any.
func (s *Server) configure(o *options.Options, old *configuration, port int) (*configuration, error) {
	c := &configuration{Options: o, certs: plainCertificates(o), loaded: time.Now()}
	var err error
	if old == nil {
		old = &configuration{}
	}
	if c.auth, err = authenticator(o, old.auth, auth.TCP); err != nil {
		return nil, err
	}
	c.webAuth = c.auth
	if o.Websocket.Port != 0 {
		if c.webAuth, err = authenticator(o, old.webAuth, auth.WebSocket); err != nil {
			return nil, err
		}
	}
	if c.advertise, err = resolveAdvertise(o.ClientAdvertise, port); err != nil {
		return nil, err
	}
	if c.webAdvertise, err = resolveAdvertise(o.Websocket.Advertise, o.Websocket.Port); err != nil {
		return nil, fmt.Errorf("Unable to get websocket connect URLs: %w", errors.Unwrap(err)) // a known text
	}
	if c.checker, err = webChecker(o); err != nil {
		return nil, err
	}
	c.callout = callout.FromOptions(o.AuthCallout, seconds(o.AuthTimeout))
	c.settings = s.deriveSettings(o, c.auth)
	c.keepLevels(old)
	c.web = webSettings(c.settings, o, c.webAuth)
	return c, nil
}

// authenticator compiles who may connect by a listener; old is what is in force.
func authenticator(o *options.Options, old *auth.Authenticator, l auth.Listener) (*auth.Authenticator, error) {
	if old == nil {
		return auth.New(o, l)
	}
	return old.Next(o)
}

// authFor is the authenticator of the listener that a connection came by.
func (c *configuration) authFor(web bool) *auth.Authenticator {
	if web {
		return c.webAuth
	}
	return c.auth
}

// resolveAdvertise splits client_advertise; the port may be missing.
func resolveAdvertise(text string, standard int) (*hostPort, error) {
	if text == "" {
		return nil, nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port, err = text, "", nil
		if h, p, e := net.SplitHostPort(text + ":0"); e != nil || h == "" || p != "0" {
			err = e
		}
	}
	number := standard
	if err == nil && port != "" {
		number, err = strconv.Atoi(port)
		if err == nil && (number < -1 || number > 65535) {
			err = fmt.Errorf("port %d out of range", number)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("Error setting server INFO with ClientAdvertise value of %s, err=%w", text, err) // a known text
	}
	if number <= 0 {
		number = standard
	}
	return &hostPort{host, number}, nil
}

// ConfigTime is when the configuration in force was read.
func (s *Server) ConfigTime() time.Time { return s.current().loaded }

// SystemAccountName is the system account, empty if there is none.
func (s *Server) SystemAccountName() string { return s.accounts.systemName() }

// keepLevels lets what was said about the log in code (SetLogger, TraceSystem) hold
// until the options say something else than before.
func (c *configuration) keepLevels(old *configuration) {
	was := old.settings
	if was == nil {
		return
	}
	if c.Debug == old.Debug && c.Trace == old.Trace {
		c.settings.Debug, c.settings.Trace = was.Debug, was.Trace
	}
	if c.TraceVerbose == old.TraceVerbose {
		c.settings.TraceSystem = was.TraceSystem
	}
}

// TraceSystem says whether connections of the system account are traced, too.
func (s *Server) TraceSystem(on bool) {
	s.changeLevels(func(c *client.Settings) { c.TraceSystem = on })
}

// changeLevels changes what connections log, of both listeners.
func (s *Server) changeLevels(change func(*client.Settings)) {
	for {
		old := s.current()
		c := *old
		settings, web := *old.settings, *old.web
		change(&settings)
		change(&web)
		c.settings, c.web = &settings, &web
		if s.config.CompareAndSwap(old, &c) {
			return
		}
	}
}

// current is the configuration in force.
func (s *Server) current() *configuration { return s.config.Load() }
