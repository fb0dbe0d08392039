package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
)

// systemConfig has a system account and another one, with a user each.
const systemConfig = `
	server_name: one
	server_tags: ["region:north", "blue"]
	system_account: SYS
	accounts {
		SYS {
			users: [ {user: sys, password: p} ]
			exports: [ {service: "$SYS.DEBUG.SUBSCRIBERS"} ]
		}
		A {
			users: [ {user: a, password: p, permissions: {publish: {deny: "secret"}}} ]
			exports: [ {service: "help.*", response: stream}, {stream: "news.>", accounts: [SYS]} ]
			imports: [ {service: {account: SYS, subject: "$SYS.DEBUG.SUBSCRIBERS"}} ]
			mappings: { "old.*": "new.$1" }
		}
	}`

// systemUser are the flags that make the nats tool a user of the system account.
var systemUser = []string{"--user", "sys", "--password", "p"}

// systemDifferences are those with a reason.
var systemDifferences = map[string]bool{
	".data.git_commit": true, // of a build from a module there is none
	// A feature flag in /varz is about JetStream.
	".data.feature_flags": true, ".data.feature_flags.js_raft_delete_range": true, ".data.feature_flags.js_snapshot_sources": true,
	".data.feature_flags.js_api_reply_v2": true, ".data.feature_flags.js_ack_fc_v2": true,
}

// explained reports whether a field that only the reference has, or has with
// another type, is a difference with a reason.
func explained(what, field, kind string) bool {
	switch {
	case systemDifferences[field]:
		return true
	case kind == "null": // of answers with an error; here the field is left out
		return field == ".data"
	case strings.Contains(what, "IPQUEUESZ"): // there are no such queues here
		return true
	case strings.Contains(what, "ACCOUNT.SYS.INFO"): // imports from itself
		return strings.HasPrefix(field, ".data.imports")
	default:
		return false
	}
}

// system is what a server has said in its system account: by kind of message, the
// types of its fields, or the values where those should be the same.
type system map[string]map[string]string

func (s system) note(t *testing.T, what string, body []byte) {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Errorf("%s: %v in %q", what, err, body)
		return
	}
	s[what] = map[string]string{}
	shape("", v, s[what])
	top, _ := v.(map[string]any)
	for path, inner := range map[string]any{"": top, ".client": top["client"], ".server": top["server"], ".error": top["error"]} {
		fields, _ := inner.(map[string]any)
		for _, key := range sameEverywhere {
			if value, ok := fields[key].(string); ok {
				s[what][path+"."+key] = value
			}
		}
	}
}

// sameEverywhere are the names of fields whose values are the same whichever server
// says it.
var sameEverywhere = []string{"type", "acc", "user", "name", "lang", "kind", "client_type", "name_tag", "reason", "host", "ver"}

// next receives a message that the server publishes by itself.
func next(t *testing.T, sub *nats.Subscription) *nats.Msg {
	t.Helper()
	m, err := sub.NextMsg(patience)
	if err != nil {
		t.Fatalf("%s: %v", sub.Subject, err)
	}
	return m
}

// TestTheSystemAccountHasTheShapeOfTheReference brings both servers into the same
// state and compares the fields of what they say about themselves.
func TestTheSystemAccountHasTheShapeOfTheReference(t *testing.T) {
	said := map[string]system{}
	for _, name := range []string{"godwit", "nats-server"} {
		said[name] = listen(t, startServer(t, name, systemConfig))
	}
	ours, theirs := said["godwit"], said["nats-server"]
	for what, fields := range theirs {
		for field, kind := range fields {
			if ours[what][field] != kind && !explained(what, field, kind) {
				t.Errorf("%s: %s is %q, the reference has %q", what, field, ours[what][field], kind)
			}
		}
		var extra []string
		for field := range ours[what] {
			if fields[field] == "" && !systemDifferences[field] {
				extra = append(extra, field)
			}
		}
		sort.Strings(extra)
		if len(extra) > 0 {
			t.Logf("%s: only here: %v", what, extra)
		}
	}
}

