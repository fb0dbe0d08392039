package main

import (
	"slices"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/bench/internal/load"
)

func TestChooseKeepsTheCataloguesOrder(t *testing.T) {
	scenarios, err := choose("reqrep-?, reqrep-6*, 1to1-128B,reqrep-1")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range scenarios {
		names = append(names, s.Name)
	}
	if want := []string{"1to1-128B", "reqrep-1", "reqrep-64"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	if all, err := choose("*"); err != nil || len(all) != len(load.Catalogue()) {
		t.Errorf("* chose %d scenarios, %v", len(all), err)
	}
	for _, bad := range []string{"", "1to2", "1to1-128B,nothing", "["} {
		if _, err := choose(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestServersGetDifferentNames(t *testing.T) {
	cases := []struct{ a, b, nameA, nameB, wantA, wantB string }{
		{"", "", "", "", "godwit", "reference"},
		{"/x/before", "", "", "", "before", "reference"},
		{"/x/server", "/y/server", "", "", "A:server", "B:server"},
		{"/x/server", "/y/server", "old", "new", "old", "new"},
	}
	for _, test := range cases {
		o := options{a: test.a, b: test.b, nameA: test.nameA, nameB: test.nameB}
		o.name()
		if o.nameA != test.wantA || o.nameB != test.wantB {
			t.Errorf("%+v: got %q and %q", test, o.nameA, o.nameB)
		}
	}
}

func TestFlagsBesideQuickWin(t *testing.T) {
	o, err := parse([]string{"-quick", "-duration", "7s", "-stuck-seconds", "2.5", "-rounds", "5"})
	if err != nil {
		t.Fatal(err)
	}
	quick := load.DefaultSettings().Quick()
	if o.settings.Duration != 7*time.Second || o.settings.Stuck != 2500*time.Millisecond || o.rounds != 5 ||
		o.settings.Warmup != quick.Warmup || o.settings.Settle != quick.Settle {
		t.Errorf("got %+v", o)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, arguments := range [][]string{
		{"-rounds", "0"}, {"-format", "html"}, {"-scenarios", "none"}, {"-duration", "0s"}, {"left", "over"},
	} {
		if _, err := parse(arguments); err == nil {
			t.Errorf("%q was accepted", arguments)
		}
	}
}
