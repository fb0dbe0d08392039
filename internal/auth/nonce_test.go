package auth

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"testing"

	"github.com/godwit-mq/godwit/internal/options"
)

func TestReadNonce(t *testing.T) {
	nonce, err := ReadNonce(bytes.NewReader([]byte{0xfb, 0xff, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}))
	if err != nil || string(nonce) != "-_8CAwQFBgcICQo" {
		t.Errorf("%q, %v", nonce, err)
	}
	if _, err := ReadNonce(bytes.NewReader(make([]byte, 10))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("too little randomness: %v", err)
	}
}

func TestNewNonceDiffers(t *testing.T) {
	seen := make(map[string]bool)
	for range 100 {
		nonce := NewNonce()
		if len(nonce) != 15 || seen[string(nonce)] {
			t.Fatalf("nonce %q", nonce)
		}
		seen[string(nonce)] = true
	}
}

func TestCheckPinned(t *testing.T) {
	first := &x509.Certificate{Raw: []byte("cert"), RawSubjectPublicKeyInfo: []byte("key one")}
	second := &x509.Certificate{Raw: []byte("issuer"), RawSubjectPublicKeyInfo: []byte("key two")}
	peers := tls.ConnectionState{PeerCertificates: []*x509.Certificate{first, second}}
	pin := func(info string) options.PinnedCertSet {
		return options.PinnedCertSet{Fingerprint([]byte(info)): {}}
	}
	for _, c := range []struct {
		name  string
		state tls.ConnectionState
		pins  options.PinnedCertSet
		ok    bool
	}{
		{"pinned", peers, pin("key one"), true},
		{"other key", peers, pin("key three"), false},
		{"key of the issuer", peers, pin("key two"), false},
		{"whole certificate", peers, pin("cert"), false},
		{"no certificate", tls.ConnectionState{}, pin("key one"), false},
		{"no pins", tls.ConnectionState{}, nil, true},
		{"empty list", peers, options.PinnedCertSet{}, true},
	} {
		err := CheckPinned(c.state, c.pins)
		if (err == nil) != c.ok || err != nil && err.Error() != "certificate not pinned" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestFingerprint(t *testing.T) {
	if got := Fingerprint([]byte("abc")); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Error(got)
	}
}
