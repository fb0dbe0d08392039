// Package thw is a hashed timing wheel: it remembers for many sequence numbers
// when each of them is due, and finds those whose time has come.
//
// # The shape
//
// The wheel has 4,096 slots of one second, so one turn is 68 minutes. An entry
// lives in the slot of its due time, in whichever turn:
//
//	slot = (due in nanoseconds / 1e9) mod 4,096
//
// A slot is a small hash table from sequence to due time. Slots are made in
// groups of 64 when first used and dropped with the last entry of the group,
// so that an idle wheel costs half a kilobyte, and a busy one nothing per slot
// but its table.
//
// Every slot knows a time before which nothing in it is due, and so does the
// wheel. Expire looks only into slots that may have something due; Next says when
// to call Expire.
//
// # The life of an entry
//
// Add puts it in, Update moves it to another time, Remove takes it out (both
// need the time under which it was put, for that is where it is), and Expire
// shows it to its callback as soon as it is due; the callback decides whether it
// goes or stays for the next Expire. A sequence can be in the wheel more than
// once, under times of different slots; within a slot the last time counts.
//
// # Encoded form
//
// Append and Decode use the form of the established peers' timer files: a
// version byte 1, u64 number of entries, u64 stamp of the caller (the last
// sequence covered), little-endian, and per entry the due time as a signed
// and the sequence as an unsigned varint, in no order. It is a cache of what is
// in the messages: whoever gets an error from Decode builds the wheel anew.
//
// # Ownership
//
// The zero Wheel is empty and ready. It has no lock: one goroutine at a time may
// use it, for Next tidies up and so writes as well. The callback of Expire may
// call any method of the wheel. A Wheel must not be copied after first use.
//
// # What it never does
//
// It reads no clock, starts no timer and no goroutine, and promises no order
// among entries that are due.
package thw
