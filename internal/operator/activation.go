package operator

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/sharing"
	"github.com/godwit-mq/godwit/internal/subject"
)

// IssuerAccountError says that an activation token claims to be of another
// account than the one that exports. It is worth an error in the log.
type IssuerAccountError struct {
	Claimed  string // the account that the token names
	Subject  string // of the token
	Type     string // "stream" or "service"
	Exporter string
}

func (e *IssuerAccountError) Error() string {
	return fmt.Sprintf("Invalid issuer account %q in activation claim (subject: %q - type: %q) for account %q",
		e.Claimed, e.Subject, e.Type, e.Exporter)
}

// VerifyActivation checks the token of an import and returns what it permits.
// Whether an export asks for it, and has not withdrawn it, is for
// [sharing.Account.Authorize] to say.
func VerifyActivation(importer, exporter *Account, i *Import, now time.Time) (*sharing.Activation, error) {
	if i.Token == "" {
		return nil, errors.New("no activation token")
	}
	c, err := decodeActivation(i.Token)
	if err != nil {
		return nil, fmt.Errorf("invalid activation token: %w", err)
	}
	if err := checkActivation(c, importer.Name, exporter.Name, i); err != nil {
		return nil, err
	}
	if c.IssuerAccount != "" {
		if c.IssuerAccount != exporter.Name {
			return nil, &IssuerAccountError{c.IssuerAccount, string(c.ImportSubject), c.ImportType.String(), exporter.Name}
		}
		if !exporter.Signs(c.Issuer) {
			return nil, fmt.Errorf("activation token issuer %q is not a signing key of account %q", c.Issuer, exporter.Name)
		}
	}
	if bad := inspect(c, now).fatal(); len(bad) > 0 {
		return nil, fmt.Errorf("activation token: %s", strings.Join(bad, "; "))
	}
	if c.Expires != 0 && c.Expires <= now.Unix() {
		return nil, errors.New("activation token: claim is expired")
	}
	return &sharing.Activation{Subject: string(c.ImportSubject), Issued: c.IssuedAt, Expires: c.Expires}, nil
}

// checkActivation compares a token with the import that it is to permit.
func checkActivation(c *jwt.ActivationClaims, importer, exporter string, i *Import) error {
	switch {
	case i.Account != exporter || c.Issuer != exporter && c.IssuerAccount != exporter:
		return fmt.Errorf("activation token doesn't match account for import %q", i.Subject)
	case c.Subject != importer:
		return fmt.Errorf("activation token doesn't match account it is being included in, %q", i.Subject)
	case c.ImportType != jwt.Stream && c.ImportType != jwt.Service || kindOf(c.ImportType) != i.Kind:
		return fmt.Errorf("mismatch between token import type %s and type of import %s", c.ImportType, i.Kind)
	case !subject.IsSubset(i.Subject, string(c.ImportSubject)):
		return fmt.Errorf("activation token import subject %q doesn't match import %q", c.ImportSubject, i.Subject)
	}
	return nil
}
