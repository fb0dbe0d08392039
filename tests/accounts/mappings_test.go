package accounts_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// about checks that a number is near what is expected: within a fifth.
func about(t testing.TB, what string, got, want int) {
	t.Helper()
	if got < want*4/5 || got > want*6/5 {
		t.Errorf("%s: %d, want about %d", what, got, want)
	}
}

// A mapping renames what is published, once, until it is removed.
//
// Go: TestAccountBasicRouteMapping server/accounts_test.go:2729
// Go: TestAccountWildcardRouteMapping server/accounts_test.go:2765
// Go: TestAccountRouteMappingChangesAfterClientStart server/accounts_test.go:2815
func TestMappingsComeAndGo(t *testing.T) {
	s, reload := kit.Reloadable(t, "")
	nc := kit.Connect(t, s, "") // before there is any mapping
	all := kit.Subscribe(t, nc, ">")
	check := func(want ...string) {
		t.Helper()
		for _, subject := range []string{"foo", "foo.1.2", "bar.3.4.5", "baz"} {
			publish(t, nc, subject, "")
		}
		got := all.Take(nc)
		for i := range want {
			want[i] += "="
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	check("foo", "foo.1.2", "bar.3.4.5", "baz")
	reload(`mappings { foo: bar }`)
	check("bar", "foo.1.2", "bar.3.4.5", "baz")
	reload(`mappings { "foo.*.*": "bar.$2.$1", "bar.*.>": "baz.$1.>" }`)
	check("foo", "bar.2.1", "baz.3.4.5", "baz")
	reload("")
	check("foo", "foo.1.2", "bar.3.4.5", "baz")
}

// Subscribers of the original subject are passed over.
func TestMappedMessagesLeaveTheirSubject(t *testing.T) {
	s := godwittest.RunConfig(t, `mappings { foo: bar }`)
	nc := kit.Connect(t, s, "")
	foo, bar := kit.Subscribe(t, nc, "foo"), kit.Subscribe(t, nc, "bar")
	publish(t, nc, "foo", "1")
	foo.Want(nc)
	bar.Want(nc, "bar=1")
}

// What is missing to 100 percent stays, if the source is not among the
// destinations; what is left of the source's own share is lost.
//
// Go: TestAccountSimpleWeightedRouteMapping server/accounts_test.go:2854
// Go: TestAccountMultiWeightedRouteMappings server/accounts_test.go:2886
// Go: TestAccountRouteMappingsWithLossInjection server/accounts_test.go:3041
func TestWeightsOfMappings(t *testing.T) {
	const total = 5000
	for _, c := range []struct {
		mapping string
		want    map[string]int // percent
	}{
		{`foo: {dest: bar, weight: 50}`, map[string]int{"foo": 50, "bar": 50}},
		{`foo: [{dest: bar, weight: 50%}, {dest: baz, weight: 30%}]`, map[string]int{"foo": 20, "bar": 50, "baz": 30}},
		{`foo: [{dest: bar, weight: 50}, {dest: baz, weight: 50}]`, map[string]int{"bar": 50, "baz": 50}},
		{`foo: {dest: foo, weight: 80%}`, map[string]int{"foo": 80}},
		{`foo: {dest: foo, weight: 0%}`, map[string]int{}},
	} {
		s := godwittest.RunConfig(t, "mappings { "+c.mapping+" }")
		nc := kit.Connect(t, s, "", nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			t.Errorf("%s: %v", c.mapping, err)
		}))
		boxes := make(map[string]*kit.Inbox)
		for _, subject := range []string{"foo", "bar", "baz"} {
			boxes[subject] = kit.Subscribe(t, nc, subject)
		}
		for range total {
			publish(t, nc, "foo", "")
		}
		for subject, b := range boxes {
			about(t, c.mapping+": "+subject, b.Count(nc), total*c.want[subject]/100)
		}
	}
	for mapping, want := range map[string]string{
		`foo: {dest: bar, weight: 150}`:                           `Invalid weight`,
		`foo: [{dest: bar, weight: 50}, {dest: bar, weight: 50}]`: `duplicate entry for "bar"`,
		`foo: [{dest: bar, weight: 50}, {dest: baz, weight: 60}]`: "total weight needs to be <= 100",
		`foo: ""`:                        `Error adding mapping for "foo" to "" : invalid subject`,
		`"foo.*": "bar.$2"`:              "wildcard index out of range",
		`foo: {dest: bar}`:               `Missing weight for mapping destination "bar"`,
		`"foo..bar": bar`:                `Subject "foo..bar" is not a valid subject`,
		`foo: {dest: bar, weight: half}`: "Invalid weight",
	} {
		refuse(t, "mappings { "+mapping+" }", want)
	}
}

