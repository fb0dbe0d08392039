package server

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/websocket"
)

// webListener takes connections over WebSocket.
type webListener struct {
	net  net.Listener
	http *http.Server
}

// webSettings are the settings of clients over WebSocket: those of all clients,
// but for what the listener decides. TLS is done when they come.
func webSettings(common *client.Settings, o *options.Options, a *auth.Authenticator) *client.Settings {
	w := *common
	w.AuthRequired, w.FirstVerbUser = a.Required(), a.FirstVerbUser
	if o.Websocket.AuthTimeout != 0 {
		w.AuthTimeout = seconds(o.Websocket.AuthTimeout)
	}
	w.PingInterval = cmp.Or(o.Websocket.PingInterval, w.PingInterval)
	w.TLS, w.TLSFirst, w.TLSRateLimit, w.Pinned, w.ProxyProtocol = nil, false, nil, nil, false
	return &w
}

// webChecker judges upgrade requests as the options say.
func webChecker(o *options.Options) (*websocket.Checker, error) {
	w := &o.Websocket
	return websocket.NewChecker(websocket.Options{
		SameOrigin: w.SameOrigin, AllowedOrigins: w.AllowedOrigins, TLS: w.TLSConfig != nil,
		Compression: w.Compression, ReadLimit: websocket.ReadLimit(int64(o.MaxPayload)),
		HandshakeTimeout: w.HandshakeTimeout, ExtraHeaders: w.Headers,
		Cookies: websocket.Cookies{
			JWT: w.JWTCookie, Username: w.UsernameCookie, Password: w.PasswordCookie, Token: w.TokenCookie,
		},
	})
}

// listenWeb opens the WebSocket listener, if there is to be one.
func (s *Server) listenWeb() error {
	o := s.current().Options
	w := &o.Websocket
	if w.Port == 0 {
		return nil
	}
	host := cmp.Or(w.Host, options.DefaultHost)
	l, err := listenConfig.Listen(s.ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(max(w.Port, 0))))
	if err != nil {
		return fmt.Errorf("Unable to listen for websocket connections: %w", err) // a known text
	}
	opened := &webListener{net: l}
	if w.TLSConfig != nil {
		l = tls.NewListener(l, s.webTLS())
	} else {
		s.log.Warnf("Websocket not configured with TLS. DO NOT USE IN PRODUCTION!")
	}
	opened.http = s.current().checker.HTTPServer(http.HandlerFunc(s.upgrade), func(line string) { s.log.Errorf("%s", line) })
	s.mu.Lock()
	s.web = opened
	s.mu.Unlock()
	s.log.Noticef("Listening for websocket clients on %s", s.WebsocketURL())
	s.tasks.Go(func() {
		if err := opened.http.Serve(l); !errors.Is(err, http.ErrServerClosed) && s.ctx.Err() == nil {
			s.log.Fatalf("websocket listener error: %v", err)
		}
	})
	return nil
}

// webTLS takes each handshake's settings from the configuration in force.
func (s *Server) webTLS() *tls.Config {
	return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		w := &s.current().Websocket
		config := s.current().certs.web.Clone()
		config.NextProtos = []string{"http/1.1"}
		if also := config.VerifyConnection; len(w.TLSPinnedCerts) > 0 {
			config.VerifyConnection = func(state tls.ConnectionState) error {
				if err := auth.CheckPinned(state, w.TLSPinnedCerts); err != nil || also == nil {
					return err
				}
				return also(state)
			}
		}
		return config, nil
	}}
}

// upgrade makes a connection of a request.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) {
	conn, request, err := s.current().checker.Upgrade(w, r)
	if err != nil {
		s.log.Errorf("%s - websocket handshake error: %v", r.RemoteAddr, err)
		return
	}
	identity := client.Identity{
		Net: conn, Type: options.ConnectionWebsocket,
		Web: &client.Web{Conn: conn, Request: request, TLS: r.TLS},
	}
	if !s.serve(identity) {
		conn.Close() // nobody listens to it
	}
}

// closeWeb stops accepting; connections that have been upgraded go on.
func (s *Server) closeWeb() {
	s.mu.Lock()
	l := s.web
	s.web = nil
	s.mu.Unlock()
	if l != nil {
		l.http.Close() // it ends either way
	}
}

// webAddr is the address of the WebSocket listener, nil if it is not open.
func (s *Server) webAddr() *net.TCPAddr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.web == nil {
		return nil
	}
	return s.web.net.Addr().(*net.TCPAddr)
}

// WebsocketURL is where clients connect over WebSocket, empty if they cannot.
func (s *Server) WebsocketURL() string {
	addr := s.webAddr()
	if addr == nil {
		return ""
	}
	w := &s.current().Websocket
	scheme := "ws"
	if w.TLSConfig != nil {
		scheme = "wss"
	}
	return scheme + "://" + net.JoinHostPort(cmp.Or(w.Host, options.DefaultHost), strconv.Itoa(addr.Port))
}

// webInfo makes an INFO one of the WebSocket listener.
func (s *Server) webInfo(i *info) {
	c := s.current()
	w := &c.Websocket
	i.Host = cmp.Or(w.Host, options.DefaultHost)
	i.Port = max(w.Port, 0)
	if addr := s.webAddr(); addr != nil {
		i.Port = addr.Port
	}
	secure := w.TLSConfig != nil
	i.TLSRequired, i.TLSAvailable = secure, secure
	i.TLSVerify = secure && w.TLSConfig.ClientAuth == tls.RequireAndVerifyClientCert
	i.AuthRequired = c.webAuth.Required() && !c.webAuth.HasNoAuthUser()
	i.ConnectURLs = nil
	if !i.LameDuck {
		i.ConnectURLs = s.webURLs(i.Host, i.Port)
	}
}

// webURLs are the addresses that clients over WebSocket may connect to again.
func (s *Server) webURLs(host string, port int) []string {
	if advertise := s.current().webAdvertise; advertise != nil {
		if advertise.port > 0 {
			port = advertise.port // otherwise it is the listener's
		}
		return []string{net.JoinHostPort(advertise.host, strconv.Itoa(port))}
	}
	hosts := []string{host}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		hosts = interfaceAddresses()
	}
	for i, h := range hosts {
		hosts[i] = net.JoinHostPort(h, strconv.Itoa(port))
	}
	return hosts
}
