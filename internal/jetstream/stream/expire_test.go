package stream

import (
	"slices"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
)

func TestParseTTL(t *testing.T) {
	for text, want := range map[string]int64{
		"": 0, "0": 0, "5": 5, "1s": 1, "1.9s": 1, "1h": 3600, "never": store.NeverExpires, "NEVER": store.NeverExpires,
		"9223372036854775807": 1<<63 - 1,
	} {
		if got, ok := parseTTL([]byte(text)); !ok || got != want {
			t.Errorf("parseTTL(%q) = %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"500ms", "0s", "-1", "-5s", "something", "1x", "9223372036854775808", "99999999999999999999999"} {
		if got, ok := parseTTL([]byte(text)); ok {
			t.Errorf("parseTTL(%q) = %d", text, got)
		}
	}
}

func TestMessageTTL(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { c.AllowMessageTTL, c.MaxAge = true, time.Hour })
	r.expect(`{"stream":"D","seq":1}`, "d.a", "", "Nats-TTL: 90s")
	r.expect(`{"stream":"D","seq":2}`, "d.a", "", "Nats-TTL: never")
	r.expect(`{"stream":"D","seq":3}`, "d.a", "", "Nats-TTL: 2h")
	r.expect(`{"stream":"D","seq":4}`, "d.a", "", "Nats-TTL: 0")
	r.expect(`{"error":{"code":400,"err_code":10165,"description":"invalid per-message TTL"},"stream":"D","seq":0}`, "d.a", "", "Nats-TTL: 500ms")
	for _, step := range []struct {
		after time.Duration
		left  []uint64
	}{
		{90*time.Second - 1, []uint64{1, 2, 3, 4}},
		{1, []uint64{2, 3, 4}},
		{time.Hour - 90*time.Second, []uint64{2}},
		{1000 * time.Hour, []uint64{2}},
	} {
		if r.advance(step.after); !slices.Equal(r.sequences(), step.left) {
			t.Errorf("at %s: %v, want %v", time.Duration(r.now-base), r.sequences(), step.left)
		}
	}
	r = newRig(t, nil)
	r.expect(refused(api.ErrMessageTTLDisabled), "d.a", "", "Nats-TTL: 90s")
	r.expect(refused(api.ErrMessageTTLDisabled), "d.a", "", "Nats-TTL: never")
	r.expect(refused(api.ErrMessageTTLInvalid), "d.a", "", "Nats-TTL: x")
	r.expect(`{"stream":"D","seq":1}`, "d.a", "", "Nats-TTL: 0")
}

func markers(c *api.StreamConfig) {
	c.AllowMessageTTL, c.AllowRollup, c.MaxAge, c.SubjectDeleteMarkerTTL = true, true, 10*time.Second, time.Minute
}

func TestSubjectDeleteMarkers(t *testing.T) {
	r := newRig(t, markers)
	r.publish("d.a", "1")
	r.publish("d.b", "1")
	r.publish("d.a", "2")
	r.publish("d.purged", "", "KV-Operation: PURGE")
	r.publish("d.deleted", "", "KV-Operation: DEL")
	r.advance(10 * time.Second)
	const marker = "|Nats-Marker-Reason: MaxAge,Nats-TTL: 1m0s,Nats-Rollup: sub|"
	want := []string{"d.b" + marker, "d.a" + marker, "d.deleted" + marker}
	var got []string
	for _, sequence := range r.sequences() {
		got = append(got, r.load(sequence))
	}
	if !slices.Equal(got, want) {
		t.Errorf("after expiry:\n got %q\nwant %q", got, want)
	}
	if len(r.out.Arrived) != 3 || r.out.Arrived[0].Sequence != 6 || string(r.out.Arrived[0].Subject) != "d.b" {
		t.Errorf("arrived %+v", r.out.Arrived)
	}
	r.restart()
	// Max age is shorter than the life of the markers.
	if r.advance(10 * time.Second); len(r.sequences()) != 0 || len(r.out.Arrived) != 0 {
		t.Errorf("markers leave %v", r.sequences())
	}
}

func TestNoMarkersForOtherRemovals(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { markers(c); c.MaxMessages = 2 })
	r.publish("d.a", "")
	r.publish("d.b", "")
	r.publish("d.c", "") // d.a goes by the limit
	if refusal := r.stream.Delete(api.MessageDeleteRequest{Sequence: 2}); refusal != nil {
		t.Fatal(refusal)
	}
	if _, refusal := r.stream.Purge(api.PurgeRequest{}); refusal != nil {
		t.Fatal(refusal)
	}
	if got := r.sequences(); len(got) != 0 || r.stream.LastSequence() != 3 {
		t.Errorf("stored %v, last %d", got, r.stream.LastSequence())
	}
}

func TestMarkerRaisesShortLives(t *testing.T) {
	r := newRig(t, markers)
	r.publish("d.a", "", "Nats-TTL: 5s", "A: 1")
	r.publish("d.a", "", "Nats-TTL: 2m")
	if r.load(1) != "d.a|A: 1,Nats-TTL: 60|" || r.load(2) != "d.a|Nats-TTL: 2m|" {
		t.Errorf("stored %q, %q", r.load(1), r.load(2))
	}
	r = newRig(t, func(c *api.StreamConfig) { markers(c); c.MaxPerSubject = 1 })
	r.publish("d.a", "", "Nats-TTL: 5s")
	if r.load(1) != "d.a|Nats-TTL: 5s|" {
		t.Errorf("with one message for each subject: %q", r.load(1))
	}
	r.advance(5 * time.Second)
	if got := r.sequences(); !slices.Equal(got, []uint64{2}) {
		t.Errorf("a marker for a message whose own time ends: %v", got)
	}
}

func TestSealedStreamsKeepAll(t *testing.T) {
	r := newRig(t, func(c *api.StreamConfig) { c.AllowMessageTTL = true })
	r.publish("d.a", "", "Nats-TTL: 1s")
	r.update(func(c *api.StreamConfig) { c.Sealed, c.DenyDelete, c.DenyPurge = true, true, true })
	r.advance(time.Hour)
	if got := r.sequences(); !slices.Equal(got, []uint64{1}) {
		t.Errorf("stored %v", got)
	}
	if _, refusal := r.stream.Purge(api.PurgeRequest{}); refusal != api.ErrStreamSealed {
		t.Errorf("purge: %v", refusal)
	}
	if refusal := r.stream.Delete(api.MessageDeleteRequest{Sequence: 1}); refusal != api.ErrStreamSealed {
		t.Errorf("delete: %v", refusal)
	}
}
