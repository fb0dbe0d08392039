package core_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509/pkix"
	"io"
	"math"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// firstly writes some bytes before the first that are written by others, of which
// it changes the version of the record.
type firstly struct {
	net.Conn
	before  []byte
	version uint16
	begun   bool
}

func (c *firstly) Write(p []byte) (int, error) {
	if c.begun {
		return c.Conn.Write(p)
	}
	c.begun = true
	p = bytes.Clone(p)
	if len(p) > 2 {
		p[1], p[2] = byte(c.version>>8), byte(c.version)
	}
	if _, err := c.Conn.Write(append(bytes.Clone(c.before), p...)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Whatever comes before and in a handshake, with whatever certificate, the server
// goes on, and others can connect.
//
// Go: FuzzServerTLS server/server_fuzz_test.go:306
func FuzzHandshake(f *testing.F) {
	f.Add(false, uint16(tls.VersionTLS12), []byte(nil), uint16(math.MaxUint16))
	f.Add(true, uint16(tls.VersionTLS12), []byte(nil), uint16(math.MaxUint16))
	f.Add(true, uint16(tls.VersionTLS10), []byte(nil), uint16(0))
	f.Add(false, uint16(tls.VersionTLS12), []byte(nil), uint16(100))
	f.Add(false, uint16(0), []byte("CONNECT {}\r\nPING\r\n"), uint16(math.MaxUint16))
	f.Add(true, uint16(tls.VersionTLS12), []byte("\x16\x03\x01\xff\xff\x01"), uint16(math.MaxUint16))
	ca := kit.NewAuthority(f)
	client := ca.Issue(pkix.Name{CommonName: "client"})
	own := client.Certificate
	s := godwittest.RunConfig(f, tlsBlock(ca.Server(), "handshake_first: true, verify: true, timeout: 2"))
	f.Fuzz(func(t *testing.T, newest bool, version uint16, before []byte, damage uint16) {
		c := kit.Must[net.Conn](t)(net.Dial("tcp", s.Addr().String()))
		defer c.Close()
		limit := kit.Patience
		if len(before) > 0 {
			limit = 300 * time.Millisecond // the server may wait for the rest of something
		}
		kit.OK(t, c.SetDeadline(time.Now().Add(limit)))
		presented := own
		if int(damage) < len(own.Certificate[0]) {
			raw := bytes.Clone(own.Certificate[0])
			raw[damage] ^= 0xff
			presented.Certificate = [][]byte{raw}
		}
		config := ca.TLS()
		config.MinVersion, config.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		if newest {
			config.MinVersion, config.MaxVersion = tls.VersionTLS13, tls.VersionTLS13
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &presented, nil }
		over := tls.Client(&firstly{Conn: c, before: before, version: version}, config)
		line := make([]byte, 5)
		n, err := io.ReadFull(over, line)
		switch untouched := len(before) == 0 && int(damage) >= len(own.Certificate[0]) && version == tls.VersionTLS12; {
		case untouched && (err != nil || string(line) != "INFO "):
			t.Errorf("a good client: %q, %v", line[:n], err)
		case int(damage) < len(own.Certificate[0]) && err == nil:
			t.Errorf("a certificate that was changed at %d was believed", damage)
		}
		nc, err := nats.Connect(s.ClientURL(), nats.Secure(ca.TLS(client)), nats.TLSHandshakeFirst(), nats.NoReconnect())
		if err != nil {
			t.Fatalf("the next client: %v", err)
		}
		nc.Close()
	})
}
