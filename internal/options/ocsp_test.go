package options

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOCSP(t *testing.T) {
	for text, want := range map[string]OCSPConfig{
		"true": {}, "false": {Mode: OCSPModeNever}, "{}": {}, "{ mode: auto }": {}, "{ mode: ALWAYS }": {Mode: OCSPModeAlways},
		"{ mode: must, url: 'http://a' }":    {Mode: OCSPModeMust, OverrideURLs: []string{"http://a"}},
		"{ mode: never }":                    {Mode: OCSPModeNever},
		"{ urls: ['http://a', 'http://b'] }": {OverrideURLs: []string{"http://a", "http://b"}},
	} {
		if diff := cmp.Diff(&want, valid(t, "ocsp: "+text).OCSPConfig); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestOCSPCache(t *testing.T) {
	for text, want := range map[string]OCSPResponseCacheConfig{
		"true":           {Type: OCSPCacheLocal, LocalStore: "_rc_", SaveInterval: 300},
		"false":          {Type: OCSPCacheNone, LocalStore: "_rc_", SaveInterval: 300},
		"{}":             {Type: OCSPCacheLocal, LocalStore: "_rc_", SaveInterval: 300},
		"{ type: None }": {Type: OCSPCacheNone, LocalStore: "_rc_", SaveInterval: 300},
		"{ type: local, local_store: x, preserve_revoked: true, save_interval: 5m }": {
			Type: OCSPCacheLocal, LocalStore: "x", PreserveRevoked: true, SaveInterval: 5e6},
		"{ save_interval: '2m' }":  {Type: OCSPCacheLocal, LocalStore: "_rc_", SaveInterval: 120},
		"{ save_interval: 0.1 }":   {Type: OCSPCacheLocal, LocalStore: "_rc_", SaveInterval: 1},
		"{ save_interval: '-2s' }": {Type: OCSPCacheLocal, LocalStore: "_rc_", SaveInterval: 300},
	} {
		if diff := cmp.Diff(&want, valid(t, "ocsp_cache: "+text).OCSPCacheConfig); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestOCSPPeer(t *testing.T) {
	certFile, keyFile := pair(t)
	files := "cert_file: '" + certFile + "', key_file: '" + keyFile + "', ca_file: '" + certFile + "'"
	on := *NewOCSPPeerConfig()
	on.Verify = true
	all := OCSPPeerConfig{Verify: true, Timeout: 1.5, ClockSkew: 2, WarnOnly: true, UnknownIsGood: true, AllowWhenCAUnreachable: true, TTLUnsetNextUpdate: 60}
	for text, want := range map[string]OCSPPeerConfig{
		"true": on, "false": *NewOCSPPeerConfig(), "{}": *NewOCSPPeerConfig(), "{ verify: true, ca_timeout: -1 }": on,
		"{ verify: true, ca_timeout: 1.5, allowed_clockskew: 2, warn_only: true, unknown_is_good: true, " +
			"allow_when_ca_unreachable: true, cache_ttl_when_next_update_unset: '1m' }": all,
	} {
		if diff := cmp.Diff(&want, valid(t, "tls { "+files+", verify: true, ocsp_peer: "+text+" }").TLSOCSPPeer); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	const want = "OCSP peer verification for client connections requires TLS verify (mTLS) to be enabled"
	invalid(t, "tls { "+files+", ocsp_peer: true }", want)
	invalid(t, "websocket { port: 80, tls { "+files+", ocsp_peer: true } }", want)
	valid(t, "tls { "+files+", ocsp_peer: false }")
}

func TestBadOCSP(t *testing.T) {
	for text, want := range map[string]string{
		"\n ocsp: 1":                             ":2:2: error parsing ocsp config: unsupported type int64",
		"ocsp {\n mode: x }":                     `:2:2: error parsing ocsp config: unsupported ocsp mode "x"`,
		"ocsp {\n mode: 1 }":                     ":2:2: interface conversion: interface {} is int64, not string",
		"ocsp {\n urls: 1 }":                     ":2:2: error parsing urls: unsupported type int64",
		"ocsp {\n x: 1 }":                        `:2:2: error parsing ocsp config: unsupported field "x"`,
		"\n ocsp_cache: 1":                       ":2:2: expected map to define OCSP peer cache options, got [int64]",
		"ocsp_cache {\n type: x }":               ":2:2: error parsing OCSP peer cache config, unknown type [x]",
		"ocsp_cache {\n x: 1 }":                  `:2:2: error parsing OCSP peer cache config, unknown field ["x"]`,
		"ocsp_cache {\n save_interval: x }":      `:2:2: error parsing OCSP peer cache config, conversion error: time: invalid duration "x"`,
		"ocsp_cache {\n save_interval: [] }":     ":2:2: error parsing OCSP peer cache config, conversion error: unexpected type",
		"ocsp_cache {\n preserve_revoked: 1 }":   ":2:2: interface conversion: interface {} is int64, not bool",
		"tls {\n ocsp_peer: 1 }":                 ":2:2: expected map to define OCSP peer options, got [int64]",
		"tls { ocsp_peer {\n x: 1 } }":           `:2:2: error parsing tls peer config, unknown field ["x"]`,
		"tls { ocsp_peer {\n verify: 1 } }":      `:2:2: error parsing tls peer config, conversion error: "verify" should be a boolean, got int64`,
		"tls { ocsp_peer {\n ca_timeout: x } }":  `:2:2: error parsing tls peer config, conversion error: time: invalid duration "x"`,
		"tls { ocsp_peer {\n ca_timeout: [] } }": ":2:2: error parsing tls peer config, conversion error: unexpected type",
		"tls { ocsp_peer {\n ca_timeout: 1e } }": "",
	} {
		refuse(t, text, want)
	}
	for want, o := range map[string]*Options{
		"unknown OCSP mode 9": {OCSPConfig: &OCSPConfig{Mode: 9}},
		"the save interval of the OCSP peer cache (0 s) must be at least 1 s": {OCSPCacheConfig: &OCSPResponseCacheConfig{Type: OCSPCacheLocal}},
	} {
		o.SetDefaults()
		if err := o.Validate(); err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
