// Package trace follows traced messages through whole servers with real clients:
// what the events of a trace say of entry, mappings, imports, deliveries, and of
// the reasons why a message did not arrive.
package trace
