package wire

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHeaderIsFoundByItsWholeName(t *testing.T) {
	block := []byte("NATS/1.0\r\nXFoo: no\r\nFoo-Bar: no\r\nFoo:  yes \t\r\nFoo: second\r\n\r\n")
	if got := Header(block, "Foo"); string(got) != "yes" {
		t.Errorf("Header = %q", got)
	}
	if got := Header([]byte("NATS/1.0\r\nFoo: yes"), "Foo"); string(got) != "yes" {
		t.Errorf("Header without a line end = %q", got)
	}
	for _, name := range []string{"foo", "Bar", "NATS/1.0"} {
		if got := Header(block, name); got != nil {
			t.Errorf("Header(%s) = %q", name, got)
		}
	}
}

func TestSetHeaderReplacesAndAppends(t *testing.T) {
	for block, want := range map[string]string{
		"":                                 "NATS/1.0\r\nA: v\r\n\r\n",
		"NATS/1.0\r\n\r\n":                 "NATS/1.0\r\nA: v\r\n\r\n",
		"NATS/1.0\r\nA: 1\r\nB: 2\r\n\r\n": "NATS/1.0\r\nB: 2\r\nA: v\r\n\r\n",
		"NATS/1.0\r\nB:A: 1\r\nA: 2\r\nA:3\r\n\r\n": "NATS/1.0\r\nB:A: 1\r\nA: v\r\n\r\n",
		"NATS/1.0 503\r\na : 1\r\n\r\n":             "NATS/1.0 503\r\nA: v\r\n\r\n",
		// What no reader could read, or would stop at.
		"NATS/1.0\r\nB: 1\r\n\r\nC: 2\r\n\r\n":       "NATS/1.0\r\nB: 1\r\nA: v\r\n\r\n",
		"NATS/1.0\nB: 1\n\nC: 2\n":                   "NATS/1.0\r\nB: 1\r\nA: v\r\n\r\n",
		"NATS/1.0\r\nno name\r\n: 1\r\nB: 2\r\n\r\n": "NATS/1.0\r\nB: 2\r\nA: v\r\n\r\n",
		"NATS/1.0\r\nB: 1":                           "NATS/1.0\r\nB: 1\r\nA: v\r\n\r\n",
		"NATS/1.0\r\nA: 1":                           "NATS/1.0\r\nA: v\r\n\r\n",
		"A: 1\r\n\r\n":                               "NATS/1.0\r\nA: v\r\n\r\n",
		"NATS/1.0x\r\n":                              "NATS/1.0\r\nA: v\r\n\r\n",
		"\r":                                         "NATS/1.0\r\nA: v\r\n\r\n",
	} {
		if got := SetHeader(nil, []byte(block), "A", []byte("v")); string(got) != want {
			t.Errorf("%q became %q", block, got)
		}
	}
}

// Whatever the block holds, exactly one line of the name is there afterwards, and
// all other lines are as they were.
func TestSetHeaderKeepsOtherLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"A", "AA", "B", "a"}), 0, 6).Draw(t, "names")
		block := HeaderLine
		var others []string
		for _, name := range names {
			line := name + ": " + rapid.StringMatching(`[A-C: ]{0,5}`).Draw(t, "value")
			block += line + "\r\n"
			if !strings.EqualFold(name, "A") {
				others = append(others, line)
			}
		}
		got := SetHeader([]byte("before"), []byte(block+"\r\n"), "A", []byte("new"))
		want := "before" + HeaderLine + strings.Join(append(others, "A: new"), "\r\n") + "\r\n\r\n"
		if !bytes.Equal(got, []byte(want)) {
			t.Fatalf("got %q\nwant %q", got, want)
		}
	})
}

// Whatever a block holds, it becomes one that is well-formed, with the new line as
// the only one of its name, and once it is, setting the same changes nothing.
func FuzzSetHeader(f *testing.F) {
	for _, block := range []string{"", "NATS/1.0\r\nA: 1\r\n\r\n", "NATS/1.0\nA: 1", "A:", "\r\n\r\n", "NATS/1.0 5\r\n\r\nA: 1"} {
		f.Add([]byte(block))
	}
	f.Fuzz(func(t *testing.T, block []byte) {
		got := SetHeader(nil, block, "Key", []byte("v"))
		body, whole := bytes.CutSuffix(got, []byte("\r\nKey: v\r\n\r\n"))
		if !whole || !bytes.HasPrefix(got, []byte("NATS/1.0")) || bytes.Contains(body, []byte("\n\r\n")) {
			t.Fatalf("%q became %q", block, got)
		}
		for _, line := range bytes.Split(body, []byte("\n"))[1:] {
			if name := lineName(line); len(name) == 0 || bytes.EqualFold(name, []byte("Key")) {
				t.Fatalf("%q became %q", block, got)
			}
		}
		if again := SetHeader(nil, got, "Key", []byte("v")); !bytes.Equal(again, got) {
			t.Fatalf("%q became %q and then %q", block, got, again)
		}
	})
}
