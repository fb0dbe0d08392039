package load

import "time"

// Result is what a run measured. Its JSON form is the one line that the load command prints.
type Result struct {
	Scenario string  `json:"scenario"`
	Unit     string  `json:"unit"`
	Messages int64   `json:"messages"` // units done in the measured time
	Seconds  float64 `json:"seconds"`  // the measured time

	Rate            float64 `json:"rate"`             // units per second
	CPUMicros       float64 `json:"cpu_us"`           // server CPU per unit, user and system, in microseconds
	GeneratorMicros float64 `json:"generator_cpu_us"` // this process's CPU per unit, in microseconds
	ResidentBytes   int64   `json:"rss_bytes"`        // server memory at the end of the measured time
	PeakBytes       int64   `json:"rss_peak_bytes"`   // largest server memory since its start

	Extra []Extra `json:"extra,omitempty"` // what only this scenario measures
}

// Extra is one further number of a scenario.
type Extra struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Better string  `json:"better"` // "higher", "lower" or "-"
	Value  float64 `json:"value"`
}

const (
	higher  = "higher"
	lower   = "lower"
	neither = "-"
)

// reading is the state of all clocks at one moment.
type reading struct {
	at        time.Time
	server    time.Duration
	generator time.Duration
}

// record fills the main numbers from the readings before and after n units of work.
func (r *Result) record(n int64, begin, end reading) {
	elapsed := end.at.Sub(begin.at).Seconds()
	r.Messages, r.Seconds = n, elapsed
	r.Rate = float64(n) / elapsed
	r.CPUMicros = micros(end.server-begin.server) / float64(n)
	r.GeneratorMicros = micros(end.generator-begin.generator) / float64(n)
}

func (r *Result) extra(name, unit, better string, value float64) {
	r.Extra = append(r.Extra, Extra{Name: name, Unit: unit, Better: better, Value: value})
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
