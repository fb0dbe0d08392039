package auth

import "github.com/godwit-mq/godwit/internal/options"

// Refuse is the verdict about somebody whom an embedding program turned away.
func (a *Authenticator) Refuse(connect *options.ClientOpts) Verdict {
	var v Verdict
	v.describe(connect)
	return v
}
