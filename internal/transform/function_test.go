package transform

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Go: TestPlaceHolderIndex server/subject_transform_test.go:25
func TestTokensAreUnderstood(t *testing.T) {
	for raw, want := range map[string]token{
		"$1":                        {kind: wildcard, indexes: []int{1}},
		"$12":                       {kind: wildcard, indexes: []int{12}},
		"{{wildcard(2)}}":           {kind: wildcard, indexes: []int{2}},
		"{{\tWildcard\n( 2 )\r\f}}": {kind: wildcard, indexes: []int{2}},
		"{{partition(10,1,2,3)}}":   {kind: partition, number: 10, indexes: []int{1, 2, 3}},
		"{{ Partition (10,1,2,3) }}": {
			kind: partition, number: 10, indexes: []int{1, 2, 3},
		},
		"{{partition(10, 1,  2)}}": {kind: partition, number: 10, indexes: []int{1, 2}},
		"{{partition(7)}}":         {kind: partition, number: 7},
		"{{random(6)}}":            {kind: random, number: 6},
		"{{Random( 6 )}}":          {kind: random, number: 6},
		"{{SplitFromLeft(2,1)}}":   {kind: splitFromLeft, indexes: []int{2}, number: 1},
		"{{splitfromleft(2,1)}}":   {kind: splitFromLeft, indexes: []int{2}, number: 1},
		"{{splitFromleft(2,1)}}":   {kind: splitFromLeft, indexes: []int{2}, number: 1},
		"{{SplitFromRight(3,2)}}":  {kind: splitFromRight, indexes: []int{3}, number: 2},
		"{{SliceFromLeft(2,2)}}":   {kind: sliceFromLeft, indexes: []int{2}, number: 2},
		"{{SliceFromRight(2,2)}}":  {kind: sliceFromRight, indexes: []int{2}, number: 2},
		"{{Left(3,2)}}":            {kind: left, indexes: []int{3}, number: 2},
		"{{Right(3,2)}}":           {kind: right, indexes: []int{3}, number: 2},
		"{{right(3,-2)}}":          {kind: right, indexes: []int{3}, number: -2},
		"{{split(1,-)}}":           {kind: split, indexes: []int{1}, delimiter: "-"},
		"{{split(1, --)}}":         {kind: split, indexes: []int{1}, delimiter: "--"},
		"{{split(1,)}}":            {kind: split, indexes: []int{1}},
		"{{split(1,))}}":           {kind: split, indexes: []int{1}, delimiter: ")"},
		"{{split(1,()}}":           {kind: split, indexes: []int{1}, delimiter: "("},
		"foo":                      {kind: text},
		"$":                        {kind: text},
		"$foo":                     {kind: text},
		"$1x":                      {kind: text},
		"$JS":                      {kind: text},
		"x$1":                      {kind: text},
		"{wildcard(1)}":            {kind: text},
		")}}":                      {kind: text},
		"a b":                      {kind: text},
	} {
		want.raw = raw
		got, err := parseToken(raw)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(token{})); err != nil || diff != "" {
			t.Errorf("%q: error %v, difference (-want +got):\n%s", raw, err, diff)
		}
	}
}

func TestTokensThatOnlyLookLikeFunctions(t *testing.T) {
	for raw, want := range map[string]error{
		"{{}}":                      ErrUnknownFunction,
		"{{x}}":                     ErrUnknownFunction,
		"{{}}}":                     ErrUnknownFunction,
		"{{(1)}}":                   ErrUnknownFunction,
		"{{unimplemented(1)}}":      ErrUnknownFunction,
		"{{WILDCARD(1)}}":           ErrUnknownFunction,
		"{{wildCard(1)}}":           ErrUnknownFunction,
		"{{SPLIT(1,-)}}":            ErrUnknownFunction,
		"{{splitLeft(2,2}}":         ErrUnknownFunction,
		"{{ wildcard5) }}":          ErrUnknownFunction,
		"{{wildcard(1)":             ErrUnknownFunction,
		"{{wildcard(1)}":            ErrUnknownFunction,
		"{{wildcard(1)}}x":          ErrUnknownFunction,
		"x{{wildcard(1)}}":          ErrUnknownFunction,
		"$x{{wildcard(1)}}":         ErrUnknownFunction,
		"{{wildcard(1)x}}":          ErrUnknownFunction,
		"{{split(1,":                ErrUnknownFunction,
		"{{wildcard()}}":            ErrNotEnoughArguments,
		"{{wildcard( )}}":           ErrNotEnoughArguments,
		"{{wildcard(1,2)}}":         ErrTooManyArguments,
		"{{wildcard(foo)}}":         ErrInvalidArgument,
		"{{wildcard(1 2)}}":         ErrInvalidArgument,
		"{{wildcard(1))}}":          ErrInvalidArgument,
		"{{partition()}}":           ErrInvalidArgument,
		"{{partition(x)}}":          ErrInvalidArgument,
		"{{partition(2147483648)}}": ErrInvalidArgument,
		"{{partition(-1)}}":         ErrInvalidArgument,
		"{{partition(3,)}}":         ErrInvalidArgument,
		"{{partition(3,x)}}":        ErrInvalidArgument,
		"{{random()}}":              ErrInvalidArgument,
		"{{random(2147483648)}}":    ErrInvalidArgument,
		"{{random(-6)}}":            ErrInvalidArgument,
		"{{random(1,2)}}":           ErrNotEnoughArguments,
		"{{left()}}":                ErrNotEnoughArguments,
		"{{left(1)}}":               ErrNotEnoughArguments,
		"{{left(1,2,3)}}":           ErrTooManyArguments,
		"{{left(x,2)}}":             ErrInvalidArgument,
		"{{left(1,x)}}":             ErrInvalidArgument,
		"{{left(1,)}}":              ErrInvalidArgument,
		"{{left(1,99999999999)}}":   ErrInvalidArgument,
		"{{split(1)}}":              ErrNotEnoughArguments,
		"{{split(1,a,b)}}":          ErrTooManyArguments,
		"{{split(x,a)}}":            ErrInvalidArgument,
		"{{split(1,a b)}}":          ErrInvalidArgument,
		"{{split(1,a )}}":           ErrInvalidArgument,
		"{{split(1,a\t)}}":          ErrInvalidArgument,
		"$99999999999999999999":     ErrIndexOutOfRange,
	} {
		if got, err := parseToken(raw); !errors.Is(err, want) || !errors.Is(err, ErrInvalidDestination) {
			t.Errorf("%q: %+v, error %v; want error %v", raw, got, err, want)
		}
	}
}
