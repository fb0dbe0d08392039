package consumer

import (
	"math"
	"slices"

	"github.com/godwit-mq/godwit/internal/store"
)

// never is a time that does not come.
const never = math.MaxInt64

// after is the sum of a time and a duration that is not negative, or never.
func after(t, wait int64) int64 {
	if t > never-wait {
		return never
	}
	return t + wait
}

// A schedule knows when outstanding messages are due, and which of them are.
//
// Messages that were delivered once, and since then left alone, are due in the order in
// which the consumer store lists them: they cost nothing here but the cursor. The others
// are odd: each has an entry, and is either in the heap, waiting for its time, or in the
// queue, waiting to be delivered. Entries of heap and queue whose message has moved on
// stay where they are until they come to the front or are more than half.
type schedule struct {
	cursor uint64 // ordinary messages are at this stream sequence or above
	front  int64  // no ordinary message is due earlier
	odd    map[uint64]oddity
	heap   []alarm
	queue  []queued
	head   int    // of the queue
	due    int    // messages in the queue that are really due
	ticket uint64 // that was given last
}

// An oddity is the state of a message out of the ordinary course.
type oddity struct {
	at     int64  // when it will be due
	ticket uint64 // place in the queue, 0 if it is not due yet
	undone bool   // its last delivery did not arrive and does not count
}

type alarm struct {
	at  int64
	seq uint64
}

type queued struct {
	seq, ticket uint64
}

// begin forgets everything; ordinary messages are at the sequence cursor or above.
func (s *schedule) begin(cursor uint64) {
	*s = schedule{cursor: cursor, front: never, ticket: s.ticket}
}

// delivered takes note of an ordinary delivery that will be due at a time. Later ones
// have later times, so that only the first matters.
func (s *schedule) delivered(at int64) {
	if s.front == never {
		s.front = at
	}
}

// delay lets a message be due at a time, whatever it was before.
func (s *schedule) delay(seq uint64, at int64) {
	s.forget(seq)
	s.put(seq, oddity{at: at})
	if at != never {
		s.push(alarm{at, seq})
	}
}

// enqueue puts a message at the end of the queue, unless it is in it. If undone, its last
// delivery will not count.
func (s *schedule) enqueue(seq uint64, undone bool) {
	o := s.odd[seq]
	o.undone = o.undone || undone
	if o.ticket == 0 {
		s.ticket++
		s.due++
		o.at, o.ticket = 0, s.ticket
		s.queue = append(s.queue, queued{seq, s.ticket})
	}
	s.put(seq, o)
}

func (s *schedule) put(seq uint64, o oddity) {
	if s.odd == nil {
		s.odd = make(map[uint64]oddity)
	}
	s.odd[seq] = o
}

// forget drops what is known of a message.
func (s *schedule) forget(seq uint64) {
	if len(s.odd) == 0 {
		return
	}
	o, ok := s.odd[seq]
	if !ok {
		return
	}
	delete(s.odd, seq)
	if o.ticket != 0 {
		s.due--
	}
	s.tidy()
}

// isDue says whether a message is in the queue.
func (s *schedule) isDue(seq uint64) bool { return s.odd[seq].ticket != 0 }

// undone says whether the last delivery of a message does not count.
func (s *schedule) undone(seq uint64) bool { return len(s.odd) > 0 && s.odd[seq].undone }

// peek is the message at the front of the queue.
func (s *schedule) peek() (uint64, bool) {
	for ; s.head < len(s.queue); s.head++ {
		q := s.queue[s.head]
		if s.odd[q.seq].ticket == q.ticket {
			return q.seq, true
		}
	}
	s.queue, s.head = s.queue[:0], 0
	return 0, false
}

// deadline is a time before which nothing becomes due.
func (s *schedule) deadline() int64 {
	for len(s.heap) > 0 {
		top := s.heap[0]
		if o, ok := s.odd[top.seq]; ok && o.ticket == 0 && o.at == top.at {
			return min(top.at, s.front)
		}
		s.pop()
	}
	return s.front
}

// expire returns, ascending, the messages that are due at now; wait is how long after
// its delivery an ordinary message is. They have left the ordinary course, but nothing
// else is done with them.
func (s *schedule) expire(now, wait int64, c store.Consumer) []uint64 {
	var list []uint64
	for s.deadline() <= now && len(s.heap) > 0 && s.heap[0].at <= now {
		list = append(list, s.heap[0].seq)
		s.pop()
	}
	if s.front <= now {
		s.front = never
		c.EachPending(s.cursor, func(o store.Outstanding) bool {
			if _, odd := s.odd[o.Stream]; !odd {
				if at := after(o.Time, wait); at > now {
					s.front = at
					return false
				}
				list = append(list, o.Stream)
			}
			s.cursor = o.Stream + 1
			return true
		})
	}
	slices.Sort(list)
	return list
}

// tidy drops dead entries where they are more than half.
func (s *schedule) tidy() {
	if len(s.heap) > 64 && len(s.heap) > 2*len(s.odd) {
		s.heap = slices.DeleteFunc(s.heap, func(a alarm) bool {
			o, ok := s.odd[a.seq]
			return !ok || o.ticket != 0 || o.at != a.at
		})
		for i := len(s.heap)/2 - 1; i >= 0; i-- {
			s.down(i)
		}
	}
	if s.head > 64 && s.head > len(s.queue)/2 || len(s.queue)-s.head > 64+2*s.due {
		s.queue = slices.DeleteFunc(s.queue[s.head:], func(q queued) bool { return s.odd[q.seq].ticket != q.ticket })
		s.head = 0
	}
}

func (s *schedule) push(a alarm) {
	s.heap = append(s.heap, a)
	for i := len(s.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if s.heap[parent].at <= s.heap[i].at {
			return
		}
		s.heap[i], s.heap[parent] = s.heap[parent], s.heap[i]
		i = parent
	}
}

func (s *schedule) pop() {
	last := len(s.heap) - 1
	s.heap[0] = s.heap[last]
	s.heap = s.heap[:last]
	s.down(0)
}

func (s *schedule) down(i int) {
	for {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(s.heap) && s.heap[child].at < s.heap[least].at {
				least = child
			}
		}
		if least == i {
			return
		}
		s.heap[i], s.heap[least] = s.heap[least], s.heap[i]
		i = least
	}
}
