//go:build !unix && !windows

package monitor

import (
	"runtime/metrics"
	"time"
)

// processTime is the CPU time that the Go runtime counted, as of the last
// garbage collection.
func processTime() time.Duration {
	samples := []metrics.Sample{{Name: "/cpu/classes/total:cpu-seconds"}, {Name: "/cpu/classes/idle:cpu-seconds"}}
	metrics.Read(samples)
	return time.Duration((samples[0].Value.Float64() - samples[1].Value.Float64()) * float64(time.Second))
}
