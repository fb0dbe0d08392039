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
// place of all lines of this name. An empty block becomes a whole one. Name and
// value must not hold line ends.
func SetHeader(dst, block []byte, name string, value []byte) []byte {
	dst = RemoveHeader(dst, block, name)
	if len(block) == 0 {
		dst = append(dst, HeaderLine...)
	} else {
		dst = bytes.TrimSuffix(dst, []byte("\r\n")) // of the end of the block
	}
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), "\r\n\r\n"...)
}

// RemoveHeader appends to dst the header block without the lines of this name.
func RemoveHeader(dst, block []byte, name string) []byte {
	for {
		start, end := findHeader(block, name)
		if start < 0 {
			return append(dst, block...)
		}
		dst = append(dst, block[:start]...)
		block = block[end:]
	}
}

// findHeader returns where the first line with this name begins and ends, -1 if
// there is none.
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
			return -1, -1
		}
		return i, at + n + 1
	}
	return -1, -1
}
