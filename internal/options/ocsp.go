package options

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/conf"
)

// OCSPMode says which certificates are stapled, and what becomes of the server if
// one of them is revoked.
type OCSPMode uint8

// Modes of `ocsp`.
const (
	// OCSPModeAuto staples certificates that demand it, and goes on in any case.
	OCSPModeAuto OCSPMode = iota
	// OCSPModeAlways staples all, and does not serve a revoked certificate.
	OCSPModeAlways
	OCSPModeNever
	// OCSPModeMust staples certificates that demand it, and does not serve a
	// revoked one.
	OCSPModeMust
)

// ocspModes maps the words of configuration files.
var ocspModes = map[string]OCSPMode{
	"auto": OCSPModeAuto, "always": OCSPModeAlways, "never": OCSPModeNever, "must": OCSPModeMust,
}

// OCSPConfig asks for stapling. No OCSPConfig at all means OCSPModeAuto.
type OCSPConfig struct {
	Mode OCSPMode
	// OverrideURLs are asked instead of the responders that certificates name.
	OverrideURLs []string
}

// OCSPPeerConfig asks for a check of the certificates that peers present. Times
// are in seconds.
type OCSPPeerConfig struct {
	Verify                 bool
	Timeout                float64 // of one question to a responder
	ClockSkew              float64
	WarnOnly               bool
	UnknownIsGood          bool
	AllowWhenCAUnreachable bool
	TTLUnsetNextUpdate     float64 // how long an answer without an end is good
}

// NewOCSPPeerConfig returns the defaults, with Verify false.
func NewOCSPPeerConfig() *OCSPPeerConfig {
	return &OCSPPeerConfig{Timeout: 2, ClockSkew: 30, TTLUnsetNextUpdate: 3600}
}

// OCSPCacheType says where answers about peers are kept.
type OCSPCacheType int

// Types of `ocsp_cache`.
const (
	OCSPCacheNone OCSPCacheType = iota
	OCSPCacheLocal
)

// OCSPResponseCacheConfig describes the store of answers about peers.
type OCSPResponseCacheConfig struct {
	Type            OCSPCacheType
	LocalStore      string // directory
	PreserveRevoked bool
	SaveInterval    float64 // seconds, at least 1
}

// NewOCSPResponseCacheConfig returns the defaults.
func NewOCSPResponseCacheConfig() *OCSPResponseCacheConfig {
	return &OCSPResponseCacheConfig{Type: OCSPCacheLocal, LocalStore: "_rc_", SaveInterval: 300}
}

// minSaveInterval is the shortest time between two saves, in seconds.
const minSaveInterval = 1

func (c *OCSPConfig) clone() *OCSPConfig {
	if c == nil {
		return nil
	}
	return &OCSPConfig{c.Mode, slices.Clone(c.OverrideURLs)}
}

func (c *OCSPPeerConfig) clone() *OCSPPeerConfig {
	if c == nil {
		return nil
	}
	fresh := *c
	return &fresh
}

func (c *OCSPResponseCacheConfig) clone() *OCSPResponseCacheConfig {
	if c == nil {
		return nil
	}
	fresh := *c
	return &fresh
}

// setOCSP reads `ocsp`.
func setOCSP(d *decoder, e *conf.Entry) {
	c := &OCSPConfig{}
	d.o.OCSPConfig = c
	switch v := e.Value.Data.(type) {
	case bool:
		if !v {
			c.Mode = OCSPModeNever
		}
	case *conf.Map:
		for _, item := range v.Entries {
			switch strings.ToLower(item.Key) {
			case "mode":
				text := d.string(item)
				mode, ok := ocspModes[strings.ToLower(text)]
				if !ok {
					d.fail(item.Pos, "error parsing ocsp config: unsupported ocsp mode %q", text)
				}
				c.Mode = mode
			case "url", "urls":
				c.OverrideURLs = d.list(item)
			default:
				d.unknownAs(item, "error parsing ocsp config: unsupported field %q")
			}
		}
	default:
		d.fail(e.Pos, "error parsing ocsp config: unsupported type %s", typeName(v))
	}
}

// ocspPeer reads `ocsp_peer` of a tls block.
func (d *decoder) ocspPeer(e *conf.Entry) *OCSPPeerConfig {
	c := NewOCSPPeerConfig()
	switch v := e.Value.Data.(type) {
	case bool:
		c.Verify = v
	case *conf.Map:
		for _, item := range v.Entries {
			d.ocspPeerKey(c, item)
		}
	default:
		d.fail(e.Pos, "expected map to define OCSP peer options, got [%s]", typeName(v))
	}
	return c
}

