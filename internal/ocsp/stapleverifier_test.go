package ocspcheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/godwit-mq/godwit/internal/options"
)

// Two servers demand staples of one another.
func TestRoutesDemandStaples(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	r := newResponder(t, root)
	other := issue(t, root, "Other", withResponders(r.URL))
	w := &town{root: root, responder: r, server: issue(t, root, "Server", withResponders(r.URL))}
	config := func(i *identity, mode options.OCSPMode) *tls.Config {
		t.Helper()
		config := &tls.Config{
			Certificates: []tls.Certificate{i.bundle(0)}, ClientAuth: tls.RequireAndVerifyClientCert,
			ClientCAs: pool(root.cert), RootCAs: pool(root.cert), ServerName: "localhost",
		}
		if mode == options.OCSPModeNever {
			return config
		}
		c := w.config(mode)
		c.Certificate, c.Kind = i.bundle(0), KindRouter
		if mode == options.OCSPModeAuto {
			c.Certificate = issue(t, root, "Auto", mustStaple, withResponders(r.URL)).bundle(0)
			leaf, err := x509.ParseCertificate(c.Certificate.Certificate[0])
			if err != nil {
				t.Fatal(err)
			}
			r.tell(&identity{cert: leaf}, ocsp.Revoked)
		}
		s, err := NewStapler(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		s.Install(config)
		return config
	}
	r.tell(w.server, ocsp.Good)
	r.tell(other, ocsp.Good)
	const always, never, auto = options.OCSPModeAlways, options.OCSPModeNever, options.OCSPModeAuto
	for _, test := range []struct {
		name                   string
		accepting, dialing     options.OCSPMode
		acceptorErr, dialerErr string
	}{
		{"both staple", always, always, "", ""},
		{"the acceptor does not", never, always, "", "Router peer missing OCSP Staple"},
		{"the dialer does not", always, never, "Router peer missing OCSP Staple", ""},
		{"the acceptor is revoked", auto, always, "", "bad status for OCSP Staple from Router peer: revoked"},
		{"the dialer is revoked", always, auto, "bad status for OCSP Staple from Router peer: revoked", ""},
		{"neither staples", never, never, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, acceptorErr, dialerErr := shake(t, config(w.server, test.accepting), config(other, test.dialing))
			good := test.acceptorErr == "" && test.dialerErr == ""
			if good != (acceptorErr == nil && dialerErr == nil) {
				t.Errorf("errors %v and %v", acceptorErr, dialerErr)
			}
			if test.acceptorErr != "" && (acceptorErr == nil || !strings.Contains(acceptorErr.Error(), test.acceptorErr)) {
				t.Errorf("error of the acceptor %v, want %q", acceptorErr, test.acceptorErr)
			}
			if test.dialerErr != "" && (dialerErr == nil || !strings.Contains(dialerErr.Error(), test.dialerErr)) {
				t.Errorf("error of the dialer %v, want %q", dialerErr, test.dialerErr)
			}
		})
	}
}

func TestStapleVerifier(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	leaf := issue(t, root, "Leaf")
	colleague := issue(t, root, "Colleague")
	chains := [][]*x509.Certificate{leaf.verified()}
	staple := func(change func(*responder)) []byte { return answered(t, leaf, root, change) }
	good := staple(func(*responder) {})
	for _, test := range []struct {
		name   string
		state  tls.ConnectionState
		reason string
	}{
		{"good", tls.ConnectionState{OCSPResponse: good, VerifiedChains: chains}, ""},
		{"none", tls.ConnectionState{VerifiedChains: chains}, "Gateway peer missing OCSP Staple"},
		{"not verified", tls.ConnectionState{OCSPResponse: good}, "Gateway peer missing TLS verified chains"},
		{"self-signed", tls.ConnectionState{OCSPResponse: good, VerifiedChains: [][]*x509.Certificate{{root.cert}}}, "failed to get issuer certificate for Gateway peer"},
		{"garbage", tls.ConnectionState{OCSPResponse: []byte("x"), VerifiedChains: chains}, "failed to parse OCSP response from Gateway peer: "},
		{"of another", tls.ConnectionState{OCSPResponse: good, VerifiedChains: [][]*x509.Certificate{colleague.verified()}}, "failed to parse OCSP response from Gateway peer: "},
		{"signer without the right", tls.ConnectionState{VerifiedChains: chains, OCSPResponse: staple(func(r *responder) {
			r.signer, r.enclose = colleague, true
		})}, "OCSP staple's signer missing authorization by CA to act as OCSP signer"},
		{"old", tls.ConnectionState{VerifiedChains: chains, OCSPResponse: staple(func(r *responder) {
			r.from, r.lasts = -time.Hour, -31*time.Second
		})}, "OCSP staple from Gateway peer not current"},
		{"old within the skew", tls.ConnectionState{VerifiedChains: chains, OCSPResponse: staple(func(r *responder) {
			r.from, r.lasts = -time.Hour, -10*time.Second
		})}, ""},
		{"no end", tls.ConnectionState{VerifiedChains: chains, OCSPResponse: staple(func(r *responder) {
			r.from, r.lasts = -59*time.Minute, 0
		})}, ""},
		{"no end, old", tls.ConnectionState{VerifiedChains: chains, OCSPResponse: staple(func(r *responder) {
			r.from, r.lasts = -61*time.Minute, 0
		})}, "OCSP staple from Gateway peer not current"},
		{"revoked", tls.ConnectionState{VerifiedChains: chains, OCSPResponse: staple(func(r *responder) {
			r.statuses[leaf.cert.SerialNumber.String()] = ocsp.Revoked
		})}, "bad status for OCSP Staple from Gateway peer: revoked"},
		{"unknown", tls.ConnectionState{VerifiedChains: chains, OCSPResponse: staple(func(r *responder) {
			clear(r.statuses)
		})}, "bad status for OCSP Staple from Gateway peer: unknown"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := StapleVerifier(KindGateway, time.Now)(test.state)
			if test.reason == "" && err != nil || test.reason != "" && (err == nil || !strings.HasPrefix(err.Error(), test.reason)) {
				t.Errorf("error %v, want %q", err, test.reason)
			}
		})
	}
}
