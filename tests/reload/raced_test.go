//go:build race

package reload_test

// raced: the race detector makes everything several times slower.
const raced = true
