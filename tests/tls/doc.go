// Package tls tests from outside what servers do with OCSP: the status that is
// stapled to their own certificates, and the checks of those of clients. Every test
// has authorities of its own, with responders that say what the test wants.
package tls
