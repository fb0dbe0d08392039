package server

import (
	"time"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/link"
	"github.com/godwit-mq/godwit/internal/options"
)

// deriveSettings computes what connections need of the options.
func (s *Server) deriveSettings(o *options.Options, a *auth.Authenticator) *client.Settings {
	set := &client.Settings{
		AuthRequired:   a.Required(),
		JWT:            len(o.TrustedOperators)+len(o.TrustedKeys) > 0,
		AuthTimeout:    seconds(o.AuthTimeout),
		FirstVerbUser:  a.FirstVerbUser,
		Headers:        !o.NoHeaderSupport,
		MaxPayload:     int(o.MaxPayload),
		ControlLine:    int(o.MaxControlLine),
		MaxSubs:        o.MaxSubs,
		MaxSubTokens:   int(o.MaxSubTokens),
		PingInterval:   o.PingInterval,
		MaxPingsOut:    o.MaxPingsOut,
		ShortFirstPing: !o.DisableShortFirstPing,
		Output: link.Limits{
			MaxPending: o.MaxPending, WriteDeadline: o.WriteDeadline,
			Retry: o.WriteTimeout == options.WriteTimeoutRetry,
		},
		NoStall:       o.NoFastProducerStall,
		NoCache:       o.NoSublistCache,
		Debug:         o.Debug,
		Trace:         o.Trace,
		TraceSystem:   o.TraceVerbose,
		TraceHeaders:  o.TraceHeaders,
		TraceLength:   o.MaxTracedMsgLen,
		ProxyProtocol: o.ProxyProtocol,
		TLS:           o.TLSConfig,
		TLSTimeout:    seconds(o.TLSTimeout),
		TLSFirst:      o.TLSHandshakeFirst,
		TLSFallback:   o.TLSHandshakeFirstFallback,
		AllowPlain:    o.AllowNonTLS,
		Pinned:        o.TLSPinnedCerts,
	}
	if o.TLSRateLimit > 0 {
		set.TLSRateLimit = s.mayHandshake
	}
	return set
}

func seconds(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }

// mayHandshake allows a bounded number of TLS handshakes in a second.
func (s *Server) mayHandshake() bool {
	ok, rejected := s.rate.take(time.Now(), s.current().TLSRateLimit)
	if rejected > 0 {
		s.log.Warnf("Rejected %d connections due to TLS rate limiting", rejected)
	}
	return ok
}
