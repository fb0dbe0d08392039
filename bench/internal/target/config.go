package target

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/godwit-mq/godwit/bench/internal/load"
)

// configuration returns the text of a configuration file.
func (l *Lab) configuration(kind load.Config, port, monitorPort, webPort int) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "host: 127.0.0.1\nport: %d\n", port)
	if monitorPort != 0 {
		fmt.Fprintf(&b, "http: \"127.0.0.1:%d\"\n", monitorPort)
	}
	switch kind {
	case load.ConfigPlain:
	case load.ConfigTLS:
		// The handshakes of idle-tls come in bursts: a slow machine needs more than the usual two seconds for one.
		fmt.Fprintf(&b, "tls {\n  cert_file: %q\n  key_file: %q\n  timeout: 30\n}\n", l.certificate(), l.key())
	case load.ConfigWeb, load.ConfigWebDeflate:
		fmt.Fprintf(&b, "websocket { listen: \"127.0.0.1:%d\", no_tls: true, compression: %v }\n", webPort, kind == load.ConfigWebDeflate)
	case load.ConfigPermissions:
		writeUsers(&b)
	case load.ConfigAccounts:
		writeAccounts(&b)
	case load.ConfigImports:
		fmt.Fprintf(&b, `accounts {
  SERVICE { users = [{user: %q, password: %q}], exports = [{service: "bench.request"}] }
  CLIENT { users = [{user: %q, password: %q}], imports = [{service: {account: SERVICE, subject: "bench.request"}}] }
}
`, load.UserExporter, load.UserPassword, load.UserImporter, load.UserPassword)
	default:
		return nil, fmt.Errorf("no configuration %q", kind)
	}
	return b.Bytes(), nil
}

// writeUsers writes users whose permissions look like those of a service: a few allowed subtrees of their own, shared
// ones, and denials.
func writeUsers(b *bytes.Buffer) {
	fmt.Fprintf(b, "authorization {\n  users = [\n    {user: %q, password: %q}\n", load.UserPlain, load.UserPassword)
	for i := range load.UserCount {
		fmt.Fprintf(b, `    {user: %q, password: %q, permissions: {
      publish: {allow: ["bench.>", "_INBOX.>", "orders.%04d.>", "metrics.*.%04d"], deny: [%q, "orders.*.admin"]}
      subscribe: {allow: ["bench.>", "_INBOX.>", "orders.%04d.>", "events.*.%04d.>"], deny: [%q, "events.*.*.private"]}
    }}
`, load.UserWithPermissions(i), load.UserPassword, i, i, load.SubjectDenied, i, i, load.SubjectDenied)
	}
	fmt.Fprint(b, "  ]\n}\n")
}

// writeAccounts writes very many accounts with a few users each.
func writeAccounts(b *bytes.Buffer) {
	fmt.Fprint(b, "accounts {\n")
	for account := range load.AccountCount {
		fmt.Fprintf(b, "  A%05d { users = [", account)
		for user := range load.UsersPerAccount {
			b.WriteString(load.AccountUser(load.UserOfAccount(account, user)))
		}
		fmt.Fprint(b, "] }\n")
	}
	fmt.Fprint(b, "}\n")
}

func (l *Lab) certificate() string { return filepath.Join(l.dir, "certificate.pem") }
func (l *Lab) key() string         { return filepath.Join(l.dir, "key.pem") }

// writeCertificate makes a self-signed certificate for localhost that is valid for a day.
func (l *Lab) writeCertificate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: "localhost"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	if err := writePEM(l.certificate(), "CERTIFICATE", certificate); err != nil {
		return err
	}
	return writePEM(l.key(), "PRIVATE KEY", secret)
}

func writePEM(name, kind string, bytes []byte) error {
	return os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600)
}
