package options

import (
	"strings"
	"testing"
)

// Go: TestMsgTraceParseAccountDestWithSampling server/msgtrace_test.go:6505
func TestMessageTrace(t *testing.T) {
	for entry, want := range map[string]struct {
		dest     string
		sampling int
	}{
		"msg_trace: {sampling: 50}":              {"", 0},
		"msg_trace: {dest: foo}":                 {"foo", 100},
		"trace_dest: foo":                        {"foo", 100},
		"msg_trace: {dest: foo, sampling: 20}":   {"foo", 20},
		"msg_trace: {sampling: 50%, dest: foo}":  {"foo", 50},
		"trace_dest: {dest: foo, sampling: 100}": {"foo", 100},
		"msg_trace: {}":                          {"", 0},
	} {
		o := valid(t, "accounts { A { users: [{user: a, password: pwd}]\n"+entry+" } }")
		if a := o.Accounts[0]; a.TraceDest != want.dest || a.TraceSampling != want.sampling {
			t.Errorf("%s: %q %d", entry, a.TraceDest, a.TraceSampling)
		}
		ignored := len(o.ConfigWarnings) == 1 &&
			strings.HasSuffix(o.ConfigWarnings[0].Error(), ":2:1: Trace destination sampling ignored since no destination was set")
		if ignored != (entry == "msg_trace: {sampling: 50}") {
			t.Errorf("%s: warnings %v", entry, o.ConfigWarnings)
		}
	}
}

// Go: TestAccountParseConfig server/accounts_test.go:513
func TestAccountsWithUsersAndTrace(t *testing.T) {
	o := read(t, `accounts {
		synadia { users = [ {user: alice, password: foo}, {user: bob, password: bar} ] }
		nats.io {
			msg_trace: {dest: "my.trace.dest", sampling: 50%}
			users = [ {user: derek, password: foo}, {user: ivan, password: bar} ]
		}
	}`)
	if len(o.Accounts) != 2 || len(o.Users) != 4 {
		t.Fatalf("%d accounts, %d users", len(o.Accounts), len(o.Users))
	}
	a := o.Accounts[1]
	if a.Name != "nats.io" || a.TraceDest != "my.trace.dest" || a.TraceSampling != 50 || user(t, o, "derek").Account != a {
		t.Errorf("%+v", a)
	}
}

func TestBadMessageTrace(t *testing.T) {
	for entry, want := range map[string]string{
		"trace_dest: 123":                       `:2:1: Expected account message trace "trace_dest" to be a string or a map/struct, got int64`,
		`trace_dest: "invalid..dest"`:           `:2:1: Trace destination "invalid..dest" is not valid`,
		`trace_dest: "not.publish.*.able"`:      `:2:1: Trace destination "not.publish.*.able" is not valid`,
		"msg_trace: {\n dest: 123}":             `:3:2: Field "dest" should be a string, got int64`,
		"msg_trace: {\n dest: 'a..b'}":          `:3:2: Trace destination "a..b" is not valid`,
		"msg_trace: {dest: a\n sampling: {}}":   `:3:2: Trace destination sampling field "sampling" should be an integer or a percentage, got map[string]interface {}`,
		"msg_trace: {dest: a\n sampling: abc%}": `:3:2: Invalid trace destination sampling value "abc%"`,
		"msg_trace: {dest: a\n sampling: -1}":   ":3:2: Ttrace destination sampling value -1 is invalid, needs to be [1..100]",
		"msg_trace: {dest: a\n sampling: 0}":    ":3:2: Ttrace destination sampling value 0 is invalid, needs to be [1..100]",
		"msg_trace: {dest: a\n sampling: 101%}": ":3:2: Ttrace destination sampling value 101 is invalid, needs to be [1..100]",
		"msg_trace: {\n wrong: field}":          `:3:2: Unknown field "wrong" parsing account message trace map/struct "msg_trace"`,
	} {
		refuse(t, "accounts { A {\n"+entry+"\n} }", want)
	}
	for want, a := range map[string]*Account{
		`account "A": trace destination "a.*" is not valid`:   {Name: "A", TraceDest: "a.*"},
		`account "A": trace sampling 101 is not a percentage`: {Name: "A", TraceSampling: 101},
	} {
		o := &Options{Accounts: []*Account{a}}
		o.SetDefaults()
		if err := o.Validate(); err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
