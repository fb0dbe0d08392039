package stream

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

func TestAcknowledgements(t *testing.T) {
	r := newRig(t, nil)
	r.expect(`{"stream":"D","seq":1}`, "d.a", "x", "Nats-Msg-Id: 1")
	r.expect(`{"stream":"D","seq":2}`, "d.a", "x")
	r.expect(`{"stream":"D","seq":1,"duplicate": true}`, "d.b", "y", "Nats-Msg-Id: 1")
	if r.out.Outcomes[0].Kind != Duplicate || len(r.out.Arrived) != 0 {
		t.Errorf("outcome of a duplicate: %+v", r.out)
	}
	if got := r.publishOn("", "d.a", "x"); got != nil || r.out.Outcomes[0].Sequence != 3 {
		t.Errorf("without a reply: answers %q, outcome %+v", got, r.out.Outcomes[0])
	}
	r.stream.options.Domain = "hub"
	r.update(func(*api.StreamConfig) {})
	r.expect(`{"stream":"D","domain":"hub","seq":4}`, "d.a", "x")
	r.update(func(c *api.StreamConfig) { c.NoAck = true })
	if got := r.publishOn("_INBOX.1", "d.a", "x"); got != nil || r.stream.LastSequence() != 5 {
		t.Errorf("without acknowledgements: answers %q", got)
	}
}

func TestFirstSequence(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { c.FirstSequence = 100 })
	r.expect(`{"stream":"D","seq":100}`, "d.a", "x", "Nats-Expected-Last-Sequence: 99")
	if purged, refusal := r.stream.Purge(api.PurgeRequest{Sequence: 500}); purged != 1 || refusal != nil {
		t.Errorf("purged %d, %v", purged, refusal)
	}
	r.expect(`{"stream":"D","seq":500}`, "d.a", "x")
}

func TestExpectations(t *testing.T) {
	r := newRig(t, nil)
	r.expect(refused(api.NewStreamWrongLastSequence(0)), "d.a", "", "Nats-Expected-Last-Sequence: 1")
	r.expect(`{"stream":"D","seq":1}`, "d.a", "", "Nats-Expected-Last-Sequence: 0", "Nats-Expected-Last-Subject-Sequence: 0", "Nats-Expected-Stream: D", "Nats-Msg-Id: m1")
	r.expect(refused(api.ErrStreamNotMatch), "d.a", "", "Nats-Expected-Stream: E")
	r.expect(refused(api.NewStreamWrongLastMsgID("m1")), "d.a", "", "Nats-Expected-Last-Msg-Id: m0")
	r.expect(`{"error":{"code":400,"err_code":10070,"description":"wrong last msg ID: m1"},"stream":"D","seq":0}`, "d.a", "", "Nats-Expected-Last-Msg-Id: m0")
	r.expect(`{"stream":"D","seq":2}`, "d.b", "", "Nats-Expected-Last-Msg-Id: m1")
	r.expect(refused(api.NewStreamWrongLastMsgID("")), "d.b", "", "Nats-Expected-Last-Msg-Id: m1")
	r.expect(`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"},"stream":"D","seq":0}`, "d.a", "", "Nats-Expected-Last-Subject-Sequence: 0")
	r.expect(refused(api.NewStreamWrongLastSequence(2)), "d.a", "", "Nats-Expected-Last-Sequence: two")
	r.expect(refused(api.NewStreamWrongLastSequence(1)), "d.a", "", "Nats-Expected-Last-Subject-Sequence: -1")
	r.expect(refused(api.ErrStreamExpectedLastSeqPerSubjectInvalid), "d.a", "", "Nats-Expected-Last-Subject-Sequence-Subject: d.b")
	r.expect(`{"stream":"D","seq":3}`, "d.a", "", "Nats-Expected-Last-Subject-Sequence: 2", "Nats-Expected-Last-Subject-Sequence-Subject: d.>")
	r.expect(refused(api.NewStreamWrongLastSequence(3)), "d.a", "", "Nats-Expected-Last-Subject-Sequence: 2", "Nats-Expected-Last-Subject-Sequence-Subject: d.*")
	r.expect(`{"stream":"D","seq":4}`, "d.c", "", "Nats-Expected-Last-Subject-Sequence: 2", "Nats-Expected-Last-Subject-Sequence-Subject: d.b")
}

