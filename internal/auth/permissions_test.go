package auth

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/subject"
)

// subscribing compiles subscribe lists; a nil allow list is none.
func subscribing(t testing.TB, allow, deny []string) *Permissions {
	t.Helper()
	return compiled(t, &options.Permissions{Subscribe: &options.SubjectPermission{Allow: allow, Deny: deny}})
}

func publishing(t testing.TB, allow, deny []string) *Permissions {
	t.Helper()
	return compiled(t, &options.Permissions{Publish: &options.SubjectPermission{Allow: allow, Deny: deny}})
}

func compiled(t testing.TB, raw *options.Permissions) *Permissions {
	t.Helper()
	p, err := NewPermissions(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCanPublish(t *testing.T) {
	for _, c := range []struct {
		allow, deny []string
		yes, no     string
	}{
		{nil, nil, "foo a.b.c", ""},
		{[]string{}, nil, "", "foo a.b.c"},
		{[]string{"foo"}, nil, "foo", "bar foo.bar Foo"},
		{[]string{"foo.*", "bar"}, nil, "foo.a bar", "foo foo.a.b bar.a"},
		{[]string{"foo.>"}, nil, "foo.a foo.a.b", "foo"},
		{nil, []string{"foo"}, "bar foo.a", "foo"},
		{[]string{">"}, []string{"foo.*", "bar"}, "foo foo.a.b", "foo.a bar"},
		{[]string{"foo"}, []string{"foo"}, "", "foo"},
		// A subject with wildcards is published to literally.
		{[]string{"p.*"}, nil, "p.* p.> p.a", "> * p"},
		{[]string{"p.a"}, nil, "p.a", "p.*"},
		{nil, []string{"p.*"}, "p", "p.* p.a"},
	} {
		p := publishing(t, c.allow, c.deny)
		for _, name := range strings.Fields(c.yes) {
			if !p.CanPublish([]byte(name)) {
				t.Errorf("allow %q deny %q: refuses %q", c.allow, c.deny, name)
			}
		}
		for _, name := range strings.Fields(c.no) {
			if p.CanPublish([]byte(name)) {
				t.Errorf("allow %q deny %q: permits %q", c.allow, c.deny, name)
			}
		}
	}
}

func TestNoPermissionsAllowEverything(t *testing.T) {
	none := compiled(t, nil)
	if none != nil {
		t.Fatal("no permissions should be compiled to nil")
	}
	for _, p := range []*Permissions{none, compiled(t, &options.Permissions{})} {
		if !p.CanPublish([]byte("foo")) || !p.CanSubscribe(">", "") || !p.CanSubscribe("foo", "q") {
			t.Error("something is refused")
		}
		if p.NeedsDeliveryFilter(">", "") || p.DeniesDelivery([]byte("foo"), "q") {
			t.Error("a delivery is denied")
		}
		if p.Response() != nil {
			t.Error("answers are limited")
		}
	}
	if none.Raw() != nil || none.Public() != nil {
		t.Error("there should be nothing to show")
	}
}

// Go: TestQueueSubscribePermissions server/client_test.go:908
func TestCanSubscribe(t *testing.T) {
	list := func(entries ...string) []string { return entries }
	for _, c := range []struct {
		allow, deny    []string
		subject, queue string
		want           bool
	}{
		{list("foo"), nil, "foo", "", true},
		{list("foo"), nil, "foo", "bar", true},
		{list("foo"), nil, "bar", "", false},
		{list("foo bar"), nil, "foo", "bar", true},
		{list("foo bar"), nil, "foo", "fizz", false},
		{list("foo bar"), nil, "foo", "", false},
		{list("foo bar.*"), nil, "foo", "bar.fizz", true},
		{list("foo bar.*"), nil, "foo", "bar.*", true},
		{list("foo bar.*"), nil, "foo", "bar", false},
		{list("> bar.>"), nil, "whizz", "bar.bang", true},
		{list("> bar.>"), nil, "whizz", "", false},
		{list("> v1.>"), nil, "foo", "v1.prod", true},
		{list("> *.dev", "> *.stg"), nil, "foo", "bar", false},
		{list("> *.dev", "> *.stg"), nil, "foo", "bar.stg", true},
		{list("foo v*.>"), nil, "foo", "v1.x", false},
		{list("foo v*.>"), nil, "foo", "v*.x", true},
		// A queue entry restricts the queues of its subject, whatever a plain one says.
		{list("foo", "foo v1"), nil, "foo", "", true},
		{list("foo", "foo v1"), nil, "foo", "v1", true},
		{list("foo", "foo v1"), nil, "foo", "v2", false},
		{list(">", "foo v1"), nil, "foo", "v2", false},
		{list(">", "foo v1"), nil, "bar", "v2", true},

		{list(">"), list("foo"), "foo", "bar", false},
		{list(">"), list("foo"), "foo", "", false},
		{list(">"), list("foo"), "bar", "", true},
		{list(">"), list(">"), "foo", "bar", false},
		{list(">"), list("> >"), "foo", "", true},
		{nil, list("> >"), "foo", "bar", false},
		{nil, list("> *.dev", "> *.stg"), "foo", "bar", true},
		{nil, list("> *.dev", "> *.stg"), "foo", "bar.dev", false},
		{nil, list("foo >"), "foo", "bar", false},
		{nil, list("foo *"), "foo", "bar", false},
		{nil, list("foo *"), "foo", "bar.x", true},
		{nil, list("foo v1"), "foo", "v1", false},
		{nil, list("foo v1"), "foo", "v2", true},
		{nil, list("foo v1"), "foo", "", true},
		{list(">"), list("admin.>", "> restricted"), "admin.secret", "workers", false},

		// Allow entries have to cover the subscription.
		{list("in.>"), nil, "in.*", "", true},
		{list("in.>"), nil, "in.>", "", true},
		{list("in.>"), nil, "in", "", false},
		{list("in.a"), nil, "in.*", "", false},
		{list("foo.*"), nil, "foo.>", "", false},
		{list("foo.*"), nil, "foo.*", "", true},
		{list("*"), nil, ">", "", false},
		{list("*"), nil, "*.*", "", false},
		{list("foo.*"), nil, "*.*", "", false},
		{list("foo.* q"), nil, "foo.>", "q", false},
		{list("a", "b"), nil, "*", "", false},
		{[]string{}, nil, "foo", "", false},

		// Deny entries refuse what they cover; what is wider is filtered later.
		{nil, list("e.>"), "e.a", "", false},
		{nil, list("e.>"), "e.*", "", false},
		{nil, list("e.>"), "e.>", "", false},
		{nil, list("e.>"), "*.a", "", true},
		{nil, list("d.one"), ">", "", true},
		{nil, list("*.secret"), "foo.*", "", true},
		{nil, list("foo.*"), "foo.>", "", false},
		{nil, list("foo.*"), "*.*", "", true},
	} {
		p := subscribing(t, c.allow, c.deny)
		if got := p.CanSubscribe(c.subject, c.queue); got != c.want {
			t.Errorf("allow %q deny %q: subscribing to %q with queue %q: %v, want %v",
				c.allow, c.deny, c.subject, c.queue, got, c.want)
		}
	}
}

func TestDeliveryFilter(t *testing.T) {
	for _, c := range []struct {
		deny, subject, queue string
		blocked, allowed     string
	}{
		{"*.secret", "foo.*", "", "foo.secret", "foo.public"},
		{"foo.*.bar", "foo.baz.*", "workers", "foo.baz.bar", "foo.baz.qux"},
		{"*.*.bar", "foo.*.*", "", "foo.baz.bar", "foo.baz.qux"},
		{"a.>", "*.b", "", "a.b", "z.b"},
		{"d.one", ">", "", "d.one", "d.two"},
		{"d.one", "d.*", "q", "d.one", "d.two"},
		{"admin.secret workers", "admin.*", "workers", "admin.secret", "admin.public"},
		{"admin.secret work.*", "admin.*", "work.prod", "admin.secret", "admin.public"},
		{"admin.* workers", ">", "workers", "admin.secret", "public"},
	} {
		p := subscribing(t, nil, []string{c.deny})
		if !p.CanSubscribe(c.subject, c.queue) {
			t.Errorf("deny %q refuses %q %q", c.deny, c.subject, c.queue)
		}
		if !p.NeedsDeliveryFilter(c.subject, c.queue) {
			t.Errorf("deny %q: %q %q should need a filter", c.deny, c.subject, c.queue)
		}
		if !p.DeniesDelivery([]byte(c.blocked), c.queue) {
			t.Errorf("deny %q lets %q pass", c.deny, c.blocked)
		}
		if p.DeniesDelivery([]byte(c.allowed), c.queue) {
			t.Errorf("deny %q stops %q", c.deny, c.allowed)
		}
	}

	scoped := subscribing(t, nil, []string{"admin.secret workers"})
	for _, queue := range []string{"", "auditors"} {
		if scoped.NeedsDeliveryFilter("admin.*", queue) || scoped.DeniesDelivery([]byte("admin.secret"), queue) {
			t.Errorf("the denial for workers concerns queue %q", queue)
		}
	}
	some := subscribing(t, nil, []string{"a.b", "a.d.>"})
	for name, want := range map[string]bool{
		"b.*": false, "a": false, "a.c": false, "*": false, "*.c": false, "a.b.*": false,
		"a.*": true, "*.b": true, "a.>": true, "*.*.x": true, "a.*.x": true, ">": true,
	} {
		if got := some.NeedsDeliveryFilter(name, ""); got != want {
			t.Errorf("%q needs a filter: %v", name, got)
		}
	}
}

// Literal entries are found among many, in whatever order they are configured.
func TestDeliveryFilterFindsLiterals(t *testing.T) {
	p := subscribing(t, nil, []string{"z.a", "m.c", "a.b", "b.d", "m", "a.z", "m.a.x"})
	for name, want := range map[string]bool{
		"a.*": true, "b.*": true, "m.*": true, "z.*": true, "*.d": true, "m.>": true, "m.*.x": true, "m.a.*": true,
		"c.*": false, "m.b.*": false, "z.*.*": false, "z.a.*": false, "*.x": false,
	} {
		if got := p.NeedsDeliveryFilter(name, ""); got != want {
			t.Errorf("%q needs a filter: %v", name, got)
		}
	}
}

func TestAllowResponsesClosesPublishing(t *testing.T) {
	response := &options.ResponsePermission{}
	p := compiled(t, &options.Permissions{Response: response})
	if p.CanPublish([]byte("foo")) {
		t.Error("whoever may answer may publish")
	}
	want := &options.ResponsePermission{MaxMsgs: 1, Expires: options.DefaultResponseExpires}
	if diff := cmp.Diff(want, p.Response()); diff != "" {
		t.Error(diff)
	}
	if *response != (options.ResponsePermission{}) {
		t.Error("the options were changed")
	}
	p = compiled(t, &options.Permissions{Response: response, Publish: &options.SubjectPermission{Deny: []string{"bar"}}})
	if p.CanPublish([]byte("foo")) {
		t.Error("a deny list alone opened publishing")
	}
	p = compiled(t, &options.Permissions{Response: response, Publish: &options.SubjectPermission{Allow: []string{"foo"}}})
	if !p.CanPublish([]byte("foo")) || p.CanPublish([]byte("bar")) {
		t.Error("the allow list does not count")
	}
	p = compiled(t, &options.Permissions{Response: &options.ResponsePermission{MaxMsgs: -1, Expires: -1}})
	if r := p.Response(); r.MaxMsgs != -1 || r.Expires != -1 {
		t.Errorf("limits that were switched off are %+v", r)
	}
}

// Go: TestClientSetPermissionsPublishDenyQueueQualifierFailsClosed server/client_test.go:1201
func TestPublishDenyWithQueueDeniesSubject(t *testing.T) {
	p := publishing(t, nil, []string{"admin.secret workers"})
	if p.CanPublish([]byte("admin.secret")) || !p.CanPublish([]byte("admin.public")) {
		t.Error("the subject of the entry should be denied, and nothing else")
	}
}

func TestNewPermissionsRefusesBadEntries(t *testing.T) {
	sub := func(allow, deny string) *options.SubjectPermission {
		p := &options.SubjectPermission{}
		if allow != "-" {
			p.Allow = []string{"fine", allow}
		}
		if deny != "-" {
			p.Deny = []string{"fine", deny}
		}
		return p
	}
	for _, c := range []struct {
		raw  options.Permissions
		want string
	}{
		{options.Permissions{Publish: sub("a..b", "-")}, `publish allow: subject "a..b" is not a valid subject`},
		{options.Permissions{Publish: sub("a q", "-")}, `publish allow: subject "a q" is not a valid subject`},
		{options.Permissions{Publish: sub("-", "a.>.b")}, `publish deny: subject "a.>.b" is not a valid subject`},
		{options.Permissions{Subscribe: sub("a b c", "-")}, `subscribe allow: invalid subject-queue "a b c"`},
		{options.Permissions{Subscribe: sub("-", "a .q")}, `subscribe deny: queue ".q" is not a valid queue`},
		{options.Permissions{Subscribe: sub("-", "")}, `subscribe deny: invalid subject-queue ""`},
	} {
		p, err := NewPermissions(&c.raw)
		if err == nil || err.Error() != c.want || p != nil {
			t.Errorf("%+v: %v, want %s", c.raw, err, c.want)
		}
	}
}

// Go: TestSplitSubjectQueue server/client_test.go:812
func TestParseEntry(t *testing.T) {
	for _, c := range []struct {
		text string
		want entry
		ok   bool
	}{
		{"foo", entry{"foo", ""}, true},
		{"foo bar", entry{"foo", "bar"}, true},
		{" foo bar ", entry{"foo", "bar"}, true},
		{"foo  bar", entry{"foo", "bar"}, true},
		{"foo  bar fizz", entry{}, false},
		{"", entry{}, false},
		{"\t", entry{}, false},
		{"\n", entry{}, false},
		{" \t\r\n", entry{}, false},
	} {
		got, err := parseEntry(c.text)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("parseEntry(%q) = %+v, %v", c.text, got, err)
		}
	}
}

// Go: TestClientPublicPermissionsPreservesQueueQualifier server/client_test.go:1210
func TestPublicPermissions(t *testing.T) {
	raw := &options.Permissions{
		Subscribe: &options.SubjectPermission{
			Allow: []string{"  events.*   readers ", "plain"}, Deny: []string{"admin.secret workers"},
		},
		Response: &options.ResponsePermission{MaxMsgs: 3},
	}
	before := raw.Clone()
	p := compiled(t, raw)
	want := &options.Permissions{
		Publish: &options.SubjectPermission{},
		Subscribe: &options.SubjectPermission{
			Allow: []string{"events.* readers", "plain"}, Deny: []string{"admin.secret workers"},
		},
		Response: &options.ResponsePermission{MaxMsgs: 3, Expires: options.DefaultResponseExpires},
	}
	got := p.Public()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got.Subscribe.Deny[0], raw.Subscribe.Deny[0] = "x", "y"
	if !p.DeniesDelivery([]byte("admin.secret"), "workers") {
		t.Error("the permissions changed with what was shown or given")
	}
	if diff := cmp.Diff(before, p.Raw()); diff != "" {
		t.Error(diff)
	}
}

func TestChecksDoNotAllocate(t *testing.T) {
	var list []string
	for i := range 5000 {
		list = append(list, fmt.Sprintf("orders.with.a.name.beyond.small.buffers.%d", i))
	}
	list = append(list, "logs.*.>", "events.* readers", "x workers")
	p := compiled(t, &options.Permissions{
		Publish:   &options.SubjectPermission{Allow: list[:5001], Deny: list[:10]},
		Subscribe: &options.SubjectPermission{Allow: append([]string{"orders.>"}, list...), Deny: list[:10]},
	})
	message := []byte("orders.with.a.name.beyond.small.buffers.4711")
	name := string(message)
	n := testing.AllocsPerRun(100, func() {
		if !p.CanPublish(message) || !p.CanSubscribe(name, "") || !p.CanSubscribe("events.x", "readers") ||
			p.DeniesDelivery(message, "workers") || p.NeedsDeliveryFilter("logs.*", "workers") {
			t.Fatal("wrong answer")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// universe holds every literal of up to four tokens over three letters, which is
// enough to tell apart patterns of up to three tokens over two.
var universe = func() []string {
	all := []string{"a", "b", "c"}
	for from := 0; len(all) < 3+9+27+81; {
		to := len(all)
		for _, s := range all[from:to] {
			all = append(all, s+".a", s+".b", s+".c")
		}
		from = to
	}
	return all
}()

// selects is the definition of matching, token by token.
func selects(pattern, literal string) bool {
	p, l := strings.Split(pattern, "."), strings.Split(literal, ".")
	for i, token := range p {
		if token == ">" {
			return len(l) > i
		}
		if i >= len(l) || token != "*" && token != l[i] {
			return false
		}
	}
	return len(p) == len(l)
}

// coversAll tells whether the wider pattern selects all literals of the other.
func coversAll(pattern, wider string) bool {
	return !slices.ContainsFunc(universe, func(l string) bool { return selects(pattern, l) && !selects(wider, l) })
}

func patterns() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		tokens := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "*"}), 0, 3).Draw(t, "tokens")
		if len(tokens) == 0 || len(tokens) < 3 && rapid.Bool().Draw(t, "open") {
			tokens = append(tokens, ">")
		}
		return strings.Join(tokens, ".")
	})
}

