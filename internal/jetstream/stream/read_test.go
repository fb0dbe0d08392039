package stream

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
)

// filled returns a stream with messages at a second's distance: 1 d.a, 2 d.b, 3 d.a with
// a header, 4 deleted, 5 d.c.
func filled(t *testing.T) *rig {
	r := newRig(t, func(c *api.StreamConfig) { c.AllowDirect = true })
	for i, subject := range []string{"d.a", "d.b", "d.a", "d.a", "d.c"} {
		var lines []string
		if i == 2 {
			lines = []string{"A: 1"}
		}
		r.publish(subject, fmt.Sprint(i+1), lines...)
		r.now += second
	}
	if refusal := r.stream.Delete(api.MessageDeleteRequest{Sequence: 4}); refusal != nil {
		t.Fatal(refusal)
	}
	return r
}

func TestGet(t *testing.T) {
	r := filled(t)
	for body, want := range map[string]string{
		`{"seq":1}`:                             "1",
		`{"seq":3}`:                             "3",
		`{"seq":4}`:                             "none",
		`{"seq":6}`:                             "none",
		`{"last_by_subj":"d.a"}`:                "3",
		`{"last_by_subj":"d.*"}`:                "5",
		`{"last_by_subj":"d.x"}`:                "none",
		`{"last_by_subj":"d..x"}`:               "none",
		`{"next_by_subj":"d.a"}`:                "1",
		`{"next_by_subj":"d.*","seq":4}`:        "5",
		`{"next_by_subj":"d.a","seq":4}`:        "none",
		`{"start_time":"2026-01-01T00:00:01Z"}`: "2",
		`{"start_time":"2026-01-01T00:00:03Z"}`: "5",
		`{"start_time":"2026-01-01T00:00:05Z"}`: "none",
		`{"next_by_subj":"d.a","start_time":"2026-01-01T00:00:01Z"}`: "3",
		`{}`:                             "bad",
		`{"no_hdr":true}`:                "bad",
		`{"seq":1,"last_by_subj":"d.a"}`: "bad",
		`{"seq":1,"batch":1}`:            "bad",
		`{"seq":1,"max_bytes":1}`:        "bad",
		`{"next_by_subj":"d.a","last_by_subj":"d.a"}`:                "bad",
		`{"seq":1,"start_time":"2026-01-01T00:00:01Z"}`:              "bad",
		`{"last_by_subj":"d.a","start_time":"2026-01-01T00:00:01Z"}`: "bad",
	} {
		var request GetRequest
		if err := json.Unmarshal([]byte(body), &request); err != nil {
			t.Fatal(err)
		}
		m, refusal := r.stream.Get(&request)
		got := ""
		switch {
		case refusal == api.ErrNoMessageFound:
			got = "none"
		case refusal == api.ErrBadRequest:
			got = "bad"
		case refusal == nil:
			got = string(m.Data)
			if got != fmt.Sprint(m.Sequence) || !m.Time.Equal(time.Unix(0, base+int64(m.Sequence-1)*second)) {
				t.Errorf("%s: %+v", body, m)
			}
		}
		if got != want {
			t.Errorf("%s: %s, %v, want %s", body, got, refusal, want)
		}
	}
	m, _ := r.stream.Get(&GetRequest{Sequence: 3})
	if describe([]byte(m.Subject), m.Header, m.Data) != "d.a|A: 1|3" {
		t.Errorf("read %+v", m)
	}
	if m, _ = r.stream.Get(&GetRequest{Sequence: 3, NoHeaders: true}); m.Header != nil {
		t.Errorf("read %+v without headers", m)
	}
}

