package resolver

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/jwt/v2"
)

// stamp is what a store looks at in a JWT.
type stamp struct {
	ID      string `json:"jti"`
	Issued  int64  `json:"iat"` // Unix seconds
	Expires int64  `json:"exp"` // Unix seconds; 0: never
	Subject string `json:"sub"`
}

// stampOf reads the claims of a JWT that is in the store, without verifying its
// signature: it decides about nothing but the order and the age of files.
func stampOf(text string) (s stamp, ok bool) {
	parts := strings.SplitN(text, ".", 4)
	if len(parts) != 3 {
		return s, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &s) != nil {
		return stamp{}, false
	}
	return s, true
}

// checkText refuses what could not be told from other files, or lines, later.
func checkText(text string) error {
	if text == "" || len(text) > MaxSize || strings.ContainsAny(text, "| \t\r\n") {
		return ErrInvalid
	}
	return nil
}

// verify reads the claims of an account JWT from outside, by whomever it was
// signed.
func verify(key, text string) (stamp, error) {
	if err := checkText(text); err != nil {
		return stamp{}, err
	}
	c, err := jwt.DecodeAccountClaims(text)
	if err != nil {
		return stamp{}, err
	}
	if c.Subject != key {
		return stamp{}, fmt.Errorf("jwt subject nkey and provided nkey do not match")
	}
	return stamp{ID: c.ID, Issued: c.IssuedAt, Expires: c.Expires, Subject: c.Subject}, nil
}
