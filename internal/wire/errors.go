package wire

import (
	"errors"
	"fmt"
)

// ErrControlLine is returned for a line whose arguments exceed the limit.
var ErrControlLine = errors.New("maximum control line exceeded")

// OperationError is returned for input that begins no known operation.
type OperationError struct {
	Near string // up to 32 bytes of the input
}

// Error quotes the input.
func (e *OperationError) Error() string {
	return fmt.Sprintf("Client parser ERROR: proto='%q'...", e.Near)
}

func unknownOperation(buf []byte) error {
	return &OperationError{Near: string(buf[:min(len(buf), 32)])}
}

// ArgumentError is returned for a known verb with bad arguments.
type ArgumentError struct{ text string }

// Error names the fault and quotes the arguments.
func (e *ArgumentError) Error() string { return e.text }

func argumentError(text string) error { return &ArgumentError{text} }

// PayloadError is returned for a message larger than allowed.
type PayloadError struct {
	Size, Max int // bytes
	// Command is the message, for those who look at its headers; nil if it has
	// none. Of the header block, Body is what has been read so far, and Header the
	// length of that.
	Command *Command
}

// Error gives both sizes in bytes.
func (e *PayloadError) Error() string {
	return fmt.Sprintf("maximum payload exceeded: %d vs %d", e.Size, e.Max)
}
