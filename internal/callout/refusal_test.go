package callout

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/options"
)

// Go: TestTitleCaseEmptyString server/auth_callout_test.go:108
func TestReason(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a": "A", "Error": "Error", "no entry": "No entry", "écoute": "Écoute", "1": "1", "\xff": "\xff", "\xffa": "\xffa",
	} {
		if got := (&Refusal{Text: text}).Reason(); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestKnownTexts(t *testing.T) {
	for want, r := range map[string]*Refusal{
		"Could not register auth callout user: no room":  NotRegistered(errors.New("no room")),
		"Leafnode not mapped to a callout account":       Unmapped(options.ConnectionLeafnode),
		"Client not mapped to a callout account":         Unmapped(options.ConnectionStandard),
		"auth callout service returned an error: a  b c": refuse("auth callout service returned an error: %s", "a\r\nb\tc"),
	} {
		if r.Error() != want || r.ProxyRequired {
			t.Errorf("%+v", r)
		}
	}
}

// Whatever a service says fits into one line of a log.
func TestTextsAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		said := rapid.String().Draw(t, "said") + strings.Repeat(rapid.SampledFrom([]string{"x", "é", "世"}).Draw(t, "more"), rapid.IntRange(0, 1200).Draw(t, "n"))
		r := refuse("%s", said)
		if len(r.Text) > maxText || !utf8.ValidString(r.Text) || strings.ContainsFunc(r.Text, unicode.IsControl) {
			t.Fatalf("%d bytes: %q", len(r.Text), r.Text)
		}
		// All of it but the controls, or as many whole letters as there is room for.
		spaced := strings.Map(func(c rune) rune {
			if unicode.IsControl(c) {
				return ' '
			}
			return c
		}, said)
		if !strings.HasPrefix(spaced, r.Text) || len(said) <= maxText && r.Text != spaced || len(said) > maxText && len(r.Text) < maxText/2 {
			t.Fatalf("%q became %q", said, r.Text)
		}
	})
}
