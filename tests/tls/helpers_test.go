package tls_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a server with its configuration file.
type site struct {
	*godwit.Server
	t    testing.TB
	path string
	log  kit.Log
}

// prepare makes a server of a configuration.
func prepare(t testing.TB, text string) (*site, error) {
	t.Helper()
	s := &site{t: t, path: filepath.Join(t.TempDir(), "server.conf")}
	s.write(text)
	o, err := godwit.ProcessConfigFile(s.path)
	if err != nil {
		return nil, err
	}
	o.DisableShortFirstPing = true
	if s.Server, err = godwit.NewServer(o); err != nil {
		return nil, err
	}
	s.SetLogger(&s.log, true, false)
	t.Cleanup(s.Shutdown)
	return s, s.Start()
}

// run starts a server.
func run(t testing.TB, text string) *site {
	t.Helper()
	return kit.Must[*site](t)(prepare(t, text))
}

func (s *site) write(text string) {
	s.t.Helper()
	kit.Write(s.t, s.path, "listen: 127.0.0.1:-1\n"+text)
}

// reload makes a text the configuration.
func (s *site) reload(text string) error {
	s.t.Helper()
	s.write(text)
	return s.Reload()
}

// tlsBlock is the block for a certificate.
func tlsBlock(server *credential, ca, more string) string {
	return fmt.Sprintf("tls { cert_file: '%s', key_file: '%s', ca_file: '%s', timeout: 5\n%s }\n", server.file, server.keys, ca, more)
}

// try connects a client that never reconnects.
func (s *site) try(url string, options ...nats.Option) (*nats.Conn, error) {
	s.t.Helper()
	quiet := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})
	options = append([]nats.Option{nats.NoReconnect(), quiet, nats.Timeout(kit.Patience)}, options...)
	nc, err := nats.Connect(url, options...)
	if err == nil {
		s.t.Cleanup(nc.Close)
	}
	return nc, err
}

// works makes sure that messages pass.
func works(t testing.TB, nc *nats.Conn) {
	t.Helper()
	sub := kit.Must[*nats.Subscription](t)(nc.SubscribeSync("foo"))
	kit.OK(t, nc.Publish("foo", []byte("hello")))
	if m := kit.Must[*nats.Msg](t)(sub.NextMsg(kit.Patience)); string(m.Data) != "hello" {
		t.Errorf("got %q", m.Data)
	}
}

// stapled connects and returns the status that the server has stapled.
func (s *site) stapled(root *authority) string {
	s.t.Helper()
	return s.stapledIn(root.pool())
}

// stapledIn is stapled for a client that trusts all of a pool.
func (s *site) stapledIn(trusted *x509.CertPool) (found string) {
	s.t.Helper()
	config := &tls.Config{RootCAs: trusted, VerifyConnection: func(state tls.ConnectionState) error {
		found = status(s.t, state)
		return nil
	}}
	nc := kit.Must[*nats.Conn](s.t)(s.try(s.DialURL(), nats.Secure(config)))
	works(s.t, nc)
	nc.Close()
	return found
}

// varz asks monitoring.
func (s *site) varz() *godwit.Varz {
	s.t.Helper()
	return kit.Must[*godwit.Varz](s.t)(s.Varz(nil))
}

// size is that of a file, 0 if it is not there.
func size(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}
