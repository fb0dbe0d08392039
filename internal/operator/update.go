package operator

import (
	"errors"
	"fmt"
	"time"
)

// UpdateError is why an account JWT that was sent in is not taken over.
type UpdateError struct {
	// Account is the public key that the answer is about, or "n/a".
	Account string
	// Invalid: the contents are at fault. Else it is the wrong JWT in this place.
	Invalid bool
	Err     error
}

func (e *UpdateError) Error() string { return e.Err.Error() }

// Unwrap gives what is wrong.
func (e *UpdateError) Unwrap() error { return e.Err }

// CheckUpdate judges an account JWT that is to be stored. key is the account that
// it was sent for; empty if that is left to the JWT. It is the account's public
// key that is returned. A JWT whose time is over, or has not come, is no error.
// All errors are *UpdateError.
func (t *Trust) CheckUpdate(key, text string) (account string, err error) {
	c, err := decodeAccount(text)
	if err != nil {
		return "", &UpdateError{Account: "n/a", Err: err}
	}
	switch {
	case key != "" && key != c.Subject:
		return "", &UpdateError{Account: key, Err: errors.New("subject does not match jwt content")}
	case t.refusesMain(c.Issuer):
		return "", &UpdateError{Account: c.Subject, Err: errors.New("operator requires issuer to be a signing key")}
	case !t.Trusts(c.Issuer):
		return "", &UpdateError{Account: c.Subject, Err: fmt.Errorf("%w: %w: %s", ErrAccount, ErrNotTrusted, c.Issuer)}
	}
	if bad := inspectAccount(c, time.Time{}).blocking; len(bad) > 0 {
		return "", &UpdateError{Account: c.Subject, Invalid: true, Err: fmt.Errorf("validation errors: %v", bad)}
	}
	a := &Account{Claims: c}
	a.addMappings()
	if err := a.CheckMappings(); err != nil {
		return "", &UpdateError{Account: c.Subject, Invalid: true, Err: err}
	}
	return c.Subject, nil
}

// refusesMain reports whether the key is that of an operator who only signs with
// others.
func (t *Trust) refusesMain(key string) bool {
	for _, o := range t.operators {
		if o.Claims.Subject == key {
			return o.Claims.StrictSigningKeyUsage
		}
	}
	return false
}
