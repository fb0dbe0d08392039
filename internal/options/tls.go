package options

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/conf"
)

// setTLS reads the `tls` block of the client listener.
func setTLS(d *decoder, e *conf.Entry) {
	t, config := d.tlsBlock(e, listener)
	if t == nil {
		return
	}
	o := d.o
	o.TLSConfig, o.TLS = config, true
	o.TLSTimeout, o.TLSMap, o.TLSVerify = t.Timeout, t.Map, t.Verify
	o.TLSPinnedCerts, o.TLSRateLimit = t.PinnedCerts, t.RateLimit
	o.TLSHandshakeFirst, o.TLSHandshakeFirstFallback = t.HandshakeFirst, t.FallbackDelay
	o.TLSOCSPPeer = t.OCSPPeerConfig
	o.TLSCert, o.TLSKey, o.TLSCaCert = t.CertFile, t.KeyFile, t.CaFile
}

// tlsSide is who the settings of a `tls` block are for.
type tlsSide int

const (
	listener tlsSide = iota
	dialer           // a connection that the server makes
)

// tlsBlock reads a block and the files that it names; nil if something is wrong.
func (d *decoder) tlsBlock(e *conf.Entry, side tlsSide) (*TLSOptions, *tls.Config) {
	m := d.block(e, "error parsing tls config, expected a map/struct, got %+v")
	if m == nil {
		return nil, nil
	}
	before := len(d.errors)
	t := &TLSOptions{}
	for _, item := range m.Entries {
		d.tlsKey(t, item, side)
	}
	if t.CertFile != "" && len(t.Certificates) > 0 {
		d.fail(e.Pos, "error parsing tls config, cannot combine 'cert_file' option with 'certs' option")
	}
	d.checkCiphers(t, e)
	if len(d.errors) > before {
		return nil, nil
	}
	config, err := GenTLSConfig(t)
	if err != nil {
		d.fail(e.Pos, "%v", err)
		return nil, nil
	}
	return t, config
}

func (d *decoder) tlsKey(t *TLSOptions, e *conf.Entry, side tlsSide) {
	key := strings.ToLower(e.Key)
	if side == dialer && listenerOnly(key) {
		d.warn(e.Pos, "%q has no effect on connections that the server makes", e.Key)
	}
	switch key {
	case "cert_file":
		t.CertFile = d.path(e)
	case "key_file":
		t.KeyFile = d.path(e)
	case "ca_file":
		t.CaFile = d.path(e)
	case "certs", "certificates":
		t.Certificates = d.certificates(e)
	case "verify":
		t.Verify = d.bool(e)
	case "verify_and_map":
		t.Map = d.bool(e)
		t.Verify = t.Verify || t.Map
	case "verify_cert_and_check_known_urls":
		if d.bool(e) {
			d.fail(e.Pos, "verify_cert_and_check_known_urls not supported in this context")
		}
	case "insecure":
		if t.Insecure = d.bool(e); t.Insecure {
			d.insecure(e, side)
		}
	case "cipher_suites":
		t.Ciphers = d.ciphers(e)
	case "allow_insecure_cipher_suites":
		t.AllowInsecure = d.bool(e)
	case "curve_preferences":
		t.CurvePreferences = d.curves(e)
	case "timeout":
		t.Timeout = d.timeout(e)
	case "connection_rate_limit":
		t.RateLimit = d.int(e)
	case "pinned_certs":
		t.PinnedCerts = d.pinned(e)
	case "min_version":
		t.MinVersion = d.minVersion(e)
	case "handshake_first", "first", "immediate":
		d.handshakeFirst(t, e)
	case "ocsp_peer":
		t.OCSPPeerConfig = d.ocspPeer(e)
	case "cert_store", "cert_match", "cert_match_by", "cert_match_skip_invalid", "ca_certs_match":
		d.fail(e.Pos, "cert_store not compatible with current operating system")
	default:
		d.unknownAs(e, "error parsing tls config, unknown field %q")
	}
}

// listenerOnly are the keys that say what is asked of clients.
func listenerOnly(key string) bool {
	switch key {
	case "verify", "verify_and_map", "timeout", "connection_rate_limit", "pinned_certs", "handshake_first", "first", "immediate", "ocsp_peer":
		return true
	}
	return false
}

func (d *decoder) insecure(e *conf.Entry, side tlsSide) {
	if side == listener {
		d.fail(e.Pos, "%q has no meaning on a listener: it is for connections that a server makes", e.Key)
		return
	}
	d.warn(e.Pos, "%q: the certificate of the other side is not verified", e.Key)
}

