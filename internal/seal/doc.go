// Package seal is the encryption of files at rest: which ciphers there are, and how a
// file finds the key that it was written with.
//
// # The life of a key
//
//	c, err := seal.NewAESGCM(key)                        once, from the configuration
//	mark, aead, err := seal.New(c, purpose, rand.Reader) per file that is begun
//	... the mark is stored in the file's header, aead seals what follows ...
//	aead, err := mark.Open(purpose, c, old...)           per file that is read
//
// The configured key never encrypts anything itself. Each file gets a key derived from
// it, from a random salt and from the purpose, which names the kind of file. So two
// kinds of files share a configured key without sharing a derived one, and a copied
// directory that goes its own way does not use a key and nonce twice. The check in the
// mark tells the right configured key from others without trying to decrypt.
//
// # What is up to the caller
//
// A nonce must not be used twice with one key: never write again to a place whose
// offset is the nonce.
//
// # Who may call what
//
// Everything may be called by any goroutine. The package has no state.
package seal
