package system

import (
	"context"
	"time"

	"github.com/godwit-mq/godwit/internal/events"
)

// Intervals of the statistics that the server publishes unasked.
const (
	firstBeat = 250 * time.Millisecond
	lastBeat  = 10 * time.Second
)

// statszMessage are the statistics of a server.
type statszMessage struct {
	Server events.Server `json:"server"`
	Statsz Statistics    `json:"statsz"`
}

func (s *Service) statistics(server events.Server) any {
	return statszMessage{server, s.host.Statistics()}
}

// answerStatsz answers with the statistics; without a reply they are published at
// once.
func (s *Service) answerStatsz(r *request) {
	if !s.options(r, nil) {
		return
	}
	if r.message.Reply != "" {
		s.reply(r, false, s.statistics)
		return
	}
	select {
	case s.forced <- struct{}{}:
	default: // it is about to be published anyway
	}
}

// beat publishes the statistics, at first often, then less. Without anybody who
// could listen nothing is sent.
func (s *Service) beat(ctx context.Context) {
	subject := "$SYS.SERVER." + s.id + ".STATSZ"
	interval := firstBeat
	timer := time.NewTimer(interval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.forced:
		case <-timer.C:
			interval = min(2*interval, lastBeat)
			timer.Reset(interval)
		}
		if !s.host.Standalone() || s.wanted(subject) {
			s.publish(subject, nil, s.statistics)
		}
	}
}
