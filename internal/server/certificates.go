package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"reflect"

	"github.com/godwit-mq/godwit/internal/monitor/api"
	ocspcheck "github.com/godwit-mq/godwit/internal/ocsp"
	"github.com/godwit-mq/godwit/internal/options"
)

// certificates are the TLS settings of the listeners, completed by what OCSP says:
// about our own certificates, and about those of peers.
type certificates struct {
	client, web *tls.Config // nil without TLS
	// Those who keep the status of the certificates; nil if they are not stapled.
	clientStapler, webStapler *ocspcheck.Stapler

	cache *ocspcheck.LocalCache // of answers about peers; nil without
	stop  context.CancelFunc    // ends what runs; nil before
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
	if old == nil {
		old = &certificates{}
	}
	if verifies(o.TLSOCSPPeer) || verifies(o.Websocket.OCSPPeer) {
		made.cache = s.peerCache(o, old)
	}
	var err error
	if made.client, made.clientStapler, err = s.staple(o, made.client, o.TLSCert, old.clientStapler); err != nil {
		return err
	}
	if made.web, made.webStapler, err = s.staple(o, made.web, "websocket", old.webStapler); err != nil {
		return fmt.Errorf("websocket: %w", err)
	}
	made.client = s.verifyPeers(made.client, made.cache, o.TLSOCSPPeer)
	made.web = s.verifyPeers(made.web, made.cache, o.Websocket.OCSPPeer)
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
	if old.cache != nil {
		if reflect.DeepEqual(config, s.current().OCSPCacheConfig) {
			return old.cache
		}
		s.saveCache(old.cache) // the new one may begin with the same file
	}
	return ocspcheck.OpenLocalCache(ocspcheck.CacheConfig{Options: config, Log: &s.log})
}

// staple completes the settings of one listener by the status of its certificate.
// before is who kept it so far, nil if nobody did.
func (s *Server) staple(o *options.Options, config *tls.Config, name string, before *ocspcheck.Stapler) (*tls.Config, *ocspcheck.Stapler, error) {
	if config == nil || len(config.Certificates) == 0 {
		return config, nil, nil
	}
	stapler, err := ocspcheck.NewStapler(s.ctx, ocspcheck.StaplerConfig{
		Kind: ocspcheck.KindClient, Name: name, Options: o.OCSPConfig, Certificate: config.Certificates[0],
		Roots: config.ClientCAs, Previous: before, Log: &s.log, Revoked: s.certificateRevoked,
	})
	if err != nil || stapler == nil {
		return config, nil, err
	}
	config = config.Clone()
	stapler.Install(config)
	return config, stapler, nil
}

// verifyPeers makes a listener ask about the certificates of those who connect, if
// that is wanted.
func (s *Server) verifyPeers(config *tls.Config, cache *ocspcheck.LocalCache, peer *options.OCSPPeerConfig) *tls.Config {
	if config == nil || !verifies(peer) {
		return config
	}
	check := ocspcheck.PeerConfig{
		Options: peer, Kind: ocspcheck.KindClient, Log: &s.log,
		Rejected: func(e *ocspcheck.PeerRejected) {
			s.publishPeer("CONN.REJECT", func() any { e.Server = s.describe(); return e })
		},
		Invalid: func(e *ocspcheck.LinkInvalid) {
			s.publishPeer("LINK.INVALID", func() any { e.Server = s.describe(); return e })
		},
	}
	if cache != nil {
		check.Cache = cache
	}
	verifier := ocspcheck.NewPeerVerifier(check)
	config = config.Clone()
	also := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if also != nil {
			if err := also(state); err != nil {
				return err
			}
		}
		return verifier.VerifyConnection(state)
	}
	return config
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
	for _, stapler := range []*ocspcheck.Stapler{now.clientStapler, now.webStapler} {
		if stapler != nil {
			s.tasks.Go(func() { stapler.Run(ctx) })
		}
	}
	if old != nil && old.stop != nil {
		old.stop()
	}
	if now.cache != nil {
		s.tasks.Go(func() {
			now.cache.Run(ctx)
			s.saveCache(now.cache)
		})
	}
}

func (s *Server) saveCache(cache *ocspcheck.LocalCache) {
	if err := cache.Save(); err != nil {
		s.log.Errorf("Saving the OCSP peer cache: %v", err)
	}
}

// PeerCache implements monitor.Source.
func (s source) PeerCache() *api.OCSPResponseCacheVarz {
	cache := s.current().certs.cache
	if cache == nil {
		return nil
	}
	now := cache.Stats()
	return &api.OCSPResponseCacheVarz{
		Type: cache.Type(), Hits: now.Hits, Misses: now.Misses,
		Responses: now.Responses, Revokes: now.Revoked, Goods: now.Good, Unknowns: now.Unknown,
	}
}
