//go:build !race

package block

const raced = false

// Raced is raced, for the tests of package block_test.
const Raced = raced
