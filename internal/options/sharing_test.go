package options

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/sharing"
	"github.com/godwit-mq/godwit/internal/subject"
)

// sharingText is a company of three accounts that use each other.
const sharingText = `
accounts: {
  synadia: {
    nkey: ADMHMDX2LEUJRZQHGVSVRWZEJ2CPNHYO6TB4ZCZ37LXAX5SYNEW252GF
    users = [ {nkey: ` + userKey3 + `}, {nkey: ` + userKey4 + `} ]
    exports = [
      {stream: "public.>"} # for everybody
      {stream: "synadia.private.>", accounts: [cncf, nats.io]}
      {service: "pub.request"}
      {service: "pub.special.request", accounts: [nats.io]}
    ]
    imports = [ {service: {account: "nats.io", subject: "nats.time"}} ]
  }
  nats.io: {
    nkey: AB5UKNPVHDWBP5WODG742274I3OGY5FM3CBIFCYI4OFEH7Y23GNZPXFE
    users = [ {nkey: ` + userKey1 + `}, {nkey: ` + userKey2 + `} ]
    imports = [
      {stream: {account: "synadia", subject: "public.synadia"}, prefix: "imports.synadia", allow_trace: true}
      {stream: {account: "synadia", subject: "synadia.private.*"}}
      {service: {account: "synadia", subject: "pub.special.request"}, to: "synadia.request", share: true}
    ]
    exports = [
      {service: "nats.time", response: stream, allow_trace: true}
      {service: "nats.photo", response: chunked, threshold: 5s}
      {service: "nats.add", response: singleton, accounts: [cncf], allow_trace: true}
      {service: "nats.sub"}
    ]
  }
  cncf: { nkey: ABDAYEV6KZVLW3GSJ3V7IWC542676TFYILXF2C7Z56LCPSMVHJE5BVYO }
}`

// Go: TestAccountParseConfigImportsExports server/accounts_test.go:591
func TestExportsAndImports(t *testing.T) {
	o := valid(t, sharingText)
	if len(o.Accounts) != 3 || len(o.Nkeys) != 4 || len(o.Users) != 0 {
		t.Fatalf("%d accounts, %d nkeys, %d users", len(o.Accounts), len(o.Nkeys), len(o.Users))
	}
	synadia, nats := o.Accounts[0], o.Accounts[1]
	if nats.Nkey != "AB5UKNPVHDWBP5WODG742274I3OGY5FM3CBIFCYI4OFEH7Y23GNZPXFE" || nkey(t, o, userKey1).Account != nats {
		t.Errorf("account %+v", nats)
	}
	want := &sharing.Account{Name: "nats.io",
		Exports: []*sharing.Export{
			{Kind: sharing.Service, Subject: "nats.time", Response: sharing.Streamed, AllowTrace: true},
			{Kind: sharing.Service, Subject: "nats.photo", Response: sharing.Chunked, Threshold: 5 * time.Second},
			{Kind: sharing.Service, Subject: "nats.add", Accounts: []string{"cncf"}, Private: true, AllowTrace: true},
			{Kind: sharing.Service, Subject: "nats.sub"},
		},
		Imports: []*sharing.Import{
			{Account: "synadia", Subject: "public.synadia", Local: "imports.synadia.public.synadia", AllowTrace: true},
			{Account: "synadia", Subject: "synadia.private.*", Local: "synadia.private.*"},
			{Kind: sharing.Service, Account: "synadia", Subject: "pub.special.request", Local: "synadia.request", Share: true},
		},
	}
	if diff := cmp.Diff(want, nats.Sharing()); diff != "" {
		t.Error(diff)
	}
	want = &sharing.Account{Name: "synadia",
		Exports: []*sharing.Export{
			{Subject: "public.>"},
			{Subject: "synadia.private.>", Accounts: []string{"cncf", "nats.io"}, Private: true},
			{Kind: sharing.Service, Subject: "pub.request"},
			{Kind: sharing.Service, Subject: "pub.special.request", Accounts: []string{"nats.io"}, Private: true},
		},
		Imports: []*sharing.Import{{Kind: sharing.Service, Account: "nats.io", Subject: "nats.time", Local: "nats.time"}},
	}
	if diff := cmp.Diff(want, synadia.Sharing()); diff != "" {
		t.Error(diff)
	}
}

