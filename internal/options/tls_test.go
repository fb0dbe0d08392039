package options

import (
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// Go: TestTLSConfigFile server/opts_test.go:142
func TestTLSBlock(t *testing.T) {
	certFile, keyFile := pair(t)
	block := func(more string) string {
		return fmt.Sprintf("listen: 127.0.0.1:4443\ntls {\n cert_file: %q\n key_file: %q\n timeout: '2s'\n%s\n}\n"+
			"authorization { user: derek, password: foo, timeout: 1 }", certFile, keyFile, more)
	}
	o := read(t, block(""))
	if o.TLSConfig == nil || !o.TLS || o.TLSTimeout != 2 || o.AuthTimeout != 1 || o.Username != "derek" || o.Port != 4443 {
		t.Fatalf("%+v", o)
	}
	if o.TLSConfig.MinVersion != tls.VersionTLS12 || !slices.Equal(o.TLSConfig.CurvePreferences, defaultCurves) {
		t.Errorf("version %x, curves %v", o.TLSConfig.MinVersion, o.TLSConfig.CurvePreferences)
	}
	var secure []uint16
	for _, c := range tls.CipherSuites() {
		secure = append(secure, c.ID)
	}
	if !slices.Equal(o.TLSConfig.CipherSuites, secure) {
		t.Errorf("ciphers %v", o.TLSConfig.CipherSuites)
	}
	if n := len(o.TLSConfig.Certificates); n != 1 {
		t.Fatalf("%d certificates", n)
	}
	if err := o.TLSConfig.Certificates[0].Leaf.VerifyHostname("127.0.0.1"); err != nil {
		t.Error(err)
	}
	names := []string{
		"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
		"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
	}
	ids := []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	}
	if got := read(t, block("cipher_suites: ["+strings.Join(names, ", ")+"]")); !slices.Equal(got.TLSConfig.CipherSuites, ids) {
		t.Errorf("ciphers %v", got.TLSConfig.CipherSuites)
	} else if !slices.Equal(got.TLSConfig.CurvePreferences, defaultCurves) {
		t.Errorf("curves %v", got.TLSConfig.CurvePreferences)
	}
	if got := read(t, block("curve_preferences: [CurveP256]")); !slices.Equal(got.TLSConfig.CurvePreferences, []tls.CurveID{tls.CurveP256}) {
		t.Errorf("curves %v", got.TLSConfig.CurvePreferences)
	}
	insecure := "cipher_suites: [TLS_RSA_WITH_RC4_128_SHA, TLS_RSA_WITH_3DES_EDE_CBC_SHA]"
	refuse(t, block(insecure), "insecure cipher suites configured without 'allow_insecure_cipher_suites' option set: ")
	read(t, block(insecure+"\nallow_insecure_cipher_suites: true"))
	refuse(t, block("cipher_suites: [BAD_CIPHER_SPEC]"), "unrecognized cipher BAD_CIPHER_SPEC")
	refuse(t, block("cipher_suites: []"), "'cipher_suites' cannot be empty")
	refuse(t, block("curve_preferences: [CurveP5210000]"), "unrecognized curve preference CurveP5210000")
	refuse(t, block("curve_preferences: []"), "'curve_preferences' cannot be empty")
}

