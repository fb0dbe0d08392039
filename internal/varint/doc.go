// Package varint reads what was encoded as numbers and bytes, one behind the other.
//
// # The life of a reader
//
//	r := varint.Reader{Buf: buf}
//	a, b := r.Uvarint(), r.Varint()
//	for n := r.Count(2); n > 0; n-- { ... }   items of at least two bytes each
//	if !r.Done() { ... }                      too short, or something is left over
//
// Nothing of it fails one by one: where a number is missing, or larger than it may be,
// the reader gives zeros from then on, and Done says so at the end. So a decoder can be
// written without a branch per number. What it allocates is bounded if it asks Count
// for the number of items.
//
// Writing needs no such thing: encoding/binary appends varints.
//
// # Ownership
//
// A Reader is a value of whoever decodes. The bytes that it gives lie in the buffer.
package varint
