package operator

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/subject"
)

// Bounds of what one list of a template may become.
const (
	maxExpansions    = 4096
	maxExpandedBytes = 8 << 20
)

// errExpansions: placeholders stand for too many combinations.
var errExpansions = fmt.Errorf("template expansion exceeds limit: %d", maxExpansions)

// errExpandedBytes: the combinations are not many, but huge.
var errExpandedBytes = fmt.Errorf("template expansion exceeds limit: %d bytes", maxExpandedBytes)

// placeholder is "{{operation}}" in an entry of a template.
var placeholder = regexp.MustCompile(`\{\{([^}]+)\}\}`)

// fill makes the rights of a user from the template of the key that signed.
//
// Entries of allow lists that come to nothing, because a tag is missing or the
// result is no subject, are left out; if nothing remains of such a list then
// everything is denied. In a deny list the same is an error.
func fill(template *jwt.UserPermissionLimits, a *Account, c *jwt.UserClaims) (*jwt.UserPermissionLimits, error) {
	filled := *template
	f := filler{account: a, user: c}
	for _, p := range []*jwt.Permission{&filled.Sub, &filled.Pub} {
		allow, err := f.list(p.Allow, false)
		if err != nil {
			return nil, err
		}
		deny, err := f.list(p.Deny, true)
		if err != nil {
			return nil, err
		}
		if len(p.Allow) > 0 && len(allow) == 0 {
			deny = append(deny, ">")
		}
		p.Allow, p.Deny = allow, deny
	}
	return &filled, nil
}

// filler knows the values of placeholders.
type filler struct {
	account *Account
	user    *jwt.UserClaims
}

// list expands a list of a template. The result is not the list itself.
func (f *filler) list(entries []string, deny bool) ([]string, error) {
	var out []string
	size := 0
	for _, text := range entries {
		if !placeholder.MatchString(text) {
			out = append(out, text)
			continue
		}
		e, err := f.parse(text)
		if err == nil && deny && e.missing != "" {
			err = fmt.Errorf("generated invalid subject %q: %q is not defined", text, e.missing)
		}
		if err == nil && e.count() > maxExpansions-len(out) {
			err = errExpansions
		}
		if err != nil {
			return nil, err
		}
		for name := range e.expand {
			if size += len(name); size > maxExpandedBytes {
				return nil, errExpandedBytes
			}
			if subject.IsValidStrict(name) {
				out = append(out, name)
			} else if deny {
				return nil, errors.New("generated invalid subject")
			}
		}
	}
	return out, nil
}

// entry is a parsed entry: literal texts with placeholders between them. The same
// placeholder has the same value wherever it is in an entry.
type entry struct {
	literals []string   // one more than there are slots
	slots    []int      // indexes of values
	values   [][]string // of each different placeholder
	missing  string     // a tag that nothing is known of
}

func (f *filler) parse(text string) (e entry, err error) {
	var seen []string
	end := 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		whole := text[at[0]:at[1]]
		slot := slices.Index(seen, whole)
		if slot < 0 {
			operation := strings.TrimSpace(text[at[2]:at[3]])
			values, ok := f.values(operation)
			if !ok {
				return e, fmt.Errorf("template operation in %q: %q is not defined", text, operation)
			}
			if len(values) == 0 {
				e.missing = operation
			}
			slot = len(seen)
			seen, e.values = append(seen, whole), append(e.values, values)
		}
		e.literals, e.slots = append(e.literals, text[end:at[0]]), append(e.slots, slot)
		end = at[1]
	}
	e.literals = append(e.literals, text[end:])
	return e, nil
}

// values are what an operation stands for. ok is false if there is no such
// operation.
func (f *filler) values(operation string) (list []string, ok bool) {
	name, argument, found := strings.Cut(operation, "(")
	argument, closed := strings.CutSuffix(argument, ")")
	if !found || !closed {
		return nil, false
	}
	switch name = strings.ToLower(name); {
	case name == "tag":
		return tagged(f.user.Tags, argument), true
	case name == "account-tag":
		return tagged(f.account.Tags, argument), true
	case argument != "":
		return nil, false
	case name == "name":
		return []string{f.user.Name}, true
	case name == "subject":
		return []string{f.user.Subject}, true
	case name == "account-name":
		return []string{f.account.DisplayName}, true
	case name == "account-subject":
		return []string{f.account.Name}, true
	}
	return nil, false
}

// tagged are the values of the tags "name:value".
func tagged(tags []string, name string) (list []string) {
	for _, tag := range tags {
		if value, ok := strings.CutPrefix(tag, strings.ToLower(name)+":"); ok {
			list = append(list, value)
		}
	}
	return list
}

// count is the number of combinations, or something above the limit.
func (e *entry) count() int {
	n := 1
	for _, values := range e.values {
		if n *= len(values); n > maxExpansions {
			return n
		}
	}
	return n
}

// expand calls yield with each combination.
func (e *entry) expand(yield func(string) bool) {
	if e.count() == 0 {
		return
	}
	chosen := make([]int, len(e.values))
	for {
		var name strings.Builder
		for i, slot := range e.slots {
			name.WriteString(e.literals[i])
			name.WriteString(e.values[slot][chosen[slot]])
		}
		name.WriteString(e.literals[len(e.slots)])
		if !yield(name.String()) || !advance(chosen, e.values) {
			return
		}
	}
}

// advance goes on to the next combination; false after the last one.
func advance(chosen []int, values [][]string) bool {
	for i := len(chosen) - 1; i >= 0; i-- {
		if chosen[i]++; chosen[i] < len(values[i]) {
			return true
		}
		chosen[i] = 0
	}
	return false
}
