// Package store compares the stores of godwit with the file store of the reference: the
// same random operations must leave the same messages, counts and answers.
//
// The reference's store is not exported; it is reached through an embedded server, whose
// stream hands it out. It is a module of its own, so that the reference stays out of the
// product's dependencies.
package store
