package auth

import "maps"

// Review decides again about somebody who was let in by a predecessor of the
// Authenticator. Whoever is still the same user, with the same secret, is not
// asked to prove it again, which would cost a hash of a password for everyone who
// is connected.
func (a *Authenticator) Review(was *Verdict, r Request) Verdict {
	if was == nil || was.admitted == nil || a.custom {
		if a.custom && was != nil {
			return *was // only the embedding program could tell
		}
		return a.Decide(r)
	}
	old := was.admitted
	table := a.users
	if old.key != nil {
		table = a.nkeys
	}
	u := table[old.name]
	if u == nil || !u.sameSecret(old) || was.ProxyKey != "" {
		return a.Decide(r)
	}
	v := Verdict{User: was.User, Label: was.Label, who: was.who}
	q := inquiry{Authenticator: a, request: &r, connect: &r.Connect, verdict: v}
	q.verdict.OK = q.admit(u)
	return q.verdict
}

// sameSecret reports whether the ways to be the user are the same as before.
func (u *user) sameSecret(old *user) bool {
	return u.password == old.password && u.certificate == old.certificate && u.proxy == old.proxy &&
		maps.Equal(u.types, old.types)
}
