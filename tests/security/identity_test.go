package security_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

const violation = "-ERR 'Authorization Violation'"

// A signature is good for the connection that the nonce was made for, whoever has
// seen it.
func TestSignaturesCannotBeReplayed(t *testing.T) {
	user, other := kit.NewSigner(t, nkeys.PrefixByteUser), kit.NewSigner(t, nkeys.PrefixByteUser)
	d := newDomain(t)
	a := kit.NewSigner(t, nkeys.PrefixByteAccount)
	d.account(a, nil)
	claims := d.claims(user, a, nil)
	for name, c := range map[string]struct {
		config string
		proof  map[string]any
	}{
		"nkey":     {fmt.Sprintf("authorization { users [ { nkey: %s } ] }", user.Public), map[string]any{"nkey": user.Public}},
		"operator": {d.config(""), map[string]any{"jwt": claims}},
	} {
		t.Run(name, func(t *testing.T) {
			s := godwittest.RunConfig(t, "listen: 127.0.0.1:-1\n"+c.config)
			sign := func(sig string) map[string]any {
				with := maps.Clone(c.proof)
				with["sig"] = sig
				return with
			}
			first := kit.Dial(t, s.Addr())
			seen := signature(t, user, nonce(first))
			if admitted, text := tryConnect(t, first, sign(seen)); !admitted {
				t.Fatalf("the user is refused: %s", text)
			}
			for name, sig := range map[string]func(nonce string) string{
				"replayed":       func(string) string { return seen },
				"none":           func(string) string { return "" },
				"of nothing":     func(string) string { return signature(t, user, "") },
				"of more":        func(n string) string { return signature(t, user, n+"x") },
				"of less":        func(n string) string { return signature(t, user, n[:len(n)-1]) },
				"of another key": func(n string) string { return signature(t, other, n) },
				"too short":      func(n string) string { return signature(t, user, n)[:40] },
				"too long":       func(n string) string { return signature(t, user, n) + "AAAA" },
				"twice":          func(n string) string { return signature(t, user, n) + signature(t, user, n) },
				"not base64":     func(string) string { return "!\x00\xff" },
				"zeroes":         func(string) string { return strings.Repeat("A", 86) },
			} {
				w := kit.Dial(t, s.Addr())
				if nonce(w) == nonce(first) || len(nonce(w)) < 11 {
					t.Fatalf("nonces %q and %q", nonce(w), nonce(first))
				}
				if admitted, text := tryConnect(t, w, sign(sig(nonce(w)))); admitted || text != violation {
					t.Errorf("signature %s: %q", name, text)
				}
			}
		})
	}
}