// direct answers a direct get, one line for each message: the header lines and the
// payload, or the status.
func (r *rig) direct(of, body string, lines ...string) (answer []string) {
	send := func(header, payload []byte) {
		text := strings.TrimSuffix(string(header), "\r\n\r\n")
		text = strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", ","), "NATS/1.0,")
		answer = append(answer, strings.TrimPrefix(text, "NATS/1.0 ")+"|"+string(payload))
	}
	if of == "" {
		r.stream.Direct(block(lines...), []byte(body), send)
	} else {
		r.stream.DirectLast(strings.TrimPrefix(of, "-"), block(lines...), []byte(body), send)
	}
	return answer
}

func place(subject string, sequence int) string {
	return fmt.Sprintf("Nats-Stream: D,Nats-Subject: %s,Nats-Sequence: %d,Nats-Time-Stamp: 2026-01-01T00:00:0%dZ", subject, sequence, sequence-1)
}

func counts(pending, last int) string {
	return fmt.Sprintf(",Nats-Num-Pending: %d,Nats-Last-Sequence: %d", pending, last)
}

func TestDirect(t *testing.T) {
	r := filled(t)
	first := place("d.a", 1) + "|1"
	for _, c := range []struct {
		of, body string
		want     []string
	}{
		{"", `{"seq":1}`, []string{first}},
		{"", `{"last_by_subj":"d.a"}`, []string{"A: 1," + place("d.a", 3) + "|3"}},
		{"d.a", ``, []string{"A: 1," + place("d.a", 3) + "|3"}},
		{"d.a", `{"no_hdr":true,"max_bytes":5}`, []string{"|3"}},
		{"", `{"next_by_subj":"d.*","seq":4}`, []string{place("d.c", 5) + "|5"}},
		{"", `{"start_time":"2026-01-01T00:00:00Z"}`, []string{first}},
		{"d.x", ``, []string{"404 Message Not Found|"}},
		{"", `{"seq":4}`, []string{"404 Message Not Found|"}},
		{"", ``, []string{"408 Empty Request|"}},
		{"", `{}`, []string{"408 Empty Request|"}},
		{"", `{"batch":3}`, []string{"408 Empty Request|"}},
		{"", `{"seq":`, []string{"408 Malformed Request|"}},
		{"d.a", `x`, []string{"408 Malformed Request|"}},
		{"d.a", `{"seq":1}`, []string{"408 Bad Request|"}},
		{"d.a", `{"up_to_seq":1}`, []string{"408 Bad Request|"}},
		{"-", ``, []string{"408 Bad Request|"}},
		{"", `{"seq":1,"last_by_subj":"d.a"}`, []string{"408 Bad Request|"}},
		{"", `{"seq":1,"start_time":"2026-01-01T00:00:00Z"}`, []string{"408 Bad Request|"}},
		{"", `{"last_by_subj":"d.a","batch":1}`, []string{"408 Bad Request|"}},
		{"", `{"last_by_subj":"d.a","multi_last":["d.a"]}`, []string{"408 Bad Request|"}},
		{"", `{"next_by_subj":"d.a","multi_last":["d.a"]}`, []string{"408 Bad Request|"}},
		{"", `{"multi_last":["d.a"],"up_to_seq":1,"up_to_time":"2026-01-01T00:00:00Z"}`, []string{"408 Bad Request|"}},
		{"", `{"batch":2,"seq":1}`, []string{
			place("d.a", 1) + counts(3, 0) + "|1", place("d.b", 2) + counts(2, 1) + "|2", "204 EOB" + counts(2, 2) + "|",
		}},
		{"", `{"batch":9,"seq":3,"next_by_subj":"d.>"}`, []string{
			"A: 1," + place("d.a", 3) + counts(1, 0) + "|3", place("d.c", 5) + counts(0, 3) + "|5", "204 EOB" + counts(0, 5) + "|",
		}},
		{"", `{"batch":9,"start_time":"2026-01-01T00:00:01Z","max_bytes":5,"no_hdr":true}`, []string{"|2", "|3", "204 EOB" + counts(1, 3) + "|"}},
		{"", `{"batch":9,"seq":1,"max_bytes":4,"no_hdr":true}`, []string{"|1", "204 EOB" + counts(3, 1) + "|"}},
		{"", `{"batch":9,"seq":6}`, []string{"404 Message Not Found|"}},
		{"", `{"batch":1,"seq":1}`, []string{place("d.a", 1) + counts(3, 0) + "|1", "204 EOB" + counts(3, 1) + "|"}},
		{"", `{"multi_last":["d.a","d.c"]}`, []string{
			"A: 1," + place("d.a", 3) + counts(1, 0) + "|3", place("d.c", 5) + counts(0, 3) + "|5", "204 EOB" + counts(0, 5) + ",Nats-UpTo-Sequence: 5|",
		}},
		{"", `{"multi_last":["d.>"],"up_to_seq":2,"no_hdr":true}`, []string{
			place("d.a", 1) + counts(1, 0) + "|1", place("d.b", 2) + counts(0, 1) + "|2", "204 EOB" + counts(0, 2) + ",Nats-UpTo-Sequence: 2|",
		}},
		{"", `{"multi_last":["d.>"],"up_to_time":"2026-01-01T00:00:01Z"}`, []string{
			place("d.a", 1) + counts(0, 0) + "|1", "204 EOB" + counts(0, 1) + ",Nats-UpTo-Sequence: 1|",
		}},
		{"", `{"multi_last":["d.>"],"batch":1,"seq":3}`, []string{
			"A: 1," + place("d.a", 3) + counts(1, 0) + "|3", "204 EOB" + counts(1, 3) + ",Nats-UpTo-Sequence: 5|",
		}},
		{"", `{"multi_last":["d.>"],"up_to_time":"2026-01-01T00:00:00Z"}`, []string{"404 No Results|"}},
		{"", `{"multi_last":["e.>"]}`, []string{"404 No Results|"}},
		{"", `{"multi_last":["e..>"]}`, []string{"404 No Results|"}},
	} {
		if got := r.direct(c.of, c.body); !slices.Equal(got, c.want) {
			t.Errorf("%s %s:\n got %q\nwant %q", c.of, c.body, got, c.want)
		}
	}
	if got := r.direct("", `{"seq":1}`, "Nats-Required-Api-Level: 99"); !slices.Equal(got, []string{"412 Required Api Level|"}) {
		t.Errorf("level: %q", got)
	}
	many := newRig(t, nil)
	for i := range directSubjectsMax + 1 {
		many.publish(fmt.Sprint("d.", i), "")
	}
	if got := many.direct("", `{"multi_last":["d.>"],"batch":1}`); !slices.Equal(got, []string{"413 Too Many Results|"}) {
		t.Errorf("too many: %q", got)
	}
}