func TestCloneSharesNoExports(t *testing.T) {
	o := read(t, sharingText)
	c := o.Clone()
	c.Accounts[0].Exports[1].Accounts[0] = "x"
	c.Accounts[1].Imports[0].Local = "x"
	if o.Accounts[0].Exports[1].Accounts[0] != "cncf" || o.Accounts[1].Imports[0].Local == "x" {
		t.Error("the copy is not its own")
	}
}

// in puts the bodies of accounts A, B and so on into a configuration whose
// `accounts` stand at 2:1.
func in(bodies ...string) string {
	text := "\naccounts {\n"
	for i, body := range bodies {
		text += string(rune('A'+i)) + " {\n" + body + "\n}\n"
	}
	return text + "}"
}

// Go: TestImportExportConfigFailures server/accounts_test.go:693
func TestBadExportsAndImports(t *testing.T) {
	for text, want := range map[string]string{
		in("exports = true"):                                                     ":4:1: Exports should be an array, got bool",
		in("imports = {}"):                                                       ":4:1: Imports should be an array, got map[string]interface {}",
		in("exports = [\n false ]"):                                              ":5:2: Export Items should be a map with type entry, got bool",
		in("imports = [\n abc ]"):                                                ":5:2: Import Items should be a map with type entry, got string",
		in("exports = [{\n stream: false}]"):                                     ":5:2: Expected stream name to be string, got bool",
		in("exports = [{\n service: 1}]"):                                        ":5:2: Expected service name to be string, got int64",
		in("exports = [{service: {account: A, subject: 'foo.*'}}]"):              ":4:13: Expected service name to be string, got map[string]interface {}",
		in("exports = [{stream: s\n service: t}]"):                               `:5:2: Detected service "t" but already saw a stream`,
		in("exports = [{service: s\n stream: t}]"):                               `:5:2: Detected stream "t" but already saw a service`,
		in("exports = [{}]"):                                                     "Expected an export to have a stream or a service",
		in("exports = [{service: 'foo.*', wat: true}]"):                          `:4:31: unknown field "wat"`,
		in("exports = [{service: s\n accounts: []}]"):                            ":5:2: the list of accounts of an export must not be empty",
		in("exports = [{service: s\n accounts: B}]"):                             ":5:2: interface conversion: interface {} is string, not []interface {}",
		in("exports = [{service: s, accounts: [1]}]"):                            "interface conversion: interface {} is int64, not string",
		in("exports = [{service: s\n account_token_position: -1}]"):              ":5:2: account_token_position -1 is not the number of a token",
		in("exports = [{service: s, account_token_position: a}]"):                "interface {} is string, not int64",
		in("exports = [{service: s\n response: 1}]"):                             ":5:2: Expected response type to be string, got int64",
		in("exports = [{service: s\n response_type: many}]"):                     `:5:2: Unknown response type: "many"`,
		in("exports = [{service: s, response: stream\n response_type: stream}]"): ":5:2: Duplicate response type definition",
		in("exports = [{service: s\n threshold: 5}]"):                            ":5:2: Expected response threshold to be a parseable time duration, got int64",
		in("exports = [{service: s\n response_time: x}]"):                        `:5:2: Expected response threshold to be a parseable time duration, got "x"`,
		in("exports = [{service: s\n response_max_time: '-1s'}]"):                `:5:2: Expected response threshold to be a parseable time duration, got "-1s"`,
		in("exports = [{service: s, threshold: 1s\n response_threshold: 1s}]"):   ":5:2: Duplicate response threshold detected",
		in("exports = [{service: s\n allow_trace: 1}]"):                          ":5:2: interface conversion: interface {} is int64, not bool",

		in("exports = [{stream: s\n response: stream}]"):  ":5:2: Detected response directive on non-service",
		in("exports = [{response: single\n stream: s}]"):  ":4:13: Detected response directive on non-service",
		in("exports = [{stream: s\n threshold: 1s}]"):     ":5:2: Detected response directive on non-service",
		in("exports = [{stream: s\n latency: foo}]"):      ":5:2: Detected latency directive on non-service",
		in("exports = [{latency: foo\n stream: s}]"):      ":4:13: Detected latency directive on non-service",
		in("exports = [{stream: s\n allow_trace: true}]"): ":5:2: Detected allow_trace directive on non-service",
		in("exports = [{allow_trace: true\n stream: s}]"): ":4:13: Detected allow_trace directive on non-service",

		in("imports = [{service: subject: 'foo.*'}]"):                                                             "",
		in("imports = [{service: {account: A, subject: 'foo.*'}]"):                                                "",
		in("imports = [{\n stream: 1}]"):                                                                          ":5:2: Stream entry should be an account map, got int64",
		in("imports = [{\n service: x}]"):                                                                         ":5:2: Service entry should be an account map, got string",
		in("imports = [{\n stream: {}}]"):                                                                         ":5:2: Expect an account name and a subject",
		in("imports = [{\n service: {account: A}}]"):                                                              ":5:2: Expect an account name and a subject",
		in("imports = [{service: {account: 1, subject: a}}]"):                                                     "interface {} is int64, not string",
		in("imports = [{service: {account: A, subject: a\n x: y}}]"):                                              `:5:2: unknown field "x"`,
		in("imports = [{}]"):                                                                                      "Expected an import to have a stream or a service",
		in("imports = [{stream: {account: A, subject: 'foo.*'}\n wat: true}]"):                                    `:5:2: unknown field "wat"`,
		in("imports = [{stream: {account: A, subject: a}\n service: {}}]"):                                        ":5:2: Detected service but already saw a stream",
		in("imports = [{service: {account: A, subject: a}\n stream: {}}]"):                                        ":5:2: Detected stream but already saw a service",
		in("imports = [{service: {account: A, subject: a}\n allow_trace: true}]"):                                 ":5:2: Detected allow_trace directive on a non-stream",
		in("imports = [{allow_trace: true\n service: {account: A, subject: a}}]"):                                 ":4:13: Detected allow_trace directive on a non-stream",
		in("imports = [{stream: {account: A, subject: a}, prefix: p\n to: b}]"):                                   ":5:2: Stream import can not have a 'prefix' and a 'to' property",
		in("imports = [{to: b\n prefix: p, stream: {account: A, subject: a}}]"):                                   ":4:13: Stream import can not have a 'prefix' and a 'to' property",
		in("imports = [{service: {account: A, subject: a}, to: 1}]"):                                              "interface {} is int64, not string",
		in("imports = [{service: {account: B, subject: a}, to: x}\n {service: {account: B, subject: b}, to: x}]"): `:5:44: Duplicate service import subject "x", previously used in import for account "B", subject "a"`,
	} {
		refuse(t, text, want)
	}
}

