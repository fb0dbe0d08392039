// Package events holds the JSON that servers publish about themselves and their
// clients: the parts that several messages have in common, connection advisories,
// statistics, and measurements of services.
//
// The field names are those that tools of the NATS ecosystem expect. Durations
// are integers of nanoseconds, times RFC 3339 in UTC. The package holds no
// behaviour beyond making up identifiers.
package events
