// Package ocspcheck finds out whether certificates are revoked, by the Online
// Certificate Status Protocol (RFC 6960): this server's own, so that it can hand
// the proof to its peers, and those of its peers.
//
// # What there is
//
//	Parse          judges what a responder said: for this certificate, signed by
//	               its issuer or by one whom the issuer appointed
//	Stapler        keeps the status of one of our certificates fresh, and hands
//	               out the certificate with the status stapled to it
//	StapleVerifier demands a staple of the servers that we have routes or gateways to
//	PeerVerifier   asks about the certificates that a peer presents
//	Cache          what a PeerVerifier was told before; LocalCache keeps it in a file
//
// # The life of a Stapler
//
// [NewStapler] decides by the mode of the configuration whether a certificate is
// stapled at all. If so, it does not return before it has a valid status: that of
// the [Store], which is the directory "ocsp" below the server's store directory,
// or a new one of the certificate's responders. [Stapler.Install] puts it in
// charge of a tls.Config. [Stapler.Run] then asks again at half of the time that
// the status is good for. It reports a certificate that is revoked, and returns
// if the mode says that such a one must not be served. To follow a new
// configuration, end Run and make a new Stapler: it begins with
// the status that the Previous one has, or that is stored.
//
// A handshake takes the status from memory. Only if that has expired, because
// nobody could be asked in time, the handshake itself tries to get a new one, for
// a few seconds, one handshake at a time, and not right after the last failure.
//
// # The life of a check
//
// [PeerVerifier.VerifyConnection] runs at the end of a handshake, when the chains
// of the peer are known to be trusted. One chain without a bad link is enough. A
// link is a certificate with its issuer; those that name no responder are not
// asked about. The answer is the cache's if that is current, otherwise that of
// the responders, asked one after the other until one gives a valid answer.
// Handshakes that need the same answer at the same time ask once. What a failure
// means is a matter of the options: warn only, take unknown as good, pass if no
// responder can be reached.
//
// An answer that is not current any more is still the last thing known: if it
// says revoked, "no responder can be reached" does not let the peer pass. So a
// [LocalCache] keeps expired revocations for a day, or with preserve_revoked
// until another answer takes their place; other answers go when they are found
// to have expired.
//
// # Who may call what
//
// Everything may be called by any goroutine. Run of a Stapler and of a LocalCache
// is called once, by a goroutine of their owner, who waits for its return;
// LocalCache.Close comes after that. Callbacks run in the goroutine that found
// out, without a lock held.
//
// # What it never does
//
// It starts no goroutine, judges no answer by the transport it came over, reads
// no more than 128 KB of an answer, asks no more than eight responders about one
// certificate, and waits for none of them without a limit.
package ocspcheck
