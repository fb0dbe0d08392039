package wire

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func newParser() *Parser {
	return &Parser{Limits: Limits{ControlLine: 4096, Payload: 1 << 20}, Headers: true}
}

// show renders what a command means, independent of slices.
func show(c *Command) string {
	switch c.Op {
	case OpPub, OpHPub:
		return fmt.Sprintf("%s subject=%q reply=%q header=%q payload=%q",
			c.Op, c.Subject, c.Reply, c.Body[:c.Header], c.Body[c.Header:])
	case OpSub:
		return fmt.Sprintf("SUB subject=%q queue=%q sid=%q", c.Subject, c.Queue, c.SID)
	case OpUnsub:
		return fmt.Sprintf("UNSUB sid=%q max=%d", c.SID, c.Max)
	}
	return fmt.Sprintf("%s %q", c.Op, c.Args)
}

// parseAll parses everything in one piece.
func parseAll(p *Parser, in string) (out []string, rest string, err error) {
	buf := []byte(in)
	for len(buf) > 0 {
		cmd, n, _, err := p.Next(buf)
		if err != nil {
			return out, string(buf), err
		}
		if n == 0 {
			break
		}
		out = append(out, show(cmd))
		buf = buf[n:]
	}
	return out, string(buf), nil
}

// parseSplit parses the same bytes as they would come in the given pieces.
func parseSplit(p *Parser, pieces []string) (out []string, rest string, err error) {
	var buf []byte
	for _, piece := range pieces {
		buf = append(buf, piece...)
		for len(buf) > 0 {
			cmd, n, need, err := p.Next(buf)
			if err != nil {
				return out, string(buf), err
			}
			if n == 0 {
				if need != 0 && need <= len(buf) {
					return out, string(buf), fmt.Errorf("needs %d of %d bytes", need, len(buf))
				}
				break
			}
			out = append(out, show(cmd))
			buf = buf[n:]
		}
	}
	return out, string(buf), nil
}

// Go: TestParsePing server/parser_test.go:35
// Go: TestParsePong server/parser_test.go:83
// Go: TestParseOK server/parser_test.go:952
// Go: TestParseSub server/parser_test.go:165
// Go: TestParsePub server/parser_test.go:184
// Go: TestParseHeaderPub server/parser_test.go:332
func TestVerbsInEveryForm(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"PING\r\n", `PING ""`},
		{"PING\n", `PING ""`},
		{"ping \r\n", `PING ""`},
		{"PINGxyz\n", `PING "xyz"`},
		{"PING  \t \r\n", `PING ""`},
		{"PONG\r\n", `PONG ""`},
		{"pOnG\n", `PONG ""`},
		{"+OK\r\n", `+OK ""`},
		{"+ok whatever\n", `+OK "whatever"`},
		{"-ERR 'x y'\r\n", `-ERR "'x y'"`},
		{"INFO {}\r\n", `INFO "{}"`},
		{"CONNECT {}\r\n", `CONNECT "{}"`},
		{"CONNECT{}\r\n", `CONNECT "{}"`},
		{"connect\t{\"a\":1}  \r\n", `CONNECT "{\"a\":1}"`},
		{"SUB foo 1\r\n", `SUB subject="foo" queue="" sid="1"`},
		{"SUB foo q 1\r\n", `SUB subject="foo" queue="q" sid="1"`},
		{"sub\tfoo \t q\t\t1 \n", `SUB subject="foo" queue="q" sid="1"`},
		{"UNSUB 1\r\n", `UNSUB sid="1" max=0`},
		{"UNSUB 1 5\r\n", `UNSUB sid="1" max=5`},
		{"UNSUB 1 -5\r\n", `UNSUB sid="1" max=0`},
		{"UNSUB 1 1234567890\r\n", `UNSUB sid="1" max=0`},
		{"PUB foo 5\r\nhello\r\n", `PUB subject="foo" reply="" header="" payload="hello"`},
		{"PUB foo.bar INBOX.22 11\r\nhello world\r\n", `PUB subject="foo.bar" reply="INBOX.22" header="" payload="hello world"`},
		{"pub foo 0\n\r\n", `PUB subject="foo" reply="" header="" payload=""`},
		{"PUB  foo\t5 \r\nhello\r\n", `PUB subject="foo" reply="" header="" payload="hello"`},
		{"PUB foo 005\r\nhello\r\n", `PUB subject="foo" reply="" header="" payload="hello"`},
		{"PUB 5 5\r\nhello\r\n", `PUB subject="5" reply="" header="" payload="hello"`},
		{"PUB 5 5 5\r\nhello\r\n", `PUB subject="5" reply="5" header="" payload="hello"`},
		{"HPUB foo 12 17\r\nname:derek\r\nHELLO\r\n", `HPUB subject="foo" reply="" header="name:derek\r\n" payload="HELLO"`},
		{"HPUB foo INBOX.22 12 17\r\nname:derek\r\nHELLO\r\n", `HPUB subject="foo" reply="INBOX.22" header="name:derek\r\n" payload="HELLO"`},
		{"HPUB foo 0 5\r\nHELLO\r\n", `HPUB subject="foo" reply="" header="" payload="HELLO"`},
	} {
		got, rest, err := parseAll(newParser(), tc.in)
		if err != nil || rest != "" || len(got) != 1 || got[0] != tc.want {
			t.Errorf("%q: got %v, rest %q, error %v; want %s", tc.in, got, rest, err, tc.want)
		}
	}
}

