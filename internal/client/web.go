package client

import (
	"crypto/tls"
	"fmt"
	"net"

	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/websocket"
)

// Web is what is known of a connection that came by an HTTP request.
type Web struct {
	Conn    *websocket.Conn
	Request *websocket.Request
	TLS     *tls.ConnectionState // nil without
}

// logName begins with the address that a proxy told, if one did.
func (w *Web) logName(remote net.Addr, id uint64) string {
	name := fmt.Sprintf("%s - wid:%d", remote, id)
	if w.Request.ClientIP != "" {
		name = w.Request.ClientIP + "/" + name
	}
	return name
}

func (w *Web) tlsInfo() *TLSInfo {
	if w.TLS == nil {
		return nil
	}
	return &TLSInfo{State: *w.TLS}
}

// complete fills in from cookies what a CONNECT does not say.
func (w *Web) complete(connect *options.ClientOpts) {
	for _, field := range []struct {
		to   *string
		from string
	}{
		{&connect.JWT, w.Request.JWT}, {&connect.Username, w.Request.Username},
		{&connect.Password, w.Request.Password}, {&connect.Token, w.Request.Token},
	} {
		if *field.to == "" {
			*field.to = field.from
		}
	}
}

// close sends the close frame that suits a reason.
func (w *Web) close(r Reason) {
	w.Conn.CloseWith(closeCode(r), r.String()) // the peer may be gone
}

// closeCode is the status that tells a reason, as far as there is one.
func closeCode(r Reason) int {
	switch r {
	case ClientClosed:
		return websocket.StatusNormal
	case ServerShutdown, StaleConnection, WriteError, ReadError:
		return websocket.StatusGoingAway
	case ParseError, ProtocolViolation, BadClientProtocolVersion:
		return websocket.StatusProtocolError
	case AuthenticationTimeout, AuthenticationFailure, AuthenticationExpired, CredentialsRevoked, MissingAccount,
		MaximumConnections, MaximumAccountConnections, MaximumControlLine, MaximumSubscriptions,
		SlowConsumerPendingBytes, SlowConsumerWriteDeadline, TLSHandshakeFailure:
		return websocket.StatusPolicyViolation
	case MaximumPayload:
		return websocket.StatusMessageTooBig
	}
	return websocket.StatusInternalError
}
