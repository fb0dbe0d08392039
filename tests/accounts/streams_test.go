package accounts_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// exporter and importer are accounts of users "e" and "i".
func streamPair(exports, imports string) string {
	return fmt.Sprintf(`accounts {
		E { users: [{user: e, password: pw}], exports: [%s] }
		I { users: [{user: i, password: pw}], imports: [%s] }
	}`, exports, imports)
}

// Under which local subject a subscriber of I gets what is published in E, for all
// ways of importing.
//
// Go: TestNoPrefixWildcardMapping server/accounts_test.go:1029
// Go: TestPrefixWildcardMapping server/accounts_test.go:1082
// Go: TestPrefixWildcardMappingWithLiteralSub server/accounts_test.go:1136
// Go: TestImportSubscriptionPartialOverlapWithPrefix server/accounts_test.go:3439
// Go: TestImportSubscriptionPartialOverlapWithTransform server/accounts_test.go:3467
func TestImportedMessagesHaveTheirLocalSubject(t *testing.T) {
	for _, c := range []struct {
		exports, imports string
		published        string
		local            string
		subscribed       []string // all get it
		others           []string // do not
	}{
		{
			`{stream: ">", accounts: [I]}`, `{stream: {account: E, subject: "*"}}`, "foo", "foo",
			[]string{"foo", "*", ">"}, []string{"bar", "foo.>"},
		}, {
			`{stream: ">", accounts: [I]}`, `{stream: {account: E, subject: "*"}, prefix: "pub.imports."}`, "foo", "pub.imports.foo",
			[]string{"pub.imports.*", "pub.imports.foo", "pub.>", "*.*.foo"}, []string{"foo", "pub.imports", "pub.imports.bar"},
		}, {
			`{stream: ">"}`, `{stream: {account: E, subject: ">"}, prefix: myprefix}`, "test", "myprefix.test",
			[]string{">", "myprefix.*", "myprefix.>", "myprefix.test", "*.>", "*.*", "*.test"}, []string{"test", "*"},
		}, {
			`{stream: "*.*.>"}`, `{stream: {account: E, subject: "*.*.>"}, to: "myprefix.$2.$1.>"}`, "1.2.test", "myprefix.2.1.test",
			[]string{
				">", "*.*.*.>", "*.2.*.>", "*.*.1.>", "*.2.1.>", "*.*.*.*", "*.2.1.*", "*.*.*.test", "*.*.1.test", "*.2.*.test",
				"*.2.1.test", "myprefix.*.*.*", "myprefix.>", "myprefix.*.>", "myprefix.*.*.>", "myprefix.2.>", "myprefix.2.1.>",
				"myprefix.*.1.>", "myprefix.2.*.>", "myprefix.2.1.*", "myprefix.*.*.test", "myprefix.2.1.test",
			},
			[]string{"*.1.2.>", "myprefix.1.>", "myprefix.2.1", "*.*.*.other", "1.2.test"},
		},
	} {
		s := godwittest.RunConfig(t, streamPair(c.exports, c.imports))
		e, i := kit.Connect(t, s, "e"), kit.Connect(t, s, "i")
		for _, pattern := range c.subscribed {
			b := kit.Subscribe(t, i, pattern)
			kit.OK(t, b.AutoUnsubscribe(1))
			kit.Flush(t, i)
			publish(t, e, c.published, "hello")
			b.Want(e, c.local+"=hello")
		}
		for _, pattern := range c.others {
			b := kit.Subscribe(t, i, pattern)
			publish(t, e, c.published, "hello")
			b.Want(e)
			kit.OK(t, b.Unsubscribe())
		}
	}
}

