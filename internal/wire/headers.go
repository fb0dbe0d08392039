package wire

import "bytes"

// HeaderLine begins every header block.
const HeaderLine = "NATS/1.0\r\n"

// Header returns the value of the first line with this name in a header block,
// without surrounding blanks, or nil. Names are compared as they are.
func Header(block []byte, name string) []byte {
	start, end := findHeader(block, name)
	if start < 0 {
		return nil
	}
	line := block[start:end]
	return bytes.Trim(line[len(name)+1:], " \t\r\n")
}

// SetHeader appends to dst the header block with one line more, at its end, in
// place of all lines of this name, in whatever case. An empty block becomes a whole
// one. Name and value must not hold line ends.
//
// The result can be read by everybody, and the new line is what is read, whatever a
// client has sent: what follows an empty line, and lines without a name, at which a
// reader might stop, are left out; the last line may lack its end.
func SetHeader(dst, block []byte, name string, value []byte) []byte {
	first, rest, _ := bytes.Cut(block, []byte("\n"))
	if first = trimCR(first); isStatus(first) {
		dst = append(append(dst, first...), "\r\n"...)
	} else {
		dst = append(dst, HeaderLine...)
	}
	for len(rest) > 0 {
		var line []byte
		if line, rest, _ = bytes.Cut(rest, []byte("\n")); len(trimCR(line)) == 0 {
			break
		}
		line = trimCR(line)
		if key := lineName(line); len(key) > 0 && !bytes.EqualFold(key, []byte(name)) {
			dst = append(append(dst, line...), "\r\n"...)
		}
	}
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), "\r\n\r\n"...)
}

func trimCR(line []byte) []byte { return bytes.TrimSuffix(line, cr) }

// isStatus reports whether a line can be the first one of a block. A status may
// follow the version.
func isStatus(line []byte) bool {
	const version = len(HeaderLine) - len("\r\n")
	return len(line) >= version && string(line[:version]) == HeaderLine[:version] && (len(line) == version || line[version] == ' ')
}

// lineName is the name in a line, without surrounding blanks, empty if there is
// none.
func lineName(line []byte) []byte {
	name, _, found := bytes.Cut(line, []byte(":"))
	if !found {
		return nil
	}
	return bytes.TrimSpace(name)
}

// findHeader returns where the first line with this name begins and ends, -1 if
// there is none. The last line may lack its end.
func findHeader(block []byte, name string) (start, end int) {
	for at := 0; at < len(block); {
		i := bytes.Index(block[at:], []byte(name))
		if i < 0 {
			return -1, -1
		}
		i += at
		at = i + len(name)
		if at >= len(block) || block[at] != ':' || i > 0 && block[i-1] != '\n' {
			continue
		}
		n := bytes.IndexByte(block[at:], '\n')
		if n < 0 {
			return i, len(block)
		}
		return i, at + n + 1
	}
	return -1, -1
}
