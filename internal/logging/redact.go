package logging

import (
	"bytes"
	"strings"
)

const redacted = "[REDACTED]"

// RedactConnect returns a copy of a CONNECT line in which the values of
// passwords, tokens, signatures, keys and JWTs are replaced by [REDACTED].
//
// The line may be anything that a client sent. So the fields are found by their
// names wherever these stand, in JSON or in what was meant to be JSON, and in
// doubt too much is removed. Upper and lower case are the same, as they are to
// a decoder of JSON in Go.
func RedactConnect(line []byte) []byte {
	out := make([]byte, 0, len(line)+len(redacted))
	for len(line) > 0 {
		if !isWordByte(line[0]) {
			out = append(out, line[0])
			line = line[1:]
			continue
		}
		word := line[:wordLength(line)]
		out = append(out, word...)
		line = line[len(word):]
		if !isSecretName(word) {
			continue
		}
		n := assignmentLength(line)
		if n == 0 {
			continue
		}
		out = append(out, line[:n]...)
		var value []byte
		value, line = cutValue(line[n:])
		out = append(out, value...)
	}
	return out
}

// isSecretName reports whether the field of this name holds a secret. Clients
// send "pass"; "password" is a common mistake.
func isSecretName(word []byte) bool {
	name := strings.ToLower(string(word))
	switch name {
	case "sig", "proxy_sig", "nkey", "jwt":
		return true
	}
	return strings.HasPrefix(name, "pass") || strings.HasPrefix(name, "auth_token")
}

func isWordByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

func wordLength(line []byte) int {
	n := 0
	for n < len(line) && isWordByte(line[n]) {
		n++
	}
	return n
}

// assignmentLength returns the length of what stands between a name and its
// value: the closing quote of the name, blanks, ':' or '=', blanks. 0 means
// that no value follows.
func assignmentLength(line []byte) int {
	n := 0
	if n < len(line) && (line[n] == '"' || line[n] == '\'') {
		n++
	}
	n += blankLength(line[n:])
	if n == len(line) || line[n] != ':' && line[n] != '=' {
		return 0
	}
	n++
	return n + blankLength(line[n:])
}

func blankLength(line []byte) int {
	n := 0
	for n < len(line) && (line[n] == ' ' || line[n] == '\t') {
		n++
	}
	return n
}

// cutValue returns what to show instead of the value that line begins with, and
// what follows that value.
func cutValue(line []byte) (shown, rest []byte) {
	switch {
	case len(line) == 0:
		return nil, nil
	case line[0] == '"':
		if end := quotedLength(line); end > 0 {
			return []byte(`"` + redacted + `"`), line[end:]
		}
		// Without a closing quote all of the line may be the secret.
		return []byte(`"` + redacted), lineEnd(line)
	case line[0] == '{' || line[0] == '[':
		return []byte(redacted), lineEnd(line)
	}
	end := bytes.IndexAny(line, ",}\"\r\n")
	if end < 0 {
		end = len(line)
	}
	return []byte(redacted), line[end:]
}

// quotedLength returns the length of the quoted string that line begins with,
// both quotes included, or 0 if it has no end.
func quotedLength(line []byte) int {
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// lineEnd returns the CR and LF at the end of line, if it has them.
func lineEnd(line []byte) []byte {
	return line[len(bytes.TrimRight(line, "\r\n")):]
}