// Go: TestParsePubArg server/parser_test.go:244
// Go: TestParseHeaderPubArg server/parser_test.go:403
func TestArgumentsWithAnyBlanks(t *testing.T) {
	blanks := []string{" ", "\t", "  ", " \t ", "\t\t"}
	for _, a := range blanks {
		for _, b := range blanks {
			for _, end := range []string{"\r\n", "\n", " \r\n", "\t\n"} {
				in := "PUB" + a + "foo" + b + "bar" + a + "2" + end + "ok\r\n" +
					"HPUB" + a + "foo" + b + "bar" + a + "1" + b + "2" + end + "ok\r\n" +
					"SUB" + a + "foo" + b + "7" + end
				want := []string{
					`PUB subject="foo" reply="bar" header="" payload="ok"`,
					`HPUB subject="foo" reply="bar" header="o" payload="k"`,
					`SUB subject="foo" queue="" sid="7"`,
				}
				got, rest, err := parseAll(newParser(), in)
				if diff := cmp.Diff(want, got); diff != "" || err != nil || rest != "" {
					t.Fatalf("%q: %v, rest %q\n%s", in, err, rest, diff)
				}
			}
		}
	}
}

// Go: TestShouldFail server/parser_test.go:845
// Go: TestProtoErr test/proto_test.go:61
// Go: TestParseMsgSpace server/parser_test.go:686
func TestUnknownOperationsFailAtTheFirstBadByte(t *testing.T) {
	for _, in := range []string{
		"Z", "xxx", "\r", "\n", " ", "PX", "PIX", "PINX", "POX", "PONX", "PUX", "PUBX", "PUB\r", "PUB\n",
		"HX", "HPX", "HPUX", "HPUBX", "SX", "SUX", "SUBX", "SUB\n", "UX", "UNX", "UNSX", "UNSUX", "UNSUBX", "UNSUB\r",
		"+X", "+OX", "-X", "-EX", "-ERX", "-ERRX", "-ERR\r\n", "CX", "COX", "CONX", "CONNX", "CONNEX", "CONNECX", "CONNECTX",
		"IX", "INX", "INFX", "INFOX", "MSG foo 1 2\r\n", "RS+", "LS+", "A+", "RMSG", "LMSG", "HMSG",
		"GET / HTTP/1.1\r\n",
	} {
		_, _, _, err := newParser().Next([]byte(in))
		var unknown *OperationError
		if !errors.As(err, &unknown) {
			t.Errorf("%q: got %v, want an unknown operation", in, err)
			continue
		}
	}
	for _, verb := range verbs {
		for i := range verb {
			if _, n, _, err := newParser().Next([]byte(verb[:i])); n != 0 || err != nil {
				t.Errorf("%q: got n=%d, %v; want to wait for more", verb[:i], n, err)
			}
		}
	}
}

func TestLongErrorsQuoteLittle(t *testing.T) {
	_, _, _, err := newParser().Next([]byte(strings.Repeat("Z", 100)))
	var unknown *OperationError
	if !errors.As(err, &unknown) || len(unknown.Near) != 32 {
		t.Fatalf("got %v", err)
	}
}

