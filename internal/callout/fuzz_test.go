package callout

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// FuzzJudge feeds bytes to attempts of all modes. Nothing that a stranger could
// make is let in.
func FuzzJudge(f *testing.F) {
	var worlds []*world
	var attempts []*Attempt
	for _, m := range modes {
		w := newWorld(f, m)
		a := w.ask(client())
		a.user = fixedKey(f, nkeys.PrefixByteUser, 14).public // inputs mean the same in each process
		f.Add(w.respond(a, func(r *answer) { r.envelope.Subject = w.names(a, "{somebody}") }))
		f.Add(w.respond(a, func(r *answer) { r.envelope.Error = "no" }))
		worlds, attempts = append(worlds, w), append(attempts, a)
	}
	f.Add([]byte(nil))
	f.Add([]byte("eyJ"))
	f.Add([]byte(strings.Repeat(".", 1000)))
	f.Add([]byte("xkv1" + strings.Repeat("x", 60)))
	f.Add([]byte("eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5In0.bnVsbA."))
	f.Fuzz(func(t *testing.T, body []byte) {
		for i, a := range attempts {
			w := worlds[i]
			w.t = t
			user, err := a.Judge(body, w.accounts, w.now)
			if err == nil || user != nil {
				t.Fatalf("%v: let in as %+v by %q", w.mode, user, body)
			}
			var refused *Refusal
			if !errors.As(err, &refused) || refused.Text == "" {
				t.Fatalf("%v: %v", w.mode, err)
			}
		}
	})
}

// FuzzClaims signs whatever claims it is given, for the envelope and for the user
// in it, so that what lies behind the signatures is reached. Whoever is let in is
// the one who was asked about, where the service may place users.
func FuzzClaims(f *testing.F) {
	var worlds []*world
	var attempts []*Attempt
	for _, m := range modes {
		w := newWorld(f, m)
		worlds, attempts = append(worlds, w), append(attempts, w.ask(client()))
	}
	w := worlds[0]
	payload := func(text string) string {
		data, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
		if err != nil {
			f.Fatal(err)
		}
		return string(data)
	}
	var user, envelope string
	w.respond(attempts[0], func(r *answer) {
		r.user.Src.Set("127.0.0.0/8")
		r.user.Times = []jwt.TimeRange{{Start: "00:00:00", End: "23:59:59"}}
		r.user.AllowedConnectionTypes.Add("MQTT", "STANDARD")
		r.user.Resp = &jwt.ResponsePermission{MaxMsgs: 1}
		r.user.Pub.Allow.Add("a")
		text, err := r.user.Encode(r.userSigner)
		if err != nil {
			f.Fatal(err)
		}
		user = payload(text)
		if text, err = r.envelope.Encode(r.signer); err != nil {
			f.Fatal(err)
		}
		envelope = payload(text)
	})
	f.Add(user, envelope)
	f.Add(`{"nats":{"type":"user","version":2}}`, envelope)
	f.Add(`{"nats":{"type":"user","version":2,"src":"a,b","times":[{}],"proxy_required":true}}`, envelope)
	f.Add(`{"type":"user","nats":null}`, `{"nats":{"type":"authorization_response","version":2,"error":"no"}}`)
	f.Add(`{}`, `{"type":"authorization_response","nats":null}`)
	f.Fuzz(func(t *testing.T, user, envelope string) {
		for i, a := range attempts {
			w := worlds[i]
			w.t = t
			u, e := object(user), object(envelope)
			if u == nil || e == nil {
				return
			}
			signer := w.issuer
			if w.operated {
				signer = w.app
			}
			u["iss"], u["sub"] = signer.public, a.UserKey()
			e["iss"], e["sub"], e["aud"] = w.issuer.public, a.UserKey(), a.server
			if nats, ok := e["nats"].(map[string]any); ok && nats["error"] == nil {
				nats["jwt"] = forge(t, signer, u)
			}
			body := w.pack(&answer{}, []byte(forge(t, w.issuer, e)))
			got, err := a.Judge(body, w.accounts, w.now)
			if err != nil {
				var refused *Refusal
				if !errors.As(err, &refused) || refused.Text == "" {
					t.Fatal(err)
				}
				continue
			}
			if got.Name != a.UserKey() || got.MaxPayload == 0 || got.MaxSubscriptions == 0 {
				t.Fatalf("%+v", got)
			}
			if w.operated && got.Account != w.app.public && got.Account != w.issuer.public {
				t.Fatalf("placed in %q", got.Account)
			}
			if !w.operated && got.Account != "APP" && got.Account != "$G" {
				t.Fatalf("placed in %q", got.Account)
			}
		}
	})
}

func object(text string) (m map[string]any) {
	if json.Unmarshal([]byte(text), &m) != nil {
		return nil
	}
	return m
}
