package consumer_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
	"github.com/godwit-mq/godwit/internal/subject"
)

func TestAckSubjectForms(t *testing.T) {
	for _, test := range []struct {
		name    string
		subject string
		want    consumer.Ticket
		ok      bool
	}{
		{"first form", "$JS.ACK.S.C.1.2.3.4.5", consumer.Ticket{Count: 1, Stream: 2, Consumer: 3, Time: 4, Pending: 5}, true},
		{"second form", "$JS.ACK._.hash.S.C.1.2.3.4.5", consumer.Ticket{Count: 1, Stream: 2, Consumer: 3, Time: 4, Pending: 5}, true},
		{"second form with a random token", "$JS.ACK.dom.hash.S.C.1.2.3.4.5.xyz", consumer.Ticket{Count: 1, Stream: 2, Consumer: 3, Time: 4, Pending: 5}, true},
		{"second form with more tokens", "$JS.ACK.dom.hash.S.C.1.2.3.4.5.a.b", consumer.Ticket{Count: 1, Stream: 2, Consumer: 3, Time: 4, Pending: 5}, true},
		{"names with percent signs", "$JS.ACK.S%d.C%s.1.2.3.4.5", consumer.Ticket{Count: 1, Stream: 2, Consumer: 3, Time: 4, Pending: 5}, true},
		{"time before the epoch", "$JS.ACK.S.C.1.2.3.-4.5", consumer.Ticket{Count: 1, Stream: 2, Consumer: 3, Time: -4, Pending: 5}, true},
		{"eight tokens", "$JS.ACK.S.C.1.2.3.4", consumer.Ticket{}, false},
		{"ten tokens", "$JS.ACK.S.C.1.2.3.4.5.6", consumer.Ticket{}, false},
		{"other prefix", "$JS.NAK.S.C.1.2.3.4.5", consumer.Ticket{}, false},
		{"no number", "$JS.ACK.S.C.1.x.3.4.5", consumer.Ticket{}, false},
		{"negative sequence", "$JS.ACK.S.C.1.-2.3.4.5", consumer.Ticket{}, false},
		{"empty token", "$JS.ACK.S.C.1..3.4.5", consumer.Ticket{}, false},
		{"too large", "$JS.ACK.S.C.1.9999999999999999999.3.4.5", consumer.Ticket{}, false},
		{"empty", "", consumer.Ticket{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := consumer.ParseTicket([]byte(test.subject))
			if got != test.want || ok != test.ok {
				t.Fatalf("got %+v, %v", got, ok)
			}
		})
	}
}

// Whatever the names, an ack subject that the consumer writes matches the patterns on
// which acknowledgements are expected, and says again what it was made of.
func TestAckSubjectReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Za-z0-9%$_-]{1,8}`)
		a := consumer.Address{
			Stream: name.Draw(t, "stream"), Consumer: name.Draw(t, "consumer"),
			Version2: rapid.Bool().Draw(t, "version 2"),
			Domain:   rapid.SampledFrom([]string{"", "hub"}).Draw(t, "domain"), AccountHash: "12345678",
		}
		w := newStream(t, limits)
		w.publish("a", "a")
		w.create(explicit())
		w.options.Address = a
		w.make(consumer.New)
		w.pull("inbox", "1")
		reply := w.consumer.Effects()[0].Reply
		pattern := a.AckSubjects()[0]
		if a.Version2 {
			pattern = a.AckSubjects()[1]
		}
		if !subject.Match(string(reply), pattern) {
			t.Fatalf("%s does not match %s", reply, pattern)
		}
		got, ok := consumer.ParseTicket(reply)
		if want := (consumer.Ticket{Count: 1, Stream: 1, Consumer: 1, Time: start, Pending: 1}); !ok || got != want {
			t.Fatalf("%s: %+v", reply, got)
		}
	})
}

func TestAckSubjectOfEitherForm(t *testing.T) {
	for _, test := range []struct {
		address consumer.Address
		want    string
	}{
		{consumer.Address{Stream: "S", Consumer: "C"}, "$JS.ACK.S.C.1.1.1.%d.0"},
		{consumer.Address{Stream: "S", Consumer: "C", Version2: true, AccountHash: "abcdefgh"}, "$JS.ACK._.abcdefgh.S.C.1.1.1.%d.0"},
		{consumer.Address{Stream: "S", Consumer: "C", Version2: true, Domain: "hub", AccountHash: "abcdefgh"}, "$JS.ACK.hub.abcdefgh.S.C.1.1.1.%d.0"},
	} {
		w := newStream(t, limits)
		w.publish("a")
		w.create(explicit())
		w.options.Address = test.address
		w.make(consumer.New)
		w.pull("inbox", "")
		if got, want := string(w.consumer.Effects()[0].Reply), fmt.Sprintf(test.want, start); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func FuzzParseTicket(f *testing.F) {
	f.Add("$JS.ACK.S.C.1.2.3.4.5")
	f.Add("$JS.ACK._.h.S.C.1.2.3.4.5.6.7.8.9.10.11.12.13.14")
	f.Fuzz(func(t *testing.T, text string) {
		ticket, ok := consumer.ParseTicket([]byte(text))
		if !ok {
			return
		}
		tokens := strings.Split(text, ".")
		if n := len(tokens); n != 9 && n < 11 {
			t.Fatalf("%q has %d tokens", text, n)
		}
		if ticket.Stream >= 1<<63 || ticket.Consumer >= 1<<63 || ticket.Count >= 1<<63 {
			t.Fatalf("%+v", ticket)
		}
	})
}
