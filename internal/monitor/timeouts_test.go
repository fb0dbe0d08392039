package monitor

import "testing"

// A profile takes as long as was asked for, and a slow client may read as long as it
// likes: only the wait for requests is bounded.
//
// Go: TestMonitoringNoTimeout server/server_test.go:942
func TestAnswersMayTakeTheirTime(t *testing.T) {
	h := New(newFake()).httpServer(&listener{})
	if h.ReadTimeout != 0 || h.WriteTimeout != 0 || h.ReadHeaderTimeout == 0 {
		t.Errorf("limits of %v for reading, %v for headers, %v for writing", h.ReadTimeout, h.ReadHeaderTimeout, h.WriteTimeout)
	}
}