// Shadows stand in the exporting account as long as the subscriptions do.
//
// Go: TestSimpleMapping server/accounts_test.go:846
// Go: TestShadowSubsCleanupOnClientClose server/accounts_test.go:989
func TestShadowsComeAndGoWithTheirSubscriptions(t *testing.T) {
	refuse(t, streamPair("", `{stream: {account: E, subject: foo}, prefix: import}`),
		`Error adding stream import "foo": stream import not authorized`)
	s := godwittest.RunConfig(t, streamPair("{stream: foo}", `{stream: {account: E, subject: foo}, prefix: import}`))
	e, i := kit.Connect(t, s, "e"), kit.Login(t, s.Addr(), "i")
	counts := func(want int) func() bool {
		return func() bool { return ownSubscriptions(t, s, "E") == want && ownSubscriptions(t, s, "I") == want }
	}
	i.Send("SUB import.foo 1", "SUB import.foo bar 2", "PING")
	i.Expect("PONG")
	if !counts(2)() {
		t.Errorf("%d subscriptions in E, %d in I", ownSubscriptions(t, s, "E"), ownSubscriptions(t, s, "I"))
	}
	publish(t, e, "foo", "hello")
	kit.Flush(t, e)
	i.Expect("MSG import.foo 1 5", "hello", "MSG import.foo 2 5", "hello")
	i.Send("UNSUB 1", "UNSUB 2", "PING")
	i.Expect("PONG")
	if !counts(0)() {
		t.Errorf("%d subscriptions in E, %d in I", ownSubscriptions(t, s, "E"), ownSubscriptions(t, s, "I"))
	}
	i.Send("SUB import.foo 1", "SUB import.foo bar 2", "PING")
	i.Expect("PONG")
	if !counts(2)() {
		t.Error("no shadows")
	}
	kit.OK(t, i.Close())
	kit.Eventually(t, "the shadows of a closed connection are gone", counts(0))
}

// Go: TestStreamImportLengthBug server/accounts_test.go:940
func TestPrefixesAreLiteral(t *testing.T) {
	const exports = `{stream: "client.>"}`
	refuse(t, streamPair(exports, `{stream: {account: E, subject: "client.>"}, prefix: "events.>"}`),
		"stream import prefix can not contain wildcard tokens")
	s := godwittest.RunConfig(t, streamPair(exports, `{stream: {account: E, subject: "client.>"}, prefix: events}`))
	e, i := kit.Connect(t, s, "e"), kit.Connect(t, s, "i")
	b := kit.Subscribe(t, i, "events.>") // shorter than what it stands for in E
	publish(t, e, "client.a.b", "1")
	b.Want(e, "events.client.a.b=1")
}

// Go: TestMultipleImportsAndSingleWCSub server/accounts_test.go:1189
func TestOneSubscriptionGetsSeveralImports(t *testing.T) {
	s := godwittest.RunConfig(t, streamPair(`{stream: foo, accounts: [I]}, {stream: bar, accounts: [I]}`,
		`{stream: {account: E, subject: foo}, prefix: "pub."}, {stream: {account: E, subject: bar}, prefix: "pub."}`))
	e, i := kit.Connect(t, s, "e"), kit.Connect(t, s, "i")
	b := kit.Subscribe(t, i, "pub.*")
	publish(t, e, "foo", "hello")
	publish(t, e, "bar", "world")
	b.Want(e, "pub.foo=hello", "pub.bar=world")
	if in, of := ownSubscriptions(t, s, "E"), ownSubscriptions(t, s, "I"); in != 2 || of != 1 {
		t.Errorf("%d shadows of %d subscriptions", in, of)
	}
	kit.OK(t, b.Unsubscribe())
	kit.Flush(t, i)
	if in, of := ownSubscriptions(t, s, "E"), ownSubscriptions(t, s, "I"); in != 0 || of != 0 {
		t.Errorf("%d shadows of %d subscriptions are left", in, of)
	}
}

