package websocket

import (
	"iter"
	"strings"
)

const (
	deflateName      = "permessage-deflate"
	serverNoTakeover = "server_no_context_takeover"
	clientNoTakeover = "client_no_context_takeover"
	serverWindow     = "server_max_window_bits"
	clientWindow     = "client_max_window_bits"

	deflateAgreed = deflateName + "; " + serverNoTakeover + "; " + clientNoTakeover
)

// offersDeflate reports whether Sec-WebSocket-Extensions has an offer of
// permessage-deflate that can be accepted (RFC 7692 §7.1).
func offersDeflate(lines []string) bool {
	for _, line := range lines {
		for offer := range splitQuoted(line, ',') {
			if acceptable(offer) {
				return true
			}
		}
	}
	return false
}

// acceptable reports whether one element of the header is such an offer. One that
// asks for a smaller window than 32 KiB has to be declined, since the compressor
// has no other, and so has one with a parameter that the extension does not know.
func acceptable(offer string) bool {
	first := true
	for part := range splitQuoted(offer, ';') {
		name, value, hasValue := strings.Cut(trim(part), "=")
		name, value = strings.ToLower(trim(name)), unquote(trim(value))
		if first {
			if name != deflateName || hasValue {
				return false
			}
			first = false
			continue
		}
		switch name {
		case serverNoTakeover, clientNoTakeover:
			if hasValue {
				return false
			}
		case serverWindow:
			if value != "15" {
				return false
			}
		case clientWindow:
			if hasValue && !windowBits(value) {
				return false
			}
		default:
			return false
		}
	}
	return !first
}

func windowBits(value string) bool {
	switch value {
	case "8", "9", "10", "11", "12", "13", "14", "15":
		return true
	}
	return false
}

func trim(s string) string { return strings.Trim(s, " \t") }

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

// splitQuoted splits at a separator outside of quoted strings.
func splitQuoted(s string, separator byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := 0; i < len(s); i++ {
			switch {
			case quoted && s[i] == '\\':
				i++
			case s[i] == '"':
				quoted = !quoted
			case s[i] == separator && !quoted:
				if !yield(s[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(s[start:])
	}
}

// deflateAnswer reads the extensions of a server's answer. Both sides must have
// given up context takeover, and nothing else may have been answered.
func deflateAnswer(lines []string) (agreed bool, ok bool) {
	var server, client bool
	for _, line := range lines {
		for element := range splitQuoted(line, ',') {
			first := true
			for part := range splitQuoted(element, ';') {
				name := strings.ToLower(trim(part))
				switch {
				case first && name == "":
					continue
				case first && (name != deflateName || agreed):
					return false, false
				case first:
					agreed, first = true, false
				case name == serverNoTakeover:
					server = true
				case name == clientNoTakeover:
					client = true
				default:
					return false, false
				}
			}
		}
	}
	return agreed, !agreed || server && client
}
