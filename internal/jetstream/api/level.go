package api

import (
	"strconv"

	"github.com/godwit-mq/godwit/internal/wire"
)

// Level is the API level of this server: what clients may ask of it.
const Level = 5

// Headers of requests and answers of the API.
const (
	// RequiredLevelHeader is the lowest level that the server must have.
	RequiredLevelHeader = "Nats-Required-Api-Level"
	// IdentityHeader is the Identity of a stream.
	IdentityHeader = "Nats-Stream-Identity"
	// RequestInfoHeader tells who asks.
	RequestInfoHeader = "Nats-Request-Info"
)

// RequiredLevelStatus answers a request that is not answered by JSON, if
// CheckLevel fails.
const RequiredLevelStatus = "NATS/1.0 412 Required Api Level\r\n\r\n"

// CheckLevel fails with ErrRequiredApiLevel if the header block of a request demands
// a level that this server has not.
func CheckLevel(header []byte) error {
	value := wire.Header(header, RequiredLevelHeader)
	if len(value) == 0 {
		return nil
	}
	if level, err := strconv.Atoi(string(value)); err != nil || level > Level {
		return ErrRequiredApiLevel
	}
	return nil
}
