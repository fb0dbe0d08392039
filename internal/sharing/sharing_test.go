package sharing

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/subject"
)

// exporting returns an account with these exports.
func exporting(t *testing.T, name string, exports ...Export) *Account {
	t.Helper()
	a := &Account{Name: name}
	for _, e := range exports {
		if err := a.AddExport(&e); err != nil {
			t.Fatalf("export %q: %v", e.Subject, err)
		}
	}
	return a
}

// private is an export for the named accounts only.
func private(kind Kind, name string, accounts ...string) Export {
	return Export{Kind: kind, Subject: name, Private: true, Accounts: accounts}
}

// What an export of E lets I import, for subjects of all shapes.
//
// Go: TestImportAuthorized server/accounts_test.go:762
func TestAuthorize(t *testing.T) {
	none := []Export{}
	one := []Export{{Subject: "foo"}}
	star := append(one, private(Stream, "*", "I"))
	full := []Export{{Subject: ">"}}
	mixed := []Export{private(Stream, "foo.*.baz.>", "I")}
	positions := []Export{
		{Subject: "foo.*", TokenPosition: 2}, {Subject: "bar.*.foo", TokenPosition: 2},
		{Kind: Service, Subject: "a.*", TokenPosition: 2}, {Kind: Service, Subject: "b.*.a", TokenPosition: 2},
	}
	for _, c := range []struct {
		exports          []Export
		kind             Kind
		allowed, refused string // subjects
	}{
		{none, Stream, "", "foo * > foo.* foo.>"},
		{one, Stream, "foo", "bar * >"},
		{star, Stream, "foo bar baz *", "foo.bar > foo.* *.* *.>"},
		{full, Stream, "foo bar baz foo.bar > * foo.* *.* *.>", ""},
		{positions, Stream, "foo.I bar.I.foo", "baz.foo.I foo.X bar.X.foo baz.foo.X foo.* bar.*.foo"},
		{positions, Service, "a.I b.I.a", "c.a.I a.X b.X.a c.a.X a.* foo.I"},
		{mixed, Stream, "foo.bar.baz.1 foo.bar.baz.* foo.*.baz.1.1 foo.22.baz.22 foo.*.baz.>", "foo.bar.baz foo.bar.*.* foo.>"},
		{mixed, Service, "", "foo.bar.baz.1"},
	} {
		e := exporting(t, "E", c.exports...)
		check := func(names string, importer string, want bool) {
			t.Helper()
			for name := range strings.FieldsSeq(names) {
				_, err := e.Authorize(importer, &Import{Kind: c.kind, Subject: name}, 0)
				if (err == nil) != want {
					t.Errorf("%s %q for %s from %v: %v", c.kind, name, importer, names, err)
				}
			}
		}
		check(c.allowed, "I", true)
		check(c.refused, "I", false)
	}
	e := exporting(t, "E", mixed...)
	if _, err := e.Authorize("I", &Import{}, 0); !errors.Is(err, ErrStreamNotAuthorized) {
		t.Errorf("an import of nothing: %v", err)
	}
	for _, other := range []string{"foobar", "baz", "II", ""} {
		if _, err := e.Authorize(other, &Import{Subject: "foo.bar.baz.1"}, 0); !errors.Is(err, ErrStreamNotAuthorized) {
			t.Errorf("%q: %v", other, err)
		}
	}
}

