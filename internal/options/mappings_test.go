package options

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/internal/transform"
)

const mappingsText = `
	foo: bar
	"foo.*": [
		{dest: "a.$1", weight: 40%}, {destination: "b.$1", weight: 20}
		{dest: "c.$1", weight: 100, cluster: C2}
	]
	bar: {dest: bar, weight: 90}
	"foo.*.*": "foo.$1.{{wildcard(2)}}.{{partition(10,1,2)}}"
	none: []
`

func TestMappings(t *testing.T) {
	want := []Mapping{
		{"foo", []transform.Destination{{Subject: "bar", Weight: 100}}},
		{"foo.*", []transform.Destination{
			{Subject: "a.$1", Weight: 40}, {Subject: "b.$1", Weight: 20}, {Subject: "c.$1", Weight: 100, Cluster: "C2"},
		}},
		{"bar", []transform.Destination{{Subject: "bar", Weight: 90}}},
		{"foo.*.*", []transform.Destination{{Subject: "foo.$1.{{wildcard(2)}}.{{partition(10,1,2)}}", Weight: 100}}},
		{"none", nil},
	}
	for _, key := range []string{"mappings", "maps"} {
		o := valid(t, key+" {"+mappingsText+"}\naccounts { A { "+key+" {"+mappingsText+"} } }")
		if diff := cmp.Diff(want, o.Mappings); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
		if diff := cmp.Diff(want, o.Accounts[0].Mappings); diff != "" {
			t.Errorf("%s of an account: %s", key, diff)
		}
		c := o.Clone()
		c.Mappings[0].Destinations[0].Subject = "x"
		c.Accounts[0].Mappings[0].Destinations[0].Subject = "x"
		if o.Mappings[0].Destinations[0].Subject == "x" || o.Accounts[0].Mappings[0].Destinations[0].Subject == "x" {
			t.Error("the copy is not its own")
		}
	}
	o := read(t, "mappings { a: b, c: d }\nmaps { a: e }")
	if len(o.Mappings) != 2 || o.Mappings[0].Destinations[0].Subject != "e" || o.Mappings[1].Source != "c" {
		t.Errorf("a source given again: %+v", o.Mappings)
	}
	read(t, "mappings { X = {dest: a, weight: 10}\n foo: $X }")
}

func TestBadMappings(t *testing.T) {
	for text, want := range map[string]string{
		"\n mappings: 1":                                                   ":2:2: interface conversion: interface {} is int64, not map[string]interface {}",
		"\n mappings { a..b: c }":                                          `:2:2: Subject "a..b" is not a valid subject`,
		"mappings {\n a: 1 }":                                              ":2:2: Expected an entry for the mapping destination",
		"mappings { a: [\n b] }":                                           ":2:2: Expected an entry for the mapping destination",
		"mappings { a: {dest: b, weight: 1\n x: y} }":                      `:2:2: Unknown field "x" for mapping destination`,
		"mappings { a: {dest: b\n weight: '1x'} }":                         `:2:2: Invalid weight "1x" for mapping destination`,
		"mappings { a: {dest: b\n weight: 101} }":                          ":2:2: Invalid weight 101 for mapping destination",
		"mappings { a: {dest: b\n weight: -1%} }":                          "",
		"mappings { a: {dest: b\n weight: '-1%'} }":                        ":2:2: Invalid weight -1 for mapping destination",
		"mappings { a: {dest: b\n weight: [1]} }":                          ":2:2: Unknown entry type for weight of [1]",
		"mappings {\n a: {dest: b} }":                                      `:2:2: Missing weight for mapping destination "b"`,
		"mappings { a: [\n {dest: b}] }":                                   `:2:11: Missing weight for mapping destination "b"`,
		"mappings { a: {dest: 1, weight: 1} }":                             "interface {} is int64, not string",
		"mappings { a: {dest: b, weight: 1, cluster: 1} }":                 "interface {} is int64, not string",
		"mappings {\n 'a.*': 'b.$2' }":                                     `:2:3: Error adding mapping for "a.*" to "b.$2" : invalid mapping destination: wildcard index out of range in $2: [2]`,
		"mappings {\n a: '' }":                                             `:2:2: Error adding mapping for "a" to "" : invalid subject`,
		"mappings {\n a: {dest: '', weight: 10} }":                         `:2:2: Error adding mapping for "a" to "" : invalid subject`,
		"mappings {\n a: [{dest: b, weight: 10}, {dest: b, weight: 10}] }": `:2:2: Error adding mapping for "a" : duplicate entry for "b"`,
		"mappings {\n a: [{dest: b, weight: 60}, {dest: c, weight: 60}] }": `:2:2: Error adding mapping for "a" : total weight needs to be <= 100`,
		"mappings {\n a: [{dest: b, weight: 60, cluster: x}, {dest: c, weight: 60, cluster: x}] }": "total weight needs to be <= 100",
		"mappings {\n a: 'b.{{random()}}' }": `Error adding mapping for "a" to "b.{{random()}}" : invalid mapping destination: function argument is invalid or in the wrong format in {{random()}}`,
	} {
		refuse(t, text, want)
		if at := strings.Index(text, "mappings"); at >= 0 {
			_, want, _ = strings.Cut(want, ": ") // the place is another one
			refuse(t, text[:at]+"accounts { A {\n"+text[at:]+"\n} }", want)
		}
	}
	read(t, "mappings { a: [{dest: b, weight: 60, cluster: x}, {dest: c, weight: 60}] }")
}

func TestMappingsMadeInCode(t *testing.T) {
	bad := []Mapping{{"a", []transform.Destination{{Subject: "b", Weight: 101}}}}
	for want, o := range map[string]*Options{
		`Error adding mapping for "a" : individual weights need to be <= 100`: {Mappings: bad},
		`Error adding mapping for "a" : individual weights`:                   {Accounts: []*Account{{Name: "A", Mappings: bad}}},
		`Error adding mapping for "a" to "" : invalid subject`:                {Mappings: []Mapping{{"a", []transform.Destination{{}}}}},
	} {
		o.SetDefaults()
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