// The default suites must let a TLS 1.2 and a TLS 1.3 client in.
func TestDefaultsNegotiate(t *testing.T) {
	certFile, keyFile := pair(t)
	config, err := GenTLSConfig(&TLSOptions{CertFile: certFile, KeyFile: keyFile})
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		here, there := net.Pipe()
		server := tls.Server(here, config)
		client := tls.Client(there, &tls.Config{InsecureSkipVerify: true, MaxVersion: version, MinVersion: version})
		done := make(chan error, 1)
		go func() { done <- server.Handshake() }()
		if err := client.Handshake(); err != nil {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err := <-done; err != nil {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		here.Close()
		there.Close()
	}
}

func TestEveryNamedCipherAndCurveIsAccepted(t *testing.T) {
	certFile, keyFile := pair(t)
	for _, name := range CipherSuiteNames() {
		read(t, fmt.Sprintf("tls { cert_file: %q, key_file: %q, allow_insecure_cipher_suites: true, cipher_suites: [%s] }", certFile, keyFile, name))
	}
	for _, name := range CurveNames() {
		read(t, fmt.Sprintf("tls { cert_file: %q, key_file: %q, curve_preferences: [%s] }", certFile, keyFile, name))
	}
}

// Go: TestTLSClientHandshakeFirstFallbackDelayConfigValues server/client_test.go:3209
func TestHandshakeFirst(t *testing.T) {
	certFile, keyFile := pair(t)
	for value, want := range map[string]struct {
		first bool
		delay time.Duration
	}{
		"true": {true, 0}, "false": {false, 0}, `"true"`: {true, 0}, `"false"`: {false, 0}, "on": {true, 0}, "off": {false, 0},
		`"on"`: {true, 0}, "auto": {true, TLSFirstAutoDelay}, "auto_fallback": {true, TLSFirstAutoDelay}, "300ms": {true, 300 * time.Millisecond},
	} {
		for _, key := range []string{"first", "handshake_first", "immediate"} {
			o := read(t, fmt.Sprintf("tls { cert_file: %q, key_file: %q, %s: %s }", certFile, keyFile, key, value))
			if o.TLSHandshakeFirst != want.first || o.TLSHandshakeFirstFallback != want.delay {
				t.Errorf("%s: %s: %v %v", key, value, o.TLSHandshakeFirst, o.TLSHandshakeFirstFallback)
			}
		}
	}
	refuse(t, "tls {\n\tfirst: 123 }", `:2:2: field "first" should be a boolean or a string, got int64`)
	refuse(t, "tls {\n\tfirst: '123' }", `:2:2: field "first"'s value "123" is invalid`)
}

func TestTLSSettings(t *testing.T) {
	certFile, keyFile := pair(t)
	pin := strings.Repeat("7f", 32)
	o := read(t, fmt.Sprintf(`tls {
		certs: [ {cert_file: %q, key_file: %q}, {cert_file: %q, key_file: %q} ]
		ca_file: %q
		verify_and_map: true
		min_version: "1.3"
		connection_rate_limit: 12
		pinned_certs: [%s, %s]
		timeout: 0.5
	}`, certFile, keyFile, certFile, keyFile, certFile, strings.ToUpper(pin), strings.Repeat("a8", 32)))
	c := o.TLSConfig
	if len(c.Certificates) != 2 || c.ClientAuth != tls.RequireAndVerifyClientCert || c.ClientCAs == nil || c.MinVersion != tls.VersionTLS13 {
		t.Errorf("%+v", c)
	}
	if _, ok := o.TLSPinnedCerts[pin]; !ok || len(o.TLSPinnedCerts) != 2 || !o.TLSMap || !o.TLSVerify || o.TLSRateLimit != 12 || o.TLSTimeout != 0.5 {
		t.Errorf("%+v", o)
	}
	if o.SetDefaults(); o.AuthTimeout != 1.5 {
		t.Errorf("authentication timeout %v", o.AuthTimeout)
	}
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
	if o := read(t, fmt.Sprintf("tls { cert_file: %q, key_file: %q, certs: [], pinned_certs: [] }", certFile, keyFile)); o.TLSPinnedCerts != nil {
		t.Error("an empty list pins something")
	}
}

func TestBadTLSBlocks(t *testing.T) {
	certFile, keyFile := pair(t)
	good := fmt.Sprintf("cert_file: %q, key_file: %q", certFile, keyFile)
	for text, want := range map[string]string{
		fmt.Sprintf("cert_file: %q", certFile):                                             "missing 'key_file' in TLS configuration",
		fmt.Sprintf("key_file: %q", keyFile):                                               "missing 'cert_file' in TLS configuration",
		fmt.Sprintf("cert_file: %q, key_file: /none.pem", certFile):                        "error parsing X509 certificate/key pair: open /none.pem",
		fmt.Sprintf("certs: [{%s}, {cert_file: %q, key_file: /none.pem}]", good, certFile): "error parsing X509 certificate/key pair 2/2: open /none.pem",
		fmt.Sprintf("%s, certs: [{%s}]", good, good):                                       "cannot combine 'cert_file' option with 'certs' option",
		"\n certs: [{ cert_file: a,\n key_file: 123 }]":                                    ":3:2: error parsing certificates config: unsupported type int64",
		"\n certs: [{\n cert_file: a }]":                                                   ":3:2: error parsing certificates config: both 'cert_file' and 'cert_key' options are required",
		"\n certs: [{\n x: a }]":                                                           `:3:2: error parsing tls certs config, unknown field "x"`,
		"certs: 1":                                                                         "error parsing certificates config: unsupported type int64",
		good + ", ca_file: " + keyFile:                                                     "failed to parse root ca certificate",
		good + ", ca_file: /none.pem":                                                      "open /none.pem",
		good + "\n verify_cert_and_check_known_urls: true":                                 ":2:2: verify_cert_and_check_known_urls not supported in this context",
		good + ", min_version: '1.0'":                                                      "error parsing tls config: unsupported TLS version: TLS 1.0",
		good + ", min_version: '1.1'":                                                      "error parsing tls config: unsupported TLS version: TLS 1.1",
		good + ", min_version: '1.4'":                                                      "unknown version: 1.4",
		good + ", pinned_certs: abc":                                                       "expected 'pinned_certs' to be a list of hex-encoded sha256",
		good + ", pinned_certs: [abc]":                                                     "'pinned_certs' key abc does not look like hex-encoded sha256",
		good + ", pinned_certs: [12]":                                                      "'pinned_certs' key 12 does not look like hex-encoded sha256",
		good + ", insecure: true":                                                          `"insecure" has no meaning on a listener`,
		good + ", cert_store: x":                                                           "cert_store not compatible with current operating system",
		good + ", timeout: -1":                                                             "can not be negative",
		good + ", verify: 1":                                                               "interface conversion: interface {} is int64, not bool",
	} {
		refuse(t, "tls {"+text+"}", want)
	}
}

func TestGenTLSConfigWantsAModernVersion(t *testing.T) {
	certFile, keyFile := pair(t)
	_, err := GenTLSConfig(&TLSOptions{CertFile: certFile, KeyFile: keyFile, MinVersion: tls.VersionTLS11})
	if err == nil || err.Error() != "unsupported minimum TLS version: TLS 1.1" {
		t.Error(err)
	}
}
