package websocket_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/internal/websocket"
	"github.com/godwit-mq/godwit/tests/kit"
)

// Go: TestWSFailureToStartServer server/websocket_test.go:1923
func TestAPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := prepare(t, fmt.Sprintf("listen: \"127.0.0.1:-1\"\nwebsocket { listen: %q, no_tls: true }\n", l.Addr()))
	defer s.Shutdown()
	if err := s.Start(); err == nil || !strings.HasPrefix(err.Error(), "Unable to listen for websocket connections: listen tcp ") {
		t.Errorf("started with %v", err)
	}
	s.logged("FTL Unable to listen for websocket connections")
	if s.Addr() != nil {
		t.Error("it listens for other clients")
	}
}

func TestWhatTheListenerLogs(t *testing.T) {
	s := run(t, plain)
	s.logged("INF Listening for websocket clients on " + s.webURL().String())
	s.logged("WRN Websocket not configured with TLS. DO NOT USE IN PRODUCTION!")
	secure := run(t, listen+secure(kit.NewAuthority(t).Server(), ""))
	secure.logged("INF Listening for websocket clients on wss://127.0.0.1:")
	if line := secure.log.Find("DO NOT USE IN PRODUCTION"); line != nil {
		t.Error(line)
	}
}

// Clients learn where they may connect again: at the listener, or where it says.
func TestAdvertisedAddress(t *testing.T) {
	for advertise, want := range map[string]string{"": "own", "host1:1234": "host1:1234", "host1": "host1:own port"} {
		t.Run(advertise, func(t *testing.T) {
			s := run(t, web(fmt.Sprintf("advertise: %q", advertise)))
			own := s.webURL()
			want := strings.NewReplacer("own port", own.Port(), "own", own.Host).Replace(want)
			if got := s.dial(asks{}).info.ConnectURLs; !slices.Equal(got, []string{want}) {
				t.Errorf("told %v, want %s", got, want)
			}
		})
	}
	t.Run("of TCP clients", func(t *testing.T) {
		s := run(t, web("advertise: \"host1:1234\""))
		if servers := s.overTCP().DiscoveredServers(); len(servers) > 0 {
			t.Errorf("a TCP client discovers %v", servers)
		}
	})
	t.Run("bad", func(t *testing.T) {
		s, err := startWith(t, web("advertise: \"xxx:host:yyy\""))
		if s != nil {
			defer s.Shutdown()
		}
		if err == nil || !strings.Contains(err.Error(), "Unable to get websocket connect URLs") {
			t.Errorf("started with %v", err)
		}
	})
}

// startWith makes and starts a server that may be refused.
func startWith(t testing.TB, text string) (*godwit.Server, error) {
	t.Helper()
	o, err := godwit.ProcessConfigString(text)
	if err != nil {
		t.Fatal(err)
	}
	o.NoLog = true
	s, err := godwit.NewServer(o)
	if err != nil {
		return nil, err
	}
	return s, s.Start()
}

// Go: TestWSSetHeaderServer server/websocket_test.go:4236
func TestExtraHeaders(t *testing.T) {
	s := run(t, web(`headers { X-Custom-Header: custom-value, Strict-Transport-Security: "max-age=1" }`))
	h := s.dial(asks{}).response.Header
	if h.Get("X-Custom-Header") != "custom-value" || h.Get("Strict-Transport-Security") != "max-age=1" {
		t.Errorf("the answer has %v", h)
	}
	p, err := s.request(asks{header: http.Header{"Upgrade": nil}})
	if err != nil || p.response.Header.Get("X-Custom-Header") != "" {
		t.Errorf("a refusal has %v, %v", p.response.Header, err)
	}
}

// Refusals say little to the client and all to the log.
//
// Go: TestWSServerReportUpgradeFailure server/websocket_test.go:2814
func TestRefusedUpgrades(t *testing.T) {
	s := run(t, web(`allowed_origins: ["https://app.example.com"]`))
	for _, tc := range []struct {
		name   string
		asks   asks
		status int
		reason string
	}{
		{"upgrade", asks{header: http.Header{"Upgrade": {"h2c"}}}, 400, "invalid value for header 'Upgrade'"},
		{"connection", asks{header: http.Header{"Connection": nil}}, 400, "invalid value for header 'Connection'"},
		{"no key", asks{header: http.Header{"Sec-Websocket-Key": nil}}, 400, "key missing"},
		{"bad key", asks{header: http.Header{"Sec-Websocket-Key": {"abc"}}}, 400, "invalid websocket key"},
		{"version", asks{header: http.Header{"Sec-Websocket-Version": {"12"}}}, 400, "invalid version"},
		{"origin", asks{header: http.Header{"Origin": {"https://evil.example.com"}}}, 403, "origin not allowed: not in the allowed list"},
		{"mqtt", asks{path: "/mqtt"}, 404, "mqtt websocket endpoint not enabled"},
		{"leafnode", asks{path: "/leafnode"}, 404, "Not configured to accept leaf node connections"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := s.request(tc.asks)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(p.response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if p.response.StatusCode != tc.status || p.response.Header.Get("Sec-Websocket-Version") != "13" ||
				string(body) != http.StatusText(tc.status)+"\n" {
				t.Errorf("answered %s, %v, %q", p.response.Status, p.response.Header, body)
			}
			s.logged(fmt.Sprintf("ERR %s - websocket handshake error: %s", p.conn.LocalAddr(), tc.reason))
			// The client may try again on the same connection.
			r := asks{header: http.Header{"Origin": {"https://app.example.com"}}}.request(s.webURL())
			if err := r.Write(p.conn); err != nil {
				t.Fatal(err)
			}
			if p.response, err = http.ReadResponse(p.in, r); err != nil || p.response.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("the second try: %+v, %v", p.response, err)
			}
			p.readInfo()
			p.connect()
			p.sync()
		})
	}
}

