package client

import (
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godwit-mq/godwit/internal/auth"
	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/link"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/websocket"
	"github.com/godwit-mq/godwit/internal/wire"
)

// lingerTime is how long a connection that was refused or cut off after an
// error stays half-open, so that the error line reaches the peer.
const lingerTime = 200 * time.Millisecond

// errClosing ends the reading of a connection whose reason is already set.
var errClosing = errors.New("client: closing")

// Client is one connection that speaks the client protocol. The goroutine that
// calls Serve reads; fields without another note belong to it.
type Client struct {
	Identity
	server   Server
	conn     *link.Conn
	receiver broker.Receiver
	pub      *broker.Publisher
	parser   wire.Parser
	settings *Settings // of the batch

	connected   bool // CONNECT was accepted
	authorized  bool // bound to an account by authentication, or none required
	verbose     bool
	pedantic    bool
	noResponder bool
	trace       bool
	bound       *Binding        // binding, as the publisher knows it
	changes     []broker.Change // of interest, not yet applied
	busy        bool            // the batch has a message, SUB, UNSUB or CONNECT
	heard       bool            // the batch has anything but PONG

	// active is when the client last sent a message, SUB, UNSUB or CONNECT, in
	// Unix nanoseconds.
	active   atomic.Int64
	binding  atomic.Pointer[Binding] // replaced by CONNECT, or from outside by Rebind
	lastRead atomic.Int64            // like active, with PING; decides about our own PINGs

	mu          sync.Mutex
	remote      net.Addr // of the peer, or as told by a proxy; guarded by mu, like what follows
	connect     options.ClientOpts
	user        string // also of failed logins
	replies     *auth.Replies
	subs        map[string]*broker.Subscription
	reason      Reason
	stop        time.Time
	name        string // log prefix
	rtt         time.Duration
	rttStart    time.Time // of the PING under way
	rttStamp    time.Time // of the last measurement
	proxied     bool      // remote came from a PROXY header
	pingsOut    int
	pingTimer   *time.Timer
	authTimer   *time.Timer
	ready       bool // got its first PONG: may be sent INFO and PING
	tls         *TLSInfo
	subsLogged  time.Time
	closingDone bool
}

// New returns a connection that is not yet served.
func New(identity Identity, server Server) *Client {
	settings := server.Settings(identity.Web != nil)
	c := &Client{Identity: identity, server: server, settings: settings}
	c.conn = link.NewConn(identity.Net, link.Config{
		Owner: c, Flushers: server.Flushers(), Limits: settings.Output, Portable: settings.Portable,
	})
	c.receiver.ID = identity.ID
	c.receiver.Out = &c.conn.Out
	c.receiver.Exhausted = c.exhausted
	c.receiver.Trace = c.traceDelivery
	c.receiver.Requestor = c
	c.connect = options.ClientOpts{Verbose: true, Pedantic: true, Echo: true}
	c.verbose, c.pedantic = true, true
	c.remote = identity.Net.RemoteAddr()
	c.name = logName(c.remote, identity.ID)
	if c.Web != nil {
		c.name = c.Web.logName(c.remote, identity.ID)
		c.tls = c.Web.tlsInfo()
	}
	c.active.Store(identity.Start.UnixNano())
	c.lastRead.Store(identity.Start.UnixNano())
	return c
}

func logName(addr net.Addr, id uint64) string {
	text := ""
	if addr != nil {
		text = addr.String()
	}
	return text + " - cid:" + strconv.FormatUint(id, 10)
}

// config is what applies to the connection of the options in force.
func (c *Client) config() *Settings { return c.server.Settings(c.Web != nil) }

// Attach binds the connection to the account that it belongs to until it has
// authenticated. It is called once, before Serve.
func (c *Client) Attach(binding *Binding) {
	c.pub = broker.NewPublisher(&c.receiver, binding.Account, checker{c})
	c.pub.OnStall = func(waited time.Duration) { c.server.Stalled(c, waited) }
	c.pub.Requestor = c
	c.configure()
	c.bind(binding)
}

// bind moves the connection to what authentication decided.
func (c *Client) bind(b *Binding) {
	c.pub.Rebind(b.Account)
	c.mu.Lock()
	c.binding.Store(b)
	c.bound = b
	c.user = b.User
	c.replies = nil
	if b.Permissions != nil && b.Permissions.Response() != nil {
		c.replies = auth.NewReplies(*b.Permissions.Response())
	}
	c.mu.Unlock()
	c.receiver.Filter.Store(c.filter(b.Permissions))
	c.limit()
}

// limit derives the parser's limits from the settings and the binding.
func (c *Client) limit() {
	payload := c.settings.MaxPayload
	if b := c.binding.Load(); b != nil && b.MaxPayload >= 0 && (payload < 0 || b.MaxPayload < int64(payload)) {
		payload = int(b.MaxPayload)
	}
	c.parser.Limits = wire.Limits{ControlLine: c.settings.ControlLine, Payload: payload}
	c.parser.Headers = c.settings.Headers && c.connect.Headers
}

