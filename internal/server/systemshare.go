package server

import (
	"github.com/godwit-mq/godwit/internal/sharing"
	"github.com/godwit-mq/godwit/internal/subject"
)

// Subjects of the system account that every account may use for itself. The name
// of the account stands in place of the wildcard.
const (
	accountConnz = "$SYS.REQ.ACCOUNT.*.CONNZ"
	accountStatz = "$SYS.REQ.ACCOUNT.*.STATZ"
	userInfo     = "$SYS.REQ.USER.*.INFO"
	debugSubs    = "$SYS.DEBUG.SUBSCRIBERS"
)

// accountToken is the position of the account's name in these subjects.
const accountToken = 4

// ownSubjects are the names under which accounts find what the system account
// offers them about themselves.
func ownSubjects(account string) []*sharing.Import {
	service := func(local, remote string, share bool) *sharing.Import {
		return &sharing.Import{Kind: sharing.Service, Local: local, Subject: remote, Share: share}
	}
	connz := "$SYS.REQ.ACCOUNT." + account + ".CONNZ"
	return []*sharing.Import{
		service("$SYS.REQ.ACCOUNT.PING.CONNZ", connz, false),
		service("$SYS.REQ.SERVER.PING.CONNZ", connz, false),
		service("$SYS.REQ.ACCOUNT.PING.STATZ", "$SYS.REQ.ACCOUNT."+account+".STATZ", false),
		service("$SYS.REQ.USER.INFO", "$SYS.REQ.USER."+account+".INFO", true),
	}
}

// shareSystem adds to all descriptions what the system account offers.
func shareSystem(accounts map[string]*description, system string) {
	offerSystem(accounts[system])
	for name, d := range accounts {
		if name != system {
			useSystem(d, system)
		}
	}
}

// offerSystem adds to the system account's exports those of the server itself,
// unless it exports the same, or more, anyway.
func offerSystem(d *description) {
	for _, e := range []sharing.Export{
		{Subject: accountConnz, Response: sharing.Streamed, TokenPosition: accountToken},
		{Subject: accountStatz, Response: sharing.Streamed, TokenPosition: accountToken},
		{Subject: userInfo, TokenPosition: accountToken},
		{Subject: debugSubs},
	} {
		e.Kind = sharing.Service
		if !offered(d.offers, e.Subject) {
			d.offers.Exports = append(d.offers.Exports, &e)
		}
	}
}

// useSystem adds to an account the imports of what is offered about itself.
func useSystem(d *description, system string) {
	for _, i := range ownSubjects(d.offers.Name) {
		i.Account = system
		d.offers.Imports = append(d.offers.Imports, i)
	}
}

// offered reports whether an account exports a service on the subject, or a wider one
// for everybody. A wider one for some must not take from the others what they have.
func offered(a *sharing.Account, name string) bool {
	for _, e := range a.Exports {
		public := !e.TokenRequired && !e.Private
		if e.Kind == sharing.Service && (e.Subject == name || public && subject.IsSubset(name, e.Subject)) {
			return true
		}
	}
	return false
}
