package consumer

import "slices"

// A count is the number of messages that wait for their first delivery.
type count struct {
	// waiting is the number of them up to the stream sequence through.
	waiting, through uint64
	// chosen are, ascending, those that come before everything else: the newest of each
	// subject when the consumer was made. What follows them is at resume or behind it.
	chosen []uint64
	resume uint64
}

// take counts a message that is delivered.
func (n *count) take(seq uint64) {
	if seq > n.through {
		n.through = seq
		return
	}
	n.waiting = less(n.waiting)
}

// less is a number that is one less, but not below 0: events may have come late.
func less(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	return n - 1
}

// recount counts by asking the stream.
func (c *Consumer) recount() error {
	start := c.position
	if len(c.count.chosen) > 0 {
		start = c.count.resume
	}
	// Sequences from the future on are counted when they are stored.
	waiting, _, err := c.stream.Pending(c.filter, start, false)
	if err != nil {
		return err
	}
	c.count.waiting = waiting + uint64(len(c.count.chosen))
	c.count.through = c.stream.State().LastSequence
	return nil
}

// Stored takes note of a message that the stream has stored.
func (c *Consumer) Stored(seq uint64, subject []byte) {
	if seq <= c.count.through {
		return
	}
	c.count.through = seq
	if seq >= c.position && c.filter.Match(subject) {
		c.count.waiting++
	}
}

// Matches says whether the consumer wants messages of a subject.
func (c *Consumer) Matches(subject []byte) bool { return c.filter.Match(subject) }

// Pending is the number of messages that wait for their first delivery.
func (c *Consumer) Pending() uint64 { return c.count.waiting }

// uncount takes a message that was removed out of the count.
func (c *Consumer) uncount(seq uint64, subject []byte) {
	n := &c.count
	if seq > n.through {
		return
	}
	if len(n.chosen) > 0 && seq < n.resume {
		if i, ok := slices.BinarySearch(n.chosen, seq); ok {
			n.waiting = less(n.waiting)
			c.unchoose(i)
		}
		return
	}
	if c.filter.Match(subject) {
		n.waiting = less(n.waiting)
	}
}

// isChosen says whether a message is one of those that come first.
func (c *Consumer) isChosen(seq uint64) bool {
	_, ok := slices.BinarySearch(c.count.chosen, seq)
	return ok
}

// unchoose takes a message out of those that come first.
func (c *Consumer) unchoose(i int) {
	n := &c.count
	if n.chosen = slices.Delete(n.chosen, i, i+1); len(n.chosen) == 0 {
		c.moveTo(n.resume)
		n.chosen = nil
	}
}
