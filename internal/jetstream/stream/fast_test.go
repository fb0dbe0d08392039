package stream

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
)

func fastAllowed(c *api.StreamConfig) { c.AllowBatched = true }

// fastStep publishes a message of a fast batch and checks the answers.
func (r *rig) fastStep(reply string, want []string, lines ...string) {
	r.t.Helper()
	if got := r.publishOn("_I.F."+reply+".$FI", "d.a", "x", lines...); !slices.Equal(got, want) {
		r.t.Errorf("%s %q\n got %q\nwant %q", reply, lines, got, want)
	}
}

func ack(number, every int) string {
	return fmt.Sprintf(`{"type":"ack","seq":%d,"msgs":%d}`, number, every)
}

func gap(expected, received uint64) string {
	return fmt.Sprintf(`{"type":"gap","last_seq":%d,"seq":%d}`, expected, received)
}

func done(sequence, count int) string {
	return fmt.Sprintf(`{"stream":"D","seq":%d,"batch":"u1","count":%d}`, sequence, count)
}

func TestFastBatch(t *testing.T) {
	r := newRig(t, fastAllowed)
	for range 4 {
		r.publish("d.a", "")
	}
	r.fastStep("u1.10.fail.1.0", []string{ack(0, 10)})
	r.fastStep("u1.10.fail.2.1", nil)
	r.fastStep("u1.10.fail.2.4", []string{ack(0, 10)})
	r.fastStep("u1.10.fail.3.2", []string{done(7, 3)})
	r.fastStep("u1.10.fail.4.1", []string{refused(api.ErrBatchPublishUnknownBatchID)})
	r.fastStep("u1.0.fail.1.2", []string{done(8, 1)})
	r.fastStep("u1.2.fail.1.0", []string{ack(0, 2)})
	r.fastStep("u1.2.fail.2.1", []string{ack(2, 2)})
	r.fastStep("u1.2.fail.3.3", []string{done(10, 2)})
	if r.stream.LastSequence() != 10 || len(r.stream.fast.open) != 0 {
		t.Errorf("last sequence %d, %d batches open", r.stream.LastSequence(), len(r.stream.fast.open))
	}
}

func TestFastReplies(t *testing.T) {
	r := newRig(t, nil)
	r.fastStep("u1.10.fail.1.0", []string{refused(api.ErrBatchPublishDisabled)})
	r.update(fastAllowed)
	for _, reply := range []string{
		"u1.10.fail.0.0", "u1.10.fail.2.0", "u1.10.fail.1.1", "u1.10.fail.1.3", "u1.10.fail.1.5", "u1.10.fail.1.x", "u1.10.fail.x.0",
		"u1.10.maybe.1.0", "u1.10.fail.18446744073709551615.2", "u1.10.ok.18446744073709551615.3", "u1.10.fail.1.",
	} {
		r.fastStep(reply, []string{refused(api.ErrBatchPublishInvalidPattern)})
	}
	if got := r.publishOn("1.0.$FI", "d.a", ""); !slices.Equal(got, []string{refused(api.ErrBatchPublishInvalidPattern)}) {
		t.Errorf("a short reply: %q", got)
	}
	r.fastStep(strings.Repeat("a", 65)+".10.fail.1.0", []string{refused(api.ErrBatchPublishInvalidBatchID)})
	r.fastStep("u1.100000.fail.1.0", []string{ack(0, 500)})
	if got := r.stream.fast.open["u1"].most; got != 65535 {
		t.Errorf("flow %d", got)
	}
	// Through an import, the reply is that of another account.
	info := `Nats-Request-Info: {"acc":"A","reply":"_I.F.u2.10.fail.1.2.$FI"}`
	if got := r.publishOn("_R_.abc", "d.a", "", info); !slices.Equal(got, []string{`{"stream":"D","seq":2,"batch":"u2","count":1}`}) {
		t.Errorf("through an import: %q", got)
	}
	if got := r.publishOn("_INBOX.1", "d.a", "", info); !slices.Equal(got, []string{`{"stream":"D","seq":3}`}) {
		t.Errorf("the information counts only for replies that stand for others: %q", got)
	}
}

func FuzzFastReply(f *testing.F) {
	for _, reply := range []string{"_I.u1.10.fail.1.0.$FI", "u.1.ok.2.1.$FI", "x.$FI", "....$FI", "a.b.c.d.e.f.$FI"} {
		f.Add([]byte(reply))
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		if !isFast(reply) {
			return
		}
		step := parseFastReply(reply)
		if step.malformed {
			return
		}
		if step.number == 0 || step.flow == 0 || step.operation > fastPing || step.number == 1 && step.operation == fastEnd {
			t.Errorf("%q gives %+v", reply, step)
		}
	})
}

