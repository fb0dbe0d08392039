package server

import (
	"context"
	"crypto/tls"
	"reflect"

	ocspcheck "github.com/godwit-mq/godwit/internal/ocsp"
	"github.com/godwit-mq/godwit/internal/options"
)

// certificates are the TLS settings of the listeners, completed by what OCSP says:
// about our own certificates, and about those of peers.
type certificates struct {
	client, web *tls.Config // nil without TLS
	staplers    []*ocspcheck.Stapler
	cache       *ocspcheck.LocalCache // of answers about peers; nil without
	stop        context.CancelFunc    // ends what runs; nil before
}

// plainCertificates are the settings as they are configured, for the time before
// responders are asked.
func plainCertificates(o *options.Options) *certificates {
	return &certificates{client: o.TLSConfig, web: o.Websocket.TLSConfig}
}

// certify asks responders about our certificates and makes the configuration ready
// to serve TLS. old is what is in force, nil at the start.
func (s *Server) certify(c *configuration, old *certificates) error {
	o := c.Options
	made := plainCertificates(o)
	if verifies(o.TLSOCSPPeer) || verifies(o.Websocket.OCSPPeer) {
		made.cache = s.peerCache(o, old)
	}
	var err error
	if made.client, err = s.staple(made, o, made.client, o.TLSCert, o.TLSOCSPPeer); err != nil {
		return err
	}
	if made.web, err = s.staple(made, o, made.web, "websocket", o.Websocket.OCSPPeer); err != nil {
		return err
	}
	settings := *c.settings
	settings.TLS = made.client
	c.settings, c.certs = &settings, made
	return nil
}

func verifies(peer *options.OCSPPeerConfig) bool { return peer != nil && peer.Verify }

// peerCache opens the cache of answers about peers, or goes on with the present one.
func (s *Server) peerCache(o *options.Options, old *certificates) *ocspcheck.LocalCache {
	config := o.OCSPCacheConfig
	if config != nil && config.Type == options.OCSPCacheNone {
		return nil
	}
	if old != nil && old.cache != nil && reflect.DeepEqual(config, s.current().OCSPCacheConfig) {
		return old.cache
	}
	return ocspcheck.OpenLocalCache(ocspcheck.CacheConfig{Options: config, Log: &s.log})
}

// staple completes the settings of one listener.
func (s *Server) staple(made *certificates, o *options.Options, config *tls.Config, name string, peer *options.OCSPPeerConfig) (*tls.Config, error) {
	if config == nil || len(config.Certificates) == 0 {
		return config, nil
	}
	stapler, err := ocspcheck.NewStapler(s.ctx, ocspcheck.StaplerConfig{
		Kind: ocspcheck.KindClient, Name: name, Options: o.OCSPConfig, Certificate: config.Certificates[0],
		Roots: config.ClientCAs, Log: &s.log, Revoked: s.certificateRevoked,
	})
	if err != nil {
		return nil, err
	}
	if stapler == nil && !verifies(peer) {
		return config, nil
	}
	config = config.Clone()
	if stapler != nil {
		stapler.Install(config)
		made.staplers = append(made.staplers, stapler)
	}
	if verifies(peer) {
		s.verifyPeers(made, config, peer)
	}
	return config, nil
}

// verifyPeers makes a listener ask about the certificates of those who connect.
func (s *Server) verifyPeers(made *certificates, config *tls.Config, peer *options.OCSPPeerConfig) {
	check := ocspcheck.PeerConfig{
		Options: peer, Kind: ocspcheck.KindClient, Log: &s.log,
		Rejected: func(e *ocspcheck.PeerRejected) {
			s.publishPeer("CONN.REJECT", func() any { e.Server = s.describe(); return e })
		},
		Invalid: func(e *ocspcheck.LinkInvalid) {
			s.publishPeer("LINK.INVALID", func() any { e.Server = s.describe(); return e })
		},
	}
	if made.cache != nil {
		check.Cache = made.cache
	}
	verifier := ocspcheck.NewPeerVerifier(check)
	also := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if also != nil {
			if err := also(state); err != nil {
				return err
			}
		}
		return verifier.VerifyConnection(state)
	}
}

// publishPeer publishes what was found about a peer's certificates.
func (s *Server) publishPeer(what string, build func() any) {
	if service := s.system.Load(); service != nil {
		service.Publish("$SYS.SERVER."+s.id+".OCSP.PEER."+what, build)
	}
}

// certificateRevoked ends the server: its certificate must not be served any more.
func (s *Server) certificateRevoked(status ocspcheck.Status) {
	s.log.Errorf("The certificate is %s: shutting down", status)
	go s.Shutdown()
}

// runCertificates keeps statuses fresh until other certificates take their place.
func (s *Server) runCertificates(now, old *certificates) {
	ctx, stop := context.WithCancel(s.ctx)
	now.stop = stop
	for _, stapler := range now.staplers {
		s.tasks.Go(func() { stapler.Run(ctx) })
	}
	if len(now.staplers) > 0 {
		s.log.Noticef("OCSP Stapling enabled for Client connections")
	}
	if old != nil && old.stop != nil {
		old.stop()
	}
	if now.cache == nil {
		return
	}
	if old == nil || old.cache != now.cache {
		s.log.Noticef("OCSP peer cache online, type [%s]", now.cache.Type())
	}
	s.tasks.Go(func() {
		now.cache.Run(ctx)
		if err := now.cache.Save(); err != nil {
			s.log.Errorf("Saving the OCSP peer cache: %v", err)
		}
	})
}
