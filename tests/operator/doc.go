// Package operator tests operator mode from outside: servers that believe an
// operator's key, and clients that come with signed claims.
package operator
