package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/godwit-mq/godwit/bench/internal/stats"
)

var (
	names  = flag.String("scenarios", "", "those whose name contains this")
	rounds = flag.Int("rounds", 3, "rounds")
	scale  = flag.Float64("scale", 1, "share of the usual number of messages")
	side   = flag.String("side", "", "measure one side and print JSON (for the command itself)")
	only   = flag.String("only", "", "with -side: the scenario")
	dir    = flag.String("dir", "", "directory for the data; by default that for temporary files")
)

// A figure is one measured number. Higher says which way is better.
type figure struct {
	Name   string
	Unit   string
	Value  float64
	Higher bool
}

// A scenario is measured on both sides, by functions that return the same figures.
type scenario struct {
	name              string
	godwit, reference func(run) []figure
	bare              func(run) []figure
}

// A run is what a measurement gets.
type run struct {
	dir   string
	scale float64
}

// n is a number of messages, scaled.
func (r run) n(usual int) int { return max(int(float64(usual)*r.scale), 1000) }

func main() {
	flag.Parse()
	if *side != "" {
		measureHere()
		return
	}
	fmt.Printf("%d CPUs, %s, scale %g, %d rounds; ratios are godwit / reference, median (min..max)\n\n", runtime.NumCPU(), runtime.Version(), *scale, *rounds)
	fmt.Println("| work | figure | godwit | reference | ratio |\n|---|---|---|---|---|")
	for _, s := range scenarios {
		if strings.Contains(s.name, *names) {
			s.compare()
		}
	}
}

func (s scenario) compare() {
	values := map[string]map[string][]float64{}
	var order []figure
	for range *rounds {
		for _, side := range s.sides() {
			for _, f := range measureThere(s.name, side) {
				if values[f.Name] == nil {
					values[f.Name] = map[string][]float64{}
					order = append(order, f)
				}
				values[f.Name][side] = append(values[f.Name][side], f.Value)
			}
		}
	}
	for _, f := range order {
		ours, theirs := values[f.Name]["godwit"], values[f.Name]["reference"]
		ratio := "-"
		if len(theirs) > 0 && len(ours) > 0 {
			r := stats.Ratios(ours, theirs)
			ratio = fmt.Sprintf("%.2f (%.2f..%.2f)", r.Median, r.Min, r.Max)
		}
		if bare := values[f.Name]["bare"]; len(bare) > 0 {
			r := stats.Ratios(ours, bare)
			ratio += fmt.Sprintf("; %.2f of the bare program's %.4g", r.Median, stats.Summarize(bare).Median)
		}
		fmt.Printf("| %s | %s | %s | %s | %s |\n", s.name, f.Name, cell(ours, f.Unit), cell(theirs, f.Unit), ratio)
	}
}

func (s scenario) sides() []string {
	list := []string{"godwit"}
	if s.reference != nil {
		list = append(list, "reference")
	}
	if s.bare != nil {
		list = append(list, "bare")
	}
	return list
}

func cell(values []float64, unit string) string {
	if len(values) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.4g %s", stats.Summarize(values).Median, unit)
}

// measureThere measures in a process of its own.
func measureThere(name, side string) []figure {
	temp, err := os.MkdirTemp(*dir, "stores")
	check(err)
	defer os.RemoveAll(temp)
	self, err := os.Executable()
	check(err)
	cmd := exec.Command(self, "-side", side, "-only", name, "-scale", fmt.Sprint(*scale), "-dir", temp)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, name, side, err)
		return nil
	}
	var figures []figure
	check(json.Unmarshal(out, &figures))
	return figures
}

func measureHere() {
	for _, s := range scenarios {
		if s.name != *only {
			continue
		}
		measure := map[string]func(run) []figure{"godwit": s.godwit, "reference": s.reference, "bare": s.bare}[*side]
		check(json.NewEncoder(os.Stdout).Encode(measure(run{*dir, *scale})))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
