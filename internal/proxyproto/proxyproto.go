package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Status is what became of the bytes.
type Status uint8

// Statuses of Parse.
const (
	NeedMore Status = iota // it may become a header
	NotProxy               // it is none
	Done
)

// Header is what a proxy tells.
type Header struct {
	// Source and Destination are nil if the proxy speaks for itself.
	Source, Destination *net.TCPAddr
}

// Faults of a header.
var (
	errHeader      = errors.New("invalid PROXY protocol header")
	errUnsupported = errors.New("unsupported PROXY protocol feature")
)

const (
	prefixV1  = "PROXY "
	sniff     = 6
	maxLineV1 = 107
)

var signatureV2 = []byte("\r\n\r\n\x00\r\nQUIT\n")

// Parse looks for a header at the beginning of buf. n is its length.
func Parse(buf []byte) (h Header, n int, s Status, err error) {
	head := buf[:min(len(buf), sniff)]
	switch {
	case bytes.HasPrefix([]byte(prefixV1), head):
		if len(buf) < sniff {
			return h, 0, NeedMore, nil
		}
		return parseV1(buf)
	case bytes.HasPrefix(signatureV2, head):
		if len(buf) < sniff {
			return h, 0, NeedMore, nil
		}
		return parseV2(buf)
	}
	return h, 0, NotProxy, nil
}

func parseV1(buf []byte) (h Header, n int, s Status, err error) {
	end := bytes.Index(buf[:min(len(buf), maxLineV1)], []byte("\r\n"))
	if end < 0 {
		if len(buf) >= maxLineV1 {
			return h, 0, NeedMore, fmt.Errorf("%w: v1 line too long", errHeader)
		}
		return h, 0, NeedMore, nil
	}
	n = end + 2
	fields := strings.Fields(string(buf[len(prefixV1):end]))
	if len(fields) > 0 && fields[0] == "UNKNOWN" {
		return h, n, Done, nil
	}
	if len(fields) != 5 {
		return h, 0, NeedMore, fmt.Errorf("%w: invalid v1 format", errHeader)
	}
	h, err = addressesV1(fields)
	return h, n, Done, err
}

func addressesV1(f []string) (h Header, err error) {
	source, destination := net.ParseIP(f[1]), net.ParseIP(f[2])
	if source == nil || destination == nil {
		return h, fmt.Errorf("%w: invalid address", errHeader)
	}
	sourcePort, err := strconv.ParseUint(f[3], 10, 16)
	if err != nil {
		return h, fmt.Errorf("invalid source port: %w", err)
	}
	destinationPort, err := strconv.ParseUint(f[4], 10, 16)
	if err != nil {
		return h, fmt.Errorf("invalid dest port: %w", err)
	}
	colons := strings.Contains(f[1], ":") && strings.Contains(f[2], ":")
	dots := !strings.Contains(f[1], ":") && !strings.Contains(f[2], ":")
	switch {
	case f[0] == "TCP4" && !dots:
		return h, fmt.Errorf("%w: TCP4 with IPv6 address", errHeader)
	case f[0] == "TCP6" && !colons:
		return h, fmt.Errorf("%w: TCP6 with IPv4 address", errHeader)
	case f[0] != "TCP4" && f[0] != "TCP6":
		return h, fmt.Errorf("%w: invalid protocol %s", errHeader, f[0])
	}
	return Header{
		Source:      &net.TCPAddr{IP: source, Port: int(sourcePort)},
		Destination: &net.TCPAddr{IP: destination, Port: int(destinationPort)},
	}, nil
}

// Parts of a version 2 header.
const (
	fixedV2      = 16
	commandLocal = 0
	commandProxy = 1
	stream       = 1
)

func parseV2(buf []byte) (h Header, n int, s Status, err error) {
	if k := min(len(buf), len(signatureV2)); !bytes.Equal(buf[:k], signatureV2[:k]) {
		return h, 0, NeedMore, fmt.Errorf("%w: invalid signature", errHeader)
	}
	if len(buf) < fixedV2 {
		return h, 0, NeedMore, nil
	}
	version, command := buf[12]&0xf0, buf[12]&0x0f
	family, transport := buf[13]&0xf0, buf[13]&0x0f
	if version != 0x20 {
		return h, 0, NeedMore, fmt.Errorf("%w: invalid version 0x%02x", errHeader, version)
	}
	n = fixedV2 + int(binary.BigEndian.Uint16(buf[14:16]))
	if len(buf) < n {
		return h, 0, NeedMore, nil
	}
	switch command {
	case commandLocal:
		return h, n, Done, nil
	case commandProxy:
	default:
		return h, 0, NeedMore, fmt.Errorf("unknown PROXY protocol command: 0x%02x", command)
	}
	h, err = addressesV2(buf[fixedV2:n], family, transport)
	return h, n, Done, err
}

func addressesV2(data []byte, family, transport byte) (h Header, err error) {
	if transport != stream {
		return h, fmt.Errorf("%w: only STREAM protocol supported", errUnsupported)
	}
	size := 0
	switch family {
	case 0x00:
		return h, nil
	case 0x10:
		size = net.IPv4len
		if len(data) < 2*size+4 {
			return h, fmt.Errorf("IPv4 address data too short: %d bytes", len(data))
		}
	case 0x20:
		size = net.IPv6len
		if len(data) < 2*size+4 {
			return h, fmt.Errorf("IPv6 address data too short: %d bytes", len(data))
		}
	default:
		return h, fmt.Errorf("%w: unsupported address family 0x%02x", errUnsupported, family)
	}
	return Header{
		Source:      &net.TCPAddr{IP: bytes.Clone(data[:size]), Port: int(binary.BigEndian.Uint16(data[2*size:]))},
		Destination: &net.TCPAddr{IP: bytes.Clone(data[size : 2*size]), Port: int(binary.BigEndian.Uint16(data[2*size+2:]))},
	}, nil
}