// TestSharingIsCheckedOverAllAccounts: each error stands where `accounts` does.
func TestSharingIsCheckedOverAllAccounts(t *testing.T) {
	const offers = "exports: [{stream: 'ev.*.>'}, {stream: lit}, {service: 'rq.*.*'}, {service: one}, {service: own.*, account_token_position: 2}, {service: priv, accounts: [C]}]"
	for text, want := range map[string]string{
		in("exports: [{stream: s, accounts: [X]}]"):                                                                                            `:2:1: "X" account not defined for stream export`,
		in("exports: [{service: s, accounts: [A, X]}]"):                                                                                        `:2:1: "X" account not defined for service export`,
		in("exports: [{stream: 'a..b'}]"):                                                                                                      `:2:1: Error adding stream export "a..b": sublist: invalid subject`,
		in("exports: [{stream: a.b, account_token_position: 2}]"):                                                                              `:2:1: Error adding stream export "a.b": sublist: invalid subject`,
		in("exports: [{service: a.*, account_token_position: 3}]"):                                                                             `:2:1: Error adding service export "a.*": sublist: invalid subject`,
		in("imports: [{stream: {account: X, subject: s}}]"):                                                                                    `:2:1: "X" account not defined for stream import`,
		in("imports: [{service: {account: X, subject: s}}]"):                                                                                   `:2:1: "X" account not defined for service import`,
		in(offers, "imports: [{stream: {account: A, subject: other}}]"):                                                                        `:2:1: Error adding stream import "other": stream import not authorized`,
		in(offers, "imports: [{stream: {account: A, subject: '>'}}]"):                                                                          `:2:1: Error adding stream import ">": stream import not authorized`,
		in(offers, "imports: [{service: {account: A, subject: two}}]"):                                                                         `:2:1: Error adding service import "two": service import not authorized`,
		in(offers, "imports: [{service: {account: A, subject: 'a..b'}}]"):                                                                      `:2:1: Error adding service import "a..b": sublist: invalid subject`,
		in(offers, "imports: [{service: {account: A, subject: priv}}]"):                                                                        `Error adding service import "priv": service import not authorized`,
		in(offers, "imports: [{service: {account: A, subject: own.C}}]"):                                                                       `Error adding service import "own.C": service import not authorized`,
		in(offers, "imports: [{service: {account: A, subject: 'own.*'}}]"):                                                                     `Error adding service import "own.*": service import not authorized`,
		in(offers, "imports: [{stream: {account: A, subject: lit}, prefix: 'p.*'}]"):                                                           `:2:1: Error adding stream import "lit": stream import prefix can not contain wildcard tokens`,
		in(offers, "imports: [{stream: {account: A, subject: lit}, to: 'x.*'}]"):                                                               `:2:1: Error adding stream import "lit": a subject without wildcard tokens can not be imported under one that has them`,
		in(offers, "imports: [{service: {account: A, subject: one}, to: 'x..y'}]"):                                                             `:2:1: Error adding service import "one": sublist: invalid subject`,
		in(offers, "imports: [{stream: {account: A, subject: 'ev.*.>'}, to: 'x.$2.>'}]"):                                                       `Error adding stream import "ev.*.>": failed to create mapping transform for stream import subject from "ev.*.>" to "x.$2.>": invalid mapping destination: wildcard index out of range in $2: [2]`,
		in(offers, "imports: [{stream: {account: A, subject: 'ev.*.>'}, to: 'x.$1'}]"):                                                         `failed to create mapping transform for stream import subject from "ev.*.>" to "x.$1": invalid subject`,
		in(offers, "imports: [{service: {account: A, subject: 'rq.*.*'}, to: 'x.$2'}]"):                                                        `Error adding service import "rq.*.*": failed to create mapping transform for service import subject from "x.$2" to "rq.*.*": invalid mapping destination: not using all of the token wildcard(s) in x.$2`,
		in(offers, "imports: [{stream: {account: A, subject: lit}}, {stream: {account: A, subject: lit}, to: other}]"):                         `:2:1: Error adding stream import "lit": stream import already exists`,
		in(offers, "imports: [{service: {account: A, subject: 'rq.a.*'}, to: 'x.*'}, {service: {account: A, subject: 'rq.b.*'}, to: 'x.$1'}]"): `Error adding service import "rq.b.*": duplicate service import subject "x.$1", previously used in import for account "A", subject "rq.a.*"`,
	} {
		refuse(t, text, want)
	}
	o := valid(t, in(offers, `imports: [
		{stream: {account: A, subject: 'ev.*.>'}, to: 'x.{{wildcard(1)}}.>'}, {stream: {account: A, subject: 'ev.a.>'}, prefix: 'p.'}
		{stream: {account: A, subject: 'ev.b.*.c.>'}, prefix: p}
		{service: {account: A, subject: 'rq.*.*'}, to: 'x.$2.$1'}, {service: {account: A, subject: 'rq.a.*'}, to: 'y.*'}
		{service: {account: A, subject: one}, to: 'z.>'}, {service: {account: A, subject: own.B}}]`, ""))
	var locals []string
	for _, i := range o.Accounts[1].Imports {
		locals = append(locals, i.Local)
	}
	if diff := cmp.Diff([]string{"x.{{wildcard(1)}}.>", "p.ev.a.>", "p.ev.b.$1.c.>", "x.$2.$1", "y.$1", "z.>", "own.B"}, locals); diff != "" {
		t.Error(diff)
	}
}

