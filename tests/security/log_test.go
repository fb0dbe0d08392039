package security_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// forgery is what an attacker would like to see as a line of its own.
const forgery = "[INF] forged by a stranger"

// evil are texts that would forge a line, or disturb who reads it.
var evil = []string{
	"a\n" + forgery, "a\r\n" + forgery, "a\r" + forgery, "a\x1b[2J\x1b[1A" + forgery, "a\x00" + forgery,
	"a\u2028" + forgery, "a\u202e" + forgery, "a\u0085" + forgery, "a\x9b2J" + forgery, "a\b\b\b" + forgery, "%s%n%!d(x)" + forgery,
}

var logLine = regexp.MustCompile(`^\[\d+\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} \[(DBG|TRC|INF|WRN|ERR)\] `)

// checkLog looks at each line of a log: it is one that the server has begun, and has
// nothing but printable text.
func checkLog(t *testing.T, text string) {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if !utf8.ValidString(line) || !logLine.MatchString(line) || strings.Contains(line, "] "+forgery) {
			t.Errorf("line %q", line)
		}
		for _, r := range line {
			if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
				t.Errorf("character %U in line %q", r, line)
				break
			}
		}
	}
	if !strings.Contains(text, "forged by a stranger") {
		t.Error("the attacks left no trace: the test tests nothing")
	}
}

// Whatever strangers send, in whatever place, a statement of the log stays one line.
func TestLogLinesCannotBeForged(t *testing.T) {
	t.Parallel()
	s, text := logged(t, "http: '127.0.0.1:-1'\nproxy_protocol: true\nwebsocket { listen: '127.0.0.1:-1', no_tls: true, user_cookie: j, same_origin: true }\n"+
		`authorization { users [ { user: u, password: pw, permissions { publish: "ok.>", subscribe: "ok.>" } } ] }`)
	send := func(lines string) {
		t.Helper()
		c := kit.Must[net.Conn](t)(net.Dial("tcp", s.Addr().String()))
		t.Cleanup(func() { c.Close() })
		kit.Must[int](t)(io.WriteString(c, lines))
		kit.OK(t, c.(*net.TCPConn).CloseWrite())
		io.Copy(io.Discard, c) // it may be reset
	}
	for _, e := range evil {
		object := func(field string) string {
			return "CONNECT " + string(kit.Must[[]byte](t)(json.Marshal(map[string]any{"user": "u", "pass": "pw", field: e, "headers": true}))) + "\r\n"
		}
		for _, field := range []string{"name", "lang", "version", "user", "pass", "auth_token", "nkey", "jwt", "sig", "account", "proxy_sig", "other"} {
			send(object(field) + "PING\r\nFOO\r\n")
		}
		login := "CONNECT {\"user\":\"u\",\"pass\":\"pw\",\"headers\":true}\r\n"
		word := strings.NewReplacer(" ", "_", "\n", "", "\r", "").Replace(e)
		for _, op := range []string{
			"SUB " + word + " 1", "SUB x " + word + " 1", "SUB ok.x 1 " + word, "PUB " + word + " 0\r\n", "PUB ok.x _R_." + word + " 0\r\n",
			"PUB ok.x " + word, "UNSUB " + word + " 1 1 1", "-ERR '" + e + "'", "INFO {" + e, word, "HPUB ok.x 5 1" + word, "CONNECT {\"user\":" + e,
			fmt.Sprintf("PUB ok.x %d\r\n%s", len(e), e),
			fmt.Sprintf("HPUB ok.x %d %d\r\nNATS/1.0\r\nNats-Trace-Dest: %s\r\n\r\n", 30+len(word), 30+len(word), word),
		} {
			send(login + op + "\r\nPING\r\n")
		}
		send("PROXY TCP4 " + e + " 1 2 3\r\n")
		send("PROXY " + e + "\r\n")
		for _, more := range []string{"Origin: " + word, "Cookie: j=" + word, "X-Forwarded-For: " + word, word + ": x", "Host: " + word} {
			c := dialWeb(t, s)
			kit.Must[int](t)(io.WriteString(c, upgradeRequest("/"+word, more+"\r\n")))
			kit.OK(t, c.(*net.TCPConn).CloseWrite())
			io.Copy(io.Discard, c)
		}
		c := kit.Must[net.Conn](t)(net.Dial("tcp", s.MonitorAddr().String()))
		kit.Must[int](t)(io.WriteString(c, "GET /connz?sort="+word+" HTTP/1.0\r\nHost: "+word+"\r\n\r\n"))
		io.Copy(io.Discard, c)
		c.Close()
	}
	kit.Eventually(t, "all connections are gone", func() bool { return s.NumClients() == 0 })
	s.Shutdown()
	checkLog(t, text())
}

