package security_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// restricted is a configuration with one account: "all" may do everything, "u" what
// the text says.
func restricted(permissions, more string) string {
	return "accounts { A { users [ { user: all, password: pw }, { user: u, password: pw, permissions { " + permissions + " } } ]\n" +
		more + " } }"
}

func TestSubscriptionsThatReachTooFar(t *testing.T) {
	for _, c := range []struct {
		permissions     string
		refused, served []string // "subject" or "subject queue"
	}{
		{
			`subscribe: "foo.*"`,
			[]string{">", "*", "*.*", "*.bar", "foo.>", "foo.*.*", "foo.*.>", "foo", "foo.> q", "> q", "*.> foo.*", "Foo.bar", "foo.bar.baz"},
			[]string{"foo.*", "foo.bar", "foo.* q", "foo.* >", "foo.fo*"},
		},
		{
			`subscribe { allow: "foo.>", deny: "foo.secret" }`,
			[]string{"foo.secret", "foo.secret q", "foo.secret foo.x", ">", "*.secret", "*.>"},
			[]string{"foo.>", "foo.*", "foo.secrets", "foo.secret.x"},
		},
		{
			// A plain denial holds for queues too, whatever is said about other queues.
			`subscribe { allow: ">", deny: ["foo", "bar bad"] }`,
			[]string{"foo", "foo q", "foo bad", "bar bad"},
			[]string{"bar", "bar good"},
		},
		{
			`subscribe { allow: ["foo v1.*", "foo v2"] }`,
			[]string{"foo", "foo v1", "foo v1.a.b", "foo *", "foo >", "foo v*", "* v2", "> v2"},
			[]string{"foo v1.a", "foo v2", "foo v1.*"},
		},
		{
			`subscribe { allow: ">", deny: [">"] }`,
			[]string{">", "*", "a", "a.b", "a q", "_INBOX.x"}, nil,
		},
	} {
		s := godwittest.RunConfig(t, restricted(c.permissions, ""))
		u := kit.Login(t, s.Addr(), "u")
		for _, text := range c.refused {
			u.Send("SUB " + text + " 1")
			name, queue, queued := strings.Cut(text, " ")
			want := fmt.Sprintf("-ERR 'Permissions Violation for Subscription to %q'", name)
			if queued {
				want = fmt.Sprintf("-ERR 'Permissions Violation for Subscription to %q using queue %q'", name, queue)
			}
			u.Expect(want)
		}
		for i, text := range c.served {
			u.Send(fmt.Sprintf("SUB %s %d", text, i+10), "PING")
			u.Expect("PONG")
		}
	}
}

// A subscription may be wider than what is denied: then what is denied is not
// delivered, to plain subscriptions and queues alike, and another member of the
// queue gets it.
func TestDeniedMessagesInsideOfWiderSubscriptions(t *testing.T) {
	s := godwittest.RunConfig(t, restricted(`subscribe { allow: ">", deny: ["*.secret", "deep.*.x.>", "lit", "only q"] }`, ""))
	all, u := kit.Connect(t, s, "all"), kit.Connect(t, s, "u")
	var seen []*kit.Inbox
	for _, wide := range []string{">", "*", "*.*", "a.*", "*.*.x.*", "deep.>", "deep.b.*.*"} {
		seen = append(seen, kit.Subscribe(t, u, wide))
		q := kit.Subscribe(t, u, wide, "q")
		seen = append(seen, q)
	}
	good := kit.Subscribe(t, all, ">", "q")
	kit.Flush(t, u, all)
	for range 20 {
		for _, denied := range []string{"a.secret", "b.secret", "deep.b.x.y", "lit", "only"} {
			kit.OK(t, all.Publish(denied, nil))
		}
	}
	kit.Flush(t, all)
	for _, sub := range seen {
		for _, got := range received(t, sub, u) {
			if got != "only=" || sub.Queue != "" {
				t.Errorf("%q %q got %q", sub.Subject, sub.Queue, got)
			}
		}
	}
	if got := received(t, good, all); len(got) != 100 {
		t.Errorf("the member that may have it all got %d of 100", len(got))
	}
}

