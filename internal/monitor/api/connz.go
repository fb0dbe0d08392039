package api

import "time"

// Numbers of entries in an answer unless another limit is asked for.
const (
	DefaultConnListSize = 1024
	DefaultSubListSize  = 1024
)

// Connz is a page of the server's connections: /connz.
type Connz struct {
	ID       string      `json:"server_id"`
	Now      time.Time   `json:"now"`
	NumConns int         `json:"num_connections"` // in this page
	Total    int         `json:"total"`           // that pass the filters
	Offset   int         `json:"offset"`
	Limit    int         `json:"limit"`
	Conns    []*ConnInfo `json:"connections"`
}

// ConnzOptions say which connections to show, and what of them.
type ConnzOptions struct {
	// Sort is the order; empty is ByCid. ByCid, ByStart, ByUptime and ByReason
	// ascend, all others descend. Ties are broken by connection id.
	Sort SortOpt `json:"sort"`
	// Username adds who is connected: user, account, JWT, certificates.
	Username bool `json:"auth"`
	// Subscriptions adds the subjects, SubscriptionsDetail all of each
	// subscription; the latter wins.
	Subscriptions       bool `json:"subscriptions"`
	SubscriptionsDetail bool `json:"subscriptions_detail"`
	// Offset and Limit select the page. A negative offset is 0, a limit that
	// is not positive DefaultConnListSize.
	Offset int `json:"offset"`
	Limit  int `json:"limit"`
	// CID selects one connection; 0 is all.
	CID uint64 `json:"cid"`
	// MQTTClient selects by MQTT client id.
	MQTTClient string    `json:"mqtt_client"`
	State      ConnState `json:"state"`
	// User and Account select by the exact user and account.
	User    string `json:"user"`
	Account string `json:"acc"`
	// FilterSubject selects connections with a subscription that overlaps it.
	// It needs Account.
	FilterSubject string `json:"filter_subject"`
}

// ConnState selects connections by their state.
type ConnState int

// The states that can be asked for.
const (
	ConnOpen ConnState = iota
	ConnClosed
	ConnAll
)

// SortOpt is an order of connections.
type SortOpt string

// The orders that can be asked for. ByStop and ByReason are for closed
// connections only.
const (
	ByCid      SortOpt = "cid"
	ByStart    SortOpt = "start"
	BySubs     SortOpt = "subs"
	ByPending  SortOpt = "pending"
	ByOutMsgs  SortOpt = "msgs_to"
	ByInMsgs   SortOpt = "msgs_from"
	ByOutBytes SortOpt = "bytes_to"
	ByInBytes  SortOpt = "bytes_from"
	ByLast     SortOpt = "last"
	ByIdle     SortOpt = "idle"
	ByUptime   SortOpt = "uptime"
	ByStop     SortOpt = "stop"
	ByReason   SortOpt = "reason"
	ByRTT      SortOpt = "rtt"
)

// IsValid reports whether the order is one of those above, or empty.
func (s SortOpt) IsValid() bool {
	switch s {
	case "", ByCid, ByStart, BySubs, ByPending, ByOutMsgs, ByInMsgs, ByOutBytes, ByInBytes,
		ByLast, ByIdle, ByUptime, ByStop, ByReason, ByRTT:
		return true
	}
	return false
}

// ConnInfo is one connection.
type ConnInfo struct {
	Cid            uint64         `json:"cid"`
	Kind           string         `json:"kind,omitempty"` // "Client", "Leafnode", "Gateway"
	Type           string         `json:"type,omitempty"` // "nats", "websocket", "mqtt"
	IP             string         `json:"ip"`             // empty inside of the process
	Port           int            `json:"port"`
	Start          time.Time      `json:"start"`
	LastActivity   time.Time      `json:"last_activity"`
	Stop           *time.Time     `json:"stop,omitempty"`   // of closed ones
	Reason         string         `json:"reason,omitempty"` // of closed ones
	RTT            string         `json:"rtt,omitempty"`    // "0s" while not measured
	Uptime         string         `json:"uptime"`           // until now, or until Stop
	Idle           string         `json:"idle"`
	Pending        int            `json:"pending_bytes"`
	InMsgs         int64          `json:"in_msgs"`
	OutMsgs        int64          `json:"out_msgs"`
	InBytes        int64          `json:"in_bytes"`
	OutBytes       int64          `json:"out_bytes"`
	Stalls         int64          `json:"stalls,omitempty"` // times that it had to wait for its receivers
	NumSubs        uint32         `json:"subscriptions"`
	Name           string         `json:"name,omitempty"`
	Lang           string         `json:"lang,omitempty"`
	Version        string         `json:"version,omitempty"`
	TLSVersion     string         `json:"tls_version,omitempty"`
	TLSCipher      string         `json:"tls_cipher_suite,omitempty"`
	TLSPeerCerts   []*TLSPeerCert `json:"tls_peer_certs,omitempty"` // with Username, of open ones
	TLSFirst       bool           `json:"tls_first,omitempty"`
	AuthorizedUser string         `json:"authorized_user,omitempty"` // with Username
	Account        string         `json:"account,omitempty"`         // with Username, unless $G
	Subs           []string       `json:"subscriptions_list,omitempty"`
	SubsDetail     []SubDetail    `json:"subscriptions_list_detail,omitempty"`
	JWT            string         `json:"jwt,omitempty"`        // with Username, never a bearer token
	IssuerKey      string         `json:"issuer_key,omitempty"` // with Username
	NameTag        string         `json:"name_tag,omitempty"`   // with Username: the account's
	Tags           []string       `json:"tags,omitempty"`       // with Username: the user's
	MQTTClient     string         `json:"mqtt_client,omitempty"`
	Proxy          *ProxyInfo     `json:"proxy,omitempty"`
}

// ConnInfos is a list of connections.
type ConnInfos []*ConnInfo

// ProxyInfo names the trusted proxy that a connection came through.
type ProxyInfo struct {
	Key string `json:"key"` // public nkey
}

// TLSPeerCert is a certificate that the peer presented.
type TLSPeerCert struct {
	Subject          string `json:"subject,omitempty"`     // RFC 2253
	SubjectPKISha256 string `json:"spki_sha256,omitempty"` // hex
	CertSha256       string `json:"cert_sha256,omitempty"` // hex
}
