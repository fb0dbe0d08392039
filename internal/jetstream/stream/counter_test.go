package stream

import (
	"strings"
	"testing"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
)

func counting(c *api.StreamConfig) { c.AllowCounter = true }

func TestCounters(t *testing.T) {
	r := newRig(t, counting)
	r.expect(`{"stream":"D","seq":1,"val":"1"}`, "d.a", "", "Nats-Incr: 1")
	r.expect(`{"stream":"D","seq":2,"val":"3"}`, "d.a", "", "Nats-Incr: +2")
	r.expect(`{"stream":"D","seq":3,"val":"-7"}`, "d.a", "", "Nats-Incr: -10", "A: 1")
	if got := r.load(3); got != `d.a|Nats-Incr: -10,A: 1|{"val":"-7"}` {
		t.Errorf("stored %q", got)
	}
	huge := strings.Repeat("9", 100)
	r.expect(`{"stream":"D","seq":4,"val":"`+huge+`"}`, "d.b", "", "Nats-Incr: "+huge, "Nats-Msg-Id: m")
	r.expect(`{"stream":"D","seq":5,"val":"1`+strings.Repeat("0", 100)+`"}`, "d.b", "", "Nats-Incr: 1")
	r.expect(`{"stream":"D","seq":4,"duplicate": true}`, "d.b", "", "Nats-Incr: 1", "Nats-Msg-Id: m")
	r.restart()
	r.expect(`{"stream":"D","seq":6,"val":"0"}`, "d.a", "", "Nats-Incr: 7")
	if _, refusal := r.stream.Purge(api.PurgeRequest{Filter: "d.a"}); refusal != nil {
		t.Fatal(refusal)
	}
	r.expect(`{"stream":"D","seq":7,"val":"5"}`, "d.a", "", "Nats-Incr: 5")
}

func TestCounterRefusals(t *testing.T) {
	r := newRig(t, counting)
	r.expect(refused(api.ErrMessageIncrMissing), "d.a", "")
	r.expect(refused(api.ErrMessageIncrMissing), "d.a", "", "Nats-Incr: ")
	r.expect(refused(api.ErrMessageIncrPayload), "d.a", "1", "Nats-Incr: 1")
	for _, text := range []string{"x", "1.5", "+", "-", "+-1", "1_000", "0x1", " "} {
		if strings.TrimSpace(text) != "" {
			r.expect(refused(api.ErrMessageIncrInvalid), "d.a", "", "Nats-Incr: "+text)
		}
	}
	for _, line := range []string{
		"Nats-Rollup: sub", "Nats-Expected-Stream: D", "Nats-Expected-Last-Msg-Id: m", "Nats-Expected-Last-Sequence: 0",
		"Nats-Expected-Last-Subject-Sequence: 0", "Nats-Expected-Last-Subject-Sequence-Subject: d.a",
	} {
		r.expect(refused(api.ErrMessageIncrInvalid), "d.a", "", "Nats-Incr: 1", line)
	}
	plain := newRig(t, nil)
	plain.expect(refused(api.ErrMessageIncrDisabled), "d.a", "", "Nats-Incr: 1")
	plain.publish("d.a", "no counter")
	plain.update(counting)
	plain.expect(refused(api.ErrMessageCounterBroken), "d.a", "", "Nats-Incr: 1")

	small := newRig(t, counting, func(o *Options) { o.MaxPayload = 60 })
	small.expect(`{"stream":"D","seq":1,"val":"12345"}`, "d.a", "", "Nats-Incr: 12345")
	small.expect(refused(api.ErrStreamMessageExceedsMaximum), "d.a", "", "Nats-Incr: "+strings.Repeat("1", 30))
}
