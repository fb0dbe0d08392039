package proxyproto

import (
	"bytes"
	"errors"
	"fmt"
	"net"
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
	// Source is the client, Destination what it connected to. Both are nil if the
	// proxy speaks for itself (a health check) or does not know.
	Source, Destination *net.TCPAddr
}

// Faults of a header; most errors wrap one of them.
var (
	errInvalid     = errors.New("invalid PROXY protocol header")
	errUnsupported = errors.New("unsupported PROXY protocol feature")
)

// sniffed is how many bytes tell whether there is a header.
const sniffed = 6

// Parse looks for a header at the beginning of buf. With Done, n is its length;
// otherwise, and with an error, n and h are zero.
func Parse(buf []byte) (h Header, n int, s Status, err error) {
	head := buf[:min(len(buf), sniffed)]
	switch {
	case len(head) == 0:
		return Header{}, 0, NeedMore, nil
	case bytes.HasPrefix([]byte(prefixV1), head):
		h, n, err = parseV1(buf)
	case bytes.HasPrefix([]byte(signatureV2), head):
		h, n, err = parseV2(buf)
	default:
		return Header{}, 0, NotProxy, nil
	}
	if err != nil || n == 0 {
		return Header{}, 0, NeedMore, err
	}
	return h, n, Done, nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errInvalid}, args...)...)
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errUnsupported}, args...)...)
}
