package operator

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// PresentableJWT returns a user's JWT if it may be shown: one that is no use
// without the user's key. A bearer token is a credential, and what cannot be
// decoded may be one. Of a user who was let in, User.Bearer says more: a signing
// key's template may make bearers of its users.
func PresentableJWT(text string) string {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return ""
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		NATS struct {
			Bearer bool `json:"bearer_token"`
		} `json:"nats"`
	}
	if err := json.Unmarshal(body, &claims); err != nil || claims.NATS.Bearer {
		return ""
	}
	return text
}