// The checks that are observable one behind the other: of two things wrong, the one that
// is checked first is the answer.
func TestOrderOfChecks(t *testing.T) {
	wrong := []struct {
		name string
		line []string
		err  *api.Error
	}{
		{"increment", []string{"Nats-Incr: x"}, api.ErrMessageIncrInvalid},
		{"stream", []string{"Nats-Expected-Stream: E"}, api.ErrStreamNotMatch},
		{"TTL disabled", []string{"Nats-TTL: 1m"}, api.ErrMessageTTLDisabled},
		{"subject sequence", []string{"Nats-Expected-Last-Subject-Sequence: 7"}, api.NewStreamWrongLastSequence(1)},
		{"sequence", []string{"Nats-Expected-Last-Sequence: 7"}, api.NewStreamWrongLastSequence(1)},
		{"schedule", []string{"Nats-Schedule: @hourly"}, api.ErrMessageSchedulesDisabled},
		{"source", []string{"Nats-Stream-Source: S 1"}, api.ErrMessageSourceHdrNotAllowed},
		{"last id", []string{"Nats-Expected-Last-Msg-Id: z"}, api.NewStreamWrongLastMsgID("m1")},
		{"rollup", []string{"Nats-Rollup: sub"}, api.NewStreamRollupFailed(errRollupDenied)},
		{"size", []string{"X: " + strings.Repeat("x", 2000)}, api.ErrStreamMessageExceedsMaximum},
	}
	r := newRig(t, func(c *api.StreamConfig) { c.MaxMessageSize = 1000 })
	r.publish("d.a", "", "Nats-Msg-Id: m1")
	for i, first := range wrong {
		r.expect(refused(first.err), "d.a", "", first.line...)
		for _, second := range wrong[i+1:] {
			r.expect(refused(first.err), "d.a", "", append(slices.Clone(second.line), first.line...)...)
		}
	}
	// A duplicate is found behind the source and before the last identifier.
	r.expect(refused(api.ErrMessageSourceHdrNotAllowed), "d.a", "", "Nats-Msg-Id: m1", "Nats-Stream-Source: S 1")
	r.expect(`{"stream":"D","seq":1,"duplicate": true}`, "d.a", "", "Nats-Msg-Id: m1", "Nats-Expected-Last-Msg-Id: z")
	if r.stream.LastSequence() != 1 {
		t.Errorf("something was stored: last sequence %d", r.stream.LastSequence())
	}
	r.update(func(c *api.StreamConfig) { c.Sealed = true })
	r.expect(refused(api.ErrStreamSealed), "d.a", "", "Nats-Incr: x")
}

func TestSizes(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { c.MaxMessageSize = 10 })
	r.expect(`{"stream":"D","seq":1}`, "d.a", strings.Repeat("x", 10))
	r.expect(refused(api.ErrStreamMessageExceedsMaximum), "d.a", strings.Repeat("x", 11))
	r = newRig(t, nil)
	r.expect(refused(api.ErrStreamHeaderExceedsMaximum), "d.a", "", "X: "+strings.Repeat("x", 1<<16))
	r.expect(refused(api.NewStreamStoreFailed(store.ErrTooLarge)), "d.a", strings.Repeat("x", store.SizeMax), "Nats-Incr: x")
}

