package wire

import "bytes"

// Op is a verb of the client protocol.
type Op uint8

// The verbs that a client may send.
const (
	OpConnect Op = iota
	OpPub
	OpHPub
	OpSub
	OpUnsub
	OpPing
	OpPong
	OpOK
	OpErr
	OpInfo
)

var verbs = [...]string{
	OpConnect: "CONNECT", OpPub: "PUB", OpHPub: "HPUB", OpSub: "SUB", OpUnsub: "UNSUB",
	OpPing: "PING", OpPong: "PONG", OpOK: "+OK", OpErr: "-ERR", OpInfo: "INFO",
}

// String is the verb as it stands on the wire.
func (o Op) String() string { return verbs[o] }

// Command is one parsed operation. Its slices point into the parsed buffer.
type Command struct {
	Op   Op
	Args []byte // arguments as received, without surrounding blanks

	Subject []byte // PUB, HPUB, SUB
	Reply   []byte // PUB, HPUB; nil if absent
	Queue   []byte // SUB; nil if absent
	SID     []byte // SUB, UNSUB
	Max     int    // UNSUB: messages in total, 0 to remove at once
	HasMax  bool   // UNSUB: a max was given

	Header  int    // PUB, HPUB: bytes of headers at the start of Body
	Body    []byte // headers and payload
	Payload []byte // Body and the CRLF that follows it
	// Tail is everything behind "subject ", up to and with the CRLF of the
	// payload, if the line is in canonical form: exactly what follows
	// "MSG subject sid " in a delivery. Otherwise nil.
	Tail []byte
	// SameSubject tells that Subject equals Parser.Last.
	SameSubject bool
}

// Limits bound what a Parser accepts.
type Limits struct {
	ControlLine int // bytes of arguments
	Payload     int // bytes of headers and payload; negative: no limit
}

// maxSlack bounds the blanks between a verb and its arguments, which the
// control line limit does not count.
const maxSlack = 1024

// Parser parses a client's input. It keeps no input: given the unread bytes, it
// returns the first whole operation, so that the result cannot depend on where
// the input was split. Errors are found as early as the bytes allow.
type Parser struct {
	Limits  Limits
	Headers bool   // HPUB is allowed
	Last    string // the subject that the next PUB probably has

	cmd Command
}

// Next parses the first operation of buf. n is its length; 0 means that it is
// not complete, and need, if not 0, how many bytes it has in all. The command
// is valid until the next call.
func (p *Parser) Next(buf []byte) (cmd *Command, n, need int, err error) {
	if len(buf) > 4 && buf[0] == 'P' && buf[1] == 'U' && buf[2] == 'B' && buf[3] == ' ' {
		if cmd, n, need, err = p.fastPub(buf); n != 0 || need != 0 || err != nil {
			return cmd, n, need, err
		}
	}
	op, at, err := parseVerb(buf)
	if err != nil || at == 0 {
		return nil, 0, 0, err
	}
	line, n, err := p.line(buf, at)
	if err != nil || n == 0 {
		return nil, 0, 0, err
	}
	p.cmd = Command{Op: op, Args: line}
	switch op {
	case OpPub, OpHPub:
		return p.publish(buf, n)
	case OpSub:
		err = p.cmd.parseSub()
	case OpUnsub:
		err = p.cmd.parseUnsub()
	}
	if err != nil {
		return nil, 0, 0, err
	}
	return &p.cmd, n, 0, nil
}

// fastPub parses a PUB in canonical form. All zero results mean: look again,
// slowly.
func (p *Parser) fastPub(buf []byte) (*Command, int, int, error) {
	c := &p.cmd
	at := 4
	last := len(p.Last)
	if end := at + last; last > 0 && end < len(buf) && buf[end] == ' ' && string(buf[at:end]) == p.Last {
		c.SameSubject = true
		at = end
	} else {
		c.SameSubject = false
		for at < len(buf) && buf[at] > ' ' {
			at++
		}
		if at == len(buf) || buf[at] != ' ' || at == 4 {
			return nil, 0, 0, nil
		}
	}
	c.Subject = buf[4:at]
	at++
	tail := at
	size, end := canonicalSize(buf, at)
	c.Reply = nil
	if end == 0 {
		for at < len(buf) && buf[at] > ' ' {
			at++
		}
		if at == len(buf) || buf[at] != ' ' || at == tail {
			return nil, 0, 0, nil
		}
		c.Reply = buf[tail:at]
		if size, end = canonicalSize(buf, at+1); end == 0 {
			return nil, 0, 0, nil
		}
	}
	if end-2-4 > p.Limits.ControlLine {
		return nil, 0, 0, nil
	}
	if p.Limits.Payload >= 0 && size > p.Limits.Payload {
		return nil, 0, 0, &PayloadError{Size: size, Max: p.Limits.Payload}
	}
	n := end + size + 2
	if len(buf) < n {
		return nil, 0, n, p.checkCRLF(buf, end+size)
	}
	if buf[n-2] != '\r' || buf[n-1] != '\n' {
		return nil, 0, 0, p.checkCRLF(buf, end+size)
	}
	c.Op = OpPub
	c.Args = buf[4 : end-2]
	c.Queue, c.SID = nil, nil
	c.Header = 0
	c.Body = buf[end : n-2]
	c.Payload = buf[end:n]
	c.Tail = buf[tail:n]
	return c, n, 0, nil
}

