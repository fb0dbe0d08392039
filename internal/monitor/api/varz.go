package api

import (
	"encoding/json"
	"time"
)

// VarzOptions are the options of Varz. There are none.
type VarzOptions struct{}

// Varz is the state of a server: /varz.
type Varz struct {
	ID                    string                 `json:"server_id"`
	Name                  string                 `json:"server_name"`
	Version               string                 `json:"version"` // the compatible one, without "v"
	Proto                 int                    `json:"proto"`
	GitCommit             string                 `json:"git_commit,omitempty"`
	GoVersion             string                 `json:"go"`
	Host                  string                 `json:"host"` // as clients are told
	Port                  int                    `json:"port"`
	AuthRequired          bool                   `json:"auth_required,omitempty"`
	TLSRequired           bool                   `json:"tls_required,omitempty"`
	TLSVerify             bool                   `json:"tls_verify,omitempty"`
	TLSOCSPPeerVerify     bool                   `json:"tls_ocsp_peer_verify,omitempty"`
	IP                    string                 `json:"ip,omitempty"`
	ClientConnectURLs     []string               `json:"connect_urls,omitempty"`
	WSConnectURLs         []string               `json:"ws_connect_urls,omitempty"`
	MaxConn               int                    `json:"max_connections"`
	MaxSubs               int                    `json:"max_subscriptions,omitempty"`
	PingInterval          time.Duration          `json:"ping_interval"`
	MaxPingsOut           int                    `json:"ping_max"`
	HTTPHost              string                 `json:"http_host"`
	HTTPPort              int                    `json:"http_port"` // the one in use, 0 for none
	HTTPBasePath          string                 `json:"http_base_path"`
	HTTPSPort             int                    `json:"https_port"`
	AuthTimeout           float64                `json:"auth_timeout"`     // seconds
	MaxControlLine        int32                  `json:"max_control_line"` // bytes
	MaxPayload            int                    `json:"max_payload"`      // bytes
	MaxPending            int64                  `json:"max_pending"`      // bytes for one connection
	Cluster               ClusterOptsVarz        `json:"cluster"`
	Gateway               GatewayOptsVarz        `json:"gateway"`
	LeafNode              LeafNodeOptsVarz       `json:"leaf"`
	MQTT                  MQTTOptsVarz           `json:"mqtt"`
	Websocket             WebsocketOptsVarz      `json:"websocket"`
	JetStream             JetStreamVarz          `json:"jetstream"`
	TLSTimeout            float64                `json:"tls_timeout"` // seconds
	WriteDeadline         time.Duration          `json:"write_deadline"`
	WriteTimeout          string                 `json:"write_timeout,omitempty"` // "close" or "retry", if configured
	Start                 time.Time              `json:"start"`
	Now                   time.Time              `json:"now"`
	Uptime                string                 `json:"uptime"`
	Mem                   int64                  `json:"mem"` // resident bytes
	Cores                 int                    `json:"cores"`
	MaxProcs              int                    `json:"gomaxprocs"`
	MemLimit              int64                  `json:"gomemlimit,omitempty"` // bytes, if set
	CPU                   float64                `json:"cpu"`                  // percent of one core over the last second
	Connections           int                    `json:"connections"`
	TotalConnections      uint64                 `json:"total_connections"` // ever accepted, refused ones included
	Routes                int                    `json:"routes"`
	Remotes               int                    `json:"remotes"`
	Leafs                 int                    `json:"leafnodes"`
	InMsgs                int64                  `json:"in_msgs"`
	InBytes               int64                  `json:"in_bytes"`
	InClientMsgs          int64                  `json:"in_client_msgs"`
	InClientBytes         int64                  `json:"in_client_bytes"`
	OutMsgs               int64                  `json:"out_msgs"`
	OutBytes              int64                  `json:"out_bytes"`
	OutClientMsgs         int64                  `json:"out_client_msgs"`
	OutClientBytes        int64                  `json:"out_client_bytes"`
	SlowConsumers         int64                  `json:"slow_consumers"`
	StaleConnections      int64                  `json:"stale_connections"`
	StalledClients        int64                  `json:"stalled_clients"` // times that a publisher had to wait
	Subscriptions         uint32                 `json:"subscriptions"`
	HTTPReqStats          map[string]uint64      `json:"http_req_stats"` // by endpoint, those asked at least once
	ConfigLoadTime        time.Time              `json:"config_load_time"`
	ConfigDigest          string                 `json:"config_digest"` // "sha256:…", empty without a file
	Tags                  []string               `json:"tags,omitempty"`
	Metadata              map[string]string      `json:"metadata,omitempty"`
	FeatureFlags          map[string]bool        `json:"feature_flags,omitempty"`
	TrustedOperatorsJwt   []string               `json:"trusted_operators_jwt,omitempty"`
	TrustedOperatorsClaim []json.RawMessage      `json:"trusted_operators_claim,omitempty"`
	SystemAccount         string                 `json:"system_account,omitempty"`
	PinnedAccountFail     uint64                 `json:"pinned_account_fails,omitempty"`
	OCSPResponseCache     *OCSPResponseCacheVarz `json:"ocsp_peer_cache,omitempty"`
	SlowConsumersStats    *SlowConsumersStats    `json:"slow_consumer_stats"`
	StaleConnectionStats  *StaleConnectionStats  `json:"stale_connection_stats,omitempty"`
	DiskIOWaitStats       *DiskIOWaitStats       `json:"disk_io_wait_stats"`
	Proxies               *ProxiesOptsVarz       `json:"proxies,omitempty"`
	TLSCertNotAfter       time.Time              `json:"tls_cert_not_after,omitzero"`
}

// SlowConsumersStats counts slow consumers by kind of connection.
type SlowConsumersStats struct {
	Clients  uint64 `json:"clients"`
	Routes   uint64 `json:"routes"`
	Gateways uint64 `json:"gateways"`
	Leafs    uint64 `json:"leafs"`
}

// StaleConnectionStats counts stale connections by kind of connection.
type StaleConnectionStats struct {
	Clients  uint64 `json:"clients"`
	Routes   uint64 `json:"routes"`
	Gateways uint64 `json:"gateways"`
	Leafs    uint64 `json:"leafs"`
}

// DiskIOWaitStats tells how disk operations waited for their turn.
type DiskIOWaitStats struct {
	Waiters     int64  `json:"waiters"`
	Waits       uint64 `json:"waits"`
	WaitTime    uint64 `json:"wait_time"`     // nanoseconds in total
	MaxWaitTime uint64 `json:"max_wait_time"` // nanoseconds
}

// OCSPResponseCacheVarz is the state of the cache of OCSP responses.
type OCSPResponseCacheVarz struct {
	Type      string `json:"cache_type,omitempty"`
	Hits      int64  `json:"cache_hits,omitempty"`
	Misses    int64  `json:"cache_misses,omitempty"`
	Responses int64  `json:"cached_responses,omitempty"`
	Revokes   int64  `json:"cached_revoked_responses,omitempty"`
	Goods     int64  `json:"cached_good_responses,omitempty"`
	Unknowns  int64  `json:"cached_unknown_responses,omitempty"`
}

// ProxiesOptsVarz lists the trusted proxies.
type ProxiesOptsVarz struct {
	Trusted []*ProxyOptsVarz `json:"trusted,omitempty"`
}

// ProxyOptsVarz is one trusted proxy.
type ProxyOptsVarz struct {
	Key string `json:"key"` // public nkey
}
