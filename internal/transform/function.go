package transform

import (
	"errors"
	"strconv"
	"strings"
)

// kind is what a token of a destination does.
type kind uint8

const (
	text kind = iota // stands for itself
	rest             // the '>' at the end
	wildcard
	partition
	random
	left
	right
	splitFromLeft
	splitFromRight
	sliceFromLeft
	sliceFromRight
	split
)

// names spells the functions. Capitals may be written small, not the other way.
var names = [...]struct {
	name string
	kind kind
}{
	{"Wildcard", wildcard},
	{"Partition", partition},
	{"Random", random},
	{"Left", left},
	{"Right", right},
	{"SplitFromLeft", splitFromLeft},
	{"SplitFromRight", splitFromRight},
	{"SliceFromLeft", sliceFromLeft},
	{"SliceFromRight", sliceFromRight},
	{"Split", split},
}

// blanks may stand around the parts of a function.
const blanks = " \t\n\f\r"

// token is one token of a destination, understood but not yet held against a
// source.
type token struct {
	kind      kind
	raw       string // as written
	indexes   []int  // numbers of wildcards, counted from 1; not checked
	number    int    // n of the function
	delimiter string // of split
}

// parseToken understands one token of a destination other than '>'.
func parseToken(raw string) (token, error) {
	if len(raw) > 1 && raw[0] == '$' {
		return parseDollar(raw)
	}
	if !strings.Contains(raw, "{{") {
		return token{kind: text, raw: raw}, nil
	}
	k, arguments, ok := cutFunction(raw)
	if !ok {
		return token{}, &DestinationError{Token: raw, Err: ErrUnknownFunction}
	}
	parsed := token{kind: k, raw: raw}
	if err := parsed.parseArguments(arguments); err != nil {
		return token{}, &DestinationError{Token: raw, Err: err}
	}
	return parsed, nil
}

// parseDollar understands the short form of wildcard. Subjects of the system
// begin with '$' as well, so only a number makes it a reference.
func parseDollar(raw string) (token, error) {
	index, err := strconv.Atoi(raw[1:])
	switch {
	case errors.Is(err, strconv.ErrRange):
		return token{}, &DestinationError{Token: raw, Err: ErrIndexOutOfRange}
	case err != nil && strings.Contains(raw, "{{"):
		return token{}, &DestinationError{Token: raw, Err: ErrUnknownFunction}
	case err != nil:
		return token{kind: text, raw: raw}, nil
	}
	return token{kind: wildcard, raw: raw, indexes: []int{index}}, nil
}

// cutFunction takes "{{ name (arguments) }}" apart.
func cutFunction(raw string) (k kind, arguments string, ok bool) {
	inner, open := strings.CutPrefix(raw, "{{")
	inner, closed := strings.CutSuffix(inner, "}}")
	inner = strings.TrimRight(inner, blanks)
	inner, bracket := strings.CutSuffix(inner, ")")
	name, arguments, found := strings.Cut(inner, "(")
	if !open || !closed || !bracket || !found {
		return text, "", false
	}
	name = strings.Trim(name, blanks)
	for i := range names {
		if isName(names[i].name, name) {
			return names[i].kind, arguments, true
		}
	}
	return text, "", false
}

// isName tells whether written is name, up to capitals that are written small.
func isName(name, written string) bool {
	if len(name) != len(written) {
		return false
	}
	for i := 0; i < len(name); i++ {
		capital := name[i] >= 'A' && name[i] <= 'Z'
		if written[i] != name[i] && (!capital || written[i] != name[i]+'a'-'A') {
			return false
		}
	}
	return true
}

// parseArguments reads what stands between the brackets. The list is never
// empty: "()" is one empty argument.
func (t *token) parseArguments(list string) error {
	if strings.Count(list, ",") > MaxReferences {
		return ErrTooManyFunctions
	}
	arguments := strings.Split(list, ",")
	for i := 1; i < len(arguments); i++ {
		arguments[i] = strings.TrimLeft(arguments[i], blanks)
	}
	switch t.kind {
	case wildcard:
		return t.parseWildcard(arguments)
	case partition:
		return t.parsePartition(arguments)
	case random:
		if len(arguments) != 1 {
			return ErrNotEnoughArguments
		}
		return t.parsePartition(arguments)
	}
	return t.parseCut(arguments)
}

func (t *token) parseWildcard(arguments []string) error {
	switch {
	case len(arguments) > 1:
		return ErrTooManyArguments
	case strings.Trim(arguments[0], blanks) == "":
		return ErrNotEnoughArguments
	}
	return t.parseIndexes(arguments)
}

// parsePartition reads the number of partitions and the wildcards to hash.
func (t *token) parsePartition(arguments []string) error {
	n, err := parseNumber(arguments[0])
	if err != nil || n < 0 {
		return ErrInvalidArgument
	}
	t.number = n
	return t.parseIndexes(arguments[1:])
}

// parseCut reads the arguments of the functions that cut one token.
func (t *token) parseCut(arguments []string) (err error) {
	switch {
	case len(arguments) < 2:
		return ErrNotEnoughArguments
	case len(arguments) > 2:
		return ErrTooManyArguments
	}
	if err := t.parseIndexes(arguments[:1]); err != nil {
		return err
	}
	if t.kind != split {
		t.number, err = parseNumber(arguments[1])
		return err
	}
	if strings.ContainsAny(arguments[1], blanks+".") {
		return ErrInvalidArgument
	}
	t.delimiter = arguments[1]
	return nil
}

func (t *token) parseIndexes(arguments []string) error {
	for _, argument := range arguments {
		index, err := parseNumber(argument)
		if err != nil {
			return err
		}
		t.indexes = append(t.indexes, index)
	}
	return nil
}

func parseNumber(argument string) (int, error) {
	n, err := strconv.ParseInt(strings.Trim(argument, blanks), 10, 32)
	if err != nil {
		return 0, ErrInvalidArgument
	}
	return int(n), nil
}
