package websocket_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/internal/websocket"
	"github.com/godwit-mq/godwit/tests/kit"
)

// Each end tells its reason: an error line where the protocol has one, and a close
// frame.
//
// Go: TestWSCloseMsgSendOnConnectionClose server/websocket_test.go:2867
func TestEveryEndHasItsCloseFrame(t *testing.T) {
	for _, tc := range []struct {
		name, config, send string
		code               int
		reason             string
		lines              []string
	}{
		{"unknown verb", "", "WHAT\r\n", 1002, "Protocol Violation", []string{"-ERR 'Unknown Protocol Operation'"}},
		{"bad arguments", "", "SUB foo\r\n", 1002, "Protocol Violation", nil},
		{"payload", "max_payload: 10\n", "PUB foo 11\r\n", 1009, "Maximum Message Payload Exceeded",
			[]string{"-ERR 'Maximum Payload Violation'"}},
		{"control line", "max_control_line: 64\n", "SUB " + strings.Repeat("x", 100) + " 1\r\n", 1008, "Maximum Control Line Exceeded",
			[]string{"-ERR 'maximum control line exceeded'"}},
		{"protocol version", "", "CONNECT {\"protocol\":7}\r\n", 1002, "Bad Client Protocol Version", []string{"-ERR 'invalid client protocol'"}},
		{"no responders", "", "CONNECT {\"no_responders\":true}\r\n", 1011, "No Responders Requires Headers",
			[]string{"-ERR 'no responders requires headers support'"}},
		{"wrong password", "authorization { user: u, password: p }\n", "CONNECT {\"user\":\"u\"}\r\n", 1008, "Authentication Failure",
			[]string{"-ERR 'Authorization Violation'"}},
		{"no CONNECT", "authorization { user: u, password: p }\n", "PING\r\n", 1008, "Authentication Failure",
			[]string{"-ERR 'Authorization Violation'"}},
		{"too many connections of the account", "accounts { A { users [{user: u, password: p}], limits { max_conn: 0 } } }\n",
			"CONNECT {\"user\":\"u\",\"pass\":\"p\"}\r\n", 1008, "Maximum Account Connections Exceeded",
			[]string{"-ERR 'maximum account active connections exceeded'"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := run(t, plain+tc.config)
			p := s.dial(asks{})
			p.send(tc.send)
			p.closed(tc.code, tc.reason, tc.lines...)
			s.logged("DBG", "wid:", "Client connection closed: "+tc.reason)
		})
	}
}

func TestOneConnectionTooMany(t *testing.T) {
	s := run(t, plain+"max_connections: 1\n")
	s.peer(asks{})
	s.dial(asks{}).closed(1008, "Maximum Connections Exceeded", "-ERR 'maximum connections exceeded'")
}

func TestShutdownAndLameDuckTellClients(t *testing.T) {
	t.Run("shutdown", func(t *testing.T) {
		s := run(t, plain)
		p := s.peer(asks{})
		s.Shutdown()
		p.closed(1001, "Server Shutdown")
	})
	t.Run("lame duck", func(t *testing.T) {
		s := run(t, plain+"lame_duck_duration: 30s, lame_duck_grace_period: 100ms\n")
		p := s.dial(asks{})
		p.connect(`"protocol":1`)
		p.sync()
		p.readInfo()
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.LameDuckShutdown()
		}()
		if p.readInfo(); !p.info.LameDuck || len(p.info.ConnectURLs) != 0 {
			t.Errorf("told %+v", p.info)
		}
		p.closed(1001, "Server Shutdown")
		<-done
	})
}

func TestAKickedConnection(t *testing.T) {
	s := run(t, plain)
	p := s.peer(asks{})
	if err := s.DisconnectClientByID(p.info.ID); err != nil {
		t.Fatal(err)
	}
	p.closed(1011, "Kicked")
}

// Violations of the framing are told to the peer, whatever it was doing.
func TestFramingViolations(t *testing.T) {
	binary := websocket.Header{Opcode: websocket.Binary, Final: true}
	raw := func(bits byte) []byte {
		f := masked(binary, []byte("x"))
		f[0] = bits
		return f
	}
	s := run(t, plain)
	for text, sent := range map[string][]byte{
		"RSV2 and RSV3 must be clear":                                     raw(0xa2),
		"compressed frame received without negotiated permessage-deflate": raw(0xc2),
		"mask bit missing":                                                websocket.AppendFrame(nil, binary, []byte("x")),
		"unknown opcode 3":                                                raw(0x83),
		"unknown opcode 11":                                               raw(0x8b),
		"control frame length bigger than maximum allowed of 125 bytes": masked(websocket.Header{Opcode: websocket.Ping, Final: true},
			make([]byte, 126)),
		"control frame does not have final bit set": masked(websocket.Header{Opcode: websocket.Ping}, nil),
		"new message started before final frame for previous message was received": append(masked(websocket.Header{Opcode: websocket.Binary}, nil),
			masked(binary, nil)...),
		"invalid continuation frame":           raw(0x80),
		"invalid 64-bit payload length":        {0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4},
		"close frame payload cannot be 1 byte": masked(websocket.Header{Opcode: websocket.Close, Final: true}, []byte{3}),
		"invalid close status code 1005":       masked(websocket.Header{Opcode: websocket.Close, Final: true}, []byte{3, 0xed}),
	} {
		t.Run(text, func(t *testing.T) {
			p := s.peer(asks{})
			p.write(sent)
			p.closed(1002, text)
			s.logged("ERR", "wid:", "read error: ", text)
		})
	}
}

