package monitor

import (
	"errors"
	"fmt"
	"time"

	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/subject"
)

// Connz returns a page of the server's connections; nil options ask for the
// first page of the open ones. It has the open connections pinged that pass
// the filters and whose round trip is unknown, so that a later call can tell.
func (s *Server) Connz(o *api.ConnzOptions) (*api.Connz, error) {
	if o == nil {
		o = &api.ConnzOptions{}
	}
	if err := checkConnz(o); err != nil {
		return nil, err
	}
	now := s.now()
	found := s.connections(o)
	s.source.MeasureRTT(unmeasured(found))
	order(found, o.Sort, now)

	offset, limit := pageOf(o.Offset, o.Limit, api.DefaultConnListSize)
	if o.CID != 0 {
		limit = 1
	}
	shown := page(found, offset, limit)
	z := &api.Connz{
		ID: s.source.Identity().ID, Now: now, NumConns: len(shown), Total: len(found),
		Offset: offset, Limit: limit, Conns: make([]*api.ConnInfo, 0, len(shown)),
	}
	for i := range shown {
		z.Conns = append(z.Conns, s.connection(&shown[i], o, now))
	}
	return z, nil
}

func checkConnz(o *api.ConnzOptions) error {
	switch {
	case !o.Sort.IsValid():
		return fmt.Errorf("invalid sorting option: %s", o.Sort)
	case o.State < api.ConnOpen || o.State > api.ConnAll:
		return fmt.Errorf("invalid connection state: %d", o.State)
	case o.Sort == api.ByStop && o.State != api.ConnClosed:
		return errors.New("sort by stop only valid on closed connections")
	case o.Sort == api.ByReason && o.State != api.ConnClosed:
		return errors.New("sort by reason only valid on closed connections")
	case subjectFilter(o) != "" && o.Account == "":
		return errors.New("filter by subject only valid with account filtering")
	}
	return nil
}

// subjectFilter is the subject that subscriptions must overlap, empty if any
// connection will do.
func subjectFilter(o *api.ConnzOptions) string {
	if o.FilterSubject == ">" {
		return ""
	}
	return o.FilterSubject
}

// connections returns the connections that pass the filters: the open ones,
// then the closed ones. The list is the caller's; what it refers to is shared.
func (s *Server) connections(o *api.ConnzOptions) []client.Snapshot {
	withSubs := o.Subscriptions || o.SubscriptionsDetail || subjectFilter(o) != ""
	var found []client.Snapshot
	if o.State != api.ConnClosed {
		found = filtered(found, s.open(o.CID, withSubs), o)
	}
	if o.State != api.ConnOpen && (o.CID == 0 || len(found) == 0) {
		found = filtered(found, s.source.Closed(), o)
	}
	return found
}

// open returns the open connections, or the one with the id.
func (s *Server) open(id uint64, withSubs bool) []client.Snapshot {
	if id == 0 {
		return s.source.Connections(withSubs)
	}
	if c, found := s.source.Connection(id, withSubs); found {
		return []client.Snapshot{c}
	}
	return nil
}

// filtered appends those that pass the filters.
func filtered(to, list []client.Snapshot, o *api.ConnzOptions) []client.Snapshot {
	for i := range list {
		if passes(&list[i], o) {
			to = append(to, list[i])
		}
	}
	return to
}

func passes(c *client.Snapshot, o *api.ConnzOptions) bool {
	switch {
	case o.CID != 0 && c.ID != o.CID,
		o.Account != "" && accountName(c) != o.Account,
		o.User != "" && c.User != o.User,
		o.MQTTClient != "": // no connection speaks MQTT
		return false
	}
	filter := subjectFilter(o)
	if filter == "" {
		return true
	}
	for i := range c.Subs {
		if subject.Collide(c.Subs[i].Subject, filter) {
			return true
		}
	}
	return false
}

// accountName is the account that a connection belongs to. One that ended
// before it was bound to an account belonged to the global one.
func accountName(c *client.Snapshot) string {
	if c.Account == nil {
		return options.GlobalAccount
	}
	return c.Account.Name
}

// unmeasured returns the open connections whose round trip is unknown.
func unmeasured(list []client.Snapshot) []uint64 {
	var ids []uint64
	for i := range list {
		if c := &list[i]; c.RTT == 0 && c.Stop.IsZero() && c.Connect.Lang != "" {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// pageOf normalizes what was asked for.
func pageOf(offset, limit, limitDefault int) (int, int) {
	if limit <= 0 {
		limit = limitDefault
	}
	return max(offset, 0), limit
}

// page cuts the entries out that were asked for.
func page[T any](list []T, offset, limit int) []T {
	list = list[min(offset, len(list)):]
	return list[:min(limit, len(list))]
}

// lifetime is how long a connection exists, or existed.
func lifetime(c *client.Snapshot, now time.Time) time.Duration { return until(c, now).Sub(c.Start) }

// idleTime is for how long nothing was received from or sent to a connection.
func idleTime(c *client.Snapshot, now time.Time) time.Duration {
	return until(c, now).Sub(c.LastActivity)
}

func until(c *client.Snapshot, now time.Time) time.Time {
	if c.Stop.IsZero() {
		return now
	}
	return c.Stop
}
