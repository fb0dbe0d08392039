package stream

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
)

const (
	// fastSuffix ends the reply subjects of fast batches.
	fastSuffix = ".$FI"
	// replyPrefix begins reply subjects that stand for those of another account.
	replyPrefix = "_R_."
	// fastFlowMax is up to how many messages all fast batches of a stream together
	// send without an acknowledgement.
	fastFlowMax = 500
	// fastFlowDefault is after how many messages a publisher is answered that does not
	// say.
	fastFlowDefault = 10
)

// What a message of a fast batch is for.
const (
	fastStart = iota
	fastAppend
	fastCommit
	fastEnd
	fastPing
)

// A fastStep is what the reply subject of a message says about its batch.
type fastStep struct {
	id        string
	flow      uint16
	gapOK     bool
	number    uint64
	operation uint64
	malformed bool
}

func (f *fastStep) commits() bool { return f.operation == fastCommit || f.operation == fastEnd }

// fastReply reads the reply subject of a message. It is false if the message is of no
// fast batch. Behind an import, the subject that the publisher has used stands in what
// the server has said of it.
func fastReply(c *candidate) (fastStep, bool) {
	if isFast(c.reply) {
		return parseFastReply(c.reply), true
	}
	if !c.fields.has(fieldRequestInfo) || !bytes.HasPrefix(c.reply, []byte(replyPrefix)) {
		return fastStep{}, false
	}
	var info struct {
		Reply string `json:"reply"`
	}
	if json.Unmarshal(c.fields.get(fieldRequestInfo), &info) != nil || !isFast([]byte(info.Reply)) {
		return fastStep{}, false
	}
	return parseFastReply([]byte(info.Reply)), true
}

func isFast(reply []byte) bool {
	return len(reply) > len(fastSuffix) && string(reply[len(reply)-len(fastSuffix):]) == fastSuffix
}

// parseFastReply reads <inbox>.<id>.<flow>.<gap mode>.<number>.<operation>.$FI
func parseFastReply(reply []byte) fastStep {
	malformed := fastStep{malformed: true}
	rest := reply[:len(reply)-len(fastSuffix)]
	var parts [5][]byte // from the last to the first
	for i := range parts {
		dot := bytes.LastIndexByte(rest, '.')
		if dot < 0 {
			return malformed
		}
		parts[i], rest = rest[dot+1:], rest[:dot]
	}
	step := fastStep{id: string(parts[4]), gapOK: string(parts[2]) == "ok"}
	var operationOK, numberOK bool
	step.operation, operationOK = parseUint(parts[0])
	step.number, numberOK = parseUint(parts[1])
	switch {
	case !operationOK || step.operation > fastPing,
		!numberOK || step.number == 0 || step.number == math.MaxUint64,
		step.operation == fastStart && step.number != 1,
		step.operation == fastAppend && step.number == 1,
		step.operation == fastEnd && step.number == 1,
		!step.gapOK && string(parts[2]) != "fail":
		return malformed
	}
	flow, ok := parseUint(parts[3])
	if !ok || flow == 0 {
		flow = fastFlowDefault
	}
	step.flow = uint16(min(flow, math.MaxUint16))
	return step
}

// A fastBatch is messages that are stored as they come, and acknowledged now and then.
type fastBatch struct {
	gapOK    bool
	most     uint16 // after how many messages the publisher wants an acknowledgement
	every    uint16 // after how many it gets one
	last     uint64 // the number of the last message that came
	told     uint64 // the number in the last acknowledgement
	sequence uint64 // of the last message that was stored
	deadline int64
}

// FastBatches are those that are open. The zero value has none.
type fastBatches struct {
	open    map[string]*fastBatch
	soonest int64
}

func (b *fastBatches) next() int64 {
	if len(b.open) == 0 {
		return never
	}
	return b.soonest
}

func (b *fastBatches) add(id string, batch *fastBatch) {
	if b.open == nil {
		b.open = make(map[string]*fastBatch)
	}
	if len(b.open) == 0 {
		b.soonest = batch.deadline
	}
	b.open[id] = batch
	b.soonest = min(b.soonest, batch.deadline)
	if batch.every = min(fastFlowMax, batch.most); len(b.open) > 1 {
		batch.every = 1
	}
}

