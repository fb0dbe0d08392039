package operator

import (
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/sharing"
)

// Import is an import with the token that a private export asks for.
type Import struct {
	sharing.Import        // its Activation is nil
	Token          string // activation JWT; empty: none
}

// Expires is when the token loses its force; zero if it never does, or if there is
// none that can be read.
func (i *Import) Expires() time.Time {
	if i.Token == "" {
		return time.Time{}
	}
	c, err := decodeActivation(i.Token)
	if err != nil {
		return time.Time{}
	}
	return unixTime(c.Expires)
}

func kindOf(t jwt.ExportType) sharing.Kind {
	if t == jwt.Service {
		return sharing.Service
	}
	return sharing.Stream
}

// addExports takes over the exports. One that makes no sense is left out, and
// does not keep the others from working.
func (a *Account) addExports() {
	collected := &sharing.Account{Name: a.Name}
	for _, c := range a.Claims.Exports {
		e := &sharing.Export{
			Kind: kindOf(c.Type), Subject: string(c.Subject),
			TokenPosition: int(c.AccountTokenPosition), TokenRequired: c.TokenReq, RevokedBefore: c.Revocations,
			Advertise: c.Advertise, Description: c.Description, InfoURL: c.InfoURL,
		}
		if e.Kind == sharing.Service {
			e.Response, e.Threshold, e.AllowTrace = responseOf(c.ResponseType), c.ResponseThreshold, c.AllowTrace
			e.Latency = latencyOf(c.Latency)
		}
		if err := collected.AddExport(e); err != nil {
			a.debugf("Error adding %s export to account [%s]: %q: %v", e.Kind, a.Label(), e.Subject, err)
		}
	}
	a.Exports = collected.Exports
}

func responseOf(t jwt.ResponseType) sharing.Response {
	switch t {
	case jwt.ResponseTypeStream:
		return sharing.Streamed
	case jwt.ResponseTypeChunked:
		return sharing.Chunked
	}
	return sharing.Singleton
}

// latencyOf: a sampling of 0 means that the headers of a request decide.
func latencyOf(c *jwt.ServiceLatency) *sharing.Latency {
	if c == nil {
		return nil
	}
	return &sharing.Latency{Sampling: int(c.Sampling), Headers: c.Sampling == jwt.Headers, Subject: string(c.Results)}
}

// addImports takes over the imports. Claims have two ways to name the local
// subject; the older one, "to", means different things for streams and services.
func (a *Account) addImports() {
	for _, c := range a.Claims.Imports {
		i := &Import{Token: c.Token, Import: sharing.Import{
			Kind: kindOf(c.Type), Account: c.Account, Subject: string(c.Subject), Local: string(c.Subject),
			Share: c.Share, AllowTrace: c.AllowTrace,
		}}
		to := c.GetTo()
		switch {
		case c.LocalSubject != "":
			i.Local = string(c.LocalSubject)
		case to != "" && i.Kind == sharing.Service:
			i.Subject = to
		case to != "":
			i.Local = strings.TrimSuffix(to, ".") + "." + i.Subject
		}
		a.Imports = append(a.Imports, i)
	}
}