// Several entries of one subject are one export; a list beats everybody.
func TestExportsOfOneSubjectAreMerged(t *testing.T) {
	o := valid(t, in("exports: [{stream: s, accounts: [B]}, {stream: s}, {stream: s, accounts: [C]}]", "", ""))
	want := []*sharing.Export{{Subject: "s", Accounts: []string{"B", "C"}, Private: true}}
	if diff := cmp.Diff(want, o.Accounts[0].Exports); diff != "" {
		t.Error(diff)
	}
}

// Mistakes of the accounts themselves come first: what follows from them would
// only be noise.
func TestSharingIsNotCheckedInBadAccounts(t *testing.T) {
	err := (&Options{}).ProcessConfigString(in("nkey: bad", "imports: [{stream: {account: X, subject: s}}]"))
	if got := faults(t, err).Errors; len(got) != 1 || !strings.Contains(got[0].Error(), "Not a valid public nkey") {
		t.Errorf("%v", got)
	}
	err = (&Options{}).ProcessConfigString(in("imports: [{stream: {account: X, subject: s}}, {service: {account: Y, subject: s}}]") + "\nunknown: 1")
	if got := faults(t, err).Errors; len(got) != 3 {
		t.Errorf("%v", got)
	}
}

func TestWhatHasNoEffectOnAnImportIsWarnedAbout(t *testing.T) {
	o := read(t, in("exports: [{service: s}, {stream: s}]", "imports: [{service: {account: A, subject: s}\n prefix: p}, {stream: {account: A, subject: s}\n share: true}]"))
	warnings := fmt.Sprint(o.ConfigWarnings)
	if len(o.ConfigWarnings) != 2 || !strings.Contains(warnings, ":8:2: prefix has no effect on a service import") ||
		!strings.Contains(warnings, ":9:2: share has no effect on a stream import") {
		t.Error(warnings)
	}
	both := read(t, in("exports: [{service: s.*, accounts: [A], account_token_position: 2}]"))
	if w := both.ConfigWarnings; len(w) != 1 || !strings.Contains(w[0].Error(), "accounts has no effect on an export with account_token_position") {
		t.Errorf("%v", w)
	}
	if i := o.Accounts[1].Imports; i[0].Share || i[1].Local != "s" {
		t.Errorf("%+v %+v", i[0], i[1])
	}
}

