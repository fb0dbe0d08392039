package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fixed is the beginning of a version 2 header with a length field.
func fixed(versionCommand, familyTransport byte, length int) []byte {
	buf := append([]byte(signatureV2), versionCommand, familyTransport)
	return binary.BigEndian.AppendUint16(buf, uint16(length))
}

// headerV2 is a complete one of the command PROXY, with extra bytes at its end.
func headerV2(source, destination netip.AddrPort, extra string) []byte {
	family := byte(familyIPv4)
	if source.Addr().Is6() {
		family = familyIPv6
	}
	rest := append(source.Addr().AsSlice(), destination.Addr().AsSlice()...)
	rest = binary.BigEndian.AppendUint16(rest, source.Port())
	rest = binary.BigEndian.AppendUint16(rest, destination.Port())
	rest = append(rest, extra...)
	return append(fixed(version2|commandProxy, family|transportStream, len(rest)), rest...)
}

func v2(source, destination, extra string) []byte {
	return headerV2(netip.MustParseAddrPort(source), netip.MustParseAddrPort(destination), extra)
}

// good are complete headers and whom they name.
var good = []struct {
	name, header, source, destination string
}{
	{"v1 IPv4", "PROXY TCP4 192.168.1.50 10.0.0.1 12345 4222\r\n", "192.168.1.50:12345", "10.0.0.1:4222"},
	{"v1 IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 54321 4222\r\n", "[2001:db8::1]:54321", "[2001:db8::2]:4222"},
	{"v1 mapped", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:10.0.0.1 1234 4222\r\n", "192.0.2.1:1234", "10.0.0.1:4222"},
	{"v1 ports at their limits", "PROXY TCP4 1.2.3.4 5.6.7.8 0 65535\r\n", "1.2.3.4:0", "5.6.7.8:65535"},
	{"v1 longest IPv6", "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe 65535 65535\r\n",
		"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe]:65535"},
	{"v1 unknown", "PROXY UNKNOWN\r\n", "<nil>", "<nil>"},
	{"v1 unknown with addresses", "PROXY UNKNOWN ::1 ::2 1 2\r\n", "<nil>", "<nil>"},
	{"v1 longest line", "PROXY UNKNOWN " + strings.Repeat("x", 107-16) + "\r\n", "<nil>", "<nil>"},
	{"v2 IPv4", string(v2("192.168.1.50:12345", "10.0.0.1:4222", "")), "192.168.1.50:12345", "10.0.0.1:4222"},
	{"v2 IPv6", string(v2("[2001:db8::1]:54321", "[2001:db8::2]:4222", "")), "[2001:db8::1]:54321", "[2001:db8::2]:4222"},
	{"v2 with further fields", string(v2("1.2.3.4:5", "6.7.8.9:10", "\x03\x00\x04abcd")), "1.2.3.4:5", "6.7.8.9:10"},
	{"v2 local", string(fixed(version2|commandLocal, 0, 0)), "<nil>", "<nil>"},
	{"v2 local with addresses", string(fixed(version2|commandLocal, familyIPv4|transportStream, 3)) + "abc", "<nil>", "<nil>"},
	{"v2 local, family of no meaning", string(fixed(version2|commandLocal, 0x32, 0)), "<nil>", "<nil>"},
	{"v2 unspecified family", string(fixed(version2|commandProxy, familyUnspecified|transportStream, 2)) + "ab", "<nil>", "<nil>"},
}

// Go: TestClientProxyProtoV1ParseTCP4 server/client_proxyproto_test.go:420
// Go: TestClientProxyProtoV1ParseTCP6 server/client_proxyproto_test.go:435
// Go: TestClientProxyProtoV1ParseTCP6IPv4Mapped server/client_proxyproto_test.go:450
// Go: TestClientProxyProtoV1ParseUnknown server/client_proxyproto_test.go:484
// Go: TestClientProxyProtoV1PreservesCoalescedClientBytes server/client_proxyproto_test.go:493
// Go: TestClientProxyProtoV2ParseIPv4 server/client_proxyproto_test.go:159
// Go: TestClientProxyProtoV2ParseIPv6 server/client_proxyproto_test.go:178
// Go: TestClientProxyProtoV2ParseLocalCommand server/client_proxyproto_test.go:197
// Go: TestClientProxyProtoVersionDetection server/client_proxyproto_test.go:623
func TestParse(t *testing.T) {
	for _, c := range good {
		for _, follows := range []string{"", "\r\n", "CONNECT {\"verbose\":false}\r\n", "PROXY TCP4 9.9.9.9 9.9.9.9 9 9\r\n"} {
			h, n, status, err := Parse([]byte(c.header + follows))
			if err != nil || status != Done {
				t.Errorf("%s: status %d, error %v", c.name, status, err)
				continue
			}
			if n != len(c.header) {
				t.Errorf("%s before %q: took %d bytes, want %d", c.name, follows, n, len(c.header))
			}
			if got := fmt.Sprint(h.Source); got != c.source {
				t.Errorf("%s: source %s, want %s", c.name, got, c.source)
			}
			if got := fmt.Sprint(h.Destination); got != c.destination {
				t.Errorf("%s: destination %s, want %s", c.name, got, c.destination)
			}
		}
	}
}

// bad are headers that are refused; kind is what the error wraps, if anything.
var bad = []struct {
	name, header, text string
	kind               error
}{
	{"fields missing", "PROXY TCP4 192.168.1.1\r\n", "invalid v1 format", errInvalid},
	{"a field too many", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", "invalid v1 format", errInvalid},
	{"no fields", "PROXY \r\n", "invalid v1 format", errInvalid},
	{"line too long", "PROXY TCP4 " + strings.Repeat("1234567890", 12) + " 10.0.0.1 12345 443\r\n", "v1 line too long", errInvalid},
	{"line too long by a byte", "PROXY UNKNOWN " + strings.Repeat("x", 108-16) + "\r\n", "v1 line too long", errInvalid},
	{"no address", "PROXY TCP4 not.an.ip.addr 10.0.0.1 12345 443\r\n", "invalid address", errInvalid},
	{"no destination", "PROXY TCP4 10.0.0.1 host 12345 443\r\n", "invalid address", errInvalid},
	{"zone", "PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n", "invalid address", errInvalid},
	{"TCP4 with IPv6", "PROXY TCP4 2001:db8::1 2001:db8::2 12345 443\r\n", "TCP4 with IPv6 address", errInvalid},
	{"TCP4 to IPv6", "PROXY TCP4 192.168.1.1 2001:db8::2 12345 443\r\n", "TCP4 with IPv6 address", errInvalid},
	{"TCP6 with IPv4", "PROXY TCP6 192.168.1.1 10.0.0.1 12345 443\r\n", "TCP6 with IPv4 address", errInvalid},
	{"TCP6 to IPv4", "PROXY TCP6 2001:db8::1 10.0.0.1 12345 443\r\n", "TCP6 with IPv4 address", errInvalid},
	{"UDP", "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", "invalid protocol UDP4", errInvalid},
	{"lower case", "PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n", "invalid protocol tcp4", errInvalid},
	{"source port", "PROXY TCP4 192.168.1.1 10.0.0.1 99999 443\r\n", `invalid source port: strconv.ParseUint: parsing "99999": value out of range`, nil},
	{"destination port", "PROXY TCP4 192.168.1.1 10.0.0.1 1 -1\r\n", `invalid dest port: strconv.ParseUint: parsing "-1": invalid syntax`, nil},
	{"signature", "\r\n\r\n\x00\rXQUIT\n", "invalid signature", errInvalid},
	{"end of signature", "\r\n\r\n\x00\r\nQUIT\r", "invalid signature", errInvalid},
	{"version", string(fixed(0x10|commandProxy, familyIPv4|transportStream, 0)), "invalid version 0x10", errInvalid},
	{"command", string(fixed(version2|2, familyIPv4|transportStream, 12)), "unknown PROXY protocol command: 0x02", nil},
	{"UNIX", string(fixed(version2|commandProxy, 0x30|transportStream, 0)), "unsupported address family 0x30", errUnsupported},
	{"datagrams", string(fixed(version2|commandProxy, familyIPv4|2, 12)), "only STREAM protocol supported", errUnsupported},
	{"IPv4 too short", string(fixed(version2|commandProxy, familyIPv4|transportStream, 4)), "IPv4 address data too short: 4 bytes", nil},
	{"IPv6 too short", string(fixed(version2|commandProxy, familyIPv6|transportStream, 35)), "IPv6 address data too short: 35 bytes", nil},
}

// Go: TestClientProxyProtoV1InvalidFormat server/client_proxyproto_test.go:508
// Go: TestClientProxyProtoV1LineTooLong server/client_proxyproto_test.go:517
// Go: TestClientProxyProtoV1InvalidIP server/client_proxyproto_test.go:527
// Go: TestClientProxyProtoV1MismatchedProtocol server/client_proxyproto_test.go:535
// Go: TestClientProxyProtoV1MismatchedDestProtocol server/client_proxyproto_test.go:468
// Go: TestClientProxyProtoV1InvalidPort server/client_proxyproto_test.go:551
// Go: TestClientProxyProtoV2InvalidSignature server/client_proxyproto_test.go:206
// Go: TestClientProxyProtoV2InvalidVersion server/client_proxyproto_test.go:216
// Go: TestClientProxyProtoV2UnsupportedFamily server/client_proxyproto_test.go:230
// Go: TestClientProxyProtoV2UnsupportedProtocol server/client_proxyproto_test.go:244
func TestParseRefuses(t *testing.T) {
	for _, c := range bad {
		h, n, status, err := Parse([]byte(c.header))
		want := c.text
		if c.kind != nil {
			want = c.kind.Error() + ": " + c.text
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", c.name, err, want)
		}
		if c.kind != nil && !errors.Is(err, c.kind) {
			t.Errorf("%s: error does not wrap %v", c.name, c.kind)
		}
		if n != 0 || status != NeedMore || h != (Header{}) {
			t.Errorf("%s: results besides the error: %+v, %d, %d", c.name, h, n, status)
		}
	}
}

// Go: TestClientProxyProtoUnrecognizedVersion server/client_proxyproto_test.go:643
func TestParseNotProxy(t *testing.T) {
	for _, text := range []string{
		"HELLO WORLD\r\n", "CONNECT {}\r\n", "PING\r\n", "PUB a 1\r\n", "P\r", "PROXY", "PROXYTCP4",
		"proxy TCP4", "\x16\x03\x01\x00", "\r\n\r\n\x00\n", "\r\n\r\nx", "\n",
	} {
		_, n, status, err := Parse([]byte(text))
		want := NotProxy
		if text == "PROXY" { // five bytes: it may become one
			want = NeedMore
		}
		if status != want || n != 0 || err != nil {
			t.Errorf("Parse(%q): %d bytes, status %d, error %v; want status %d", text, n, status, err, want)
		}
	}
}

// A header that is cut off anywhere is not yet one.
func TestParseNeedsMore(t *testing.T) {
	for _, c := range good {
		for k := range len(c.header) {
			if h, n, status, err := Parse([]byte(c.header[:k])); status != NeedMore || n != 0 || err != nil || h != (Header{}) {
				t.Errorf("%s: the first %d bytes give %+v, %d, %d, %v", c.name, k, h, n, status, err)
			}
		}
	}
}

// outcome is what a reader ends up with that gets its bytes in pieces.
type outcome struct {
	header Header
	n      int
	status Status
	err    string
}

// feed parses growing prefixes that end at the cuts, until there is an answer.
func feed(buf []byte, cuts ...int) outcome {
	var o outcome
	for _, k := range append(cuts, len(buf)) {
		given := bytes.Clone(buf[:k])
		h, n, s, err := Parse(given)
		o = outcome{header: h, n: n, status: s}
		if err != nil {
			o.err = err.Error()
		}
		clear(given) // nothing of the buffer may be kept
		if s != NeedMore || err != nil {
			break
		}
	}
	return o
}

func TestEverySplitGivesTheSame(t *testing.T) {
	var inputs [][]byte
	for _, c := range good {
		inputs = append(inputs, []byte(c.header), []byte(c.header+"PING\r\n"))
	}
	for _, c := range bad {
		inputs = append(inputs, []byte(c.header), []byte(c.header+"PING\r\n"))
	}
	inputs = append(inputs, []byte("PING\r\n"), []byte("PROXIMITY"), []byte("\r\nPING\r\n"))
	for _, buf := range inputs {
		want := feed(buf)
		single := make([]int, 0, len(buf))
		for i := range len(buf) {
			single = append(single, i)
			if got := feed(buf, i); !reflect.DeepEqual(got, want) {
				t.Errorf("%q cut at %d: %+v, want %+v", buf, i, got, want)
			}
			for j := i; j < len(buf); j++ {
				if got := feed(buf, i, j); !reflect.DeepEqual(got, want) {
					t.Fatalf("%q cut at %d and %d: %+v, want %+v", buf, i, j, got, want)
				}
			}
		}
		if got := feed(buf, single...); !reflect.DeepEqual(got, want) {
			t.Errorf("%q byte by byte: %+v, want %+v", buf, got, want)
		}
	}
}

// What a proxy writes is what is read, in either version.
func TestParseReadsWhatProxiesWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{4, 16}).Draw(t, "size")
		address := rapid.Custom(func(t *rapid.T) netip.AddrPort {
			raw := rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "ip")
			ip, _ := netip.AddrFromSlice(raw)
			return netip.AddrPortFrom(ip, rapid.Uint16().Draw(t, "port"))
		})
		source, destination := address.Draw(t, "source"), address.Draw(t, "destination")
		version := map[int]string{4: "TCP4", 16: "TCP6"}[size]
		line := fmt.Sprintf("PROXY %s %s %s %d %d\r\n", version, source.Addr(), destination.Addr(), source.Port(), destination.Port())
		follows := rapid.SliceOf(rapid.Byte()).Draw(t, "follows")
		for _, header := range [][]byte{[]byte(line), headerV2(source, destination, "")} {
			h, n, s, err := Parse(append(bytes.Clone(header), follows...))
			if err != nil || s != Done || n != len(header) {
				t.Fatalf("%q: %d bytes, status %d, error %v", header, n, s, err)
			}
			for _, pair := range []struct {
				got  netip.AddrPort
				want netip.AddrPort
			}{{h.Source.AddrPort(), source}, {h.Destination.AddrPort(), destination}} {
				if pair.got.Addr().Unmap() != pair.want.Addr().Unmap() || pair.got.Port() != pair.want.Port() {
					t.Fatalf("%q: read %s, want %s", header, pair.got, pair.want)
				}
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, c := range good {
		f.Add([]byte(c.header+"PING\r\n"), uint(20))
	}
	for _, c := range bad {
		f.Add([]byte(c.header), uint(10))
	}
	f.Add([]byte("CONNECT {}\r\n"), uint(3))
	f.Fuzz(func(t *testing.T, buf []byte, cut uint) {
		want := feed(buf)
		if got := feed(buf, int(cut%uint(len(buf)+1))); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q cut at %d: %+v, want %+v", buf, cut, got, want)
		}
		h := want.header
		switch {
		case want.status == Done && want.err == "":
			if want.n < len("PROXY \r\n") || want.n > len(buf) || (h.Source == nil) != (h.Destination == nil) {
				t.Fatalf("%q: %+v", buf, want)
			}
		case want.n != 0 || h != (Header{}):
			t.Fatalf("%q: results without a header: %+v", buf, want)
		}
	})
}
