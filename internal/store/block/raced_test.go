//go:build race

package block

// raced: the race detector is at work, and everything takes ten times as long.
const raced = true
