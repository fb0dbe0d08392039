package operator

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
)

// MaxTokenSize bounds a JWT, in bytes. A longer one is refused unread.
const MaxTokenSize = jwt.MaxTokenSize

// errParts is for texts that are no JWT at all.
var errParts = errors.New("expected 3 chunks")

// decode reads a JWT of one kind and verifies its signature, by whoever its
// claims name as the issuer.
func decode[C jwt.Claims](text, kind string) (C, error) {
	var none C
	if len(text) <= MaxTokenSize && strings.Count(text, ".") != 2 {
		return none, errParts
	}
	claims, err := jwt.Decode(text)
	if err != nil {
		return none, err
	}
	c, ok := claims.(C)
	if !ok {
		return none, fmt.Errorf("not %s claim", kind)
	}
	return c, nil
}

func decodeOperator(text string) (*jwt.OperatorClaims, error) {
	return decode[*jwt.OperatorClaims](text, "operator")
}

func decodeAccount(text string) (*jwt.AccountClaims, error) {
	c, err := decode[*jwt.AccountClaims](text, "account")
	if err != nil {
		return nil, err
	}
	// The library's validation takes it that there are none.
	for _, e := range c.Exports {
		if e == nil {
			return nil, errors.New("null export is not allowed")
		}
	}
	for _, i := range c.Imports {
		if i == nil {
			return nil, errors.New("null import is not allowed")
		}
	}
	return c, nil
}

func decodeUser(text string) (*jwt.UserClaims, error) {
	return decode[*jwt.UserClaims](text, "user")
}

func decodeActivation(text string) (*jwt.ActivationClaims, error) {
	return decode[*jwt.ActivationClaims](text, "activation")
}

// issues are what is to be said against claims.
type issues struct {
	blocking []string // the claims must not be used
	time     []string // not now
	warnings []string
}

// inspect validates claims. The library has a clock of its own, so what it says
// about time does not count.
func inspect(c jwt.Claims, now time.Time) (found issues) {
	results := jwt.CreateValidationResults()
	c.Validate(results)
	for _, i := range results.Issues {
		switch {
		case i.TimeCheck:
		case i.Blocking:
			found.blocking = append(found.blocking, i.Description)
		default:
			found.warnings = append(found.warnings, i.Description)
		}
	}
	if problem := untimely(c.Claims(), now); problem != "" {
		found.time = append(found.time, problem)
	}
	return found
}

// untimely says what is wrong with the time of claims, in whole seconds.
func untimely(c *jwt.ClaimsData, now time.Time) string {
	switch seconds := now.Unix(); {
	case c.Expires > 0 && seconds > c.Expires:
		return "claim is expired"
	case c.NotBefore > 0 && c.NotBefore > seconds:
		return "claim is not yet valid"
	}
	return ""
}

// fatal lists the issues that keep claims from being used now.
func (i issues) fatal() []string {
	return append(i.blocking[:len(i.blocking):len(i.blocking)], i.time...)
}

// ValidationIssues lists what is wrong with an account JWT that cannot be used
// now, warnings included; nil if it can be. The error is for texts that are no
// account JWT. Whether the issuer is trusted is another question.
func ValidationIssues(text string, now time.Time) ([]string, error) {
	c, err := decodeAccount(text)
	if err != nil {
		return nil, err
	}
	found := inspectAccount(c, now)
	if len(found.fatal()) == 0 {
		return nil, nil
	}
	return append(found.fatal(), found.warnings...), nil
}

// unixTime is the time of a field of claims; zero stands for none.
func unixTime(seconds int64) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
