package core_test

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// tlsBlock is a tls block with a certificate and what else is given.
func tlsBlock(c kit.Certificate, more string) string {
	return "tls { " + c.Lines() + "\n" + more + " }"
}

// Where certificates name users, a user without a password is one of them, and no
// listener lets anybody in under that name alone. The no_auth_user is meant for
// everybody.
//
// Go: TestAuthNoAuthUserWithoutPasswordAndCertMapping server/auth_test.go:995
func TestUsersOfCertificatesNeedThem(t *testing.T) {
	ca := kit.NewAuthority(t)
	const mapped = "CN=example.com,OU=NATS.io"
	s := godwittest.RunConfig(t, tlsBlock(ca.Server(), "verify_and_map: true")+`
		websocket { listen: "127.0.0.1:-1", no_tls: true }
		authorization { users: [{user: "`+mapped+`"}, {user: guest}] }
		no_auth_user: guest`)
	for user, want := range map[string]bool{"": true, "guest": true, mapped: false} {
		options := []nats.Option{nats.NoReconnect()}
		if user != "" {
			options = append(options, nats.UserInfo(user, ""))
		}
		nc, err := nats.Connect(s.WebsocketURL(), options...)
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "Authorization Violation") {
			t.Errorf("%q: %v", user, err)
		}
		if err == nil {
			nc.Close()
		}
	}
	secure := ca.TLS(ca.Issue(pkix.Name{CommonName: "example.com", OrganizationalUnit: []string{"NATS.io"}}))
	nc := kit.Must[*nats.Conn](t)(nats.Connect(s.ClientURL(), nats.Secure(secure), nats.NoReconnect()))
	defer nc.Close()
	kit.Flush(t, nc)
}