func (b *fastBatches) remove(id string, budget *Budget) {
	if _, ok := b.open[id]; ok {
		delete(b.open, id)
		budget.giveFast()
	}
}

// expire drops the batches that nobody has gone on with. What they have stored stays.
func (b *fastBatches) expire(now int64, budget *Budget) {
	if b.next() > now {
		return
	}
	b.soonest = never
	for id, batch := range b.open {
		if batch.deadline <= now {
			b.remove(id, budget)
			continue
		}
		b.soonest = min(b.soonest, batch.deadline)
	}
}

func (b *fastBatches) drop(budget *Budget) {
	for id := range b.open {
		b.remove(id, budget)
	}
}

// publishFast takes in a message of a fast batch.
func (s *Stream) publishFast(c *candidate, step fastStep, out *Result) error {
	refusal := s.judgeBatched(c, s.rules.config.AllowBatched, api.ErrBatchPublishDisabled)
	switch {
	case refusal != nil:
	case step.malformed:
		refusal = api.ErrBatchPublishInvalidPattern
	case len(step.id) > batchIDMax:
		refusal = api.ErrBatchPublishInvalidBatchID
	}
	if refusal != nil {
		s.refuse(c.reply, refusal, out)
		return nil
	}
	s.fast.expire(c.Time, s.options.Budget)
	batch := s.fast.open[step.id]
	if batch == nil {
		if batch, refusal = s.beginFast(&step, c.Time); refusal != nil {
			s.refuse(c.reply, refusal, out)
			return nil
		}
	}
	if level := c.fields.get(fieldRequiredLevel); len(level) > 0 {
		if !levelReached(level) {
			s.fast.remove(step.id, s.options.Budget)
			s.refuse(c.reply, api.ErrRequiredApiLevel, out)
			return nil
		}
		c.Header = without(c.Header, named(headerRequiredLevel))
	}
	batch.deadline = c.Time + int64(s.options.Batches.Idle)
	switch {
	case step.operation == fastPing:
		s.pingFast(batch, c.reply, &step, out)
		return nil
	case !s.advanceFast(batch, c.reply, &step, out):
		return nil
	}
	return s.storeFast(batch, c, &step, out)
}

func (s *Stream) beginFast(step *fastStep, now int64) (*fastBatch, *api.Error) {
	if step.number != 1 {
		return nil, api.ErrBatchPublishUnknownBatchID
	}
	if len(s.fast.open) >= s.options.Batches.Fast || !s.options.Budget.takeFast() {
		return nil, api.ErrBatchPublishTooManyInflight
	}
	batch := &fastBatch{gapOK: step.gapOK, most: step.flow, deadline: now + int64(s.options.Batches.Idle)}
	s.fast.add(step.id, batch)
	return batch, nil
}

// pingFast tells the publisher how far its batch is.
func (s *Stream) pingFast(batch *fastBatch, reply []byte, step *fastStep, out *Result) {
	out.outcome(Ignored, 0)
	if step.number > batch.last {
		s.answerGap(reply, batch.last+1, step.number+1, out)
		if !batch.gapOK {
			s.endFast(batch, reply, step, out)
			return
		}
		batch.last = step.number
		if s.answerFlow(batch, reply, out) {
			return
		}
	}
	s.answerFast(batch.told, batch.every, reply, out)
}

// advanceFast checks whether a message is the next of its batch, and reports whether it
// is to be stored. If not, it has its outcome.
func (s *Stream) advanceFast(batch *fastBatch, reply []byte, step *fastStep, out *Result) bool {
	expected := batch.last + 1
	if step.number > expected {
		s.answerGap(reply, expected, step.number, out)
	}
	if step.number < expected || step.number > expected && !batch.gapOK {
		out.outcome(Ignored, 0)
		s.endFast(batch, reply, step, out)
		return false
	}
	batch.last = step.number
	if step.operation == fastEnd {
		batch.last--
		out.outcome(Committed, batch.sequence)
		s.endFast(batch, reply, step, out)
		return false
	}
	if step.number == 1 && !step.commits() {
		s.answerFast(0, batch.every, reply, out)
	}
	return true
}

