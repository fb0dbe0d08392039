package stream

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/wire"
)

var fieldNames = map[field]string{
	fieldMsgID: headerMsgID, fieldExpectedStream: headerExpectedStream, fieldExpectedLastSequence: headerExpectedLastSequence,
	fieldExpectedLastSubjectSequence: headerExpectedLastSubjectSequence, fieldExpectedLastSubjectSequenceSubject: headerExpectedLastSubjectSequenceSubject,
	fieldExpectedLastMsgID: headerExpectedLastMsgID, fieldRollup: headerRollup, fieldTTL: headerTTL, fieldIncrement: headerIncrement,
	fieldCounterSources: headerCounterSources, fieldStreamSource: headerStreamSource, fieldMarkerReason: headerMarkerReason,
	fieldBatchID: headerBatchID, fieldBatchSequence: headerBatchSequence, fieldBatchCommit: headerBatchCommit,
	fieldRequiredLevel: headerRequiredLevel, fieldRequestInfo: headerRequestInfo, fieldSchedule: headerSchedule,
	fieldScheduleTarget: headerScheduleTarget, fieldScheduleSource: headerScheduleSource, fieldScheduleTTL: headerScheduleTTL,
	fieldScheduleRollup: headerScheduleRollup, fieldScheduleZone: headerScheduleZone, fieldScheduleNext: headerScheduleNext,
	fieldScheduler: headerScheduler, fieldOperation: headerOperation,
}

// One pass finds what looking for each name by itself finds.
func TestFieldsAgreeWithSearches(t *testing.T) {
	if len(fieldNames) != int(fieldCount) {
		t.Fatalf("%d names of %d fields", len(fieldNames), fieldCount)
	}
	names := []string{"X", "nats-ttl", "Nats-", "Nats-TTL ", " Nats-TTL"}
	for _, name := range fieldNames {
		names = append(names, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		for range rapid.IntRange(0, 8).Draw(t, "lines") {
			name := rapid.SampledFrom(names).Draw(t, "name")
			lines = append(lines, name+rapid.SampledFrom([]string{": ", ":", ""}).Draw(t, "colon")+rapid.SampledFrom([]string{"", "1", " x \t", "a:b"}).Draw(t, "value"))
		}
		header := block(lines...)
		var f fields
		f.read(header)
		for name, text := range fieldNames {
			if got, want := f.get(name), wire.Header(header, text); !bytes.Equal(got, want) || (got == nil) != (want == nil) {
				t.Fatalf("%q: %s is %q, want %q", header, text, got, want)
			}
		}
	})
}

func TestHeaderLines(t *testing.T) {
	header := block("A: 1", "B: 2", "A: 3")
	for _, c := range []struct{ got, want []byte }{
		{without(header, named("A")), block("B: 2")},
		{without(header, func([]byte) bool { return true }), nil},
		{without(nil, named("A")), nil},
		{without([]byte("NATS/1.0 404 X\r\n\r\n"), keepAll), nil},
		{with(nil, "C", "3"), block("C: 3")},
		{with(header, "C", "3"), block("A: 1", "B: 2", "A: 3", "C: 3")},
		{replaced(header, "A", "9"), block("A: 9", "B: 2")},
		{replaced(header, "C", "9"), block("A: 1", "B: 2", "A: 3", "C: 9")},
		{with([]byte("NATS/1.0\r\nA: 1"), "C", "3"), block("A: 1", "C: 3")},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// Whatever a client sends, it has one outcome, and what is stored can be read.
func FuzzPublish(f *testing.F) {
	f.Add([]byte("d.a"), []byte("r"), []byte("NATS/1.0\r\nNats-Msg-Id: 1\r\nNats-Rollup: sub\r\n\r\n"), []byte("x"))
	f.Add([]byte("d.b"), []byte("_I.u.1.ok.1.0.$FI"), []byte("NATS/1.0\r\nNats-TTL: 1s\r\n\r\n"), []byte(""))
	f.Add([]byte("d.b"), []byte("r"), []byte("NATS/1.0 1\r\nNats-Batch-Id: b\r\nNats-Batch-Sequence: 1\r\nNats-Batch-Commit: 1\r\n\r\n"), []byte(""))
	f.Add([]byte("d.c"), []byte("r"), []byte("NATS/1.0\r\nNats-Schedule: * * * * * *\r\nNats-Schedule-Target: d.t\r\nNats-Schedule-Time-Zone: UTC\r\n\r\n"), []byte("y"))
	f.Add([]byte("d..c"), []byte("_R_.x"), []byte("Nats-Request-Info: {\"reply\":\"a.u.1.ok.1.2.$FI\"}\nNats-Incr:1"), []byte("y"))
	f.Add([]byte(""), []byte(""), []byte("Nats-Expected-Last-Subject-Sequence: 0\r\nNats-Expected-Last-Subject-Sequence-Subject: ..>"), []byte("y"))
	f.Fuzz(func(t *testing.T, subject, reply, header, payload []byte) {
		for _, counter := range []bool{false, true} {
			r := newRig(t, func(c *api.StreamConfig) {
				markers(c)
				c.AllowCounter, c.AllowSchedules, c.AllowAtomic, c.AllowBatched = counter, !counter, true, true
				c.SubjectTransform = &api.SubjectTransform{Source: "*.*.*", Destination: "d.$1"}
				c.RePublish = &api.RePublish{Source: ">", Destination: "again.>"}
			})
			in := Incoming{Subject: subject, Reply: reply, Header: header, Payload: payload}
			if err := r.stream.Publish([]Incoming{in, in}, r.now, &r.out); err != nil {
				t.Fatal(err)
			}
			if len(r.out.Outcomes) != 2 {
				t.Fatalf("%d outcomes", len(r.out.Outcomes))
			}
			for _, p := range r.out.Republished {
				if !strings.HasPrefix(string(p.Header), "NATS/1.0\r\n") || !strings.HasSuffix(string(p.Header), "\r\n\r\n") {
					t.Errorf("republished with %q", p.Header)
				}
			}
			r.advance(1)
			r.restart()
		}
	})
}