func (d *decoder) ocspPeerKey(c *OCSPPeerConfig, e *conf.Entry) {
	const conversion = "error parsing tls peer config, conversion error: %v"
	switch strings.ToLower(e.Key) {
	case "verify":
		c.Verify = d.ocspBool(e)
	case "warn_only":
		c.WarnOnly = d.ocspBool(e)
	case "unknown_is_good":
		c.UnknownIsGood = d.ocspBool(e)
	case "allow_when_ca_unreachable":
		c.AllowWhenCAUnreachable = d.ocspBool(e)
	case "ca_timeout":
		d.ocspSeconds(e, &c.Timeout, conversion)
	case "allowed_clockskew":
		d.ocspSeconds(e, &c.ClockSkew, conversion)
	case "cache_ttl_when_next_update_unset":
		d.ocspSeconds(e, &c.TTLUnsetNextUpdate, conversion)
	default:
		d.unknownAs(e, "error parsing tls peer config, unknown field [%q]")
	}
}

func (d *decoder) ocspBool(e *conf.Entry) bool {
	b, ok := e.Value.Data.(bool)
	if !ok {
		d.fail(e.Pos, "error parsing tls peer config, conversion error: %q should be a boolean, got %s", e.Key, typeName(e.Value.Data))
	}
	return b
}

// ocspSeconds reads a number of seconds or a duration; a negative one keeps the
// default.
func (d *decoder) ocspSeconds(e *conf.Entry, field *float64, conversion string) {
	var v float64
	switch data := e.Value.Data.(type) {
	case int64:
		v = float64(data)
	case float64:
		v = data
	case string:
		duration, err := time.ParseDuration(data)
		if err != nil {
			d.fail(e.Pos, conversion, err)
			return
		}
		v = duration.Seconds()
	default:
		d.fail(e.Pos, conversion, "unexpected type")
		return
	}
	if seconds(d, e, v) >= 0 {
		*field = v
	}
}

// setOCSPCache reads `ocsp_cache`.
func setOCSPCache(d *decoder, e *conf.Entry) {
	c := NewOCSPResponseCacheConfig()
	d.o.OCSPCacheConfig = c
	switch v := e.Value.Data.(type) {
	case bool:
		if !v {
			c.Type = OCSPCacheNone
		}
	case *conf.Map:
		for _, item := range v.Entries {
			d.ocspCacheKey(c, item)
		}
	default:
		d.fail(e.Pos, "expected map to define OCSP peer cache options, got [%s]", typeName(v))
	}
}

func (d *decoder) ocspCacheKey(c *OCSPResponseCacheConfig, e *conf.Entry) {
	switch strings.ToLower(e.Key) {
	case "type":
		switch text := d.string(e); strings.ToLower(text) {
		case "local":
			c.Type = OCSPCacheLocal
		case "none":
			c.Type = OCSPCacheNone
		default:
			d.fail(e.Pos, "error parsing OCSP peer cache config, unknown type [%s]", text)
		}
	case "local_store":
		c.LocalStore = d.path(e)
	case "preserve_revoked":
		c.PreserveRevoked = d.bool(e)
	case "save_interval":
		d.ocspSeconds(e, &c.SaveInterval, "error parsing OCSP peer cache config, conversion error: %v")
		c.SaveInterval = max(c.SaveInterval, minSaveInterval)
	default:
		d.unknownAs(e, "error parsing OCSP peer cache config, unknown field [%q]")
	}
}

// errPeerNeedsVerify: without client certificates there is nothing to check.
var errPeerNeedsVerify = errors.New("OCSP peer verification for client connections requires TLS verify (mTLS) to be enabled")

// checkOCSP finds settings about OCSP that cannot be carried out.
func (o *Options) checkOCSP() error {
	if c := o.OCSPConfig; c != nil && c.Mode > OCSPModeMust {
		return fmt.Errorf("unknown OCSP mode %d", c.Mode)
	}
	if c := o.OCSPCacheConfig; c != nil && c.Type == OCSPCacheLocal && c.SaveInterval < minSaveInterval {
		return fmt.Errorf("the save interval of the OCSP peer cache (%v s) must be at least %d s", c.SaveInterval, minSaveInterval)
	}
	if o.TLSOCSPPeer.verifies() && !verifies(o.TLSConfig) {
		return errPeerNeedsVerify
	}
	if w := &o.Websocket; w.Port != 0 && w.OCSPPeer.verifies() && !verifies(w.TLSConfig) {
		return fmt.Errorf("websocket: %w", errPeerNeedsVerify)
	}
	return nil
}

func (c *OCSPPeerConfig) verifies() bool { return c != nil && c.Verify }
