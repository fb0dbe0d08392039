package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/godwit-mq/godwit/internal/options"
)

// Go: TestProtoBasics test/proto_test.go:34
// Go: TestClientSimplePubSub server/client_test.go:667
// Go: TestClientSimplePubSubWithReply server/client_test.go:713
// Go: TestClientNoBodyPubSubWithReply server/client_test.go:741
// Go: TestClientPing server/client_test.go:617
func TestPublishAndSubscribe(t *testing.T) {
	s := start(t, &options.Options{})
	p := connect(t, s)
	p.send("SUB foo 1\r\nPUB foo 5\r\nhello\r\n")
	p.expect("MSG foo 1 5", "hello")
	p.send("PUB foo reply.to 5\r\nhello\r\n")
	p.expect("MSG foo 1 reply.to 5", "hello")
	p.send("PUB foo reply.to 0\r\n\r\n")
	p.expect("MSG foo 1 reply.to 0", "")
	p.send("PUB foo 0\r\n\r\n")
	p.expect("MSG foo 1 0", "")
	p.send("SUB foo 2\r\nPUB foo 2\r\nok\r\n")
	got := map[string]bool{p.line(): true, p.line(): true, p.line(): true, p.line(): true}
	if !got["MSG foo 1 2"] || !got["MSG foo 2 2"] || !got["ok"] {
		t.Errorf("got %v", got)
	}
	p.send("UNSUB 1\r\nUNSUB 2\r\nSUB bar.* 3\r\nSUB bar.> 4\r\nPUB bar.a.b 1\r\nx\r\n")
	p.expect("MSG bar.a.b 4 1", "x")
	p.nothing()
}

// TestFormsAreEchoed: lines in other than the canonical form are delivered
// well-formed.
func TestUnusualFormsAreDelivered(t *testing.T) {
	s := start(t, &options.Options{})
	p := connect(t, s, `"headers":true`)
	plain := connect(t, s)
	p.send("SUB foo 1\r\n")
	plain.send("SUB foo 9\r\n")
	p.sync()
	plain.sync()
	for in, want := range map[string][3]string{
		"pub\tfoo\t 5\nhello\r\n":                      {"MSG foo 1 5", "MSG foo 9 5", "hello"},
		"PUB foo  r 005\r\nhello\r\n":                  {"MSG foo 1 r 5", "MSG foo 9 r 5", "hello"},
		"HPUB foo 12 17\r\nNATS/1.0\r\n\r\nhello\r\n":  {"HMSG foo 1 12 17", "MSG foo 9 5", "hello"},
		"HPUB foo  r 12 17\nNATS/1.0\r\n\r\nhello\r\n": {"HMSG foo 1 r 12 17", "MSG foo 9 r 5", "hello"},
		"HPUB foo 0 5\r\nhello\r\n":                    {"MSG foo 1 5", "MSG foo 9 5", "hello"},
	} {
		p.send(in)
		p.expect(want[0])
		if strings.HasPrefix(want[0], "H") {
			p.expect("NATS/1.0", "")
		}
		p.expect(want[2])
		plain.expect(want[1], want[2])
	}
}

// Go: TestClientHeaderDeliverMsg server/client_test.go:331
// Go: TestClientHeaderDeliverStrippedMsg server/client_test.go:374
// Go: TestClientHeaderDeliverQueueSubStrippedMsg server/client_test.go:422
// Go: TestServerHeaderSupport server/client_test.go:260
// Go: TestClientHeaderSupport server/client_test.go:296
func TestHeaders(t *testing.T) {
	s := start(t, &options.Options{})
	able, unable := connect(t, s, `"headers":true`), connect(t, s)
	able.send("SUB foo 1\r\n")
	unable.send("SUB foo q 2\r\n")
	able.sync()
	unable.sync()
	able.send("HPUB foo 12 14\r\nName:Derek\r\nOK\r\n")
	able.expect("HMSG foo 1 12 14", "Name:Derek", "OK")
	unable.expect("MSG foo 2 2", "OK")
	unable.send("HPUB foo 12 14\r\nName:Derek\r\nOK\r\n")
	unable.closed()
	if got := lastClosed(t, s, 1); got != "Protocol Violation" {
		t.Errorf("closed: %s", got)
	}
	logged(t, s, "message headers not supported")

	off := start(t, &options.Options{NoHeaderSupport: true})
	p := dial(t, off)
	if p.info["headers"] != false {
		t.Errorf("got %v", p.info["headers"])
	}
	p.connect(`"headers":true`)
	p.sync()
	p.send("HPUB foo 1 2\r\nOK\r\n")
	p.closed()
}