// The global account's mappings stand at the top, those of others in the account.
//
// Go: TestGlobalAccountRouteMappingsConfiguration server/accounts_test.go:2955
// Go: TestAccountRouteMappingsConfiguration server/accounts_test.go:3005
func TestWhereMappingsStand(t *testing.T) {
	const mappings = `mappings = {
		foo: bar
		foo.*: [{dest: bar.v1.$1, weight: 40%}, {destination: baz.v2.$1, weight: 20}]
		bar.*.*: RAB.$2.$1
	}`
	for text, user := range map[string]string{
		mappings: "",
		"accounts { synadia { users = [{user: derek, password: pw}]\n" + mappings + "} }": "derek",
	} {
		s := godwittest.RunConfig(t, text)
		nc := kit.Connect(t, s, user)
		boxes := make(map[string]*kit.Inbox)
		for _, pattern := range []string{"bar", "bar.v1.>", "baz.v2.>", "RAB.>", "foo.*"} {
			boxes[pattern] = kit.Subscribe(t, nc, pattern)
		}
		publish(t, nc, "foo", "1")
		publish(t, nc, "bar.11.22", "1")
		boxes["bar"].Want(nc, "bar=1")
		boxes["RAB.>"].Want(nc, "RAB.22.11=1")
		const total = 2000
		for range total {
			publish(t, nc, "foo.22", "")
		}
		for pattern, percent := range map[string]int{"bar.v1.>": 40, "baz.v2.>": 20, "foo.*": 40} {
			about(t, pattern, boxes[pattern].Count(nc), total*percent/100)
		}
		shown := account(t, s, home(t, nc)).Account.Mappings
		if len(shown) != 3 || len(shown["foo.*"]) != 3 || shown["foo"][0].Subject != "bar" || shown["bar.*.*"][0].Subject != "RAB.$2.$1" {
			t.Errorf("monitoring shows %v", shown)
		}
	}
}

// The exporter's mappings apply to requests when they arrive.
//
// Go: TestAccountServiceImportWithRouteMappings server/accounts_test.go:3117
func TestRequestsAreMappedByTheExporter(t *testing.T) {
	text := func(mappings string) string {
		return fmt.Sprintf(`accounts {
			foo { users: [{user: foo, password: pw}], exports: [{service: request}], %s }
			bar { users: [{user: bar, password: pw}], imports: [{service: {account: foo, subject: request}}] }
		}`, mappings)
	}
	s, reload := kit.Reloadable(t, text(""))
	foo, bar := kit.Connect(t, s, "foo"), kit.Connect(t, s, "bar")
	requests := kit.Subscribe(t, foo, "request.>")
	publish(t, bar, "request", "1")
	requests.Want(bar)
	reload(text("mappings: {request: request.v2}"))
	publish(t, bar, "request", "2")
	requests.Want(bar, "request.v2=2")
	kit.Serve(t, foo, "request.v2", "version 2")
	for range 3 {
		if got := ask(t, bar, "request", ""); got != "version 2" {
			t.Errorf("the answer is %q", got)
		}
	}
	requests.Take(bar)
	reload(text("mappings: {request: [{dest: request.a, weight: 50}, {dest: request.b, weight: 50}]}"))
	for range 200 {
		publish(t, bar, "request", "")
	}
	got := requests.Take(bar)
	a := len(slices.DeleteFunc(slices.Clone(got), func(m string) bool { return m != "request.a=" }))
	if len(got) != 200 || a < 50 || a > 150 {
		t.Errorf("%d requests, %d of them on request.a", len(got), a)
	}
}

