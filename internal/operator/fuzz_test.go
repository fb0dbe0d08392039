package operator

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

func fixedWorld(f *testing.F) (*world, key) {
	w := &world{t: f, operator: fixedKey(f, nkeys.PrefixByteOperator, 1), account: fixedKey(f, nkeys.PrefixByteAccount, 2)}
	w.trust = trustIn(f, operatorOf(f, w.operator))
	return w, fixedKey(f, nkeys.PrefixByteUser, 3)
}

// FuzzDecode feeds texts to all readers of JWTs.
func FuzzDecode(f *testing.F) {
	w, u := fixedWorld(f)
	f.Add(w.accountText())
	f.Add(encode(f, w.account, jwt.NewUserClaims(u.public)))
	f.Add(encode(f, w.operator, jwt.NewGenericClaims(w.operator.public)))
	f.Add("..")
	f.Add("eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5In0.e30.")
	f.Fuzz(func(t *testing.T, text string) {
		account, err := w.trust.Account(text, now())
		if err == nil && account.Issuer != w.operator.public {
			t.Fatalf("account of %s", account.Issuer)
		}
		_, _ = DecodeUser(text)
		_, _ = ReadOperator(text)
		_, _ = ValidationIssues(text, now())
		_, _ = w.trust.CheckUpdate("", text)
		_, _ = w.trust.CheckDelete(text, true, now())
		_, _ = w.trust.Open(&Request{JWT: text}, now())
		_, _ = VerifyActivation(&Account{Name: w.account.public}, &Account{Name: u.public}, &Import{Token: text}, now())
	})
}

// FuzzClaims signs whatever claims it is given, so that what lies behind the
// verification of signatures is reached.
func FuzzClaims(f *testing.F) {
	w, u := fixedWorld(f)
	seeds := []string{w.accountText(func(c *jwt.AccountClaims) {
		c.Exports.Add(&jwt.Export{Subject: "s.>", Type: jwt.Stream, TokenReq: true}, &jwt.Export{Subject: "a.*", Type: jwt.Service, AccountTokenPosition: 2})
		c.Imports.Add(&jwt.Import{Subject: "x.*", Account: w.account.public, Type: jwt.Stream, LocalSubject: "y.$1"})
		c.AddMapping("m.*", jwt.WeightedMapping{Subject: "n.$1", Weight: 30})
		c.SigningKeys.AddScopedSigner(jwt.NewUserScope())
		c.Trace = &jwt.MsgTrace{Destination: "t"}
	}), encode(f, w.account, jwt.NewUserClaims(u.public), func(c *jwt.UserClaims) {
		c.Pub.Allow.Add("a")
		c.Src.Set("10.0.0.0/8")
		c.Times = []jwt.TimeRange{{Start: "01:00:00", End: "02:00:00"}}
		c.AllowedConnectionTypes.Add("MQTT")
		c.Resp = &jwt.ResponsePermission{MaxMsgs: 1}
	})}
	for _, text := range seeds {
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(payload))
	}
	f.Add(`{"nats":{"type":"account","version":2,"exports":[null],"imports":[null],"signing_keys":[null,7,{}]}}`)
	f.Add(`{"nats":{"type":"user","version":2,"src":"a,b","bearer_token":true}}`)
	f.Add(`{"type":"user","nats":null}`)
	f.Fuzz(func(t *testing.T, payload string) {
		var claims map[string]any
		if json.Unmarshal([]byte(payload), &claims) != nil || claims == nil {
			return
		}
		algorithm := jwt.AlgorithmNkey
		if claims["type"] != nil {
			algorithm = jwt.AlgorithmNkeyOld
		}
		claims["iss"], claims["sub"] = w.operator.public, w.account.public
		text := forge(t, w.operator, algorithm, claims)
		if a, err := w.trust.Account(text, now()); err == nil {
			_ = a.CheckMappings()
			_ = a.Label()
			for _, i := range a.Imports {
				_, _ = VerifyActivation(a, a, i, now())
			}
		}
		_, _ = w.trust.CheckUpdate("", text)
		claims["iss"], claims["sub"] = w.account.public, u.public
		text = forge(t, w.account, algorithm, claims)
		r := request(t, u, text)
		if c, err := w.trust.Open(r, now()); err == nil {
			_, _ = Bootstrap(w.account.public).Admit(c, r, now())
		}
	})
}
