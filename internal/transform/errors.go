package transform

import (
	"errors"
	"fmt"
)

// Errors of sources and destinations; their texts reach users. All but
// ErrBadSubject are ErrInvalidDestination too, in the sense of errors.Is, and
// come wrapped in a DestinationError.
var (
	// ErrBadSubject says that source or destination is no valid subject, that
	// one ends with '>' and the other does not, or that the destination holds
	// a bare '*'.
	ErrBadSubject = errors.New("invalid subject")

	ErrInvalidDestination = errors.New("invalid mapping destination")

	// ErrIndexOutOfRange says that the source has no such '*'.
	ErrIndexOutOfRange = fmt.Errorf("%w: wildcard index out of range", ErrInvalidDestination)
	// ErrUnknownFunction is also for text that holds "{{" and is no function.
	ErrUnknownFunction    = fmt.Errorf("%w: unknown function", ErrInvalidDestination)
	ErrNotEnoughArguments = fmt.Errorf("%w: not enough arguments passed to the function", ErrInvalidDestination)
	ErrTooManyArguments   = fmt.Errorf("%w: too many arguments passed to the function", ErrInvalidDestination)
	ErrInvalidArgument    = fmt.Errorf("%w: function argument is invalid or in the wrong format", ErrInvalidDestination)
	// ErrTooManyFunctions says that a destination refers to the source more
	// than MaxReferences times.
	ErrTooManyFunctions = fmt.Errorf("%w: too many functions", ErrInvalidDestination)

	// These three are for strict transforms only.
	ErrNotReversible    = fmt.Errorf("%w: the only mapping function allowed for import transforms is {{Wildcard()}}", ErrInvalidDestination)
	ErrUnusedWildcard   = fmt.Errorf("%w: not using all of the token wildcard(s)", ErrInvalidDestination)
	ErrRepeatedWildcard = fmt.Errorf("%w: using a token wildcard more than once", ErrInvalidDestination)

	// ErrInvalidTransform says that the destination of a mapping has an empty
	// token, a blank, or a token behind '>'.
	ErrInvalidTransform = fmt.Errorf("%w: invalid transform", ErrInvalidDestination)
)

// Errors of the weights of a mapping.
var (
	ErrWeight      = errors.New("individual weights need to be <= 100")
	ErrTotalWeight = errors.New("total weight needs to be <= 100")
)

// ErrStrictOnly is what Reverse gives for a transform that is not strict.
var ErrStrictOnly = errors.New("only a strict transform can be reversed")

// DestinationError says what is wrong with which token of a destination.
type DestinationError struct {
	Token string // the token, or the whole destination; may be empty
	Err   error  // one of the errors above

	detail string // what follows the token in the text
}

func (e *DestinationError) Error() string {
	if e.Token == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + " in " + e.Token + e.detail
}

// Unwrap gives the bare error, without the token.
func (e *DestinationError) Unwrap() error { return e.Err }

// indexError says that the wildcard number index of a token does not exist.
func indexError(token string, index int) error {
	return &DestinationError{Token: token, Err: ErrIndexOutOfRange, detail: fmt.Sprintf(": [%d]", index)}
}
