package api

import (
	"strings"

	"github.com/godwit-mq/godwit/internal/subject"
)

// Prefix begins the subjects of the API.
const Prefix = "$JS.API"

// A Mapping says that a request on a subject that matches Source is one on
// Destination.
type Mapping struct {
	Source, Destination string
}

// domainRests are what may follow the prefix of a domain, and what it stands for.
// Buckets have subjects of their own, and so their prefix is added, not replaced.
var domainRests = []Mapping{
	{"INFO", "$JS.API.INFO"},
	{"STREAM.>", "$JS.API.STREAM.>"},
	{"CONSUMER.>", "$JS.API.CONSUMER.>"},
	{"DIRECT.>", "$JS.API.DIRECT.>"},
	{"META.>", "$JS.API.META.>"},
	{"SERVER.>", "$JS.API.SERVER.>"},
	{"ACCOUNT.>", "$JS.API.ACCOUNT.>"},
	{"$KV.>", "$KV.>"},
	{"$OBJ.>", "$OBJ.>"},
}

// IsValidDomain reports whether a domain may be called so: it is one token of a
// subject.
func IsValidDomain(domain string) bool {
	return domain != "" && !strings.ContainsAny(domain, " \t\r\n\f.*>") && subject.IsValidStrict(DomainPrefix(domain)+".>")
}

// DomainPrefix is what stands for Prefix in a domain; Prefix if that is empty.
func DomainPrefix(domain string) string {
	if domain == "" {
		return Prefix
	}
	return "$JS." + domain + ".API"
}

// DomainMappings are the mappings of an account on a server of a domain.
func DomainMappings(domain string) []Mapping {
	mappings := make([]Mapping, len(domainRests))
	for i, rest := range domainRests {
		mappings[i] = Mapping{DomainPrefix(domain) + "." + rest.Source, rest.Destination}
	}
	return mappings
}

// SystemDomainMapping is that of the system account.
func SystemDomainMapping(domain string) Mapping {
	return Mapping{DomainPrefix(domain) + ".>", Prefix + ".>"}
}

// DefaultDomainMapping is that of an account that has no streams here, and finds
// them in a domain.
func DefaultDomainMapping(domain string) Mapping {
	return Mapping{Prefix + ".>", DomainPrefix(domain) + ".>"}
}

// SplitDomain takes a subject of the API of a domain apart, as the mappings of an
// account would map it. It reports false for any other subject.
func SplitDomain(name string) (domain, mapped string, ok bool) {
	rest, ok := strings.CutPrefix(name, "$JS.")
	if !ok {
		return "", "", false
	}
	domain, rest, ok = strings.Cut(rest, ".API.")
	if !ok || !IsValidDomain(domain) {
		return "", "", false
	}
	for _, m := range domainRests {
		if subject.Match(rest, m.Source) {
			if strings.HasPrefix(m.Source, "$") {
				return domain, rest, true
			}
			return domain, Prefix + "." + rest, true
		}
	}
	return "", "", false
}

// Domain is that of a prefix of the form "$JS.domain.API", empty for any other.
func (e *ExternalStream) Domain() string {
	if e == nil {
		return ""
	}
	rest, ok := strings.CutPrefix(e.APIPrefix, "$JS.")
	if !ok {
		return ""
	}
	domain, _, ok := strings.Cut(rest, ".API")
	if !ok || strings.Contains(domain, ".") {
		return ""
	}
	return domain
}
