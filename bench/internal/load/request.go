package load

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/godwit-mq/godwit/bench/internal/stats"
)

const (
	requestSubject = "bench.request"
	inboxPrefix    = "_INBOX.bench."
	inFlight       = 64
)

// Offsets of the six-digit token in the four forms of a request and its reply.
var (
	requestBody    = payload(smallPayload)
	requestPublish = appendPublish(nil, requestSubject, inboxPrefix+token(0), requestBody)
	requestSample  = delivery(requestSubject, "1", inboxPrefix+token(0), requestBody)
	replyPublish   = appendPublish(nil, inboxPrefix+token(0), "", requestBody)
	replySample    = delivery(inboxPrefix+token(0), "1", "", requestBody)

	requestPublishToken = tokenOffset(requestPublish)
	requestSampleToken  = tokenOffset(requestSample)
	replyPublishToken   = tokenOffset(replyPublish)
	replySampleToken    = tokenOffset(replySample)
)

func tokenOffset(message []byte) int {
	return bytes.Index(message, []byte(inboxPrefix)) + len(inboxPrefix)
}

// exchange says who asks whom, and what the request looks like where it arrives.
type exchange struct {
	requester, responder dialOptions
	sample               []byte // of the request's delivery
	reply                []byte // a publication of the answer
	// marker begins, in both, what the answer has to take over from the request: length bytes.
	marker string
	length int
}

// requestOne asks within one account.
func requestOne(r *run) error {
	latencies, err := requestInTurn(r, exchange{sample: requestSample, reply: replyPublish, marker: inboxPrefix, length: len(inboxPrefix) + 6})
	r.result.latencies(latencies)
	return err
}

// Mapped replies of service imports: "_R_.", six characters of the account, six of the request.
const (
	mappedPrefix = "_R_."
	mappedReply  = mappedPrefix + "AAAAAA.BBBBBB"
)

// requestImported asks by way of a service import. The responder takes no headers, so that what it gets has the same
// length each time.
func requestImported(r *run) error {
	latencies, err := requestInTurn(r, exchange{
		requester: dialOptions{as: credentials{UserImporter, UserPassword}},
		responder: dialOptions{as: credentials{UserExporter, UserPassword}, plain: true},
		sample:    delivery(requestSubject, "1", mappedReply, requestBody),
		reply:     appendPublish(nil, mappedReply, "", requestBody),
		marker:    mappedPrefix, length: len(mappedReply),
	})
	r.result.latencies(latencies)
	return err
}

// requestInTurn has one request in flight. A single goroutine plays both ends, one system call after the other, so the
// time measured is the server's two deliveries plus four system calls of this process. It returns the latencies.
func requestInTurn(r *run, x exchange) ([]time.Duration, error) {
	from, to := bytes.Index(x.sample, []byte(x.marker)), bytes.Index(x.reply, []byte(x.marker))
	var asked, answered []byte // what the last request and the last reply carried
	responder, err := r.openBlocking(x.responder, "responder", requestSubject, x.sample, func(d []byte) {
		asked = append(asked[:0], d[from:][:x.length]...)
	})
	if err != nil {
		return nil, err
	}
	defer responder.close()
	requester, err := r.openBlocking(x.requester, "requester", inboxPrefix+"*", replySample, func(d []byte) {
		answered = append(answered[:0], d[replySampleToken:][:6]...)
	})
	if err != nil {
		return nil, err
	}
	defer requester.close()

	request, reply := bytes.Clone(requestPublish), bytes.Clone(x.reply)
	alive := r.gauge()
	var sent int64
	var latencies []time.Duration
	once := func() error {
		sent++
		putToken(request[requestPublishToken:], int(sent%tokens))
		if err := requester.write(request); err != nil {
			return err
		}
		if err := responder.receive(sent); err != nil {
			return err
		}
		copy(reply[to:], asked)
		if err := responder.write(reply); err != nil {
			return err
		}
		if err := requester.receive(sent); err != nil {
			return err
		}
		if want := request[requestPublishToken:][:6]; !bytes.Equal(answered, want) {
			return fmt.Errorf("request %s was answered with %s", want, answered)
		}
		return nil
	}
	err = r.phases(func(d time.Duration) (int64, error) {
		latencies = latencies[:0]
		for now, end := time.Now(), time.Now().Add(d); now.Before(end); {
			if err := r.err(); err != nil {
				return 0, err
			}
			if err := once(); err != nil {
				return 0, err
			}
			after := time.Now()
			latencies = append(latencies, after.Sub(now))
			now = after
			alive.add(1)
		}
		return int64(len(latencies)), nil
	})
	if err != nil {
		return nil, err
	}
	for _, end := range []*blocking{requester, responder} {
		if err := end.sync(); err != nil {
			return nil, err
		}
		if err := end.receive(sent); err != nil {
			return nil, err
		}
	}
	return latencies, nil
}

