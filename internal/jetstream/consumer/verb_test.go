package consumer_test

import (
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
)

func TestVerbs(t *testing.T) {
	for _, test := range []struct {
		payload string
		verb    consumer.Verb
		rest    string
	}{
		{"", consumer.Acknowledged, ""},
		{"+ACK", consumer.Acknowledged, ""},
		{"+OK", consumer.Acknowledged, ""},
		{"+ACK ", consumer.Unknown, ""},
		{"+WPI", consumer.InProgress, ""},
		{"+WPI x", consumer.Unknown, ""},
		{"-NAK", consumer.Refused, ""},
		{"-NAK 5s", consumer.Refused, "5s"},
		{`-NAK {"delay": 7}`, consumer.Refused, `{"delay": 7}`},
		{"+NXT", consumer.AcknowledgedNext, ""},
		{"+NXT 10", consumer.AcknowledgedNext, "10"},
		{`+NXT {"batch":2}`, consumer.AcknowledgedNext, `{"batch":2}`},
		{"+TERM", consumer.Ended, ""},
		{"+TERM bad order ", consumer.Ended, "bad order"},
		{"hello", consumer.Unknown, ""},
		{"+ack", consumer.Unknown, ""},
	} {
		verb, rest := consumer.ParseVerb([]byte(test.payload))
		if verb != test.verb || string(rest) != test.rest {
			t.Errorf("%q: %d %q", test.payload, verb, rest)
		}
	}
}

func TestDelays(t *testing.T) {
	for _, test := range []struct {
		text    string
		delay   time.Duration
		delayed bool
		ok      bool
	}{
		{"", 0, false, true},
		{"5s", 5 * time.Second, true, true},
		{"-5s", 0, true, true},
		{`{"delay":1000}`, 1000, true, true},
		{`{"delay":-1}`, 0, true, true},
		{`{}`, 0, true, true},
		{`{"delay":"1s"}`, 0, false, false},
		{"5", 0, false, false},
		{"soon", 0, false, false},
	} {
		delay, delayed, ok := consumer.ParseDelay([]byte(test.text))
		if delay != test.delay || delayed != test.delayed || ok != test.ok {
			t.Errorf("%q: %v %v %v", test.text, delay, delayed, ok)
		}
	}
}

// FuzzAck lets anything be the payload of an acknowledgement.
func FuzzAck(f *testing.F) {
	for _, payload := range []string{"", "+ACK", "-NAK 9223372036854775807ns", `-NAK {"delay":9223372036854775807}`, `+NXT {"batch":5,"expires":1}`, "+TERM x", "+WPI"} {
		f.Add([]byte(payload), uint64(1), uint64(1))
	}
	f.Fuzz(func(t *testing.T, payload []byte, seq, delivery uint64) {
		w := newStream(t, limits)
		w.publish("a", "a")
		w.create(explicit())
		w.pull("inbox", "1")
		if err := w.consumer.Ack(w.now, []byte(ackOf(1, seq, delivery)), "reply", payload); err != nil && err != consumer.ErrDelay {
			t.Fatal(err)
		}
		w.run()
		w.now += 3600 * second
		w.check(w.consumer.Due(w.now))
		w.run()
		if i := w.consumer.Info(w.now); i.NumAckPending < 0 || i.NumAckPending > 2 || i.AckFloor.Stream > i.Delivered.Stream {
			t.Fatalf("%+v", i)
		}
	})
}
