package auth

import (
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// distinguishedName is a name by RFC 4514: a sequence of relative names, each a
// set of attributes.
type distinguishedName []relativeName

type relativeName []attribute

type attribute struct{ name, value string }

// attributeNames are the types that can be compared.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
	"2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.17": "POSTALCODE",
	"0.9.2342.19200300.100.1.25": "DC",
}

// subjectDN reads a certificate's raw subject, in the order of RFC 4514, which
// is the reverse of the certificate's.
func subjectDN(raw []byte) (distinguishedName, error) {
	var sequence []asn1.RawValue
	if rest, err := asn1.Unmarshal(raw, &sequence); err != nil || len(rest) > 0 {
		return nil, errors.New("subject is no sequence of names")
	}
	var dn distinguishedName
	for _, set := range sequence {
		var attributes []struct {
			Type  asn1.ObjectIdentifier
			Value any
		}
		if _, err := asn1.UnmarshalWithParams(set.FullBytes, &attributes, "set"); err != nil {
			return nil, fmt.Errorf("subject: %w", err)
		}
		var rn relativeName
		for _, a := range attributes {
			name, ok := attributeNames[a.Type.String()]
			if !ok {
				return nil, fmt.Errorf("subject: unknown attribute type %s", a.Type)
			}
			rn = append(rn, attribute{name, fmt.Sprint(a.Value)})
		}
		rn.sort()
		dn = append(dn, rn)
	}
	slices.Reverse(dn)
	return dn, nil
}

// parseDN reads a name such as "CN=a+OU=b,O=c".
func parseDN(text string) (distinguishedName, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	p := dnParser{rest: text}
	var dn distinguishedName
	var rn relativeName
	for {
		a, end, err := p.attribute()
		if err != nil {
			return nil, err
		}
		rn = append(rn, a)
		if end == '+' {
			continue
		}
		rn.sort()
		dn = append(dn, rn)
		rn = nil
		if end == 0 {
			return dn, nil
		}
	}
}

type dnParser struct{ rest string }

// attribute reads "type=value" and what follows it: ',' '+' or 0 at the end.
func (p *dnParser) attribute() (a attribute, end byte, err error) {
	name, rest, ok := strings.Cut(p.rest, "=")
	if !ok {
		return a, 0, errors.New("incomplete type, value pair")
	}
	a.name = strings.ToUpper(strings.TrimSpace(name))
	if !knownAttribute(a.name) {
		return a, 0, fmt.Errorf("unknown attribute type %q", a.name)
	}
	p.rest = strings.TrimLeft(rest, " ")
	if strings.HasPrefix(p.rest, "#") || strings.HasPrefix(p.rest, `"`) {
		return a, 0, errors.New("values in hex or in quotes are not understood")
	}
	var b strings.Builder
	kept := 0 // length up to the last byte that is not a trailing blank
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; c {
		case ',', ';', '+':
			p.rest = p.rest[i+1:]
			a.value = b.String()[:kept]
			if c == ';' {
				c = ','
			}
			return a, c, nil
		case '\\':
			n, err := escaped(p.rest[i+1:], &b)
			if err != nil {
				return a, 0, err
			}
			i += n
			kept = b.Len()
		default:
			b.WriteByte(c)
			if c != ' ' {
				kept = b.Len()
			}
		}
	}
	a.value = b.String()[:kept]
	p.rest = ""
	return a, 0, nil
}

// escaped reads what follows a backslash; it returns the bytes consumed.
func escaped(rest string, b *strings.Builder) (int, error) {
	if rest == "" {
		return 0, errors.New("got corrupted escaped character")
	}
	if strings.IndexByte(` "#+,;<=>\`, rest[0]) >= 0 {
		b.WriteByte(rest[0])
		return 1, nil
	}
	if len(rest) < 2 {
		return 0, fmt.Errorf("failed to decode escaped character %q", rest)
	}
	decoded, err := hex.DecodeString(rest[:2])
	if err != nil {
		return 0, fmt.Errorf("failed to decode escaped character: %w", err)
	}
	b.Write(decoded)
	return 2, nil
}

func knownAttribute(name string) bool {
	for _, known := range attributeNames {
		if name == known {
			return true
		}
	}
	return false
}

func (rn relativeName) sort() {
	slices.SortFunc(rn, func(x, y attribute) int {
		return strings.Compare(x.name+"="+x.value, y.name+"="+y.value)
	})
}

// equal compares position by position.
func (dn distinguishedName) equal(other distinguishedName) bool {
	return slices.EqualFunc(dn, other, func(x, y relativeName) bool { return slices.Equal(x, y) })
}

// sameParts compares as sets.
func (dn distinguishedName) sameParts(other distinguishedName) bool {
	if len(dn) != len(other) {
		return false
	}
	used := make([]bool, len(other))
next:
	for _, rn := range dn {
		for i, candidate := range other {
			if !used[i] && slices.Equal(rn, candidate) {
				used[i] = true
				continue next
			}
		}
		return false
	}
	return true
}
