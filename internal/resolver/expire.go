package resolver

import "time"

// expireRegularly removes expired files until Close.
func (d *Directory) expireRegularly(every time.Duration) {
	defer close(d.done)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			d.Expire()
		case <-d.stop:
			return
		}
	}
}

// Expire removes the files whose time is over. One that cannot be removed is
// tried again a minute later.
func (d *Directory) Expire() {
	if d.config.ReadOnly {
		return
	}
	for {
		d.mu.Lock()
		now := d.config.Now()
		i := d.index.next(now)
		if i == nil || d.closed {
			d.mu.Unlock()
			return
		}
		err := d.remove(i)
		if err == nil {
			d.index.remove(i)
		} else {
			d.index.postpone(i, now.Add(checkInterval).UnixNano())
			d.note("remove expired JWT of account %s: %w", i.key, err)
		}
		d.unlock()
	}
}
