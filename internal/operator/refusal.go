package operator

import "fmt"

// Cause tells refusals apart that the server treats differently.
type Cause uint8

// Causes.
const (
	Failed        Cause = iota
	ProxyRequired       // the connection did not come by way of a trusted proxy
	NotPinned           // the account is none of those that this server is for
)

// Refusal is why a user is not let in. The text is for the log alone: whoever is
// refused learns nothing of it.
type Refusal struct {
	Cause Cause
	Text  string
	// Loud refusals belong in the log as errors, the others to debugging.
	Loud bool
}

func (r *Refusal) Error() string { return r.Text }

func refuse(format string, args ...any) *Refusal {
	return &Refusal{Text: fmt.Sprintf(format, args...)}
}

func refuseProxy() *Refusal {
	return &Refusal{Cause: ProxyRequired, Text: "proxy connection required"}
}
