package client

// Reason says why a connection was closed. Its texts are shown in /connz and
// in events, and tools depend on them.
type Reason uint8

// Reasons for closing. The zero value means that the connection is open.
const (
	Open Reason = iota
	ClientClosed
	AuthenticationTimeout
	AuthenticationFailure
	TLSHandshakeFailure
	SlowConsumerPendingBytes
	SlowConsumerWriteDeadline
	WriteError
	ReadError
	ParseError
	StaleConnection
	ProtocolViolation
	BadClientProtocolVersion
	MaximumAccountConnections
	MaximumConnections
	MaximumPayload
	MaximumControlLine
	MaximumSubscriptions
	ServerShutdown
	AuthenticationExpired
	MissingAccount
	NoRespondersRequiresHeaders
	Kicked
	ProxyNotTrusted
	ProxyRequired
	CredentialsRevoked
)

var reasonTexts = [...]string{
	Open:                        "",
	ClientClosed:                "Client Closed",
	AuthenticationTimeout:       "Authentication Timeout",
	AuthenticationFailure:       "Authentication Failure",
	TLSHandshakeFailure:         "TLS Handshake Failure",
	SlowConsumerPendingBytes:    "Slow Consumer (Pending Bytes)",
	SlowConsumerWriteDeadline:   "Slow Consumer (Write Deadline)",
	WriteError:                  "Write Error",
	ReadError:                   "Read Error",
	ParseError:                  "Parse Error",
	StaleConnection:             "Stale Connection",
	ProtocolViolation:           "Protocol Violation",
	BadClientProtocolVersion:    "Bad Client Protocol Version",
	MaximumAccountConnections:   "Maximum Account Connections Exceeded",
	MaximumConnections:          "Maximum Connections Exceeded",
	MaximumPayload:              "Maximum Message Payload Exceeded",
	MaximumControlLine:          "Maximum Control Line Exceeded",
	MaximumSubscriptions:        "Maximum Subscriptions Exceeded",
	ServerShutdown:              "Server Shutdown",
	AuthenticationExpired:       "Authentication Expired",
	MissingAccount:              "Missing Account",
	NoRespondersRequiresHeaders: "No Responders Requires Headers",
	Kicked:                      "Kicked",
	ProxyNotTrusted:             "Proxy Not Trusted",
	ProxyRequired:               "Proxy Required",
	CredentialsRevoked:          "Credentials Revoked",
}

// String is the reason's text.
func (r Reason) String() string {
	if int(r) < len(reasonTexts) {
		return reasonTexts[r]
	}
	return "Unknown State"
}