// Go: TestParseServiceLatency server/opts_test.go:1759
func TestServiceLatency(t *testing.T) {
	for entry, want := range map[string]*sharing.Latency{
		"{ sampling: 100%, subject: latency.add }":    {Sampling: 100, Subject: "latency.add"},
		"{ sampling: 33%, subject: latency.add }":     {Sampling: 33, Subject: "latency.add"},
		"{ subject: latency.add, sampling: 87 }":      {Sampling: 87, Subject: "latency.add"},
		"latency.add":                                 {Sampling: 100, Subject: "latency.add"},
		"{ subject: latency.add }":                    {Sampling: 100, Subject: "latency.add"},
		"{ sampling: Headers, subject: latency.add }": {Headers: true, Subject: "latency.add"},
	} {
		text := "system_account = nats.io\naccounts { nats.io { exports [{ service: nats.add, latency: " + entry + " }] } }"
		o := valid(t, text)
		if len(o.Accounts) != 1 || len(o.Accounts[0].Exports) != 1 {
			t.Fatalf("%s: %+v", entry, o.Accounts)
		}
		if diff := cmp.Diff(want, o.Accounts[0].Exports[0].Latency); diff != "" {
			t.Errorf("%s: %s", entry, diff)
		}
	}
	for entry, want := range map[string]string{
		"1":                              ":4:24: Expected latency entry to be a map/struct or string, got int64",
		"{ sampling: 87 }":               ":4:24: Latency subject required, but missing",
		"{ subject: [x]}":                "Expected latency subject to be a string, got []interface {}",
		"{ subject: x\n sampling: []}":   ":5:2: Expected latency sample to be a string or map/struct, got []interface {}",
		"{ subject: x\n sampling: x%}":   ":5:2: Failed to parse latency sample: ",
		"{ subject: x\n sampling: 0}":    ":5:2: bad sampling percentage, should be 1-100",
		"{ subject: x\n sampling: 101%}": ":5:2: bad sampling percentage, should be 1-100",
		"{ subject: x\n other: 1}":       `:5:2: unknown field "other"`,
		`"*"`:                            `:2:1: Error adding service latency sampling for "s" on subject "*": invalid publish subject`,
		"a..b":                           `Error adding service latency sampling for "s" on subject "a..b": invalid publish subject`,
		"later.x":                        `Error adding service latency sampling for "s" on subject "later.x": invalid publish subject`,
		"x, response: stream":            `Error adding service latency sampling for "s" on subject "x": bad service response type`,
	} {
		refuse(t, in("exports: [{service: s, latency: "+entry+"}, {service: 'later.*'}]"), want)
	}
	text := in("exports: [{service: s, latency: x}]")
	for _, text := range []string{"no_system: true\n" + text, text + "\nno_system: true"} {
		refuse(t, text, `Error adding service latency sampling for "s": system account not setup`)
	}
}

