package load

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/websocket"
)

// broker is a slow and simple server for testing the generator: it does what the scenarios need, and on request it
// misbehaves in one way.
type broker struct {
	listener net.Listener
	tls      *tls.Config
	faults   faults

	mu          sync.Mutex
	clients     map[*client]bool
	members     map[string]int    // next member per queue group
	mapped      map[string]string // replies of imported requests
	deliveries  int
	connections sync.WaitGroup
}

type faults struct {
	drop       int  // leave out this delivery (1 is the first)
	double     int  // send this delivery twice
	damage     int  // send this delivery without its last payload byte
	errorAt    int  // send -ERR in front of this delivery
	closeAt    int  // close the subscriber instead of this delivery
	pingEvery  int  // send PING in front of every such delivery
	mute       bool // deliver nothing at all
	permissive bool // enforce no permissions
	neverCut   bool // keep a subscriber that does not read
	unbalanced bool // always the same member of a queue group
}

type client struct {
	broker *broker
	conn   net.Conn
	user   string
	subs   map[string]subscription // by sid; guarded by broker.mu

	mu      sync.Mutex
	ready   *sync.Cond
	pending []byte
	closed  bool
}

type subscription struct {
	client              *client
	subject, queue, sid string
}

func startBroker(t *testing.T, faults faults, secure bool) (*broker, Target) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &broker{listener: listener, faults: faults, clients: map[*client]bool{}, members: map[string]int{}, mapped: map[string]string{}}
	target := Target{Address: listener.Addr().String(), PID: os.Getpid(), Reload: func(context.Context) error { return nil }}
	if secure {
		b.tls, target.TLS = selfSigned(t)
	}
	b.connections.Go(b.accept)
	t.Cleanup(func() {
		listener.Close()
		b.mu.Lock()
		for c := range b.clients {
			c.conn.Close()
		}
		b.mu.Unlock()
		b.connections.Wait()
	})
	return b, target
}

func (b *broker) accept() {
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return
		}
		conn.(*net.TCPConn).SetWriteBuffer(16 << 10)
		b.adopt(conn)
	}
}

func (b *broker) adopt(conn net.Conn) {
	c := &client{broker: b, conn: conn, subs: map[string]subscription{}}
	c.ready = sync.NewCond(&c.mu)
	b.mu.Lock()
	b.clients[c] = true
	b.mu.Unlock()
	b.connections.Go(c.serve)
}

