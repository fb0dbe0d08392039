package accounts_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
)

const twoAccounts = `
	accounts {
		foo { users: [{user: foo, password: pw}] }
		bar { users: [{user: bar, password: pw}] }
	}`

// The same subject in two accounts is two subjects.
//
// Go: TestAccountIsolation server/accounts_test.go:58
func TestAccountsDoNotHearEachOther(t *testing.T) {
	s := run(t, twoAccounts)
	foo, bar := login(t, s, "foo"), login(t, s, "bar")
	bar.send("SUB foo 1", "SUB > 2", "PING")
	bar.expect("PONG")
	foo.send("SUB foo 1", pub("foo", "", "hello"), "PING")
	foo.expect("MSG foo 1 5", "hello", "PONG")
	bar.send("PING")
	bar.expect("PONG")
	for _, name := range []string{"foo", "bar"} {
		if n := account(t, s, name).Account.ClientCnt; n != 1 {
			t.Errorf("account %s has %d connections", name, n)
		}
	}
}

// Of what an account exports, each importer gets what it imports, and publishes
// nothing into the exporter.
//
// Go: TestMultiAccountsIsolation server/accounts_test.go:305
func TestImportersGetOnlyWhatTheyImport(t *testing.T) {
	s := run(t, `accounts {
		PUBLIC {
			users: [{user: public, password: pw}]
			exports: [{stream: orders.client.stream.>}, {stream: orders.client2.stream.>}]
		}
		CLIENT {
			users: [{user: client, password: pw}]
			imports: [{stream: {account: PUBLIC, subject: orders.client.stream.>}}]
		}
		CLIENT2 {
			users: [{user: client2, password: pw}]
			imports: [{stream: {account: PUBLIC, subject: orders.client2.stream.>}}]
		}
	}`)
	public, client, client2 := connect(t, s, "public"), connect(t, s, "client"), connect(t, s, "client2")
	for _, pattern := range []string{"orders.>", "orders.*.stream.entry", ">"} {
		mine, other, own := subscribe(t, client, pattern), subscribe(t, client2, pattern), subscribe(t, public, pattern)
		publish(t, public, "orders.client.stream.entry", pattern)
		mine.want(public, "orders.client.stream.entry="+pattern)
		other.want(public)
		publish(t, client, "orders.client.stream.entry", "own")
		mine.want(client, "orders.client.stream.entry=own")
		other.want(client)
		own.want(client, "orders.client.stream.entry="+pattern)
		for _, b := range []*inbox{mine, other, own} {
			ok(t, b.Unsubscribe())
			flush(t, b.nc)
		}
	}
}

// A client cannot choose its account, not even the right one.
//
// Go: TestNewAccountAndRequireNewAlwaysError server/accounts_test.go:411
func TestClientsCannotChooseTheirAccount(t *testing.T) {
	s := run(t, twoAccounts)
	login(t, s, "foo")
	for _, wish := range []string{`"account":"ANY"`, `"new_account":true`, `"account":"bar"`, `"account":"foo"`} {
		w := dial(t, s)
		w.send(`CONNECT {"user":"foo","pass":"pw",`+wish+`}`, "PING")
		w.expect("-ERR 'Authorization Violation'")
		if text, err := w.ReadString('\n'); err == nil {
			t.Errorf("%s: the connection is open and says %q", wish, text)
		}
	}
}

// Go: TestAccountFromOptions server/accounts_test.go:387
func TestAccountsMadeInCode(t *testing.T) {
	foo := godwit.NewAccount("foo")
	s := godwittest.Run(t, &godwit.Options{
		Accounts: []*godwit.Account{foo, godwit.NewAccount("bar")},
		Users:    []*godwit.User{{Username: "u", Password: "pw", Account: foo}},
	})
	if n := s.NumLoadedAccounts(); n != 4 { // and $G and $SYS
		t.Errorf("%d accounts", n)
	}
	nc := connect(t, s, "u")
	subscribe(t, nc, "x")
	if n := ownSubscriptions(t, s, "foo"); n != 1 || home(t, nc) != "foo" {
		t.Errorf("%d subscriptions in foo, %s is at home", n, home(t, nc))
	}
	if n := ownSubscriptions(t, s, "bar"); n != 0 {
		t.Errorf("%d subscriptions in bar", n)
	}
}

