package stream

import (
	"bytes"
	"slices"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

// batchIDMax is the length of the longest identifier of a batch.
const batchIDMax = 64

// An atomicBatch is messages that are stored all together or not at all.
type atomicBatch struct {
	id       string
	staged   []Incoming // copies
	last     uint64     // the number of the last message that came
	bytes    int64      // what the copies take
	deadline int64
}

// AtomicBatches are those that are open. The zero value has none.
type atomicBatches struct {
	open    map[string]*atomicBatch
	soonest int64 // no deadline is before this
}

// next is when expire may have something to do, or the greatest time.
func (b *atomicBatches) next() int64 {
	if len(b.open) == 0 {
		return never
	}
	return b.soonest
}

func (b *atomicBatches) add(batch *atomicBatch) {
	if b.open == nil {
		b.open = make(map[string]*atomicBatch)
	}
	if len(b.open) == 0 {
		b.soonest = batch.deadline
	}
	b.open[batch.id] = batch
	b.soonest = min(b.soonest, batch.deadline)
}

func (b *atomicBatches) remove(batch *atomicBatch, budget *Budget) {
	delete(b.open, batch.id)
	budget.giveAtomic(batch.bytes)
}

// expire abandons the batches that nobody has gone on with.
func (b *atomicBatches) expire(now int64, budget *Budget, out *Result) {
	if b.next() > now {
		return
	}
	var over []string
	b.soonest = never
	for id, batch := range b.open {
		if batch.deadline > now {
			b.soonest = min(b.soonest, batch.deadline)
			continue
		}
		over = append(over, id)
	}
	slices.Sort(over)
	for _, id := range over {
		b.remove(b.open[id], budget)
		out.Abandoned = append(out.Abandoned, Abandoned{Batch: id, Reason: api.BatchTimedOut})
	}
}

// drop forgets all.
func (b *atomicBatches) drop(budget *Budget) {
	for _, batch := range b.open {
		b.remove(batch, budget)
	}
}

// judgeBatched checks what holds for the messages of any batch, before the batch itself
// is looked at.
func (s *Stream) judgeBatched(c *candidate, allowed bool, disabled *api.Error) *api.Error {
	if s.rules.config.Sealed {
		return api.ErrStreamSealed
	}
	if quota := s.options.Quota; quota != nil {
		if refusal := quota.Server(); refusal != nil {
			return refusal
		}
		if refusal := quota.Account(s.store.Size(len(c.Subject), len(c.Header), len(c.Payload))); refusal != nil {
			return refusal
		}
	}
	if most := s.rules.maxSize; most >= 0 && len(c.Header)+len(c.Payload) > most {
		return api.ErrStreamMessageExceedsMaximum
	}
	if !allowed {
		return disabled
	}
	return nil
}

// publishAtomic takes in a message of an atomic batch.
func (s *Stream) publishAtomic(c *candidate, out *Result) error {
	if refusal := s.judgeBatched(c, s.rules.config.AllowAtomic, api.ErrAtomicPublishDisabled); refusal != nil {
		s.refuse(c.reply, refusal, out)
		return nil
	}
	id := c.fields.get(fieldBatchID)
	if len(id) > batchIDMax {
		s.refuse(c.reply, api.ErrAtomicPublishInvalidBatchID, out)
		return nil
	}
	number, ok := parseUint(c.fields.get(fieldBatchSequence))
	if !ok {
		s.refuse(c.reply, api.ErrAtomicPublishMissingSeq, out)
		return nil
	}
	s.atomic.expire(c.Time, s.options.Budget, out)
	batch := s.atomic.open[string(id)]
	if batch == nil {
		var refusal *api.Error
		if batch, refusal = s.beginAtomic(string(id), number, c); refusal != nil {
			s.refuse(c.reply, refusal, out)
			return nil
		}
	}
	batch.deadline = c.Time + int64(s.options.Batches.Idle)
	if reason, refusal := s.judgeStep(batch, number, c); refusal != nil {
		s.abandon(batch, reason, out)
		s.refuse(c.reply, refusal, out)
		return nil
	}
	return s.stepAtomic(batch, c, out)
}

// beginAtomic opens a batch, for its first message.
func (s *Stream) beginAtomic(id string, number uint64, c *candidate) (*atomicBatch, *api.Error) {
	if number != 1 {
		if most := s.options.Batches.Messages; countable(number, c) > uint64(most) {
			return nil, api.NewAtomicPublishTooLargeBatch(most)
		}
		return nil, api.ErrAtomicPublishIncompleteBatch
	}
	if len(s.atomic.open) >= s.options.Batches.Atomic || !s.options.Budget.takeAtomic() {
		return nil, api.ErrAtomicPublishTooManyInflight
	}
	batch := &atomicBatch{id: id, deadline: c.Time + int64(s.options.Batches.Idle)}
	s.atomic.add(batch)
	return batch, nil
}

// countable is how many messages a batch has with this one: the mark of its end is
// none.
func countable(number uint64, c *candidate) uint64 {
	if number > 0 && string(c.fields.get(fieldBatchCommit)) == commitEnd {
		return number - 1
	}
	return number
}

// judgeStep checks whether a message can be the next of its batch. The reason is empty
// where nobody is told that the batch is abandoned.
func (s *Stream) judgeStep(batch *atomicBatch, number uint64, c *candidate) (reason string, refusal *api.Error) {
	commit := c.fields.get(fieldBatchCommit)
	end := string(commit) == commitEnd
	if c.fields.has(fieldBatchCommit) && !end && string(commit) != commitStore {
		return "", api.ErrAtomicPublishInvalidBatchCommit
	}
	if level := c.fields.get(fieldRequiredLevel); len(level) > 0 {
		if !levelReached(level) {
			return api.BatchUnsupported, api.ErrRequiredApiLevel
		}
		c.Header = without(c.Header, named(headerRequiredLevel))
	}
	batch.last++
	if batch.last != number || number == 1 && end {
		return api.BatchIncomplete, api.ErrAtomicPublishIncompleteBatch
	}
	if most := s.options.Batches.Messages; countable(number, c) > uint64(most) {
		return api.BatchTooLarge, api.NewAtomicPublishTooLargeBatch(most)
	}
	return "", nil
}

// levelReached reports whether this server is of the level that a message requires.
func levelReached(level []byte) bool {
	n, ok := parseUint(level)
	return ok && n <= api.Level
}

// abandon ends a batch of which nothing is stored.
func (s *Stream) abandon(batch *atomicBatch, reason string, out *Result) {
	s.atomic.remove(batch, s.options.Budget)
	if reason != "" {
		out.Abandoned = append(out.Abandoned, Abandoned{Batch: batch.id, Reason: reason})
	}
}

// stepAtomic stages a message, or commits the batch with it.
func (s *Stream) stepAtomic(batch *atomicBatch, c *candidate, out *Result) error {
	if c.fields.has(fieldBatchCommit) {
		return s.commitAtomic(batch, c, out)
	}
	size := int64(len(c.Subject) + len(c.Header) + len(c.Payload))
	if !s.options.Budget.takeBytes(size) {
		s.abandon(batch, api.BatchTooLarge, out)
		s.refuse(c.reply, api.ErrAtomicPublishTooManyInflight, out)
		return nil
	}
	batch.bytes += size
	batch.staged = append(batch.staged, Incoming{
		Subject: bytes.Clone(c.Subject), Header: bytes.Clone(c.Header), Payload: bytes.Clone(c.Payload),
	})
	out.outcome(Staged, 0)
	s.acknowledgeStaged(c.reply, out)
	return nil
}

// commitAtomic judges a batch as a whole, and stores it.
func (s *Stream) commitAtomic(batch *atomicBatch, c *candidate, out *Result) error {
	reply, now := c.reply, c.Time
	all := batch.staged
	end := string(c.fields.get(fieldBatchCommit)) == commitEnd
	if !end {
		all = append(all, Incoming{Subject: c.Subject, Header: c.Header, Payload: c.Payload})
	}
	s.abandon(batch, "", out)
	parts := make([]candidate, len(all))
	if refusal := s.judgeAll(parts, all, now, out); refusal != nil {
		s.refuse(reply, refusal, out)
		return nil
	}
	if end {
		last := &parts[len(parts)-1]
		last.Header = with(last.Header, headerBatchCommit, commitStore)
	}
	refusal, err := s.applyAll(parts, out)
	switch {
	case err != nil:
		return err
	case refusal != nil:
		s.refuse(reply, refusal, out)
		return nil
	}
	out.outcome(Committed, s.last)
	s.acknowledgeBatch(reply, s.last, false, batch.id, uint64(len(parts)), out)
	return nil
}

// judgeAll judges the messages of a batch, each as if those before were stored.
func (s *Stream) judgeAll(parts []candidate, all []Incoming, now int64, out *Result) *api.Error {
	p := plan{together: true}
	for i := range parts {
		c := &parts[i]
		c.read(&all[i], fromClient, now)
		s.transformed(c, out)
		if c.fields.filled(fieldExpectedLastMsgID) {
			return api.NewAtomicPublishUnsupportedHeaderBatch(headerExpectedLastMsgID)
		}
		if _, refusal := s.judgePart(c, &p); refusal != nil {
			return refusal
		}
		p.add(c)
	}
	return s.judgeMixed(parts)
}

// judgeMixed checks the limits of a batch of which some messages are not wanted, so
// that it cannot be stored in one go: what is stored must not be refused half way. It
// counts as if nothing made room.
func (s *Stream) judgeMixed(parts []candidate) *api.Error {
	l := s.store.Limits()
	if !l.DiscardNew || !slices.ContainsFunc(parts, func(c candidate) bool { return c.unwanted }) {
		return nil
	}
	state := s.store.State()
	subjects := make(map[string]uint64)
	for i := range parts {
		c := &parts[i]
		if c.unwanted {
			continue
		}
		state.Messages++
		state.Bytes += s.store.Size(len(c.Subject), len(c.Header), len(c.Payload))
		subjects[string(c.Subject)]++
		switch {
		case l.DiscardNewPerSubject && !c.Rollup && subjects[string(c.Subject)]+s.countOf(c.Subject) > uint64(l.MaxPerSubject):
			return api.NewStreamStoreFailed(store.ErrMaxPerSubject)
		case l.MaxMessages > 0 && state.Messages > uint64(l.MaxMessages):
			return api.NewStreamStoreFailed(store.ErrMaxMessages)
		case l.MaxBytes > 0 && state.Bytes > uint64(l.MaxBytes):
			return api.NewStreamStoreFailed(store.ErrMaxBytes)
		}
	}
	return nil
}

// countOf is the number of messages of a subject.
func (s *Stream) countOf(of []byte) uint64 {
	f, err := store.NewFilter(string(of))
	if err != nil {
		return 0
	}
	state, err := s.store.Matching(f, 0)
	if err != nil {
		return 0
	}
	return state.Messages
}

// applyAll stores the messages of a batch, under sequences that follow each other.
func (s *Stream) applyAll(parts []candidate, out *Result) (*api.Error, error) {
	befores := s.beforeRepublishAll(parts)
	for from := 0; from < len(parts); {
		if parts[from].unwanted {
			if err := s.applyUnwanted(&parts[from]); err != nil {
				return nil, err
			}
			from++
			continue
		}
		to := from
		for to < len(parts) && !parts[to].unwanted {
			to++
		}
		if refusal, err := s.appendRun(parts[from:to]); refusal != nil || err != nil {
			return refusal, err
		}
		for i := from; i < to; i++ {
			s.remember(&parts[i], out)
			if before, ok := befores[i]; ok {
				s.publishAgain(&parts[i], before, out)
			}
			if err := s.rollUp(&parts[i]); err != nil {
				return nil, err
			}
		}
		from = to
	}
	return nil, nil
}

func (s *Stream) appendRun(run []candidate) (*api.Error, error) {
	messages := make([]store.Message, len(run))
	for i := range run {
		messages[i] = run[i].Message
	}
	if err := s.store.AppendBatch(messages, store.Checked); err != nil {
		return refusalOf(err)
	}
	for i := range run {
		run[i].Sequence = messages[i].Sequence
	}
	return nil, nil
}

// beforeRepublishAll returns, by index, the sequences that are last of their subject
// before each message that is to be published again.
func (s *Stream) beforeRepublishAll(parts []candidate) map[int]uint64 {
	if s.rules.republish == nil {
		return nil
	}
	befores := make(map[int]uint64)
	inBatch := make(map[string]uint64)
	for i := range parts {
		c := &parts[i]
		if c.unwanted {
			continue
		}
		before, again := s.beforeRepublish(c)
		if sequence, ok := inBatch[string(c.Subject)]; ok {
			before = sequence
		}
		if again {
			befores[i] = before
		}
		inBatch[string(c.Subject)] = s.last + uint64(i) + 1
	}
	return befores
}
