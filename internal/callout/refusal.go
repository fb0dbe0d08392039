package callout

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds the text of a refusal, in bytes: what a service says may be long.
const maxText = 1024

// Refusal is why a connection is not let in. The client is told none of it.
type Refusal struct {
	// Text is at most 1 KiB, on one line.
	Text string
	// ProxyRequired: the connection has to come by way of a trusted proxy.
	ProxyRequired bool
	// Errors are lines for the error log, beside the warning that every refusal
	// is worth.
	Errors []string
}

func (r *Refusal) Error() string { return r.Text }

// Reason is the text as events give it, with a capital at the front.
func (r *Refusal) Reason() string { return withFirst(r.Text, unicode.ToUpper) }

// withFirst changes the first letter.
func withFirst(text string, change func(rune) rune) string {
	first, size := utf8.DecodeRuneInString(text)
	if first == utf8.RuneError {
		return text
	}
	return string(change(first)) + text[size:]
}

func refuse(format string, args ...any) *Refusal {
	return &Refusal{Text: oneLine(fmt.Sprintf(format, args...))}
}

func refuseProxy() *Refusal {
	return &Refusal{Text: "proxy connection required", ProxyRequired: true}
}

// NotRegistered is the refusal of a user whom the service let in, and whom the
// server could not bind to the account.
func NotRegistered(err error) *Refusal {
	return refuse("Could not register auth callout user: %v", err)
}

// Unmapped is the refusal of a connection of operator mode that has to be asked
// about, and whose JWT did not lead to the service's account.
func Unmapped(connectionType string) *Refusal {
	kind, _ := describe(connectionType)
	return refuse("%s not mapped to a callout account", kind)
}

// oneLine makes a text fit for a log.
func oneLine(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxText)], "")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