// Go: TestClientNoResponderSupport server/client_test.go:231
func TestNoResponders(t *testing.T) {
	s := start(t, &options.Options{})
	p := dial(t, s)
	p.connect(`"no_responders":true`)
	p.closed("-ERR 'no responders requires headers support'")
	if got := lastClosed(t, s, 1); got != "No Responders Requires Headers" {
		t.Errorf("closed: %s", got)
	}
	p = connect(t, s, `"headers":true`, `"no_responders":true`)
	p.send("SUB reply.* 9\r\nPUB foo.bar reply.1 2\r\nok\r\n")
	p.expect("HMSG reply.1 9 39 39", "NATS/1.0 503", "Nats-Subject: foo.bar", "", "")
	p.send("PUB foo.bar nobody.listens 2\r\nok\r\nPUB foo.bar 2\r\nok\r\n")
	p.nothing()
	p.send("SUB foo.bar q 3\r\nPUB foo.bar reply.1 2\r\nok\r\n")
	p.expect("MSG foo.bar 3 reply.1 2", "ok")
	// A limited subscription for the reply runs out with the notice.
	p.send("UNSUB 3\r\nUNSUB 9\r\nSUB once 4\r\nUNSUB 4 1\r\nPUB nobody once 0\r\n\r\n")
	p.expect("HMSG once 4 38 38", "NATS/1.0 503", "Nats-Subject: nobody", "", "")
	p.send("PUB nobody once 0\r\n\r\n")
	p.nothing()
}

// Go: TestVerbosePing test/verbose_test.go:20
// Go: TestVerboseConnect test/verbose_test.go:39
// Go: TestVerbosePubSub test/verbose_test.go:58
func TestVerbose(t *testing.T) {
	s := start(t, &options.Options{})
	p := dial(t, s)
	p.send("CONNECT {}\r\nPING\r\n") // verbose unless told otherwise
	p.expect("+OK", "PONG")
	p.send("CONNECT {\"verbose\":true,\"pedantic\":false}\r\nSUB foo 1\r\nPUB foo 2\r\nok\r\nUNSUB 1\r\nUNSUB 1\r\nSUB foo 1\r\nSUB foo 1\r\n")
	p.expect("+OK", "+OK", "+OK", "MSG foo 1 2", "ok", "+OK", "+OK", "+OK", "+OK")
	p.sync()
}

// Go: TestPedanticSub test/pedantic_test.go:32
// Go: TestPedanticPub test/pedantic_test.go:77
func TestPedantic(t *testing.T) {
	s := start(t, &options.Options{})
	p := dial(t, s)
	p.send("CONNECT {\"verbose\":false,\"pedantic\":true}\r\n")
	for _, bad := range []string{"foo.*bar.", "foo..bar", ".foo", "foo.", ">.foo", "foo.>.bar"} {
		p.send("SUB " + bad + " 1\r\n")
		p.expect("-ERR 'Invalid Subject'")
	}
	for _, good := range []string{"foo", "foo.*", "*.>", "foo*", "foo.>>", "f>.b", "**"} {
		p.send("SUB " + good + " " + good + "\r\n")
		p.sync()
	}
	for _, bad := range []string{"foo.*", "foo.>", ">", "*", "foo..bar", "foo."} {
		p.send("PUB " + bad + " 0\r\n\r\nPING\r\n")
		p.expect("-ERR 'Invalid Publish Subject'")
		for line := p.line(); line != "PONG"; line = p.line() { // and still delivered
		}
	}
	p.send("PUB some.foo*.b 0\r\n\r\n") // wildcard characters inside of tokens are ordinary
	p.expect("MSG some.foo*.b *.> 0", "")
}

