package consumer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/jetstream/consumer"
)

// An asker is what a requester knows of its request.
type asker struct {
	batch, got, budget int
	ended              bool
	expires            int64
	noWait             bool
}

// TestEveryRequestEndsOnce opens random requests. Each gets no more than it asked for,
// nothing after its end, and ends for a reason that it gave.
func TestEveryRequestEndsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newStream(t, limits)
		config := explicit()
		config.MaxWaiting, config.MaxAckPending = 6, rapid.SampledFrom([]int{-1, 4}).Draw(t, "max ack pending")
		w.create(config)
		askers := map[string]*asker{}
		var acks [][]byte

		settle := func() {
			w.run()
			for _, e := range w.consumer.Effects() {
				a := askers[e.To]
				switch {
				case a == nil || a.ended:
					t.Fatalf("%s after the end", line(e))
				case e.Kind == consumer.Deliver:
					a.got++
					acks = append(acks, []byte(string(e.Reply)))
					size := len(e.Subject) + len(e.Reply) + len(e.Payload)
					if a.budget > 0 {
						if a.budget -= size; a.budget < 0 {
							t.Fatalf("%s beyond the budget", line(e))
						}
						a.ended = a.budget == 0
					}
					if a.got > a.batch || a.expires != 0 && w.now >= a.expires {
						t.Fatalf("%s: got %d of %d, ends at %d", line(e), a.got, a.batch, a.expires-w.now)
					}
					a.ended = a.ended || a.got == a.batch && a.budget == 0
				default:
					a.ended = true
					checkEnd(t, w, a, flat(e.Header))
				}
			}
			open := 0
			for name, a := range askers {
				if a.ended {
					continue
				}
				if open++; a.expires != 0 && w.consumer.Deadline() > a.expires {
					t.Fatalf("%s ends at %d, told %d", name, a.expires, w.consumer.Deadline())
				}
			}
			if n := w.consumer.Info(w.now).NumWaiting; n != open {
				t.Fatalf("%d requests wait, %d are open", n, open)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"pull": func(t *rapid.T) {
				a := &asker{batch: rapid.IntRange(1, 4).Draw(t, "batch"), noWait: rapid.Bool().Draw(t, "no wait")}
				expires := rapid.SampledFrom([]time.Duration{0, time.Second, 3 * time.Second}).Draw(t, "expires")
				if expires > 0 {
					a.expires = w.now + int64(expires)
				}
				a.budget = rapid.SampledFrom([]int{0, 0, 60, 150, 400}).Draw(t, "bytes")
				name := fmt.Sprintf("inbox%d", len(askers))
				askers[name] = a
				w.consumer.Pull(w.now, consumer.PullRequest{Reply: name, Body: fmt.Appendf(nil,
					`{"batch":%d,"no_wait":%v,"expires":%d,"max_bytes":%d}`, a.batch, a.noWait, expires, a.budget)})
				settle()
			},
			"publish": func(t *rapid.T) {
				for range rapid.IntRange(1, 4).Draw(t, "messages") {
					w.publish("a")
				}
				settle()
			},
			"ack": func(t *rapid.T) {
				for _, reply := range acks {
					w.check(w.consumer.Ack(w.now, reply, "", nil))
				}
				acks = nil
				settle()
			},
			"gone": func(t *rapid.T) {
				for name, a := range askers {
					if !a.ended {
						w.consumer.Gone(w.now, name)
						a.ended = true
						break
					}
				}
				settle()
			},
			"time": func(t *rapid.T) {
				w.now += int64(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 2 * time.Second}).Draw(t, "passed"))
				w.check(w.consumer.Due(w.now))
				settle()
			},
		})
	})
}

// checkEnd checks that a request may end with a status.
func checkEnd(t *rapid.T, w *world, a *asker, status string) {
	text, rest, _ := strings.Cut(status, "|")
	left := fmt.Sprintf("Nats-Pending-Messages: %d|Nats-Pending-Bytes: %d", a.batch-a.got, a.budget)
	ok := false
	switch text {
	case "408 Request Timeout":
		ok = a.expires != 0 && w.now >= a.expires && rest == left
	case "404 No Messages":
		ok = a.noWait && (a.expires == 0 || a.got > 0) && rest == ""
	case "408 Requests Pending":
		ok = a.noWait && a.got == 0 && rest == ""
	case "409 Batch Completed":
		ok = a.got == a.batch && a.budget > 0 && rest == left
	case "409 Message Size Exceeds MaxBytes":
		ok = a.budget > 0 && rest == left
	case "409 Exceeded MaxWaiting":
		ok = a.got == 0 && rest == ""
	}
	if !ok {
		t.Fatalf("ended with %q: %+v", status, *a)
	}
}
