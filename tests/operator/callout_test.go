package operator_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
)

// decide answers questions about users: those with the right password get in.
func decide(t *testing.T, nc *nats.Conn, issuer signer, curve nkeys.KeyPair) {
	t.Helper()
	must[*nats.Subscription](t)(nc.Subscribe("$SYS.REQ.USER.AUTH", func(m *nats.Msg) {
		body := m.Data
		if curve != nil {
			var err error
			if body, err = curve.Open(body, m.Header.Get("Nats-Server-Xkey")); err != nil {
				t.Error(err)
				return
			}
		}
		asked, err := jwt.DecodeAuthorizationRequestClaims(string(body))
		if err != nil {
			t.Error(err)
			return
		}
		answer := jwt.NewAuthorizationResponseClaims(asked.UserNkey)
		answer.Audience = asked.Server.ID
		if asked.ConnectOptions.Password == "right" {
			user := jwt.NewUserClaims(asked.UserNkey)
			user.Name, user.Audience = asked.ConnectOptions.Username, "APP"
			user.Pub.Deny.Add("forbidden")
			user.Expires = time.Now().Add(10 * time.Minute).Unix()
			if answer.Jwt, err = user.Encode(issuer); err != nil {
				t.Error(err)
				return
			}
		} else {
			answer.Error = "wrong password"
		}
		text, err := answer.Encode(issuer)
		if err != nil {
			t.Error(err)
			return
		}
		reply := []byte(text)
		if curve != nil {
			if reply, err = curve.Seal(reply, m.Header.Get("Nats-Server-Xkey")); err != nil {
				t.Error(err)
				return
			}
		}
		if err := m.Respond(reply); err != nil {
			t.Error(err)
		}
	}))
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

// Go: TestAuthCalloutBasics server/auth_callout_test.go:280
func TestAServiceDecidesWhoMayConnect(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		issuer := newSigner(t, nkeys.PrefixByteAccount)
		var curve nkeys.KeyPair
		key := ""
		if encrypted {
			curve = must[nkeys.KeyPair](t)(nkeys.CreateCurveKeys())
			key = "xkey: " + must[string](t)(curve.PublicKey())
		}
		o := must[*godwit.Options](t)(godwit.ProcessConfigString(`
			listen: 127.0.0.1:-1
			accounts { AUTH { users [{user: auth, password: pwd}] }, APP {} }
			authorization { timeout: 5, auth_callout { issuer: ` + issuer.public + `, account: AUTH, auth_users: [auth], ` + key + ` } }`))
		o.NoLog = true
		s := must[*godwit.Server](t)(godwit.NewServer(o))
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		service := connect(t, s, nats.UserInfo("auth", "pwd"))
		decide(t, service, issuer, curve)

		nc := connect(t, s, nats.UserInfo("joe", "right"))
		told := make(chan error, 1)
		nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { told <- err })
		if err := nc.Publish("forbidden", nil); err != nil {
			t.Fatal(err)
		}
		if err := <-told; !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("told %v", err)
		}
		m := must[*nats.Msg](t)(nc.Request("$SYS.REQ.USER.INFO", nil, patience))
		var info struct {
			Data struct {
				User, Account string
				Permissions   struct{ Publish struct{ Deny []string } }
				Expires       time.Duration
			}
		}
		if err := json.Unmarshal(m.Data, &info); err != nil {
			t.Fatal(err)
		}
		who := info.Data
		if who.User != "joe" || who.Account != "APP" || !slices.Equal(who.Permissions.Publish.Deny, []string{"forbidden"}) ||
			who.Expires < 9*time.Minute || who.Expires > 10*time.Minute {
			t.Errorf("the user is %s", m.Data)
		}
		if _, err := nats.Connect(s.ClientURL(), nats.UserInfo("joe", "wrong")); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("a wrong password: %v", err)
		}
		service.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { told <- err })
		if err := service.Publish("$SYS.REQ.USER.AUTH", nil); err != nil {
			t.Fatal(err)
		}
		if err := <-told; !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("a question in the server's name: %v", err)
		}
		s.Shutdown()
	}
}
