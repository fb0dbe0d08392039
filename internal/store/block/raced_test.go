//go:build race

package block

import "flag"

// raced: the race detector is at work, and everything takes ten times as long.
const raced = true

func init() {
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
}

// Raced is raced, for the tests of package block_test.
const Raced = raced
