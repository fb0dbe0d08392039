//go:build !race

package reload_test

const raced = false
