package conf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// notation writes trees down, each in one of the many ways that mean the same.
type notation struct {
	*rapid.T
	out strings.Builder
}

func (n *notation) oneOf(texts ...string) {
	n.out.WriteString(rapid.SampledFrom(texts).Draw(n.T, "text"))
}

func (n *notation) filler() { n.oneOf("", "", " ", "\t", "\n", "\r\n", " # c }\n", "// d ]\n") }

func (n *notation) entries(depth int) m {
	tree := m{}
	// The underscore keeps the word include out.
	for _, key := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zA-Z][a-zA-Z0-9_.-]{0,6}_`), 0, 4, rapid.ID).Draw(n.T, "keys") {
		n.filler()
		n.oneOf(key, `"`+key+`"`, "'"+key+"'")
		n.oneOf("=", ":", " = ", " : ", " ", "\t", "\n")
		tree[key] = n.value(depth)
		n.oneOf("\n", ",", ";", " \n", "\r\n", " # c\n", ",\n")
	}
	n.filler()
	return tree
}

func (n *notation) value(depth int) any {
	n.oneOf("", " ", "\t")
	kinds := 5
	if depth > 0 {
		kinds = 7
	}
	switch rapid.IntRange(0, kinds-1).Draw(n.T, "kind") {
	case 0:
		i := rapid.Int64().Draw(n.T, "integer")
		n.out.WriteString(fmt.Sprint(i))
		return i
	case 1:
		f := float64(rapid.IntRange(-1e9, 1e9).Draw(n.T, "eighths"))/8 + 0.0625
		fmt.Fprintf(&n.out, "%.4f", f)
		return f
	case 2:
		b := rapid.Bool().Draw(n.T, "boolean")
		if b {
			n.oneOf("true", "yes", "on", "TRUE", "Yes")
		} else {
			n.oneOf("false", "no", "off", "False", "OFF")
		}
		return b
	case 3:
		letters := rapid.OneOf(rapid.SampledFrom([]rune("\n\t\r\"\\'{}[]#$ ,;")), rapid.Rune())
		s := rapid.StringOf(letters).Filter(func(s string) bool { return !strings.Contains(s, "\x00") }).Draw(n.T, "string")
		escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\x09`).Replace(s)
		n.out.WriteString(`"` + escaped + `"`)
		return s
	case 4:
		s := rapid.StringMatching(`[zZ_][a-zA-Z0-9_:/.@#-]{0,8}`).Draw(n.T, "word")
		if n.oneOf("", "'"); strings.HasSuffix(n.out.String(), "'") {
			s += "'"
			n.out.WriteString(s)
			return strings.TrimSuffix(s, "'")
		}
		n.out.WriteString(s)
		return s
	case 5:
		n.out.WriteString("{")
		tree := n.entries(depth - 1)
		n.out.WriteString("}")
		return tree
	}
	n.out.WriteString("[")
	list := a{}
	for range rapid.IntRange(0, 4).Draw(n.T, "items") {
		n.filler()
		list = append(list, n.value(depth-1))
		n.oneOf(",", " , ", "\n", " # c\n", ",\n", "\n,")
	}
	n.filler()
	n.out.WriteString("]")
	return list
}

func TestEveryNotationOfATreeGivesTheTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := &notation{T: t}
		want := n.entries(3)
		text := n.out.String()
		if rapid.Bool().Draw(t, "braces") {
			text = "{" + text + "}"
		}
		got, err := Parse(text, "", "", noEnv)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got.Plain()); diff != "" {
			t.Fatalf("%q:\n%s", text, diff)
		}
		lines := strings.Split(text, "\n")
		for _, e := range got.Entries {
			column := e.Pos.Column
			if e.Pos.Line > 1 {
				column--
			}
			if !strings.HasPrefix(lines[e.Pos.Line-1][column:], e.Key) {
				t.Fatalf("%q: key %q is not at %s", text, e.Key, e.Pos)
			}
		}
	})
}
