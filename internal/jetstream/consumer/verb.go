package consumer

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
)

// Verb is what an acknowledgement says.
type Verb uint8

const (
	// Unknown is ignored, and answered.
	Unknown Verb = iota
	// Acknowledged: the message is done.
	Acknowledged
	// Refused: the message shall be delivered again, perhaps after a delay.
	Refused
	// InProgress: the wait for an acknowledgement begins anew.
	InProgress
	// AcknowledgedNext is Acknowledged with a request for more.
	AcknowledgedNext
	// Ended: the message shall not be delivered again.
	Ended
)

// ParseVerb reads the payload of an acknowledgement: the verb and what follows it,
// without blanks around.
func ParseVerb(payload []byte) (Verb, []byte) {
	switch string(payload) {
	case "", "+ACK", "+OK":
		return Acknowledged, nil
	case "+WPI":
		return InProgress, nil
	}
	for _, v := range [...]struct {
		text string
		verb Verb
	}{{"+NXT", AcknowledgedNext}, {"-NAK", Refused}, {"+TERM", Ended}} {
		if rest, ok := bytes.CutPrefix(payload, []byte(v.text)); ok {
			return v.verb, bytes.TrimSpace(rest)
		}
	}
	return Unknown, nil
}

// ParseDelay reads what follows a refusal: nothing, a duration, or a JSON object. A
// delay below 0 is none. It says whether there is a delay; ok is false for what cannot
// be read, which is a refusal without a delay.
func ParseDelay(text []byte) (delay time.Duration, delayed, ok bool) {
	if len(text) == 0 {
		return 0, false, true
	}
	if text[0] == '{' {
		var options api.NakOptions
		if json.Unmarshal(text, &options) != nil {
			return 0, false, false
		}
		return max(options.Delay, 0), true, true
	}
	delay, err := time.ParseDuration(string(text))
	if err != nil {
		return 0, false, false
	}
	return max(delay, 0), true, true
}
