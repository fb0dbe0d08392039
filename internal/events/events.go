package events

import (
	"crypto/rand"
	"net/http"
	"time"
)

// Types of events that name their type.
const (
	TypeConnect      = "io.nats.server.advisory.v1.client_connect"
	TypeDisconnect   = "io.nats.server.advisory.v1.client_disconnect"
	TypeConnections  = "io.nats.server.advisory.v1.account_connections"
	TypeLatency      = "io.nats.server.metric.v1.service_latency"
	TypeOCSPReject   = "io.nats.server.advisory.v1.ocsp_peer_reject"
	TypeOCSPLinkFail = "io.nats.server.advisory.v1.ocsp_peer_link_invalid"
)

// Head begins an event that names its type.
type Head struct {
	Type string    `json:"type"`
	ID   string    `json:"id"`
	Time time.Time `json:"timestamp"`
}

// NewHead returns the head of an event that happens now.
func NewHead(kind string) Head { return Head{Type: kind, ID: NewID(), Time: time.Now().UTC()} }

// idLength is the length of an event's identifier.
const idLength = 22

// NewID returns an identifier that no other event has: 22 characters of base 62.
func NewID() string {
	var id [idLength]byte
	Base62(id[:])
	return string(id[:])
}

// Base62 fills a slice with random characters of 0-9, A-Z, a-z, all equally
// likely.
func Base62(out []byte) {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var pool [32]byte
	for i := 0; i < len(out); {
		rand.Read(pool[:]) // never fails
		for _, b := range pool {
			if b >= 4*62 {
				continue // would make some characters likelier than others
			}
			out[i] = digits[b%62]
			if i++; i == len(out) {
				return
			}
		}
	}
}

// Server describes the server that sends a message.
type Server struct {
	Name         string            `json:"name"`
	Host         string            `json:"host"`
	ID           string            `json:"id"`
	Cluster      string            `json:"cluster,omitempty"`
	Domain       string            `json:"domain,omitempty"`
	Version      string            `json:"ver"`
	Tags         []string          `json:"tags,omitempty"`
	Metadata     map[string]string `json:"metadata,omitempty"`
	FeatureFlags map[string]bool   `json:"feature_flags,omitempty"`
	JetStream    bool              `json:"jetstream"`
	Flags        uint64            `json:"flags"`
	Seq          uint64            `json:"seq"`
	Time         time.Time         `json:"time"`
}

// Client describes a connection, or as much of it as the receiver may know.
type Client struct {
	Start      *time.Time    `json:"start,omitempty"`
	Host       string        `json:"host,omitempty"`
	ID         uint64        `json:"id,omitempty"`
	Account    string        `json:"acc,omitempty"`
	Service    string        `json:"svc,omitempty"`
	User       string        `json:"user,omitempty"`
	Name       string        `json:"name,omitempty"`
	Lang       string        `json:"lang,omitempty"`
	Version    string        `json:"ver,omitempty"`
	RTT        time.Duration `json:"rtt,omitempty"`
	Server     string        `json:"server,omitempty"`
	Cluster    string        `json:"cluster,omitempty"`
	Alternates []string      `json:"alts,omitempty"`
	Stop       *time.Time    `json:"stop,omitempty"`
	JWT        string        `json:"jwt,omitempty"`
	IssuerKey  string        `json:"issuer_key,omitempty"`
	NameTag    string        `json:"name_tag,omitempty"`
	Tags       []string      `json:"tags,omitempty"`
	Kind       string        `json:"kind,omitempty"`
	ClientType string        `json:"client_type,omitempty"`
	ClientID   string        `json:"client_id,omitempty"`
	Nonce      string        `json:"nonce,omitempty"`
	Reply      string        `json:"reply,omitempty"`
}

// Data counts messages and bytes; the peers' shares are told apart.
type Data struct {
	Count
	Gateways *Count `json:"gateways,omitempty"`
	Routes   *Count `json:"routes,omitempty"`
	Leafs    *Count `json:"leafs,omitempty"`
}

// Count is a number of messages and their bytes.
type Count struct {
	Messages int64 `json:"msgs"`
	Bytes    int64 `json:"bytes"`
}

// Connect tells that a client has connected.
type Connect struct {
	Head
	Server Server `json:"server"`
	Client Client `json:"client"`
}

// Disconnect tells that a client has gone. Sent and Received are from the
// client's point of view.
type Disconnect struct {
	Head
	Server   Server `json:"server"`
	Client   Client `json:"client"`
	Sent     Data   `json:"sent"`
	Received Data   `json:"received"`
	Reason   string `json:"reason"`
}

// Latency is the measurement of one request to a service.
type Latency struct {
	Head
	Status      int           `json:"status"`
	Description string        `json:"description,omitempty"`
	Requestor   *Client       `json:"requestor,omitempty"`
	Responder   *Client       `json:"responder,omitempty"`
	Header      http.Header   `json:"header,omitempty"`
	Start       time.Time     `json:"start"`
	Service     time.Duration `json:"service"`
	System      time.Duration `json:"system"`
	Total       time.Duration `json:"total"`
}