// proxied is a version 2 PROXY header from an address.
func proxied(from string) string {
	source := netip.MustParseAddrPort(from)
	b := append([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11"), 0, 12)
	b = append(append(b, source.Addr().AsSlice()...), 127, 0, 0, 1)
	b = binary.BigEndian.AppendUint16(b, source.Port())
	return string(binary.BigEndian.AppendUint16(b, 4222))
}

const visitor = "203.0.113.51:54322"

// shown is the address that monitoring shows of a connection.
func shown(t testing.TB, s *godwit.Server, w *kit.Wire) string {
	t.Helper()
	z := kit.Must[*godwit.Connz](t)(s.Connz(&godwit.ConnzOptions{CID: w.ID()}))
	if len(z.Conns) != 1 {
		t.Fatalf("%d connections", len(z.Conns))
	}
	return fmt.Sprintf("%s:%d", z.Conns[0].IP, z.Conns[0].Port)
}

// connects goes on after INFO.
func connects(t testing.TB, w *kit.Wire) {
	t.Helper()
	w.Send(`CONNECT {"verbose":true,"pedantic":false,"protocol":1}`, "PING")
	w.Expect("+OK", "PONG")
}

// A PROXY header comes before TLS, and before what comes instead where TLS is not
// required.
//
// Go: TestClientProxyProtoV2WithRequiredTLS server/client_proxyproto_test.go:768
// Go: TestClientProxyProtoV2WithAllowNonTLS server/client_proxyproto_test.go:921
func TestProxyHeadersBeforeTLS(t *testing.T) {
	ca := kit.NewAuthority(t)
	for _, optional := range []bool{false, true} {
		s := godwittest.RunConfig(t, fmt.Sprintf("proxy_protocol: true\nallow_non_tls: %t\n%s", optional, tlsBlock(ca.Server(), "")))
		for _, secure := range []bool{true, false} {
			if !secure && !optional {
				continue
			}
			c := kit.Must[net.Conn](t)(net.Dial("tcp", s.Addr().String()))
			kit.Must[int](t)(io.WriteString(c, proxied(visitor)))
			w := kit.Greet(t, c)
			if w.Info["tls_required"] == true == optional {
				t.Errorf("optional %t: INFO %v", optional, w.Info)
			}
			if secure {
				over := tls.Client(c, ca.TLS())
				kit.OK(t, over.Handshake())
				w.Conn = over
				w.Reset(over)
			}
			connects(t, w)
			if got := shown(t, s, w); got != visitor {
				t.Errorf("shown as %q", got)
			}
		}
	}
}

// Who begins with TLS needs no PROXY header where the handshake comes first, and
// may come late enough to be told INFO in plain text.
//
// Go: TestClientProxyProtoNonProxiedTLSFirstFallback server/client_proxyproto_test.go:793
func TestTLSFirstWithoutProxyHeader(t *testing.T) {
	ca := kit.NewAuthority(t)
	s := godwittest.RunConfig(t, "proxy_protocol: true\n"+tlsBlock(ca.Server(), `handshake_first: "250ms"`))
	c := kit.Must[*tls.Conn](t)(tls.Dial("tcp", s.Addr().String(), ca.TLS()))
	w := kit.Greet(t, c)
	connects(t, w)
	if got := shown(t, s, w); got != c.LocalAddr().String() {
		t.Errorf("shown as %q, want %q", got, c.LocalAddr())
	}
}

// A header that ends too early ends the connection. INFO does not wait for it.
//
// Go: TestClientProxyProtoV2TruncatedHeader server/client_proxyproto_test.go:258
// Go: TestClientProxyProtoV2ShortAddressData server/client_proxyproto_test.go:267
func TestHalfAProxyHeader(t *testing.T) {
	whole := proxied(visitor)
	for _, n := range []int{10, len(whole) - 12 + 5} {
		s := godwittest.RunConfig(t, "proxy_protocol: true")
		log := &kit.Log{}
		s.SetLogger(log, false, false)
		c := kit.Must[*net.TCPConn](t)(net.DialTCP("tcp", nil, s.Addr().(*net.TCPAddr)))
		kit.OK(t, c.SetDeadline(time.Now().Add(kit.Patience)))
		kit.Must[int](t)(io.WriteString(c, whole[:n]))
		kit.OK(t, c.CloseWrite())
		if told := string(kit.Must[[]byte](t)(io.ReadAll(c))); !strings.HasPrefix(told, "INFO ") || strings.Count(told, "\n") != 1 {
			t.Errorf("%d bytes: told %q", n, told)
		}
		c.Close()
		kit.Eventually(t, "the log tells", func() bool {
			found := log.Find("Error reading PROXY protocol header from")
			return len(found) == 1 && strings.HasPrefix(found[0], "WRN ") && strings.HasSuffix(found[0], "unexpected EOF")
		})
		var z *godwit.Connz
		kit.Eventually(t, "the end is noted", func() bool {
			z = kit.Must[*godwit.Connz](t)(s.Connz(&godwit.ConnzOptions{State: 1}))
			return len(z.Conns) == 1
		})
		if reason := z.Conns[0].Reason; reason != "Protocol Violation" {
			t.Errorf("%d bytes: closed for %q", n, reason)
		}
	}
}

// witness lets everybody in and notes where they come from.
type witness struct{ seen chan string }

func (w witness) Check(c godwit.ClientAuthentication) bool {
	w.seen <- c.RemoteAddress().String()
	return true
}

// Whoever decides about connections sees the address that the proxy tells.
//
// Go: TestProxyConnRemoteAddr server/client_proxyproto_test.go:284
func TestAuthenticationSeesTheProxiedAddress(t *testing.T) {
	seen := witness{make(chan string, 1)}
	s := godwittest.Run(t, &godwit.Options{ProxyProtocol: true, CustomClientAuthentication: seen})
	c := kit.Must[net.Conn](t)(net.Dial("tcp", s.Addr().String()))
	kit.Must[int](t)(io.WriteString(c, proxied("10.0.0.50:12345")))
	w := kit.Greet(t, c)
	connects(t, w)
	if got := <-seen.seen; got != "10.0.0.50:12345" {
		t.Errorf("seen as %q", got)
	}
}
