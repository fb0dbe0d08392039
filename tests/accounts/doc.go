// Package accounts holds no code: its tests show, with real servers and real
// clients, what accounts keep apart and what they share. That is isolation,
// imports of streams and services, the mapping of subjects, limits, measurements
// of latency, changes while the server runs, and what monitoring says of it all.
package accounts
