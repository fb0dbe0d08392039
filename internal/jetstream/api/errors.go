package api

import (
	"errors"
	"strconv"
)

// An Error is what the API answers instead of a result. Two errors are the same,
// in the sense of errors.Is, if their ErrCode is the same. The named ones of this
// package are shared: nobody may change them.
type Error struct {
	// Code is in the manner of HTTP, ErrCode says exactly what is wrong. Clients look
	// at both.
	Code        int    `json:"code"`
	ErrCode     uint16 `json:"err_code,omitempty"`
	Description string `json:"description,omitempty"`
}

func (e *Error) Error() string {
	return e.Description + " (" + strconv.Itoa(int(e.ErrCode)) + ")"
}

// Is reports whether target has the same ErrCode.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other != nil && e != nil && e.ErrCode == other.ErrCode
}

// with is the error with another description.
func (e *Error) with(description string) *Error {
	return &Error{Code: e.Code, ErrCode: e.ErrCode, Description: description}
}

// wrap is the error with the text of its cause between two texts. A cause that is
// an Error speaks for itself: it is returned as it is.
func (e *Error) wrap(before string, cause error) *Error {
	var own *Error
	if errors.As(cause, &own) && own != nil {
		return own
	}
	text := "unknown cause"
	if cause != nil {
		text = cause.Error()
	}
	return e.with(before + text)
}

// Lookup returns the error with that ErrCode. Where its text has parts that change,
// they are in braces.
func Lookup(errCode uint16) (*Error, bool) {
	e, ok := errorsByCode[errCode]
	return e, ok
}

var errorsByCode = make(map[uint16]*Error)

// declare makes one of the named errors.
func declare(code int, errCode uint16, description string) *Error {
	e := &Error{Code: code, ErrCode: errCode, Description: description}
	errorsByCode[errCode] = e
	return e
}
