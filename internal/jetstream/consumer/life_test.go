package consumer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
)

func TestPause(t *testing.T) {
	w := three(t, nil)
	w.publish("d")
	w.consumer.Pause(w.now, w.now+20*second)
	w.expect("pause true 20")
	w.consumer.Pause(w.now, w.now+20*second) // no change
	w.pull("inbox", "9")
	w.expect()
	w.ack(ackOf(1, 1, 1), "", "reply")
	w.expect("reply <- answer")
	info := w.consumer.Info(w.now + 5*second)
	if !info.Paused || info.PauseRemaining != 15*time.Second {
		t.Errorf("paused %v for %v", info.Paused, info.PauseRemaining)
	}
	w.pass(19 * time.Second) // messages become due meanwhile
	w.expect()
	w.pass(time.Second)
	w.expect("pause false 20", "inbox <- 2 b #4 x2", "inbox <- 3 c #5 x2", "inbox <- 4 d #6 x1")
	if info := w.consumer.Info(w.now); info.Paused || info.PauseRemaining != 0 {
		t.Errorf("paused %v for %v", info.Paused, info.PauseRemaining)
	}
}

func TestPauseOfConfigurationAndResume(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a")
	config := explicit()
	until := time.Unix(0, start+60*second)
	config.PauseUntil = &until
	w.create(config)
	w.pull("inbox", "1")
	w.expect()
	w.restart()
	w.pull("inbox", "1")
	w.expect()
	w.consumer.Pause(w.now, 0)
	w.run()
	w.expect("pause false 60", "inbox <- 1 a #1 x1")
	w.consumer.Pause(w.now, w.now-second) // the past is no pause
	w.expect()
}

func TestResetToFloor(t *testing.T) {
	w := three(t, nil)
	w.ack(ackOf(1, 1, 1), "", "")
	w.ack(ackOf(1, 3, 3), "", "")
	w.ack(ackOf(1, 2, 2), "-NAK", "")
	w.consumer.Effects()
	seq, err := w.consumer.Reset(0)
	if seq != 2 || err != nil {
		t.Fatal(seq, err)
	}
	w.expectPlace("delivered 0/1 floor 0/1 outstanding 0 redelivered 0 pending 2")
	w.pull("inbox", "5")
	w.expect("inbox <- 2 b #1 x1", "inbox <- 3 c #2 x1")
}

func TestResetToSequence(t *testing.T) {
	at := time.Unix(0, start+second)
	for _, test := range []struct {
		name   string
		change func(*api.ConsumerConfig)
		seq    uint64
		want   string
	}{
		{"all", func(*api.ConsumerConfig) {}, 1, ""},
		{"all beyond the end", func(*api.ConsumerConfig) {}, 9, ""},
		{"start sequence", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.StartSequence = api.DeliverByStartSequence, 2
		}, 2, ""},
		{"below start sequence", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.StartSequence = api.DeliverByStartSequence, 2
		}, 1, "invalid reset: below start seq"},
		{"start time", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.StartTime = api.DeliverByStartTime, &at
		}, 2, ""},
		{"below start time", func(c *api.ConsumerConfig) {
			c.DeliverPolicy, c.StartTime = api.DeliverByStartTime, &at
		}, 1, "invalid reset: below start time"},
		{"new", func(c *api.ConsumerConfig) { c.DeliverPolicy = api.DeliverNew }, 3, "invalid reset: not allowed"},
		{"last", func(c *api.ConsumerConfig) { c.DeliverPolicy = api.DeliverLast }, 3, "invalid reset: not allowed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newStream(t, limits)
			for range 4 {
				w.publish("a")
				w.now += second
			}
			config := explicit()
			test.change(config)
			w.create(config)
			w.pull("inbox", "9")
			w.consumer.End(consumer.Deleted)
			w.consumer.Effects()
			seq, err := w.consumer.Reset(test.seq)
			if test.want != "" {
				var refusal *api.Error
				if !errors.As(err, &refusal) || refusal.ErrCode != 10204 || refusal.Description != test.want {
					t.Fatal(err)
				}
				return
			}
			if err != nil || seq != test.seq {
				t.Fatal(seq, err)
			}
			got := w.received()
			if test.seq <= 4 && (len(got) != int(4-test.seq+1) || got[0] != test.seq) {
				t.Fatalf("received %v", got)
			}
		})
	}
}

func TestPullConsumerBecomesInactive(t *testing.T) {
	w := newStream(t, limits)
	config := explicit()
	config.Durable, config.InactiveThreshold = "", 5*time.Second
	w.create(config)
	w.pass(4 * time.Second)
	w.pull("inbox", `{"expires":20000000000}`)
	w.pass(19 * time.Second)
	w.expect() // there is a request
	w.pass(2 * time.Second)
	w.expect("inbox <- 408 Request Timeout|Nats-Pending-Messages: 1|Nats-Pending-Bytes: 0")
	w.pass(4 * time.Second)
	w.expect()
	w.pass(3 * time.Second)
	w.expect("inactive")
}

