package trace_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/tests/kit"
)

// TestTracedMessage follows a message whose subject is mapped to three
// subscriptions of two connections.
//
// Go: TestMsgTraceBasic server/msgtrace_test.go:173
func TestTracedMessage(t *testing.T) {
	s := run(t, "mappings { foo: bar }")
	nc := s.connect("")
	traces := kit.Subscribe(t, nc, "tr.a")

	t.Run("nobody is interested", func(t *testing.T) {
		m := message("dummy", "hello!", dest, "tr.a", only, "true")
		kit.OK(t, nc.PublishMsg(m))
		e := trace(t, traces, nc)
		same(t, "steps", e.story(), []string{"in acc=$G subj=dummy"})
		if id := kit.Must[uint64](t)(nc.GetClientID()); e.Events[0].CID != id || len(e.Request.Header) != 2 {
			t.Errorf("got %+v of client %d", e, id)
		}
		// As the library writes it: the first line, two of headers, an empty one.
		const size = len("NATS/1.0\r\n" + dest + ": tr.a\r\n" + only + ": true\r\n\r\n" + "hello!")
		if e.Request.Size != size || e.Hops != 0 {
			t.Errorf("%d bytes, want %d, and %d hops", e.Request.Size, size, e.Hops)
		}
	})

	two := s.connect("", nats.Name("two"))
	first, second := kit.Subscribe(t, two, "bar"), kit.Subscribe(t, two, "bar")
	third := kit.Subscribe(t, s.connect(""), "*")
	both(t, func(t *testing.T, deliver bool, headers []string) {
		kit.OK(t, nc.PublishMsg(message("foo", "hello!", append(headers, "Some-App", "value")...)))
		e := trace(t, traces, nc)
		same(t, "steps", e.story(), []string{
			"in acc=$G subj=foo", "eg name=two sub=bar", "eg name=two sub=bar", "eg sub=*", "sm to=bar",
		})
		if e.Events[1].Type != "sm" {
			t.Errorf("the mapping is not next to the entry: %+v", e.Events)
		}
		h := e.Request.Header
		if len(h) != 1+len(headers)/2 || !slices.Equal(h["Some-App"], []string{"value"}) || !slices.Equal(h[dest], []string{"tr.a"}) {
			t.Errorf("headers %q", h)
		}
		for _, b := range []*kit.Inbox{first, second, third} {
			if n := b.Count(); n != len(when(deliver, "")) {
				t.Fatalf("%d messages on %q", n, b.Subject)
			}
			if !deliver {
				continue
			}
			// Headers are not removed.
			if m := b.Next(); string(m.Data) != "hello!" || len(m.Header) != 2 || m.Header.Get("Some-App") != "value" || m.Header.Get(dest) != "tr.a" {
				t.Errorf("got %q with %q", m.Data, m.Header)
			}
		}
	})
}

// TestTracedChoiceOfMapping: of a mapping with several destinations the trace shows
// the one that was chosen.
func TestTracedChoiceOfMapping(t *testing.T) {
	s := run(t, `mappings { foo: [ { destination: one, weight: 50% }, { destination: two, weight: 50% } ] }`)
	nc := s.connect("")
	traces, wanted := kit.Subscribe(t, nc, "tr.a"), kit.Subscribe(t, nc, "*")
	seen := make(map[string]int)
	for range 100 {
		kit.OK(t, nc.PublishMsg(message("foo", "", dest, "tr.a")))
		subject := trace(t, traces, nc).Events[1].To
		if m := wanted.Next(); m.Subject != subject {
			t.Fatalf("delivered on %q, the trace says %q", m.Subject, subject)
		}
		seen[subject]++
	}
	if seen["one"] == 0 || seen["two"] == 0 || len(seen) != 2 {
		t.Errorf("seen: %v", seen)
	}
}