// The same for what signed claims say of themselves.
func TestClaimsForgeNoLogLines(t *testing.T) {
	t.Parallel()
	d := newDomain(t)
	accounts := make(map[string]kit.Signer)
	for _, e := range evil {
		accounts[e] = kit.NewSigner(t, nkeys.PrefixByteAccount)
		d.account(accounts[e], func(c *jwt.AccountClaims) { c.Name, c.Tags = e, jwt.TagList{e} })
	}
	o := kit.Must[*godwit.Options](t)(godwit.ProcessConfigString("listen: '127.0.0.1:-1'\n" + d.config(t.TempDir())))
	s, text := startLogged(t, o)
	admin := kit.Connect(t, s, "", d.user(d.system, nil))
	for e, a := range accounts {
		nc := kit.Connect(t, s, "", d.user(a, func(c *jwt.UserClaims) { c.Name, c.Tags = e, jwt.TagList{e} }), nats.Name(e))
		kit.Flush(t, nc)
		for _, subject := range []string{"$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.CLAIMS.DELETE", "$SYS.REQ.ACCOUNT." + strings.NewReplacer(" ", "_", "\n", "", "\r", "").Replace(e) + ".CLAIMS.UPDATE"} {
			kit.Must[*nats.Msg](t)(admin.Request(subject, []byte(e), kit.Patience))
		}
		if nc, err := nats.Connect(s.ClientURL(), d.user(a, func(c *jwt.UserClaims) { c.Name = e; c.Src.Add(e) })); err == nil {
			nc.Close()
		}
	}
	s.Shutdown()
	checkLog(t, text())
}

// secret is in each of the secrets of these tests.
const secret = "s3cr3t"

func noSecrets(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range []string{secret, "czNjcjN0", "MzY3IzdA"} { // plain, and in base 64
		if at := strings.Index(text, form); at >= 0 {
			t.Errorf("%s tells %q", where, text[max(0, at-80):min(len(text), at+40)])
		}
	}
}

var pages = []string{
	"/", "/varz", "/varz?config=1", "/connz?auth=1&subs=detail", "/connz?auth=1&state=all&subs=1", "/connz?auth=1&state=closed", "/subsz?subs=1",
	"/accountz", "/accountz?acc=A", "/accountz?acc=$G", "/accstatz?unused=1", "/routez", "/gatewayz", "/leafz", "/jsz", "/healthz", "/debug/vars", "/metrics", "/stacksz", "/expvarz",
}

