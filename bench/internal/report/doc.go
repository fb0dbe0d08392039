// Package report turns the results of a comparison into the tables that people read.
//
// A [Report] holds for each scenario the results of both servers, one per round. [Report.Text] and [Report.Markdown]
// render the same two tables: the main one with rate, CPU and memory of every scenario, and one with what only some
// scenarios measure (latencies, memory per connection and the like). A cell is the median of the rounds; a ratio is
// the first server's value divided by the second's, taken in each round and then shown as median (min..max).
//
// Rendering is pure: the same report gives the same text.
package report
