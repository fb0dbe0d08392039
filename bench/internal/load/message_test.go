package load

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/godwit-mq/godwit/bench/internal/count"
	"pgregory.net/rapid"
)

func TestTokensRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.IntRange(0, tokens-1).Draw(rt, "token")
		b := make([]byte, 6)
		putToken(b, want)
		if string(b) != token(want) {
			rt.Fatalf("putToken wrote %q, token is %q", b, token(want))
		}
		if got, err := readToken(b); err != nil || got != want {
			rt.Fatalf("read %d, %v from %q", got, err, b)
		}
	})
	if _, err := readToken([]byte("00a000")); err == nil {
		t.Error("letters were read as a token")
	}
}

func TestTokenOffsetsPointAtTheToken(t *testing.T) {
	for _, m := range []struct {
		bytes []byte
		at    int
	}{{requestPublish, requestPublishToken}, {requestSample, requestSampleToken},
		{replyPublish, replyPublishToken}, {replySample, replySampleToken}} {
		if got := string(m.bytes[m.at : m.at+6]); got != "000000" {
			t.Errorf("%q at %d of %q", got, m.at, m.bytes)
		}
	}
	if tokens%inFlight != 0 {
		t.Error("a token's slot is lost when the tokens wrap around")
	}
}

// The naive reading of the batches must give every subject equally often, in turn, with the whole payload.
func TestBatchesHoldThePublishesInTurn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		subjects := make([]string, rapid.IntRange(1, 40).Draw(rt, "subjects"))
		for i := range subjects {
			subjects[i] = "s." + token(i)
		}
		body := payload(rapid.SampledFrom([]int{0, 1, 128, 8 << 10, 200 << 10}).Draw(rt, "payload"))
		limit := int64(rapid.IntRange(1, 100).Draw(rt, "limit"))
		next := 0
		for _, b := range batches(subjects, body, limit) {
			if b.messages < 1 || b.messages > limit {
				rt.Fatalf("a batch has %d messages, the limit is %d", b.messages, limit)
			}
			if len(b.bytes) > batchBytes && b.messages > 1 {
				rt.Fatalf("a batch of %d messages has %d bytes", b.messages, len(b.bytes))
			}
			rest := b.bytes
			for range b.messages {
				want := fmt.Appendf(nil, "PUB %s %d\r\n%s\r\n", subjects[next%len(subjects)], len(body), body)
				if !bytes.HasPrefix(rest, want) {
					rt.Fatalf("message %d is %.60q, want %.60q", next, rest, want)
				}
				rest = rest[len(want):]
				next++
			}
			if len(rest) > 0 {
				rt.Fatalf("%d bytes behind the last message", len(rest))
			}
		}
		if next < len(subjects) && int64(next) < limit && len(body) < 1000 {
			rt.Fatalf("only %d of %d subjects", next, len(subjects))
		}
	})
}

func TestDeliveriesAreWhatACounterAccepts(t *testing.T) {
	for _, d := range [][]byte{delivery("bench.flow.0", "1", "", payload(128)), delivery("a", "1", "r", nil), requestSample, replySample} {
		counter, err := count.New(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := counter.Feed(bytes.Repeat(d, 3)); err != nil || counter.Messages != 3 {
			t.Errorf("%.40q: %d messages, %v", d, counter.Messages, err)
		}
	}
}
