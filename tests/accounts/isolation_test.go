package accounts_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
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
	s := godwittest.RunConfig(t, twoAccounts)
	foo, bar := kit.Login(t, s.Addr(), "foo"), kit.Login(t, s.Addr(), "bar")
	bar.Send("SUB foo 1", "SUB > 2", "PING")
	bar.Expect("PONG")
	foo.Send("SUB foo 1", kit.Pub("foo", "", "hello"), "PING")
	foo.Expect("MSG foo 1 5", "hello", "PONG")
	bar.Send("PING")
	bar.Expect("PONG")
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
	s := godwittest.RunConfig(t, `accounts {
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
	public, client, client2 := kit.Connect(t, s, "public"), kit.Connect(t, s, "client"), kit.Connect(t, s, "client2")
	for _, pattern := range []string{"orders.>", "orders.*.stream.entry", ">"} {
		mine, other, own := kit.Subscribe(t, client, pattern), kit.Subscribe(t, client2, pattern), kit.Subscribe(t, public, pattern)
		publish(t, public, "orders.client.stream.entry", pattern)
		mine.Want(public, "orders.client.stream.entry="+pattern)
		other.Want(public)
		publish(t, client, "orders.client.stream.entry", "own")
		mine.Want(client, "orders.client.stream.entry=own")
		other.Want(client)
		own.Want(client, "orders.client.stream.entry="+pattern)
		for _, b := range []*kit.Inbox{mine, other, own} {
			b.Leave()
		}
	}
}

// A client cannot choose its account, not even the right one.
//
// Go: TestNewAccountAndRequireNewAlwaysError server/accounts_test.go:411
func TestClientsCannotChooseTheirAccount(t *testing.T) {
	s := godwittest.RunConfig(t, twoAccounts)
	kit.Login(t, s.Addr(), "foo")
	for _, wish := range []string{`"account":"ANY"`, `"new_account":true`, `"account":"bar"`, `"account":"foo"`} {
		w := kit.Dial(t, s.Addr())
		w.Send(`CONNECT {"user":"foo","pass":"pw",`+wish+`}`, "PING")
		w.Expect("-ERR 'Authorization Violation'")
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
	nc := kit.Connect(t, s, "u")
	kit.Subscribe(t, nc, "x")
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
	s := godwittest.RunConfig(t, "")
	if home(t, kit.Connect(t, s, "")) != "$G" || account(t, s, "$G").Account.ClientCnt != 1 {
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
		pair := kit.Must[nkeys.KeyPair](t)(nkeys.CreateUser())
		keys[account] = pair
		return kit.Must[string](t)(pair.PublicKey())
	}
	s := godwittest.RunConfig(t, fmt.Sprintf(`accounts {
		synadia { users: [{user: derek, password: pw}, {nkey: %s}] }
		nats { users: [{user: ivan, password: pw}, {nkey: %s}] }
	}`, public("synadia"), public("nats")))
	for user, account := range map[string]string{"derek": "synadia", "ivan": "nats"} {
		if got := home(t, kit.Connect(t, s, user)); got != account {
			t.Errorf("%s is in %s", user, got)
		}
	}
	for account, pair := range keys {
		w := kit.Dial(t, s.Addr())
		nonce, _ := w.Info["nonce"].(string)
		if nonce == "" {
			t.Fatalf("no nonce in %v", w.Info)
		}
		key := kit.Must[string](t)(pair.PublicKey())
		sig := base64.RawURLEncoding.EncodeToString(kit.Must[[]byte](t)(pair.Sign([]byte(nonce))))
		w.Send(fmt.Sprintf(`CONNECT {"nkey":%q,"sig":%q,"verbose":true,"pedantic":true}`, key, sig), "PING")
		w.Expect("+OK", "PONG")
		w.Close()
		nc := kit.Connect(t, s, "", nats.Nkey(key, pair.Sign))
		if got := home(t, nc); got != account {
			t.Errorf("the key of %s is in %s", account, got)
		}
	}
}

// Users of the system account do not shut out those without credentials.
//
// Go: TestAccountSystemPermsWithGlobalAccess server/accounts_test.go:3392
func TestSystemUsersLeaveTheGlobalAccountOpen(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts { $SYS { users: [{user: admin, password: pw}] } }`)
	if got := home(t, kit.Connect(t, s, "")); got != "$G" {
		t.Errorf("a client without credentials is in %s", got)
	}
	admin := kit.Connect(t, s, "admin")
	kit.Flush(t, admin)
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
	s := godwittest.RunConfig(t, `authorization { users: [{user: user, password: pw, permissions: {
		publish: ["foo.restricted", "foo.open"]
		subscribe: {allow: "foo.>", deny: "foo.restricted"}
		allow_responses: {max: 1, ttl: 0s}
	}}] }`)
	nc := kit.Connect(t, s, "user")
	members := kit.Subscribe(t, nc, "foo.>", "qg")
	publish(t, nc, "foo.restricted", "secret")
	publish(t, nc, "foo.open", "news")
	members.Want(nc, "foo.open=news")
}
