package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Accountz lists the accounts, or shows one: /accountz.
type Accountz struct {
	ID            string       `json:"server_id"`
	Now           time.Time    `json:"now"`
	SystemAccount string       `json:"system_account,omitempty"`
	Accounts      []string     `json:"accounts,omitempty"` // sorted
	Account       *AccountInfo `json:"account_detail,omitempty"`
}

// AccountzOptions name the account to show; empty lists all.
type AccountzOptions struct {
	Account string `json:"account"`
}

// AccountInfo is one account in detail.
type AccountInfo struct {
	AccountName string               `json:"account_name"`
	LastUpdate  time.Time            `json:"update_time"`
	IsSystem    bool                 `json:"is_system,omitempty"`
	Expired     bool                 `json:"expired"`
	Complete    bool                 `json:"complete"`
	JetStream   bool                 `json:"jetstream_enabled"`
	LeafCnt     int                  `json:"leafnode_connections"`
	ClientCnt   int                  `json:"client_connections"`
	SubCnt      uint32               `json:"subscriptions"`
	Mappings    ExtMap               `json:"mappings,omitempty"`
	Exports     []ExtExport          `json:"exports,omitempty"`
	Imports     []ExtImport          `json:"imports,omitempty"`
	Jwt         string               `json:"jwt,omitempty"`
	IssuerKey   string               `json:"issuer_key,omitempty"`
	NameTag     string               `json:"name_tag,omitempty"`
	Tags        []string             `json:"tags,omitempty"`
	Claim       json.RawMessage      `json:"decoded_jwt,omitempty"`
	Vr          []ExtVrIssues        `json:"validation_result_jwt,omitempty"`
	RevokedUser map[string]time.Time `json:"revoked_user,omitempty"`
	Sublist     *SublistStats        `json:"sublist_stats,omitempty"`
	// Responses are answers that are owed, by the subject on which the service
	// gives them.
	Responses map[string]ExtResponse `json:"responses,omitempty"`
}

// ExtMap maps a subject to where messages on it go.
type ExtMap map[string][]*MapDest

// MapDest is one destination of a subject mapping.
type MapDest struct {
	Subject string `json:"subject"`
	Weight  uint8  `json:"weight"` // percent, running total of the list
	Cluster string `json:"cluster,omitempty"`
}

// ExtExport is a subject that other accounts may import.
type ExtExport struct {
	Name                 string               `json:"name,omitempty"`
	Subject              string               `json:"subject,omitempty"`
	Type                 string               `json:"type,omitempty"` // "service" or "stream"
	TokenReq             bool                 `json:"token_req,omitempty"`
	Revocations          map[string]int64     `json:"revocations,omitempty"`
	ResponseType         string               `json:"response_type,omitempty"`
	ResponseThreshold    time.Duration        `json:"response_threshold,omitempty"`
	Latency              *ServiceLatency      `json:"service_latency,omitempty"`
	AccountTokenPosition uint                 `json:"account_token_position,omitempty"`
	Advertise            bool                 `json:"advertise,omitempty"`
	AllowTrace           bool                 `json:"allow_trace,omitempty"`
	Description          string               `json:"description,omitempty"`
	InfoURL              string               `json:"info_url,omitempty"`
	ApprovedAccounts     []string             `json:"approved_accounts,omitempty"`
	RevokedAct           map[string]time.Time `json:"revoked_activations,omitempty"`
}

// ExtImport is a subject that comes from another account.
type ExtImport struct {
	Name         string          `json:"name,omitempty"`
	Subject      string          `json:"subject,omitempty"`
	Account      string          `json:"account,omitempty"`
	Token        string          `json:"token,omitempty"`
	To           string          `json:"to,omitempty"`
	LocalSubject string          `json:"local_subject,omitempty"`
	Type         string          `json:"type,omitempty"` // "service" or "stream"
	AllowTrace   bool            `json:"allow_trace,omitempty"`
	Invalid      bool            `json:"invalid"`
	Share        bool            `json:"share"`
	Tracking     bool            `json:"tracking"`
	TrackingHdr  http.Header     `json:"tracking_header,omitempty"`
	Latency      *ServiceLatency `json:"latency,omitempty"`
	M1           json.RawMessage `json:"m1,omitempty"`
}

// ExtResponse is an answer that a service owes: the way back of a request. Subject
// and Account are where it goes, To is where the service publishes it.
type ExtResponse struct {
	ExtImport
	Type int `json:"type"` // always ResponseType
}

// ResponseType is what tools expect as the type of responses.
const ResponseType = 2

// ServiceLatency says how the latency of a service is measured.
type ServiceLatency struct {
	Sampling SamplingRate `json:"sampling"`
	Results  string       `json:"results"` // subject
}

// SamplingRate is how many percent of the requests are measured. 0 means those
// whose headers ask for it, and is "headers" in JSON.
type SamplingRate int

const sampledByHeaders = "headers"

// MarshalJSON implements json.Marshaler.
func (r SamplingRate) MarshalJSON() ([]byte, error) {
	if r == 0 {
		return json.Marshal(sampledByHeaders)
	}
	return json.Marshal(int(r))
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *SamplingRate) UnmarshalJSON(text []byte) error {
	if string(text) == strconv.Quote(sampledByHeaders) {
		*r = 0
		return nil
	}
	return json.Unmarshal(text, (*int)(r))
}

// ExtVrIssues is something that is wrong with an account's claims.
type ExtVrIssues struct {
	Description string `json:"description"`
	Blocking    bool   `json:"blocking"`
	Time        bool   `json:"time_check"`
}

// AccountStatz is the traffic of accounts: /accstatz.
type AccountStatz struct {
	ID       string         `json:"server_id"`
	Now      time.Time      `json:"now"`
	Accounts []*AccountStat `json:"account_statz"` // sorted by name
}

// AccountStatzOptions say which accounts to show.
type AccountStatzOptions struct {
	// Accounts restricts the answer to these; empty is all. Unknown names are
	// passed over.
	Accounts []string `json:"accounts"`
	// IncludeUnused shows accounts without connections too.
	IncludeUnused bool `json:"include_unused"`
}

// AccountStat is the traffic of one account, from the server's point of view:
// Received came from the account's connections.
type AccountStat struct {
	Account       string    `json:"acc"`
	Name          string    `json:"name"`
	Conns         int       `json:"conns"`
	LeafNodes     int       `json:"leafnodes"`
	TotalConns    int       `json:"total_conns"` // sum of the two above
	NumSubs       uint32    `json:"num_subscriptions"`
	Sent          DataStats `json:"sent"`
	Received      DataStats `json:"received"`
	SlowConsumers int64     `json:"slow_consumers"`
}

// DataStats is traffic over all connections, and over those to other servers.
type DataStats struct {
	MsgBytes
	Gateways *MsgBytes `json:"gateways,omitempty"`
	Routes   *MsgBytes `json:"routes,omitempty"`
	Leafs    *MsgBytes `json:"leafs,omitempty"`
}

// MsgBytes is an amount of traffic.
type MsgBytes struct {
	Msgs  int64 `json:"msgs"`
	Bytes int64 `json:"bytes"`
}