func entryLists(queues bool) *rapid.Generator[[]string] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		text := patterns().Draw(t, "subject")
		if queue := rapid.SampledFrom([]string{"", "", "q", "r.s", "*", "r.*", ">"}).Draw(t, "queue"); queues && queue != "" {
			text += " " + queue
		}
		return text
	}), 0, 5)
}

// model answers by going through the configured text.
type model struct{ allow, deny []string }

func split(text string) (name, queue string) {
	name, queue, _ = strings.Cut(text, " ")
	return name, queue
}

func (m model) canPublish(name string) bool {
	in := func(list []string) bool {
		return slices.ContainsFunc(list, func(e string) bool { return selects(e, name) })
	}
	return in(m.allow) && !in(m.deny)
}

// sameQueue compares a literal name with a pattern.
func sameQueue(queue, pattern string) bool { return queue == pattern || selects(pattern, queue) }

func (m model) allows(name, queue string) bool {
	plain, restricted, matched := false, false, false
	for _, e := range m.allow {
		covering, q := split(e)
		if !coversAll(name, covering) {
			continue
		}
		plain = plain || q == ""
		restricted = restricted || q != ""
		matched = matched || q != "" && queue != "" && sameQueue(queue, q)
	}
	switch {
	case queue == "":
		return plain
	case restricted:
		return matched
	}
	return plain
}