// overWebsocket makes the broker take clients over WebSocket, too, and returns where.
func (b *broker) overWebsocket(t *testing.T, compress bool) string {
	t.Helper()
	checker, err := websocket.NewChecker(websocket.Options{Compression: compress, ReadLimit: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := checker.Upgrade(w, r)
		if err != nil {
			t.Errorf("upgrade: %v", err)
			return
		}
		b.adopt(conn)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func (c *client) serve() {
	defer func() {
		c.close()
		c.broker.mu.Lock()
		delete(c.broker.clients, c)
		c.broker.mu.Unlock()
	}()
	fmt.Fprintf(c.conn, "INFO {\"server_id\":\"test\",\"tls_required\":%t}\r\n", c.broker.tls != nil)
	if c.broker.tls != nil {
		c.conn = tls.Server(c.conn, c.broker.tls)
	}
	c.broker.connections.Go(c.write)
	in := bufio.NewReaderSize(c.conn, 64<<10)
	for {
		line, err := in.ReadString('\n')
		if err != nil || c.handle(strings.Fields(line), in) != nil {
			return
		}
	}
}

func (c *client) handle(fields []string, in *bufio.Reader) error {
	switch {
	case len(fields) == 0:
		return fmt.Errorf("empty line")
	case fields[0] == "CONNECT":
		var options struct{ User string }
		if err := json.Unmarshal([]byte(fields[1]), &options); err != nil {
			return err
		}
		c.user = options.User
	case fields[0] == "PING":
		c.send("PONG\r\nINFO {\"connect_info\":true}\r\n")
	case fields[0] == "PUB":
		size, err := strconv.Atoi(fields[len(fields)-1])
		if err != nil {
			return err
		}
		body := make([]byte, size+2)
		if _, err := io.ReadFull(in, body); err != nil {
			return err
		}
		if !c.allowed(fields[1]) {
			c.send("-ERR 'Permissions Violation for Publish'\r\n")
			return nil
		}
		reply := ""
		if len(fields) == 4 {
			reply = fields[2] + " "
		}
		if c.user == UserImporter && reply != "" {
			reply = c.broker.mapReply(fields[2]) + " "
		}
		c.broker.publish(c.broker.original(fields[1]), reply, body)
	case fields[0] == "SUB":
		if !c.allowed(fields[1]) {
			c.send("-ERR 'Permissions Violation for Subscription'\r\n")
			return nil
		}
		s := subscription{client: c, subject: fields[1], sid: fields[len(fields)-1]}
		if len(fields) == 4 {
			s.queue = fields[2]
		}
		c.broker.mu.Lock()
		c.subs[s.sid] = s
		c.broker.mu.Unlock()
	case fields[0] == "UNSUB":
		c.broker.mu.Lock()
		delete(c.subs, fields[1])
		c.broker.mu.Unlock()
	}
	return nil
}

// mapReply makes a reply subject of the exporter for one of the importer; original finds the latter.
func (b *broker) mapReply(reply string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	mapped := mappedPrefix + "AAAAAA." + reply[len(reply)-6:]
	b.mapped[mapped] = reply
	return mapped
}

func (b *broker) original(subject string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if reply := b.mapped[subject]; reply != "" {
		return reply
	}
	return subject
}

func (c *client) allowed(subject string) bool {
	return c.broker.faults.permissive || c.user == UserPlain || c.user == "" || !matches(SubjectDenied, subject)
}

func matches(pattern, subject string) bool {
	want, got := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, token := range want {
		if token == ">" {
			return len(got) > i
		}
		if i >= len(got) || token != "*" && token != got[i] {
			return false
		}
	}
	return len(want) == len(got)
}

func (b *broker) publish(subject, reply string, body []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	groups := map[string][]subscription{}
	for c := range b.clients {
		for _, s := range c.subs {
			if !matches(s.subject, subject) {
				continue
			}
			if s.queue != "" {
				groups[s.queue] = append(groups[s.queue], s)
				continue
			}
			b.deliver(s, subject, reply, body)
		}
	}
	for name, members := range groups {
		if b.faults.unbalanced {
			least := members[0]
			for _, m := range members {
				if fmt.Sprintf("%p", m.client) < fmt.Sprintf("%p", least.client) {
					least = m
				}
			}
			members = []subscription{least}
		}
		b.members[name]++
		b.deliver(members[b.members[name]%len(members)], subject, reply, body)
	}
}

func (b *broker) deliver(s subscription, subject, reply string, body []byte) {
	b.deliveries++
	message := fmt.Sprintf("MSG %s %s %s%d\r\n%s", subject, s.sid, reply, len(body)-2, body)
	f := b.faults
	switch n := b.deliveries; {
	case f.mute, n == f.drop:
		return
	case n == f.double:
		message += message
	case n == f.damage:
		message = message[:len(message)-3] + "\r\n"
	case n == f.errorAt:
		message = "-ERR 'Something Went Wrong'\r\n" + message
	case n == f.closeAt:
		s.client.close()
		return
	}
	if f.pingEvery > 0 && b.deliveries%f.pingEvery == 0 {
		message = "PING\r\n" + message
	}
	s.client.send(message)
}

const brokerPendingMax = 2 << 20

func (c *client) send(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) > brokerPendingMax {
		if !c.broker.faults.neverCut {
			c.closed = true
			c.conn.Close()
		}
		return
	}
	c.pending = append(c.pending, text...)
	c.ready.Signal()
}

func (c *client) write() {
	for {
		c.mu.Lock()
		for len(c.pending) == 0 && !c.closed {
			c.ready.Wait()
		}
		out, closed := c.pending, c.closed
		c.pending = nil
		c.mu.Unlock()
		if closed {
			return
		}
		if !c.broker.faults.neverCut {
			c.conn.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		}
		if _, err := c.conn.Write(out); err != nil {
			c.close()
			return
		}
	}
}

func (c *client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.conn.Close()
	c.ready.Signal()
}

func selfSigned(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true}
	bytes, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{bytes}, PrivateKey: key}}},
		&tls.Config{RootCAs: roots, ServerName: "localhost"}
}