// Go: TestTwoTokenPubMatchSingleTokenSub server/client_test.go:1467
// Go: TestWildcardCharsInLiteralSubjectWorks server/client_test.go:1624
func TestLiteralMatching(t *testing.T) {
	s := start(t, &options.Options{})
	p := connect(t, s)
	p.send("SUB foo 1\r\nPUB foo.bar 0\r\n\r\nPUB foo. 0\r\n\r\nPUB .foo 0\r\n\r\n")
	p.nothing()
	p.send("SUB foo.bar,*,>,baz 2\r\nPUB foo.bar,*,>,baz 3\r\nmsg\r\n")
	p.expect("MSG foo.bar,*,>,baz 2 3", "msg")
	p.send("SUB a.* 3\r\nSUB a.> 4\r\nPUB a.* 0\r\n\r\nPING\r\n") // a wildcard is published literally
	got := map[string]bool{}
	for line := p.line(); line != "PONG"; line = p.line() {
		got[line] = true
	}
	if !got["MSG a.* 3 0"] || !got["MSG a.* 4 0"] {
		t.Errorf("got %v", got)
	}
}

// Go: TestClientPubSubNoEcho server/client_test.go:692
// Go: TestClientPubWithQueueSubNoEcho server/client_test.go:1223
func TestNoEcho(t *testing.T) {
	s := start(t, &options.Options{})
	deaf, other := connect(t, s, `"echo":false`), connect(t, s)
	deaf.send("SUB foo 1\r\nSUB foo q 2\r\n")
	other.send("SUB foo q 3\r\n")
	deaf.sync()
	other.sync()
	for range 50 {
		deaf.send("PUB foo 2\r\nme\r\n")
		other.expect("MSG foo 3 2", "me") // always the other member
	}
	deaf.nothing()
	other.send("UNSUB 3\r\nPUB foo 3\r\nyou\r\n")
	got := map[string]bool{deaf.line(): true, deaf.line(): true, deaf.line(): true, deaf.line(): true}
	if !got["MSG foo 1 3"] || !got["MSG foo 2 3"] {
		t.Errorf("got %v", got)
	}
	// Switched off again by a second CONNECT, which also drops subscriptions.
	deaf.connect(`"echo":true`)
	deaf.send("SUB foo 7\r\nPUB foo 0\r\n\r\n")
	deaf.expect("MSG foo 7 0", "")
}

// Go: TestQueueSub test/proto_test.go:98
// Go: TestMultipleQueueSub test/proto_test.go:132
// Go: TestClientPubWithQueueSub server/client_test.go:769
func TestQueueGroupsShareEvenly(t *testing.T) {
	s := start(t, &options.Options{})
	p := connect(t, s)
	p.send("SUB foo g1 1\r\nSUB foo g1 2\r\nSUB * g2 3\r\nSUB foo g2 4\r\nSUB > g2 5\r\n")
	const sent = 3000
	var batch strings.Builder
	for range sent {
		batch.WriteString("PUB foo 2\r\nok\r\n")
	}
	go p.conn.Write([]byte(batch.String()))
	counts := map[string]int{}
	for range 2 * sent {
		var sid string
		if _, err := fmt.Sscanf(p.line(), "MSG foo %s 2", &sid); err != nil {
			t.Fatal(err)
		}
		counts[sid]++
		p.expect("ok")
	}
	p.nothing()
	if counts["1"]+counts["2"] != sent || counts["3"]+counts["4"]+counts["5"] != sent {
		t.Fatalf("got %v", counts)
	}
	for sid, n := range counts {
		share := sent / 2
		if sid > "2" {
			share = sent / 3
		}
		if n < share*3/4 || n > share*5/4 {
			t.Errorf("member %s got %d of about %d", sid, n, share)
		}
	}
}

