package resolver

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/operator"
)

// errEmpty is for requests without a JWT.
var errEmpty = errors.New("request body is empty")

// Answer is the answer to a request: "data" of it if it went well, else "error".
type Answer struct {
	Account     string `json:"account,omitempty"`
	Code        int    `json:"code"`
	Message     string `json:"message,omitempty"`
	Description string `json:"description,omitempty"`
}

// OK reports whether it went well.
func (a *Answer) OK() bool { return a.Code == codeOK }

const (
	codeOK    = 200
	codeError = 500
)

func good(account, message string) Answer {
	return Answer{Account: account, Code: codeOK, Message: message}
}

func bad(account, message string, err error) Answer {
	return Answer{Account: account, Code: codeError, Description: fmt.Sprintf("%s - %v", message, err)}
}

// UpdateAnswer is the answer to a request to update an account. err is why that
// failed; skipped, that nothing was to be done.
func UpdateAnswer(k Kind, account string, skipped bool, err error) Answer {
	message, suffix := "jwt update", ""
	if k == KindCache {
		message, suffix = "jwt update cache", " cache"
	}
	var refused *operator.UpdateError
	switch {
	case err == nil && skipped:
		return good(account, message+" skipped")
	case err == nil:
		return good(account, "jwt updated"+suffix)
	case errors.Is(err, errEmpty):
		return bad(account, "jwt update error", err)
	case errors.As(err, &refused) && refused.Invalid && k == KindFull:
		return bad(account, "jwt validation failed", err)
	case refused != nil && refused.Invalid && k == KindCache:
		return bad(account, "jwt update cache validation failed", err)
	}
	return bad(account, message+" resulted in error", err)
}

// HandleUpdate serves a request to update an account. key is the account of the
// request's subject; empty, if only the JWT says. loaded reports whether an
// account is in use at this server. Resolvers with a directory store the JWT,
// and tell of the change. The others do not: then apply is the account to which
// the caller has to apply it, and if that fails UpdateAnswer makes the answer.
func HandleUpdate(r Resolver, t *operator.Trust, key, text string, loaded func(account string) bool) (apply string, a Answer) {
	shared, ok := r.(*Shared)
	if !ok && text == "" {
		return "", UpdateAnswer(r.Kind(), key, false, errEmpty)
	}
	account, err := t.CheckUpdate(key, text)
	if err != nil {
		return "", UpdateAnswer(r.Kind(), aboutWhom(r.Kind(), key, err), false, err)
	}
	switch {
	case r.Kind() != KindFull && !loaded(account):
		return "", UpdateAnswer(r.Kind(), account, true, nil)
	case !ok:
		return account, UpdateAnswer(r.Kind(), account, false, nil)
	}
	return "", UpdateAnswer(r.Kind(), account, false, shared.Save(account, text))
}

// aboutWhom is the account that the answer to a bad request names. Full resolvers
// believe nothing but the JWT.
func aboutWhom(k Kind, key string, err error) string {
	var refused *operator.UpdateError
	if !errors.As(err, &refused) || key != "" && k != KindFull && refused.Account == "n/a" {
		return key
	}
	return refused.Account
}

// HandleDelete serves a request to delete accounts.
func (d *Directory) HandleDelete(t *operator.Trust, text string, now time.Time) Answer {
	accounts, err := t.CheckDelete(text, d.config.Delete != DeleteRefused, now)
	if err != nil {
		return Answer{Code: codeError, Description: err.Error()}
	}
	var failures []string
	for _, key := range accounts {
		if err := d.Delete(key); err != nil {
			failures = append(failures, err.Error())
		}
	}
	if len(failures) > 0 {
		message := fmt.Sprintf("deleted %d accounts, failed for %d", len(accounts)-len(failures), len(failures))
		return bad("", message, errors.New(strings.Join(failures, "\n")))
	}
	return good("", fmt.Sprintf("deleted %d accounts", len(accounts)))
}
