package load

import (
	"fmt"
	"strconv"
	"time"
)

// pairsInTurn has many pairs of a publisher and a subscriber. In each round every publisher writes one message with
// a write of its own, one after the other, then every subscriber's delivery is read. The server never gets more than one
// message from one read, so this measures what a system call and a wake-up cost it.
func pairsInTurn(r *run) error {
	pairs := r.settings.Pairs
	body := payload(smallPayload)
	publishers, subscribers := make([]*blocking, pairs), make([]*blocking, pairs)
	messages := make([][]byte, pairs)
	for i := range pairs {
		subject := "bench.pair." + token(i)
		var err error
		subscribers[i], err = r.openBlocking(dialOptions{}, "subscriber "+strconv.Itoa(i), subject, delivery(subject, "1", "", body), nil)
		if err != nil {
			return err
		}
		defer subscribers[i].close()
		publishers[i], err = r.openBlocking(dialOptions{}, "publisher "+strconv.Itoa(i), "", nil, nil)
		if err != nil {
			return err
		}
		defer publishers[i].close()
		messages[i] = appendPublish(nil, subject, "", body)
	}

	alive := r.gauge()
	var rounds int64
	round := func() error {
		rounds++
		for i, p := range publishers {
			if err := p.write(messages[i]); err != nil {
				return err
			}
		}
		for _, s := range subscribers {
			if err := s.receive(rounds); err != nil {
				return err
			}
		}
		alive.add(int64(pairs))
		return nil
	}
	err := r.phases(func(d time.Duration) (int64, error) {
		before := rounds
		for end := time.Now().Add(d); time.Now().Before(end); {
			if err := r.err(); err != nil {
				return 0, err
			}
			if err := round(); err != nil {
				return 0, err
			}
		}
		return (rounds - before) * int64(pairs), nil
	})
	if err != nil {
		return err
	}
	for i, s := range subscribers {
		if err := publishers[i].sync(); err != nil {
			return err
		}
		if err := s.sync(); err != nil {
			return err
		}
		if err := s.receive(rounds); err != nil {
			return fmt.Errorf("after the last round: %w", err)
		}
	}
	return nil
}