// canonicalSize parses "digits CR LF" at the offset; end is behind the LF, or 0
// if the text is anything else or not complete.
func canonicalSize(buf []byte, at int) (size, end int) {
	first := at
	for at < len(buf) && at-first < 10 {
		digit := buf[at] - '0'
		if digit > 9 {
			break
		}
		size = size*10 + int(digit)
		at++
	}
	digits := at - first
	if digits == 0 || digits > 9 || at+1 >= len(buf) || buf[at] != '\r' || buf[at+1] != '\n' {
		return 0, 0
	}
	if digits > 1 && buf[first] == '0' {
		return 0, 0
	}
	return size, at + 2
}

// checkCRLF finds a payload that is not followed by CR LF as soon as it can.
func (p *Parser) checkCRLF(buf []byte, at int) error {
	if at < len(buf) && buf[at] != '\r' || at+1 < len(buf) && buf[at+1] != '\n' {
		return unknownOperation(buf[at:])
	}
	return nil
}

// parseVerb recognises the verb; at is where its arguments may begin, 0 if more
// input is needed. The first byte that fits no verb is an error.
func parseVerb(buf []byte) (op Op, at int, err error) {
	if len(buf) == 0 {
		return 0, 0, nil
	}
	switch lower(buf[0]) {
	case 'p':
		if len(buf) == 1 {
			return 0, 0, nil
		}
		switch lower(buf[1]) {
		case 'u':
			op = OpPub
		case 'i':
			op = OpPing
		case 'o':
			op = OpPong
		default:
			return 0, 0, unknownOperation(buf)
		}
	case 'h':
		op = OpHPub
	case 's':
		op = OpSub
	case 'u':
		op = OpUnsub
	case 'c':
		op = OpConnect
	case 'i':
		op = OpInfo
	case '+':
		op = OpOK
	case '-':
		op = OpErr
	default:
		return 0, 0, unknownOperation(buf)
	}
	verb := verbs[op]
	for i := range min(len(verb), len(buf)) {
		if lower(buf[i]) != lower(verb[i]) {
			return 0, 0, unknownOperation(buf)
		}
	}
	if len(buf) <= len(verb) {
		return 0, 0, nil
	}
	next := buf[len(verb)]
	switch op {
	case OpPub, OpHPub, OpSub, OpUnsub, OpErr, OpInfo:
		if next != ' ' && next != '\t' {
			return 0, 0, unknownOperation(buf)
		}
	case OpConnect:
		if next != ' ' && next != '\t' && next != '{' {
			return 0, 0, unknownOperation(buf)
		}
	}
	return op, len(verb), nil
}

// line returns the arguments that begin at the offset and the length of the
// operation up to and with its LF; 0 if it is not complete.
func (p *Parser) line(buf []byte, at int) (args []byte, n int, err error) {
	for at < len(buf) && isBlank(buf[at]) {
		if at++; at > maxSlack {
			return nil, 0, ErrControlLine
		}
	}
	rest := buf[at:]
	end := bytes.IndexByte(rest[:min(len(rest), p.Limits.ControlLine+2)], '\n')
	if end < 0 {
		if len(bytes.TrimSuffix(rest, cr)) > p.Limits.ControlLine {
			return nil, 0, ErrControlLine
		}
		return nil, 0, nil
	}
	args = bytes.TrimSuffix(rest[:end], cr)
	if len(args) > p.Limits.ControlLine {
		return nil, 0, ErrControlLine
	}
	for len(args) > 0 && isBlank(args[len(args)-1]) {
		args = args[:len(args)-1]
	}
	return args, at + end + 1, nil
}

// publish parses the arguments of PUB and HPUB and finds the payload, which
// begins at the offset.
func (p *Parser) publish(buf []byte, at int) (*Command, int, int, error) {
	c := &p.cmd
	var size int
	var err error
	if c.Op == OpPub {
		size, err = c.parsePub()
	} else if !p.Headers {
		err = argumentError("message headers not supported")
	} else {
		size, err = c.parseHPub()
	}
	if err != nil {
		return nil, 0, 0, err
	}
	if p.Limits.Payload >= 0 && size > p.Limits.Payload {
		return nil, 0, 0, p.tooLarge(buf[at:], size)
	}
	n := at + size + 2
	if len(buf) < n {
		return nil, 0, n, p.checkCRLF(buf, at+size)
	}
	if err := p.checkCRLF(buf, at+size); err != nil {
		return nil, 0, 0, err
	}
	c.Body, c.Payload = buf[at:n-2], buf[at:n]
	if c.Header > 0 {
		c.Tail = c.canonicalTail(buf, at, n)
	}
	return c, n, 0, nil
}

// tooLarge is the error about a message of which body has been read so far.
func (p *Parser) tooLarge(body []byte, size int) error {
	e := &PayloadError{Size: size, Max: p.Limits.Payload}
	if c := &p.cmd; c.Header > 0 {
		c.Header = min(c.Header, len(body))
		c.Body = body[:c.Header]
		e.Command = c
	}
	return e
}

// canonicalTail returns what follows the subject if the line before the payload
// can be sent on as it stands: single blanks and CR LF.
func (c *Command) canonicalTail(buf []byte, at, n int) []byte {
	verb := len(verbs[c.Op]) + 1
	if at-2 < verb || len(c.Args) != at-2-verb || buf[at-2] != '\r' {
		return nil
	}
	for i, b := range c.Args {
		if b == '\t' || b == '\r' || b == ' ' && c.Args[i+1] == ' ' {
			return nil
		}
	}
	return buf[verb+len(c.Subject)+1 : n]
}