// cycles are texts of accounts and what is wrong with them. The names are of the
// shapes.
var cycles = []struct {
	name, want string
	bodies     []string
}{
	{"service", "import forms a cycle", []string{
		"exports [ { service: help } ]\n imports [ { service { subject: help, account: B } } ]",
		"exports [ { service: help } ]\n imports [ { service { subject: help, account: A } } ]",
	}},
	{"service with wildcard", "import forms a cycle", []string{
		"exports [ { service: * } ]\n imports [ { service { subject: help, account: B } } ]",
		"exports [ { service: help } ]\n imports [ { service { subject: *, account: A } } ]",
	}},
	{"service through a third", "import forms a cycle", []string{
		"exports [ { service: * } ]\n imports [ { service { subject: help, account: B } } ]",
		"exports [ { service: help } ]\n imports [ { service { subject: help, account: C } } ]",
		"exports [ { service: * } ]\n imports [ { service { subject: *, account: A } } ]",
	}},
	{"stream", "import forms a cycle", []string{
		"exports [ { stream: strm } ]\n imports [ { stream { subject: strm, account: B } } ]",
		"exports [ { stream: strm } ]\n imports [ { stream { subject: strm, account: A } } ]",
	}},
	{"renamed stream", "import forms a cycle", []string{
		"exports [ { stream: * } ]\n imports [ { stream { subject: bar, account: B } } ]",
		"exports [ { stream: bar } ]\n imports [ { stream { subject: foo, account: A }, to: bar } ]",
	}},
	{"renamed service", "import forms a cycle", []string{
		"exports [ { service: a } ]\n imports [ { service { subject: b, account: B }, to: a } ]",
		"exports [ { service: b } ]\n imports [ { service { subject: a, account: A }, to: b } ]",
	}},
	{"service renamed by number", "import forms a cycle", []string{
		"exports [ { service: * } ]\n imports [ { service { subject: foo, account: B }, to: foo } ]",
		`exports [ { service: foo } ]` + "\n" + ` imports [ { service { subject: *, account: A }, to: "$1" } ]`,
	}},
	{"stream renamed by number", "import forms a cycle", []string{
		"exports [ { stream: * } ]\n imports [ { stream { subject: foo, account: B }, to: foo } ]",
		`exports [ { stream: foo } ]` + "\n" + ` imports [ { stream { subject: *, account: A }, to: "$1" } ]`,
	}},
	{"service behind one that narrows", "import forms a cycle", []string{
		"exports [ { service: * } ]\n imports [ { service { subject: narrow, account: B } }, { service { subject: other, account: C } } ]",
		"exports [ { service: narrow } ]",
		"exports [ { service: other } ]\n imports [ { service { subject: other, account: D } } ]",
		"exports [ { service: * } ]\n imports [ { service { subject: *, account: A } } ]",
	}},
	{"stream behind one that narrows", "import forms a cycle", []string{
		"exports [ { stream: * } ]\n imports [ { stream { subject: narrow, account: B }, to: narrow }, { stream { subject: other, account: C }, to: other } ]",
		"exports [ { stream: narrow } ]",
		"exports [ { stream: other } ]\n imports [ { stream { subject: other, account: D }, to: other } ]",
		"exports [ { stream: * } ]\n imports [ { stream { subject: *, account: A } } ]",
	}},
	{"renamed streams that pass by", "", []string{
		"exports [ { stream: foo } ]\n imports [ { stream { subject: bar, account: B } } ]",
		"exports [ { stream: bar } ]\n imports [ { stream { subject: baz, account: C }, to: bar } ]",
		"exports [ { stream: baz } ]\n imports [ { stream { subject: foo, account: A }, to: bar } ]",
	}},
	{"services that pass by", "", []string{
		"exports [ { service: * } ]\n imports [ { service { subject: help, account: B } } ]",
		"exports [ { service: help } ]\n imports [ { service { subject: nohelp, account: C } } ]",
		"exports [ { service: * } ]\n imports [ { service { subject: *, account: A } } ]",
	}},
	{"chain", "", []string{
		"exports [ { service: help } ]\n imports [ { service { subject: help, account: B } } ]",
		"exports [ { service: help } ]\n imports [ { service { subject: help, account: C } } ]",
		"exports [ { service: help } ]\n imports [ { service { subject: help, account: D } } ]",
		"exports [ { service: help } ]",
	}},
	{"renamed services that pass by", "", []string{
		`exports [ { service: "a.*" } ]` + "\n" + ` imports [ { service { subject: "a.*", account: B }, to: "b.*" } ]`,
		`exports [ { service: "a.*" } ]` + "\n" + ` imports [ { service { subject: "a.foo", account: A }, to: "c.foo" } ]`,
	}},
	{"own export", "", []string{"exports [ { service: s } ]\n imports [ { service { subject: s, account: A } } ]"}},
}

