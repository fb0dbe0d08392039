package operator

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// errMalformed is for delete requests that do not say what to delete.
var errMalformed = errors.New("malformed request")

// DeleteError is why a request to delete accounts is refused.
type DeleteError struct {
	Issuer string // who says to have made the request; empty if that is not known
	Err    error
}

func (e *DeleteError) Error() string {
	return fmt.Sprintf("delete accounts request by %s failed - %v", e.Issuer, e.Err)
}

// Unwrap gives what is wrong.
func (e *DeleteError) Unwrap() error { return e.Err }

// CheckDelete judges a request to delete accounts and lists these. It has to be
// made and signed by one of the keys with which the first operator signs
// accounts. allowed tells whether deleting is possible at all. All errors are
// *DeleteError.
func (t *Trust) CheckDelete(text string, allowed bool, now time.Time) ([]string, error) {
	c, err := decodeRequest(text)
	if err != nil {
		return nil, &DeleteError{Err: err}
	}
	accounts, err := t.deletable(c, allowed, now)
	if err != nil {
		return nil, &DeleteError{Issuer: c.Subject, Err: err}
	}
	return accounts, nil
}

func (t *Trust) deletable(c *deleteClaims, allowed bool, now time.Time) ([]string, error) {
	switch {
	case !allowed:
		return nil, errors.New("delete must be enabled in server config")
	case c.Subject != c.Issuer:
		return nil, errors.New("not self signed")
	case !t.mayDelete(c.Issuer):
		return nil, errors.New("not trusted")
	case untimely(&c.ClaimsData, now) != "":
		return nil, errors.New(untimely(&c.ClaimsData, now))
	}
	var accounts []string
	if json.Unmarshal(c.Data.Accounts, &accounts) != nil || accounts == nil {
		return nil, errMalformed
	}
	for _, key := range accounts {
		switch {
		case !nkeys.IsValidPublicAccountKey(key):
			return nil, errMalformed
		case key == t.system:
			return nil, errors.New("not allowed to delete system account")
		}
	}
	return accounts, nil
}

func (t *Trust) mayDelete(key string) bool {
	if len(t.operators) == 0 {
		return false
	}
	first := t.operators[0].Claims
	return key == first.Subject && !first.StrictSigningKeyUsage || first.SigningKeys.Contains(key)
}

// deleteClaims are generic claims: none of the kinds that the library knows.
type deleteClaims struct {
	jwt.ClaimsData
	Data struct {
		Accounts json.RawMessage `json:"accounts"`
	} `json:"nats"`
}

// decodeRequest reads generic claims and verifies the signature. It does not use
// the library's function, which can be made to crash.
func decodeRequest(text string) (*deleteClaims, error) {
	if len(text) > MaxTokenSize {
		return nil, jwt.ErrTokenTooLarge
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, errParts
	}
	var header jwt.Header
	if err := decodePart(parts[0], &header); err != nil {
		return nil, err
	}
	if err := header.Valid(); err != nil {
		return nil, err
	}
	var c deleteClaims
	if err := decodePart(parts[1], &c); err != nil {
		return nil, err
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, err
	}
	signed, generation := parts[0]+"."+parts[1], "V2"
	if strings.EqualFold(header.Algorithm, jwt.AlgorithmNkeyOld) {
		signed, generation = parts[1], "V1"
	}
	key, err := nkeys.FromPublicKey(c.Issuer)
	if err != nil || key.Verify([]byte(signed), signature) != nil {
		return nil, fmt.Errorf("claim failed %s signature verification", generation)
	}
	return &c, nil
}

func decodePart(part string, into any) error {
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}