// Claims of any shape are refused before anybody is known, and the server goes on.
func TestForgedUserClaims(t *testing.T) {
	d := newDomain(t)
	a := kit.NewSigner(t, nkeys.PrefixByteAccount)
	d.account(a, nil)
	s := godwittest.RunConfig(t, "listen: 127.0.0.1:-1\n"+d.config(""))
	user := kit.NewSigner(t, nkeys.PrefixByteUser)
	header := map[string]any{"typ": "JWT", "alg": "ed25519-nkey"}
	claims := func(change func(c, nats map[string]any)) map[string]any {
		inner := map[string]any{"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1}
		c := map[string]any{"iss": a.Public, "sub": user.Public, "iat": time.Now().Unix(), "name": "x", "jti": "x", "nats": inner}
		change(c, inner)
		return c
	}
	// shortened is a key with a right checksum but too few bytes.
	shortened := func(key kit.Signer, kind nkeys.PrefixByte, size int) string {
		raw := kit.Must[[]byte](t)(nkeys.Decode(kind, []byte(key.Public)))
		return string(kit.Must[[]byte](t)(nkeys.Encode(kind, raw[:size])))
	}
	good := forge(t, header, claims(func(_, _ map[string]any) {}), a)
	texts := map[string]string{
		"algorithm none": forge(t, map[string]any{"typ": "JWT", "alg": "none"}, claims(func(_, _ map[string]any) {}), a),
		"HMAC":           forge(t, map[string]any{"typ": "JWT", "alg": "HS256"}, claims(func(_, _ map[string]any) {}), a),
		"no signature":   good[:strings.LastIndexByte(good, '.')+1],
		"other key":      forge(t, header, claims(func(_, _ map[string]any) {}), user),
		"user as issuer": forge(t, header, claims(func(c, _ map[string]any) { c["iss"] = user.Public }), user),
		"operator as issuer": forge(t, header,
			claims(func(c, _ map[string]any) { c["iss"] = d.operator.Public }), d.operator),
		"no nats":           forge(t, header, claims(func(c, _ map[string]any) { delete(c, "nats") }), a),
		"null nats":         forge(t, header, claims(func(c, _ map[string]any) { c["nats"] = nil }), a),
		"null in lists":     forge(t, header, claims(func(_, n map[string]any) { n["times"], n["src"], n["pub"] = []any{nil}, []any{nil}, nil }), a),
		"wrong types":       forge(t, header, claims(func(_, n map[string]any) { n["pub"], n["subs"] = "all", "many" }), a),
		"claims of account": d.accounts[a.Public],
		"bad permissions":   forge(t, header, claims(func(_, n map[string]any) { n["pub"] = map[string]any{"allow": []any{"a b c", "..", ""}} }), a),
		"negative window":   forge(t, header, claims(func(_, n map[string]any) { n["times"] = []any{map[string]any{"start": "99:99:99", "end": "-1"}} }), a),
		"null":              forge(t, header, "null", a),
		"deep":              forge(t, header, strings.Repeat(`{"nats":`, 200)+"1"+strings.Repeat("}", 200), a),
		"dots":              "...", "dot": ".", "text": "x", "two": "a.b", "padding": "====.====.====",
		"not base64": "\x00.\xff.\u2028",
		"all zero":   "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.e30.AAAA",
	}
	for _, size := range []int{0, 1, 16, 31} {
		texts[fmt.Sprintf("issuer of %d bytes", size)] = forge(t, header,
			claims(func(c, _ map[string]any) { c["iss"] = shortened(a, nkeys.PrefixByteAccount, size) }), a)
		texts[fmt.Sprintf("issuer account of %d bytes", size)] = forge(t, header,
			claims(func(_, n map[string]any) { n["issuer_account"] = shortened(a, nkeys.PrefixByteAccount, size) }), a)
		texts[fmt.Sprintf("subject of %d bytes", size)] = forge(t, header,
			claims(func(c, _ map[string]any) { c["sub"] = shortened(user, nkeys.PrefixByteUser, size) }), a)
	}
	for name, text := range texts {
		w := kit.Dial(t, s.Addr())
		if admitted, answer := tryConnect(t, w, map[string]any{"jwt": text, "sig": signature(t, user, nonce(w))}); admitted || answer != violation {
			t.Errorf("%s: %q", name, answer)
		}
	}
	// The one that the others are made of is good.
	w := kit.Dial(t, s.Addr())
	if admitted, answer := tryConnect(t, w, map[string]any{"jwt": good, "sig": signature(t, user, nonce(w))}); !admitted {
		t.Errorf("good claims: %q", answer)
	}
	d.served(s, a)
}

// Shortened keys reach signature checks by other ways, too.
func TestShortenedNkeys(t *testing.T) {
	user := kit.NewSigner(t, nkeys.PrefixByteUser)
	s := godwittest.RunConfig(t, fmt.Sprintf("listen: 127.0.0.1:-1\nauthorization { users [ { nkey: %s } ] }", user.Public))
	raw := kit.Must[[]byte](t)(nkeys.Decode(nkeys.PrefixByteUser, []byte(user.Public)))
	for _, size := range []int{0, 1, 16, 31} {
		short := string(kit.Must[[]byte](t)(nkeys.Encode(nkeys.PrefixByteUser, raw[:size])))
		w := kit.Dial(t, s.Addr())
		if admitted, text := tryConnect(t, w, map[string]any{"nkey": short, "sig": signature(t, user, nonce(w))}); admitted || text != violation {
			t.Errorf("%d bytes: %q", size, text)
		}
		if _, err := godwit.ProcessConfigString("authorization { users [ { nkey: " + short + " } ] }"); err == nil {
			t.Errorf("%d bytes: accepted in a configuration", size)
		}
	}
	alive(t, s)
}

// Claims that have ended end connections and keep them out.
func TestExpiredAndRevokedStayOut(t *testing.T) {
	t.Parallel()
	d := newDomain(t)
	a, short := kit.NewSigner(t, nkeys.PrefixByteAccount), kit.NewSigner(t, nkeys.PrefixByteAccount)
	d.account(a, nil)
	end := time.Now().Truncate(time.Second).Add(2 * time.Second)
	later := end.Add(time.Second)
	d.account(short, func(c *jwt.AccountClaims) { c.Expires = later.Unix() })
	s := godwittest.RunConfig(t, "listen: 127.0.0.1:-1\n"+d.config(t.TempDir()))
	admin := kit.Connect(t, s, "", d.user(d.system, nil))
	told := make(chan error, 8)
	tell := nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { told <- err })
	expect := func(want error) {
		t.Helper()
		select {
		case err := <-told:
			if !errors.Is(err, want) {
				t.Errorf("told %v, want %v", err, want)
			}
		case <-time.After(kit.Patience):
			t.Errorf("the connection stays, want %v", want)
		}
	}
	key := kit.NewSigner(t, nkeys.PrefixByteUser)
	before := d.claims(key, a, nil)
	kit.Connect(t, s, "", credentials(key, before), tell)
	update := d.account(a, func(c *jwt.AccountClaims) { c.RevokeAt(key.Public, time.Now()) })
	kit.Must[*nats.Msg](t)(admin.Request("$SYS.REQ.CLAIMS.UPDATE", []byte(update), kit.Patience))
	expect(nats.ErrAuthRevoked)
	if nc, err := nats.Connect(s.ClientURL(), credentials(key, before)); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("a revoked user: %v", err)
		nc.Close()
	}
	d.served(s, a)
	// So does a user that expires.
	kit.Connect(t, s, "", d.user(a, func(c *jwt.UserClaims) { c.Expires = end.Unix() }), tell)
	expect(nats.ErrAuthExpired)
	for _, expires := range []time.Time{end.Add(-time.Hour), time.Unix(1, 0)} {
		if nc, err := nats.Connect(s.ClientURL(), d.user(a, func(c *jwt.UserClaims) { c.Expires = expires.Unix() })); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("a user that expired at %v: %v", expires, err)
			nc.Close()
		}
	}
	// An account that expires takes its users along, also those that come at the
	// last moment.
	kit.Connect(t, s, "", d.user(short, nil), tell)
	kit.Eventually(t, "the last second", func() bool { return !time.Now().Before(later) })
	switch nc, err := nats.Connect(s.ClientURL(), d.user(short, nil), tell, nats.NoReconnect()); {
	case err == nil:
		t.Cleanup(nc.Close)
	case errors.Is(err, nats.ErrAuthorization): // the second is over already
		told <- nats.ErrAccountAuthExpired
	default:
		t.Error(err)
	}
	expect(nats.ErrAccountAuthExpired)
	expect(nats.ErrAccountAuthExpired)
	if nc, err := nats.Connect(s.ClientURL(), d.user(short, nil)); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("a user of an expired account: %v", err)
		nc.Close()
	}
}