// Go: TestParsePubBadSize server/parser_test.go:307
// Go: TestParsePubSizeOverflow server/parser_test.go:235
func TestBadArguments(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"PUB foo\r\n", `processPub Parse Error: "foo"`},
		{"PUB  \r\n", `processPub Parse Error: ""`},
		{"PUB a b c 1\r\n", `processPub Parse Error: "a b c 1"`},
		{"PUB foo x\r\n", `processPub Bad or Missing Size: "foo x"`},
		{"PUB foo -1\r\n", `processPub Bad or Missing Size: "foo -1"`},
		{"PUB foo 1234567890\r\n", `processPub Bad or Missing Size: "foo 1234567890"`},
		{"PUB foo 3333333333333333333333333333\r\n", `processPub Bad or Missing Size: "foo 3333333333333333333333333333"`},
		{"HPUB foo 5\r\n", `processHeaderPub Parse Error: "foo 5"`},
		{"HPUB a b c 1 2\r\n", `processHeaderPub Parse Error: "a b c 1 2"`},
		{"HPUB foo x 5\r\n", `processHeaderPub Bad or Missing Header Size: "foo x 5"`},
		{"HPUB foo 5 x\r\n", `processHeaderPub Bad or Missing Total Size: "foo 5 x"`},
		{"HPUB foo 6 5\r\n", `processHeaderPub Header Size larger then TotalSize: "foo 6 5"`},
		{"SUB foo\r\n", `processSub Parse Error: "foo"`},
		{"SUB a b c d\r\n", `processSub Parse Error: "a b c d"`},
		{"UNSUB  \r\n", `processUnsub Parse Error: ""`},
		{"UNSUB a b c\r\n", `processUnsub Parse Error: "a b c"`},
	} {
		_, _, err := parseAll(newParser(), tc.in)
		var argument *ArgumentError
		if !errors.As(err, &argument) || err.Error() != tc.want {
			t.Errorf("%q: got %v, want %s", tc.in, err, tc.want)
		}
	}
	p := newParser()
	p.Headers = false
	if _, _, err := parseAll(p, "HPUB foo 1 2\r\n"); err == nil || err.Error() != "message headers not supported" {
		t.Errorf("headers switched off: got %v", err)
	}
}

// Go: TestMaxControlLine server/parser_test.go:980
func TestControlLineLimit(t *testing.T) {
	fits := strings.Repeat("a", 4094)
	for _, verb := range []string{"SUB ", "SUB    ", "sub\t"} {
		for _, end := range []string{"\r\n", "\n"} {
			if got, _, err := parseAll(newParser(), verb+fits+" 1"+end); err != nil || len(got) != 1 {
				t.Errorf("4096 bytes of arguments: %d commands, %v", len(got), err)
			}
			if _, _, err := parseAll(newParser(), verb+fits+"a 1"+end); !errors.Is(err, ErrControlLine) {
				t.Errorf("4097 bytes of arguments: %v", err)
			}
		}
	}
	p := newParser()
	p.Limits.ControlLine = 256
	for _, unfinished := range []string{"CONNECT {", "PUB foo", "HPUB foo", "SUB foo", "UNSUB 1", "-ERR x", "INFO {", "PUB ", "PING"} {
		in := unfinished + strings.Repeat("x", 300)
		if _, _, err := parseAll(p, in); !errors.Is(err, ErrControlLine) {
			t.Errorf("endless %q: %v", unfinished, err)
		}
	}
	if _, _, err := parseAll(p, "PUB "+strings.Repeat(" ", 5000)); !errors.Is(err, ErrControlLine) {
		t.Errorf("endless blanks: %v", err)
	}
	// A canonical line above the limit is refused as well.
	if _, _, err := parseAll(p, "PUB "+strings.Repeat("x", 300)+" 2\r\nok\r\n"); !errors.Is(err, ErrControlLine) {
		t.Errorf("long PUB: %v", err)
	}
}

func TestPayloadLimitIsKnownFromTheLine(t *testing.T) {
	p := newParser()
	p.Limits.Payload = 10
	for _, in := range []string{"PUB foo 11\r\n", "PUB foo 11 \r\n", "HPUB foo 1 11\r\n", "PUB foo 999999999\r\n"} {
		_, _, _, err := p.Next([]byte(in))
		var payload *PayloadError
		if !errors.As(err, &payload) || payload.Max != 10 {
			t.Errorf("%q: got %v", in, err)
		}
	}
	if got, _, err := parseAll(p, "PUB foo 10\r\n0123456789\r\n"); err != nil || len(got) != 1 {
		t.Errorf("exactly the limit: %v", err)
	}
	p.Limits.Payload = -1
	if _, n, need, err := p.Next([]byte("PUB foo 999999999\r\n")); n != 0 || need != len("PUB foo 999999999\r\n")+999999999+2 || err != nil {
		t.Errorf("no limit: n=%d need=%d %v", n, need, err)
	}
}

