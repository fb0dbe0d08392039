// Package reload holds tests of configuration reload: a server runs with a real
// file, clients are connected, the file changes, and only those notice whom the
// change concerns.
package reload