// Claims are files, named after accounts: nobody names another file.
func TestClaimsAreWrittenInTheirDirectoryOnly(t *testing.T) {
	d := newDomain(t)
	root := t.TempDir()
	dir := filepath.Join(root, "a", "claims")
	kit.OK(t, os.MkdirAll(dir, 0o700))
	kit.OK(t, os.WriteFile(filepath.Join(root, "a", "other.jwt"), []byte("secret"), 0o600))
	s := godwittest.RunConfig(t, "listen: 127.0.0.1:-1\n"+d.config(dir))
	admin := kit.Connect(t, s, "", d.user(d.system, nil))
	header := map[string]any{"typ": "JWT", "alg": "ed25519-nkey"}
	for _, name := range []string{
		"../other", "../../evil", "/etc/evil", filepath.Join(root, "evil"), "..%2fother", `..\other`, "", ".", "A", d.operator.Public,
		d.system.Public + "/../../other", d.system.Public + "\x00",
	} {
		text := forge(t, header, map[string]any{
			"iss": d.operator.Public, "sub": name, "iat": time.Now().Unix(), "jti": "x", "name": "x",
			"nats": map[string]any{"type": "account", "version": 2},
		}, d.operator)
		subjects := []string{"$SYS.REQ.CLAIMS.UPDATE"}
		if token := strings.NewReplacer(".", "_", " ", "_", "\x00", "_").Replace(name); token != "" {
			subjects = append(subjects, "$SYS.REQ.ACCOUNT."+token+".CLAIMS.UPDATE")
			m, err := admin.Request("$SYS.REQ.ACCOUNT."+strings.ReplaceAll(token, "__/", "")+".CLAIMS.LOOKUP", nil, kit.Patience)
			if err != nil || len(m.Data) > 0 && string(m.Data) != d.accounts[d.system.Public] {
				t.Errorf("looking up %q: %q, %v", token, m.Data, err)
			}
		}
		for _, subject := range subjects {
			m := kit.Must[*nats.Msg](t)(admin.Request(subject, []byte(text), kit.Patience))
			var answer struct{ Data, Error json.RawMessage }
			if err := json.Unmarshal(m.Data, &answer); err != nil || answer.Error == nil || answer.Data != nil {
				t.Errorf("claims of %q by %q: %s", name, subject, m.Data)
			}
		}
	}
	var files []string
	kit.OK(t, filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, strings.TrimPrefix(path, root))
		}
		return err
	}))
	if len(files) != 2 || files[0] != "/a/claims/"+d.system.Public+".jwt" || files[1] != "/a/other.jwt" {
		t.Errorf("files %q", files)
	}
}