// Go: TestClientUnSub server/client_test.go:1290
// Go: TestClientUnSubMax server/client_test.go:1325
// Go: TestUnsubMax test/proto_test.go:75
// Go: TestClientAutoUnsubExactReceived server/client_test.go:1363
// Go: TestClientUnsubAfterAutoUnsub server/client_test.go:1385
func TestUnsubscribe(t *testing.T) {
	s := start(t, &options.Options{})
	p := connect(t, s)
	publish := strings.Repeat("PUB foo 0\r\n\r\n", 5)
	received := func() (n int) {
		p.send("PING\r\n")
		for line := p.line(); line != "PONG"; line = p.line() {
			if strings.HasPrefix(line, "MSG") {
				n++
			}
		}
		return n
	}
	subs := func() uint32 { return clientSubs(s) }
	for _, tc := range []struct {
		in   string
		want int
	}{
		{"SUB foo 1\r\nUNSUB 1\r\n" + publish, 0},
		{"SUB foo 1\r\nUNSUB 1 2\r\n" + publish, 2},
		{"SUB foo 1\r\nUNSUB 1 5\r\n" + publish, 5},
		{"SUB foo 1\r\n" + publish + "UNSUB 1 3\r\n" + publish, 5},         // reached already
		{"SUB foo 1\r\n" + publish + "UNSUB 1 7\r\n" + publish, 7},         // in total
		{"SUB foo 1\r\nUNSUB 1 0\r\n" + publish, 0},                        // at once
		{"SUB foo 1\r\nUNSUB 1 x\r\n" + publish, 0},                        // at once
		{"SUB foo 1\r\nUNSUB 1 -1\r\n" + publish, 0},                       // at once
		{"SUB foo 1\r\nUNSUB 1 2\r\nUNSUB 1 8\r\n" + publish + publish, 8}, // overridden
		{"SUB foo 1\r\nUNSUB 1 8\r\nPUB foo 0\r\n\r\nUNSUB 1\r\n" + publish, 1},
		{"SUB foo 1\r\nUNSUB 1 2\r\n" + publish + "UNSUB 1\r\nUNSUB 1 5\r\n" + publish, 2},
		{"UNSUB nosuch\r\nUNSUB nosuch 5\r\n", 0},
		{"SUB foo q 1\r\nSUB foo q 2\r\nUNSUB 1 2\r\n" + publish + "UNSUB 2\r\nUNSUB 1\r\n", 5}, // no message is lost to a member that ran out
	} {
		p.send(tc.in)
		if got := received(); got != tc.want {
			t.Errorf("%.60q: got %d messages, want %d", tc.in, got, tc.want)
		}
		p.send("UNSUB 1\r\nUNSUB 2\r\n")
		p.sync()
		if got := subs(); got != 0 {
			t.Errorf("%.60q: %d subscriptions are left", tc.in, got)
		}
	}
}

// Go: TestUnsubRace server/client_test.go:1486
func TestAutoUnsubscribeIsExactWithManyPublishers(t *testing.T) {
	s := start(t, &options.Options{})
	sub := connect(t, s)
	const limit = 500
	sub.send(fmt.Sprintf("SUB foo 1\r\nUNSUB 1 %d\r\n", limit))
	sub.sync()
	publishers := make([]*peer, 4)
	for i := range publishers {
		publishers[i] = connect(t, s)
		publishers[i].send(strings.Repeat("PUB foo 0\r\n\r\n", limit))
	}
	for _, p := range publishers {
		p.sync()
	}
	n := 0
	sub.send("PING\r\n")
	for line := sub.line(); line != "PONG"; line = sub.line() {
		if strings.HasPrefix(line, "MSG") {
			n++
		}
	}
	if n != limit || clientSubs(s) != 0 {
		t.Errorf("%d messages, %d subscriptions left", n, clientSubs(s))
	}
}

// Go: TestDuplicateProtoSub test/proto_test.go:216
func TestTheSameSIDTwice(t *testing.T) {
	s := start(t, &options.Options{})
	p := connect(t, s)
	p.send("SUB foo 1\r\nSUB foo 1\r\nSUB bar 1\r\nPUB foo 0\r\n\r\nPUB bar 0\r\n\r\n")
	p.expect("MSG foo 1 0", "")
	p.nothing()
	if n := clientSubs(s); n != 1 {
		t.Errorf("%d subscriptions", n)
	}
}

