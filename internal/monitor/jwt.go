package monitor

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// presentableJWT returns a user's JWT if it may be shown: one that is no use
// without the user's key. A bearer token is a credential, and what cannot be
// decoded may be one.
func presentableJWT(jwt string) string {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		NATS struct {
			Bearer bool `json:"bearer_token"`
		} `json:"nats"`
	}
	if err := json.Unmarshal(text, &claims); err != nil || claims.NATS.Bearer {
		return ""
	}
	return jwt
}