// Every path that is not another kind's is a client's, whatever stands in it.
func TestPathsOfClients(t *testing.T) {
	s := run(t, plain)
	for _, path := range []string{"", "/", "/any/prefix", "/mqtt/", "/leafnode/", "/xmqtt", "//double", "/a/../b"} {
		t.Run(path, func(t *testing.T) { s.peer(asks{path: path}) })
	}
	s.overWeb(nats.ProxyPath("some/path?x=1"))
}

// Go: TestWSXForwardedFor server/websocket_test.go:4549
func TestAddressesThatProxiesTell(t *testing.T) {
	s := run(t, plain)
	for _, tc := range []struct {
		name   string
		header []string
		want   string
	}{
		{"no header", nil, ""},
		{"empty", []string{""}, ""},
		{"no address", []string{"not a valid IP"}, ""},
		{"one", []string{"1.2.3.4"}, "1.2.3.4/"},
		{"several lines", []string{"1.2.3.4", "5.6.7.8"}, "1.2.3.4/"},
		{"a list", []string{"1.2.3.4, 5.6.7.8"}, "1.2.3.4/"},
		{"version 6", []string{"::1"}, "[::1]/"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := s.peer(asks{header: http.Header{"X-Forwarded-For": tc.header}})
			s.logged(fmt.Sprintf("DBG %s%s - wid:%d - Client connection created", tc.want, p.conn.LocalAddr(), p.info.ID))
		})
	}
}

// Go: TestMonitorWebsocket server/monitor_test.go:5904
func TestMonitoringShowsTheListener(t *testing.T) {
	const pin = "7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069"
	d := newDomain(t)
	o, err := godwit.ProcessConfigString(d.config())
	if err != nil {
		t.Fatal(err)
	}
	o.Host, o.Port, o.HTTPHost, o.HTTPPort = "127.0.0.1", godwit.RandomPort, "127.0.0.1", godwit.RandomPort
	o.Users = []*godwit.User{{Username: "someuser"}}
	w := &o.Websocket
	w.Host, w.Port, w.Advertise, w.NoAuthUser, w.JWTCookie = "127.0.0.1", -1, "somehost:8080", "someuser", "somecookiename"
	w.AuthTimeout, w.NoTLS, w.TLSMap, w.TLSPinnedCerts = 2, true, true, godwit.PinnedCertSet{pin: {}}
	w.SameOrigin, w.AllowedOrigins = true, []string{"https://origin1", "https://origin2"}
	w.Compression, w.HandshakeTimeout = true, 4*time.Second
	s := runOptions(t, o)
	port, err := strconv.ParseFloat(s.webURL().Port(), 64)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"host": "127.0.0.1", "port": port, "advertise": "somehost:8080", "no_auth_user": "someuser", "jwt_cookie": "somecookiename",
		"auth_timeout": 2.0, "no_tls": true, "tls_map": true, "tls_pinned_certs": []any{pin}, "same_origin": true,
		"allowed_origins": []any{"https://origin1", "https://origin2"}, "compression": true, "handshake_timeout": 4e9,
	}
	direct, err := s.Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(direct)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{"by call": text, "by HTTP": get(t, fmt.Sprintf("http://%s/varz", s.MonitorAddr()))} {
		var v struct{ Websocket map[string]any }
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(v.Websocket), fmt.Sprint(want); got != want {
			t.Errorf("%s:\n%s, want\n%s", name, got, want)
		}
	}
}

func get(t testing.TB, address string) []byte {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: kit.Patience}
	r, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestMonitoringShowsClients(t *testing.T) {
	a := kit.NewAuthority(t)
	s := run(t, listen+secure(a.Server(), ""))
	nc := s.overWeb(nats.Secure(a.TLS()), nats.Name("a page"))
	subscribe(t, nc, "foo")
	publish(t, nc, "foo", letters(1000))
	kit.Flush(t, nc)
	z, err := s.Connz(nil)
	if err != nil || len(z.Conns) != 1 {
		t.Fatalf("%+v, %v", z, err)
	}
	c := z.Conns[0]
	if c.Kind != "Client" || c.Type != "websocket" || c.Name != "a page" || c.TLSVersion == "" || c.NumSubs != 1 {
		t.Errorf("shown as %+v", c)
	}
	if c.InMsgs != 1 || c.InBytes != 1000 || c.OutMsgs != 1 || c.OutBytes != 1000 {
		t.Errorf("frames are counted: %+v", c)
	}
}

