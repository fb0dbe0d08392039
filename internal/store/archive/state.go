package archive

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
)

// stateJSON is a summary in the form of the API.
type stateJSON struct {
	Messages      uint64    `json:"messages"`
	Bytes         uint64    `json:"bytes"`
	FirstSequence uint64    `json:"first_seq"`
	FirstTime     time.Time `json:"first_ts"`
	LastSequence  uint64    `json:"last_seq"`
	LastTime      time.Time `json:"last_ts"`
	Subjects      int       `json:"num_subjects,omitempty"`
	Deleted       uint64    `json:"num_deleted,omitempty"`
	Consumers     int       `json:"consumer_count"`
}

func encodeState(s store.State, consumers int) ([]byte, error) {
	return json.Marshal(stateJSON{
		s.Messages, s.Bytes, s.FirstSequence, timeOf(s.FirstTime), s.LastSequence, timeOf(s.LastTime),
		s.Subjects, s.Deleted(), consumers,
	})
}

func decodeState(buf []byte) (s store.State, consumers int, err error) {
	var j stateJSON
	if err := json.Unmarshal(buf, &j); err != nil {
		return s, 0, refuse(ErrInvalid, "error in state.json: %v", err)
	}
	if j.LastSequence > store.SequenceMax || j.FirstSequence > store.SequenceMax || j.Consumers < 0 {
		return s, 0, refuse(ErrInvalid, "error in state.json: sequences %d to %d, %d consumers", j.FirstSequence, j.LastSequence, j.Consumers)
	}
	return store.State{
		Messages: j.Messages, Bytes: j.Bytes, FirstSequence: j.FirstSequence, LastSequence: j.LastSequence,
		FirstTime: nanoseconds(j.FirstTime), LastTime: nanoseconds(j.LastTime), Subjects: j.Subjects,
	}, j.Consumers, nil
}

func timeOf(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// nanoseconds is 0 for times that do not fit.
func nanoseconds(t time.Time) int64 {
	if t.Before(time.Unix(0, math.MinInt64)) || t.After(time.Unix(0, math.MaxInt64)) {
		return 0
	}
	return t.UnixNano()
}

// consumerJSON is a consumer of a Binary archive.
type consumerJSON struct {
	Config json.RawMessage    `json:"config"`
	State  *consumerStateJSON `json:"state"`
}

type consumerStateJSON struct {
	Delivered   pairJSON        `json:"delivered"`
	Floor       pairJSON        `json:"ack_floor"`
	Pending     outstandingJSON `json:"pending,omitempty"`
	Redelivered redeliveredJSON `json:"redelivered,omitempty"`
}

type pairJSON struct {
	Consumer uint64 `json:"consumer_seq"`
	Stream   uint64 `json:"stream_seq"`
}

// outstandingJSON and redeliveredJSON are objects whose keys are stream sequences.
type (
	outstandingJSON []store.Outstanding
	redeliveredJSON []store.Redelivered
)

// A deliveryJSON is what is known of an outstanding message: the sequence of its
// delivery, and its time.
type deliveryJSON struct {
	Sequence  uint64
	Timestamp int64
}

func encodeConsumer(c *Consumer, last uint64) ([]byte, error) {
	state := clamp(c.State, last)
	if state == nil {
		state = &store.ConsumerState{}
	}
	return json.Marshal(consumerJSON{c.Config, &consumerStateJSON{
		pairJSON(state.Delivered), pairJSON(state.Floor), state.Pending, state.Redelivered,
	}})
}

func decodeConsumer(name string, buf []byte) (*Consumer, error) {
	var j consumerJSON
	err := json.Unmarshal(buf, &j)
	switch {
	case err != nil:
		return nil, refuse(ErrInvalid, "failed to decode consumer %q state: %v", name, err)
	case !isObject(j.Config):
		return nil, refuse(ErrInvalid, "consumer %q is missing config", name)
	case j.State == nil:
		return nil, refuse(ErrInvalid, "consumer %q is missing state", name)
	}
	return &Consumer{Name: name, Config: j.Config, State: &store.ConsumerState{
		Delivered: store.Pair(j.State.Delivered), Floor: store.Pair(j.State.Floor),
		Pending: j.State.Pending, Redelivered: j.State.Redelivered,
	}}, nil
}

func isObject(config json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimSpace(config), []byte("{"))
}

func (o outstandingJSON) MarshalJSON() ([]byte, error) {
	return appendMap(o, func(buf []byte, o store.Outstanding) (uint64, []byte) {
		buf = append(strconv.AppendUint(append(buf, `{"Sequence":`...), o.Consumer, 10), `,"Timestamp":`...)
		return o.Stream, append(strconv.AppendInt(buf, o.Time, 10), '}')
	}), nil
}

func (r redeliveredJSON) MarshalJSON() ([]byte, error) {
	return appendMap(r, func(buf []byte, r store.Redelivered) (uint64, []byte) {
		return r.Stream, strconv.AppendUint(buf, r.Count, 10)
	}), nil
}

// appendMap is the object of a list.
func appendMap[T any](list []T, field func(buf []byte, item T) (uint64, []byte)) []byte {
	buf, value := []byte{'{'}, []byte(nil)
	for i, item := range list {
		if i > 0 {
			buf = append(buf, ',')
		}
		var seq uint64
		seq, value = field(value[:0], item)
		buf = append(append(strconv.AppendUint(append(buf, '"'), seq, 10), `":`...), value...)
	}
	return append(buf, '}')
}

func (o *outstandingJSON) UnmarshalJSON(buf []byte) (err error) {
	*o, err = decodeMap(buf, func(seq uint64, d deliveryJSON) store.Outstanding {
		return store.Outstanding{Pair: store.Pair{Consumer: d.Sequence, Stream: seq}, Time: d.Timestamp}
	}, func(o store.Outstanding) uint64 { return o.Stream })
	return err
}

func (r *redeliveredJSON) UnmarshalJSON(buf []byte) (err error) {
	*r, err = decodeMap(buf, func(seq, count uint64) store.Redelivered {
		return store.Redelivered{Stream: seq, Count: count}
	}, func(r store.Redelivered) uint64 { return r.Stream })
	return err
}

// decodeMap reads an object whose keys are sequences to a list in their order. It does
// so one by one, because there may be millions.
func decodeMap[V, T any](buf []byte, item func(seq uint64, value V) T, key func(T) uint64) (list []T, err error) {
	d := json.NewDecoder(bytes.NewReader(buf))
	if start, err := d.Token(); err != nil || start == nil {
		return nil, err
	} else if start != json.Delim('{') {
		return nil, errors.New("not an object of sequences")
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		seq, err := strconv.ParseUint(token.(string), 10, 64)
		if err != nil || seq == 0 {
			return nil, fmt.Errorf("%q is no sequence", token)
		}
		var value V
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		list = append(list, item(seq, value))
	}
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	for i := 1; i < len(list); i++ {
		if key(list[i]) == key(list[i-1]) {
			return nil, fmt.Errorf("sequence %d comes twice", key(list[i]))
		}
	}
	return list, nil
}