// A token for an import is for one account and one subject.
func TestImportTokensOfOthers(t *testing.T) {
	d := newDomain(t)
	exporter, friend := kit.NewSigner(t, nkeys.PrefixByteAccount), kit.NewSigner(t, nkeys.PrefixByteAccount)
	d.account(exporter, func(c *jwt.AccountClaims) {
		for _, name := range []string{"open", "secret"} {
			c.Exports.Add(&jwt.Export{Name: name, Subject: jwt.Subject(name), Type: jwt.Service, TokenReq: true})
		}
	})
	token := func(by, to kit.Signer) string {
		activation := jwt.NewActivationClaims(to.Public)
		activation.ImportSubject, activation.ImportType = "open", jwt.Service
		return kit.Must[string](t)(activation.Encode(by))
	}
	importing := func(subject, token string) func(*jwt.AccountClaims) {
		return func(c *jwt.AccountClaims) {
			c.Imports.Add(&jwt.Import{Name: subject, Account: exporter.Public, Subject: jwt.Subject(subject), Type: jwt.Service, Token: token})
		}
	}
	d.account(friend, importing("open", token(exporter, friend)))
	imports := make(map[string]kit.Signer)
	for name, with := range map[string]func(thief kit.Signer) func(*jwt.AccountClaims){
		"a friend's token":   func(kit.Signer) func(*jwt.AccountClaims) { return importing("open", token(exporter, friend)) },
		"of another subject": func(thief kit.Signer) func(*jwt.AccountClaims) { return importing("secret", token(exporter, thief)) },
		"made by itself":     func(thief kit.Signer) func(*jwt.AccountClaims) { return importing("open", token(thief, thief)) },
		"none":               func(kit.Signer) func(*jwt.AccountClaims) { return importing("open", "") },
		"no JWT":             func(kit.Signer) func(*jwt.AccountClaims) { return importing("open", "http://127.0.0.1:1/token") },
	} {
		imports[name] = kit.NewSigner(t, nkeys.PrefixByteAccount)
		d.account(imports[name], with(imports[name]))
	}
	s := godwittest.RunConfig(t, "listen: 127.0.0.1:-1\n"+d.config(""))
	service := kit.Connect(t, s, "", d.user(exporter, nil))
	for _, name := range []string{"open", "secret"} {
		kit.Must[*nats.Subscription](t)(service.Subscribe(name, func(m *nats.Msg) { m.Respond([]byte("here")) }))
	}
	kit.Flush(t, service)
	if m := kit.Must[*nats.Msg](t)(kit.Connect(t, s, "", d.user(friend, nil)).Request("open", nil, kit.Patience)); string(m.Data) != "here" {
		t.Errorf("the friend gets %q", m.Data)
	}
	for name, account := range imports {
		nc, err := nats.Connect(s.ClientURL(), d.user(account, nil), nats.NoReconnect())
		if errors.Is(err, nats.ErrAuthorization) {
			continue // such claims are no good at all
		}
		kit.OK(t, err)
		t.Cleanup(nc.Close)
		for _, subject := range []string{"open", "secret"} {
			if m, err := nc.Request(subject, nil, kit.Patience); !errors.Is(err, nats.ErrNoResponders) {
				t.Errorf("%s, %s: %v %v", name, subject, m, err)
			}
		}
	}
}

