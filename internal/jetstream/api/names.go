package api

import (
	"crypto/sha256"
	"errors"
	"strings"
	"time"
)

// Limits of what assets are called and carry, in bytes.
const (
	MaxNameLength        = 255
	MaxDescriptionLength = 4096
	// MaxMetadataSize bounds the keys and values of an asset's metadata together.
	MaxMetadataSize = 131072
	// MaxGroupLength bounds the name of a priority group.
	MaxGroupLength = 16
)

var errNoGroup = errors.New("consumer group not specified")

// notInNames are the bytes that no stream or consumer has in its name: they have a
// meaning in subjects and in paths.
const notInNames = " \t\r\n\f.*>/\\"

// IsValidName reports whether a stream or consumer may be called so, but for the
// length, which has errors of its own.
func IsValidName(name string) bool {
	return name != "" && !strings.ContainsAny(name, notInNames)
}

// hasPathSeparators is asked before IsValidName where these have an error of their
// own.
func hasPathSeparators(name string) bool { return strings.ContainsAny(name, `/\`) }

// IsValidGroup reports whether a priority group may be called so.
func IsValidGroup(name string) bool {
	if name == "" || len(name) > MaxGroupLength {
		return false
	}
	for i := range len(name) {
		switch b := name[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '-', b == '_', b == '/', b == '=':
		default:
			return false
		}
	}
	return true
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Hash is eight characters that stand for a text in subjects and names.
func Hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	var out [8]byte
	for i := range out {
		out[i] = base62[int(sum[i])%len(base62)]
	}
	return string(out[:])
}

// Identity tells a stream from another one that had its name before or has it
// after: it comes from the time of its creation.
func Identity(created time.Time) string {
	return Hash(created.UTC().Format(time.RFC3339Nano))
}

// metadataSize is what counts against MaxMetadataSize.
func metadataSize(metadata map[string]string) int {
	size := 0
	for key, value := range metadata {
		size += len(key) + len(value)
	}
	return size
}