// listen provokes everything that a server says and notes it.
func listen(t *testing.T, s *server) system {
	said := system{}
	sys := s.connect(nats.UserInfo("sys", "p"), nats.NoReconnect())
	subs := map[string]*nats.Subscription{}
	for _, subject := range []string{
		"$SYS.ACCOUNT.A.CONNECT", "$SYS.ACCOUNT.A.DISCONNECT", "$SYS.ACCOUNT.A.SERVER.CONNS", "$SYS.SERVER.ACCOUNT.A.CONNS",
		"$SYS.SERVER.*.CLIENT.AUTH.ERR", "$SYS.SERVER.*.STATSZ", "$SYS.SERVER.*.SHUTDOWN",
	} {
		sub, err := sys.SubscribeSync(subject)
		if err != nil {
			t.Fatal(err)
		}
		subs[subject] = sub
	}
	if err := sys.Flush(); err != nil {
		t.Fatal(err)
	}
	heard := func(subject string) { said.note(t, subject, next(t, subs[subject]).Data) }

	a := s.connect(nats.UserInfo("a", "p"), nats.Name("me"))
	if _, err := a.QueueSubscribe("foo.>", "q", func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	a.Publish("foo.x", []byte("hello"))
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	heard("$SYS.ACCOUNT.A.CONNECT")
	heard("$SYS.ACCOUNT.A.SERVER.CONNS")
	heard("$SYS.SERVER.ACCOUNT.A.CONNS")
	heard("$SYS.SERVER.*.STATSZ")
	gone := s.connect(nats.UserInfo("a", "p"))
	gone.RTT()
	gone.Close()
	heard("$SYS.ACCOUNT.A.DISCONNECT")
	if nc, err := nats.Connect(s.url(), nats.UserInfo("a", "wrong")); err == nil {
		nc.Close()
		t.Error("a wrong password is accepted")
	}
	heard("$SYS.SERVER.*.CLIENT.AUTH.ERR")

	request := func(nc *nats.Conn, subject, body string) {
		m, err := nc.Request(subject, []byte(body), patience)
		if err != nil {
			t.Fatalf("%s %s: %v", subject, body, err)
		}
		said.note(t, strings.TrimSpace(nc.Opts.User+" "+strings.ReplaceAll(subject, sys.ConnectedServerId(), "<id>")+" "+body), m.Data)
	}
	for _, question := range systemQuestions {
		subject, body, _ := strings.Cut(question, " ")
		request(sys, strings.ReplaceAll(subject, "<id>", sys.ConnectedServerId()), body)
	}
	for _, subject := range []string{"$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.ACCOUNT.PING.STATZ", "$SYS.REQ.USER.INFO"} {
		request(a, subject, "")
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	heard("$SYS.SERVER.*.SHUTDOWN")
	return said
}

var systemQuestions = []string{
	"$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.IDZ", "$SYS.REQ.SERVER.PING.STATSZ", "$SYS.REQ.SERVER.PING.VARZ",
	"$SYS.REQ.SERVER.PING.SUBSZ", `$SYS.REQ.SERVER.PING.SUBSZ {"subscriptions":true,"account":"A"}`, "$SYS.REQ.SERVER.PING.CONNZ",
	`$SYS.REQ.SERVER.PING.CONNZ {"subscriptions":true,"auth":true}`, `$SYS.REQ.SERVER.PING.CONNZ {"subscriptions_detail":true,"state":2}`,
	`$SYS.REQ.SERVER.PING.CONNZ {"state":1}`, `$SYS.REQ.SERVER.PING.CONNZ {"sort":"nonsense"}`, "$SYS.REQ.SERVER.PING.ROUTEZ",
	"$SYS.REQ.SERVER.PING.GATEWAYZ", "$SYS.REQ.SERVER.PING.LEAFZ", "$SYS.REQ.SERVER.PING.ACCOUNTZ", `$SYS.REQ.SERVER.PING.ACCOUNTZ {"account":"A"}`,
	`$SYS.REQ.SERVER.PING.ACCOUNTZ {"account":"NONE"}`, "$SYS.REQ.SERVER.PING.JSZ", "$SYS.REQ.SERVER.PING.HEALTHZ",
	`$SYS.REQ.SERVER.PING.HEALTHZ {"js-enabled-only":true}`, `$SYS.REQ.SERVER.PING.PROFILEZ {"name":"goroutine"}`,
	`$SYS.REQ.SERVER.PING.PROFILEZ {"name":"nonsense"}`, "$SYS.REQ.SERVER.PING.EXPVARZ", "$SYS.REQ.SERVER.PING.IPQUEUESZ",
	"$SYS.REQ.SERVER.PING.RAFTZ", "$SYS.REQ.SERVER.<id>.VARZ", "$SYS.REQ.SERVER.<id>.STATSZ", "$SYS.REQ.SERVER.PING.VARZ nonsense",
	"$SYS.REQ.SERVER.PING.STATSZ nonsense", "$SYS.REQ.SERVER.<id>.RELOAD", "$SYS.REQ.SERVER.<id>.RELOAD nonsense",
	`$SYS.REQ.SERVER.<id>.KICK {"cid":999999}`, `$SYS.REQ.SERVER.<id>.LDM {"cid":999999}`,
	"$SYS.REQ.ACCOUNT.A.SUBSZ", "$SYS.REQ.ACCOUNT.A.CONNZ", "$SYS.REQ.ACCOUNT.A.LEAFZ", "$SYS.REQ.ACCOUNT.A.JSZ", "$SYS.REQ.ACCOUNT.A.INFO",
	"$SYS.REQ.ACCOUNT.SYS.INFO", "$SYS.REQ.ACCOUNT.NONE.INFO", "$SYS.REQ.ACCOUNT.A.STATZ", "$SYS.REQ.ACCOUNT.A.CONNS",
	`$SYS.REQ.ACCOUNT.PING.STATZ {"accounts":["A"],"include_unused":true}`, "$SYS.REQ.USER.INFO",
}

// TestTheSystemAccountRefusesLikeTheReference compares the errors, to the letter.
func TestTheSystemAccountRefusesLikeTheReference(t *testing.T) {
	type refusal struct {
		Code        int
		Description string
	}
	questions := []string{
		`$SYS.REQ.SERVER.PING.CONNZ {"sort":"nonsense"}`, `$SYS.REQ.SERVER.PING.CONNZ {"sort":"stop"}`, `$SYS.REQ.SERVER.PING.ACCOUNTZ {"account":"NONE"}`,
		`$SYS.REQ.SERVER.PING.SUBSZ {"test":"foo.*","subscriptions":true}`, "$SYS.REQ.ACCOUNT.NONE.INFO", "$SYS.REQ.SERVER.PING.VARZ {",
		"$SYS.REQ.SERVER.PING.STATSZ nonsense", "$SYS.REQ.ACCOUNT.A.CONNZ {MALFORMED", "$SYS.REQ.SERVER.<id>.RELOAD nonsense",
		`$SYS.REQ.SERVER.<id>.KICK {"cid":999999}`, `$SYS.REQ.SERVER.<id>.LDM {"cid":999999}`, `$SYS.REQ.SERVER.<id>.KICK {}`,
		`$SYS.REQ.ACCOUNT.NONE.CONNZ {"auth":true}`, "$SYS.REQ.ACCOUNT.NONE.SUBSZ",
	}
	got := map[string]map[string]refusal{}
	for _, name := range []string{"godwit", "nats-server"} {
		s := startServer(t, name, systemConfig)
		sys := s.connect(nats.UserInfo("sys", "p"))
		got[name] = map[string]refusal{}
		for _, question := range questions {
			subject, body, _ := strings.Cut(question, " ")
			m, err := sys.Request(strings.ReplaceAll(subject, "<id>", sys.ConnectedServerId()), []byte(body), patience)
			if err != nil {
				t.Fatalf("%s %s: %v", name, question, err)
			}
			var answer struct{ Error refusal }
			if err := json.Unmarshal(m.Data, &answer); err != nil {
				t.Errorf("%s %s: %v", name, question, err)
			}
			got[name][question] = answer.Error
		}
	}
	if diff := cmp.Diff(got["nats-server"], got["godwit"]); diff != "" {
		t.Error(diff)
	}
}

// TestCountingSubscribersLikeTheReference asks both servers the same.
func TestCountingSubscribersLikeTheReference(t *testing.T) {
	got := map[string]map[string]string{}
	for _, name := range []string{"godwit", "nats-server"} {
		s := startServer(t, name, systemConfig)
		for i := range 3 {
			nc := s.connect(nats.UserInfo("a", "p"))
			for _, subject := range []string{"foo.bar", "foo.*", ">", fmt.Sprintf("foo.n.%d", i)} {
				nc.Subscribe(subject, func(*nats.Msg) {})
			}
			nc.QueueSubscribe("work", "Q", func(*nats.Msg) {})
			nc.QueueSubscribe("work", "R", func(*nats.Msg) {})
			if err := nc.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		got[name] = map[string]string{}
		for _, user := range []string{"a", "sys"} {
			nc := s.connect(nats.UserInfo(user, "p"))
			for _, question := range []string{"foo", "foo.bar", "foo.*", "foo.>", "*.bar", ">", "work", "work Q", "work S", "w* Q", "* R", "foo.n.*"} {
				m, err := nc.Request("$SYS.DEBUG.SUBSCRIBERS", []byte(question), patience)
				if err != nil {
					t.Fatalf("%s, %s asks for %q: %v", name, user, question, err)
				}
				got[name][user+" "+question] = string(m.Data)
			}
		}
	}
	if diff := cmp.Diff(got["nats-server"], got["godwit"]); diff != "" {
		t.Error(diff)
	}
}

// TestServerCommandsOfTheCLI runs what operators run.
func TestServerCommandsOfTheCLI(t *testing.T) {
	both(t, systemConfig, func(t *testing.T, s *server) {
		a := s.connect(nats.UserInfo("a", "p"), nats.Name("watched"), nats.NoReconnect())
		if _, err := a.Subscribe("foo", func(*nats.Msg) {}); err != nil {
			t.Fatal(err)
		}
		if err := a.Flush(); err != nil {
			t.Fatal(err)
		}
		run := func(args ...string) string { return s.mustCLI(append(args, systemUser...)...) }
		for _, tc := range []struct {
			args []string
			want []string
		}{
			{[]string{"server", "list", "1"}, []string{"Server Overview", "│ one "}},
			{[]string{"server", "info"}, []string{"Server information for one (" + a.ConnectedServerId() + ")", "Auth Required: true"}},
			{[]string{"server", "info", "one"}, []string{"Version: 2.15.2", "Connection Details:"}},
			{[]string{"server", "ping", "1"}, []string{"one ", "rtt=", "1 replies"}},
			{[]string{"server", "report", "connections"}, []string{"watched", "Connections per server"}},
			{[]string{"server", "report", "connections", "--account", "A"}, []string{"watched", "Top 1 Connections out of 1"}},
			{[]string{"server", "report", "accounts"}, []string{"Accounts Overview", "│ A ", "│ SYS "}},
			{[]string{"server", "report", "health"}, []string{"ok (200)"}},
			{[]string{"server", "request", "variables", "--name", "one"}, []string{`"server_name":"one"`, `"system_account":"SYS"`}},
			{[]string{"server", "request", "connections"}, []string{`"name":"watched"`}},
			{[]string{"server", "request", "connections", "--filter-state", "closed"}, []string{`"connections":[`}},
			{[]string{"server", "request", "connections", "--subscriptions"}, []string{`"subscriptions_list_detail":[{"subject":"foo"`}},
			{[]string{"server", "request", "subscriptions", "--detail"}, []string{`"num_subscriptions":`, `"subject":"foo"`}},
			{[]string{"server", "request", "routes"}, []string{`"routes":[]`}},
			{[]string{"server", "request", "gateways"}, []string{`"outbound_gateways":{}`}},
			{[]string{"server", "request", "leafnodes"}, []string{`"leafs":[]`}},
			{[]string{"server", "request", "accounts"}, []string{`"accounts":[`, `"$G"`, `"A"`, `"SYS"`}},
			{[]string{"server", "request", "accounts", "--account", "A"}, []string{`"account_name":"A"`}},
			{[]string{"server", "request", "jetstream"}, []string{`"disabled":true`}},
			{[]string{"server", "request", "jetstream-health"}, []string{`"status":"ok"`}},
			{[]string{"server", "request", "raft"}, []string{`"server":{`}},
			{[]string{"server", "request", "ipqueue"}, []string{`"server":{`}},
			{[]string{"server", "account", "info", "A"}, []string{"Account information for account A", "Imports:", "$SYS.REQ.ACCOUNT.PING.CONNZ", "Exports:", "news.>"}},
			{[]string{"server", "check", "connection"}, []string{"OK Connection"}},
			{[]string{"account", "info"}, []string{"User: sys", "Account: SYS", "System Account: true", "JetStream is not supported"}},
		} {
			out := run(tc.args...)
			for _, want := range tc.want {
				if !strings.Contains(out, want) {
					t.Errorf("nats %s: no %q in\n%s", strings.Join(tc.args, " "), want, out)
				}
			}
		}
		if out := s.mustCLI("account", "info", "--user", "a", "--password", "p"); !strings.Contains(out, "User: a") || !strings.Contains(out, "System Account: false") {
			t.Errorf("account info of another account: %s", out)
		}
		if out, err := s.cli("server", "list", "1", "--timeout", "1s", "--user", "a", "--password", "p"); err == nil && strings.Contains(out, "│ one ") {
			t.Errorf("another account sees servers: %s", out)
		}

		dir := t.TempDir()
		run("server", "request", "profile", "goroutine", dir, "--name", "one")
		if files, _ := filepath.Glob(filepath.Join(dir, "*goroutine*")); len(files) != 1 {
			t.Errorf("profiles: %v", files)
		} else if info, err := os.Stat(files[0]); err != nil || info.Size() == 0 {
			t.Errorf("profile: %v, %v", info, err)
		}

		id, err := a.GetClientID()
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		a.SetClosedHandler(func(*nats.Conn) { close(closed) })
		run("server", "request", "kick", fmt.Sprint(id), a.ConnectedServerId())
		await(t, "the end of the connection", closed)
	})
}