// As long as an acknowledgement may come, the consumer is used.
func TestNotInactiveWhileAcksMayCome(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a")
	config := explicit()
	config.Durable, config.InactiveThreshold = "", time.Second
	w.create(config)
	w.pull("inbox", "1")
	w.consumer.Effects()
	w.pass(29 * time.Second)
	w.expect()
	w.ack(ackOf(1, 1, 1), "", "")
	w.pass(900 * time.Millisecond)
	w.expect()
	w.pass(1200 * time.Millisecond)
	w.expect("inactive")
}

func TestPushConsumerBecomesInactive(t *testing.T) {
	w := newStream(t, limits)
	config := pushed()
	config.Durable, config.InactiveThreshold = "", 2*time.Second
	w.create(config)
	w.pass(1900 * time.Millisecond)
	w.consumer.Bind(w.now, true)
	w.pass(time.Hour)
	w.consumer.Bind(w.now, false)
	w.pass(1900 * time.Millisecond)
	w.expect()
	w.pass(100 * time.Millisecond)
	w.expect("inactive")
}

func TestDurableStays(t *testing.T) {
	w := newStream(t, limits)
	w.create(explicit())
	w.pass(1000 * time.Hour)
	w.expect()
	if w.consumer.Deadline() < 1<<62 {
		t.Error("there is something to do")
	}
}

func TestUpdateOfFilter(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "b", "a", "b", "a")
	config := explicit()
	config.FilterSubject = "a"
	w.create(config)
	w.pull("inbox", "1")
	w.expectPlace("delivered 1/1 floor 0/0 outstanding 1 redelivered 0 pending 2")
	config = config.Clone()
	config.FilterSubject, config.FilterSubjects = "", []string{"b", "c"}
	w.check(w.consumer.Update(w.now, config))
	w.expectPlace("delivered 1/1 floor 0/0 outstanding 1 redelivered 0 pending 2")
	w.pass(31 * time.Second)
	w.consumer.Effects()
	w.pull("inbox", "9")
	w.expect("inbox <- 1 a #2 x2", "inbox <- 2 b #3 x1", "inbox <- 4 b #4 x1")
	w.publish("a", "c")
	w.run()
	w.expect("inbox <- 7 c #5 x1")
}

func TestUpdateOfMaxDeliver(t *testing.T) {
	w := three(t, nil)
	config := w.consumer.Config().Clone()
	config.MaxDeliver = 1
	w.check(w.consumer.Update(w.now, config))
	w.expectPlace("delivered 3/3 floor 0/0 outstanding 3 redelivered 0 pending 0")
	w.pull("inbox", "9")
	w.pass(11 * time.Second)
	w.expect("max deliveries 1 x1", "max deliveries 2 x1", "max deliveries 3 x1")
	w.expectPlace("delivered 3/3 floor 3/3 outstanding 0 redelivered 0 pending 0")
}

func TestUpdateOfAckWait(t *testing.T) {
	for _, wait := range []time.Duration{3 * time.Second, 40 * time.Second} {
		w := three(t, nil)
		config := w.consumer.Config().Clone()
		config.AckWait = wait
		w.check(w.consumer.Update(w.now, config))
		w.pull("inbox", "3")
		w.pass(wait)
		w.expect()
		w.pass(time.Millisecond)
		w.expect("inbox <- 1 a #4 x2", "inbox <- 2 b #5 x2", "inbox <- 3 c #6 x2")
	}
}

func TestUpdateOfDeliverSubject(t *testing.T) {
	w := newStream(t, limits)
	w.publish("a", "b")
	w.create(pushed())
	w.consumer.Bind(w.now, true)
	w.run()
	w.consumer.Bind(w.now, false)
	w.consumer.Effects()
	config := pushed()
	config.DeliverSubject = "elsewhere"
	w.check(w.consumer.Update(w.now, config))
	w.run()
	w.expect()
	w.consumer.Bind(w.now, true)
	w.run()
	w.expect("elsewhere <- 1 a #3 x2", "elsewhere <- 2 b #4 x2")
}

func TestRestartKeepsWhatIsLeftOfTheWait(t *testing.T) {
	w := three(t, nil)
	w.pass(6 * time.Second)
	w.restart()
	w.pull("inbox", "3")
	w.pass(4 * time.Second)
	w.expect()
	w.pass(time.Millisecond)
	w.expect("inbox <- 1 a #4 x2", "inbox <- 2 b #5 x2", "inbox <- 3 c #6 x2")
}

func TestInfoTellsWhenItWasActive(t *testing.T) {
	w := three(t, nil)
	w.now += second
	w.ack(ackOf(1, 1, 1), "", "")
	info := w.consumer.Info(w.now)
	if info.Delivered.Last.UnixNano() != start || info.AckFloor.Last.UnixNano() != start+second {
		t.Errorf("%v %v", info.Delivered.Last, info.AckFloor.Last)
	}
	if info.Stream != "S" || info.Name != "C" || info.Config.AckPolicy != api.AckExplicit {
		t.Errorf("%+v", info)
	}
}
