package load

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// smallPayload is the payload of most scenarios, in bytes.
const smallPayload = 128

// fanOut is one publisher and n subscribers.
func fanOut(n, payloadBytes int) func(*run) error {
	return func(r *run) error {
		f := &flow{run: r}
		if err := f.fanOut("bench.flow.0", n, payload(payloadBytes), credentials{}, credentials{}); err != nil {
			return err
		}
		return f.measure()
	}
}

// fanOut adds one publisher and n subscribers of a subject to the flow.
func (f *flow) fanOut(subject string, n int, body []byte, publishAs, subscribeAs credentials) error {
	var receivers []*progress
	for range n {
		s, err := f.subscribe(subscriber{as: subscribeAs, subject: subject, sample: subject, fanOut: n}, body)
		if err != nil {
			return err
		}
		receivers = append(receivers, s.received)
	}
	g := f.gate(len(delivery(subject, "1", "", body)), receivers...)
	return f.publish(publishAs, g, []string{subject}, body)
}

func wideFanOut(r *run) error { return fanOut(r.settings.FanOut, smallPayload)(r) }

// pairsFlow is four publishers, each with a subscriber and a subject of its own.
func pairsFlow(r *run) error {
	f := &flow{run: r}
	for i := range 4 {
		subject := fmt.Sprintf("bench.flow.%d", i)
		if err := f.fanOut(subject, 1, payload(smallPayload), credentials{}, credentials{}); err != nil {
			return err
		}
	}
	return f.measure()
}

// fanIn is four publishers and one subscriber; the publishers share the window.
func fanIn(r *run) error {
	const subject = "bench.flow.0"
	body := payload(smallPayload)
	f := &flow{run: r}
	s, err := f.subscribe(subscriber{subject: subject, sample: subject}, body)
	if err != nil {
		return err
	}
	g := f.gate(len(delivery(subject, "1", "", body)), s.received)
	for range 4 {
		if err := f.publish(credentials{}, g, []string{subject}, body); err != nil {
			return err
		}
	}
	return f.measure()
}

// manySubjects is one publisher that goes through its subjects in turn and one wildcard subscriber.
func manySubjects(r *run) error {
	body := payload(smallPayload)
	subjects := make([]string, r.settings.Subjects)
	for i := range subjects {
		subjects[i] = "bench.many." + token(i)
	}
	f := &flow{run: r}
	s, err := f.subscribe(subscriber{subject: "bench.many.*", sample: subjects[0]}, body)
	if err != nil {
		return err
	}
	g := f.gate(len(delivery(subjects[0], "1", "", body)), s.received)
	if err := f.publish(credentials{}, g, subjects, body); err != nil {
		return err
	}
	return f.measure()
}

// queueGroup is one publisher and four members of a queue group. Together they must get every message once, and
// each of them some.
func queueGroup(r *run) error {
	const subject = "bench.flow.0"
	body := payload(smallPayload)
	f := &flow{run: r}
	shared := r.gauge()
	for range 4 {
		if _, err := f.subscribe(subscriber{subject: subject, sample: subject, queue: "workers", received: shared}, body); err != nil {
			return err
		}
	}
	g := f.gate(len(delivery(subject, "1", "", body)), shared)
	if err := f.publish(credentials{}, g, []string{subject}, body); err != nil {
		return err
	}
	if err := f.measure(); err != nil {
		return err
	}
	for _, s := range f.receivers {
		if s.own.Load() == 0 {
			return fmt.Errorf("%s of the queue group got nothing", s.name)
		}
	}
	return nil
}

// publishOnly has no receiver, so only the connection's own back pressure holds the publisher. The PONG behind the
// last publish proves that the server has parsed them all; its in_msgs, where there is a monitor, that it counted them.
func publishOnly(r *run) error {
	f := &flow{run: r}
	if err := f.publish(credentials{}, f.gate(1), []string{"bench.flow.0"}, payload(16)); err != nil {
		return err
	}
	before, err := r.inMessages()
	if err != nil {
		return err
	}
	publisher := f.publishers[0]
	err = r.phases(func(d time.Duration) (int64, error) {
		start := publisher.written.load()
		_, err := f.work(d)
		return publisher.written.load() - start, err
	})
	if err != nil || r.target.Monitor == "" {
		return err
	}
	sent := publisher.written.load()
	for deadline := time.Now().Add(2 * time.Second); ; <-time.After(20 * time.Millisecond) {
		now, err := r.inMessages()
		if err != nil {
			return err
		}
		if now-before == sent {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("sent %d messages, the server counted %d", sent, now-before)
		}
	}
}

// inMessages asks the monitor how many messages the server has received; without a monitor it returns 0.
func (r *run) inMessages() (int64, error) {
	if r.target.Monitor == "" {
		return 0, nil
	}
	client := http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	response, err := client.Get(r.target.Monitor + "/varz")
	if err != nil {
		return 0, fmt.Errorf("ask the monitor: %w", err)
	}
	defer response.Body.Close()
	var varz struct {
		InMessages *int64 `json:"in_msgs"`
	}
	if err := json.NewDecoder(response.Body).Decode(&varz); err != nil {
		return 0, fmt.Errorf("read /varz: %w", err)
	}
	if varz.InMessages == nil {
		return 0, fmt.Errorf("/varz (%s) has no in_msgs", response.Status)
	}
	return *varz.InMessages, nil
}
