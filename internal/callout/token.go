package callout

import (
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// claimsVersion is that of the claims that are written here.
const claimsVersion = 2

// sign makes a JWT of a question. The library would take the time from its own
// clock.
func sign(key nkeys.KeyPair, claims *jwt.AuthorizationRequestClaims, now time.Time) ([]byte, error) {
	issuer, err := key.PublicKey()
	if err != nil {
		return nil, err
	}
	if !nkeys.IsValidPublicServerKey(issuer) {
		return nil, errors.New("not the key of a server")
	}
	claims.Issuer, claims.IssuedAt = issuer, now.Unix()
	claims.Type, claims.GenericFields.Version = jwt.AuthorizationRequestClaim, claimsVersion
	data, err := json.Marshal(&claims.ClaimsData)
	if err != nil {
		return nil, err
	}
	digest := sha512.Sum512_256(data)
	claims.ID = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(digest[:])
	body, err := json.Marshal(claims)
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(jwt.Header{Type: jwt.TokenTypeJwt, Algorithm: jwt.AlgorithmNkey})
	if err != nil {
		return nil, err
	}
	encoding := base64.RawURLEncoding
	text := encoding.AppendEncode(nil, header)
	text = encoding.AppendEncode(append(text, '.'), body)
	signature, err := key.Sign(text)
	if err != nil {
		return nil, err
	}
	return encoding.AppendEncode(append(text, '.'), signature), nil
}