func (d *decoder) certificates(e *conf.Entry) []CertificatePair {
	list, ok := e.Value.Data.([]conf.Value)
	if !ok {
		d.fail(e.Pos, "error parsing certificates config: unsupported type %s", typeName(e.Value.Data))
		return nil
	}
	var pairs []CertificatePair
	for _, v := range list {
		m, ok := v.Data.(*conf.Map)
		if !ok {
			d.fail(v.Pos, "error parsing certificates config: unsupported type %s", typeName(v.Data))
			continue
		}
		var pair CertificatePair
		before, last := len(d.errors), v.Pos
		for _, item := range m.Entries {
			last = item.Pos
			_, ok := item.Value.Data.(string)
			switch {
			case !ok:
				d.fail(item.Pos, "error parsing certificates config: unsupported type %s", typeName(item.Value.Data))
			case item.Key == "cert_file":
				pair.CertFile = d.path(item)
			case item.Key == "key_file":
				pair.KeyFile = d.path(item)
			default:
				d.fail(item.Pos, "error parsing tls certs config, unknown field %q", item.Key)
			}
		}
		if len(d.errors) > before {
			continue
		}
		if pair.CertFile == "" || pair.KeyFile == "" {
			d.fail(last, "error parsing certificates config: both 'cert_file' and 'cert_key' options are required")
			continue
		}
		pairs = append(pairs, pair)
	}
	return pairs
}

// cipherSuites maps the names of all suites that Go knows.
func cipherSuites() map[string]*tls.CipherSuite {
	all := make(map[string]*tls.CipherSuite)
	for _, c := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		all[c.Name] = c
	}
	return all
}

func (d *decoder) ciphers(e *conf.Entry) []uint16 {
	names := d.texts(e, e.Key)
	if len(names) == 0 {
		d.fail(e.Pos, "error parsing tls config, 'cipher_suites' cannot be empty")
		return nil
	}
	known := cipherSuites()
	ids := make([]uint16, 0, len(names))
	for _, name := range names {
		c, ok := known[name.text]
		if !ok {
			d.fail(name.pos, "unrecognized cipher %s", name.text)
			continue
		}
		ids = append(ids, c.ID)
	}
	return ids
}

func (d *decoder) checkCiphers(t *TLSOptions, e *conf.Entry) {
	if t.AllowInsecure {
		return
	}
	var bad []string
	for _, c := range tls.InsecureCipherSuites() {
		for _, id := range t.Ciphers {
			if id == c.ID {
				bad = append(bad, c.Name)
			}
		}
	}
	if len(bad) > 0 {
		d.fail(e.Pos, "insecure cipher suites configured without 'allow_insecure_cipher_suites' option set: %s", strings.Join(bad, ", "))
	}
}

var curveNames = map[string]tls.CurveID{
	"X25519MLKEM768": tls.X25519MLKEM768, "SecP256r1MLKEM768": tls.SecP256r1MLKEM768,
	"SecP384r1MLKEM1024": tls.SecP384r1MLKEM1024, "X25519": tls.X25519,
	"CurveP256": tls.CurveP256, "CurveP384": tls.CurveP384, "CurveP521": tls.CurveP521,
}

// defaultCurves prefer the hybrid ones.
var defaultCurves = []tls.CurveID{
	tls.X25519MLKEM768, tls.SecP384r1MLKEM1024, tls.SecP256r1MLKEM768,
	tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521,
}

func (d *decoder) curves(e *conf.Entry) []tls.CurveID {
	names := d.texts(e, e.Key)
	if len(names) == 0 {
		d.fail(e.Pos, "error parsing tls config, 'curve_preferences' cannot be empty")
		return nil
	}
	ids := make([]tls.CurveID, 0, len(names))
	for _, name := range names {
		id, ok := curveNames[name.text]
		if !ok {
			d.fail(name.pos, "unrecognized curve preference %s", name.text)
			continue
		}
		ids = append(ids, id)
	}
	return ids
}

