package catalog

import (
	"errors"
	"fmt"

	"github.com/godwit-mq/godwit/internal/store/heap"
)

// ID is the number of an asset on its node. 0 is none.
type ID uint64

// Kind is the kind of an asset.
type Kind uint8

// The kinds.
const (
	Stream Kind = 1 + iota
	Consumer
)

func (k Kind) String() string {
	switch k {
	case Stream:
		return "stream"
	case Consumer:
		return "consumer"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// An Asset is a stream or a consumer.
type Asset struct {
	ID   ID
	Kind Kind
	// Parent is the stream of a consumer.
	Parent ID
	// Account is that of the stream. A consumer has the one of its stream.
	Account string
	// Name is unique in the account, or among the consumers of the stream.
	Name string
	// Created is when it was made, in Unix nanoseconds.
	Created int64
	// Config is bytes to the catalog: JSON to its owner.
	Config []byte
}

// Limits of an asset, in bytes, and of a catalog.
const (
	NameMax   = 4 << 10 // also of an account
	ConfigMax = 16 << 20
	AssetsMax = 1 << 24
	// TotalMax bounds the encoded list. That is what is in memory, and what is written
	// at once when the list is written anew.
	TotalMax = heap.MaxEdit / 4
)

var (
	// ErrExists: there is an asset of that name.
	ErrExists = errors.New("asset exists")
	// ErrNotFound: there is no asset of that number or name.
	ErrNotFound = errors.New("no such asset")
	// ErrInvalid is returned, with details, for an asset that cannot be.
	ErrInvalid = errors.New("asset is not valid")
	// ErrTooLarge: a limit of this package is passed.
	ErrTooLarge = errors.New("catalog is too large")
	// ErrInUse: an asset is not dropped, or has consumers that are not forgotten.
	ErrInUse = errors.New("asset is in use")
	// ErrClosed: the catalog is closed.
	ErrClosed = errors.New("catalog is closed")
)

// verify fails with ErrInvalid or ErrTooLarge for what no catalog holds.
func (a *Asset) verify() error {
	switch {
	case a.Kind != Stream && a.Kind != Consumer:
		return fmt.Errorf("%w: %v", ErrInvalid, a.Kind)
	case a.Name == "":
		return fmt.Errorf("%w: it has no name", ErrInvalid)
	case (a.Kind == Consumer) != (a.Parent != 0):
		return fmt.Errorf("%w: a %v with parent %d", ErrInvalid, a.Kind, a.Parent)
	case len(a.Name) > NameMax || len(a.Account) > NameMax:
		return fmt.Errorf("%w: name of %d bytes in an account of %d", ErrTooLarge, len(a.Name), len(a.Account))
	case len(a.Config) > ConfigMax:
		return fmt.Errorf("%w: configuration of %d bytes", ErrTooLarge, len(a.Config))
	}
	return nil
}

// size is about what the asset takes when encoded.
func (a *Asset) size() int64 {
	return 64 + int64(len(a.Account)+len(a.Name)+len(a.Config))
}