// A close frame of the client is answered with the same, after what was sent
// before it.
func TestClientsClose(t *testing.T) {
	s := run(t, plain)
	for _, tc := range []struct {
		payload string
		code    int
		text    string
	}{
		{"", 1005, ""},
		{"\x03\xe8", 1000, ""},
		{"\x03\xe9going away", 1001, "going away"},
		{"\x0f\xa0own code", 4000, "own code"},
		{"\x03\xe8bad \xff text", 1007, "invalid utf8 body in close frame"},
	} {
		t.Run(fmt.Sprintf("%q", tc.payload), func(t *testing.T) {
			p := s.peer(asks{})
			before := masked(websocket.Header{Opcode: websocket.Binary, Final: true}, []byte("PING\r\n"))
			p.write(append(before, masked(websocket.Header{Opcode: websocket.Close, Final: true}, []byte(tc.payload))...))
			p.closed(tc.code, tc.text, "PONG")
			s.logged("DBG", fmt.Sprintf("wid:%d", p.info.ID), "Client connection closed: Client Closed")
		})
	}
	t.Run("of the library", func(t *testing.T) {
		nc := s.overWeb()
		id, err := nc.GetClientID()
		if err != nil {
			t.Fatal(err)
		}
		nc.Close()
		s.logged("DBG", fmt.Sprintf("wid:%d", id), "Client connection closed: Client Closed")
	})
}

// Go: TestWebsocketPingInterval server/websocket_test.go:5339
func TestPingIntervalOfTheListener(t *testing.T) {
	s := run(t, web("ping_interval: 50ms")+"ping_interval: 1h, ping_max: 2\n")
	started := time.Now()
	p := s.peer(asks{})
	for range 3 {
		p.expect("PING")
		p.send("PONG\r\n")
	}
	if took := time.Since(started); took < 100*time.Millisecond {
		t.Errorf("3 pings in %v", took)
	}
	p.closed(1001, "Stale Connection", "PING", "PING", "-ERR 'Stale Connection'")
}

// Go: TestWSAuthTimeout server/websocket_test.go:3768
func TestTimeToAuthenticate(t *testing.T) {
	for name, block := range map[string]string{
		"of the listener": `authorization { user: u, password: p, timeout: 0.05 }`,
		"of all":          `authorization { user: u, password: p }`,
	} {
		t.Run(name, func(t *testing.T) {
			s := run(t, web(block)+"authorization { timeout: 10 }\n")
			early, late := s.dial(asks{}), s.dial(asks{})
			if !early.info.AuthRequired {
				t.Error("INFO does not ask for credentials")
			}
			early.connect(`"user":"u","pass":"p"`)
			early.sync()
			if name == "of all" {
				late.conn.SetReadDeadline(time.Now().Add(150 * time.Millisecond))
				if _, err := late.in.ReadByte(); err == nil {
					t.Fatal("it was told something in the first 0.15 s of 10 s")
				}
				late.connect(`"user":"u","pass":"p"`)
				late.sync()
				return
			}
			late.closed(1008, "Authentication Timeout", "-ERR 'Authentication Timeout'")
			early.sync()
		})
	}
}

// The library reads everything that was sent before the end, and learns of it.
func TestTheLibraryLearnsOfAnEnd(t *testing.T) {
	s := run(t, plain)
	ended := make(chan struct{})
	nc := s.overWeb(nats.ClosedHandler(func(*nats.Conn) { close(ended) }))
	got := make(chan *nats.Msg, 1)
	if _, err := nc.ChanSubscribe("foo", got); err != nil {
		t.Fatal(err)
	}
	kit.Flush(t, nc)
	publisher := s.overTCP()
	publish(t, publisher, "foo", []byte("last"))
	kit.Flush(t, publisher)
	s.Shutdown()
	<-ended
	if m := <-got; string(m.Data) != "last" {
		t.Errorf("got %q", m.Data)
	}
}
