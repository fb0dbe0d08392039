//go:build !linux

package monitor

// residentMemory is the number of bytes that the Go runtime holds.
func residentMemory() int64 { return runtimeMemory() }
