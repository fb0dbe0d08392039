package server

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/options"
)

// configuration is the options in force with all that follows from them. It is
// immutable: a reload puts a new one in place as a whole.
type configuration struct {
	*options.Options
	auth      *auth.Authenticator
	settings  *client.Settings
	advertise *hostPort // resolved client_advertise; nil without
	loaded    time.Time
}

// hostPort is an address as it is shown to clients.
type hostPort struct {
	host string
	port int
}

// configure checks options, which become the configuration's own. port is the
// client port, as far as it is known.
func (s *Server) configure(o *options.Options, authenticator *auth.Authenticator, port int) (*configuration, error) {
	c := &configuration{Options: o, auth: authenticator, loaded: time.Now()}
	var err error
	if c.advertise, err = resolveAdvertise(o.ClientAdvertise, port); err != nil {
		return nil, err
	}
	c.settings = s.deriveSettings(o, authenticator)
	return c, nil
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

// current is the configuration in force.
func (s *Server) current() *configuration { return s.config.Load() }
