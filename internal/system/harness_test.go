package system

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/events"
	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/logging/logtest"
	"github.com/godwit-mq/godwit/internal/monitor"
	"github.com/godwit-mq/godwit/internal/options"
)

// serverID is the ID of the server in tests.
const serverID = "NSERVER"

// fakeHost is a server without connections.
type fakeHost struct {
	server events.Server
	peers  bool // others may be listening
	log    logtest.Capture
	reload chan struct{} // if not nil, a reload lasts until it is closed
	sends  func()        // if not nil, called when a message is about to be sent

	mu       sync.Mutex
	accounts map[string]AccountStat
	kicked   []uint64
}

func (h *fakeHost) Monitor() *monitor.Server     { return nil }
func (h *fakeHost) Options() *options.Options    { return &options.Options{} }
func (h *fakeHost) Log() logging.Logger          { return &h.log }
func (h *fakeHost) Standalone() bool             { return !h.peers }
func (h *fakeHost) Statistics() Statistics       { return Statistics{ActiveServers: 1} }
func (h *fakeHost) Claims() Claims               { return nil }
func (h *fakeHost) Evacuate(uint64) error        { return nil }
func (h *fakeHost) User(uint64) (UserInfo, bool) { return UserInfo{}, false }
func (h *fakeHost) ActiveAccounts() int          { return 0 }

func (h *fakeHost) CountSubscribers(account, subject, queue string) (int, error) { return 0, nil }

func (h *fakeHost) Describe() events.Server {
	if h.sends != nil {
		h.sends()
	}
	return h.server
}

func (h *fakeHost) Reload() error {
	if h.reload != nil {
		<-h.reload
	}
	return nil
}

func (h *fakeHost) Kick(id uint64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kicked = append(h.kicked, id)
	return nil
}

func (h *fakeHost) Account(name string) (AccountStat, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	stat, ok := h.accounts[name]
	return stat, ok
}

// hasConnections sets how many connections an account has.
func (h *fakeHost) hasConnections(account string, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.accounts == nil {
		h.accounts = make(map[string]AccountStat)
	}
	h.accounts[account] = AccountStat{Account: account, Connections: n, TotalConnections: n}
}

// running is a service with the account that it serves.
type running struct {
	*Service
	account *broker.Account
	stop    func() // returns when nothing of it runs any more
}

// serve runs a service for a host.
func serve(h *fakeHost) *running {
	account := broker.NewAccount("SYS", &broker.Node{Name: "one"})
	s := New(h, serverID, account)
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); s.Run(ctx, ready) }()
	<-ready
	return &running{s, account, func() { cancel(); <-ended }}
}

// received is a message with the time at which it came.
type received struct {
	subject string
	body    map[string]any
	at      time.Time
}

// inbox collects messages.
type inbox struct {
	t    *testing.T
	came chan struct{} // holds a token when list has grown
	mu   sync.Mutex
	list []received
}

// listen collects what is published on a subject.
func (r *running) listen(t *testing.T, subject string) *inbox {
	t.Helper()
	box := &inbox{t: t, came: make(chan struct{}, 1)}
	to := &broker.Receiver{Handle: func(_ *broker.Subscription, m *broker.Message) {
		body := map[string]any{}
		if err := json.Unmarshal(m.Payload, &body); err != nil {
			t.Errorf("%v in %q", err, m.Payload)
		}
		box.mu.Lock()
		defer box.mu.Unlock()
		box.list = append(box.list, received{m.Subject, body, time.Now()})
		select {
		case box.came <- struct{}{}:
		default:
		}
	}}
	to.Headers.Store(true)
	if err := r.account.Subscribe(&broker.Subscription{Subject: subject, To: to}); err != nil {
		t.Fatal(err)
	}
	return box
}

// take returns what has come since the last call.
func (b *inbox) take() []received {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.list
	b.list = nil
	return list
}

// one returns the only message that has come.
func (b *inbox) one() received {
	b.t.Helper()
	list := b.take()
	if len(list) != 1 {
		b.t.Fatalf("%d messages: %v", len(list), list)
	}
	return list[0]
}

// await returns the only message that comes, outside of a bubble.
func (b *inbox) await() received {
	b.t.Helper()
	select {
	case <-b.came:
	case <-time.After(10 * time.Second):
		b.t.Fatal("no message comes")
	}
	return b.one()
}

// ask publishes a request from outside.
func (r *running) ask(subject, reply, body string) {
	broker.NewSender(r.account, nil).Send(broker.Outgoing{Subject: subject, Reply: reply, Payload: []byte(body)})
}

// pass lets time pass, inside of a bubble, and whatever it sets off.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