func TestDelete(t *testing.T) {
	r := filled(t)
	for sequence, want := range map[uint64]string{
		4: "sequence 4 not found (10043)",
		6: "stream store EOF (10057)",
		2: "",
	} {
		refusal := r.stream.Delete(api.MessageDeleteRequest{Sequence: sequence, NoErase: true})
		if got := fmt.Sprint(refusal); refusal == nil && want != "" || refusal != nil && got != want {
			t.Errorf("delete %d: %v, want %s", sequence, refusal, want)
		}
	}
	r.update(func(c *api.StreamConfig) { c.DenyDelete, c.DenyPurge = true, true })
	if refusal := r.stream.Delete(api.MessageDeleteRequest{Sequence: 1}); refusal == nil || refusal.Error() != "message delete not permitted (10057)" {
		t.Errorf("delete: %v", refusal)
	}
	if _, refusal := r.stream.Purge(api.PurgeRequest{}); refusal == nil || refusal.Error() != "stream purge not permitted (10110)" {
		t.Errorf("purge: %v", refusal)
	}
}

func TestPurge(t *testing.T) {
	for _, c := range []struct {
		request api.PurgeRequest
		purged  uint64
		left    []uint64
	}{
		{api.PurgeRequest{}, 4, nil},
		{api.PurgeRequest{Filter: "d.a"}, 2, []uint64{2, 5}},
		{api.PurgeRequest{Filter: "d..a"}, 0, []uint64{1, 2, 3, 5}},
		{api.PurgeRequest{Sequence: 1}, 0, []uint64{1, 2, 3, 5}},
		{api.PurgeRequest{Sequence: 3}, 2, []uint64{3, 5}},
		{api.PurgeRequest{Keep: 1}, 3, []uint64{5}},
		{api.PurgeRequest{Keep: 9}, 0, []uint64{1, 2, 3, 5}},
		{api.PurgeRequest{Filter: "d.a", Keep: 1}, 1, []uint64{2, 3, 5}},
		{api.PurgeRequest{Filter: "d.a", Sequence: 3}, 1, []uint64{2, 3, 5}},
	} {
		r := filled(t)
		purged, refusal := r.stream.Purge(c.request)
		if purged != c.purged || refusal != nil || !slices.Equal(r.sequences(), c.left) {
			t.Errorf("%+v: purged %d, %v, left %v", c.request, purged, refusal, r.sequences())
		}
		r.expect(`{"stream":"D","seq":6}`, "d.a", "", "Nats-Expected-Last-Sequence: 5")
	}
	if _, refusal := filled(t).stream.Purge(api.PurgeRequest{Sequence: 1, Keep: 1}); refusal != api.ErrBadRequest {
		t.Errorf("purge: %v", refusal)
	}
}

