package proxyproto

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
)

const (
	prefixV1  = "PROXY "
	maxLineV1 = 107 // bytes, with the line end
)

// parseV1 reads a line such as "PROXY TCP4 192.0.2.1 198.51.100.1 51234 4222". n is
// 0 as long as it is not complete.
func parseV1(buf []byte) (h Header, n int, err error) {
	line, _, ended := bytes.Cut(buf[:min(len(buf), maxLineV1)], []byte("\r\n"))
	if !ended {
		if len(buf) >= maxLineV1 {
			return h, 0, invalid("v1 line too long")
		}
		return h, 0, nil
	}
	n = len(line) + len("\r\n")
	fields := strings.Fields(string(line[len(prefixV1):]))
	if len(fields) > 0 && fields[0] == "UNKNOWN" {
		return h, n, nil // whatever else the line says has no meaning
	}
	if len(fields) != 5 {
		return h, 0, invalid("invalid v1 format")
	}
	h, err = addressesV1(fields[0], fields[1], fields[2], fields[3], fields[4])
	return h, n, err
}

func addressesV1(protocol, source, destination, sourcePort, destinationPort string) (h Header, err error) {
	from, to := net.ParseIP(source), net.ParseIP(destination)
	if from == nil || to == nil {
		return h, invalid("invalid address")
	}
	fromPort, err := strconv.ParseUint(sourcePort, 10, 16)
	if err != nil {
		return h, fmt.Errorf("invalid source port: %w", err)
	}
	toPort, err := strconv.ParseUint(destinationPort, 10, 16)
	if err != nil {
		return h, fmt.Errorf("invalid dest port: %w", err)
	}
	// The text decides, since IPv6 addresses may stand for IPv4 ones.
	v6, other := strings.Contains(source, ":"), strings.Contains(destination, ":")
	switch {
	case protocol != "TCP4" && protocol != "TCP6":
		return h, invalid("invalid protocol %s", protocol)
	case protocol == "TCP4" && (v6 || other):
		return h, invalid("TCP4 with IPv6 address")
	case protocol == "TCP6" && !(v6 && other):
		return h, invalid("TCP6 with IPv4 address")
	}
	return Header{
		Source:      &net.TCPAddr{IP: from, Port: int(fromPort)},
		Destination: &net.TCPAddr{IP: to, Port: int(toPort)},
	}, nil
}