// No password, token or signature is told by log or monitoring, neither of those who
// came in nor of those who did not.
func TestSecretsAreKept(t *testing.T) {
	t.Parallel()
	seed := kit.NewSigner(t, nkeys.PrefixByteUser)
	for name, config := range map[string]string{
		"users": `accounts { A { users [ { user: u, password: "` + secret + `1" }, { nkey: ` + seed.Public + ` } ] }, SYS { users [ { user: sys, password: "` + secret + `2" } ] } }
			system_account: SYS`,
		"token": `authorization { token: "` + secret + `3" }`,
		"user":  `authorization { user: u, password: "` + secret + `1" }`,
	} {
		t.Run(name, func(t *testing.T) {
			s, text := logged(t, "http: '127.0.0.1:-1'\nwebsocket { listen: '127.0.0.1:-1', no_tls: true, user_cookie: wu, pass_cookie: wp, token_cookie: wt }\n"+config)
			var events *kit.Inbox
			if name == "users" {
				sys := kit.Must[*nats.Conn](t)(nats.Connect(s.ClientURL(), nats.UserInfo("sys", secret+"2")))
				t.Cleanup(sys.Close)
				events = kit.Subscribe(t, sys, "$SYS.>")
			}
			var open []*kit.Wire
			for _, c := range []string{
				`{"user":"u","pass":"` + secret + `1"}`, `{"auth_token":"` + secret + `3"}`,
				`{"user":"u","pass":"` + secret + `9"}`, `{"auth_token":"` + secret + `8"}`, `{"user":"nobody","pass":"` + secret + `7","auth_token":"` + secret + `6"}`,
				`{"USER":"u","PASS":"` + secret + `1","Auth_Token":"` + secret + `3"}`, `{"pass" : "` + secret + `","user":1}`, `{"pass":"` + secret,
				`{"pass":{"x":"` + secret + `"}}`, `{"pass":["` + secret + `"]}`, `{"user":"u","pass":"\u0073` + secret + `\"` + secret + `"}`, `{"password":"` + secret + `"}`,
				`{"jwt":"` + secret + `","sig":"` + secret + `","nkey":"` + seed.Public + `","proxy_sig":"` + secret + `"}`,
				`{"auth_token":"x","pass":'` + secret + `'}`, `{pass:` + secret + `}`,
			} {
				for _, verb := range []string{"CONNECT ", "connect ", "CONNECT\t", "CONNECT"} {
					w := kit.Dial(t, s.Addr())
					w.Send(verb+c, "PING")
					open = append(open, w)
				}
			}
			for _, w := range open {
				w.ReadString('\n') // +OK, an error or the end: it was dealt with
			}
			for _, verb := range []string{"CONNECTX ", "CONNECT: ", "CONNEC ", "C ", "AUTH "} {
				w := kit.Dial(t, s.Addr())
				w.Send(verb + `{"pass":"` + secret + `"}`)
				w.Ended()
			}
			c := dialWeb(t, s)
			kit.Must[int](t)(io.WriteString(c, upgradeRequest("/", "Cookie: wu=u; wp="+secret+"1; wt="+secret+"3\r\n")))
			kit.Must[int](t)(c.Write(frame(0x81, 16, []byte("CONNECT {}\r\nPING"))))
			kit.Must[int](t)(c.Write(frame(0x81, 2, []byte("\r\n"))))
			io.ReadFull(c, make([]byte, 200)) // or less, if it is refused
			for _, page := range pages {
				if status, body := get(t, s, page); status == http.StatusOK {
					noSecrets(t, page, body)
				}
			}
			for _, w := range open {
				w.Close()
			}
			c.Close()
			kit.Eventually(t, "they are closed", func() bool { return s.NumClients() <= 1 })
			for _, page := range pages {
				if status, body := get(t, s, page); status == http.StatusOK {
					noSecrets(t, page, body)
				}
			}
			if events != nil {
				n, _, err := events.Pending()
				if err != nil || n == 0 {
					t.Fatalf("%d events, %v", n, err)
				}
				for _, got := range received(t, events) {
					noSecrets(t, "an event", got)
				}
			}
			s.Shutdown()
			noSecrets(t, "the log", text())
		})
	}
}

