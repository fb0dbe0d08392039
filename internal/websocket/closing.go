package websocket

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Status codes of close frames (RFC 6455 §7.4.1) that this package uses itself or
// that servers commonly give.
const (
	StatusNormal          = 1000
	StatusGoingAway       = 1001
	StatusProtocolError   = 1002
	StatusInvalidPayload  = 1007
	StatusPolicyViolation = 1008
	StatusMessageTooBig   = 1009
	StatusInternalError   = 1011

	// statusNone stands for a close frame without a status; it is never sent.
	statusNone = 1005
)

// closeTextMax is the room for text beside the status.
const closeTextMax = controlMax - 2

// CloseError is a violation by the peer. Code and Text are what the close frame
// that ends the connection tells it.
type CloseError struct {
	Code int
	Text string
}

// Error returns the text.
func (e *CloseError) Error() string { return e.Text }

func protocolError(format string, args ...any) *CloseError {
	return &CloseError{StatusProtocolError, fmt.Sprintf(format, args...)}
}

// validStatus reports whether a status may stand in a close frame.
func validStatus(code int) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code <= 4999:
		return true
	}
	return false
}

// appendClosePayload appends status and text. A text that is too long is cut, at
// the beginning of a character, and ends in "...".
func appendClosePayload(dst []byte, code int, text string) []byte {
	text = strings.ToValidUTF8(text, "\uFFFD")
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	if len(text) <= closeTextMax {
		return append(dst, text...)
	}
	cut := closeTextMax - len("...")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return append(append(dst, text[:cut]...), "..."...)
}

// parseClose reads the payload of a close frame. Without a status the code is
// 1005. Text that is not UTF-8 is no fault of the protocol: valid is false then.
func parseClose(payload []byte) (code int, text string, valid bool, err *CloseError) {
	switch len(payload) {
	case 0:
		return statusNone, "", true, nil
	case 1:
		return 0, "", false, protocolError("close frame payload cannot be 1 byte")
	}
	code = int(binary.BigEndian.Uint16(payload))
	if !validStatus(code) {
		return 0, "", false, protocolError("invalid close status code %d", code)
	}
	if !utf8.Valid(payload[2:]) {
		return code, "", false, nil
	}
	return code, string(payload[2:]), true, nil
}
