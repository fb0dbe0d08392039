package stream

import (
	"strconv"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
)

// canAnswer reports whether a publisher is answered at all.
func (s *Stream) canAnswer(reply []byte) bool { return s.rules.answers && len(reply) > 0 }

// answer adds an answer whose body was appended to the arena from a place on.
func (s *Stream) answer(reply, arena []byte, from int, out *Result) {
	out.Answers = append(out.Answers, Answer{Reply: reply, Body: out.seal(arena, from)})
}

// acknowledge answers that a message has a sequence, with the total if it counts.
func (s *Stream) acknowledge(reply []byte, sequence uint64, total []byte, out *Result) {
	if !s.canAnswer(reply) {
		return
	}
	from := len(out.arena)
	b := append(out.arena, s.rules.ackPrefix...)
	b = strconv.AppendUint(b, sequence, 10)
	if total != nil {
		b = append(append(append(b, `,"val":"`...), total...), '"')
	}
	s.answer(reply, append(b, '}'), from, out)
}

// acknowledgeDuplicate answers that a message came before.
func (s *Stream) acknowledgeDuplicate(reply []byte, sequence uint64, out *Result) {
	if !s.canAnswer(reply) {
		return
	}
	from := len(out.arena)
	b := append(out.arena, s.rules.ackPrefix...)
	b = strconv.AppendUint(b, sequence, 10)
	s.answer(reply, append(b, `,"duplicate": true}`...), from, out)
}

// acknowledgeBatch answers that a batch is complete.
func (s *Stream) acknowledgeBatch(reply []byte, sequence uint64, duplicate bool, id string, count uint64, out *Result) {
	if !s.canAnswer(reply) {
		return
	}
	from := len(out.arena)
	b := append(out.arena, s.rules.ackPrefix...)
	b = strconv.AppendUint(b, sequence, 10)
	if duplicate {
		b = append(b, `,"duplicate": true`...)
	}
	b = appendQuoted(append(b, `,"batch":`...), id)
	b = strconv.AppendUint(append(b, `,"count":`...), count, 10)
	s.answer(reply, append(b, '}'), from, out)
}

// acknowledgeStaged answers that a message waits for the rest of its batch.
func (s *Stream) acknowledgeStaged(reply []byte, out *Result) {
	if s.canAnswer(reply) {
		out.Answers = append(out.Answers, Answer{Reply: reply})
	}
}

// refuse answers with an error.
func (s *Stream) refuse(reply []byte, err *api.Error, out *Result) {
	out.refused(err)
	s.answerError(reply, err, out)
}

func (s *Stream) answerError(reply []byte, err *api.Error, out *Result) {
	if !s.canAnswer(reply) {
		return
	}
	from := len(out.arena)
	b := appendError(append(out.arena, `{"error":`...), err)
	s.answer(reply, append(b, s.rules.failureSuffix...), from, out)
}

// appendError appends an error as JSON.
func appendError(dst []byte, err *api.Error) []byte {
	dst = strconv.AppendInt(append(dst, `{"code":`...), int64(err.Code), 10)
	if err.ErrCode != 0 {
		dst = strconv.AppendUint(append(dst, `,"err_code":`...), uint64(err.ErrCode), 10)
	}
	if err.Description != "" {
		dst = appendQuoted(append(dst, `,"description":`...), err.Description)
	}
	return append(dst, '}')
}
