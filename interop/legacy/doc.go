// Package legacy tests that directories which established servers wrote are read as
// those servers themselves read them.
//
// Each test starts a released server, lets a client work with it, asks the server
// for all that it holds, stops it in one of several ways, and compares that with what
// package internal/store/legacy reads. A version that cannot be built here is skipped
// with the reason. It is a module of its own, so that clients stay out of the product's
// dependencies.
package legacy
