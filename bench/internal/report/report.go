package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/godwit-mq/godwit/bench/internal/load"
	"github.com/godwit-mq/godwit/bench/internal/stats"
)

// Report is a comparison of two servers.
type Report struct {
	A, B  string   // the servers' names
	Facts []string // about machine, binaries and settings, one line each
	Rows  []Row
}

// Row is one scenario. A[i] and B[i] come from the same round; a round in which either failed is left out of both.
type Row struct {
	Scenario string
	A, B     []load.Result
	Failures []string // one line each
}

// Text renders the report for a terminal.
func (r *Report) Text() string {
	return r.render("", (*table).text, func(title string) string { return title + "\n" })
}

// Markdown renders the report as Markdown.
func (r *Report) Markdown() string {
	return r.render("- ", (*table).markdown, func(title string) string { return "**" + title + "**\n\n" })
}

func (r *Report) render(bullet string, draw func(*table) string, title func(string) string) string {
	var b strings.Builder
	for _, fact := range r.Facts {
		b.WriteString(bullet + fact + "\n")
	}
	fmt.Fprintf(&b, "%sunits per second, server CPU microseconds per unit (load: the generator's, for %s; %s), server memory in MB\n",
		bullet, r.A, r.B)
	fmt.Fprintf(&b, "%sratios are %s/%s, taken in each round: median (min..max)\n", bullet, r.A, r.B)
	b.WriteString("\n" + draw(r.main()))
	if extra := r.extra(); len(extra.rows) > 0 {
		b.WriteString("\n" + title("Also measured") + draw(extra))
	}
	var failures strings.Builder
	for _, row := range r.Rows {
		for _, failure := range row.Failures {
			failures.WriteString("- " + row.Scenario + ": " + failure + "\n")
		}
	}
	if failures.Len() > 0 {
		b.WriteString("\n" + title("Failed") + failures.String())
	}
	return b.String()
}

// Names of the values of the main table.
func rate(r load.Result) float64      { return r.Rate }
func cpu(r load.Result) float64       { return r.CPUMicros }
func generator(r load.Result) float64 { return r.GeneratorMicros }
func resident(r load.Result) float64  { return float64(r.ResidentBytes) / (1 << 20) }

func (r *Report) main() *table {
	t := &table{header: []string{"scenario", "unit",
		r.A + " /s", r.B + " /s", "rate ratio",
		r.A + " us", r.B + " us", "CPU ratio", "load us",
		r.A + " MB", r.B + " MB", "RSS ratio"}}
	for _, row := range r.Rows {
		if len(row.A) == 0 {
			t.add(row.Scenario, "", "failed")
			continue
		}
		t.add(row.Scenario, row.A[0].Unit,
			row.cell(row.A, rate), row.cell(row.B, rate), row.ratio(rate),
			row.cell(row.A, cpu), row.cell(row.B, cpu), row.ratio(cpu),
			row.cell(row.A, generator)+"; "+row.cell(row.B, generator),
			row.cell(row.A, resident), row.cell(row.B, resident), row.ratio(resident))
	}
	return t
}

func (r *Report) extra() *table {
	t := &table{header: []string{"scenario: value", "unit", "better", r.A, r.B, "ratio"}}
	for _, row := range r.Rows {
		if len(row.A) == 0 {
			continue
		}
		for i, extra := range row.A[0].Extra {
			value := func(r load.Result) float64 { return extraValue(r, i, extra.Name) }
			t.add(row.Scenario+": "+extra.Name, extra.Unit, extra.Better,
				row.cell(row.A, value), row.cell(row.B, value), row.ratio(value))
		}
	}
	return t
}

// extraValue returns the i-th extra value, NaN if the result has no such value under that name.
func extraValue(r load.Result, i int, name string) float64 {
	if i >= len(r.Extra) || r.Extra[i].Name != name {
		return math.NaN()
	}
	return r.Extra[i].Value
}

func values(results []load.Result, value func(load.Result) float64) []float64 {
	all := make([]float64, len(results))
	for i, r := range results {
		all[i] = value(r)
	}
	return all
}

func (Row) cell(results []load.Result, value func(load.Result) float64) string {
	return number(stats.Summarize(values(results, value)).Median)
}

func (row Row) ratio(value func(load.Result) float64) string {
	s := stats.Ratios(values(row.A, value), values(row.B, value))
	if math.IsNaN(s.Median) {
		return "-"
	}
	return fmt.Sprintf("%.2f (%.2f..%.2f)", s.Median, s.Min, s.Max)
}

// number renders three significant digits with k or M where that is shorter to read.
func number(v float64) string {
	switch size := math.Abs(v); {
	case math.IsNaN(v):
		return "-"
	case size >= 999.5e3:
		return digits(v/1e6) + "M"
	case size >= 9995:
		return digits(v/1e3) + "k"
	default:
		return digits(v)
	}
}

func digits(v float64) string {
	switch size := math.Abs(v); {
	case size >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case size >= 9.995:
		return fmt.Sprintf("%.1f", v)
	case size >= 0.9995 || size == 0:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}