// Streams of one subject may come from several accounts, under different names or
// the same; from one account only once.
//
// Go: TestMultipleStreamImportsWithSameSubjectDifferentPrefix server/accounts_test.go:2591
// Go: TestMultipleStreamImportsWithSameSubject server/accounts_test.go:2658
func TestOneSubjectFromSeveralAccounts(t *testing.T) {
	const text = `accounts {
		foo { users: [{user: foo, password: pw}], exports: [{stream: test}] }
		bar { users: [{user: bar, password: pw}], exports: [{stream: test}] }
		I { users: [{user: i, password: pw}], imports: [
			{stream: {account: foo, subject: test}, %s}, {stream: {account: %s, subject: test}, %s}
		] }
	}`
	for _, c := range []struct{ first, second, subscribed, fromFoo, fromBar string }{
		{"prefix: foo", "prefix: bar", "*.test", "foo.test", "bar.test"},
		{"", "", "test", "test", "test"},
	} {
		s := godwittest.RunConfig(t, fmt.Sprintf(text, c.first, "bar", c.second))
		foo, bar := kit.Connect(t, s, "foo"), kit.Connect(t, s, "bar")
		b := kit.Subscribe(t, kit.Connect(t, s, "i"), c.subscribed)
		publish(t, bar, "test", "hello-bar")
		b.Want(bar, c.fromBar+"=hello-bar")
		publish(t, foo, "test", "hello-foo")
		b.Want(foo, c.fromFoo+"=hello-foo")
	}
	for _, second := range []string{"", "prefix: other"} {
		refuse(t, fmt.Sprintf(text, "", "foo", second), "stream import already exists")
	}
}

// Renamed wildcards, with tokens in another order.
//
// Go: TestAccountImportSubjectMapping test/accounts_cycles_test.go:446
func TestRenamedStreamsKeepTheirTokens(t *testing.T) {
	s := godwittest.RunConfig(t, streamPair(`{stream: ">"}`, `{stream: {account: E, subject: "foo.*.*"}, to: "foo.$1.{{wildcard(2)}}"}`))
	e, i := kit.Connect(t, s, "e"), kit.Connect(t, s, "i")
	b := kit.Subscribe(t, i, "foo.*.*")
	var want []string
	for n := range 100 {
		publish(t, e, fmt.Sprintf("foo.%d.%d", n, 100-n), "HELLO")
		want = append(want, fmt.Sprintf("foo.%d.%d=HELLO", n, 100-n))
	}
	b.Want(e, want...)
}

// Everything that a message has but its subject arrives unchanged.
func TestImportedMessagesAreOtherwiseUnchanged(t *testing.T) {
	s := godwittest.RunConfig(t, streamPair(`{stream: ">"}`, `{stream: {account: E, subject: "a.*"}, to: "b.$1"}`))
	e, i := kit.Login(t, s.Addr(), "e"), kit.Login(t, s.Addr(), "i")
	i.Send("SUB b.* 7", "PING")
	i.Expect("PONG")
	e.Send("HPUB a.1 reply 18 20", "NATS/1.0", "A: b", "", "hi", "PING")
	e.Expect("PONG")
	i.Expect("HMSG b.1 7 reply 18 20", "NATS/1.0", "A: b", "", "hi")
}