func (m model) denies(literal, queue string) bool {
	return slices.ContainsFunc(m.deny, func(e string) bool {
		name, q := split(e)
		return selects(name, literal) && (q == "" || queue != "" && sameQueue(queue, q))
	})
}

// deniesAll tells whether one entry denies everything that a subscription gets.
func (m model) deniesAll(name, queue string) bool {
	return slices.ContainsFunc(m.deny, func(e string) bool {
		wider, q := split(e)
		return coversAll(name, wider) && (q == "" || queue != "" && sameQueue(queue, q))
	})
}

func TestPublishAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := model{entryLists(false).Draw(t, "allow"), entryLists(false).Draw(t, "deny")}
		if m.allow == nil {
			m.allow = []string{}
		}
		p, err := NewPermissions(&options.Permissions{Publish: &options.SubjectPermission{Allow: m.allow, Deny: m.deny}})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range universe {
			if got, want := p.CanPublish([]byte(name)), m.canPublish(name); got != want {
				t.Fatalf("allow %q deny %q: publish %q: %v, want %v", m.allow, m.deny, name, got, want)
			}
		}
	})
}

func TestSubscribeAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := model{entryLists(true).Draw(t, "allow"), entryLists(true).Draw(t, "deny")}
		if m.allow == nil {
			m.allow = []string{}
		}
		name := patterns().Draw(t, "name")
		queue := rapid.SampledFrom([]string{"", "q", "r.s", "r.t", "x.y.z"}).Draw(t, "with")
		p, err := NewPermissions(&options.Permissions{Subscribe: &options.SubjectPermission{Allow: m.allow, Deny: m.deny}})
		if err != nil {
			t.Fatal(err)
		}
		// For denials `>` counts as a token besides, which only refuses more.
		tokenwise := slices.ContainsFunc(m.deny, func(e string) bool {
			wider, q := split(e)
			return subject.Match(name, wider) && (q == "" || queue != "" && sameQueue(queue, q))
		})
		if m.deniesAll(name, queue) && !tokenwise {
			t.Fatalf("deny %q covers %q, which is not refused", m.deny, name)
		}
		want := m.allows(name, queue) && !tokenwise
		if got := p.CanSubscribe(name, queue); got != want {
			t.Fatalf("allow %q deny %q: subscribe %q %q: %v, want %v", m.allow, m.deny, name, queue, got, want)
		}
		filtered := false
		for _, literal := range universe {
			if !selects(name, literal) {
				continue
			}
			denied := m.denies(literal, queue)
			filtered = filtered || denied
			if got := p.DeniesDelivery([]byte(literal), queue); got != denied {
				t.Fatalf("deny %q: delivery of %q to queue %q denied: %v, want %v", m.deny, literal, queue, got, denied)
			}
		}
		if got := p.NeedsDeliveryFilter(name, queue); got != filtered {
			t.Fatalf("deny %q: %q %q needs a filter: %v, want %v", m.deny, name, queue, got, filtered)
		}
	})
}

func BenchmarkCanPublish(b *testing.B) {
	var list []string
	for i := range 5000 {
		list = append(list, fmt.Sprintf("orders.%d", i))
	}
	p := publishing(b, append(list, "logs.*.>"), nil)
	name := []byte("orders.4711")
	b.ReportAllocs()
	for b.Loop() {
		if !p.CanPublish(name) {
			b.Fatal("refused")
		}
	}
}
