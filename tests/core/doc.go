// Package core holds no code: its tests show the core server as clients and
// operators see it. That is connections and their limits, the protocol on the wire,
// who may log in, what configurations mean, services across accounts, and what
// monitoring tells; and benchmarks of one server. Servers run in this process;
// clients are real ones, or connections that speak the protocol by hand.
package core
