package operator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/godwit-mq/godwit/internal/transform"
)

// Mapping is a mapping of subjects as claims describe it.
type Mapping struct {
	Source       string
	Destinations []transform.Destination
}

// Compile makes the mapping ready for use. One that cannot be made must not
// replace an earlier one for the same source.
func (m Mapping) Compile() (*transform.Mapping, error) {
	return transform.NewMapping(m.Source, m.Destinations)
}

// addMappings takes over the mappings, sorted by source.
func (a *Account) addMappings() {
	for source, list := range a.Claims.Mappings {
		m := Mapping{Source: string(source)}
		for i := range list {
			m.Destinations = append(m.Destinations, transform.Destination{
				Subject: string(list[i].Subject), Weight: list[i].GetWeight(), Cluster: list[i].Cluster,
			})
		}
		a.Mappings = append(a.Mappings, m)
	}
	slices.SortFunc(a.Mappings, func(x, y Mapping) int { return cmp.Compare(x.Source, y.Source) })
}

// CheckMappings reports the first mapping that cannot be used.
func (a *Account) CheckMappings() error {
	for _, m := range a.Mappings {
		if _, err := m.Compile(); err != nil {
			return m.describe(err)
		}
	}
	return nil
}

// describe names the destination that is at fault, if it is one alone.
func (m Mapping) describe(err error) error {
	if errors.Is(err, transform.ErrInvalidDestination) {
		for _, d := range m.Destinations {
			if _, single := transform.NewMapping(m.Source, []transform.Destination{d}); single != nil {
				return fmt.Errorf("mapping %q -> %q: %w", m.Source, d.Subject, single)
			}
		}
	}
	return fmt.Errorf("mapping %q: %w", m.Source, err)
}