// Go: TestAccountCycleService test/accounts_cycles_test.go:27
// Go: TestAccountCycleStream test/accounts_cycles_test.go:84
// Go: TestAccountCycleStreamWithMapping test/accounts_cycles_test.go:102
// Go: TestAccountCycleNonCycleStreamWithMapping test/accounts_cycles_test.go:120
// Go: TestAccountCycleServiceCycleWithMapping test/accounts_cycles_test.go:142
// Go: TestAccountCycleServiceNonCycle test/accounts_cycles_test.go:160
// Go: TestAccountCycleServiceNonCycleChain test/accounts_cycles_test.go:183
// Go: TestAccountCycleWithRenaming test/accounts_cycles_test.go:513
// Go: TestAccountCycleFalsePositiveSubjectMapping test/accounts_cycles_test.go:548
// Go: TestAccountCycleServiceMissedDueToFromMutation test/accounts_cycles_test.go:574
// Go: TestAccountCycleStreamMissedDueToToMutation test/accounts_cycles_test.go:616
func TestImportCycles(t *testing.T) {
	for _, c := range cycles {
		t.Run(c.name, func(t *testing.T) {
			// The order in which accounts stand in the file makes no difference.
			for range 10 {
				var blocks []string
				for i, body := range c.bodies {
					blocks = append(blocks, string(rune('A'+i))+" {\n"+body+"\n}\n")
				}
				rand.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
				text := "accounts {\n" + strings.Join(blocks, "") + "}"
				if c.want == "" {
					valid(t, text)
				} else {
					refuse(t, text, c.want)
				}
			}
		})
	}
}

