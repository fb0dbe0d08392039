package jetstream

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// A bench is a server that stores in a directory, and a client of it.
type bench struct {
	t   testing.TB
	dir string
	ctx context.Context

	server *godwit.Server
	nc     *nats.Conn
	js     jetstream.JetStream
}

func start(t testing.TB) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*kit.Patience)
	t.Cleanup(cancel)
	b := &bench{t: t, dir: t.TempDir(), ctx: ctx}
	b.run()
	return b
}

func (b *bench) run() {
	b.t.Helper()
	b.server = godwittest.Run(b.t, &godwit.Options{JetStream: true, StoreDir: b.dir, NoLog: true})
	b.nc = kit.Connect(b.t, b.server, "", kit.Quiet())
	b.js = kit.Must[jetstream.JetStream](b.t)(jetstream.New(b.nc))
}

// restart stops the server and starts another one in the same directory.
func (b *bench) restart() {
	b.t.Helper()
	b.nc.Close()
	b.server.Shutdown()
	b.server.WaitForShutdown()
	b.run()
}

func (b *bench) stream(c jetstream.StreamConfig) jetstream.Stream {
	b.t.Helper()
	return kit.Must[jetstream.Stream](b.t)(b.js.CreateStream(b.ctx, c))
}

func (b *bench) consumer(stream string, c jetstream.ConsumerConfig) jetstream.Consumer {
	b.t.Helper()
	return kit.Must[jetstream.Consumer](b.t)(b.js.CreateOrUpdateConsumer(b.ctx, stream, c))
}

// publish stores messages, one after the other.
func (b *bench) publish(subject string, payloads ...string) {
	b.t.Helper()
	for _, p := range payloads {
		if _, err := b.js.Publish(b.ctx, subject, []byte(p)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// fetch receives so many messages.
func (b *bench) fetch(c jetstream.Consumer, n int) (got []jetstream.Msg) {
	b.t.Helper()
	batch := kit.Must[jetstream.MessageBatch](b.t)(c.Fetch(n, jetstream.FetchMaxWait(kit.Patience)))
	for m := range batch.Messages() {
		got = append(got, m)
	}
	if batch.Error() != nil || len(got) != n {
		b.t.Fatalf("fetched %d of %d: %v", len(got), n, batch.Error())
	}
	return got
}