// latencies sorts latencies and records the usual figures, if there are any.
func (r *Result) latencies(all []time.Duration) {
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	r.extra("latency p50", "us", lower, micros(stats.Percentile(all, 0.50)))
	r.extra("latency p99", "us", lower, micros(stats.Percentile(all, 0.99)))
}

// window keeps inFlight requests under way on one connection. Each slot has at most one; a request's token is its
// slot plus a multiple of inFlight, so a reply that comes twice or late meets a slot that waits for another token.
// Owned by the requester's reader while requests are in flight, else by the scenario; out is always the reader's.
type window struct {
	waiting   [inFlight]int // the token that a slot waits for; -1: none
	next      [inFlight]int // the token of the slot's next request
	sentAt    [inFlight]time.Time
	latencies []time.Duration
	out       []byte
	err       error

	deadline atomic.Int64 // wall clock, Unix nanoseconds, after which no new request is made
	sent     atomic.Int64
}

// request appends the slot's next request to dst.
func (w *window) request(dst []byte, slot int, now time.Time) []byte {
	at := len(dst)
	dst = append(dst, requestPublish...)
	putToken(dst[at+requestPublishToken:], w.next[slot])
	w.waiting[slot], w.sentAt[slot] = w.next[slot], now
	w.next[slot] = (w.next[slot] + inFlight) % tokens
	w.sent.Add(1)
	return dst
}

// reply takes one reply and makes the slot's next request.
func (w *window) reply(delivery []byte) {
	got, err := readToken(delivery[replySampleToken:])
	if err != nil {
		w.err = err
		return
	}
	slot := got % inFlight
	if w.waiting[slot] != got {
		w.err = fmt.Errorf("reply %06d came while slot %d waited for %06d", got, slot, w.waiting[slot])
		return
	}
	now := time.Now()
	w.waiting[slot] = -1
	w.latencies = append(w.latencies, now.Sub(w.sentAt[slot]))
	if now.UnixNano() < w.deadline.Load() {
		w.out = w.request(w.out, slot, now)
	}
}

// take returns what is to be written and starts afresh.
func (w *window) take() []byte {
	out := w.out
	w.out = w.out[:0]
	return out
}

// requestMany keeps 64 requests in flight between one requester and one responder connection.
func requestMany(r *run) error {
	var replies []byte
	responder, err := r.open(sessionOptions{
		name: "responder", sample: requestSample, buffer: 64 << 10,
		visit: func(d []byte) {
			at := len(replies)
			replies = append(replies, replyPublish...)
			copy(replies[at+replyPublishToken:], d[requestSampleToken:][:6])
		},
		flush: func() []byte {
			out := replies
			replies = replies[:0]
			return out
		},
	})
	if err != nil {
		return err
	}
	if err := responder.subscribe(requestSubject, "", "1"); err != nil {
		return err
	}
	w := &window{}
	for slot := range inFlight {
		w.waiting[slot], w.next[slot] = -1, slot
	}
	requester, err := r.open(sessionOptions{
		name: "requester", sample: replySample, buffer: 64 << 10, visit: w.reply,
		flush: func() []byte {
			if w.err != nil {
				r.fail(w.err)
			}
			return w.take()
		},
	})
	if err != nil {
		return err
	}
	if err := requester.subscribe(inboxPrefix+"*", "", "1"); err != nil {
		return err
	}

	err = r.phases(func(d time.Duration) (int64, error) {
		before := requester.received.load()
		w.latencies = w.latencies[:0]
		deadline := time.Now().Add(d)
		w.deadline.Store(deadline.UnixNano())
		var first []byte
		for slot := range inFlight {
			first = w.request(first, slot, time.Now())
		}
		if err := requester.write(first); err != nil {
			return 0, err
		}
		if err := r.sleep(time.Until(deadline)); err != nil {
			return 0, err
		}
		// The reader may still be busy with the last requests before the deadline: wait until what was sent has
		// come back and nothing was added meanwhile.
		for sent := int64(-1); sent != w.sent.Load(); {
			sent = w.sent.Load()
			if err := requester.received.wait(sent); err != nil {
				return 0, err
			}
		}
		return requester.received.load() - before, nil
	})
	if err != nil {
		return err
	}
	if err := errors.Join(requester.sync(), responder.sync()); err != nil {
		return err
	}
	sent := w.sent.Load()
	if got, asked := requester.own.Load(), responder.own.Load(); got != sent || asked != sent {
		return fmt.Errorf("%d requests, %d of them reached the responder, %d replies came back", sent, asked, got)
	}
	r.result.latencies(w.latencies)
	return nil
}
