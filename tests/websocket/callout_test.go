package websocket_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/tests/kit"
)

// question is what an authentication service saw of a client.
type question struct {
	server, host, kind string
	certs, chains      int
	subject            string
}

// Go: TestAuthCalloutWSClientTLSCerts server/auth_callout_test.go:2194
func TestAnAuthenticationServiceSeesCertificates(t *testing.T) {
	a := kit.NewAuthority(t)
	server, client := a.Server(), a.Issue(example)
	issuer, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	public, err := issuer.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	s := run(t, listen+secure(server, "verify: true")+fmt.Sprintf(`
		server_name: T
		tls { %s, verify: true }
		accounts { AUTH { users [{user: auth, password: pwd}] }, FOO {} }
		authorization { timeout: 5, auth_callout { issuer: %s, account: AUTH, auth_users: [auth] } }
	`, server.Lines(), public))
	secure := nats.Secure(a.TLS(client))
	asked := make(chan question, 1)
	service := s.overTCP(secure, nats.UserInfo("auth", "pwd"))
	if _, err := service.Subscribe("$SYS.REQ.USER.AUTH", func(m *nats.Msg) {
		q, answer, err := judge(m.Data, issuer)
		if err != nil {
			t.Error(err)
			return
		}
		asked <- q
		if err := m.Respond(answer); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	kit.Flush(t, service)
	nc := s.overWeb(secure)
	// A chain that was verified stands for the certificates in it.
	want := question{server: "T", host: "127.0.0.1", kind: "websocket", chains: 2, subject: exampleUser}
	if got := <-asked; got != want {
		t.Errorf("the question was %+v, want %+v", got, want)
	}
	m, err := nc.Request("$SYS.REQ.USER.INFO", nil, kit.Patience)
	if err != nil {
		t.Fatal(err)
	}
	var who struct {
		Data struct{ User, Account string }
	}
	if err := json.Unmarshal(m.Data, &who); err != nil || who.Data.User != "dlc" || who.Data.Account != "FOO" {
		t.Errorf("it is %s, %v", m.Data, err)
	}
}

// judge lets holders of the example's certificate in.
func judge(data []byte, issuer nkeys.KeyPair) (q question, answer []byte, err error) {
	asked, err := jwt.DecodeAuthorizationRequestClaims(string(data))
	if err != nil {
		return q, nil, err
	}
	q = question{server: asked.Server.Name, host: asked.ClientInformation.Host, kind: asked.ClientInformation.Type}
	response := jwt.NewAuthorizationResponseClaims(asked.UserNkey)
	response.Audience, response.Error = asked.Server.ID, "no certificate"
	if shown := asked.TLS; shown != nil && len(shown.VerifiedChains) == 1 {
		q.certs, q.chains = len(shown.Certs), len(shown.VerifiedChains[0])
		block, _ := pem.Decode([]byte(shown.VerifiedChains[0][0]))
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return q, nil, err
		}
		q.subject = cert.Subject.String()
	}
	if strings.HasPrefix(q.subject, "CN=example.com") {
		user := jwt.NewUserClaims(asked.UserNkey)
		user.Name, user.Audience = "dlc", "FOO"
		response.Error = ""
		if response.Jwt, err = user.Encode(issuer); err != nil {
			return q, nil, err
		}
	}
	text, err := response.Encode(issuer)
	return q, []byte(text), err
}