func TestDuplicatesSlide(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { c.DuplicateWindow = 10 * time.Second })
	r.expect(`{"stream":"D","seq":1}`, "d.a", "", "Nats-Msg-Id: m")
	r.now += 10*second - 1
	r.expect(`{"stream":"D","seq":1,"duplicate": true}`, "d.a", "", "Nats-Msg-Id: m")
	r.restart()
	r.expect(`{"stream":"D","seq":1,"duplicate": true}`, "d.a", "", "Nats-Msg-Id: m")
	r.now++
	r.expect(`{"stream":"D","seq":2}`, "d.a", "", "Nats-Msg-Id: m")
	r.advance(5 * time.Second)
	r.expect(`{"stream":"D","seq":2,"duplicate": true}`, "d.a", "", "Nats-Msg-Id: m")

	r.update(func(c *api.StreamConfig) { c.DuplicateWindow = 5 * time.Second })
	r.expect(`{"stream":"D","seq":3}`, "d.a", "", "Nats-Msg-Id: m")
	if refusal := r.stream.Delete(api.MessageDeleteRequest{Sequence: 3}); refusal != nil {
		t.Fatal(refusal)
	}
	r.expect(`{"stream":"D","seq":3,"duplicate": true}`, "d.a", "", "Nats-Msg-Id: m")
	r.restart()
	r.expect(`{"stream":"D","seq":4}`, "d.a", "", "Nats-Msg-Id: m")

	r.update(func(c *api.StreamConfig) { c.DuplicateWindow = 0 })
	r.expect(`{"stream":"D","seq":5}`, "d.a", "", "Nats-Msg-Id: m")
	if r.stream.ids.len() != 0 || r.stream.Next() != never {
		t.Errorf("%d identifiers without a window, next %d", r.stream.ids.len(), r.stream.Next())
	}
}

func TestLastIDAfterRestart(t *testing.T) {
	r := newRig(t, nil)
	r.publish("d.a", "", "Nats-Msg-Id: m1")
	r.restart()
	r.expect(`{"stream":"D","seq":2}`, "d.a", "", "Nats-Expected-Last-Msg-Id: m1")
	r.restart()
	r.expect(refused(api.NewStreamWrongLastMsgID("")), "d.a", "", "Nats-Expected-Last-Msg-Id: m1")
}

func TestRollups(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { c.AllowRollup = true })
	for i := range 6 {
		r.publish([]string{"d.a", "d.b"}[i%2], "")
	}
	r.expect(refused(api.NewStreamRollupFailed(fmt.Errorf(`rollup value invalid: "some"`))), "d.a", "", "Nats-Rollup: Some")
	r.expect(`{"stream":"D","seq":7}`, "d.a", "", "Nats-Rollup: SUB")
	if got := r.sequences(); !slices.Equal(got, []uint64{2, 4, 6, 7}) {
		t.Errorf("after a roll-up of a subject: %v", got)
	}
	r.expect(`{"stream":"D","seq":8}`, "d.b", "", "Nats-Rollup: all")
	if got := r.sequences(); !slices.Equal(got, []uint64{8}) {
		t.Errorf("after a roll-up of all: %v", got)
	}
	r.update(func(c *api.StreamConfig) { c.DenyPurge = true })
	r.expect(refused(api.NewStreamRollupFailed(errRollupDenied)), "d.a", "", "Nats-Rollup: sub")
}

func TestDiscardNew(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) {
		c.Discard, c.MaxMessages, c.MaxPerSubject, c.DiscardNewPerSubject, c.AllowRollup = api.DiscardNew, 3, 1, true, true
	})
	r.expect(`{"stream":"D","seq":1}`, "d.a", "")
	r.expect(refused(api.NewStreamStoreFailed(store.ErrMaxPerSubject)), "d.a", "")
	r.expect(`{"stream":"D","seq":2}`, "d.a", "", "Nats-Rollup: sub")
	r.expect(`{"stream":"D","seq":3}`, "d.b", "")
	r.expect(`{"stream":"D","seq":4}`, "d.c", "")
	r.expect(`{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"D","seq":0}`, "d.d", "")

	r = newRig(t, func(c *api.StreamConfig) { c.Discard, c.MaxBytes = api.DiscardNew, 50 })
	r.expect(`{"stream":"D","seq":1}`, "d.a", "12345678901234567890")
	r.expect(refused(api.NewStreamStoreFailed(store.ErrMaxBytes)), "d.a", "12345678901234567890")

	// With one message for each subject, a new one takes the place of the old one.
	r = newRig(t, func(c *api.StreamConfig) { c.Discard, c.MaxMessages, c.MaxPerSubject = api.DiscardNew, 1, 1 })
	r.expect(`{"stream":"D","seq":1}`, "d.a", "")
	r.expect(`{"stream":"D","seq":2}`, "d.a", "")
}