// An export of exactly the imported subject decides alone; of the wider ones any
// may allow the import.
func TestTheExactExportDecides(t *testing.T) {
	e := exporting(t, "E",
		Export{Kind: Service, Subject: ">"}, private(Service, "a.b", "X"), private(Service, "a.*", "X"), private(Service, "*.c", "I"),
	)
	for name, want := range map[string]error{
		"a.b": ErrServiceNotAuthorized, "a.*": ErrServiceNotAuthorized, "a.c": nil, "a.d": nil, "a..b": ErrInvalidSubject, "": ErrInvalidSubject,
	} {
		if _, err := e.Authorize("I", &Import{Kind: Service, Subject: name}, 0); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
	got, err := e.Authorize("X", &Import{Kind: Service, Subject: "a.b"}, 0)
	if err != nil || got.Subject != "a.b" {
		t.Errorf("the export is %+v, %v", got, err)
	}
}

func TestActivations(t *testing.T) {
	const now = 1000
	e := exporting(t, "E", Export{Subject: "s.>", TokenRequired: true, RevokedBefore: map[string]int64{"I": 100, "*": 50, "J": 1}})
	for _, c := range []struct {
		what     string
		importer string
		token    *Activation
		allowed  bool
	}{
		{"no token", "I", nil, false},
		{"fresh", "I", &Activation{Subject: "s.>", Issued: 101}, true},
		{"narrower", "I", &Activation{Subject: "s.b", Issued: 101}, false},
		{"equal", "I", &Activation{Subject: "s.a", Issued: 101}, true},
		{"revoked", "I", &Activation{Subject: "s.>", Issued: 100}, false},
		{"all are revoked", "J", &Activation{Subject: "s.>", Issued: 50}, false},
		{"after that", "J", &Activation{Subject: "s.>", Issued: 51}, true},
		{"expired", "I", &Activation{Subject: "s.>", Issued: 101, Expires: now}, false},
		{"about to expire", "I", &Activation{Subject: "s.>", Issued: 101, Expires: now + 1}, true},
	} {
		if _, err := e.Authorize(c.importer, &Import{Subject: "s.a", Activation: c.token}, now); (err == nil) != c.allowed {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// Several exports of one subject are one.
//
// Go: TestAddServiceExport server/accounts_test.go:1283
// Go: TestAddStreamExport server/accounts_test.go:1561
func TestExportsOfOneSubjectAreMerged(t *testing.T) {
	for _, kind := range []Kind{Stream, Service} {
		a := &Account{Name: "E"}
		add := func(e Export) {
			t.Helper()
			e.Kind, e.Subject = kind, "test.request"
			if err := a.AddExport(&e); err != nil {
				t.Fatal(err)
			}
		}
		check := func(private bool, accounts ...string) {
			t.Helper()
			if len(a.Exports) != 1 || a.Exports[0].Private != private || !slices.Equal(a.Exports[0].Accounts, accounts) {
				t.Errorf("%s: %+v, want accounts %v", kind, a.Exports, accounts)
			}
		}
		add(Export{})
		check(false)
		add(Export{Private: true, Accounts: []string{"bar"}})
		check(true, "bar")
		add(Export{Private: true, Accounts: []string{"baz", "bar"}})
		check(true, "bar", "baz")
		add(Export{})
		check(true, "bar", "baz")
	}
}

func TestMergedExportsKeepWhatOnlyOneSays(t *testing.T) {
	measured := &Latency{Sampling: 10, Subject: "m"}
	first := Export{
		Kind: Service, Subject: "s.*", TokenPosition: 2, TokenRequired: true, RevokedBefore: map[string]int64{"a": 5, "b": 5},
		Response: Chunked, Threshold: time.Second, Latency: measured, AllowTrace: true, Advertise: true, Description: "d", InfoURL: "u",
	}
	second := Export{Kind: Service, Subject: "s.*", Response: Streamed, RevokedBefore: map[string]int64{"a": 9, "b": 1, "c": 1}}
	want := first
	want.Response, want.RevokedBefore = Streamed, map[string]int64{"a": 9, "b": 5, "c": 1}
	a := exporting(t, "E", first, second)
	if diff := cmp.Diff(&want, a.Exports[0]); diff != "" {
		t.Error(diff)
	}
	if first.RevokedBefore["a"] != 5 {
		t.Error("the merged export was changed in place")
	}
	a = exporting(t, "E", second, first)
	want.Response = Chunked
	if diff := cmp.Diff(&want, a.Exports[0]); diff != "" {
		t.Error(diff)
	}
}

func TestBadExports(t *testing.T) {
	for _, e := range []Export{
		{Subject: ""}, {Subject: "a..b"}, {Subject: "a b"}, {Subject: ">.a"},
		{Subject: "a.b", TokenPosition: 1}, {Subject: "a.*", TokenPosition: 1}, {Subject: "a.*", TokenPosition: 3},
		{Subject: "baz.*.>", TokenPosition: 3}, {Kind: Service, Subject: "c.*.>", TokenPosition: 3},
	} {
		a := &Account{Name: "E"}
		if err := a.AddExport(&e); !errors.Is(err, ErrInvalidSubject) || len(a.Exports) != 0 {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

// Exports of other kinds and subjects are left alone.
func TestAddExportMergesNothingElse(t *testing.T) {
	a := exporting(t, "E", Export{Subject: "s"}, Export{Kind: Service, Subject: "s"}, Export{Subject: "s.*"}, Export{Subject: "s"})
	if len(a.Exports) != 3 {
		t.Errorf("%d exports", len(a.Exports))
	}
}

// Go: TestAccountDuplicateServiceImportSubject server/accounts_test.go:2412
func TestDuplicates(t *testing.T) {
	a := &Account{Name: "I"}
	for _, c := range []struct {
		i    Import
		want bool
	}{
		{Import{Kind: Service, Account: "foo", Subject: "remote1", Local: "foo"}, false},
		{Import{Kind: Service, Account: "foo", Subject: "remote2", Local: "foo"}, true},
		{Import{Kind: Service, Account: "baz", Subject: "remote1", Local: "foo"}, false},
		{Import{Kind: Service, Account: "bat", Subject: "remote1", Local: "foo"}, false},
		{Import{Kind: Service, Account: "baz", Subject: "remote1", Local: "foo"}, true},
		{Import{Kind: Service, Account: "foo", Subject: "remote1", Local: "bar"}, false},
		{Import{Account: "foo", Subject: "remote1", Local: "foo"}, false},
		{Import{Account: "foo", Subject: "remote1", Local: "bar"}, true},
		{Import{Account: "baz", Subject: "remote1", Local: "foo"}, false},
	} {
		i := c.i
		if got := a.Duplicate(&i); (got != nil) != c.want {
			t.Errorf("%+v: %+v", i, got)
			continue
		}
		if !c.want {
			a.Imports = append(a.Imports, &i)
		}
	}
	if a.Duplicate(a.Imports[0]) != nil {
		t.Error("an import is its own duplicate")
	}
}

// Whatever is allowed is covered by an export of the kind that admits the
// importer, and whatever such an export covers is allowed unless an equal subject
// decides otherwise.
func TestAuthorizeAgreesWithASlowReading(t *testing.T) {
	token := rapid.SampledFrom([]string{"a", "b", "I", "*"})
	name := rapid.Custom(func(t *rapid.T) string {
		tokens := rapid.SliceOfN(token, 1, 3).Draw(t, "tokens")
		if rapid.IntRange(0, 3).Draw(t, "open") == 0 {
			tokens = append(tokens, ">")
		}
		return strings.Join(tokens, ".")
	})
	rapid.Check(t, func(t *rapid.T) {
		e := &Account{Name: "E"}
		for range rapid.IntRange(0, 4).Draw(t, "exports") {
			x := Export{
				Kind: Kind(rapid.IntRange(0, 1).Draw(t, "kind")), Subject: name.Draw(t, "export"),
				Private: rapid.Bool().Draw(t, "private"), Accounts: rapid.SliceOfN(rapid.SampledFrom([]string{"I", "X"}), 0, 1).Draw(t, "accounts"),
			}
			if err := e.AddExport(&x); err != nil {
				t.Fatalf("%q: %v", x.Subject, err)
			}
		}
		i := &Import{Kind: Kind(rapid.IntRange(0, 1).Draw(t, "kind")), Subject: name.Draw(t, "import")}
		admits := func(x *Export) bool { return !x.Private || slices.Contains(x.Accounts, "I") }
		want, exact := false, false
		for _, x := range e.Exports {
			if x.Kind != i.Kind || !subject.IsSubset(i.Subject, x.Subject) {
				continue
			}
			switch {
			case x.Subject == i.Subject:
				want, exact = admits(x), true
			case !exact:
				want = want || admits(x)
			}
		}
		got, err := e.Authorize("I", i, 0)
		if (err == nil) != want || err == nil && !subject.IsSubset(i.Subject, got.Subject) {
			t.Fatalf("%s %q from %v: %v, want %v", i.Kind, i.Subject, e.Exports, err, want)
		}
	})
}
