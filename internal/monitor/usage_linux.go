package monitor

import (
	"bytes"
	"os"
	"strconv"
)

// residentMemory is the number of bytes of the process that are in memory.
func residentMemory() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return runtimeMemory()
	}
	return residentBytes(text, int64(os.Getpagesize()))
}

// residentBytes reads the second number of statm, which counts pages.
func residentBytes(statm []byte, pageSize int64) int64 {
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return runtimeMemory()
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return runtimeMemory()
	}
	return pages * pageSize
}
