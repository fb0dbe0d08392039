// Package jetstream runs JetStream on one server: it brings together the machines that
// decide (packages stream and consumer), the stores that keep (packages block and memory),
// and the broker that carries messages.
//
// # The shape
//
//	Engine     one per server: storage, catalog, clock, and what is to be sent
//	  account    of those that may use JetStream: its API, and its streams by name
//	    stream     a store, a machine, and the subscriptions to its subjects
//	      consumer   progress, a machine, and the subscriptions for requests and acks
//
// # The walk of one publish
//
//	broker ─> stream.receive ─> machine.Publish ─> store ─> Commit ─> journal
//	                                                                    │ durable
//	publisher <─ answer ─┐                                              v
//	consumers <─ Stored ─┴──────────────────────────────────────── outbox
//
// Nothing is answered or delivered before it is durable: the journal tells the outbox,
// one goroutine that sends what was decided, in the order of the decisions, and then has
// the consumers look for what they can deliver. What they see of the stream ends at what
// is durable.
//
// # Who may call what
//
// A stream and its consumers share one lock. It is held while machines decide and stores
// change, never while anything is sent: what a machine wants to be sent goes to the
// outbox. API requests are worked off by one goroutine, in their order.
//
// # What it never does
//
// It acknowledges nothing that is not durable, unless it was asked to keep it in memory,
// and deletes nothing that it cannot read.
package jetstream