func TestHeadersThatAreNotKept(t *testing.T) {
	r := newRig(t, nil)
	r.publish("d.a", "x", "A: 1", `Nats-Request-Info: {"acc":"A"}`, "B: 2")
	if got := r.load(1); got != "d.a|A: 1,B: 2|x" {
		t.Errorf("stored %q", got)
	}
	r.publish("d.a", "x", `Nats-Request-Info: {"acc":"A"}`)
	if got := r.load(2); got != "d.a||x" {
		t.Errorf("stored %q", got)
	}
	in := []Incoming{{Subject: []byte("d.a"), Header: []byte("NATS/1.0 503 No Responders\r\nA: 1\r\n\r\n")}}
	if err := r.stream.Publish(in, r.now, &r.out); err != nil {
		t.Fatal(err)
	}
	if got := r.load(3); got != "d.a|A: 1|" {
		t.Errorf("stored %q", got)
	}
}

func TestSubjectTransform(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) {
		c.SubjectTransform = &api.SubjectTransform{Source: "d.in.*", Destination: "out.{{wildcard(1)}}"}
		c.MaxPerSubject = 1
	})
	r.publish("d.in.1", "x")
	r.publish("d.other", "x")
	if r.load(1) != "out.1||x" || r.load(2) != "d.other||x" {
		t.Errorf("stored %q, %q", r.load(1), r.load(2))
	}
	r.expect(`{"stream":"D","seq":3}`, "d.in.1", "y", "Nats-Expected-Last-Subject-Sequence: 1")
	if got := r.sequences(); !slices.Equal(got, []uint64{2, 3}) {
		t.Errorf("the limit goes by the transformed subject: %v", got)
	}
}

