package load

import (
	"errors"
	"fmt"
	"time"

	"github.com/godwit-mq/godwit/bench/internal/proc"
)

// firstSid makes all subscription identifiers six digits wide.
const firstSid = 100_000

// subscriptions adds and removes many subscriptions on one connection. The first cycle is for the memory that they
// take and for the proof: with all of them there, a message to each subject arrives once; with all of them gone, none
// does. The cycles after it are timed; one operation is one SUB or one UNSUB.
func subscriptions(r *run) error {
	n := r.settings.Subscriptions
	if n > 900_000 {
		return fmt.Errorf("%d subscriptions: identifiers of six digits allow 900000", n)
	}
	subject := func(i int) string { return "bench.sub." + token(i) + ".events" }
	var add, remove, publish [][]byte
	for i := range n {
		sid := firstSid + i
		add = appendChunked(add, fmt.Appendf(nil, "SUB %s %d\r\n", subject(i), sid))
		remove = appendChunked(remove, fmt.Appendf(nil, "UNSUB %d\r\n", sid))
		publish = appendChunked(publish, appendPublish(nil, subject(i), "", nil))
	}
	subscriber, err := r.open(sessionOptions{name: "subscriber", buffer: 256 << 10,
		sample: delivery(subject(0), fmt.Sprint(firstSid), "", nil)})
	if err != nil {
		return err
	}
	publisher, err := r.open(sessionOptions{name: "publisher"})
	if err != nil {
		return err
	}
	send := func(s *session, chunks [][]byte) error {
		for _, chunk := range chunks {
			if err := s.write(chunk); err != nil {
				return err
			}
		}
		return s.sync()
	}
	deliveries := func(want int64) error {
		if err := errors.Join(send(publisher, publish), subscriber.sync()); err != nil {
			return err
		}
		// Deliveries of another connection may be queued behind the PONG, so those expected are waited for.
		if err := subscriber.received.wait(want); err != nil {
			return err
		}
		if got := subscriber.own.Load(); got != want {
			return fmt.Errorf("got %d deliveries, want %d", got, want)
		}
		return nil
	}

	before, err := proc.ReadMemory(r.target.PID)
	if err != nil {
		return err
	}
	if err := send(subscriber, add); err != nil {
		return err
	}
	after, err := proc.ReadMemory(r.target.PID)
	if err != nil {
		return err
	}
	if err := deliveries(int64(n)); err != nil {
		return fmt.Errorf("with %d subscriptions: %w", n, err)
	}
	if err := send(subscriber, remove); err != nil {
		return err
	}
	if err := deliveries(int64(n)); err != nil {
		return fmt.Errorf("after removing %d subscriptions: %w", n, err)
	}

	count, begin, end, err := r.measure(func() (int64, error) {
		var operations int64
		for deadline := time.Now().Add(r.settings.Duration); time.Now().Before(deadline); {
			if err := errors.Join(send(subscriber, add), send(subscriber, remove)); err != nil {
				return 0, err
			}
			operations += 2 * int64(n)
		}
		return operations, nil
	})
	if err != nil {
		return err
	}
	r.result.record(count, begin, end)
	if err := deliveries(int64(n)); err != nil {
		return fmt.Errorf("after the last cycle: %w", err)
	}
	r.result.extra("memory per subscription", "bytes", lower, float64(after.Resident-before.Resident)/float64(n))
	return r.readMemory()
}

// appendChunked appends the line to the last chunk, or to a new one when that has reached batchBytes.
func appendChunked(chunks [][]byte, line []byte) [][]byte {
	if last := len(chunks) - 1; last >= 0 && len(chunks[last])+len(line) <= batchBytes {
		chunks[last] = append(chunks[last], line...)
		return chunks
	}
	return append(chunks, line)
}
