package stream

import (
	"bytes"

	"github.com/godwit-mq/godwit/internal/wire"
)

// eachLine calls fn with the lines of a header block behind the first, without their
// ends, and with the name of each, which is empty in a line that has none.
func eachLine(block []byte, fn func(line, name []byte)) {
	_, rest, _ := bytes.Cut(block, []byte("\n"))
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			continue
		}
		name, _, found := bytes.Cut(line, []byte(":"))
		if !found {
			name = nil
		}
		fn(line, name)
	}
}

// appendKept appends a block that has those lines of another for which drop is false,
// and no empty line at its end: closeBlock writes that.
func appendKept(dst, block []byte, drop func(name []byte) bool) []byte {
	dst = append(dst, wire.HeaderLine...)
	eachLine(block, func(line, name []byte) {
		if !drop(name) {
			dst = append(append(dst, line...), "\r\n"...)
		}
	})
	return dst
}

// appendLine appends one line to an open block.
func appendLine[V ~string | ~[]byte](dst []byte, name string, value V) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), "\r\n"...)
}

// closeBlock ends a block that begins at start. One without lines vanishes.
func closeBlock(dst []byte, start int) []byte {
	if len(dst)-start <= len(wire.HeaderLine) {
		return dst[:start]
	}
	return append(dst, "\r\n"...)
}

// without returns a copy of a block that lacks the lines whose names drop wants away;
// it is nil if no line is left.
func without(block []byte, drop func(name []byte) bool) []byte {
	if len(block) == 0 {
		return nil
	}
	out := closeBlock(appendKept(make([]byte, 0, len(block)), block, drop), 0)
	if len(out) == 0 {
		return nil
	}
	return out
}

// with returns a copy of a block with one line more, at its end.
func with[V ~string | ~[]byte](block []byte, name string, value V) []byte {
	out := make([]byte, 0, len(wire.HeaderLine)+len(block)+len(name)+len(value)+8)
	out = appendKept(out, block, keepAll)
	return closeBlock(appendLine(out, name, value), 0)
}

// replaced returns a copy of a block in which the first line of a name has another
// value, where it stands; it is added at the end if there is none.
func replaced[V ~string | ~[]byte](block []byte, name string, value V) []byte {
	out := append(make([]byte, 0, len(block)+len(name)+len(value)+8), wire.HeaderLine...)
	done := false
	eachLine(block, func(line, key []byte) {
		switch {
		case string(key) != name:
			out = append(append(out, line...), "\r\n"...)
		case !done:
			done = true
			out = appendLine(out, name, value)
		}
	})
	if !done {
		out = appendLine(out, name, value)
	}
	return closeBlock(out, 0)
}

func keepAll([]byte) bool { return false }

// named returns a function that is true for one name.
func named(name string) func([]byte) bool {
	return func(key []byte) bool { return string(key) == name }
}

// hasPrefix reports whether a name begins with a text.
func hasPrefix(name []byte, prefix string) bool {
	return len(name) >= len(prefix) && string(name[:len(prefix)]) == prefix
}

// hasStatus reports whether the first line of a block says more than the version.
func hasStatus(block []byte) bool {
	return !bytes.HasPrefix(block, []byte(wire.HeaderLine))
}
