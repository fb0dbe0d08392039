package main

import (
	"slices"
	"strings"
)

// secretFlags are the flags whose values nobody should see.
var secretFlags = []string{"user", "pass", "auth", "key", "prev-key"}

// span is a part of an argument.
type span struct{ start, end int }

// secrets finds, for each argument, the part that nobody should see in a list of
// processes: the value of -user, -pass or -auth, or of the keys of migrate, be it joined
// by '=' or the next argument.
func secrets(args []string) []span {
	spans := make([]span, len(args))
	next := false
	for i, arg := range args {
		if next {
			spans[i] = span{0, len(arg)}
			next = false
			continue
		}
		name, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !strings.HasPrefix(arg, "-") || !slices.Contains(secretFlags, name) {
			continue
		}
		if joined {
			spans[i] = span{len(arg) - len(value), len(arg)}
		}
		next = !joined
	}
	return spans
}