func TestPublishingWhereItIsNotAllowed(t *testing.T) {
	for _, c := range []struct {
		permissions     string
		refused, served []string
	}{
		{
			`publish: "foo.*"`,
			[]string{"foo", "foo.a.b", "foo.>.x", "*.a", ">", "Foo.a", "foo.a.", "foo..a", "$SYS.REQ.SERVER.PING"},
			[]string{"foo.a", "foo.*", "foo.fo*"},
		},
		{
			`publish { deny: ["secret.*", "$SYS.>"] }`,
			[]string{"secret.a", "secret.*", "secret.>", "$SYS.REQ.USER.INFO"},
			[]string{"secret", "secret.a.b", ".secret.a"},
		},
		{
			// Whoever may answer may publish nothing but answers.
			`allow_responses: true`,
			[]string{"foo", "_INBOX.x", "$SYS.REQ.USER.INFO"}, nil,
		},
		{
			// Subjects of the server's own traffic, to nobody.
			`publish: ">"`,
			[]string{"_GR_.abc.def.x", "$GR.abc.def.x", "$NRG.V.x"},
			[]string{"_GR_", "$GRX.a", "foo"},
		},
	} {
		s := godwittest.RunConfig(t, restricted(c.permissions, ""))
		u := kit.Login(t, s.Addr(), "u")
		for _, text := range c.refused {
			u.Send(kit.Pub(text, "", "x"))
			u.Expect(fmt.Sprintf("-ERR 'Permissions Violation for Publish to %q'", text))
			u.Send(kit.HPub(text, "", "NATS/1.0\r\nA: b\r\n\r\n", "x"))
			u.Expect(fmt.Sprintf("-ERR 'Permissions Violation for Publish to %q'", text))
		}
		for _, text := range c.served {
			u.Send(kit.Pub(text, "", "x"), "PING")
			u.Expect("PONG")
		}
	}
}

// A mapping leads nobody to where it could not publish itself, even if the
// publisher chooses the tokens.
func TestMappingsAreNoWayAroundPermissions(t *testing.T) {
	s := godwittest.RunConfig(t, restricted(`publish { allow: ["in.>", "open", "$NRG.>", "_GR_.>"] }, subscribe: ">"`,
		`mappings { "in.fix": "secret", "in.a.*.*": "{{wildcard(1)}}.{{wildcard(2)}}", "in.w": [ { destination: "secret", weight: 100% } ],
		"in.ok": "open", "in.b.*.*.*": "$1.$2.$3" }`))
	all := kit.Connect(t, s, "all")
	seen := kit.Subscribe(t, all, ">")
	u := kit.Login(t, s.Addr(), "u")
	for from, to := range map[string]string{
		"in.fix": "secret", "in.w": "secret", "in.a.secret.x": "secret.x", "in.a.$SYS.x": "$SYS.x",
		"in.b.$NRG.V.x": "$NRG.V.x", "in.b._GR_.a.b": "_GR_.a.b", "in.b.$GR.a.b": "$GR.a.b",
	} {
		u.Send(kit.Pub(from, "", "x"))
		u.Expect(fmt.Sprintf("-ERR 'Permissions Violation for Publish to %q'", to))
	}
	u.Send(kit.Pub("in.ok", "", "x"), "PING")
	u.Expect("PONG")
	want(t, seen, []*nats.Conn{all}, "open=x")
}

