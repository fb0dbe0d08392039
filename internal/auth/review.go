package auth

import "maps"

// Review decides again about somebody who was let in by old, the predecessor of the
// Authenticator. Whoever is still the same user, with the same secret, is not
// asked to prove it again, which would cost a hash of a password for everyone who
// is connected.
func (a *Authenticator) Review(was *Verdict, r Request, old *Authenticator) Verdict {
	switch {
	case was != nil && a.custom:
		return *was // only the embedding program could tell
	case was == nil || was.ProxyKey != "":
		return a.Decide(r)
	case was.admitted == nil:
		if old.Required() && a.sameSingle(old) && r.Connect.Nkey == "" && a.users[r.Connect.Username] == nil {
			return *was
		}
		return a.Decide(r)
	}
	before := was.admitted
	table := a.users
	if before.key != nil {
		table = a.nkeys
	}
	u := table[before.name]
	q := inquiry{Authenticator: a, request: &r, connect: &r.Connect}
	if u == nil || !u.sameSecret(before) || q.unnamed(before) && u.name != a.noAuthUser {
		return a.Decide(r)
	}
	q.verdict = Verdict{User: was.User, Label: was.Label, who: was.who}
	q.verdict.OK = q.admit(u)
	return q.verdict
}

// unnamed reports whether somebody who became this user named no user. A
// certificate may have done so.
func (q *inquiry) unnamed(u *user) bool {
	return q.connect.Username == "" && q.connect.Nkey == "" && (u.key != nil || !q.mapsCertificate())
}

// sameSingle reports whether the single user or the token is the same as before.
func (a *Authenticator) sameSingle(old *Authenticator) bool {
	if (a.single == nil) != (old.single == nil) || a.token != old.token || a.singleProxy != old.singleProxy {
		return false
	}
	return a.single == nil || a.single.name == old.single.name && a.single.password == old.single.password
}

// sameSecret reports whether the ways to be the user are the same as before.
func (u *user) sameSecret(old *user) bool {
	return u.password == old.password && u.certificate == old.certificate && u.proxy == old.proxy &&
		maps.Equal(u.types, old.types)
}