// MaxPayload is the limit of this connection, in bytes; -1 means none.
func (c *Client) MaxPayload() int {
	limit := c.config().MaxPayload
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.binding.Load(); b != nil && b.MaxPayload >= 0 && (limit < 0 || b.MaxPayload < int64(limit)) {
		return int(b.MaxPayload)
	}
	return limit
}

// Account is the account that the connection is bound to.
func (c *Client) Account() *broker.Account {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.binding.Load() == nil {
		return nil
	}
	return c.binding.Load().Account
}

// RemoteAddr is the peer's address, or the one that a proxy told.
func (c *Client) RemoteAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remote
}

// Serve runs the connection until its end: greeting, handshakes, input.
func (c *Client) Serve() {
	early, err := c.greet()
	if err == nil {
		c.startTimers()
		err = c.conn.Serve(c, early)
	}
	c.finish(err)
}

// finish is the end of every connection, on its reading goroutine.
func (c *Client) finish(err error) {
	var violation *websocket.CloseError
	switch {
	case errors.Is(err, errClosing):
	case errors.As(err, &violation):
		c.errorf("read error: %v", violation)
		c.setReason(ReadError)
	case link.ReadError(err):
		c.setReason(ReadError)
	default:
		c.setReason(ClientClosed)
	}
	c.stopTimers()
	if c.pub != nil {
		c.pub.Forget()
	}
	c.removeAll()
	if c.Reason() != SlowConsumerPendingBytes && c.Reason() != SlowConsumerWriteDeadline {
		c.drain()
	}
	c.conn.Close()
	c.debugf("Client connection closed: %s", c.Reason())
	c.server.Closed(c)
}

// drain lets what is queued reach the peer, within the write deadline.
func (c *Client) drain() {
	pending := c.conn.Finish()
	if pending != nil {
		timer := time.NewTimer(c.settings.Output.WriteDeadline)
		select {
		case <-pending:
		case <-timer.C:
		}
		timer.Stop()
	}
	c.say()
	switch c.Reason() {
	case ClientClosed, ReadError, WriteError, ServerShutdown:
	default:
		c.conn.Linger(lingerTime)
	}
}

// say tells the peer of a WebSocket why the connection ends.
func (c *Client) say() {
	if c.Web != nil {
		c.Web.close(c.Reason())
	}
}

// setReason notes why the connection ends; the first reason counts.
func (c *Client) setReason(r Reason) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason != Open {
		return false
	}
	c.reason = r
	c.stop = time.Now()
	return true
}

// Reason is why the connection was closed, Open while it is not.
func (c *Client) Reason() Reason {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason
}

// Close ends the connection from outside. What is queued is written first.
func (c *Client) Close(r Reason) { c.CloseWith(r, "") }

// CloseWith ends the connection with an error line. It does not wait.
func (c *Client) CloseWith(r Reason, text string) {
	if !c.setReason(r) {
		return
	}
	if text != "" {
		c.sendErr(text)
	}
	pending := c.conn.Finish()
	if pending == nil {
		c.conn.Interrupt()
		return
	}
	timeout := c.config().Output.WriteDeadline
	go func() {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		select {
		case <-pending:
		case <-timer.C:
		}
		c.conn.Interrupt()
	}()
}

// cut ends the connection at once, from any goroutine.
func (c *Client) cut(r Reason) bool {
	first := c.setReason(r)
	c.conn.Close()
	return first
}

// fail ends the connection from its own reading goroutine, with an error line
// unless the text is empty.
func (c *Client) fail(r Reason, text string) error {
	if c.setReason(r) && text != "" {
		c.sendErr(text)
	}
	return errClosing
}

// sendErr writes an error line, after what is staged.
func (c *Client) sendErr(text string) {
	c.traceOut("-ERR " + text)
	c.conn.Out.Write([]byte("-ERR '" + text + "'\r\n"))
}

// OutFailed is called by the outbound side when it cannot go on.
func (c *Client) OutFailed(_ *link.Out, err error) {
	switch {
	case errors.Is(err, link.ErrMaxPending):
		if c.cut(SlowConsumerPendingBytes) {
			c.noticef("Slow Consumer Detected: MaxPending of %d Exceeded", c.config().Output.MaxPending)
			c.server.SlowConsumer(c)
		}
	case errors.Is(err, link.ErrWriteDeadline):
		c.cut(SlowConsumerWriteDeadline)
	default:
		c.debugf("Error flushing: %v", err)
		c.cut(WriteError)
	}
}

// OutStalled is called by the outbound side for each missed write deadline.
func (c *Client) OutStalled(_ *link.Out, chunks, bytes int, took time.Duration, recovered bool) {
	if recovered {
		c.noticef("Slow Consumer Recovered: Flush took %.3fs with %d chunks of %d total bytes.", took.Seconds(), chunks, bytes)
		return
	}
	c.noticef("Slow Consumer Detected: WriteDeadline of %v exceeded with %d chunks of %d total bytes.",
		c.config().Output.WriteDeadline, chunks, bytes)
	if c.counts() {
		c.server.SlowConsumer(c)
	}
}

// counts reports whether a missed deadline counts as a slow consumer: not while
// a required CONNECT is still awaited, and not twice.
func (c *Client) counts() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason == Open && (c.binding.Load() == nil || c.user != "" || !c.config().AuthRequired)
}
