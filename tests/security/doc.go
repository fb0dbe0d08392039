// Package security_test tests attacks from outside: what an attacker without an
// account, with an account of its own, or with few permissions might try, and what
// the public advisories of the NATS server tell. docs/security-advisories.md says
// which test answers which advisory.
package security_test