// Streams do not chain: what B imports it does not export, though it may allow to
// import the subject.
func TestImportedStreamsAreNotPassedOn(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts {
		C { users: [{user: c, password: pw}], exports: [{stream: "s.*"}] }
		B { users: [{user: b, password: pw}], exports: [{stream: "s.*"}], imports: [{stream: {account: C, subject: "s.*"}}] }
		A { users: [{user: a, password: pw}], imports: [{stream: {account: B, subject: "s.*"}}] }
	}`)
	a, b, c := kit.Connect(t, s, "a"), kit.Connect(t, s, "b"), kit.Connect(t, s, "c")
	inA, inB := kit.Subscribe(t, a, ">"), kit.Subscribe(t, b, ">")
	publish(t, c, "s.1", "from C")
	inB.Want(c, "s.1=from C")
	inA.Want(c)
	publish(t, b, "s.2", "from B")
	inB.Want(b, "s.2=from B")
	inA.Want(b, "s.2=from B")
}

// An importer and an exporter may share a queue group.
func TestQueueGroupsSpanAccounts(t *testing.T) {
	s := godwittest.RunConfig(t, streamPair(`{stream: foo}`, `{stream: {account: E, subject: foo}, to: bar}`))
	e, i := kit.Connect(t, s, "e"), kit.Connect(t, s, "i")
	here, there := kit.Subscribe(t, i, "bar", "q"), kit.Subscribe(t, e, "foo", "q")
	const n = 400
	for range n {
		publish(t, e, "foo", "")
	}
	x, y := here.Count(e), there.Count(e)
	if x+y != n || x < n/4 || y < n/4 {
		t.Errorf("%d and %d of %d", x, y, n)
	}
}

// A limit of a subscription counts all that it gets, imported or not.
func TestLimitsCountImportedMessages(t *testing.T) {
	s := godwittest.RunConfig(t, streamPair(`{stream: foo}`, `{stream: {account: E, subject: foo}}`))
	e, i := kit.Connect(t, s, "e"), kit.Login(t, s.Addr(), "i")
	i.Send("SUB foo 1", "UNSUB 1 3", kit.Pub("foo", "", "own"), "PING")
	i.Expect("MSG foo 1 3", "own", "PONG")
	for range 5 {
		publish(t, e, "foo", "e")
	}
	kit.Flush(t, e)
	i.Send("PING")
	i.Expect("MSG foo 1 1", "e", "MSG foo 1 1", "e", "PONG")
	kit.Eventually(t, "the shadow is gone", func() bool { return ownSubscriptions(t, s, "E") == 0 })
}

// The deny list of the subscriber's permissions is about local subjects.
func TestPermissionsAreAboutLocalSubjects(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts {
		E { users: [{user: e, password: pw}], exports: [{stream: "foo.*"}] }
		I {
			users: [{user: i, password: pw, permissions: {subscribe: {deny: ["bar.secret", "foo.news"]}}}]
			imports: [{stream: {account: E, subject: "foo.*"}, to: "bar.*"}]
		}
	}`)
	e, i := kit.Connect(t, s, "e"), kit.Connect(t, s, "i")
	b := kit.Subscribe(t, i, ">")
	publish(t, e, "foo.secret", "1")
	publish(t, e, "foo.news", "2")
	b.Want(e, "bar.news=2")
}

// A changed import replaces the shadows; one that is the same after a reload keeps
// them, so that nothing is missed.
//
// Go: TestAccountCheckStreamImportsEqual server/accounts_test.go:2275
func TestOnlyChangedImportsReplaceShadows(t *testing.T) {
	text := func(imports string, more string) string {
		return fmt.Sprintf(`accounts {
			E { users: [{user: e, password: pw}], exports: [{stream: ">"}] }
			F { exports: [{stream: ">"}] }
			I { users: [{user: i, password: pw}], imports: [%s] }
			%s
		}`, imports, more)
	}
	const (
		prefixed = `{stream: {account: E, subject: foo}, prefix: mine}`
		second   = `{stream: {account: E, subject: "bar.>"}}`
	)
	s, reload := kit.Reloadable(t, text(prefixed, ""))
	kit.Subscribe(t, kit.Connect(t, s, "i"), ">")
	inserted := func() [2]uint64 {
		return [2]uint64{account(t, s, "E").Account.Sublist.NumInserts, account(t, s, "F").Account.Sublist.NumInserts}
	}
	for n, c := range []struct {
		imports, more string
		e, f          uint64 // new shadows
	}{
		{prefixed, "X {}", 0, 0},
		{prefixed + "\n" + second, "", 1, 0},
		{prefixed + "\n" + second, "X {}", 0, 0},
		{second + "\n" + prefixed, "", 0, 0},
		{prefixed, "", 0, 0},
		{`{stream: {account: E, subject: foo}, prefix: other}`, "", 1, 0}, // another prefix
		{`{stream: {account: E, subject: fox}, prefix: other}`, "", 1, 0}, // another subject
		{`{stream: {account: F, subject: fox}, prefix: other}`, "", 0, 1}, // another account
	} {
		before := inserted()
		reload(text(c.imports, c.more))
		if after := inserted(); after != [2]uint64{before[0] + c.e, before[1] + c.f} {
			t.Errorf("change %d: inserts before %v, after %v", n, before, after)
		}
	}
}

