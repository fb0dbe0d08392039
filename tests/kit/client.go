package kit

import (
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// Quiet drops the errors of which the library tells asynchronously, which it would
// print.
func Quiet() nats.Option {
	return nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})
}

// Connect connects as a user whose password is "pw", or without credentials if there
// is no name. The client never reconnects.
func Connect(t testing.TB, s interface{ ClientURL() string }, user string, options ...nats.Option) *nats.Conn {
	t.Helper()
	options = append([]nats.Option{nats.NoReconnect(), Quiet()}, options...)
	if user != "" {
		options = append(options, nats.UserInfo(user, "pw"))
	}
	nc := Must[*nats.Conn](t)(nats.Connect(s.ClientURL(), options...))
	t.Cleanup(nc.Close)
	return nc
}

// Flush waits until the server has done all that the connections have asked for, one
// after the other: what the first has published has reached the last.
func Flush(t testing.TB, list ...*nats.Conn) {
	t.Helper()
	for _, nc := range list {
		OK(t, nc.FlushTimeout(Patience))
	}
}

// Inbox is a subscription with its connection.
type Inbox struct {
	*nats.Subscription
	t  testing.TB
	nc *nats.Conn
}

// Subscribe subscribes, as a member of a queue if one is named, and returns when the
// server knows of it.
func Subscribe(t testing.TB, nc *nats.Conn, subject string, queue ...string) *Inbox {
	t.Helper()
	s := Must[*nats.Subscription](t)(nc.QueueSubscribeSync(subject, strings.Join(queue, "")))
	Flush(t, nc)
	return &Inbox{s, t, nc}
}

// Leave ends the subscription, and returns when the server knows of it.
func (b *Inbox) Leave() {
	b.t.Helper()
	OK(b.t, b.Unsubscribe())
	Flush(b.t, b.nc)
}

// Next waits for a message.
func (b *Inbox) Next() *nats.Msg {
	b.t.Helper()
	m, err := b.NextMsg(Patience)
	if err != nil {
		b.t.Fatalf("no message on %q: %v", b.Subject, err)
	}
	return m
}

// Count returns how many messages are there, after those who published have been
// flushed.
func (b *Inbox) Count(publishers ...*nats.Conn) int {
	b.t.Helper()
	Flush(b.t, publishers...)
	Flush(b.t, b.nc)
	n, _, err := b.Pending()
	OK(b.t, err)
	return n
}

// Take returns the messages that are there as "subject=data", after those who
// published have been flushed.
func (b *Inbox) Take(publishers ...*nats.Conn) (got []string) {
	b.t.Helper()
	for range b.Count(publishers...) {
		m := b.Next()
		got = append(got, m.Subject+"="+string(m.Data))
	}
	return got
}

// Want checks what has arrived, in order.
func (b *Inbox) Want(publisher *nats.Conn, want ...string) {
	b.t.Helper()
	if got := b.Take(publisher); !slices.Equal(got, want) {
		b.t.Errorf("%q got %q, want %q", b.Subject, got, want)
	}
}

// Serve answers all requests with the text, and returns when the server knows of it.
func Serve(t testing.TB, nc *nats.Conn, subject, answer string) *nats.Subscription {
	t.Helper()
	s := Must[*nats.Subscription](t)(nc.Subscribe(subject, func(m *nats.Msg) {
		if err := m.Respond([]byte(answer)); err != nil {
			t.Errorf("answer to %q: %v", m.Subject, err)
		}
	}))
	Flush(t, nc)
	return s
}
