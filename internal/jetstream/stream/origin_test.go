package stream

import (
	"fmt"
	"slices"
	"testing"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

func TestParseDelivery(t *testing.T) {
	for _, reply := range []string{"$JS.ACK.S.C.1.22.33.1000.4", "$JS.ACK.hub.ABC.S.C.1.22.33.1000.4", "$JS.ACK._.ABC.S.C.1.22.33.1000.4.xyz"} {
		d, ok := ParseDelivery([]byte(reply))
		if !ok || string(d.Stream) != "S" || string(d.Consumer) != "C" || d.Count != 1 || d.StreamSequence != 22 || d.ConsumerSequence != 33 || d.Time != 1000 || d.Pending != 4 {
			t.Errorf("%s: %+v, %v", reply, d, ok)
		}
	}
	for _, reply := range []string{
		"", "$JS.ACK", "$JS.ACK.", "$JS.ACK.S.C.1.22.33.1000", "$JS.ACK.S.C.1.22.33.1000.4.5", "$JS.ACK.S.C.1.x.33.1000.4",
		"$JS.ACK.S.C.1.0.33.1000.4", "$JS.ACK.S.C.1.22.0.1000.4", "_INBOX.1", "$JS.FC.S.C.1.22.33.1000.4",
	} {
		if d, ok := ParseDelivery([]byte(reply)); ok {
			t.Errorf("%q: %+v", reply, d)
		}
	}
}

func FuzzParseDelivery(f *testing.F) {
	f.Add([]byte("$JS.ACK.S.C.1.22.33.1000.4"))
	f.Add([]byte("$JS.ACK.hub.ABC.S.C.1.22.33.1000.4.x"))
	f.Fuzz(func(t *testing.T, reply []byte) {
		if d, ok := ParseDelivery(reply); ok && (len(d.Stream) == 0 || d.StreamSequence == 0) {
			t.Errorf("%q: %+v", reply, d)
		}
	})
}

func FuzzParseSource(f *testing.F) {
	for _, text := range []string{"S 7", "S:abc 7 d.> > d.a", "S:abc:C=def 7 a\fb x\fy d.a ident", "$JS.ACK.S.C.1.22.33.1000.4"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if line, ok := parseSource(text); ok && line.stream == "" {
			t.Errorf("%q: %+v", text, line)
		}
	})
}

// from makes an origin that has a consumer.
func from(t *testing.T, source *api.StreamSource) *Origin {
	o, err := NewOrigin(source)
	if err != nil {
		t.Fatal(err)
	}
	o.Attach()
	return o
}

func delivery(sequence, number uint64) *Delivery {
	return &Delivery{Count: 1, StreamSequence: sequence, ConsumerSequence: number, Time: base + int64(sequence), Pending: 3}
}

func (r *rig) sourced(o *Origin, d *Delivery, subject, payload string, lines ...string) (Step, *api.Error) {
	r.t.Helper()
	r.out.Reset()
	step, refusal, err := r.stream.Sourced(o, d, &Incoming{Subject: []byte(subject), Header: block(lines...), Payload: []byte(payload), Reply: []byte("$JS.ACK")}, r.now, &r.out)
	if err != nil || len(r.out.Answers) != 0 {
		r.t.Errorf("error %v, answers %q", err, r.answers())
	}
	return step, refusal
}