// TestTracedQueues: one member of each queue is shown, and gets the message.
//
// Go: TestMsgTraceWithQueueSub server/msgtrace_test.go:903
func TestTracedQueues(t *testing.T) {
	s := run(t, "")
	nc := s.connect("")
	traces := kit.Subscribe(t, nc, "tr.a")
	one := s.connect("", nats.Name("one"))
	two := s.connect("", nats.Name("two"))
	members := []*kit.Inbox{kit.Subscribe(t, one, "foo", "bar"), kit.Subscribe(t, two, "foo", "bar")}
	alone := kit.Subscribe(t, two, "*", "baz")

	both(t, func(t *testing.T, deliver bool, headers []string) {
		kit.OK(t, nc.PublishMsg(message("foo", "hello", headers...)))
		e := trace(t, traces, nc)
		var name string
		for _, eg := range e.Events {
			if eg.Queue == "bar" {
				name = eg.Name
			}
		}
		want := []string{"eg name=" + name + " sub=foo queue=bar", "eg name=two sub=* queue=baz", "in acc=$G subj=foo"}
		slices.Sort(want)
		same(t, "steps", slices.Sorted(slices.Values(e.story())), want)
		got := append(members[0].Take(nc), members[1].Take(nc)...)
		same(t, "members", got, when(deliver, "foo=hello"))
		if deliver && (name == "one") != (kit.Must[int64](t)(members[0].Delivered()) == 1) {
			t.Errorf("the trace says %q", name)
		}
		got = alone.Take(nc)
		same(t, "the other queue", got, when(deliver, "foo=hello"))
	})
}

// TestTracedRequestToTheServer: its own services are not shown, and do not answer
// what is traced only.
func TestTracedRequestToTheServer(t *testing.T) {
	s := run(t, "")
	nc := s.connect("")
	traces, answers := kit.Subscribe(t, nc, "tr.a"), kit.Subscribe(t, nc, "inbox")
	both(t, func(t *testing.T, deliver bool, headers []string) {
		m := message("$SYS.REQ.USER.INFO", "", headers...)
		m.Reply = answers.Subject
		kit.OK(t, nc.PublishMsg(m))
		tells(t, traces, nc, "in acc=$G subj=$SYS.REQ.USER.INFO", "si acc=$SYS from=$SYS.REQ.USER.INFO to=$SYS.REQ.USER.$G.INFO")
		if deliver {
			answers.Next()
		}
		if n := answers.Count(nc); n != 0 {
			t.Errorf("%d answers", n)
		}
	})
}

// TestCompressedTraces: the event comes in a way that its receiver accepts.
//
// Go: TestMsgTraceWithCompression server/msgtrace_test.go:5508
func TestCompressedTraces(t *testing.T) {
	s := run(t, "")
	nc := s.connect("")
	traces := kit.Subscribe(t, nc, "tr.a")
	for _, c := range []struct {
		accepted, encoding string
		reader             func(io.Reader) (io.Reader, error)
	}{
		{"gzip", "gzip", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"snappy", "snappy", func(r io.Reader) (io.Reader, error) { return s2.NewReader(r), nil }},
		{"s2", "snappy", func(r io.Reader) (io.Reader, error) { return s2.NewReader(r), nil }},
		{"deflate, gzip;q=1.0", "gzip", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"bad one", "identity", func(r io.Reader) (io.Reader, error) { return r, nil }},
		{"", "", func(r io.Reader) (io.Reader, error) { return r, nil }},
	} {
		t.Run(c.accepted, func(t *testing.T) {
			m := message("foo", "hello!", dest, "tr.a")
			if c.accepted != "" {
				m.Header.Set("Accept-Encoding", c.accepted)
			}
			kit.OK(t, nc.PublishMsg(m))
			got := traces.Next()
			if e := got.Header.Get("Content-Encoding"); e != c.encoding {
				t.Errorf("encoding %q", e)
			}
			r := kit.Must[io.Reader](t)(c.reader(bytes.NewReader(got.Data)))
			e := decode(t, kit.Must[[]byte](t)(io.ReadAll(r)))
			same(t, "steps", e.story(), []string{"in acc=$G subj=foo"})
		})
	}
}