func TestState(t *testing.T) {
	r := filled(t)
	state, page, err := r.stream.State(&api.StreamInfoRequest{DeletedDetails: true, SubjectsFilter: "d.*", PageRequest: api.PageRequest{Offset: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if state.Messages != 4 || state.NumDeleted != 1 || !slices.Equal(state.Deleted, []uint64{4}) || state.NumSubjects != 3 ||
		state.FirstTime.UnixNano() != base || state.LastTime.UnixNano() != base+4*second {
		t.Errorf("state %+v", state)
	}
	if fmt.Sprint(state.Subjects) != "map[d.b:1 d.c:1]" || page.Total != 3 || page.Offset != 1 || page.Limit != api.SubjectsPage {
		t.Errorf("subjects %v, page %+v", state.Subjects, page)
	}
	for _, filter := range []string{"e.*", "d..*"} {
		if state, page, err = r.stream.State(&api.StreamInfoRequest{SubjectsFilter: filter}); err != nil || state.Subjects != nil || page != (api.Page{}) {
			t.Errorf("%s: %v, %+v, %v", filter, state.Subjects, page, err)
		}
	}
	empty, _, err := newRig(t, nil).stream.State(nil)
	if err != nil || !empty.FirstTime.IsZero() || !empty.LastTime.IsZero() || empty.FirstSequence != 0 {
		t.Errorf("state %+v, %v", empty, err)
	}
}

func FuzzDirect(f *testing.F) {
	for _, body := range []string{`{"seq":1}`, `{"multi_last":["d.>"],"batch":2}`, `{"batch":3,"next_by_subj":"d.*","seq":2}`, `{"up_to_time":"2026-01-01T00:00:00Z","multi_last":[">"]}`} {
		f.Add([]byte(body), "d.a")
	}
	r := newRig(f, nil)
	for i := range 5 {
		r.publish(fmt.Sprint("d.", i%3), "x")
	}
	f.Fuzz(func(t *testing.T, body []byte, of string) {
		for _, ask := range []func(Send){
			func(send Send) { r.stream.Direct(nil, body, send) },
			func(send Send) { r.stream.DirectLast(of, nil, body, send) },
		} {
			sent := 0
			ask(func(header, _ []byte) {
				sent++
				if len(header) > 0 && (!strings.HasPrefix(string(header), "NATS/1.0") || !strings.HasSuffix(string(header), "\r\n\r\n")) {
					t.Errorf("header %q", header)
				}
			})
			if sent == 0 {
				t.Error("no answer")
			}
		}
	})
}
