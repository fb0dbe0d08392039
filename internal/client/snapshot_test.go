package client

import (
	"crypto/tls"
	"testing"
)

// Go: TestTLSVersions server/server_test.go:241
func TestTLSVersionNames(t *testing.T) {
	for version, want := range map[uint16]string{
		tls.VersionTLS10: "1.0", tls.VersionTLS11: "1.1", tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3", 0x999: "Unknown [0x999]",
	} {
		if got := tlsVersion(version); got != want {
			t.Errorf("%#x is %q, want %q", version, got, want)
		}
	}
}