func TestFastBatchWithGaps(t *testing.T) {
	r := newRig(t, fastAllowed)
	r.fastStep("u1.2.ok.1.0", []string{ack(0, 2)})
	r.fastStep("u1.2.ok.2.1", []string{ack(2, 2)})
	r.fastStep("u1.2.ok.2.4", []string{ack(2, 2)})
	r.fastStep("u1.2.ok.3.4", []string{gap(3, 4), ack(2, 2)})
	r.fastStep("u1.2.ok.4.1", []string{ack(4, 2)})
	r.fastStep("u1.2.ok.100.4", []string{gap(5, 101), ack(100, 2)})
	r.fastStep("u1.2.ok.101.3", []string{done(3, 100)})

	r.fastStep("u1.10.ok.1.0", []string{ack(0, 10)})
	r.fastStep("u1.10.ok.5.1", []string{gap(2, 5)})
	r.fastStep("u1.10.ok.3.1", []string{done(5, 5)}) // backward: it ends

	r.fastStep("u1.10.fail.1.0", []string{ack(0, 10)})
	r.fastStep("u1.10.fail.3.1", []string{gap(2, 3), done(6, 1)})
	r.fastStep("u1.10.fail.1.0", []string{ack(0, 10)})
	r.fastStep("u1.10.fail.9.4", []string{gap(2, 10), done(7, 1)})

	r.fastStep("u1.10.ok.1.0", []string{ack(0, 10)})
	r.fastStep("u1.10.ok.25.4", []string{gap(2, 26), ack(20, 10)})
	r.fastStep("u1.10.ok.26.3", []string{done(8, 25)})

	r.fastStep("u1.1.ok.1.0", []string{ack(0, 1), ack(1, 1)})
	r.fastStep("u1.1.ok.18446744073709551614.1", []string{gap(2, 1<<64-2), `{"type":"ack","seq":18446744073709551614,"msgs":1}`})
	r.fastStep("u1.1.ok.18446744073709551615.2", []string{refused(api.ErrBatchPublishInvalidPattern)})
}

func TestFastBatchErrors(t *testing.T) {
	wrong := "Nats-Expected-Last-Sequence: 100"
	text := func(number, last int) string {
		return fmt.Sprintf(`{"type":"err","seq":%d,"error":{"code":400,"err_code":10071,"description":"wrong last sequence: %d"}}`, number, last)
	}
	r := newRig(t, fastAllowed)
	r.publish("d.a", "", "Nats-Msg-Id: m")
	r.fastStep("u1.10.fail.1.0", []string{ack(0, 10), refused(api.NewStreamWrongLastSequence(1))}, wrong)
	r.fastStep("u1.10.fail.1.2", []string{refused(api.NewStreamWrongLastSequence(1))}, wrong)
	r.fastStep("u1.10.ok.1.0", []string{ack(0, 10), text(1, 1)}, wrong)
	r.fastStep("u1.10.ok.2.1", nil)
	r.fastStep("u1.10.ok.3.2", []string{text(3, 2), done(2, 2)}, wrong)
	r.fastStep("u1.10.fail.1.0", []string{ack(0, 10)})
	r.fastStep("u1.10.fail.2.1", []string{text(2, 3), done(3, 1)}, wrong)

	// Duplicates are left out without a word.
	r.fastStep("u1.2.fail.1.0", []string{ack(0, 2)}, "Nats-Msg-Id: m")
	r.fastStep("u1.2.fail.2.1", []string{text(2, 3), done(0, 1)}, wrong)
	r.fastStep("u1.2.fail.1.2", []string{`{"stream":"D","seq":1,"duplicate": true,"batch":"u1","count":1}`}, "Nats-Msg-Id: m")
	r.fastStep("u1.10.fail.1.0", []string{ack(0, 10)})
	r.fastStep("u1.10.fail.2.2", []string{done(4, 2)}, "Nats-Msg-Id: m")
	r.fastStep("u1.10.ok.1.0", []string{ack(0, 10), refused(api.ErrRequiredApiLevel)}[1:], "Nats-Required-Api-Level: 99")
	if len(r.stream.fast.open) != 0 {
		t.Error("a batch stays open")
	}
}

func TestFastBatchesShareTheFlow(t *testing.T) {
	budget := &Budget{Fast: 3}
	r := newRig(t, fastAllowed, func(o *Options) { o.Batches.Fast, o.Budget = 2, budget })
	r.fastStep("u1.1000.fail.1.0", []string{ack(0, 500)})
	r.fastStep("u2.1000.fail.1.0", []string{ack(0, 1), ack(1, 2)})
	r.fastStep("u3.1000.fail.1.0", []string{refused(api.ErrBatchPublishTooManyInflight)})
	r.fastStep("u2.1000.fail.2.1", nil)
	r.fastStep("u2.1000.fail.3.1", []string{ack(3, 4)})
	for i := 2; i < 500; i++ {
		r.fastStep(fmt.Sprintf("u1.1000.fail.%d.1", i), nil)
	}
	r.stream.options.Batches.Fast = 3
	r.fastStep("u3.1000.fail.1.0", []string{ack(0, 1), ack(1, 2)})
	r.fastStep("u1.1000.fail.500.1", []string{ack(500, 250)}) // half, not at once a third

	r.now += 9 * second
	r.fastStep("u1.1000.fail.501.4", []string{gap(501, 502), done(504, 500)})
	r.advance(time.Second)
	r.fastStep("u2.1000.fail.4.1", []string{refused(api.ErrBatchPublishUnknownBatchID)})
	if _, fast, _ := budget.Open(); fast != 0 || len(r.out.Abandoned) != 0 {
		t.Errorf("%d batches open, abandoned %v", fast, r.out.Abandoned)
	}
}