// Go: TestIncompletePubArg test/proto_test.go:248
func TestPayloadMustEndInCRLF(t *testing.T) {
	for _, in := range []string{
		"PUB foo 2\r\nokX", "PUB foo 2\r\nok\rX", "PUB foo 2\r\nok\n\r", "PUB foo 5\r\nok\r\nPUB bar 2\r\n",
		"HPUB foo 1 2\r\nokX", "PUB foo 2 \r\nokX",
	} {
		_, _, err := parseAll(newParser(), in)
		var unknown *OperationError
		if !errors.As(err, &unknown) {
			t.Errorf("%q: got %v", in, err)
		}
	}
}

// session is a conversation that uses every verb and form.
const session = "CONNECT {\"verbose\":false}\r\nPING\r\nSUB foo.* 1\r\nsub foo.bar q 22\n" +
	"PUB foo.bar 5\r\nhello\r\nPUB foo.bar reply 5\r\nhello\r\npub\tfoo 0\r\n\r\nPUB 1 2 3\r\nabc\r\n" +
	"HPUB foo 12 17\r\nname:derek\r\nHELLO\r\nHPUB foo r 12 12\r\nname:derek\r\n\r\nUNSUB 1 10\r\nUNSUB 22\n" +
	"+OK\r\n-ERR 'x'\r\nINFO {}\r\nPONG\r\nPUB foo.bar 14\r\nPING\r\nPONG\r\n!!\r\n"

// Go: TestSplitBufferSubOp server/split_test.go:22
// Go: TestSplitBufferUnsubOp server/split_test.go:66
// Go: TestSplitBufferPubOp server/split_test.go:101
// Go: TestSplitBufferPubOp2 server/split_test.go:167
// Go: TestSplitBufferPubOp3 server/split_test.go:187
// Go: TestSplitBufferPubOp4 server/split_test.go:213
// Go: TestSplitBufferPubOp5 server/split_test.go:239
// Go: TestSplitConnectArg server/split_test.go:258
// Go: TestSplitDanglingArgBuf server/split_test.go:306
// Go: TestPubToArgState test/proto_test.go:169
// Go: TestSubToArgState test/proto_test.go:182
func TestEverySplitParsesTheSame(t *testing.T) {
	want, rest, err := parseAll(newParser(), session)
	if err != nil || rest != "" || len(want) != 17 {
		t.Fatalf("whole: %d commands, rest %q, %v", len(want), rest, err)
	}
	check := func(pieces ...string) {
		t.Helper()
		got, rest, err := parseSplit(newParser(), pieces)
		if diff := cmp.Diff(want, got); diff != "" || err != nil || rest != "" {
			t.Fatalf("%q: %v, rest %q\n%s", pieces, err, rest, diff)
		}
	}
	for i := range session {
		check(session[:i], session[i:])
		for j := i; j < len(session); j += 7 {
			check(session[:i], session[i:j], session[j:])
		}
	}
	check(strings.Split(session, "")...)
}

// TestLastSubjectChangesNothing: the guess about the next subject is a matter
// of speed only.
func TestLastSubjectChangesNothing(t *testing.T) {
	want, _, _ := parseAll(newParser(), session)
	for _, last := range []string{"foo", "foo.bar", "f", "1", "reply", "foo.bar.baz"} {
		p := newParser()
		p.Last = last
		if got, _, err := parseAll(p, session); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("last %q: %v\n%s", last, err, cmp.Diff(want, got))
		}
	}
	p := newParser()
	p.Last = "foo.bar"
	cmd, _, _, _ := p.Next([]byte("PUB foo.bar 2\r\nok\r\n"))
	if !cmd.SameSubject {
		t.Error("the same subject was not noticed")
	}
	if cmd, _, _, _ = p.Next([]byte("PUB foo.baz 2\r\nok\r\n")); cmd.SameSubject {
		t.Error("another subject was taken for the same")
	}
	p.Last = ""
	if cmd, _, _, _ = p.Next([]byte("PUB foo.baz 2\r\nok\r\n")); cmd.SameSubject {
		t.Error("no subject was taken for the same")
	}
}

