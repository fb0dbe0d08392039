package monitor

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/operator"
)

// showOperators adds whom the server believes.
func showOperators(v *api.Varz, operators []*operator.Operator) {
	for _, o := range operators {
		v.TrustedOperatorsJwt = append(v.TrustedOperatorsJwt, o.Text)
		v.TrustedOperatorsClaim = append(v.TrustedOperatorsClaim, decoded(o.Claims))
	}
}

// showClaims adds what an account's claims say. An account that stands in for the
// system account has none of its own.
func showClaims(info *api.AccountInfo, a *operator.Account, now time.Time) {
	info.NameTag, info.Tags = a.Tag(), slices.Clone(a.Tags)
	info.Jwt, info.IssuerKey, info.RevokedUser = a.Text, a.Issuer, a.RevokedUsers()
	info.Expired = a.Expired(now)
	info.Complete = !slices.ContainsFunc(info.Imports, func(i api.ExtImport) bool { return i.Invalid })
	if a.Claims == nil {
		return
	}
	info.Claim = decoded(a.Claims)
	found := jwt.CreateValidationResults()
	a.Claims.Validate(found)
	for _, i := range found.Issues {
		info.Vr = append(info.Vr, api.ExtVrIssues{Description: i.Description, Blocking: i.Blocking, Time: i.TimeCheck})
	}
}

// decoded is the JSON of claims.
func decoded(claims jwt.Claims) json.RawMessage {
	text, err := json.Marshal(claims)
	if err != nil {
		return nil // they came from JSON
	}
	return text
}

// shownJWT is the JWT of a connection's user, as far as it may be shown. One that a
// service decided about has none that says who the user is.
func shownJWT(c *client.Snapshot) string {
	if c.Claims == nil {
		return operator.PresentableJWT(c.Connect.JWT)
	}
	if c.Claims.Bearer {
		return ""
	}
	return operator.PresentableJWT(c.Claims.JWT)
}