// Accounts made in code are held to the same rules.
func TestSharingOfAccountsMadeInCode(t *testing.T) {
	build := func(change func(a, b *Account)) *Options {
		a := &Account{Name: "A", Exports: []*sharing.Export{{Kind: sharing.Service, Subject: "s.*"}}}
		b := &Account{Name: "B", Imports: []*sharing.Import{{Kind: sharing.Service, Account: "A", Subject: "s.*", Local: "x.*"}}}
		change(a, b)
		o := &Options{Accounts: []*Account{a, b}}
		o.SetDefaults()
		return o
	}
	o := build(func(*Account, *Account) {})
	if err := o.Validate(); err != nil || o.Accounts[1].Imports[0].Local != "x.$1" {
		t.Errorf("%v %+v", err, o.Accounts[1].Imports[0])
	}
	for want, change := range map[string]func(a, b *Account){
		`"C" account not defined for service import`:                                              func(_, b *Account) { b.Imports[0].Account = "C" },
		`"C" account not defined for service export`:                                              func(a, _ *Account) { a.Exports[0].Accounts = []string{"C"} },
		`Error adding service import "s.*": service import not authorized`:                        func(a, _ *Account) { a.Exports[0].Private = true },
		`Error adding service latency sampling for "s.*" on subject "l": bad sampling percentage`: func(a, _ *Account) { a.Exports[0].Latency = &sharing.Latency{Subject: "l"} },
	} {
		if err := build(change).Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// An import that passes is allowed by an export, and its local name can be turned
// back into the subject.
func TestAcceptedImportsAreAllowed(t *testing.T) {
	tokens := rapid.SampledFrom([]string{"a", "b", "*", "B"})
	pattern := rapid.Custom(func(t *rapid.T) string {
		s := strings.Join(rapid.SliceOfN(tokens, 1, 3).Draw(t, "tokens"), ".")
		if rapid.Bool().Draw(t, "open") {
			s += ".>"
		}
		return s
	})
	local := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"x", "*", "$1", "$2", ">"}), 1, 4).Draw(t, "local"), ".")
	})
	accepted := 0
	rapid.Check(t, func(rt *rapid.T) {
		kind := rapid.SampledFrom([]string{"service", "stream"}).Draw(rt, "kind")
		export, wanted := pattern.Draw(rt, "export"), pattern.Draw(rt, "wanted")
		to := rapid.SampledFrom([]string{wanted, local.Draw(rt, "to")}).Draw(rt, "renamed")
		o, err := ProcessConfigString(in(fmt.Sprintf("exports [{ %s: %q }]", kind, export),
			fmt.Sprintf("imports [{ %s: {account: A, subject: %q}, to: %q }]", kind, wanted, to)))
		covered := subject.IsSubset(wanted, export)
		if err != nil {
			if covered && to == wanted {
				rt.Fatalf("%s of %s by %s refused: %v", kind, export, wanted, err)
			}
			return
		}
		accepted++
		i := o.Accounts[1].Imports[0]
		if !covered {
			rt.Fatalf("%s of %s by %s accepted", kind, export, wanted)
		}
		stars := strings.Count(wanted, "*")
		if to != wanted && stars > 0 && strings.Count(i.Local, "$") != stars {
			rt.Fatalf("%s renamed to %s: %s", wanted, to, i.Local)
		}
	})
	if accepted == 0 {
		t.Error("nothing was accepted")
	}
}
