package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxRequestBytes bounds the body of a request, in bytes: small JSON can become
// large in memory.
const MaxRequestBytes = 8 << 20

// Decode reads the JSON of a request into v. Several values, one behind the other,
// go into v in turn; none leaves it as it is. A key that v does not know is an error
// if strict, and otherwise returned in ignored, to be logged. The error is an
// *Error.
func Decode(data []byte, v any, strict bool) (ignored, err error) {
	if len(data) > MaxRequestBytes {
		return nil, NewInvalidJSON(fmt.Errorf("request of %d bytes, maximum allowed is %d", len(data), MaxRequestBytes))
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	for err == nil {
		err = decoder.Decode(v)
	}
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	err = withOffset(err)
	if strict {
		return nil, NewInvalidJSON(err)
	}
	if again := json.Unmarshal(data, v); again != nil {
		return nil, NewInvalidJSON(again)
	}
	return err, nil
}

// withOffset adds to a syntax error where it is.
func withOffset(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%w at offset %d", err, syntax.Offset)
	}
	return err
}

// DecodeOptional is Decode for a request whose body may be left out: anything that
// does not begin as an object or an array is no body.
func DecodeOptional(data []byte, v any, strict bool) (ignored, err error) {
	if !HasBody(data) {
		return nil, nil
	}
	return Decode(data, v, strict)
}

// DecodeRequired is Decode for a request that must have a body: without, it fails
// with ErrBadRequest.
func DecodeRequired(data []byte, v any, strict bool) (ignored, err error) {
	if IsEmpty(data) {
		return nil, ErrBadRequest
	}
	return Decode(data, v, strict)
}

// CheckEmpty fails with ErrNotEmptyRequest if a request that takes no body has one.
func CheckEmpty(data []byte) error {
	if !IsEmpty(data) {
		return ErrNotEmptyRequest
	}
	return nil
}

// HasBody reports whether data begins as a JSON object or array.
func HasBody(data []byte) bool {
	data = bytes.TrimLeft(data, jsonBlanks)
	return len(data) > 0 && (data[0] == '{' || data[0] == '[')
}

const jsonBlanks = " \t\r\n"

// IsEmpty reports whether data is nothing at all, or a JSON object without members.
func IsEmpty(data []byte) bool {
	if len(data) == 0 {
		return true
	}
	inner, ok := bytes.CutPrefix(bytes.Trim(data, jsonBlanks), []byte("{"))
	return ok && string(bytes.TrimLeft(inner, jsonBlanks)) == "}"
}