// Go: TestRegisterDuplicateAccounts server/accounts_test.go:51
func TestAccountsHaveDifferentNames(t *testing.T) {
	_, err := godwit.NewServer(&godwit.Options{Accounts: []*godwit.Account{godwit.NewAccount("$foo"), godwit.NewAccount("$foo")}})
	if err == nil {
		t.Error("two accounts of one name are accepted")
	}
	refuse(t, `accounts [foo, foo]`, "Duplicate Account Entry: foo")
}

// The global account is always there and nobody may define it.
//
// Go: TestAccountGlobalDefault server/accounts_test.go:2255
func TestTheGlobalAccountIsReserved(t *testing.T) {
	s := run(t, "")
	if home(t, connect(t, s, "")) != "$G" || account(t, s, "$G").Account.ClientCnt != 1 {
		t.Error("a connection is not in the global account")
	}
	refuse(t, `accounts { $G {} }`, `"$G" is a Reserved Account`)
}

// Users, by password and by key, are in the account that names them.
//
// Go: TestAccountMapsUsers server/accounts_test.go:2139
func TestUsersAreInTheAccountThatNamesThem(t *testing.T) {
	keys := make(map[string]nkeys.KeyPair)
	public := func(account string) string {
		pair := must[nkeys.KeyPair](t)(nkeys.CreateUser())
		keys[account] = pair
		return must[string](t)(pair.PublicKey())
	}
	s := run(t, fmt.Sprintf(`accounts {
		synadia { users: [{user: derek, password: pw}, {nkey: %s}] }
		nats { users: [{user: ivan, password: pw}, {nkey: %s}] }
	}`, public("synadia"), public("nats")))
	for user, account := range map[string]string{"derek": "synadia", "ivan": "nats"} {
		if got := home(t, connect(t, s, user)); got != account {
			t.Errorf("%s is in %s", user, got)
		}
	}
	for account, pair := range keys {
		w := dial(t, s)
		var info struct{ Nonce string }
		ok(t, json.Unmarshal([]byte(strings.TrimPrefix(w.info, "INFO ")), &info))
		if info.Nonce == "" {
			t.Fatalf("no nonce in %s", w.info)
		}
		key := must[string](t)(pair.PublicKey())
		sig := base64.RawURLEncoding.EncodeToString(must[[]byte](t)(pair.Sign([]byte(info.Nonce))))
		w.send(fmt.Sprintf(`CONNECT {"nkey":%q,"sig":%q,"verbose":true,"pedantic":true}`, key, sig), "PING")
		w.expect("+OK", "PONG")
		w.Close()
		nc := connect(t, s, "", nats.Nkey(key, pair.Sign))
		if got := home(t, nc); got != account {
			t.Errorf("the key of %s is in %s", account, got)
		}
	}
}

// Users of the system account do not shut out those without credentials.
//
// Go: TestAccountSystemPermsWithGlobalAccess server/accounts_test.go:3392
func TestSystemUsersLeaveTheGlobalAccountOpen(t *testing.T) {
	s := run(t, `accounts { $SYS { users: [{user: admin, password: pw}] } }`)
	if got := home(t, connect(t, s, "")); got != "$G" {
		t.Errorf("a client without credentials is in %s", got)
	}
	admin := connect(t, s, "admin")
	flush(t, admin)
	if n := account(t, s, "$SYS").Account.ClientCnt; n != 1 {
		t.Errorf("%d connections in the system account", n)
	}
	if nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("admin", "wrong")); err == nil {
		nc.Close()
		t.Error("connected with a wrong password")
	}
}

// What permissions forbid does not reach a queue group either.
//
// Go: TestAccountUserSubPermsWithQueueGroups server/accounts_test.go:3762
func TestDeniedSubjectsDoNotReachQueueGroups(t *testing.T) {
	s := run(t, `authorization { users: [{user: user, password: pw, permissions: {
		publish: ["foo.restricted", "foo.open"]
		subscribe: {allow: "foo.>", deny: "foo.restricted"}
		allow_responses: {max: 1, ttl: 0s}
	}}] }`)
	nc := connect(t, s, "user")
	members := queueSubscribe(t, nc, "foo.>", "qg")
	publish(t, nc, "foo.restricted", "secret")
	publish(t, nc, "foo.open", "news")
	members.want(nc, "foo.open=news")
}
