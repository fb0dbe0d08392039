package wire

import (
	"errors"
	"testing"
)

// TestPayloadErrorTellsOfHeaders: of a message that is too large, those headers are
// known that have been read.
func TestPayloadErrorTellsOfHeaders(t *testing.T) {
	for _, c := range []struct{ input, subject, reply, header string }{
		{"HPUB foo 17 2048\r\nNATS/1.0\r\nA: b\r\nrest", "foo", "", "NATS/1.0\r\nA: b\r\nr"},
		{"HPUB foo bar 100 2048\r\nNATS/1.0\r\nA: b", "foo", "bar", "NATS/1.0\r\nA: b"},
		{"HPUB foo 100 2048\r\n", "foo", "", ""},
	} {
		p := Parser{Limits: Limits{ControlLine: 4096, Payload: 1024}, Headers: true}
		_, _, _, err := p.Next([]byte(c.input))
		var large *PayloadError
		if !errors.As(err, &large) || large.Size != 2048 || large.Max != 1024 || large.Command == nil {
			t.Fatalf("%q: %v", c.input, err)
		}
		cmd := large.Command
		if string(cmd.Subject) != c.subject || string(cmd.Reply) != c.reply || string(cmd.Body) != c.header || cmd.Header != len(c.header) {
			t.Errorf("%q: %+v", c.input, cmd)
		}
	}
	for _, input := range []string{"PUB foo 2048\r\nNATS/1.0\r\n", "PUB  foo 2048\r\nNATS/1.0\r\n"} {
		p := Parser{Limits: Limits{ControlLine: 4096, Payload: 1024}, Headers: true}
		_, _, _, err := p.Next([]byte(input))
		var large *PayloadError
		if !errors.As(err, &large) || large.Command != nil {
			t.Errorf("%q: %v", input, err)
		}
	}
}
