package resolver

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func newFull(t testing.TB, s Settings, deletes DeleteMode) *Shared {
	t.Helper()
	r, err := NewFull(s, deletes)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

func newCache(t testing.TB, s Settings, lifetime time.Duration) *Shared {
	t.Helper()
	r, err := NewCache(s, lifetime)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

func TestFetchAsksOtherServers(t *testing.T) {
	a, missing, strange := newAccount(t), newAccount(t), newAccount(t)
	text := a.claims(t, "", 0)
	asked := 0
	lookup := func(name string, timeout time.Duration) (string, error) {
		asked++
		if timeout != DefaultTimeout {
			t.Errorf("time-out %v", timeout)
		}
		switch name {
		case a.public:
			return text, nil
		case strange.public:
			return text, nil // of another account
		}
		return "", ErrNotFound
	}
	for _, r := range []*Shared{
		newFull(t, Settings{Path: t.TempDir(), Lookup: lookup}, DeleteRefused),
		newCache(t, Settings{Path: t.TempDir(), Lookup: lookup}, time.Hour),
	} {
		asked = 0
		for range 2 {
			got, err := r.Fetch(a.public)
			if must(t, err); got != text || asked != 1 {
				t.Errorf("%s: %q after %d questions", r.Kind(), got, asked)
			}
		}
		if !slices.Equal(r.Keys(), []string{a.public}) {
			t.Errorf("%s: stored %v", r.Kind(), r.Keys())
		}
		_, err := r.Fetch(missing.public)
		wantError(t, err, ErrNotFound)
		_, err = r.Fetch(strange.public)
		wantError(t, err, "jwt subject nkey and provided nkey do not match")
		asked = 0
		_, err = r.Fetch("x")
		if wantError(t, err, ErrKey); asked != 0 {
			t.Error("asked for what is no account")
		}
	}
}

func TestFetchWithoutOtherServers(t *testing.T) {
	r := newFull(t, Settings{Path: t.TempDir()}, DeleteRefused)
	_, err := r.Fetch(newAccount(t).public)
	wantError(t, err, ErrNotFound)
	a := newAccount(t)
	must(t, r.Store(a.public, a.claims(t, "", 0)))
	_, err = r.Fetch(a.public)
	must(t, err)
}

// What was found is of use even if there is no room to keep it, but not if it is
// not accepted.
func TestFetchedIsNotStored(t *testing.T) {
	one, two := newAccount(t), newAccount(t)
	var rec recorder
	refused := errors.New("not trusted")
	trusted := true
	r := newFull(t, Settings{
		Path: t.TempDir(), Limit: 1, Report: rec.report,
		Lookup: func(string, time.Duration) (string, error) { return two.claims(t, "", 0), nil },
		Accept: func(string, string) error {
			if trusted {
				return nil
			}
			return refused
		},
	}, DeleteRefused)
	must(t, r.Store(one.public, one.claims(t, "", 0)))
	_, err := r.Fetch(two.public)
	must(t, err)
	if problems := rec.takeProblems(); len(problems) != 1 || problems[0] != ErrFull || len(r.Keys()) != 1 {
		t.Errorf("reported %v, stored %v", problems, r.Keys())
	}
	trusted = false
	_, err = r.Fetch(two.public)
	wantError(t, err, refused)
}

// Those who ask for one account at the same time share one question.
func TestFetchIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t)
		text := a.claims(t, "", 0)
		asked, release := 0, make(chan struct{})
		r := newCache(t, Settings{Path: t.TempDir(), Lookup: func(string, time.Duration) (string, error) {
			asked++
			<-release
			return text, nil
		}}, 0)
		got := make(chan string)
		for range 10 {
			go func() {
				text, _ := r.Fetch(a.public)
				got <- text
			}()
		}
		synctest.Wait()
		close(release)
		for range 10 {
			if <-got != text {
				t.Error("an answer is missing")
			}
		}
		if asked != 1 {
			t.Errorf("%d questions", asked)
		}
	})
}

func TestGathering(t *testing.T) {
	for _, test := range []struct {
		servers int
		answers []string
		text    string
		err     error
		after   int // so many answers it is over; 0: it is not
	}{
		{3, []string{"", "jwt"}, "jwt", nil, 2},
		{3, []string{"jwt", ""}, "jwt", nil, 1},
		{3, []string{"", "", ""}, "", ErrNotFound, 3},
		{3, []string{"", ""}, "", nil, 0},
		{0, []string{""}, "", ErrNotFound, 1},
		{0, []string{"jwt"}, "jwt", nil, 1},
	} {
		g := NewGathering(test.servers)
		over := 0
		for i, body := range test.answers {
			text, done, err := g.Answer(body)
			if done {
				if over = i + 1; text != test.text || err != test.err {
					t.Errorf("%+v: %q, %v", test, text, err)
				}
				break
			}
		}
		if over != test.after {
			t.Errorf("%+v: over after %d answers", test, over)
		}
	}
}

func TestDefaultsOfKinds(t *testing.T) {
	full := newFull(t, Settings{Path: t.TempDir() + "/new"}, DeleteRenames)
	cache := newCache(t, Settings{Path: t.TempDir() + "/new"}, time.Minute)
	if c := full.config; c.Limit != 0 || c.Evict || c.Delete != DeleteRenames || full.IsReadOnly() {
		t.Errorf("full: %+v", c)
	}
	if c := cache.config; c.Limit != 1000 || !c.Evict || c.Delete != DeleteRemoves || c.Lifetime != time.Minute {
		t.Errorf("cache: %+v", c)
	}
	for _, s := range []Settings{{Timeout: -time.Second}, {Limit: -1}, {}} {
		if s.Timeout != 0 || s.Limit != 0 {
			s.Path = t.TempDir()
		}
		if _, err := NewFull(s, DeleteRefused); err == nil {
			t.Errorf("%+v is accepted", s)
		}
		if _, err := NewCache(s, 0); err == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
	_, err := NewFull(Settings{Path: t.TempDir(), Timeout: -time.Second}, DeleteRefused)
	wantError(t, err, "Fetch timeout -1s is too smal")
	if strings.Join([]string{KindMemory.String(), KindURL.String(), KindFull.String(), KindCache.String()}, " ") != "MEMORY URL FULL CACHE" {
		t.Error("names of kinds")
	}
}
