package consumer

import "strconv"

// An Address is where a consumer is found.
type Address struct {
	Stream, Consumer string
	// Version2 puts the domain and the account into the subjects of
	// acknowledgements and flow control.
	Version2 bool
	// Domain may be empty. AccountHash has 8 characters.
	Domain, AccountHash string
}

// prefix is the subject of acknowledgements or flow control up to the first number,
// with the dot.
func (a Address) prefix(kind string) string {
	if !a.Version2 {
		return kind + "." + a.Stream + "." + a.Consumer + "."
	}
	domain := a.Domain
	if domain == "" {
		domain = "_"
	}
	return kind + "." + domain + "." + a.AccountHash + "." + a.Stream + "." + a.Consumer + "."
}

// AckSubjects are the patterns of the subjects on which acknowledgements come. Both are
// in use, whatever the consumer writes.
func (a Address) AckSubjects() [2]string {
	return [2]string{
		"$JS.ACK." + a.Stream + "." + a.Consumer + ".*.*.*.*.*",
		"$JS.ACK.*.*." + a.Stream + "." + a.Consumer + ".>",
	}
}

// FlowSubjects are the patterns of the subjects on which answers to flow control come.
func (a Address) FlowSubjects() [2]string {
	return [2]string{
		"$JS.FC." + a.Stream + "." + a.Consumer + ".*",
		"$JS.FC.*.*." + a.Stream + "." + a.Consumer + ".*",
	}
}

// Tokens of the two forms of an ack subject.
const (
	tokens1 = 9
	tokens2 = 11
)

// A Ticket is what an ack subject says.
type Ticket struct {
	// Count is how often the message was delivered, Stream its sequence, Consumer that of
	// the delivery.
	Count, Stream, Consumer uint64
	// Time is that of the stored message, Pending the number of those behind it.
	Time    int64
	Pending uint64
}

// appendTicket writes the numbers of an ack subject.
func appendTicket(dst []byte, t Ticket) []byte {
	dst = append(strconv.AppendUint(dst, t.Count, 10), '.')
	dst = append(strconv.AppendUint(dst, t.Stream, 10), '.')
	dst = append(strconv.AppendUint(dst, t.Consumer, 10), '.')
	dst = append(strconv.AppendInt(dst, t.Time, 10), '.')
	return strconv.AppendUint(dst, t.Pending, 10)
}

// ParseTicket reads an ack subject of either form. The second one may have more tokens.
// It does not look at names.
func ParseTicket(subject []byte) (Ticket, bool) {
	const prefix = "$JS.ACK."
	if len(subject) < len(prefix) || string(subject[:len(prefix)]) != prefix {
		return Ticket{}, false
	}
	var starts [tokens2 + 1]int
	n := 1
	for i, b := range subject {
		if b != '.' {
			continue
		}
		if n < len(starts) {
			starts[n] = i + 1
		}
		n++
	}
	if n < len(starts) {
		starts[n] = len(subject) + 1
	}
	first := 4
	switch {
	case n == tokens1:
	case n >= tokens2:
		first = 6
	default:
		return Ticket{}, false
	}
	var numbers [5]uint64
	negative := false
	for i := range numbers {
		text := subject[starts[first+i] : starts[first+i+1]-1]
		if i == 3 && len(text) > 0 && text[0] == '-' {
			negative, text = true, text[1:]
		}
		value, ok := parseNumber(text)
		if !ok {
			return Ticket{}, false
		}
		numbers[i] = value
	}
	t := Ticket{numbers[0], numbers[1], numbers[2], int64(numbers[3]), numbers[4]}
	if negative {
		t.Time = -t.Time
	}
	return t, true
}

// parseNumber reads a decimal number below 2^63.
func parseNumber(text []byte) (uint64, bool) {
	if len(text) == 0 || len(text) > 19 {
		return 0, false
	}
	n := uint64(0)
	for _, b := range text {
		if b < '0' || b > '9' {
			return 0, false
		}
		n = n*10 + uint64(b-'0')
	}
	return n, n < 1<<63
}
