package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/godwit-mq/godwit/bench/internal/load"
	"github.com/godwit-mq/godwit/bench/internal/proc"
	"github.com/godwit-mq/godwit/bench/internal/report"
	"github.com/godwit-mq/godwit/bench/internal/target"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// errFailures is returned when the tables were printed but lack some scenario.
var errFailures = errors.New("some runs failed; see the end of the report")

func run(ctx context.Context, arguments []string, out, progress io.Writer) error {
	o, err := parse(arguments)
	if err != nil {
		return err
	}
	if o.list {
		for _, s := range load.Catalogue() {
			fmt.Fprintf(out, "%-14s %s\n", s.Name, s.What)
		}
		return nil
	}
	if _, err := proc.RaiseFiles(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "godwit-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c, err := prepare(ctx, o, dir, progress)
	if err != nil {
		return err
	}
	result, err := c.compare(ctx)
	if err != nil {
		return err
	}
	switch o.format {
	case "md":
		fmt.Fprint(out, result.Markdown())
	case "json":
		if err := json.NewEncoder(out).Encode(result); err != nil {
			return err
		}
	default:
		fmt.Fprint(out, result.Text())
	}
	for _, row := range result.Rows {
		if len(row.Failures) > 0 {
			return errFailures
		}
	}
	return nil
}

// options are the command line.
type options struct {
	a, b         string // paths; empty: build
	nameA, nameB string
	scenarios    []load.Scenario
	rounds       int
	format       string
	list         bool
	monitor      bool
	settings     load.Settings
}

func parse(arguments []string) (options, error) {
	o := options{settings: load.DefaultSettings()}
	flags := flag.NewFlagSet("compare", flag.ExitOnError)
	flags.StringVar(&o.a, "a", "", "`path` of the first server (default: build godwit)")
	flags.StringVar(&o.b, "b", "", "`path` of the second server (default: build the reference)")
	flags.StringVar(&o.nameA, "a-name", "", "`name` of the first server in the table")
	flags.StringVar(&o.nameB, "b-name", "", "`name` of the second server in the table")
	names := flags.String("scenarios", "*", "comma-separated `names` or patterns such as 1to1*; see -list")
	flags.IntVar(&o.rounds, "rounds", 3, "`number` of rounds")
	flags.StringVar(&o.format, "format", "text", "text, md or json")
	flags.BoolVar(&o.list, "list", false, "list the scenarios and exit")
	flags.BoolVar(&o.monitor, "monitor", true, "start the servers with a monitoring endpoint and check pub-16B against its counters")
	quick := flags.Bool("quick", false, "short runs: shows whether everything works, numbers are noisier")
	o.settings.Flags(flags)
	flags.Parse(arguments)
	if *quick {
		// Flags given beside -quick win: they are parsed again on top of the short settings.
		o.settings = o.settings.Quick()
		flags.Parse(arguments)
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.format != "text" && o.format != "md" && o.format != "json" {
		return o, fmt.Errorf("format %q is none of text, md and json", o.format)
	}
	if o.rounds < 1 {
		return o, fmt.Errorf("%d rounds: at least one is needed", o.rounds)
	}
	if err := o.settings.Validate(); err != nil {
		return o, err
	}
	var err error
	o.scenarios, err = choose(*names)
	o.name()
	return o, err
}

// name gives names to the servers that have none and keeps them apart.
func (o *options) name() {
	fallback := func(name *string, path, built string) {
		if *name == "" && path == "" {
			*name = built
		} else if *name == "" {
			*name = filepath.Base(path)
		}
	}
	fallback(&o.nameA, o.a, "godwit")
	fallback(&o.nameB, o.b, "reference")
	if o.nameA == o.nameB {
		o.nameA, o.nameB = "A:"+o.nameA, "B:"+o.nameB
	}
}

// choose returns the scenarios that match one of the patterns, in the catalogue's order. A pattern without a match is
// an error.
func choose(patterns string) ([]load.Scenario, error) {
	all := load.Catalogue()
	chosen := make([]bool, len(all))
	for pattern := range strings.SplitSeq(patterns, ",") {
		pattern = strings.TrimSpace(pattern)
		found := false
		for i, s := range all {
			matched, err := path.Match(pattern, s.Name)
			if err != nil {
				return nil, fmt.Errorf("pattern %q: %w", pattern, err)
			}
			if matched {
				chosen[i], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("no scenario matches %q; -list shows them", pattern)
		}
	}
	var scenarios []load.Scenario
	for i, s := range all {
		if chosen[i] {
			scenarios = append(scenarios, s)
		}
	}
	return scenarios, nil
}

// comparison is everything that is ready before the first round.
type comparison struct {
	options
	lab       *target.Lab
	generator string // path of the load command
	a, b      target.Binary
	progress  io.Writer
}

func prepare(ctx context.Context, o options, dir string, progress io.Writer) (*comparison, error) {
	bench, err := target.ModuleDir(ctx)
	if err != nil {
		return nil, err
	}
	lab, err := target.NewLab(dir)
	if err != nil {
		return nil, err
	}
	c := &comparison{options: o, lab: lab, progress: progress}
	fmt.Fprintln(progress, "building ...")
	if c.generator, err = lab.BuildLoad(ctx, bench); err != nil {
		return nil, err
	}
	if o.a == "" {
		if o.a, err = lab.BuildGodwit(ctx, bench); err != nil {
			return nil, err
		}
	}
	if o.b == "" {
		if o.b, err = lab.BuildReference(ctx, bench); err != nil {
			return nil, err
		}
	}
	if c.a, err = lab.Use(ctx, o.nameA, o.a); err != nil {
		return nil, err
	}
	c.b, err = lab.Use(ctx, o.nameB, o.b)
	return c, err
}

// compare runs all rounds of all scenarios. Only an interruption is an error; a failed run is noted in its row.
func (c *comparison) compare(ctx context.Context) (*report.Report, error) {
	r := &report.Report{A: c.a.Name, B: c.b.Name, Facts: c.facts(time.Now())}
	for _, scenario := range c.scenarios {
		row := report.Row{Scenario: scenario.Name}
		for round := 1; round <= c.rounds; round++ {
			var results []load.Result
			for _, binary := range []target.Binary{c.a, c.b} {
				result, err := c.once(ctx, scenario, binary)
				if ctx.Err() != nil {
					return nil, errors.New("interrupted")
				}
				if err != nil {
					row.Failures = append(row.Failures, fmt.Sprintf("round %d, %s: %v", round, binary.Name, err))
					fmt.Fprintf(c.progress, "%-14s round %d  %-12s FAILED: %v\n", scenario.Name, round, binary.Name, err)
					continue
				}
				fmt.Fprintf(c.progress, "%-14s round %d  %-12s %12.0f /s  %10.3f us CPU  %6.1f MB\n", scenario.Name, round,
					binary.Name, result.Rate, result.CPUMicros, float64(result.ResidentBytes)/(1<<20))
				results = append(results, *result)
			}
			if len(results) == 2 {
				row.A, row.B = append(row.A, results[0]), append(row.B, results[1])
			}
		}
		r.Rows = append(r.Rows, row)
	}
	return r, nil
}