// Go: TestClientConnectProto server/client_test.go:538
func TestProtocolVersions(t *testing.T) {
	s := start(t, &options.Options{})
	for _, good := range []string{"0", "1"} {
		p := dial(t, s)
		p.connect(`"protocol":` + good)
		p.send("PING\r\n")
		p.expect("PONG")
	}
	for _, bad := range []string{"-1", "2"} {
		p := dial(t, s)
		p.connect(`"protocol":` + bad)
		p.closed("-ERR 'invalid client protocol'")
	}
	if got := lastClosed(t, s, 2); got != "Bad Client Protocol Version" {
		t.Errorf("closed: %s", got)
	}
}

func TestBadConnect(t *testing.T) {
	s := start(t, &options.Options{})
	for i, bad := range []string{"{", "{}x", `{"verbose":1}`, "[]", `{"user":{}}`} {
		p := dial(t, s)
		p.send("CONNECT " + bad + "\r\n")
		p.closed()
		if got := lastClosed(t, s, i+1); got != "Protocol Violation" {
			t.Errorf("%s: closed: %s", bad, got)
		}
	}
	for i, bad := range []string{`"account":"A"`, `"new_account":true`} {
		p := dial(t, s)
		p.connect(bad)
		p.closed("-ERR 'Authorization Violation'")
		if got := lastClosed(t, s, i+6); got != "Authentication Failure" {
			t.Errorf("closed: %s", got)
		}
	}
}

// Go: TestMaxPayload test/maxpayload_test.go:29
// Go: TestMaxPayloadOverrun test/maxpayload_test.go:103
func TestMaxPayload(t *testing.T) {
	s := start(t, &options.Options{MaxPayload: 1024})
	p := connect(t, s)
	p.send("SUB foo 1\r\nPUB foo 1024\r\n" + strings.Repeat("x", 1024) + "\r\n")
	p.expect("MSG foo 1 1024", strings.Repeat("x", 1024))
	p.send("PUB foo 1025\r\n")
	p.closed("-ERR 'Maximum Payload Violation'")
	if got := lastClosed(t, s, 1); got != "Maximum Message Payload Exceeded" {
		t.Errorf("closed: %s", got)
	}
	logged(t, s, "maximum payload exceeded: 1025 vs 1024")
	for i, size := range []string{"199380988", "999999999"} {
		p = connect(t, s)
		p.send("PUB foo " + size + "\r\n")
		p.closed("-ERR 'Maximum Payload Violation'")
		lastClosed(t, s, i+2)
	}
	for i, size := range []string{"18446744073709551600", "-1", "1x"} {
		p = connect(t, s)
		p.send("PUB foo " + size + "\r\n")
		p.closed()
		if got := lastClosed(t, s, i+4); got != "Protocol Violation" {
			t.Errorf("%s: closed: %s", size, got)
		}
	}
}

// Go: TestControlLineMaximums test/proto_test.go:282
func TestControlLineMaximum(t *testing.T) {
	s := start(t, &options.Options{})
	p := connect(t, s)
	p.send("PUB " + strings.Repeat("A", 4097))
	p.closed("-ERR 'maximum control line exceeded'")
	if got := lastClosed(t, s, 1); got != "Maximum Control Line Exceeded" {
		t.Errorf("closed: %s", got)
	}
}

func TestProtocolErrors(t *testing.T) {
	s := start(t, &options.Options{})
	for i, in := range []string{"ZZZ", "GET / HTTP/1.1\r\n\r\n", "PUB foo 2\r\nokXX"} {
		p := connect(t, s)
		p.send("PUB a 0\r\n\r\n" + in)
		p.closed("-ERR 'Unknown Protocol Operation'")
		if got := lastClosed(t, s, i+1); got != "Protocol Violation" {
			t.Errorf("%q: closed: %s", in, got)
		}
	}
	p := connect(t, s)
	p.send("-ERR 'something'\r\n")
	p.closed()
	if got := lastClosed(t, s, 4); got != "Parse Error" {
		t.Errorf("closed: %s", got)
	}
	logged(t, s, "Client Error 'something'")
}

