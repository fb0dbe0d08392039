package load

import (
	"bytes"
	"fmt"
)

// tokens is the number of different values of a six-digit subject token.
const tokens = 1_000_000

// token returns six digits, so that all subjects of a scenario have the same length.
func token(i int) string { return fmt.Sprintf("%06d", i%tokens) }

// putToken writes the six digits of i over the first six bytes of b.
func putToken(b []byte, i int) {
	for at := 5; at >= 0; at-- {
		b[at] = byte('0' + i%10)
		i /= 10
	}
}

// readToken reads six digits.
func readToken(b []byte) (int, error) {
	n := 0
	for _, c := range b[:6] {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%q is no token of six digits", b[:6])
		}
		n = n*10 + int(c-'0')
	}
	return n, nil
}

// payload returns size bytes that do not repeat in step with anything.
func payload(size int) []byte {
	p := make([]byte, size)
	state := uint32(1)
	for i := range p {
		state = state*1664525 + 1013904223
		p[i] = 'a' + byte(state>>24)%26
	}
	return p
}

func appendPublish(dst []byte, subject, reply string, body []byte) []byte {
	dst = append(dst, "PUB "...)
	dst = append(dst, subject...)
	if reply != "" {
		dst = append(dst, ' ')
		dst = append(dst, reply...)
	}
	dst = fmt.Appendf(dst, " %d\r\n", len(body))
	dst = append(dst, body...)
	return append(dst, "\r\n"...)
}

// delivery returns what a subscriber with that sid is sent.
func delivery(subject, sid, reply string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "MSG %s %s ", subject, sid)
	if reply != "" {
		fmt.Fprintf(&b, "%s ", reply)
	}
	fmt.Fprintf(&b, "%d\r\n%s\r\n", len(body), body)
	return b.Bytes()
}

// batch is a run of publishes that leaves in one write.
type batch struct {
	bytes    []byte
	messages int64
}

// batchBytes is the size that batches aim at: large enough that the generator's system calls do not count.
const batchBytes = 128 << 10

// batches cuts one publish per subject into batches of about batchBytes and of perBatch messages at most. If the
// subjects do not fill the first batch they are repeated until it is full.
func batches(subjects []string, body []byte, perBatch int64) []batch {
	one := int64(len(appendPublish(nil, subjects[0], "", body)))
	n := max(1, min(perBatch, batchBytes/one))
	var all []batch
	if int64(len(subjects)) <= n {
		var b batch
		for b.messages < n {
			b.bytes = appendPublish(b.bytes, subjects[b.messages%int64(len(subjects))], "", body)
			b.messages++
		}
		return []batch{b}
	}
	for rest := subjects; len(rest) > 0; {
		var b batch
		for _, subject := range rest[:min(n, int64(len(rest)))] {
			b.bytes = appendPublish(b.bytes, subject, "", body)
			b.messages++
		}
		rest = rest[b.messages:]
		all = append(all, b)
	}
	return all
}
