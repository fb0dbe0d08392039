package ocspcheck

import "sync"

// flights lets those who need the same answer at the same time ask once: when a
// thousand clients come back, their common issuer is one question.
type flights struct {
	mu  sync.Mutex
	air map[linkKey]*flight // guarded by mu
}

// flight is a question that was asked and not answered yet.
type flight struct {
	landed  chan struct{}
	outcome outcome // set before landed is closed
}

// do returns what ask returns, or what another call's ask for the same key, which
// was under way already, returns.
func (f *flights) do(key linkKey, ask func() outcome) outcome {
	f.mu.Lock()
	if other := f.air[key]; other != nil {
		f.mu.Unlock()
		<-other.landed
		return other.outcome
	}
	own := &flight{landed: make(chan struct{}), outcome: outcome{reason: reasonFetch, err: errLost}}
	if f.air == nil {
		f.air = make(map[linkKey]*flight)
	}
	f.air[key] = own
	f.mu.Unlock()

	defer func() { // also if ask panics: nobody may wait forever
		f.mu.Lock()
		delete(f.air, key)
		f.mu.Unlock()
		close(own.landed)
	}()
	own.outcome = ask()
	return own.outcome
}