// TestWhatCameBeforeAnErrorCounts: everything in front of the fault was
// accepted and is delivered, and the error line is not lost to a reset although
// input is left unread.
func TestWhatCameBeforeAnErrorCounts(t *testing.T) {
	s := start(t, &options.Options{})
	sub := connect(t, s)
	sub.send("SUB foo 1\r\n")
	sub.sync()
	for range 50 {
		p := connect(t, s)
		p.send("PUB foo 2\r\nok\r\nXXX" + strings.Repeat("y", 100000))
		p.closed("-ERR 'Unknown Protocol Operation'")
		sub.expect("MSG foo 1 2", "ok")
	}
}

// Go: TestMaxSubscriptions server/server_test.go:746
func TestMaxSubscriptions(t *testing.T) {
	s := start(t, &options.Options{MaxSubs: 10})
	p := connect(t, s)
	for i := range 10 {
		p.send(fmt.Sprintf("SUB foo %d\r\n", i))
	}
	p.sync()
	p.send("SUB foo 10\r\nSUB foo 11\r\n")
	p.expect("-ERR 'maximum subscriptions exceeded'", "-ERR 'maximum subscriptions exceeded'")
	p.sync()
	if n := s.Logger().(*capture).count("maximum subscriptions exceeded"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	p.send("UNSUB 3\r\nSUB foo 12\r\n")
	p.sync()
	if n := clientSubs(s); n != 10 {
		t.Errorf("%d subscriptions", n)
	}
}

func TestMaxSubscriptionTokens(t *testing.T) {
	s := startConfig(t, "max_sub_tokens: 3")
	p := connect(t, s)
	p.send("SUB a.b.c 1\r\nSUB a.b.c.d 2\r\n")
	p.expect(`-ERR 'Permissions Violation for Subscription to "a.b.c.d", too many tokens'`)
	p.send("PUB a.b.c 0\r\n\r\n")
	p.expect("MSG a.b.c 1 0", "")
}

// Go: TestClientCheckUseOfGWReplyPrefix server/client_test.go:2318
// Go: TestClientRejectsNRGSubjects server/client_test.go:4193
// Go: TestClientDenySysGroupSub server/client_test.go:3032
func TestReservedSubjects(t *testing.T) {
	s := startConfig(t, `accounts { A { users [{user: a, password: a}] }, $SYS { users [{user: s, password: s}] } }`)
	p := connect(t, s, `"user":"a"`, `"pass":"a"`)
	p.send("SUB > 1\r\n")
	for _, name := range []string{"_GR_.x.y", "$GR.x", "$NRG.V.x"} {
		p.send("PUB " + name + " 0\r\n\r\n")
		p.expect(fmt.Sprintf("-ERR 'Permissions Violation for Publish to %q'", name))
	}
	for _, reply := range []string{"_R_.x", "_R_.", "$JS.ACK.x", "_GR_.x", "$GR.x"} {
		p.send("PUB foo " + reply + " 0\r\n\r\n")
		p.expect(fmt.Sprintf("-ERR 'Permissions Violation for Publish with Reply of %q'", reply))
	}
	p.send("SUB foo _sys_ 2\r\n")
	p.expect(`-ERR 'Permissions Violation for Subscription to "foo" using queue "_sys_"'`)
	p.send("PUB _GR_. 0\r\n\r\n") // not longer than the prefix
	p.nothing()
	p.send("PUB _R_x 0\r\n\r\n")
	p.expect("MSG _R_x 1 0", "")
	sys := connect(t, s, `"user":"s"`, `"pass":"s"`)
	sys.send("SUB $NRG.> 1\r\nPUB $NRG.V.x 0\r\n\r\n")
	sys.expect("MSG $NRG.V.x 1 0", "")
}

// Go: TestClientRepeatConnectSwitchesAccountAndCleansOldSubs server/client_test.go:4683
func TestSecondConnectSwitchesAccounts(t *testing.T) {
	s := startConfig(t, `accounts { A { users [{user: a, password: a}] }, B { users [{user: b, password: b}] } }`)
	p := connect(t, s, `"user":"a"`, `"pass":"a"`)
	p.send("SUB foo 1\r\n")
	p.sync()
	a, b := s.accounts.get("A"), s.accounts.get("B")
	if n, _ := s.accounts.connections(a); n != 1 || subsOf(a) != 1 {
		t.Fatalf("A has %d connections", n)
	}
	p.connect(`"user":"b"`, `"pass":"b"`)
	p.sync()
	inA, _ := s.accounts.connections(a)
	inB, _ := s.accounts.connections(b)
	if inA != 0 || inB != 1 || subsOf(a) != 0 || subsOf(b) != 0 {
		t.Errorf("A: %d connections, %d subscriptions; B: %d, %d", inA, a.Index().Stats().NumSubs, inB, b.Index().Stats().NumSubs)
	}
	p.send("SUB foo 1\r\nPUB foo 0\r\n\r\n")
	p.expect("MSG foo 1 0", "")
	p.connect() // the same credentials again
	p.send("PUB foo 0\r\n\r\n")
	p.nothing()
	p.connect(`"user":"b"`, `"pass":"wrong"`)
	p.closed("-ERR 'Authorization Violation'")
}

// Go: TestClientMsgsMetric server/client_test.go:4783
func TestCounters(t *testing.T) {
	s := start(t, &options.Options{})
	p := connect(t, s, `"headers":true`)
	p.send("SUB foo 1\r\nSUB foo 2\r\nPUB foo 5\r\nhello\r\nHPUB foo 12 14\r\nNATS/1.0\r\n\r\nok\r\nPUB none 3\r\nabc\r\nPUB $GR.x 1\r\nx\r\nPING\r\n")
	for line := p.line(); line != "PONG"; line = p.line() {
	}
	totals := source{s}.Totals()
	if totals.InMsgs != 4 || totals.InBytes != 23 || totals.OutMsgs != 4 || totals.OutBytes != 38 {
		t.Errorf("totals %+v", totals)
	}
	snap, _ := source{s}.Connection(uint64(p.info["client_id"].(float64)), true)
	if snap.InMsgs != 4 || snap.InBytes != 23 || snap.OutMsgs != 4 || snap.OutBytes != 38 || snap.Subscriptions != 2 {
		t.Errorf("connection %+v", snap)
	}
	for _, sub := range snap.Subs {
		if sub.Delivered != 2 {
			t.Errorf("subscription %+v", sub)
		}
	}
}

// TestLateSubscriptionMissesNothing: SUB takes effect for all that is parsed
// after it, from any connection.
func TestSubscriptionsAreEffectiveAtOnce(t *testing.T) {
	s := start(t, &options.Options{})
	p, q := connect(t, s), connect(t, s)
	for i := range 200 {
		p.send(fmt.Sprintf("PUB x 0\r\n\r\nSUB foo %d\r\nPING\r\n", i))
		p.expect("PONG")
		q.send("PUB foo 0\r\n\r\n")
		p.expect(fmt.Sprintf("MSG foo %d 0", i), "")
		p.send(fmt.Sprintf("UNSUB %d\r\nPUB foo 0\r\n\r\n", i))
	}
	p.nothing()
}

// TestOrderPerPublisher: what one connection publishes arrives in order, with
// answers behind the deliveries of earlier input.
func TestOrderPerPublisher(t *testing.T) {
	s := start(t, &options.Options{})
	sub := connect(t, s)
	sub.send("SUB > 1\r\n")
	sub.sync()
	pub := connect(t, s)
	const n = 20000
	go func() {
		var b strings.Builder
		for i := range n {
			payload := strings.Repeat("z", i%7*1000)
			fmt.Fprintf(&b, "PUB s%d.%d %d\r\n%s\r\n", i%300, i, len(payload), payload)
			if b.Len() > 100000 {
				pub.conn.Write([]byte(b.String()))
				b.Reset()
			}
		}
		pub.conn.Write([]byte(b.String()))
	}()
	for i := range n {
		size := i % 7 * 1000
		sub.expect(fmt.Sprintf("MSG s%d.%d 1 %d", i%300, i, size), strings.Repeat("z", size))
	}
}
