package monitor

import (
	"cmp"
	"slices"
	"time"

	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/monitor/api"
)

// order sorts connections. Equal ones are ordered by id, so that pages do not
// overlap, and a connection that is open and closed at once stays in place.
func order(list []client.Snapshot, by api.SortOpt, now time.Time) {
	compare := comparison(by, now)
	slices.SortStableFunc(list, func(a, b client.Snapshot) int {
		if n := compare(&a, &b); n != 0 {
			return n
		}
		return cmp.Compare(a.ID, b.ID)
	})
}

func comparison(by api.SortOpt, now time.Time) func(a, b *client.Snapshot) int {
	switch by {
	case api.BySubs:
		return descending(func(c *client.Snapshot) int { return c.Subscriptions })
	case api.ByPending:
		return descending(func(c *client.Snapshot) int64 { return c.Pending })
	case api.ByOutMsgs:
		return descending(func(c *client.Snapshot) int64 { return c.OutMsgs })
	case api.ByInMsgs:
		return descending(func(c *client.Snapshot) int64 { return c.InMsgs })
	case api.ByOutBytes:
		return descending(func(c *client.Snapshot) int64 { return c.OutBytes })
	case api.ByInBytes:
		return descending(func(c *client.Snapshot) int64 { return c.InBytes })
	case api.ByRTT:
		return descending(func(c *client.Snapshot) time.Duration { return c.RTT })
	case api.ByIdle:
		return descending(func(c *client.Snapshot) time.Duration { return idleTime(c, now) })
	case api.ByLast:
		return func(a, b *client.Snapshot) int { return b.LastActivity.Compare(a.LastActivity) }
	case api.ByStop:
		return func(a, b *client.Snapshot) int { return b.Stop.Compare(a.Stop) }
	case api.ByUptime:
		return func(a, b *client.Snapshot) int { return cmp.Compare(lifetime(a, now), lifetime(b, now)) }
	case api.ByReason:
		return func(a, b *client.Snapshot) int { return cmp.Compare(a.Reason.String(), b.Reason.String()) }
	}
	// Ids are given in the order of acceptance, so this is ByStart as well.
	return func(a, b *client.Snapshot) int { return 0 }
}

func descending[T cmp.Ordered](value func(*client.Snapshot) T) func(a, b *client.Snapshot) int {
	return func(a, b *client.Snapshot) int { return cmp.Compare(value(b), value(a)) }
}
