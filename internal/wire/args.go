package wire

import "fmt"

var cr = []byte{'\r'}

// lower folds ASCII letters; for what is compared here that suffices.
func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// isBlank tells what separates arguments. A stray CR inside of a line counts.
func isBlank(b byte) bool { return b == ' ' || b == '\t' || b == '\r' }

// maxArgs is one more than any verb takes, so that too many are noticed.
const maxArgs = 5

// split cuts the arguments at blanks. Too many end up as maxArgs.
func split(args []byte, into *[maxArgs][]byte) int {
	n := 0
	for i := 0; i < len(args) && n < maxArgs; {
		for i < len(args) && isBlank(args[i]) {
			i++
		}
		start := i
		for i < len(args) && !isBlank(args[i]) {
			i++
		}
		if i > start {
			into[n] = args[start:i]
			n++
		}
	}
	return n
}

func (c *Command) parsePub() (size int, err error) {
	var a [maxArgs][]byte
	n := split(c.Args, &a)
	if n != 2 && n != 3 {
		return 0, argumentError(fmt.Sprintf("processPub Parse Error: %q", c.Args))
	}
	c.Subject = a[0]
	if n == 3 {
		c.Reply = a[1]
	}
	if size = ParseSize(a[n-1]); size < 0 {
		return 0, argumentError(fmt.Sprintf("processPub Bad or Missing Size: %q", c.Args))
	}
	return size, nil
}

func (c *Command) parseHPub() (size int, err error) {
	var a [maxArgs][]byte
	n := split(c.Args, &a)
	if n != 3 && n != 4 {
		return 0, argumentError(fmt.Sprintf("processHeaderPub Parse Error: %q", c.Args))
	}
	c.Subject = a[0]
	if n == 4 {
		c.Reply = a[1]
	}
	if c.Header = ParseSize(a[n-2]); c.Header < 0 {
		return 0, argumentError(fmt.Sprintf("processHeaderPub Bad or Missing Header Size: %q", c.Args))
	}
	if size = ParseSize(a[n-1]); size < 0 {
		return 0, argumentError(fmt.Sprintf("processHeaderPub Bad or Missing Total Size: %q", c.Args))
	}
	if c.Header > size {
		return 0, argumentError(fmt.Sprintf("processHeaderPub Header Size larger then TotalSize: %q", c.Args))
	}
	return size, nil
}

func (c *Command) parseSub() error {
	var a [maxArgs][]byte
	n := split(c.Args, &a)
	if n != 2 && n != 3 {
		return argumentError(fmt.Sprintf("processSub Parse Error: %q", c.Args))
	}
	c.Subject, c.SID = a[0], a[n-1]
	if n == 3 {
		c.Queue = a[1]
	}
	return nil
}

func (c *Command) parseUnsub() error {
	var a [maxArgs][]byte
	n := split(c.Args, &a)
	if n != 1 && n != 2 {
		return argumentError(fmt.Sprintf("processUnsub Parse Error: %q", c.Args))
	}
	c.SID = a[0]
	if n == 2 {
		c.HasMax = true
		c.Max = max(ParseSize(a[1]), 0)
	}
	return nil
}

// ParseSize parses one to nine decimal digits; anything else is -1.
func ParseSize(d []byte) int {
	if len(d) == 0 || len(d) > 9 {
		return -1
	}
	n := 0
	for _, b := range d {
		if b < '0' || b > '9' {
			return -1
		}
		n = n*10 + int(b-'0')
	}
	return n
}
