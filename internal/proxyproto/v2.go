package proxyproto

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
)

// A header of version 2 is the signature, a byte with version and command, one
// with address family and transport, the length of the rest in two bytes, and the
// rest: addresses, ports, and further fields that are skipped.
const (
	signatureV2 = "\r\n\r\n\x00\r\nQUIT\n"
	fixedV2     = len(signatureV2) + 4

	version2 = 0x20

	commandLocal = 0x00
	commandProxy = 0x01

	familyUnspecified = 0x00
	familyIPv4        = 0x10
	familyIPv6        = 0x20

	transportStream = 0x01
)

// parseV2 reads a header of version 2. n is 0 as long as it is not complete.
func parseV2(buf []byte) (h Header, n int, err error) {
	if k := min(len(buf), len(signatureV2)); string(buf[:k]) != signatureV2[:k] {
		return h, 0, invalid("invalid signature")
	}
	if len(buf) < fixedV2 {
		return h, 0, nil
	}
	length := int(binary.BigEndian.Uint16(buf[fixedV2-2:]))
	ipBytes, err := layoutV2(buf[12], buf[13], length)
	if err != nil || len(buf) < fixedV2+length {
		return h, 0, err
	}
	if ipBytes > 0 {
		h = addressesV2(buf[fixedV2:], ipBytes)
	}
	return h, fixedV2 + length, nil
}

// layoutV2 judges the fixed part. It returns the length of an IP address, 0 if the
// rest is to be skipped.
func layoutV2(versionCommand, familyTransport byte, length int) (ipBytes int, err error) {
	if version := versionCommand & 0xf0; version != version2 {
		return 0, invalid("invalid version 0x%02x", version)
	}
	switch command := versionCommand & 0x0f; command {
	case commandLocal:
		return 0, nil
	case commandProxy:
	default:
		return 0, fmt.Errorf("unknown PROXY protocol command: 0x%02x", command)
	}
	if familyTransport&0x0f != transportStream {
		return 0, unsupported("only STREAM protocol supported")
	}
	name := ""
	switch family := familyTransport & 0xf0; family {
	case familyUnspecified:
		return 0, nil
	case familyIPv4:
		ipBytes, name = net.IPv4len, "IPv4"
	case familyIPv6:
		ipBytes, name = net.IPv6len, "IPv6"
	default:
		return 0, unsupported("unsupported address family 0x%02x", family)
	}
	if length < 2*ipBytes+4 {
		return 0, fmt.Errorf("%s address data too short: %d bytes", name, length)
	}
	return ipBytes, nil
}

// addressesV2 reads two addresses and then two ports.
func addressesV2(data []byte, ipBytes int) Header {
	ip := func(at int) net.IP { return bytes.Clone(data[at : at+ipBytes]) }
	port := func(at int) int { return int(binary.BigEndian.Uint16(data[at:])) }
	return Header{
		Source:      &net.TCPAddr{IP: ip(0), Port: port(2 * ipBytes)},
		Destination: &net.TCPAddr{IP: ip(ipBytes), Port: port(2*ipBytes + 2)},
	}
}