func TestSourcedMessages(t *testing.T) {
	r := newRig(t, nil)
	o := from(t, &api.StreamSource{Name: "S", FilterSubject: "o.>"})
	o.Identity = "r1dY4kq8"
	step, refusal := r.sourced(o, delivery(7, 1), "o.a", "x", "Nats-Stream-Source: R 1", "Nats-Expected-Last-Sequence: 9", "Nats-Batch-Id: b", "Nats-Rollup: sub", "Nats-TTL: x", "A: 1")
	if step != Taken || refusal != nil || o.Sequence != 7 || o.Lag != 2 || o.Resume() != 8 {
		t.Errorf("step %d, %v, origin %+v", step, refusal, o)
	}
	if got, want := r.load(1), "o.a|Nats-Rollup: sub,Nats-TTL: x,A: 1,Nats-Stream-Source: S 7 o.> > o.a r1dY4kq8|x"; got != want {
		t.Errorf("stored %q", got)
	}
	for _, c := range []struct {
		d    *Delivery
		step Step
		last uint64
	}{
		{delivery(7, 2), Old, 7},
		{delivery(9, 3), Taken, 9}, // the origin has no 8 any more
		{delivery(10, 3), Old, 9},
		{&Delivery{Count: 2, StreamSequence: 11, ConsumerSequence: 4}, Old, 9},
		{delivery(11, 5), Broken, 9},
		{delivery(10, 4), Taken, 10},
	} {
		if step, _ := r.sourced(o, c.d, "o.a", ""); step != c.step || o.Sequence != c.last {
			t.Errorf("%+v: step %d, sequence %d, want %d, %d", c.d, step, o.Sequence, c.step, c.last)
		}
	}
	if got := r.sequences(); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("stored %v", got)
	}
	o.Attach()
	if step, _ := r.sourced(o, delivery(50, 1), "o.a", ""); step != Taken || o.Sequence != 50 || o.Delivered != 1 {
		t.Errorf("after a new beginning: step %d, origin %+v", step, o)
	}
}

func TestSourceTransforms(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) {
		c.SubjectTransform = &api.SubjectTransform{Source: "x.>", Destination: "y.>"}
	})
	o := from(t, &api.StreamSource{Name: "S", SubjectTransforms: []api.SubjectTransform{{Source: "o.a.>", Destination: "x.>"}, {Source: "o.>", Destination: "z.>"}}})
	r.sourced(o, delivery(1, 1), "o.a.1", "")
	r.sourced(o, delivery(2, 2), "o.b.1", "")
	r.sourced(o, delivery(3, 3), "p", "")
	for sequence, want := range map[uint64]string{
		1: "y.1|Nats-Stream-Source: S 1 o.a.>\fo.> x.>\fz.> o.a.1|",
		2: "z.b.1|Nats-Stream-Source: S 2 o.a.>\fo.> x.>\fz.> o.b.1|",
		3: "p|Nats-Stream-Source: S 3 o.a.>\fo.> x.>\fz.> p|",
	} {
		if got := r.load(sequence); got != want {
			t.Errorf("message %d is %q, want %q", sequence, got, want)
		}
	}
}

// A message that is refused stops the source, and comes again.
func TestSourceIntoAFullStream(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { c.Discard, c.MaxMessages = api.DiscardNew, 1 })
	o := from(t, &api.StreamSource{Name: "S"})
	r.sourced(o, delivery(3, 1), "o.a", "", "Nats-Msg-Id: m")
	if step, _ := r.sourced(o, delivery(5, 2), "o.b", "", "Nats-Msg-Id: m"); step != Taken || o.Sequence != 5 {
		t.Errorf("a duplicate: step %d, origin %+v", step, o)
	}
	step, refusal := r.sourced(o, delivery(9, 3), "o.b", "")
	if step != Broken || refusal == nil || refusal.Description != store.ErrMaxMessages.Error() || o.Resume() != 9 {
		t.Errorf("step %d, %v, resume %d", step, refusal, o.Resume())
	}
	if _, refusal := r.stream.Purge(api.PurgeRequest{}); refusal != nil {
		t.Fatal(refusal)
	}
	o.Attach()
	if step, refusal := r.sourced(o, delivery(9, 1), "o.b", ""); step != Taken || refusal != nil {
		t.Errorf("step %d, %v", step, refusal)
	}
}

