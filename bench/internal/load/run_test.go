package load

import (
	"context"
	"flag"
	"strings"
	"testing"
	"time"
)

func small() Settings {
	return Settings{
		Duration: 60 * time.Millisecond, Warmup: 20 * time.Millisecond, Stall: 3 * time.Second,
		Stuck: 300 * time.Millisecond, Settle: 60 * time.Millisecond, Window: 256 << 10, WindowTotal: 1 << 20,
		Idle: 20, IdleTLS: 5, Subscriptions: 300, Subjects: 3000, FanOut: 20, Pairs: 5,
	}
}

func TestEveryScenarioMeasuresAnHonestServer(t *testing.T) {
	for _, scenario := range Catalogue() {
		t.Run(scenario.Name, func(t *testing.T) {
			t.Parallel()
			b, target := startBroker(t, faults{pingEvery: 17}, scenario.Config == ConfigTLS)
			if scenario.Config.Web() {
				target.Address = b.overWebsocket(t, scenario.Config == ConfigWebDeflate)
			}
			result, err := Run(t.Context(), scenario, target, small())
			if err != nil {
				t.Fatal(err)
			}
			if result.Scenario != scenario.Name || result.Messages <= 0 || result.Rate <= 0 || result.CPUMicros <= 0 ||
				result.Seconds <= 0 || result.ResidentBytes <= 0 || result.PeakBytes < result.ResidentBytes {
				t.Errorf("incomplete result %+v", result)
			}
			for _, extra := range result.Extra {
				if extra.Name == "" || extra.Unit == "" || extra.Better != higher && extra.Better != lower && extra.Better != neither {
					t.Errorf("incomplete extra value %+v", extra)
				}
			}
		})
	}
}

func TestAFaultyServerGivesAnErrorAndNoNumbers(t *testing.T) {
	const early, late = 3, 40
	cases := []struct {
		name      string
		faults    faults
		scenarios string
		want      string
	}{
		{"lost", faults{drop: late}, "1to1-128B 1to10-128B 4pairs-128B 4to1-128B 100k-subjects queue4 reqrep-64 subs-200k tls-1to1-128B perms stuck", "nothing arrived"},
		{"lost", faults{drop: late}, "reqrep-1 200pairs", "nothing moved"},
		{"doubled", faults{double: late}, "1to1-128B 1to10-128B 4to1-128B queue4 100k-subjects", "counted"},
		{"doubled", faults{double: late}, "subs-200k", "got 301 deliveries, want 300"},
		{"doubled", faults{double: late}, "reqrep-1 200pairs", "deliveries"},
		{"doubled", faults{double: late}, "reqrep-64", "re"},
		{"damaged", faults{damage: early}, "1to1-128B 1to10-8KB reqrep-64", "instead of a line feed"},
		{"damaged", faults{damage: early}, "reqrep-1 200pairs", "nothing moved"},
		{"refused", faults{errorAt: early}, "1to1-128B reqrep-1 reqrep-64 200pairs subs-200k", "Something Went Wrong"},
		{"closed", faults{closeAt: early}, "1to1-128B 1to1000-128B reqrep-64", "after"},
		{"closed", faults{closeAt: early}, "reqrep-1 200pairs", "closed the connection"},
		{"mute", faults{mute: true}, "1to1-128B queue4 subs-200k", "nothing arrived"},
		{"no permissions", faults{permissive: true}, "perms", "does not enforce permissions"},
		{"stuck one kept", faults{neverCut: true}, "stuck", "still connected"},
		{"one member only", faults{unbalanced: true}, "queue4", "got nothing"},
	}
	settings := small()
	settings.Stall = 500 * time.Millisecond
	for _, test := range cases {
		for name := range strings.FieldsSeq(test.scenarios) {
			t.Run(test.name+" in "+name, func(t *testing.T) {
				t.Parallel()
				scenario, err := Find(name)
				if err != nil {
					t.Fatal(err)
				}
				_, target := startBroker(t, test.faults, scenario.Config == ConfigTLS)
				result, err := Run(t.Context(), scenario, target, settings)
				if err == nil {
					t.Fatalf("got numbers: %+v", result)
				}
				if !strings.Contains(err.Error(), test.want) {
					t.Errorf("got error %q, want one with %q", err, test.want)
				}
			})
		}
	}
}

func TestAServerThatDoesNotCompressIsNoTarget(t *testing.T) {
	b, target := startBroker(t, faults{}, false)
	target.Address = b.overWebsocket(t, false)
	scenario, err := Find("wsz-1to1-128B")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), scenario, target, small()); err == nil || !strings.Contains(err.Error(), "does not compress") {
		t.Errorf("got %v", err)
	}
}

func TestStuckCountsWhoWasCutOff(t *testing.T) {
	_, target := startBroker(t, faults{}, false)
	scenario, err := Find("stuck")
	if err != nil {
		t.Fatal(err)
	}
	result, err := Run(t.Context(), scenario, target, small())
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, extra := range result.Extra {
		values[extra.Name] = extra.Value
	}
	if values["cut-offs"] < 1 || values["first cut-off after"] <= 0 || values["rate relative to no stuck subscriber"] <= 0 {
		t.Errorf("got %v", values)
	}
}

func TestInterruptedRunEnds(t *testing.T) {
	_, target := startBroker(t, faults{}, false)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	settings := small()
	settings.Duration = time.Hour
	for _, name := range []string{"1to1-128B", "reqrep-1", "reqrep-64", "200pairs"} {
		scenario, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Run(ctx, scenario, target, settings); err == nil {
			t.Errorf("%s: an interrupted run gave numbers", name)
		}
	}
}

func TestSettingsSurviveTheCommandLine(t *testing.T) {
	want := small()
	want.Stuck = 2500 * time.Millisecond
	got := DefaultSettings()
	set := flag.NewFlagSet("", flag.ContinueOnError)
	got.Flags(set)
	if err := set.Parse(want.Arguments()); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	if err := DefaultSettings().Validate(); err != nil {
		t.Error(err)
	}
	if err := DefaultSettings().Quick().Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Settings){
		"duration":     func(s *Settings) { s.Duration = 0 },
		"stall":        func(s *Settings) { s.Stall = -1 },
		"settle":       func(s *Settings) { s.Settle = -1 },
		"window":       func(s *Settings) { s.Window = 1 },
		"total window": func(s *Settings) { s.WindowTotal = s.Window - 1 },
		"subjects":     func(s *Settings) { s.Subjects = tokens + 1 },
		"pairs":        func(s *Settings) { s.Pairs = 0 },
	} {
		s := DefaultSettings()
		change(&s)
		if s.Validate() == nil {
			t.Errorf("bad %s accepted", name)
		}
	}
}

func TestScenarioNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Catalogue() {
		if seen[s.Name] {
			t.Errorf("%s is there twice", s.Name)
		}
		seen[s.Name] = true
	}
	if _, err := Find("no such"); err == nil {
		t.Error("found a scenario that does not exist")
	}
}
