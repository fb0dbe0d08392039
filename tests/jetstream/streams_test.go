package jetstream

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/godwit-mq/godwit/tests/kit"
)

// storages are the two kinds of streams.
var storages = []jetstream.StorageType{jetstream.FileStorage, jetstream.MemoryStorage}

func TestPublishFetchAcknowledge(t *testing.T) {
	for _, storage := range storages {
		t.Run(storage.String(), func(t *testing.T) {
			b := start(t)
			b.stream(jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}, Storage: storage})
			for i := range 100 {
				ack, err := b.js.Publish(b.ctx, fmt.Sprintf("orders.%d", i%3), fmt.Append(nil, i))
				if err != nil || ack.Stream != "ORDERS" || ack.Sequence != uint64(i+1) || ack.Duplicate {
					t.Fatalf("message %d: %+v %v", i, ack, err)
				}
			}
			c := b.consumer("ORDERS", jetstream.ConsumerConfig{Durable: "C", AckPolicy: jetstream.AckExplicitPolicy, FilterSubject: "orders.1"})
			for i, m := range b.fetch(c, 20) {
				meta := kit.Must[*jetstream.MsgMetadata](t)(m.Metadata())
				if want := fmt.Sprint(3*i + 1); m.Subject() != "orders.1" || string(m.Data()) != want || meta.Sequence.Consumer != uint64(i+1) {
					t.Fatalf("message %d: %s %q %+v", i, m.Subject(), m.Data(), meta)
				}
				kit.OK(t, m.DoubleAck(b.ctx))
			}
			info := kit.Must[*jetstream.ConsumerInfo](t)(c.Info(b.ctx))
			if info.NumPending != 13 || info.NumAckPending != 0 || info.AckFloor.Stream != 59 || info.Delivered.Stream != 59 {
				t.Fatalf("%+v", info)
			}
		})
	}
}

func TestRestart(t *testing.T) {
	b := start(t)
	b.stream(jetstream.StreamConfig{Name: "S", Subjects: []string{"s.*"}, Metadata: map[string]string{"team": "a"}})
	b.stream(jetstream.StreamConfig{Name: "M", Subjects: []string{"m.*"}, Storage: jetstream.MemoryStorage})
	b.publish("s.a", "1", "2", "3")
	b.publish("s.b", "4")
	b.publish("m.a", "gone")
	c := b.consumer("S", jetstream.ConsumerConfig{Durable: "C", AckPolicy: jetstream.AckExplicitPolicy})
	got := b.fetch(c, 3)
	kit.OK(t, got[0].DoubleAck(b.ctx))
	kit.OK(t, got[2].DoubleAck(b.ctx))
	b.restart()
	if _, err := b.js.Stream(b.ctx, "M"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("a stream in memory survived: %v", err)
	}
	s := kit.Must[jetstream.Stream](t)(b.js.Stream(b.ctx, "S"))
	if info := s.CachedInfo(); info.State.Msgs != 4 || info.State.LastSeq != 4 || info.Config.Metadata["team"] != "a" {
		t.Errorf("%+v", info)
	}
	c = kit.Must[jetstream.Consumer](t)(b.js.Consumer(b.ctx, "S", "C"))
	info := kit.Must[*jetstream.ConsumerInfo](t)(c.Info(b.ctx))
	if info.NumAckPending != 1 || info.NumPending != 1 || info.AckFloor.Stream != 1 || info.Delivered.Stream != 3 {
		t.Errorf("%+v", info)
	}
	if m := b.fetch(c, 1)[0]; string(m.Data()) != "4" {
		t.Errorf("%s", m.Data())
	}
	b.publish("s.c", "5")
	m := kit.Must[*jetstream.RawStreamMsg](t)(s.GetLastMsgForSubject(b.ctx, "s.c"))
	if m.Sequence != 5 || string(m.Data) != "5" {
		t.Errorf("%+v", m)
	}
}

func TestLimitsAndUpdates(t *testing.T) {
	b := start(t)
	config := jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, MaxMsgs: 10, Discard: jetstream.DiscardNew}
	b.stream(config)
	for range 10 {
		b.publish("s.a", "x")
	}
	var api *jetstream.APIError
	if _, err := b.js.Publish(b.ctx, "s.a", nil); !errors.As(err, &api) || api.ErrorCode != 10077 || api.Description != "maximum messages exceeded" {
		t.Errorf("an eleventh message: %v", err)
	}
	config.MaxMsgs, config.Discard = 5, jetstream.DiscardOld
	s := kit.Must[jetstream.Stream](t)(b.js.UpdateStream(b.ctx, config))
	if state := s.CachedInfo().State; state.Msgs != 5 || state.FirstSeq != 6 {
		t.Errorf("after an update: %+v", state)
	}
	kit.OK(t, s.DeleteMsg(b.ctx, 7))
	kit.OK(t, s.Purge(b.ctx, jetstream.WithPurgeKeep(2)))
	if state := kit.Must[*jetstream.StreamInfo](t)(s.Info(b.ctx)).State; state.Msgs != 2 || state.FirstSeq != 9 || state.LastSeq != 10 {
		t.Errorf("after a purge: %+v", state)
	}
	_, err := b.js.CreateStream(b.ctx, jetstream.StreamConfig{Name: "T", Subjects: []string{"s.x"}})
	if !errors.As(err, &api) || api.ErrorCode != 10065 {
		t.Errorf("a stream over the subjects of another: %v", err)
	}
	kit.OK(t, b.js.DeleteStream(b.ctx, "S"))
	if _, err := b.js.Publish(b.ctx, "s.a", nil); !errors.Is(err, jetstream.ErrNoStreamResponse) {
		t.Errorf("published to a stream that is gone: %v", err)
	}
}