// The total of a stream that counts over others is right though messages were missed.
func TestCountersOfSources(t *testing.T) {
	r := newRig(t, counting)
	o := from(t, &api.StreamSource{Name: "CT"})
	other := from(t, &api.StreamSource{Name: "CU"})
	r.sourced(o, delivery(1, 1), "ct.a", `{"val":"5"}`, "Nats-Incr: +5")
	r.sourced(other, delivery(1, 1), "ct.a", `{"val":"100"}`, "Nats-Incr: 1")
	r.sourced(o, delivery(9, 2), "ct.a", `{"val":"7"}`, "Nats-Incr: 1")
	if got, want := r.load(3), `ct.a|Nats-Incr: 2,Nats-Stream-Source: CT 9 > > ct.a,Nats-Counter-Sources: {"CT":{"ct.a":"7"},"CU":{"ct.a":"100"}}|{"val":"107"}`; got != want {
		t.Errorf("stored %q\n    want %q", got, want)
	}
	r.expect(`{"stream":"D","seq":4,"val":"108"}`, "ct.a", "", "Nats-Incr: 1")
	if step, refusal := r.sourced(o, delivery(10, 3), "ct.a", `x`, "Nats-Incr: 1"); step != Broken || refusal != api.ErrMessageCounterBroken {
		t.Errorf("step %d, %v", step, refusal)
	}
	plain := newRig(t, nil)
	plain.sourced(from(t, &api.StreamSource{Name: "CT"}), delivery(1, 1), "ct.a", `{"val":"5"}`, "Nats-Incr: +5")
	if got, want := plain.load(1), `ct.a|Nats-Incr: +5,Nats-Stream-Source: CT 1 > > ct.a|{"val":"5"}`; got != want {
		t.Errorf("stored %q", got)
	}
}

func TestPositions(t *testing.T) {
	r := newRig(t, nil)
	a := from(t, &api.StreamSource{Name: "A"})
	b := from(t, &api.StreamSource{Name: "B", FilterSubject: "o.>", External: &api.ExternalStream{APIPrefix: "$JS.hub.API"}})
	c := from(t, &api.StreamSource{Name: "C"})
	d := from(t, &api.StreamSource{Name: "E"})
	b.Identity = "id"
	for i := range uint64(3) {
		r.sourced(a, delivery(i+10, i+1), "o.a", "")
		r.sourced(b, delivery(i+20, i+1), "o.a", "")
		r.publish("d.a", "")
	}
	var m store.Message
	for _, old := range []string{"C 33", "$JS.ACK.E.C.1.44.33.1000.4"} {
		m = store.Message{Subject: []byte("o"), Header: block("Nats-Stream-Source: " + old)}
		if err := r.store.Append(&m, store.Checked); err != nil {
			t.Fatal(err)
		}
	}
	r.restart()
	found, err := r.stream.Positions([]string{a.Index, b.Index, c.Index, d.Index, "X > >"})
	if got, want := fmt.Sprint(found), fmt.Sprint(map[string]Position{a.Index: {12, ""}, b.Index: {22, "id"}, c.Index: {33, ""}, d.Index: {44, ""}}); got != want || err != nil {
		t.Errorf("positions %s, %v, want %s", got, err, want)
	}
	o := from(t, &api.StreamSource{Name: "A"})
	if o.Resume() != 0 {
		t.Errorf("resume %d", o.Resume())
	}
	o.SetPosition(found[o.Index])
	if step, _ := r.sourced(o, delivery(12, 1), "o.a", ""); step != Old || o.Resume() != 13 {
		t.Errorf("step %d, resume %d", step, o.Resume())
	}
}

func mirroring(c *api.StreamConfig) { c.Subjects, c.Mirror = nil, &api.StreamSource{Name: "S"} }

func (r *rig) mirrored(o *Origin, d *Delivery, subject string, lines ...string) (Step, *api.Error) {
	r.t.Helper()
	step, refusal, err := r.stream.Mirrored(o, d, &Incoming{Subject: []byte(subject), Header: block(lines...)}, &r.out)
	if err != nil {
		r.t.Error(err)
	}
	return step, refusal
}

