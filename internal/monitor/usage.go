package monitor

import (
	"math"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// usageWindow is the time over which the use of CPU is averaged.
	usageWindow = time.Second
	// usageGap is the least time between two samples that are kept, so that
	// frequent questions do not fill the memory.
	usageGap = usageWindow / 5
)

// usage tells how much CPU the process takes. It compares two samples: one
// taken now, and the youngest that is at least a window old. Without somebody
// who samples regularly it averages over the time since the last question.
type usage struct {
	mu      sync.Mutex
	samples []usageSample // guarded by mu; oldest first, never empty, at most a few
}

type usageSample struct {
	at  time.Time
	cpu time.Duration // that the process took so far
}

func newUsage() *usage {
	return &usage{samples: []usageSample{{time.Now(), processTime()}}}
}

// percent is the use of CPU in percent of one core, with one decimal.
func (u *usage) percent() float64 { return u.measure(usageSample{time.Now(), processTime()}) }

func (u *usage) measure(now usageSample) float64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.samples) > 1 && now.at.Sub(u.samples[1].at) >= usageWindow {
		u.samples = u.samples[1:]
	}
	before := u.samples[0]
	if now.at.Sub(u.samples[len(u.samples)-1].at) >= usageGap {
		u.samples = append(u.samples, now)
	}
	elapsed := now.at.Sub(before.at)
	if elapsed < time.Millisecond {
		return 0 // too short to tell
	}
	share := max(now.cpu-before.cpu, 0).Seconds() / elapsed.Seconds()
	return math.Round(share*1000) / 10
}

// sampleEvery takes samples until done is closed.
func (u *usage) sampleEvery(interval time.Duration, done <-chan struct{}) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			u.percent()
		}
	}
}

// runtimeMemory is what the Go runtime holds of the system's memory. It stands
// in for the resident memory where that cannot be asked for.
func runtimeMemory() int64 {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}
