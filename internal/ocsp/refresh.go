package ocspcheck

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"
)

const (
	// checkUnset is the time between two questions if answers set no end.
	checkUnset = 24 * time.Hour
	// checkPast is the time between two questions when the answer has expired.
	checkPast = 2 * time.Minute
	// checkMin bounds how often is asked when an answer is about to expire.
	checkMin = time.Second
)

// nextCheck returns how long after now the next question is due.
func nextCheck(now, nextUpdate time.Time) time.Duration {
	if nextUpdate.IsZero() {
		return checkUnset
	}
	left := nextUpdate.Sub(now)
	if left < 0 {
		return checkPast
	}
	return max(left/2, checkMin)
}

// Run asks for the status again and again, until ctx ends or the certificate must
// not be served any more: then it has told so to Revoked.
func (s *Stapler) Run(ctx context.Context) {
	s.log.Noticef("OCSP Stapling enabled for %s connections", s.config.Kind)
	answer := s.current.Load().answer
	wait := nextCheck(s.now(), answer.NextUpdate)
	s.report("Found OCSP status for %s certificate at '%s'", answer, wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		answer, err := s.refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			wait = nextCheck(s.now(), s.current.Load().answer.NextUpdate)
			s.log.Errorf("Bad OCSP status update for certificate '%s': %s, trying again in %v", s.config.Name, err, wait)
		} else {
			wait = nextCheck(s.now(), answer.NextUpdate)
			s.report("Received OCSP status for %s certificate '%s'", answer, wait)
			if s.strict && answer.Status != Good {
				if s.config.Revoked != nil {
					s.config.Revoked(answer.Status)
				}
				return
			}
		}
		timer.Reset(wait)
	}
}

// report logs a status. prefix takes the kind and the name.
func (s *Stapler) report(prefix string, answer *Answer, wait time.Duration) {
	text := fmt.Sprintf(prefix, s.config.Kind, s.config.Name)
	if answer.Status != Good {
		s.log.Errorf("%s: %s", text, answer.Status)
		return
	}
	next := "unset"
	if !answer.NextUpdate.IsZero() {
		next = stamp(answer.NextUpdate)
	}
	s.log.Noticef("%s: good, next update %s, checking again in %s", text, next, wait)
}

// certificate returns the certificate with a valid staple, and gets a status if
// there is none.
func (s *Stapler) certificate(ctx context.Context) (*tls.Certificate, error) {
	if found := s.valid(); found != nil {
		return found.certificate, nil
	}
	ctx, cancel := context.WithTimeout(ctx, handshakePatience)
	defer cancel()
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	if found := s.valid(); found != nil {
		return found.certificate, nil
	}
	if s.now().Before(s.quietUntil) {
		return nil, s.failure
	}
	if _, err := s.obtain(ctx); err != nil {
		return nil, err
	}
	return s.current.Load().certificate, nil
}

// valid returns the current staple if it has not expired.
func (s *Stapler) valid() *staple {
	if found := s.current.Load(); s.checkTime(found.answer) == nil {
		return found
	}
	return nil
}

// enter waits for the turn to get a status.
func (s *Stapler) enter(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the OCSP status of certificate '%s': %w", s.config.Name, ctx.Err())
	}
}

func (s *Stapler) leave() { <-s.turn }

// refresh gets a new status from a responder.
func (s *Stapler) refresh(ctx context.Context) (*Answer, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	return s.fetch(ctx)
}

// obtain gets a status from the store or a responder. The caller has the turn.
func (s *Stapler) obtain(ctx context.Context) (*Answer, error) {
	if der, err := s.config.Store.load(s.leaf); err == nil && der != nil {
		if answer, err := s.judge(der); err == nil {
			s.use(answer)
			return answer, nil
		}
	}
	return s.fetch(ctx)
}

// fetch gets a new status from a responder and keeps it. The caller has the turn.
func (s *Stapler) fetch(ctx context.Context) (*Answer, error) {
	answer, err := s.askAll(ctx)
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) { // which says nothing of responders
			s.failure, s.quietUntil = err, s.now().Add(quietTime)
		}
		return nil, err
	}
	s.quietUntil = time.Time{}
	s.use(answer)
	if err := s.config.Store.save(s.leaf, answer.DER); err != nil {
		s.log.Warnf("Unable to save OCSP status of certificate '%s': %s", s.config.Name, err)
	}
	return answer, nil
}

func (s *Stapler) use(answer *Answer) {
	certificate := s.config.Certificate
	certificate.OCSPStaple = answer.DER
	s.current.Store(&staple{answer: answer, certificate: &certificate})
}

// askAll asks one responder after the other until one gives a valid answer.
func (s *Stapler) askAll(ctx context.Context) (*Answer, error) {
	if len(s.urls) == 0 {
		return nil, errors.New("no available ocsp servers")
	}
	var failures []error
	for _, url := range s.urls {
		answer, err := s.askOne(ctx, url)
		if err == nil {
			return answer, nil
		}
		failures = append(failures, err)
	}
	return nil, fmt.Errorf("exhausted ocsp servers: %w", errors.Join(failures...))
}

// askOne asks a responder by POST, or by GET if it does not like that.
func (s *Stapler) askOne(ctx context.Context, url string) (*Answer, error) {
	der, postErr := s.responders.post(ctx, url, s.question)
	if postErr != nil {
		var getErr error
		if der, getErr = s.responders.get(ctx, url, s.question); getErr != nil {
			return nil, errors.Join(postErr, getErr)
		}
	}
	answer, err := s.judge(der)
	if err != nil {
		return nil, fmt.Errorf("failed to get remote status from %s: %w", url, err)
	}
	return answer, nil
}

// judge returns an answer that may be stapled now.
func (s *Stapler) judge(der []byte) (*Answer, error) {
	answer, err := Parse(der, s.leaf, s.issuer)
	if err != nil {
		return nil, err
	}
	if err := s.checkTime(answer); err != nil {
		return nil, err
	}
	return answer, nil
}

// checkTime allows no skew: peers may not either.
func (s *Stapler) checkTime(answer *Answer) error { return answer.CheckTime(s.now(), 0, forever) }