// Reply subjects of the server are not to be given by clients, who could have
// others publish there.
func TestRepliesIntoReservedSpaces(t *testing.T) {
	s := godwittest.RunConfig(t, restricted(`publish: ">", subscribe: ">"`, ""))
	for _, user := range []string{"all", "u"} {
		c := kit.Login(t, s.Addr(), user)
		c.Send("SUB foo 1")
		for _, reply := range []string{"_R_.a.b", "_R_.", "_GR_.a.b", "$GR.a.b", "$JS.ACK.s.c.1.2.3.4.5"} {
			for _, lines := range []string{kit.Pub("foo", reply, "x"), kit.HPub("foo", reply, "NATS/1.0\r\nA: b\r\n\r\n", "x")} {
				c.Send(lines)
				c.Expect(fmt.Sprintf("-ERR 'Permissions Violation for Publish with Reply of %q'", reply))
			}
		}
	}
}

// A permission to answer is one: for the subject that was asked for, as often and
// as long as granted, and not for those who were not asked.
func TestAnswersAreGrantedToWhoWasAsked(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts { A { users [
		{ user: all, password: pw }
		{ user: u, password: pw, permissions { subscribe: ["svc", "other"], allow_responses: { max: 2, expires: "1m" } } }
		{ user: idle, password: pw, permissions { subscribe: "idle", allow_responses: true } }
	] } }`)
	all := kit.Connect(t, s, "all")
	answers := kit.Subscribe(t, all, "_INBOX.>")
	u, idle := kit.Login(t, s.Addr(), "u"), kit.Login(t, s.Addr(), "idle")
	u.Send("SUB svc 1", "PING")
	u.Expect("PONG")
	kit.OK(t, all.PublishRequest("svc", "_INBOX.1", nil))
	kit.Flush(t, all)
	if fields, _, _ := u.Message(); fields[3] != "_INBOX.1" {
		t.Fatalf("asked by %q", fields)
	}
	refuse := func(c *kit.Wire, subject string) {
		t.Helper()
		c.Send(kit.Pub(subject, "", "no"))
		c.Expect(fmt.Sprintf("-ERR 'Permissions Violation for Publish to %q'", subject))
	}
	refuse(idle, "_INBOX.1")
	for _, subject := range []string{"_INBOX.2", "_INBOX.>", "_INBOX.*", "_INBOX.1.x", "_INBOX", "svc"} {
		refuse(u, subject)
	}
	u.Send(kit.Pub("_INBOX.1", "", "1"), kit.Pub("_INBOX.1", "", "2"), "PING")
	u.Expect("PONG")
	refuse(u, "_INBOX.1")
	want(t, answers, []*nats.Conn{all}, "_INBOX.1=1", "_INBOX.1=2")
}

// The queue that servers use among themselves is not for clients.
func TestQueueOfServers(t *testing.T) {
	s := godwittest.RunConfig(t, restricted(`publish: ">", subscribe: ">"`, ""))
	for _, user := range []string{"all", "u"} {
		c := kit.Login(t, s.Addr(), user)
		c.Send("SUB foo _sys_ 1")
		c.Expect(`-ERR 'Permissions Violation for Subscription to "foo" using queue "_sys_"'`)
	}
}

const tenants = `
system_account: SYS
accounts {
	SYS { users [ { user: sys, password: pw } ] }
	A { users [ { user: a, password: pw }, { user: low, password: pw, permissions { publish: "low", subscribe: "low" } } ]
		exports [ { service: "svc" }, { stream: "news.>" }, { service: "private", accounts: [C] } ] }
	B { users [ { user: b, password: pw }, { user: low2, password: pw, permissions { publish: "low", subscribe: ["low", "_INBOX.>"] } } ]
		imports [ { service: { account: A, subject: "svc" } }, { stream: { account: A, subject: "news.>" }, to: "in.news.>" } ] }
	C { users [ { user: c, password: pw } ]
		imports [ { service: { account: A, subject: "svc" } }, { service: { account: A, subject: "private" } } ] }
}`

// Answers that cross accounts travel under names below _R_ in the account of the
// service. Nobody else sees them or can answer, not even knowing the name.
func TestAnswersOfOtherAccountsCannotBeReadOrGiven(t *testing.T) {
	s := godwittest.RunConfig(t, tenants)
	a, b, c := kit.Connect(t, s, "a"), kit.Connect(t, s, "b"), kit.Connect(t, s, "c")
	spy, sys := kit.Login(t, s.Addr(), "c"), kit.Connect(t, s, "sys")
	spy.Send("SUB _R_.> 1", "SUB > 2", "PING")
	spy.Expect("PONG")
	low := kit.Login(t, s.Addr(), "low")
	low.Send("SUB _R_.> 1")
	low.Expect(`-ERR 'Permissions Violation for Subscription to "_R_.>"'`)
	spyB, spySys := kit.Subscribe(t, b, "_R_.>"), kit.Subscribe(t, sys, "_R_.>")
	asked := kit.Subscribe(t, a, "svc")
	inbox := kit.Subscribe(t, b, "answers")
	kit.OK(t, b.PublishRequest("svc", "answers", []byte("?")))
	kit.Flush(t, b)
	request := kit.Must[*nats.Msg](t)(asked.NextMsg(kit.Patience))
	if !strings.HasPrefix(request.Reply, "_R_.") {
		t.Fatalf("reply %q", request.Reply)
	}
	// Whoever has the name can do nothing with it from elsewhere.
	kit.OK(t, c.Publish(request.Reply, []byte("forged by C")))
	kit.OK(t, b.Publish(request.Reply, []byte("forged by B")))
	kit.OK(t, sys.Publish(request.Reply, []byte("forged by SYS")))
	low.Send(kit.Pub(request.Reply, "", "forged by low"))
	low.Expect(fmt.Sprintf("-ERR 'Permissions Violation for Publish to %q'", request.Reply))
	spy.Message() // its own account's forgery, twice
	spy.Message()
	kit.Flush(t, b, c, sys)
	kit.OK(t, request.Respond([]byte("true")))
	kit.OK(t, request.Respond([]byte("again")))
	want(t, inbox, []*nats.Conn{a, b}, "answers=true")
	want(t, spyB, []*nats.Conn{b}, request.Reply+"=forged by B")
	want(t, spySys, []*nats.Conn{sys}, request.Reply+"=forged by SYS")
	spy.Send("PING")
	spy.Expect("PONG")
	// Two names tell nothing about a third.
	kit.OK(t, b.PublishRequest("svc", "answers", nil))
	kit.Flush(t, b)
	second := kit.Must[*nats.Msg](t)(asked.NextMsg(kit.Patience))
	if last := func(s string) string { return s[strings.LastIndexByte(s, '.')+1:] }; last(second.Reply) == last(request.Reply) || len(last(second.Reply)) < 6 {
		t.Errorf("replies %q and %q", request.Reply, second.Reply)
	}
}

// Imports widen what an account sees, not what its users may do.
func TestImportsAreNoWayAroundPermissions(t *testing.T) {
	s := godwittest.RunConfig(t, tenants)
	a := kit.Connect(t, s, "a")
	asked := kit.Subscribe(t, a, ">")
	low := kit.Login(t, s.Addr(), "low2")
	low.Send(kit.Pub("svc", "_INBOX.x", "?"))
	low.Expect(`-ERR 'Permissions Violation for Publish to "svc"'`)
	for _, subject := range []string{"in.news.>", "in.>", "news.>", "in.news.a"} {
		low.Send("SUB " + subject + " 1")
		low.Expect(fmt.Sprintf("-ERR 'Permissions Violation for Subscription to %q'", subject))
	}
	// What was not imported, or may not be, is not reached by its name there.
	b := kit.Connect(t, s, "b")
	if _, err := b.Request("private", nil, kit.Patience); err != nats.ErrNoResponders {
		t.Errorf("a private service: %v", err)
	}
	news := kit.Subscribe(t, b, "news.>")
	kit.OK(t, b.Publish("in.news.x", []byte("from B")))
	kit.Flush(t, b)
	kit.OK(t, a.Publish("news.x", []byte("from A")))
	want(t, asked, []*nats.Conn{a}, "news.x=from A")
	want(t, news, []*nats.Conn{b})
}

// Without being in the system account nobody hears of others or orders the server
// about.
func TestSystemSubjectsFromOtherAccounts(t *testing.T) {
	s := godwittest.RunConfig(t, tenants)
	spies := []*nats.Conn{kit.Connect(t, s, "a"), kit.Connect(t, s, "b")}
	var heard []*kit.Inbox
	for _, nc := range spies {
		heard = append(heard, kit.Subscribe(t, nc, "$SYS.>"), kit.Subscribe(t, nc, "$JS.>"))
	}
	victim := kit.Connect(t, s, "c")
	gone := kit.Connect(t, s, "c")
	gone.Close()
	id := s.ID()
	cid := kit.Must[uint64](t)(victim.GetClientID())
	b := spies[1]
	for subject, payload := range map[string]string{
		"$SYS.REQ.SERVER." + id + ".KICK":   fmt.Sprintf(`{"cid":%d}`, cid),
		"$SYS.REQ.SERVER." + id + ".LDM":    fmt.Sprintf(`{"cid":%d}`, cid),
		"$SYS.REQ.SERVER." + id + ".RELOAD": "", "$SYS.REQ.SERVER." + id + ".VARZ": "", "$SYS.REQ.SERVER.PING": "",
		"$SYS.REQ.SERVER." + id + ".PROFILEZ": `{"name":"heap"}`, "$SYS.REQ.ACCOUNT.A.CONNZ": "",
		"$SYS.REQ.ACCOUNT.C.SUBSZ": "", "$SYS.REQ.ACCOUNT.A.INFO": "", "$SYS.REQ.USER.A.INFO": "", "$SYS.DEBUG.SUBSCRIBERS": "svc",
		"$SYS.REQ.CLAIMS.LIST": "", "$SYS.REQ.CLAIMS.UPDATE": "x", "$SYS.REQ.USER.AUTH": "x", "$JS.API.INFO": "", "$SYS.ACCOUNT.A.CONNECT": "{}",
	} {
		// The spy itself listens to all of $SYS: so nobody answers, but it hears itself.
		inbox := nats.NewInbox()
		sub := kit.Subscribe(t, b, inbox)
		kit.OK(t, b.PublishRequest(subject, inbox, []byte(payload)))
		kit.Flush(t, b)
		if got := received(t, sub, b); len(got) > 0 {
			t.Errorf("%s is answered with %q", subject, got)
		}
	}
	kit.Flush(t, victim)
	for _, sub := range heard {
		for _, got := range received(t, sub, spies...) {
			if sub == heard[2] || sub == heard[3] {
				continue // what it said itself
			}
			t.Errorf("%q is told %s", sub.Subject, got)
		}
	}
}

// Permissions are those of the moment: a subscription made before they shrink gets
// nothing more.
func TestSubscriptionsDoNotOutliveTheirUser(t *testing.T) {
	s := godwittest.RunConfig(t, restricted(`publish: ">", subscribe: "low"`, ""))
	all := kit.Connect(t, s, "all")
	c := kit.Login(t, s.Addr(), "all")
	c.Send("SUB secret 1", "PING")
	c.Expect("PONG")
	c.Send(`CONNECT {"user":"u","pass":"pw","verbose":false,"pedantic":false}`, "PING")
	for line := c.Line(); line != "PONG"; line = c.Line() { // an INFO comes before
		if !strings.HasPrefix(line, "INFO ") {
			t.Fatalf("got %q", line)
		}
	}
	kit.OK(t, all.Publish("secret", []byte("x")))
	kit.Flush(t, all)
	c.Send("PING")
	c.Expect("PONG")
	c.Send(`CONNECT {"user":"all","pass":"wrong"}`)
	if got := c.Ended(); !strings.Contains(got, "Authorization Violation") {
		t.Errorf("ended with %q", got)
	}
	kit.Eventually(t, "the connection is gone", func() bool { return s.NumClients() == 1 })
}