// A message that came into an account as a request is not a message of its
// streams.
//
// Go: TestServiceAndStreamStackOverflow test/service_latency_test.go:1232
func TestRequestsAreNotImportedAsStreams(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts {
		STATIC { users: [{user: static, password: pw}], exports: [{stream: >}, {service: my.service}] }
		DYN { users: [{user: dyn, password: pw}], imports: [
			{stream {subject: >, account: STATIC}}, {service {subject: my.service, account: STATIC}}
		] }
	}`)
	static, dyn := kit.Connect(t, s, "static"), kit.Connect(t, s, "dyn")
	plain := kit.Subscribe(t, static, "my.service")
	publishRequest(t, dyn, "my.service", "foo", "hi")
	plain.Want(dyn, "my.service=hi")
	kit.OK(t, plain.Unsubscribe())
	queue := kit.Subscribe(t, static, "my.service", "prod")
	publishRequest(t, dyn, "my.service", "foo", "hi")
	queue.Want(dyn, "my.service=hi")
	// A member of the group in the requestor's own account gets its own copy, and
	// takes none from the service.
	own := kit.Subscribe(t, dyn, "my.service", "prod")
	for range 20 {
		publishRequest(t, dyn, "my.service", "foo", "hi")
	}
	if n, m := queue.Count(dyn), own.Count(dyn); n != 20 || m != 20 {
		t.Errorf("the service got %d, the own member %d of 20", n, m)
	}
}

// An account that offers a subject as a stream and as a service hears its own
// messages once.
//
// Go: TestAccountServiceAndStreamExportDoubleDelivery server/accounts_test.go:4036
func TestStreamAndServiceOfOneSubjectDoNotDouble(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts {
		tenant1 { users: [{user: one, password: pw}], exports: [{stream: "DW.>"}, {service: "DW.>"}] }
		global { users: [{user: global, password: pw}], imports: [
			{stream: {account: tenant1, subject: "DW.>"}, prefix: tenant1}
			{service: {account: tenant1, subject: "DW.>"}, to: "tenant1.DW.>"}
		] }
	}`)
	one, global := kit.Connect(t, s, "one"), kit.Connect(t, s, "global")
	tenant, all := kit.Subscribe(t, one, ">"), kit.Subscribe(t, global, ">")
	publish(t, one, "DW.test.123", "test")
	tenant.Want(one, "DW.test.123=test")
	all.Want(one, "tenant1.DW.test.123=test")
	publish(t, global, "tenant1.DW.test.4", "back")
	tenant.Want(global, "DW.test.4=back")
	all.Want(global, "tenant1.DW.test.4=back")
}

// What is imported is delivered on the cached path too: with many messages of one
// batch, large ones, and different receivers of one subject.
func TestManyImportedMessagesOfOneBatch(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts {
		E { users: [{user: e, password: pw}], exports: [{stream: ">"}] }
		I { users: [{user: i, password: pw}], imports: [{stream: {account: E, subject: "a.*"}, to: "i.$1"}] }
		J { users: [{user: j, password: pw}], imports: [{stream: {account: E, subject: "a.*"}, to: "j.$1"}] }
	}`)
	e := kit.Connect(t, s, "e")
	boxes := []*kit.Inbox{kit.Subscribe(t, kit.Connect(t, s, "i"), "i.>"), kit.Subscribe(t, kit.Connect(t, s, "j"), "j.>"), kit.Subscribe(t, e, "a.>")}
	want := make([][]string, len(boxes))
	large := string(make([]byte, 20_000))
	for n := range 500 {
		data := fmt.Sprint(n)
		if n%50 == 0 {
			data = large
		}
		publish(t, e, fmt.Sprintf("a.%d", n%3), data)
		for i, prefix := range []string{"i.", "j.", "a."} {
			want[i] = append(want[i], fmt.Sprintf("%s%d=%s", prefix, n%3, data))
		}
	}
	for i, b := range boxes {
		if got := b.Take(e); !slices.Equal(got, want[i]) {
			t.Errorf("%q got %d messages, want %d", b.Subject, len(got), len(want[i]))
		}
	}
	stat := kit.Must[*godwit.AccountStatz](t)(s.AccountStatz(&godwit.AccountStatzOptions{Accounts: []string{"E"}}))
	if sent := stat.Accounts[0].Sent.Msgs; sent != 1500 {
		t.Errorf("E has sent %d messages, want 1500: deliveries count where the match is", sent)
	}
}
