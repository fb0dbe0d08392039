package client

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/websocket"
)

// Every reason has a status that may be sent. That of failed handshakes may not
// (RFC 6455 §7.4.1), so they are told as a matter of policy.
//
// Go: TestWSEnqueueCloseMsg server/websocket_test.go:989
func TestCloseCodes(t *testing.T) {
	for code, reasons := range map[int][]Reason{
		1000: {ClientClosed},
		1001: {ServerShutdown, StaleConnection, WriteError, ReadError},
		1002: {ParseError, ProtocolViolation, BadClientProtocolVersion},
		1008: {AuthenticationTimeout, AuthenticationFailure, AuthenticationExpired, CredentialsRevoked, MissingAccount, MaximumConnections,
			MaximumAccountConnections, MaximumControlLine, MaximumSubscriptions, SlowConsumerPendingBytes, SlowConsumerWriteDeadline,
			TLSHandshakeFailure},
		1009: {MaximumPayload},
		1011: {Kicked, NoRespondersRequiresHeaders, ProxyNotTrusted, ProxyRequired, Reason(254)},
	} {
		for _, reason := range reasons {
			if got, text := closeFrame(t, reason); got != code || text != reason.String() {
				t.Errorf("%v: %d %q, want %d", reason, got, text, code)
			}
		}
	}
}

// closeFrame is what the peer gets to see of a reason.
func closeFrame(t *testing.T, reason Reason) (code int, text string) {
	t.Helper()
	checker, err := websocket.NewChecker(websocket.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, request, err := checker.Upgrade(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		(&Web{Conn: conn, Request: request}).close(reason)
		conn.Close()
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peer, err := websocket.Dial(conn, "/", "localhost", websocket.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := peer.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	code, text, _ = peer.PeerClose()
	return code, text
}

func TestCookiesCompleteCONNECT(t *testing.T) {
	cookies := &websocket.Request{JWT: "jwt", Username: "user", Password: "pass", Token: "token"}
	for _, tc := range []struct{ connect, want options.ClientOpts }{
		{options.ClientOpts{}, options.ClientOpts{JWT: "jwt", Username: "user", Password: "pass", Token: "token"}},
		{options.ClientOpts{Username: "me"}, options.ClientOpts{JWT: "jwt", Username: "me", Password: "pass", Token: "token"}},
		{options.ClientOpts{JWT: "a", Username: "b", Password: "c", Token: "d"}, options.ClientOpts{JWT: "a", Username: "b", Password: "c", Token: "d"}},
	} {
		got := tc.connect
		(&Web{Request: cookies}).complete(&got)
		if got != tc.want {
			t.Errorf("%+v became %+v, want %+v", tc.connect, got, tc.want)
		}
	}
}