func (d *decoder) pinned(e *conf.Entry) PinnedCertSet {
	list, ok := e.Value.Data.([]conf.Value)
	if !ok {
		d.fail(e.Pos, "error parsing tls config, expected 'pinned_certs' to be a list of hex-encoded sha256 of DER encoded SubjectPublicKeyInfo")
		return nil
	}
	if len(list) == 0 {
		return nil
	}
	pins := make(PinnedCertSet, len(list))
	for _, v := range list {
		text, ok := v.Data.(string)
		if pin := strings.ToLower(text); ok && isHexDigest(pin) {
			pins[pin] = struct{}{}
			continue
		}
		d.fail(e.Pos, "error parsing tls config, 'pinned_certs' key %v does not look like hex-encoded sha256 of DER encoded SubjectPublicKeyInfo", show(v.Data))
	}
	return pins
}

func isHexDigest(text string) bool {
	return len(text) == 64 && strings.Trim(text, "0123456789abcdef") == ""
}

func (d *decoder) minVersion(e *conf.Entry) uint16 {
	switch text := d.string(e); text {
	case "1.2":
		return tls.VersionTLS12
	case "1.3":
		return tls.VersionTLS13
	case "1.0", "1.1":
		d.fail(e.Pos, "error parsing tls config: unsupported TLS version: TLS %s", text)
	default:
		d.fail(e.Pos, "error parsing tls config: unknown version: %s", text)
	}
	return 0
}

func (d *decoder) handshakeFirst(t *TLSOptions, e *conf.Entry) {
	switch v := e.Value.Data.(type) {
	case bool:
		t.HandshakeFirst = v
	case string:
		switch strings.ToLower(v) {
		case "true", "on":
			t.HandshakeFirst = true
		case "false", "off":
			t.HandshakeFirst = false
		case "auto", "auto_fallback":
			t.HandshakeFirst, t.FallbackDelay = true, TLSFirstAutoDelay
		default:
			delay, err := time.ParseDuration(v)
			if err != nil {
				d.fail(e.Pos, "field %q's value %q is invalid", e.Key, v)
				return
			}
			t.HandshakeFirst, t.FallbackDelay = true, delay
		}
	default:
		d.fail(e.Pos, "field %q should be a boolean or a string, got %s", e.Key, typeName(v))
	}
}

// GenTLSConfig makes a server's TLS configuration of the settings of a `tls`
// block.
func GenTLSConfig(t *TLSOptions) (*tls.Config, error) {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: t.Ciphers, CurvePreferences: t.CurvePreferences,
		InsecureSkipVerify: t.Insecure, // of use only to those who dial with it
	}
	if t.MinVersion != 0 {
		if t.MinVersion < tls.VersionTLS12 {
			return nil, fmt.Errorf("unsupported minimum TLS version: %s", tls.VersionName(t.MinVersion))
		}
		config.MinVersion = t.MinVersion
	}
	if len(config.CipherSuites) == 0 {
		for _, c := range tls.CipherSuites() {
			config.CipherSuites = append(config.CipherSuites, c.ID)
		}
	}
	if len(config.CurvePreferences) == 0 {
		config.CurvePreferences = defaultCurves
	}
	if err := loadCertificates(config, t); err != nil {
		return nil, err
	}
	if t.Verify || t.Map {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if t.CaFile != "" {
		pem, err := os.ReadFile(t.CaFile)
		if err != nil {
			return nil, err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("failed to parse root ca certificate")
		}
	}
	return config, nil
}

func loadCertificates(config *tls.Config, t *TLSOptions) error {
	switch {
	case t.CertFile != "" && t.KeyFile == "":
		return errors.New("missing 'key_file' in TLS configuration")
	case t.CertFile == "" && t.KeyFile != "":
		return errors.New("missing 'cert_file' in TLS configuration")
	case t.CertFile != "":
		cert, err := loadPair(t.CertFile, t.KeyFile)
		if err != nil {
			return fmt.Errorf("error parsing X509 certificate/key pair: %w", err)
		}
		config.Certificates = []tls.Certificate{cert}
	}
	for i, pair := range t.Certificates {
		cert, err := loadPair(pair.CertFile, pair.KeyFile)
		if err != nil {
			return fmt.Errorf("error parsing X509 certificate/key pair %d/%d: %w", i+1, len(t.Certificates), err)
		}
		config.Certificates = append(config.Certificates, cert)
	}
	return nil
}

func loadPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err == nil && cert.Leaf == nil {
		cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0])
	}
	return cert, err
}

// CipherSuiteNames lists the cipher suites that may be configured, sorted.
func CipherSuiteNames() []string {
	var names []string
	for name := range cipherSuites() {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// CurveNames lists the curves that may be configured, sorted.
func CurveNames() []string {
	var names []string
	for name := range curveNames {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
