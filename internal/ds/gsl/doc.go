// Package gsl is a small list of subject patterns with values: which values
// have a pattern that matches this subject, is there any, could there be one for
// subjects that begin like this?
//
// It serves owners of a few patterns to some thousands: the filters of a
// consumer, the consumers of a stream. (The subscriptions of an account are in
// package interest, which is made for millions, knows queue groups and takes
// locks of its own, but cannot tell what subjects begin with.)
//
// # The shape
//
// A trie of tokens. A node has its literal next tokens in a map, the wildcards *
// and > beside it, and the values of the pattern that ends there. What is empty
// is dropped, so a list costs what it holds and every node leads to a value.
//
// # Meaning
//
// A pattern is tokens separated by dots; a token * stands for any one token, a
// last token > for one or more; within a longer token both are characters as
// others. A value is kept once per pattern, and comes once for each of its
// patterns that matches. Empty tokens are refused in patterns, and a subject with
// one matches nothing.
//
// # Ownership
//
// The zero List is empty and ready. It has no lock: one goroutine at a time may
// change it, and any number may read it while nobody changes it. Methods that
// only read accept a nil List. A callback must not change the list.
//
// # What it never does
//
// It keeps no reference to subjects, allocates nothing when it is asked, and
// promises no order of values.
package gsl
