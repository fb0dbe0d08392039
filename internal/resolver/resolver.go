package resolver

import (
	"errors"

	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/operator"
)

// MaxSize bounds an account JWT, in bytes.
const MaxSize = operator.MaxTokenSize

// Kind is a kind of resolver.
type Kind uint8

// Kinds.
const (
	KindMemory Kind = iota
	KindURL
	KindFull
	KindCache
)

func (k Kind) String() string { return [...]string{"MEMORY", "URL", "FULL", "CACHE"}[k] }

// Errors of resolvers; their texts reach users.
var (
	ErrNotFound = errors.New("account jwt not found")
	ErrTimeout  = errors.New("fetching jwt timed out")
	ErrShutdown = errors.New("fetching jwt failed due to shutdown")
	ErrKey      = errors.New("will only fetch valid account keys")
	ErrReadOnly = errors.New("store is read-only")
	ErrFull     = errors.New("jwt store is full")
	ErrNoDelete = errors.New("store does not allow to delete")
	ErrInvalid  = errors.New("invalid JWT")
	ErrClosed   = errors.New("store is closed")
)

// Resolver finds account JWTs.
type Resolver interface {
	Kind() Kind
	// Fetch returns the JWT of an account, by its public key. It can take as
	// long as the time-out of the resolver. The JWT is not verified.
	Fetch(name string) (string, error)
	// Store keeps the JWT of an account, unless a newer one is there.
	Store(name, text string) error
	// IsReadOnly tells that Store always fails.
	IsReadOnly() bool
	// Close ends what runs in the background. What is stored stays.
	Close() error
}

func isAccount(name string) bool { return nkeys.IsValidPublicAccountKey(name) }
