// Package security holds no code: its tests are attacks from outside, as somebody
// without an account, with an account of its own, or with few permissions might try
// them, and as the public advisories of the NATS server tell of.
// docs/security-advisories.md says which test answers which advisory.
package security
