package operator

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

func unsignedJWT(claims string) string {
	return "eyJhbGciOiJlZDI1NTE5In0." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

// A bearer token lets whoever reads it log in, so it is never shown; and what
// nobody can read may be one.
func TestBearerTokensAreNotShown(t *testing.T) {
	shown := unsignedJWT(`{"nats":{"type":"user","bearer_token":false}}`)
	if got := PresentableJWT(shown); got != shown {
		t.Errorf("an ordinary user's JWT: %q", got)
	}
	for _, hidden := range []string{
		"", "garbage", "a.b", "a.!!.c", "a.bm90IGpzb24.c", unsignedJWT(`{"nats":{"bearer_token":true}}`), unsignedJWT(`{"nats":1}`),
		unsignedJWT(`{}`) + ".d",
	} {
		if got := PresentableJWT(hidden); got != "" {
			t.Errorf("PresentableJWT(%q) = %q", hidden, got)
		}
	}
}

func FuzzPresentableJWT(f *testing.F) {
	f.Add(unsignedJWT(`{"nats":{"bearer_token":true}}`))
	f.Add(unsignedJWT(`{"nats":{}}`))
	f.Fuzz(func(t *testing.T, text string) {
		got := PresentableJWT(text)
		if got != "" && got != text {
			t.Fatalf("PresentableJWT(%q) = %q", text, got)
		}
		if got == "" {
			return
		}
		var claims map[string]any
		body, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
		if err != nil || json.Unmarshal(body, &claims) != nil {
			t.Fatalf("shown, but not readable: %q", text)
		}
		if nats, ok := claims["nats"].(map[string]any); ok && nats["bearer_token"] == true {
			t.Fatalf("a bearer token is shown: %q", text)
		}
	})
}
