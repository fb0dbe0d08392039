package consumer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
)

func grouped(policy api.PriorityPolicy) *api.ConsumerConfig {
	config := explicit()
	config.PriorityPolicy, config.PriorityGroups = policy, []string{"A"}
	return config
}

func TestOverflow(t *testing.T) {
	w := newStream(t, limits)
	w.create(grouped(api.PriorityOverflow))
	w.pull("over", `{"batch":9,"group":"A","min_pending":3}`)
	w.publish("a", "b")
	w.run()
	w.expect()
	w.publish("c")
	w.run()
	w.expect("over <- 1 a #1 x1")
	w.pull("acks", `{"batch":1,"group":"A","min_ack_pending":2}`)
	w.expect()
	w.pull("plain", `{"batch":1,"group":"A"}`)
	w.expect("plain <- 2 b #2 x1", "acks <- 3 c #3 x1")
}

func TestPrioritized(t *testing.T) {
	w := newStream(t, limits)
	w.create(grouped(api.PriorityPrioritized))
	w.pull("plain", "1")
	w.pull("five", `{"batch":2,"group":"A","priority":5}`)
	w.pull("zero", `{"batch":2,"group":"A"}`)
	w.pull("one", `{"batch":1,"group":"A","priority":1}`)
	w.pull("other zero", `{"batch":1,"group":"A","priority":0}`)
	w.publish("a", "b", "c", "d", "e", "f", "g")
	w.run()
	w.expect(
		"zero <- 1 a #1 x1", "other zero <- 2 b #2 x1", "zero <- 3 c #3 x1", "one <- 4 d #4 x1",
		"five <- 5 e #5 x1", "five <- 6 f #6 x1", "plain <- 7 g #7 x1",
	)
}

// pinOf returns the pin id of a delivery.
func pinOf(t *testing.T, e consumer.Effect) string {
	t.Helper()
	id, ok := strings.CutPrefix(flat(e.Header), "Nats-Pin-Id: ")
	if !ok || len(id) != 22 {
		t.Fatalf("no pin in %q", e.Header)
	}
	return id
}

// pinnedWorld is a consumer that has pinned the requester "first", who has had one
// message and wants four more.
func pinnedWorld(t *testing.T) (*world, string) {
	t.Helper()
	w := newStream(t, limits)
	config := grouped(api.PriorityPinned)
	config.PriorityTimeout = 10 * time.Second
	w.create(config)
	w.publish("a")
	w.pull("first", `{"batch":5,"group":"A"}`)
	e := w.consumer.Effects()
	if len(e) != 2 || e[0].Kind != consumer.Notify || e[0].Notice.Kind != consumer.Pinned || e[1].To != "first" {
		t.Fatalf("%+v", e)
	}
	id := pinOf(t, e[1])
	if e[0].Notice.PinID != id || e[0].Notice.Group != "A" {
		t.Fatalf("%+v", e[0].Notice)
	}
	return w, id
}

func TestPinned(t *testing.T) {
	w, id := pinnedWorld(t)
	w.pull("standby", `{"batch":5,"group":"A"}`)
	w.pull("stranger", `{"batch":5,"group":"A","id":"other"}`)
	w.expect("stranger <- 423 Nats-Pin-Id mismatch")
	w.publish("b", "c")
	w.run()
	w.expect("first <- 2 b #2 x1 Nats-Pin-Id: "+id, "first <- 3 c #3 x1 Nats-Pin-Id: "+id)
	info := w.consumer.Info(w.now)
	if len(info.PriorityGroups) != 1 || info.PriorityGroups[0].PinnedClientID != id || info.PriorityGroups[0].Group != "A" ||
		info.PriorityGroups[0].PinnedTime.UnixNano() != start {
		t.Fatalf("%+v", info.PriorityGroups)
	}
}