// Users of an authorization block are asked for their passwords, also if the only
// account beside them is that of the system.
func TestSystemUsersDoNotOpenTheDoorForOthers(t *testing.T) {
	for _, authorization := range []string{
		"{ users [ { user: u, password: pw } ] }", "{ users [ { user: u, password: pw }, { user: v, password: pw } ], timeout: 1 }",
	} {
		s := godwittest.RunConfig(t, "listen: 127.0.0.1:-1\nwebsocket { listen: '127.0.0.1:-1', no_tls: true }\nsystem_account: SYS\n"+
			"accounts { SYS { users [ { user: sys, password: pw } ] } }\nauthorization "+authorization)
		for _, first := range []string{"PING", "PUB foo 0\r\n", "SUB foo 1", "CONNECT {}", `CONNECT {"user":""}`, `CONNECT {"user":"u"}`, `CONNECT {"user":"$G"}`} {
			w := kit.Dial(t, s.Addr())
			w.Send(first)
			if got := w.Line(); got != violation {
				t.Errorf("%s: %q is answered with %q", authorization, first, got)
			}
		}
		if nc, err := nats.Connect(webURL(t, s)); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: without credentials over WebSocket: %v", authorization, err)
			nc.Close()
		}
	}
}

// A default user that may come by one way only is not had by another, whatever a
// client begins with.
func TestDefaultUserHasItsRestrictions(t *testing.T) {
	for _, restriction := range []string{`allowed_connection_types: ["WEBSOCKET"]`, `proxy_required: true`, `allowed_connection_types: ["LEAFNODE"]`} {
		s := godwittest.RunConfig(t, "listen: 127.0.0.1:-1\naccounts { A { users [ { user: u, password: pw, "+restriction+" } ] } }\nno_auth_user: u")
		for _, first := range []string{"PING", "PUB foo 0\r\n", "SUB foo 1", "UNSUB 1", "PONG", "HPUB foo 0 0\r\n", "+OK", "-ERR x", "INFO {}", "CONNECT {}", `CONNECT {"user":"u","pass":"pw"}`} {
			w := kit.Dial(t, s.Addr())
			w.Send(first)
			if got := w.Line(); got != violation {
				t.Errorf("%s: %q is answered with %q", restriction, first, got)
			}
		}
	}
}

// Accounts that import from each other in a circle do no harm, however their
// claims came to be.
func TestCirclesOfClaims(t *testing.T) {
	d := newDomain(t)
	var keys []kit.Signer
	for range 3 {
		keys = append(keys, kit.NewSigner(t, nkeys.PrefixByteAccount))
	}
	for i, key := range keys {
		d.account(key, func(c *jwt.AccountClaims) {
			c.Exports.Add(&jwt.Export{Name: "s", Subject: "loop.>", Type: jwt.Service}, &jwt.Export{Name: "n", Subject: "news.>", Type: jwt.Stream})
			next := keys[(i+1)%len(keys)].Public
			c.Imports.Add(&jwt.Import{Name: "s", Account: next, Subject: "loop.>", Type: jwt.Service},
				&jwt.Import{Name: "n", Account: next, Subject: "news.>", Type: jwt.Stream})
		})
	}
	self := kit.NewSigner(t, nkeys.PrefixByteAccount)
	d.account(self, func(c *jwt.AccountClaims) {
		c.Exports.Add(&jwt.Export{Name: "s", Subject: ">", Type: jwt.Service})
		c.Imports.Add(&jwt.Import{Name: "s", Account: self.Public, Subject: "a.>", LocalSubject: "b.>", Type: jwt.Service},
			&jwt.Import{Name: "t", Account: self.Public, Subject: "b.>", LocalSubject: "a.>", Type: jwt.Service})
	})
	s := godwittest.RunConfig(t, "listen: 127.0.0.1:-1\n"+d.config(""))
	var last *nats.Conn
	for _, key := range append(keys, self) {
		last = kit.Connect(t, s, "", d.user(key, nil))
		for _, subject := range []string{"loop.x", "news.x", "a.x", "b.x"} {
			sub := kit.Subscribe(t, last, "inbox")
			kit.OK(t, last.PublishRequest(subject, "inbox", []byte("x")))
			kit.Flush(t, last)
			for _, got := range received(t, sub, last) {
				if got != noResponders {
					t.Errorf("%s is answered with %q", subject, got)
				}
			}
			kit.OK(t, sub.Unsubscribe())
		}
	}
	kit.Flush(t, last)
	alive(t, s)
}
