package options

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/godwit-mq/godwit/internal/conf"
	"github.com/godwit-mq/godwit/internal/subject"
	"github.com/godwit-mq/godwit/internal/transform"
)

// Mapping sends messages for one subject to others. Destinations are in the order
// of the file.
type Mapping struct {
	Source       string
	Destinations []Destination
}

// Destination is one of the subjects that a mapping leads to.
type Destination = transform.Destination

func cloneMappings(list []Mapping) []Mapping {
	list = slices.Clone(list)
	for i := range list {
		list[i].Destinations = slices.Clone(list[i].Destinations)
	}
	return list
}

func setMappings(d *decoder, e *conf.Entry) { d.mappings(e, &d.o.Mappings) }

// mappings reads a `mappings` block over those that are there already. A source
// that is given again replaces the earlier mapping.
func (d *decoder) mappings(e *conf.Entry, to *[]Mapping) {
	m, ok := e.Value.Data.(*conf.Map)
	if !ok {
		d.mismatch(e, "map[string]interface {}")
		return
	}
	for _, item := range m.Entries {
		if item.UsedVariable {
			continue
		}
		mapping, ok := d.mapping(e, item)
		if !ok {
			continue
		}
		same := slices.IndexFunc(*to, func(old Mapping) bool { return old.Source == mapping.Source })
		if same >= 0 {
			(*to)[same] = mapping
		} else {
			*to = append(*to, mapping)
		}
	}
}

// mapping reads one source with its destinations.
func (d *decoder) mapping(block, e *conf.Entry) (Mapping, bool) {
	m := Mapping{Source: e.Key}
	if !subject.IsValid(m.Source) {
		d.fail(block.Pos, "Subject %q is not a valid subject", m.Source)
		return m, false
	}
	before := len(d.errors)
	switch v := e.Value.Data.(type) {
	case string:
		m.Destinations = []transform.Destination{{Subject: v, Weight: 100}}
	case []conf.Value:
		for _, item := range v {
			d.destination(&m, item.Pos, item.Data)
		}
	default:
		d.destination(&m, e.Pos, v)
	}
	if len(d.errors) > before {
		return m, false
	}
	if _, err := transform.NewMapping(m.Source, m.Destinations); err != nil {
		if text, ok := e.Value.Data.(string); ok {
			d.fail(e.Pos, "Error adding mapping for %q to %q : %v", m.Source, text, err)
		} else {
			d.fail(e.Pos, "%v", mappingError(m, err))
		}
		return m, false
	}
	return m, true
}

// mappingError is also about mappings made in code. An empty destination is
// named, because the cause alone would be taken for the source's.
func mappingError(m Mapping, err error) error {
	for _, to := range m.Destinations {
		if to.Subject == "" {
			return fmt.Errorf("Error adding mapping for %q to %q : %w", m.Source, to.Subject, err) //lint:ignore ST1005 a known text
		}
	}
	return fmt.Errorf("Error adding mapping for %q : %w", m.Source, err) //lint:ignore ST1005 a known text
}

// destination reads one of the destinations of a mapping.
func (d *decoder) destination(m *Mapping, pos conf.Position, data any) {
	block, ok := data.(*conf.Map)
	if !ok {
		d.fail(pos, "Expected an entry for the mapping destination")
		return
	}
	before, weighed := len(d.errors), false
	to := transform.Destination{}
	for _, e := range block.Entries {
		switch strings.ToLower(e.Key) {
		case "dest", "destination":
			to.Subject = d.string(e)
		case "weight":
			to.Weight, weighed = d.weight(e), true
		case "cluster":
			to.Cluster = d.string(e)
		default:
			d.unknownAs(e, "Unknown field %q for mapping destination")
		}
	}
	if len(d.errors) == before && !weighed {
		d.fail(pos, "Missing weight for mapping destination %q", to.Subject)
	}
	m.Destinations = append(m.Destinations, to)
}

// weight reads a percentage.
func (d *decoder) weight(e *conf.Entry) uint8 {
	var n int64
	switch v := e.Value.Data.(type) {
	case int64:
		n = v
	case string:
		digits := strings.TrimSuffix(v, "%")
		percent, err := strconv.Atoi(digits)
		if err != nil {
			d.fail(e.Pos, "Invalid weight %q for mapping destination", digits)
			return 0
		}
		n = int64(percent)
	default:
		d.fail(e.Pos, "Unknown entry type for weight of %v", show(v))
		return 0
	}
	if n < 0 || n > 100 {
		d.fail(e.Pos, "Invalid weight %d for mapping destination", n)
		return 0
	}
	return uint8(n)
}

// checkMappings looks at the mappings of $G and of all accounts.
func (o *Options) checkMappings() error {
	lists := [][]Mapping{o.Mappings}
	for _, a := range o.Accounts {
		lists = append(lists, a.Mappings)
	}
	for _, list := range lists {
		for _, m := range list {
			if _, err := transform.NewMapping(m.Source, m.Destinations); err != nil {
				return mappingError(m, err)
			}
		}
	}
	return nil
}