// The importer's mappings apply before its imports.
func TestMappedMessagesMayBeRequests(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts {
		E { users: [{user: e, password: pw}], exports: [{service: "s.*"}] }
		I { users: [{user: i, password: pw}], mappings: {"old.*": "new.$1"}, imports: [{service: {account: E, subject: "s.*"}, to: "new.$1"}] }
	}`)
	kit.Serve(t, kit.Connect(t, s, "e"), "s.1", "mapped")
	if got := ask(t, kit.Connect(t, s, "i"), "old.1", ""); got != "mapped" {
		t.Errorf("the answer is %q", got)
	}
}

// Permissions are about the subject that a mapping makes.
func TestPermissionsFollowMappings(t *testing.T) {
	s := godwittest.RunConfig(t, `accounts { A {
		users: [{user: admin, password: pw}, {user: u, password: pw, permissions: {publish: {deny: [secret, source]}}}]
		mappings: {open: secret, source: public}
	} }`)
	w := kit.Login(t, s.Addr(), "u")
	b := kit.Subscribe(t, kit.Connect(t, s, "admin"), ">")
	w.Send(kit.Pub("open", "", "1"), kit.Pub("source", "", "2"), "PING")
	w.Expect(`-ERR 'Permissions Violation for Publish to "secret"'`, "PONG")
	if got := b.Take(); !slices.Equal(got, []string{"public=2"}) {
		t.Errorf("got %q", got)
	}
}

// Partitions are the same each time.
//
// Go: TestAccountSubjectMapping test/accounts_cycles_test.go:365
func TestPartitionsAreDeterministic(t *testing.T) {
	s := godwittest.RunConfig(t, `mappings { "foo.*.*": "foo.$1.{{wildcard(2)}}.{{partition(10,1,2)}}" }`)
	nc := kit.Connect(t, s, "")
	b := kit.Subscribe(t, nc, "foo.*.*.*")
	const n = 100
	seen := make([]string, n)
	used := make(map[int]bool)
	for round := range 2 {
		for i := range n {
			publish(t, nc, fmt.Sprintf("foo.%d.%d", i, n-i), "")
		}
		kit.Flush(t, nc)
		for i := range n {
			m := b.Next()
			var x, y, partition int
			if _, err := fmt.Sscanf(m.Subject, "foo.%d.%d.%d", &x, &y, &partition); err != nil || x != i || y != n-i || partition > 9 || partition < 0 {
				t.Fatalf("message %d is on %q", i, m.Subject)
			}
			used[partition] = true
			if round == 0 {
				seen[i] = m.Subject
			} else if seen[i] != m.Subject {
				t.Errorf("%q was %q before", m.Subject, seen[i])
			}
		}
	}
	if len(used) < 5 {
		t.Errorf("only the partitions %v are used", used)
	}
}

// A message that a mapping loses is nobody's, and no error of the publisher.
func TestLostMessages(t *testing.T) {
	s := godwittest.RunConfig(t, `mappings { foo: {dest: foo, weight: 0} }`)
	nc := kit.Connect(t, s, "")
	b := kit.Subscribe(t, nc, ">")
	w := kit.Login(t, s.Addr(), "")
	w.Send(kit.Pub("foo", "", "x"), "PING")
	w.Expect("PONG")
	if n := b.Count(nc); n != 0 {
		t.Errorf("%d messages", n)
	}
}
