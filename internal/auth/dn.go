package auth

import (
	"cmp"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// distinguishedName is a name by RFC 4514, such as "CN=a+OU=b,O=c": a sequence of
// relative names.
type distinguishedName []relativeName

// relativeName is a set of attributes, kept sorted for comparison.
type relativeName []attribute

// attribute is a type in upper case and a value, unescaped.
type attribute struct{ kind, value string }

// attributeNames are the types that a certificate's subject may have to be
// compared as a distinguished name.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
	"2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.17": "POSTALCODE",
	"0.9.2342.19200300.100.1.25": "DC",
}

// subjectDN reads a certificate's raw subject, in the order of RFC 4514, which is
// the reverse of the certificate's.
func subjectDN(raw []byte) (distinguishedName, error) {
	var sequence pkix.RDNSequence
	rest, err := asn1.Unmarshal(raw, &sequence)
	if err != nil {
		return nil, fmt.Errorf("read subject: %w", err)
	}
	if len(rest) > 0 {
		return nil, errors.New("read subject: data after the names")
	}
	var dn distinguishedName
	for _, set := range slices.Backward(sequence) {
		var relative relativeName
		for _, a := range set {
			kind, ok := attributeNames[a.Type.String()]
			if !ok {
				return nil, fmt.Errorf("read subject: unknown attribute type %s", a.Type)
			}
			value, ok := a.Value.(string)
			if !ok {
				return nil, fmt.Errorf("read subject: value of %s is no text", kind)
			}
			relative = append(relative, attribute{kind, value})
		}
		if len(relative) > 0 {
			dn = append(dn, relative.sorted())
		}
	}
	return dn, nil
}

// Faults of a distinguished name.
var (
	errIncomplete      = errors.New("incomplete type, value pair")
	errEndedIncomplete = errors.New("DN ended with incomplete type, value pair")
	errBER             = errors.New("unsupported BER encoding")
	errEscape          = errors.New("got corrupted escaped character")
)

// parseDN reads a name. The empty text is the empty name.
func parseDN(text string) (distinguishedName, error) {
	if strings.Trim(text, " ") == "" {
		return nil, nil
	}
	p := dnParser{rest: text}
	var dn distinguishedName
	var relative relativeName
	for {
		a, end, err := p.attribute()
		if err != nil {
			return nil, err
		}
		relative = append(relative, a)
		if end == '+' {
			continue
		}
		dn = append(dn, relative.sorted())
		relative = nil
		if end == endOfText {
			return dn, nil
		}
	}
}

// endOfText is what a word ends with at the end.
const endOfText = 0

type dnParser struct{ rest string }

// attribute reads "type=value" and the separator behind it.
func (p *dnParser) attribute() (a attribute, end byte, err error) {
	kind, end, err := p.word("=,+")
	if err != nil {
		return a, end, err
	}
	complete := end == '=' && kind != ""
	if end == '=' {
		if strings.HasPrefix(strings.TrimLeft(p.rest, " "), "#") {
			return a, end, errBER
		}
		if a.value, end, err = p.word(",+"); err != nil {
			return a, end, err
		}
	}
	switch {
	case complete:
		a.kind = strings.ToUpper(kind)
		return a, end, nil
	case end == endOfText:
		return a, end, errEndedIncomplete
	}
	return a, end, errIncomplete
}

// word reads up to one of the stops, without the blanks around it, and consumes
// the stop. Escaped characters neither stop it nor count as blanks.
func (p *dnParser) word(stops string) (word string, end byte, err error) {
	p.rest = strings.TrimLeft(p.rest, " ")
	var b strings.Builder
	kept := 0 // length without trailing blanks
	for i := 0; i < len(p.rest); i++ {
		c := p.rest[i]
		switch {
		case c == '\\':
			decoded, n, err := unescape(p.rest[i+1:])
			if err != nil {
				return "", 0, err
			}
			b.WriteByte(decoded)
			kept = b.Len()
			i += n
		case strings.IndexByte(stops, c) >= 0:
			p.rest = p.rest[i+1:]
			return b.String()[:kept], c, nil
		default:
			b.WriteByte(c)
			if c != ' ' {
				kept = b.Len()
			}
		}
	}
	p.rest = ""
	return b.String()[:kept], endOfText, nil
}

// unescape decodes what follows a backslash: a special character, or two hex
// digits. n is how many bytes that were.
func unescape(rest string) (decoded byte, n int, err error) {
	if rest == "" {
		return 0, 0, errEscape
	}
	if strings.IndexByte(` "#+,;<=>\`, rest[0]) >= 0 {
		return rest[0], 1, nil
	}
	if len(rest) == 1 {
		return 0, 0, errEscape
	}
	var b [1]byte
	if _, err := hex.Decode(b[:], []byte(rest[:2])); err != nil {
		return 0, 0, fmt.Errorf("failed to decode escaped character: %w", err)
	}
	return b[0], 2, nil
}

// sorted puts the attributes in the order in which they are compared.
func (n relativeName) sorted() relativeName {
	slices.SortFunc(n, func(x, y attribute) int {
		return cmp.Or(strings.Compare(x.kind, y.kind), strings.Compare(x.value, y.value))
	})
	return n
}

// equal compares position by position.
func (dn distinguishedName) equal(other distinguishedName) bool {
	return slices.EqualFunc(dn, other, slices.Equal[relativeName])
}

// sameParts compares without regard to the order; each part counts once.
func (dn distinguishedName) sameParts(other distinguishedName) bool {
	if len(dn) != len(other) {
		return false
	}
	open := slices.Clone(other)
	for _, part := range dn {
		i := slices.IndexFunc(open, func(n relativeName) bool { return slices.Equal(n, part) })
		if i < 0 {
			return false
		}
		open = slices.Delete(open, i, i+1)
	}
	return true
}