func TestRepublish(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) {
		c.RePublish = &api.RePublish{Source: "d.*", Destination: "again.{{wildcard(1)}}"}
	})
	republished := func() string {
		if len(r.out.Republished) != 1 {
			return fmt.Sprint(len(r.out.Republished), " messages")
		}
		p := r.out.Republished[0]
		return describe(p.Subject, p.Header, p.Payload)
	}
	r.publish("d.a", "x")
	if got, want := republished(), "again.a|Nats-Stream: D,Nats-Subject: d.a,Nats-Sequence: 1,Nats-Time-Stamp: 2026-01-01T00:00:00Z,Nats-Last-Sequence: 0|x"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r.now += 38_312_048
	r.publish("d.b", "")
	r.publish("d.a", "y", "A: 1", "Nats-Msg-Id: m")
	if got, want := republished(), "again.a|A: 1,Nats-Msg-Id: m,Nats-Stream: D,Nats-Subject: d.a,Nats-Sequence: 3,Nats-Time-Stamp: 2026-01-01T00:00:00.038312048Z,Nats-Last-Sequence: 1|y"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, lines := range [][]string{{"Nats-Msg-Id: m"}, {"Nats-Expected-Stream: E"}} {
		if r.publish("d.a", "y", lines...); republished() != "0 messages" {
			t.Errorf("%q: %s", lines, republished())
		}
	}
	if r.publish("d.a.b", "y"); republished() != "0 messages" {
		t.Errorf("not selected: %s", republished())
	}
	r.update(func(c *api.StreamConfig) { c.RePublish.HeadersOnly = true })
	r.publish("d.c", "1234")
	if got, want := republished(), "again.c|Nats-Stream: D,Nats-Subject: d.c,Nats-Sequence: 5,Nats-Time-Stamp: 2026-01-01T00:00:00.038312048Z,Nats-Last-Sequence: 0,Nats-Msg-Size: 4|"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNoInterest(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { c.Retention, c.AllowRollup = api.RetentionInterest, true })
	r.expect(`{"stream":"D","seq":1}`, "d.a", "x", "Nats-Msg-Id: m")
	if r.out.Outcomes[0].Kind != Unwanted || len(r.out.Arrived) != 0 {
		t.Errorf("outcome %+v", r.out.Outcomes[0])
	}
	state, _, err := r.stream.State(nil)
	if err != nil || state.Messages != 0 || state.FirstSequence != 2 || state.LastSequence != 1 || state.LastTime.UnixNano() != base {
		t.Errorf("state %+v, %v", state, err)
	}
	r.expect(`{"stream":"D","seq":1,"duplicate": true}`, "d.a", "x", "Nats-Msg-Id: m")
	r.expect(`{"stream":"D","seq":2}`, "d.a", "x", "Nats-Expected-Last-Msg-Id: m")
	r.stream.SetInterest(subjects{"d.b"})
	r.expect(`{"stream":"D","seq":3}`, "d.b", "x")
	r.expect(`{"stream":"D","seq":4}`, "d.c", "x", "Nats-Rollup: sub")
	if got := r.sequences(); !slices.Equal(got, []uint64{3}) {
		t.Errorf("stored %v", got)
	}
	r.expect(`{"stream":"D","seq":5}`, "d.c", "x", "Nats-Rollup: all")
	if got := r.sequences(); got != nil {
		t.Errorf("stored %v", got)
	}
	r.expect(`{"stream":"D","seq":6}`, "d.b", "x")
}

// quotas refuses as it is told.
type quotas struct{ server, account *api.Error }

func (q *quotas) Server() *api.Error        { return q.server }
func (q *quotas) Account(uint64) *api.Error { return q.account }

func TestQuotas(t *testing.T) {
	q := &quotas{server: api.ErrInsufficientResources, account: api.ErrAccountResourcesExceeded}
	r := newRig(t, func(c *api.StreamConfig) { c.AllowMessageTTL, c.AllowAtomic = true, true }, func(o *Options) { o.Quota = q })
	r.expect(refused(api.ErrInsufficientResources), "d.a", "", "Nats-TTL: x")
	r.expect(refused(api.ErrInsufficientResources), "d.a", "", "Nats-Batch-Id: b", "Nats-Batch-Sequence: 1")
	q.server = nil
	r.expect(refused(api.ErrAccountResourcesExceeded), "d.a", "", "Nats-TTL: x")
	q.account = nil
	r.expect(refused(api.ErrMessageTTLInvalid), "d.a", "", "Nats-TTL: x")
	r.expect(`{"stream":"D","seq":1}`, "d.a", "")
}

// failing is a store whose appends fail.
type failing struct {
	store.Stream
	err error
}

func (f *failing) Append(m *store.Message, a store.Admission) error {
	if f.err != nil {
		return f.err
	}
	return f.Stream.Append(m, a)
}

func TestFailureOfTheStore(t *testing.T) {
	r := newRig(t, nil)
	disk := &failing{Stream: r.store}
	r.stream.store = disk
	disk.err = errors.New("disk on fire")
	in := []Incoming{{Subject: []byte("d.a"), Reply: []byte("r")}, {Subject: []byte("d.a"), Reply: []byte("r")}}
	if err := r.stream.Publish(in, r.now, &r.out); !errors.Is(err, disk.err) {
		t.Errorf("error %v", err)
	}
	if len(r.out.Answers) != 0 || len(r.out.Outcomes) != 0 || r.stream.LastSequence() != 0 {
		t.Errorf("result of a failure: %+v", r.out)
	}
	disk.err = nil
	r.expect(`{"stream":"D","seq":1}`, "d.a", "")
}
