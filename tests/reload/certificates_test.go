package reload_test

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/tests/kit"
)

// issue issues a certificate for a name, or an address.
func issue(ca *kit.Authority, common, host string) kit.Certificate {
	return ca.Issue(pkix.Name{CommonName: common}, host)
}

// renew puts a new certificate in the files of another.
func renew(t testing.TB, ca *kit.Authority, old kit.Certificate) {
	t.Helper()
	c := ca.Server()
	kit.OK(t, os.Rename(c.File, old.File))
	kit.OK(t, os.Rename(c.KeyFile, old.KeyFile))
}

// keys are the lines of a tls block that name the certificate alone.
func keys(c kit.Certificate) string {
	return fmt.Sprintf("cert_file: %q, key_file: %q\n", c.File, c.KeyFile)
}

// trust makes a client check the server's certificate.
func trust(ca *kit.Authority) nats.Option { return nats.Secure(&tls.Config{RootCAs: ca.Pool}) }

// seen makes a client keep the serial number of the server's certificate.
func seen(ca *kit.Authority, serial *string) nats.Option {
	return nats.Secure(&tls.Config{RootCAs: ca.Pool, VerifyConnection: func(s tls.ConnectionState) error {
		*serial = s.PeerCertificates[0].SerialNumber.String()
		return nil
	}})
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func get(url string) (string, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return string(body), err
}
