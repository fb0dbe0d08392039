package server

import (
	"errors"
	"fmt"
	"maps"

	"github.com/godwit-mq/godwit/internal/options"
)

// claimsSource is where account claims come from.
type claimsSource interface {
	Start() error
	Fetch(account string) (string, error)
	Close() error
}

// newResolver makes the source that the options name.
func newResolver(o *options.Options) (claimsSource, error) {
	if o.AccountResolver.Kind != options.ResolverMemory {
		return nil, fmt.Errorf("this kind of account resolver is not supported yet")
	}
	return preloaded(maps.Clone(o.ResolverPreloads)), nil
}

// preloaded are the claims of the configuration. They do not change.
type preloaded map[string]string

func (preloaded) Start() error { return nil }
func (preloaded) Close() error { return nil }

func (p preloaded) Fetch(account string) (string, error) {
	if text := p[account]; text != "" {
		return text, nil
	}
	return "", errors.New("account jwt not found")
}