func TestPortsFileNamesTheListener(t *testing.T) {
	dir := t.TempDir()
	s := run(t, listen+secure(kit.NewAuthority(t).Server(), "")+fmt.Sprintf("ports_file_dir: %q\n", dir))
	files, err := filepath.Glob(filepath.Join(dir, "*.ports"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var ports struct{ Websocket []string }
	if err := json.Unmarshal(text, &ports); err != nil || !slices.Equal(ports.Websocket, []string{s.webURL().String()}) {
		t.Errorf("the file says %s", text)
	}
}

// Connections that are anywhere between the first byte and the upgrade when the
// server ends are closed.
func TestShutdownCutsHandshakes(t *testing.T) {
	s := run(t, plain)
	silent, begun := s.stalled(), s.stalled()
	begun.send("GET / HTTP/1.1\r\n")
	refused, err := s.request(asks{header: http.Header{"Upgrade": nil}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(refused.response.Body); err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	for name, conn := range map[string]io.Reader{"silent": silent.in, "begun": begun.in, "refused": refused.in} {
		if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil || os.IsTimeout(err) {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
	}
}

// Clients that connect while the server ends are not left open.
func TestConnectionsDuringShutdownEnd(t *testing.T) {
	s := run(t, plain)
	address := s.webURL()
	opened := make(chan net.Conn, 200)
	first := make(chan struct{})
	go func() {
		defer close(opened)
		for i := range cap(opened) {
			conn, err := net.Dial("tcp", address.Host)
			if err != nil {
				return
			}
			asks{}.request(address).Write(conn) // refused or not, the connection has to end
			opened <- conn
			if i == 10 {
				close(first)
			}
		}
	}()
	<-first
	s.Shutdown()
	for conn := range opened {
		conn.SetDeadline(time.Now().Add(kit.Patience))
		if _, err := io.Copy(io.Discard, conn); os.IsTimeout(err) {
			t.Errorf("%v stays open", conn.LocalAddr())
		}
		conn.Close()
	}
}

// Pages of other sites are kept out, programs are not.
func TestOrigins(t *testing.T) {
	s := run(t, web("same_origin: true"))
	own := s.webURL().Host
	for origin, status := range map[string]int{
		"": 101, "http://" + own: 101, "https://" + own: 403, "http://other:80": 403, "null": 403, "http://" + own + "/page": 101,
	} {
		p, err := s.request(asks{header: http.Header{"Origin": {origin}}})
		if err != nil || p.response.StatusCode != status {
			t.Errorf("%q: %v, %v, want %d", origin, p.response.Status, err, status)
		}
	}
}

// The settings of the listener that can change while it is open hold for the next
// connection.
func TestReloadOfTheListener(t *testing.T) {
	s := run(t, plain)
	before := s.peer(asks{})
	if err := s.reload(web(`compression: true, headers { X-New: fresh }, allowed_origins: ["http://a.example"], advertise: "h:1"`)); err != nil {
		t.Fatal(err)
	}
	p := s.peer(asks{deflate: true})
	if h := p.response.Header; h.Get("X-New") != "fresh" || h.Get("Sec-Websocket-Extensions") == "" || !slices.Equal(p.info.ConnectURLs, []string{"h:1"}) {
		t.Errorf("answered with %v, %v", h, p.info.ConnectURLs)
	}
	if p, err := s.request(asks{header: http.Header{"Origin": {"http://b.example"}}}); err != nil || p.response.StatusCode != 403 {
		t.Errorf("another origin: %+v, %v", p.response, err)
	}
	before.sync()
	if err := s.reload(web("authorization { user: u, password: p }")); err != nil {
		t.Fatal(err)
	}
	if !s.admits(asks{}, `"user":"u","pass":"p"`) || s.admits(asks{}) {
		t.Error("the credentials have not changed")
	}
}

// A connection carries on after odd but valid framing: empty frames, text frames,
// and a message that is spread over many.
func TestOddFraming(t *testing.T) {
	s := run(t, plain)
	p := s.peer(asks{})
	p.sendFrame(websocket.Header{Opcode: websocket.Binary, Final: true}, nil)
	p.sendFrame(websocket.Header{Opcode: websocket.Text, Final: true}, []byte("PING\r\n"))
	p.expect("PONG")
	p.sendFrame(websocket.Header{Opcode: websocket.Text}, []byte("PI"))
	p.sendFrame(websocket.Header{Opcode: websocket.Ping, Final: true}, []byte("between"))
	p.sendFrame(websocket.Header{Opcode: websocket.Continuation}, []byte("NG"))
	p.sendFrame(websocket.Header{Opcode: websocket.Continuation, Final: true}, []byte("\r\n"))
	p.expect("PONG")
	for _, b := range masked(websocket.Header{Opcode: websocket.Binary, Final: true}, []byte("PING\r\n")) {
		p.write([]byte{b})
	}
	p.expect("PONG")
}