// A bearer token lets in whoever has it. So it is told to nobody: neither to
// monitoring, nor to the system account, nor to services that learn who asks.
func TestBearerTokensAreKept(t *testing.T) {
	d := newDomain(t)
	service, client := kit.NewSigner(t, nkeys.PrefixByteAccount), kit.NewSigner(t, nkeys.PrefixByteAccount)
	d.account(service, func(c *jwt.AccountClaims) { c.Exports.Add(&jwt.Export{Name: "who", Subject: "who", Type: jwt.Service}) })
	d.account(client, func(c *jwt.AccountClaims) {
		c.Imports.Add(&jwt.Import{Name: "who", Account: service.Public, Subject: "who", Type: jwt.Service, Share: true})
	})
	o := kit.Must[*godwit.Options](t)(godwit.ProcessConfigString("listen: '127.0.0.1:-1'\nhttp: '127.0.0.1:-1'\n" + d.config("")))
	s, text := startLogged(t, o)
	events := kit.Subscribe(t, kit.Connect(t, s, "", d.user(d.system, nil)), "$SYS.>")
	asked := kit.Subscribe(t, kit.Connect(t, s, "", d.user(service, nil)), "who")
	key := kit.NewSigner(t, nkeys.PrefixByteUser)
	bearer := d.claims(key, client, func(c *jwt.UserClaims) { c.BearerToken = true })
	stranger := d.claims(key, kit.NewSigner(t, nkeys.PrefixByteAccount), func(c *jwt.UserClaims) { c.BearerToken = true })
	nc := kit.Connect(t, s, "", credentials(key, bearer))
	if refused, err := nats.Connect(s.ClientURL(), credentials(key, stranger)); err == nil {
		refused.Close()
		t.Error("a stranger is let in")
	}
	kit.OK(t, nc.PublishRequest("who", "inbox", nil))
	kit.Flush(t, nc)
	told := map[string]string{}
	request := kit.Must[*nats.Msg](t)(asked.NextMsg(kit.Patience))
	told["the service"] = fmt.Sprint(request.Header)
	if !strings.Contains(told["the service"], key.Public) {
		t.Errorf("the service is not told who asks: %s", told["the service"])
	}
	for _, page := range pages {
		_, told[page] = get(t, s, page)
	}
	nc.Close()
	kit.Eventually(t, "the connection is gone", func() bool { return s.NumClients() == 2 })
	_, told["closed"] = get(t, s, "/connz?state=closed&auth=1")
	got := 0
	for got < 4 { // two connections came after, one was refused, one has gone
		m := kit.Must[*nats.Msg](t)(events.NextMsg(kit.Patience))
		if strings.HasSuffix(m.Subject, "CONNECT") || strings.HasSuffix(m.Subject, "AUTH.ERR") {
			got++
		}
		told[fmt.Sprintf("event %s (%d)", m.Subject, len(told))] = string(m.Data)
	}
	s.Shutdown()
	told["the log"] = text()
	for where, text := range told {
		for _, token := range []string{bearer, stranger} {
			if strings.Contains(text, token) || strings.Contains(text, token[strings.LastIndexByte(token, '.')+1:]) {
				t.Errorf("%s has a bearer token", where)
			}
		}
	}
}

// Checking a configuration tells what is wrong with it, but no secrets.
func TestCheckedConfigurationsKeepSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "godwit")
	build := exec.Command("go", "build", "-o", program, "github.com/godwit-mq/godwit/cmd/godwit")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for text, want := range map[string]string{
		`authorization { user: u, password: "s3cr3t1" }`:                                                 "is valid",
		`authorization { user: u, password: "s3cr3t1", unknown: 1 }`:                                     "unknown",
		`authorization { user: u, password: "s3cr3t1", token: "s3cr3t2" }`:                               "token",
		`authorization { users [ { user: u, password: "s3cr3t1" }, { user: u, password: "s3cr3t1" } ] }`: "u",
		`authorization { users [ { password: "s3cr3t1" } ] }`:                                            "user",
		`authorization { users [ { user: u, password: [ "s3cr3t1" ] } ] }`:                               "interface conversion",
		`authorization { users [ { user: u, password: { a: "s3cr3t1" } } ] }`:                            "interface conversion",
		`authorization { user: u, password: "s3cr3t1`:                                                    "",
		`authorization { users [ { nkey: u, password: "s3cr3t1" } ] }`:                                   "key",
		`PASS = "s3cr3t1"` + "\n" + `authorization { user: u, password: $PASS, timeout: x }`:             "timeout",
	} {
		file := filepath.Join(dir, "checked.conf")
		kit.OK(t, os.WriteFile(file, []byte(text), 0o600))
		out, err := exec.Command(program, "-t", "-c", file).CombinedOutput()
		if (err == nil) != (want == "is valid") || !strings.Contains(string(out), want) {
			t.Errorf("%s\n%v %s", text, err, out)
		}
		noSecrets(t, "the check of "+strings.ReplaceAll(text, secret, "***"), string(out))
	}
	out, err := exec.Command(program, "-t", "--user", "u", "--pass", "s3cr3t1", "--auth", "s3cr3t2", "--nonsense").CombinedOutput()
	if err == nil {
		t.Errorf("nonsense is accepted: %s", out)
	}
	noSecrets(t, "usage", string(out))
}