// The one that was pinned is told when there is a message, and another one is pinned.
func TestUnpin(t *testing.T) {
	w, id := pinnedWorld(t)
	w.pull("second", `{"batch":5,"group":"A"}`)
	w.consumer.Unpin("B")
	w.expect()
	w.consumer.Unpin("A")
	w.run()
	w.expect("unpinned A admin")
	w.publish("b")
	w.run()
	e := w.consumer.Effects()
	if len(e) != 3 || line(e[0]) != "first <- 423 Nats-Wrong-Pin-Id|Nats-Pending-Messages: 4|Nats-Pending-Bytes: 0" ||
		line(e[1]) != "pinned A" || e[2].To != "second" || pinOf(t, e[2]) == id {
		t.Fatalf("%v", e)
	}
	w.consumer.Unpin("A")
	w.consumer.Unpin("A")
	w.expect("unpinned A admin")
}

func TestPinEndsWithoutRequests(t *testing.T) {
	w, id := pinnedWorld(t)
	w.pass(6 * time.Second)
	w.pull("first", `{"batch":1,"group":"A","id":"`+id+`"}`)
	w.pass(9 * time.Second)
	w.expect()
	w.pass(time.Second)
	w.expect("unpinned A timeout")
	if at := w.consumer.Info(w.now).PriorityGroups[0].PinnedTime; !at.IsZero() {
		t.Errorf("pinned at %v", at)
	}
}

// A request that cannot take the message is not pinned.
func TestPinIsNotGivenToOneThatCannotTakeIt(t *testing.T) {
	w := newStream(t, limits)
	w.create(grouped(api.PriorityPinned))
	w.publish("a")
	w.pull("small", `{"batch":1,"group":"A","max_bytes":1}`)
	w.expect("small <- 409 Message Size Exceeds MaxBytes|Nats-Pending-Messages: 1|Nats-Pending-Bytes: 1")
	w.pull("large", `{"batch":1,"group":"A"}`)
	e := w.consumer.Effects()
	if len(e) != 2 || line(e[0]) != "pinned A" || e[1].To != "large" {
		t.Fatalf("%v", e)
	}
}

// Standing by costs a request nothing of its budget.
func TestStandbyKeepsItsBudget(t *testing.T) {
	w, _ := pinnedWorld(t)
	w.pull("standby", `{"batch":1,"group":"A","max_bytes":200}`)
	w.publish("b", "c")
	w.run()
	w.consumer.Effects()
	w.consumer.Gone(w.now, "first")
	w.consumer.Unpin("A")
	w.publish("d")
	w.run()
	got := w.effects()
	if len(got) != 4 || !strings.HasPrefix(got[2], "standby <- 4 d") || !strings.HasPrefix(got[3], "standby <- 409 Batch Completed|Nats-Pending-Messages: 0|") {
		t.Fatalf("%q", got)
	}
}

// A request without JSON says nothing of the group, and is served nevertheless.
func TestPlainRequestOfPinnedConsumer(t *testing.T) {
	w := newStream(t, limits)
	w.create(grouped(api.PriorityPinned))
	w.publish("a")
	w.pull("plain", "1")
	e := w.consumer.Effects()
	if len(e) != 2 || e[1].To != "plain" {
		t.Fatalf("%v", e)
	}
}

func TestPinIsLostOnRestart(t *testing.T) {
	w, id := pinnedWorld(t)
	w.restart()
	w.publish("b")
	w.pull("first", `{"batch":1,"group":"A","id":"`+id+`"}`)
	w.expect("first <- 423 Nats-Wrong-Pin-Id|Nats-Pending-Messages: 1|Nats-Pending-Bytes: 0")
}

// Only requests that are served end by the end of the stream.
func TestStandbyWithoutWaiting(t *testing.T) {
	w, _ := pinnedWorld(t)
	w.publish("b")
	w.run()
	w.consumer.Effects()
	w.pull("standby", `{"batch":1,"group":"A","no_wait":true,"expires":1000000000}`)
	w.expect()
	w.pass(time.Second)
	w.expect("standby <- 408 Request Timeout|Nats-Pending-Messages: 1|Nats-Pending-Bytes: 0")
}
