package consumer

// Pause stops deliveries until a time in Unix nanoseconds; one that is not ahead of now
// resumes. Acknowledgements and heartbeats go on.
func (c *Consumer) Pause(now, until int64) {
	if until <= now {
		until = 0
	}
	if until != c.pausedTo {
		c.setPause(until)
	}
}

func (c *Consumer) setPause(until int64) {
	told := until
	if until == 0 {
		told = c.pausedTo
	}
	c.pausedTo = until
	c.notify(Notice{Kind: PauseChanged, Paused: until != 0, PauseUntil: told})
}