// TestTailIsWhatADeliveryNeeds: behind "MSG subject sid " comes the tail.
func TestTailIsWhatADeliveryNeeds(t *testing.T) {
	for in, want := range map[string]string{
		"PUB foo 2\r\nok\r\n":        "2\r\nok\r\n",
		"PUB foo bar 2\r\nok\r\n":    "bar 2\r\nok\r\n",
		"HPUB foo 1 2\r\nok\r\n":     "1 2\r\nok\r\n",
		"HPUB foo bar 1 2\r\nok\r\n": "bar 1 2\r\nok\r\n",
		"PUB foo 02\r\nok\r\n":       "",
		"PUB foo  2\r\nok\r\n":       "",
		"PUB foo 2\nok\r\n":          "",
		"HPUB foo  1 2\r\nok\r\n":    "",
		"HPUB foo 1 2 \r\nok\r\n":    "",
		"HPUB foo 1 2\nok\r\n":       "",
		"HPUB foo 0 2\r\nok\r\n":     "",
	} {
		cmd, _, _, err := newParser().Next([]byte(in))
		if err != nil || string(cmd.Tail) != want {
			t.Errorf("%q: tail %q, %v; want %q", in, cmd.Tail, err, want)
		}
		if string(cmd.Payload) != "ok\r\n" {
			t.Errorf("%q: payload %q", in, cmd.Payload)
		}
	}
}

// Go: TestParseSize server/util_test.go:27
func TestParseSize(t *testing.T) {
	for in, want := range map[string]int{
		"": -1, "0": 0, "12345678": 12345678, "999999999": 999999999, "1234567890": -1,
		"-1": -1, "1x": -1, "x": -1, " 1": -1, "00012": 12,
	} {
		if got := ParseSize([]byte(in)); got != want {
			t.Errorf("%q: got %d, want %d", in, got, want)
		}
	}
}

// Go: TestProtoCrash test/proto_test.go:196
func TestRandomSplitsOfRandomSessions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SampledFrom([]string{
			"PING\r\n", "PUB a 1\r\nx\r\n", "PUB a b 3\r\n\r\n\r\r\n", "SUB a 1\r\n", "UNSUB 1\n", "HPUB a 1 1\r\nx\r\n",
			"Z", "PUB a x\r\n", "PUB a 1\r\nxy", "\r\n", "CONNECT {}\r\n",
		})
		in := strings.Join(rapid.SliceOfN(line, 1, 8).Draw(t, "lines"), "")
		want, _, wantErr := parseAll(newParser(), in)
		var pieces []string
		for left := in; left != ""; {
			n := rapid.IntRange(1, len(left)).Draw(t, "piece")
			pieces = append(pieces, left[:n])
			left = left[n:]
		}
		got, _, err := parseSplit(newParser(), pieces)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, want %v\n%s", pieces, err, wantErr, diff)
		}
	})
}

// Go: FuzzParser server/parser_fuzz_test.go:57
func FuzzParser(f *testing.F) {
	f.Add([]byte(session), uint8(3))
	f.Add([]byte("PUB a b c d 12\r\n"), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		p := newParser()
		p.Limits = Limits{ControlLine: 128, Payload: 1024}
		whole, _, wholeErr := parseAll(p, string(in))
		var pieces []string
		size := int(step)%17 + 1
		for at := 0; at < len(in); at += size {
			pieces = append(pieces, string(in[at:min(at+size, len(in))]))
		}
		split, _, splitErr := parseSplit(p, pieces)
		if !slices.Equal(whole, split) || (wholeErr == nil) != (splitErr == nil) {
			t.Fatalf("whole %v, split %v\n%s", wholeErr, splitErr, cmp.Diff(whole, split))
		}
	})
}

func BenchmarkPub(b *testing.B) {
	in := []byte(strings.Repeat("PUB foo.bar.baz 16\r\n0123456789abcdef\r\n", 1000))
	for _, last := range []string{"", "foo.bar.baz"} {
		b.Run("last="+last, func(b *testing.B) {
			p := newParser()
			p.Last = last
			b.ReportAllocs()
			for b.Loop() {
				for buf := in; len(buf) > 0; {
					_, n, _, _ := p.Next(buf)
					buf = buf[n:]
				}
			}
		})
	}
}
