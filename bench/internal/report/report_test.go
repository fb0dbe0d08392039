package report

import (
	"math"
	"strings"
	"testing"

	"github.com/godwit-mq/godwit/bench/internal/load"
)

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.00", 0.0367: "0.037", 1.018: "1.02", 15.6: "15.6", 143.2: "143", 9994: "9994", 9996: "10.0k",
		123_456: "123k", 999_499: "999k", 999_600: "1.00M", 4_150_530: "4.15M", -2: "-2.00",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
	if got := number(math.NaN()); got != "-" {
		t.Errorf("number(NaN) = %q", got)
	}
}

func sample() *Report {
	result := func(rate, cpu, p99 float64) load.Result {
		return load.Result{Unit: "delivery", Rate: rate, CPUMicros: cpu, GeneratorMicros: 0.1, ResidentBytes: 10 << 20,
			Extra: []load.Extra{{Name: "latency p99", Unit: "us", Better: "lower", Value: p99}}}
	}
	return &Report{A: "one", B: "two", Facts: []string{"a fact"}, Rows: []Row{
		{Scenario: "fast", A: []load.Result{result(3e6, 0.2, 50), result(2e6, 0.2, 60), result(4e6, 0.2, 70)},
			B: []load.Result{result(1e6, 0.8, 100), result(1e6, 1, 100), result(1e6, 1, 100)}},
		{Scenario: "broken", Failures: []string{"round 1, two: lost"}},
	}}
}

func TestTextHasAlignedColumnsAndAllParts(t *testing.T) {
	text := sample().Text()
	for _, want := range []string{"a fact", "3.00M", "1.00M", "3.00 (2.00..4.00)", "0.20 (0.20..0.25)",
		"fast: latency p99", "0.60 (0.50..0.70)", "broken", "failed", "round 1, two: lost"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "scenario ") {
			if len(line) != len(lines[i+1]) || len(line) != len(lines[i+2]) {
				t.Errorf("header, rule and row have different lengths:\n%s", text)
			}
			return
		}
	}
	t.Fatalf("no header in\n%s", text)
}

func TestMarkdownRowsHaveAllColumns(t *testing.T) {
	text := sample().Markdown()
	columns := 0
	for line := range strings.Lines(text) {
		switch n := strings.Count(line, "|"); {
		case n == 0:
			columns = 0
		case columns == 0:
			columns = n
		case n != columns:
			t.Errorf("a row has %d bars, its header %d:\n%s", n, columns, text)
		}
	}
	if !strings.Contains(text, "---:|") && !strings.Contains(text, "---: |") {
		t.Errorf("no rule for right-aligned columns:\n%s", text)
	}
}

func TestExtraOfAnotherNameIsNotMixedIn(t *testing.T) {
	report := sample()
	report.Rows[0].B[0].Extra[0].Name = "other"
	report.Rows[0].B[1].Extra = nil
	if text := report.Text(); !strings.Contains(text, "0.70 (0.70..0.70)") {
		t.Errorf("the ratio should come from the third round only:\n%s", text)
	}
}