func TestDuplicatesAndExpectations(t *testing.T) {
	b := start(t)
	b.stream(jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
	for i := range 2 {
		ack, err := b.js.Publish(b.ctx, "s", nil, jetstream.WithMsgID("one"))
		if err != nil || ack.Duplicate != (i == 1) || ack.Sequence != 1 {
			t.Fatalf("%+v %v", ack, err)
		}
	}
	var api *jetstream.APIError
	if _, err := b.js.Publish(b.ctx, "s", nil, jetstream.WithExpectLastSequence(7)); !errors.As(err, &api) || api.ErrorCode != 10071 {
		t.Errorf("%v", err)
	}
	b.restart()
	if ack, err := b.js.Publish(b.ctx, "s", nil, jetstream.WithMsgID("one")); err != nil || !ack.Duplicate {
		t.Errorf("after a restart: %+v %v", ack, err)
	}
}

func TestWorkQueue(t *testing.T) {
	b := start(t)
	s := b.stream(jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Retention: jetstream.WorkQueuePolicy})
	b.publish("s", "1", "2", "3")
	c := b.consumer("S", jetstream.ConsumerConfig{Durable: "C", AckPolicy: jetstream.AckExplicitPolicy})
	for _, m := range b.fetch(c, 2) {
		kit.OK(t, m.DoubleAck(b.ctx))
	}
	kit.Eventually(t, "one message is left", func() bool {
		return kit.Must[*jetstream.StreamInfo](t)(s.Info(b.ctx)).State.Msgs == 1
	})
}

func TestRedeliveryAndTerm(t *testing.T) {
	b := start(t)
	b.stream(jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
	b.publish("s", "1", "2")
	c := b.consumer("S", jetstream.ConsumerConfig{Durable: "C", AckPolicy: jetstream.AckExplicitPolicy, AckWait: 100 * time.Millisecond})
	got := b.fetch(c, 2)
	kit.OK(t, got[1].Term())
	m := b.fetch(c, 1)[0]
	if meta := kit.Must[*jetstream.MsgMetadata](t)(m.Metadata()); string(m.Data()) != "1" || meta.NumDelivered != 2 {
		t.Errorf("%s %+v", m.Data(), meta)
	}
	kit.OK(t, m.Nak())
	m = b.fetch(c, 1)[0]
	kit.OK(t, m.DoubleAck(b.ctx))
	if info := kit.Must[*jetstream.ConsumerInfo](t)(c.Info(b.ctx)); info.NumAckPending != 0 || info.AckFloor.Stream != 2 {
		t.Errorf("%+v", info)
	}
}

func TestConsumeAndOrdered(t *testing.T) {
	b := start(t)
	b.stream(jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
	c := b.consumer("S", jetstream.ConsumerConfig{Durable: "C"})
	ordered := kit.Must[jetstream.Consumer](t)(b.js.OrderedConsumer(b.ctx, "S", jetstream.OrderedConsumerConfig{}))
	for _, c := range []jetstream.Consumer{c, ordered} {
		got := make(chan string, 1000)
		running := kit.Must[jetstream.ConsumeContext](t)(c.Consume(func(m jetstream.Msg) {
			got <- string(m.Data())
			_ = m.Ack() // ordered consumers do not need it
		}))
		info := kit.Must[jetstream.Stream](t)(b.js.Stream(b.ctx, "S")).CachedInfo()
		for i := range 500 {
			if _, err := b.js.PublishAsync("s", fmt.Append(nil, info.State.LastSeq+uint64(i)+1)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range info.State.LastSeq + 500 {
			if c != ordered && i < info.State.LastSeq {
				continue
			}
			if m := kit.Await(t, "a message", got); m != fmt.Sprint(i+1) {
				t.Fatalf("message %d is %s", i+1, m)
			}
		}
		running.Stop()
	}
}

func TestPushConsumer(t *testing.T) {
	b := start(t)
	b.stream(jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
	old := kit.Must[nats.JetStreamContext](t)(b.nc.JetStream())
	sub := kit.Must[*nats.Subscription](t)(old.SubscribeSync("s", nats.Durable("P"), nats.EnableFlowControl(), nats.IdleHeartbeat(time.Second)))
	b.publish("s", "1", "2", "3")
	for i := range 3 {
		m := kit.Must[*nats.Msg](t)(sub.NextMsg(kit.Patience))
		if string(m.Data) != fmt.Sprint(i+1) {
			t.Fatalf("%q", m.Data)
		}
		kit.OK(t, m.AckSync())
	}
}
