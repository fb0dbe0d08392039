package system_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// Go: TestClientUserInfoReq server/client_test.go:3069
func TestUsersLearnAboutThemselves(t *testing.T) {
	s := godwittest.RunConfig(t, `
		server_name: one
		accounts {
			A { users: [ {user: joe, password: p, permissions: {
				publish: { allow: "$SYS.REQ.>", deny: "$SYS.REQ.ACCOUNT.>" }
				subscribe: "_INBOX.>"
				allow_responses: true
			}} ] }
			B { users: [ {user: ann, password: p} ] }
			$SYS { users: [ {user: sys, password: p} ] }
		}
		no_auth_user: joe`)
	var joe any = map[string]any{
		"user": "joe", "account": "A", "account_name": "A",
		"permissions": map[string]any{
			"publish":   map[string]any{"allow": []any{"$SYS.REQ.>"}, "deny": []any{"$SYS.REQ.ACCOUNT.>"}},
			"subscribe": map[string]any{"allow": []any{"_INBOX.>"}},
			"responses": map[string]any{"max": 1.0, "ttl": float64(2 * time.Minute)},
		},
	}
	ann := map[string]any{"user": "ann", "account": "B", "account_name": "B"}
	for _, tc := range []struct {
		user string
		want any
	}{
		{"", joe}, {"joe", joe}, {"ann", ann},
		{"sys", map[string]any{"user": "sys", "account": "$SYS", "account_name": "$SYS"}},
	} {
		nc := connect(t, s, tc.user)
		o := ask(t, nc, "$SYS.REQ.USER.INFO", "")
		if diff := cmp.Diff(tc.want, o.at("data")); diff != "" {
			t.Errorf("%q:\n%s", tc.user, diff)
		}
		o.expect(t, map[string]any{"server.name": "one"})
	}

	// A user cannot claim to be another.
	victim := connect(t, s, "joe")
	id, err := victim.GetClientID()
	if err != nil {
		t.Fatal(err)
	}
	claim, err := json.Marshal(map[string]any{"acc": "B", "user": "joe", "id": id, "server": "one"})
	if err != nil {
		t.Fatal(err)
	}
	m := nats.NewMsg("$SYS.REQ.USER.INFO")
	m.Header["Nats-Request-Info"] = []string{string(claim)}
	answer, err := connect(t, s, "ann").RequestMsg(m, kit.Patience)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(any(ann), decode(t, answer.Data).at("data")); diff != "" {
		t.Errorf("with a forged header:\n%s", diff)
	}
}
