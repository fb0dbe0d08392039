// Package reload compares two sets of options and tells whether a running server
// can go from one to the other.
//
// [Compare] looks at every field of Options. Fields that can change while the
// server runs have an entry in a table, which says how the change is called in the
// log; for every other field a difference is an error that names it. So a field
// that is added to Options and forgotten here is refused, not ignored.
//
// Lines for the log, and errors, show values of which it is known that they hold no
// secret; of everything else they show the name.
//
// [Keep] comes before that, if the new options were read from a file: a program that
// embeds a server may have set fields in code that no file can set, and they stay.
//
// The package is pure. The server calls it before it touches anything: either all
// differences can be applied, or nothing is.
package reload
