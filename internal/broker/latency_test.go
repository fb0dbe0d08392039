package broker

import (
	"strings"
	"testing"
)

// Which headers of tracing systems ask for a measurement. Those that do are echoed,
// others are not.
//
// Go: TestSamplingHeader server/accounts_test.go:3330
func TestSampledBy(t *testing.T) {
	const trace, span = "479fefe9525eddb", "5adb976bfc1f95c1"
	const b3, parent = "80f198ee56343ba864fe8b2a57d3eff7", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"
	for header, want := range map[string]bool{
		"": false, "Unrelated: 1": false,

		"Uber-Trace-Id: 1:2:3:1": true, "Uber-Trace-Id: 1:2:3:0": false, "Uber-Trace-Id: 1:2:1": false,
		"Uber-Trace-Id: 0:0:0:0": false, "Uber-Trace-Id: 0:0:0:00": false, "Uber-Trace-Id: 0:0:0:1": true,
		"Uber-Trace-Id: 0:0:0:01": true, "Uber-Trace-Id: 0:0:0:5": true, "Uber-Trace-Id: 0:0:0:001": false,
		"Uber-Trace-Id: " + trace + ":" + span + ":" + trace + ":1":  true,
		"Uber-Trace-Id: " + trace + ":" + trace + ":0:1":             true,
		"Uber-Trace-Id: " + trace + ":" + span + ":" + trace + ":0":  false,
		"Uber-Trace-Id: " + trace + ":" + trace + ":0:0":             false,
		"Uber-Trace-Id: 0:0:0:1\r\nUberctx-X: foo\r\nUberctx-Y: bar": true,
		"Uber-Trace-Id: 0:0:0:0\r\nX-B3-Sampled: 1":                  false, // the first system decides

		"X-B3-Sampled: 1": true, "X-B3-Sampled: 0": false, "X-B3-TraceId: " + b3: true,
		"X-B3-TraceId: " + b3 + "\r\nX-B3-Sampled: 0": false, "X-B3-TraceId: " + b3 + "\r\nX-B3-Sampled: 1": true,
		"X-B3-TraceId: a\r\nX-B3-ParentSpanId: b\r\nX-B3-SpanId: c": true,

		"B3: 0": false, "B3: 0-0-0-0": false, "B3: 0-0-0": false, "b3: a-b-0-d": false, "b3: a-b-d": true, "B3: a-b-1": true,
		"B3: 0-0-1-0": true, "B3: 0-0-1": true, "B3: 0-0-d": true,
		"B3: " + b3 + "-e457b5a2e4d86bd1-1":                  true,
		"B3: " + b3 + "-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90": true,
		"B3: " + b3 + "-e457b5a2e4d86bd1-0-05e3ac9a4f6e3b90": false,

		"traceparent: " + parent + "01": true, "traceparent: " + parent + "27": true, "traceparent: " + parent + "00": false,
		"traceparent: " + parent + "22": false, "traceparent: " + parent + "ff": true, "traceparent: " + parent + "1": false,
		"traceparent: " + parent + "01\r\ntracestate: rojo=1": true,
	} {
		given := parseHeader([]byte("NATS/1.0\r\n" + header + "\r\n\r\n"))
		with := parseHeader([]byte("NATS/1.0\r\nOther: x\r\n" + header + "\r\n\r\n"))
		echo, got := sampledBy(with)
		if got != want || !got && echo != nil || got && len(echo) != len(given) {
			t.Errorf("%q: %v, echo %v", header, got, echo)
		}
		for name := range echo {
			if strings.Join(echo[name], ",") != strings.Join(given[name], ",") {
				t.Errorf("%q: %s is echoed as %q", header, name, echo[name])
			}
		}
	}
}
