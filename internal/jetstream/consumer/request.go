package consumer

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
)

// errHeartbeat is the answer to a heartbeat that leaves no time for two before the end.
var errHeartbeat = errors.New("heartbeat value too large")

// batchMax is how many messages a request can want.
const batchMax = 1 << 31

// ParseRequest reads the body of a pull request. Only a JSON object can say more than a
// number; it is told by the second result. Anything else that is no number wants one
// message.
func ParseRequest(body []byte) (r api.NextRequest, formal bool, err error) {
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
	case body[0] == '{':
		formal = true
		if err := json.Unmarshal(body, &r); err != nil {
			return r, formal, err
		}
	default:
		if n, err := strconv.Atoi(string(body)); err == nil {
			r.Batch = n
		}
	}
	r.Batch = min(max(r.Batch, 1), batchMax)
	r.MaxBytes = max(r.MaxBytes, 0)
	if r.Heartbeat > 0 && r.Heartbeat > r.Expires/2 {
		return r, formal, errHeartbeat
	}
	return r, formal, nil
}
