package kit

import (
	"os"
	"testing"
	"time"
)

// Patience is how long tests wait for what must happen.
const Patience = 10 * time.Second

// Must returns a function that passes on a value, or ends the test if an error comes
// with it: Must[int](t)(strconv.Atoi(text)).
func Must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// OK ends the test if there is an error.
func OK(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Eventually waits for a condition that no event announces.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(Patience); !holds(); <-again.C {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// Await receives from a channel.
func Await[T any](t testing.TB, what string, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(Patience):
		t.Fatalf("never: %s", what)
	}
	return v
}

// Write makes the text the whole of a file.
func Write(t testing.TB, path, text string) {
	t.Helper()
	OK(t, os.WriteFile(path, []byte(text), 0o600))
}
