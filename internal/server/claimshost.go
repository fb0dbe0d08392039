package server

import (
	"errors"

	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/system"
)

// claimsHost are the server's claims as the system account sees them.
type claimsHost struct{ *Server }

// Claims implements system.Host.
func (h host) Claims() system.Claims {
	if h.claims == nil {
		return nil
	}
	return claimsHost(h)
}

// Update implements system.Claims. Claims that the server does not keep change the
// account as long as it runs.
func (h claimsHost) Update(key, text string) (account, message string, err error) {
	if text == "" {
		return key, "jwt update error", errors.New("request body is empty")
	}
	account, err = h.claims.trust.CheckUpdate(key, text)
	if err != nil {
		message = "jwt update resulted in error"
		if refused := (*operator.UpdateError)(nil); errors.As(err, &refused) {
			account = refused.Account
			if refused.Invalid {
				message = "jwt validation failed"
			}
		}
		return account, message, err
	}
	if h.accounts.get(account) == nil {
		return account, "jwt update skipped", nil
	}
	if err := h.refreshAccount(account, text); err != nil {
		return account, "jwt update resulted in error", err
	}
	return account, "jwt updated", nil
}

// Keeps implements system.Claims.
func (claimsHost) Keeps() bool { return false }

// Whole implements system.Claims.
func (claimsHost) Whole() bool { return false }

// Lookup implements system.Claims.
func (claimsHost) Lookup(string) string { return "" }

// List implements system.Claims.
func (claimsHost) List() []string { return nil }

// Pack implements system.Claims.
func (claimsHost) Pack([]byte) ([]string, bool) { return nil, true }

// Delete implements system.Claims.
func (claimsHost) Delete(string) (string, error) { return "", nil }
