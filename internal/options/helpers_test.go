package options

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Public keys of users and accounts; nobody has the seeds.
const (
	userKey1    = "UDKTV7HZVYJFJN64LLMYQBUR6MTNNYCDC3LAZH4VHURW3GZLL3FULBXV"
	userKey2    = "UA3C5TBZYK5GJQJRWPMU6NFY5JNAEVQB2V2TUZFZDHFJFUYVKTTUOFKZ"
	userKey3    = "UC6NLCN7AS34YOJVCYD4PJ3QB7QGLYG5B5IMBT25VW5K4TNUJODM7BOX"
	userKey4    = "UBAAQWTW6CG2G6ANGNKB5U2B7HRWHSGMZEZX3AQSAJOQDAUGJD46LD2E"
	accountKey1 = "AC5GRL36RQV7MJ2GT6WQSCKDKJKYTK4T2LGLWJ2SEJKRDHFOQQWGGFQL"
	systemKey   = "ADSPOYMHXJN6JVYQCLRZ5XQ5IUN6A3S33XA4NV4VH74423U7U7YR4YVW"
	operatorKey = "OB55XQ2L3RUFVTEX44BYU463WDPUR2AODVGFEOZ3XDO5XN3VDUFN4KTC"
	curveKey    = "XD5ONPPDDVUJC4VJFQ5CA2IZVB6ESFVG4ZBKM7MEF5QQB3RMIQAQR3IQ"
)

// read returns the options of a text that must be good.
func read(t *testing.T, text string) *Options {
	t.Helper()
	o, err := ProcessConfigString(text)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return o
}

// refuse expects one error of a text, or of several one that contains want.
func refuse(t *testing.T, text, want string) {
	t.Helper()
	_, err := ProcessConfigString(text)
	if err == nil {
		t.Errorf("%s\naccepted, want %q", text, want)
	} else if !strings.Contains(err.Error(), want) {
		t.Errorf("%s\n%v\nwant %q", text, err, want)
	}
}

// write makes a file in a directory of its own.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// valid expects a text to pass all checks, and returns what the server gets.
func valid(t *testing.T, text string) *Options {
	t.Helper()
	o := read(t, text).Clone()
	o.SetDefaults()
	if err := o.Validate(); err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return o
}

// invalid expects a text that is read without complaint, and refused then.
func invalid(t *testing.T, text, want string) {
	t.Helper()
	o := read(t, text).Clone()
	o.SetDefaults()
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s\n%v\nwant %q", text, err, want)
	}
}

// faults returns the errors and warnings behind an error.
func faults(t *testing.T, err error) *ConfigErrors {
	t.Helper()
	var all *ConfigErrors
	if !errors.As(err, &all) {
		t.Fatalf("%T %v, want *ConfigErrors", err, err)
	}
	return all
}

// pair writes a new self-signed certificate for 127.0.0.1 and its key.
func pair(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile = write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	keyFile = write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	return certFile, keyFile
}

// user finds a user by name.
func user(t *testing.T, o *Options, name string) *User {
	t.Helper()
	for _, u := range o.Users {
		if u.Username == name {
			return u
		}
	}
	t.Fatalf("no user %q", name)
	return nil
}

// nkey finds a user by key.
func nkey(t *testing.T, o *Options, key string) *NkeyUser {
	t.Helper()
	for _, u := range o.Nkeys {
		if u.Nkey == key {
			return u
		}
	}
	t.Fatalf("no nkey %q", key)
	return nil
}