// endFast closes a batch and acknowledges what is stored.
func (s *Stream) endFast(batch *fastBatch, reply []byte, step *fastStep, out *Result) {
	s.fast.remove(step.id, s.options.Budget)
	s.acknowledgeBatch(reply, batch.sequence, false, step.id, batch.last, out)
}

// storeFast judges and stores a message.
func (s *Stream) storeFast(batch *fastBatch, c *candidate, step *fastStep, out *Result) error {
	s.transformed(c, out)
	duplicate, refusal := s.judgePart(c, &plan{})
	if duplicate != 0 {
		s.repeatFast(batch, c, duplicate, step, out)
		return nil
	}
	if refusal == nil {
		var err error
		if refusal, err = s.apply(c, out); err != nil {
			return err
		}
	}
	if refusal != nil {
		s.refuseFast(batch, c, refusal, step, out)
		return nil
	}
	batch.sequence = c.Sequence
	if step.commits() {
		out.outcome(Committed, c.Sequence)
		s.endFast(batch, c.reply, step, out)
		return nil
	}
	out.outcome(c.kind(), c.Sequence)
	s.answerFlow(batch, c.reply, out)
	return nil
}

// repeatFast goes on behind a message that came before.
func (s *Stream) repeatFast(batch *fastBatch, c *candidate, duplicate uint64, step *fastStep, out *Result) {
	out.outcome(Duplicate, duplicate)
	s.answerFlow(batch, c.reply, out)
	switch {
	case !step.commits():
	case !batch.gapOK && batch.last == 1:
		s.fast.remove(step.id, s.options.Budget)
		s.acknowledgeBatch(c.reply, duplicate, true, step.id, step.number, out)
	default:
		s.endFast(batch, c.reply, step, out)
	}
}

// refuseFast tells the publisher that a message is refused; the batch goes on if it may
// have gaps.
func (s *Stream) refuseFast(batch *fastBatch, c *candidate, refusal *api.Error, step *fastStep, out *Result) {
	if !batch.gapOK && batch.last == 1 {
		s.fast.remove(step.id, s.options.Budget)
		s.refuse(c.reply, refusal, out)
		return
	}
	out.refused(refusal)
	s.answerFastError(c.reply, step.number, refusal, out)
	if batch.gapOK && !step.commits() {
		return
	}
	batch.last--
	s.endFast(batch, c.reply, step, out)
}

// answerFlow acknowledges what was stored, if it is time for that, and reports whether
// it was. The publisher is allowed more or less, step by step, until it has its share
// of what all batches may have.
func (s *Stream) answerFlow(batch *fastBatch, reply []byte, out *Result) bool {
	every := uint64(batch.every)
	if batch.last < batch.told+every {
		return false
	}
	batch.told += (batch.last - batch.told) / every * every
	share := uint16(max(fastFlowMax/len(s.fast.open), 1))
	share = min(share, batch.most)
	switch {
	case batch.every < share:
		batch.every = min(batch.every*2, share)
	case batch.every > share:
		batch.every = max(batch.every/2, share)
	}
	s.answerFast(batch.told, batch.every, reply, out)
	return true
}

func (s *Stream) answerFast(number uint64, every uint16, reply []byte, out *Result) {
	if !s.canAnswer(reply) {
		return
	}
	from := len(out.arena)
	b := strconv.AppendUint(append(out.arena, `{"type":"ack","seq":`...), number, 10)
	b = strconv.AppendUint(append(b, `,"msgs":`...), uint64(every), 10)
	s.answer(reply, append(b, '}'), from, out)
}

func (s *Stream) answerGap(reply []byte, expected, received uint64, out *Result) {
	if !s.canAnswer(reply) {
		return
	}
	from := len(out.arena)
	b := strconv.AppendUint(append(out.arena, `{"type":"gap","last_seq":`...), expected, 10)
	b = strconv.AppendUint(append(b, `,"seq":`...), received, 10)
	s.answer(reply, append(b, '}'), from, out)
}

func (s *Stream) answerFastError(reply []byte, number uint64, refusal *api.Error, out *Result) {
	if !s.canAnswer(reply) {
		return
	}
	from := len(out.arena)
	b := strconv.AppendUint(append(out.arena, `{"type":"err","seq":`...), number, 10)
	b = appendError(append(b, `,"error":`...), refusal)
	s.answer(reply, append(b, '}'), from, out)
}