func TestMirror(t *testing.T) {
	r := newRig(t, mirroring)
	o := from(t, r.stream.Config().Mirror)
	r.mirrored(o, delivery(100, 1), "d.a", "Nats-Msg-Id: m", "Nats-Expected-Last-Sequence: 99", "Nats-Batch-Id: b")
	r.mirrored(o, delivery(101, 2), "d.a", "Nats-Msg-Id: m", "Nats-TTL: 1m", "Nats-Rollup: sub", "Nats-Schedule: @hourly")
	r.mirrored(o, delivery(105, 3), "d.b")
	if step, _ := r.mirrored(o, delivery(107, 5), "d.b"); step != Broken || o.Resume() != 106 {
		t.Errorf("a gap: step %d, resume %d", step, o.Resume())
	}
	state, _, err := r.stream.State(&api.StreamInfoRequest{DeletedDetails: true})
	if err != nil || state.FirstSequence != 100 || state.LastSequence != 105 || !slices.Equal(state.Deleted, []uint64{102, 103, 104}) {
		t.Errorf("state %+v, %v", state, err)
	}
	var m store.Message
	if err := r.store.Load(101, &m); err != nil || m.Time != base+101 {
		t.Errorf("time %d, %v", m.Time, err)
	}
	if r.load(100) != "d.a|Nats-Msg-Id: m|" || r.load(101) != "d.a|Nats-Msg-Id: m,Nats-TTL: 1m,Nats-Rollup: sub,Nats-Schedule: @hourly|" {
		t.Errorf("stored %q, %q", r.load(100), r.load(101))
	}
	r.restart()
	o = from(t, r.stream.Config().Mirror)
	o.SetPosition(Position{Sequence: r.stream.LastSequence()})
	for _, c := range []struct {
		sequence, number uint64
		step             Step
	}{{105, 1, Old}, {106, 2, Taken}, {108, 3, Taken}} {
		if step, refusal := r.mirrored(o, delivery(c.sequence, c.number), "d.a"); step != c.step || refusal != nil {
			t.Errorf("%+v: step %d, %v", c, step, refusal)
		}
	}
	// Promoted, it goes on by itself.
	r.update(func(c *api.StreamConfig) { c.Mirror, c.Subjects = nil, []string{"d.>"} })
	r.expect(`{"stream":"D","seq":109}`, "d.a", "", "Nats-Msg-Id: m")
	r.expect(`{"stream":"D","seq":109,"duplicate": true}`, "d.a", "", "Nats-Msg-Id: m")
}

func TestMirrorThatIsFull(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { mirroring(c); c.Discard, c.MaxMessages = api.DiscardNew, 1 })
	o := from(t, r.stream.Config().Mirror)
	r.mirrored(o, delivery(1, 1), "d.a")
	step, refusal := r.mirrored(o, delivery(4, 2), "d.a")
	if step != Broken || refusal == nil || o.Resume() != 4 {
		t.Errorf("step %d, %v, resume %d", step, refusal, o.Resume())
	}
}

func TestFlowOfOrigins(t *testing.T) {
	o := from(t, &api.StreamSource{Name: "S"})
	if step, _ := o.Heartbeat(block("Nats-Last-Consumer: 0")); step != Taken {
		t.Error("a heartbeat before the first message breaks the source")
	}
	r := newRig(t, nil)
	r.sourced(o, delivery(7, 1), "o", "")
	if step, _ := o.Heartbeat(block("Nats-Last-Consumer: 2")); step != Broken {
		t.Error("a lost delivery is not noticed")
	}
	step, stalled := o.Heartbeat(block("Nats-Last-Consumer: 1", "Nats-Consumer-Stalled: $JS.FC.x"))
	if step != Taken || string(stalled) != "$JS.FC.x" {
		t.Errorf("step %d, stalled %q", step, stalled)
	}
	if got := string(o.FlowHeader()); got != "NATS/1.0\r\nNats-Last-Consumer: 1\r\nNats-Last-Stream: 7\r\n\r\n" {
		t.Errorf("header %q", got)
	}
	if _, err := NewOrigin(&api.StreamSource{Name: "S", SubjectTransforms: []api.SubjectTransform{{Source: "a", Destination: "{{x}}"}}}); err == nil {
		t.Error("a transform that is none is taken")
	}
}
