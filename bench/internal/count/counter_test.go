package count

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const sample = "MSG bench.0 1 5\r\nhello\r\n"

func mustNew(t testing.TB, sample string) *Counter {
	t.Helper()
	counter, err := New([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	return counter
}

func TestCounterCountsAnyMixAtAnySplit(t *testing.T) {
	pieces := []string{sample, "MSG bench.1 1 5\r\nPING\n\r\n", "PING\r\n", "PONG\r\n", "+OK\r\n", "INFO {\"a\":1}\r\n"}
	rapid.Check(t, func(rt *rapid.T) {
		var stream bytes.Buffer
		var messages, pings, pongs int64
		var deliveries []string
		for _, i := range rapid.SliceOf(rapid.IntRange(0, len(pieces)-1)).Draw(rt, "pieces") {
			stream.WriteString(pieces[i])
			switch i {
			case 0, 1:
				messages++
				deliveries = append(deliveries, pieces[i])
			case 2:
				pings++
			case 3:
				pongs++
			}
		}
		counter := mustNew(t, sample)
		var visited []string
		if rapid.Bool().Draw(rt, "visit") {
			counter.Visit = func(delivery []byte) { visited = append(visited, string(delivery)) }
		} else {
			visited = deliveries
		}
		rest := stream.Bytes()
		for len(rest) > 0 {
			n := rapid.IntRange(1, min(len(rest), 60)).Draw(rt, "n")
			if err := counter.Feed(rest[:n]); err != nil {
				rt.Fatal(err)
			}
			rest = rest[n:]
		}
		if counter.Messages != messages || counter.Pings != pings || counter.Pongs != pongs {
			rt.Fatalf("got %d messages, %d pings, %d pongs, want %d, %d, %d",
				counter.Messages, counter.Pings, counter.Pongs, messages, pings, pongs)
		}
		if strings.Join(visited, "|") != strings.Join(deliveries, "|") {
			rt.Fatalf("visited %q, want %q", visited, deliveries)
		}
	})
}

func TestCounterDoesNotCountAnUnfinishedDelivery(t *testing.T) {
	counter := mustNew(t, sample)
	if err := counter.Feed([]byte(sample + sample[:len(sample)-1])); err != nil {
		t.Fatal(err)
	}
	if counter.Messages != 1 {
		t.Fatalf("counted %d messages, want 1", counter.Messages)
	}
}

func TestCounterRefuses(t *testing.T) {
	cases := []struct{ name, stream, want string }{
		{"error line", sample + "-ERR 'Slow Consumer'\r\n", "Slow Consumer"},
		{"other subject", "MSG other.0 1 5\r\nhello\r\n", "unexpected delivery"},
		{"no responders", "HMSG bench.0 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n", "unexpected delivery"},
		{"lost byte", sample[:18] + sample[19:] + sample, "instead of a line feed"},
		{"extra byte", sample[:18] + "x" + sample[18:] + sample, "instead of a line feed"},
		{"garbage", "hello\r\n", "no control line"},
		{"endless line", "INFO " + strings.Repeat("x", LineMax), "longer than"},
	}
	for _, test := range cases {
		for _, chunk := range []int{1, 7, 1 << 21} {
			t.Run(fmt.Sprintf("%s in chunks of %d", test.name, chunk), func(t *testing.T) {
				counter := mustNew(t, sample)
				var err error
				for rest := []byte(test.stream); len(rest) > 0 && err == nil; {
					n := min(chunk, len(rest))
					err = counter.Feed(rest[:n])
					rest = rest[n:]
				}
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Fatalf("got error %v, want one with %q", err, test.want)
				}
			})
		}
	}
	if err := mustNew(t, sample).Feed([]byte("-ERR 'x'\r\n")); !errors.Is(err, ErrServer) {
		t.Fatalf("got %v, want ErrServer", err)
	}
}

func TestCounterWithoutSampleRefusesEveryDelivery(t *testing.T) {
	counter := mustNew(t, "")
	if err := counter.Feed([]byte("PING\r\nPONG\r\n")); err != nil || counter.Pings != 1 || counter.Pongs != 1 {
		t.Fatalf("got %v and %+v", err, counter)
	}
	if err := counter.Feed([]byte(sample)); err == nil {
		t.Fatal("an unexpected delivery was accepted")
	}
}

func TestNewRefusesWhatIsNoDelivery(t *testing.T) {
	for _, bad := range []string{"MSG a\r\n", "PUB bench.0 5\r\n", "MSG a\n 1 5\r\nhello\r\n", "MSG bench.0 1 5\r\nhello"} {
		if _, err := New([]byte(bad)); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
}

// FuzzCounter checks that where a stream is cut never changes what is counted or whether it is refused.
func FuzzCounter(f *testing.F) {
	f.Add([]byte(sample+"PING\r\n"+sample), uint8(3))
	f.Add([]byte("INFO {}\r\n-ERR 'x'\r\n"), uint8(1))
	f.Add([]byte(sample[:20]), uint8(8))
	f.Fuzz(func(t *testing.T, stream []byte, chunk uint8) {
		whole, cut := mustNew(t, sample), mustNew(t, sample)
		cut.Visit = func(delivery []byte) {
			if len(delivery) != len(sample) || string(delivery[:PrefixSize]) != sample[:PrefixSize] {
				t.Fatalf("visited %q", delivery)
			}
		}
		wholeErr := whole.Feed(stream)
		var cutErr error
		for rest := stream; len(rest) > 0 && cutErr == nil; {
			n := min(int(chunk)+1, len(rest))
			cutErr = cut.Feed(rest[:n])
			rest = rest[n:]
		}
		if (wholeErr == nil) != (cutErr == nil) {
			t.Fatalf("whole: %v, in chunks: %v", wholeErr, cutErr)
		}
		if whole.Messages != cut.Messages || whole.Pings != cut.Pings || whole.Pongs != cut.Pongs {
			t.Fatalf("whole: %d %d %d, in chunks: %d %d %d", whole.Messages, whole.Pings, whole.Pongs,
				cut.Messages, cut.Pings, cut.Pongs)
		}
	})
}

func BenchmarkCounter128(b *testing.B) {
	delivery := "MSG bench.flow.0 1 128\r\n" + strings.Repeat("x", 128) + "\r\n"
	counter := mustNew(b, delivery)
	batch := []byte(strings.Repeat(delivery, 400))
	b.ReportAllocs()
	for b.Loop() {
		if err := counter.Feed(batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(counter.Messages), "ns/message")
}
