package kit

import (
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Signer is a key pair with its public key.
type Signer struct {
	nkeys.KeyPair
	Public string
}

// NewSigner makes the key pair of an operator, an account or a user.
func NewSigner(t testing.TB, kind nkeys.PrefixByte) Signer {
	t.Helper()
	pair := Must[nkeys.KeyPair](t)(nkeys.CreatePair(kind))
	return Signer{pair, Must[string](t)(pair.PublicKey())}
}

// Account signs the claims of an account; change may be nil.
func (s Signer) Account(t testing.TB, account Signer, change func(*jwt.AccountClaims)) string {
	t.Helper()
	claims := jwt.NewAccountClaims(account.Public)
	if change != nil {
		change(claims)
	}
	return Must[string](t)(claims.Encode(s))
}

// User signs the claims of a user; change may be nil.
func (s Signer) User(t testing.TB, user Signer, change func(*jwt.UserClaims)) string {
	t.Helper()
	claims := jwt.NewUserClaims(user.Public)
	if change != nil {
		change(claims)
	}
	return Must[string](t)(claims.Encode(s))
}

// As connects with a JWT and the key that it is for.
func As(text string, key Signer) nats.Option {
	return nats.UserJWT(func() (string, error) { return text, nil }, key.Sign)
}

// NewUser makes a user and returns the option to connect as that one; change may be
// nil.
func (s Signer) NewUser(t testing.TB, change func(*jwt.UserClaims)) nats.Option {
	t.Helper()
	key := NewSigner(t, nkeys.PrefixByteUser)
	return As(s.User(t, key, change), key)
}
