package options

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/godwit-mq/godwit/internal/sharing"
)

// Defaults of the settings that a configuration may leave out.
const (
	DefaultHost                = "0.0.0.0"
	DefaultPort                = 4222
	RandomPort                 = -1
	DefaultMaxControlLine      = 4096
	DefaultMaxPayload          = 1 << 20
	DefaultMaxPending          = 64 << 20
	DefaultMaxConnections      = 64 << 10
	DefaultMaxClosedClients    = 10000
	DefaultPingInterval        = 2 * time.Minute
	DefaultPingMax             = 2
	DefaultAuthTimeout         = 2.0 // seconds
	DefaultTLSTimeout          = 2.0 // seconds
	DefaultWriteDeadline       = 10 * time.Second
	DefaultLameDuckDuration    = 2 * time.Minute
	DefaultLameDuckGracePeriod = 10 * time.Second
	DefaultHTTPBasePath        = "/"

	// TLSFirstAutoDelay is how long `handshake_first: auto` waits for a TLS
	// client before it sends INFO in plain text.
	TLSFirstAutoDelay = 50 * time.Millisecond
)

// Names of the two accounts that exist without being configured.
const (
	GlobalAccount = "$G"
	SystemAccount = "$SYS"
)

// Options is everything a server can be told. The zero value is usable: New
// fills in the defaults of a copy. Durations whose type is float64 are seconds.
//
// A server never changes the struct it is given, except that it writes the
// resolved client port back to Port once its listener is open.
type Options struct {
	// ConfigFile is the file that the options came from; Reload reads it again.
	ConfigFile string
	// ConfigDigest is "sha256:" and the hex digest of the parsed file.
	ConfigDigest string
	// ConfigWarnings is what the file is warned about.
	ConfigWarnings []error

	ServerName string
	Tags       []string
	Metadata   map[string]string

	// Client listener.
	Host            string
	Port            int // -1 picks a free port, 0 means 4222
	DontListen      bool
	ClientAdvertise string
	ProxyProtocol   bool

	// Logging.
	Debug           bool
	Trace           bool
	TraceVerbose    bool
	TraceHeaders    bool
	NoLog           bool
	Logtime         bool
	LogtimeUTC      bool
	LogFile         string
	LogSizeLimit    int64 // bytes; 0 never rotates
	LogMaxFiles     int64
	Syslog          bool
	RemoteSyslog    string
	MaxTracedMsgLen int

	// Process.
	NoSigs       bool // as it is in any case: handlers of signals are the command's
	PidFile      string
	PortsFileDir string

	// Monitoring.
	HTTPHost      string
	HTTPPort      int
	HTTPSPort     int
	HTTPBasePath  string
	ProfPort      int
	ProfBlockRate int

	// Limits.
	MaxConn          int // -1 refuses everyone
	MaxSubs          int // per connection
	MaxSubTokens     uint8
	MaxControlLine   int32 // bytes
	MaxPayload       int32 // bytes
	MaxPending       int64 // bytes queued for one connection
	MaxClosedClients int

	// Liveness.
	PingInterval          time.Duration
	MaxPingsOut           int
	DisableShortFirstPing bool
	WriteDeadline         time.Duration
	WriteTimeout          WriteTimeoutPolicy
	NoFastProducerStall   bool
	LameDuckDuration      time.Duration
	LameDuckGracePeriod   time.Duration

	NoHeaderSupport bool
	NoSublistCache  bool

	// Authentication.
	Accounts          []*Account
	Users             []*User
	Nkeys             []*NkeyUser
	Username          string
	Password          string
	Authorization     string // token
	ProxyRequired     bool   // of the single user or token
	AuthTimeout       float64
	NoAuthUser        string
	SystemAccount     string
	NoSystemAccount   bool
	AlwaysEnableNonce bool
	// TrustedProxies are the public nkeys of proxies whose signature is believed.
	TrustedProxies []string
	// HasAuthorizationBlock tells that the file had an `authorization` block,
	// even an empty one; it decides about anonymous access beside a system user.
	HasAuthorizationBlock bool

	// AuthCallout, if set, asks a service who may connect.
	AuthCallout *AuthCallout

	// Operators. OperatorJWTs are the texts that TrustedOperators were read from.
	TrustedOperators []*jwt.OperatorClaims
	OperatorJWTs     []string
	// TrustedKeys are operators of whom only the public key is known.
	TrustedKeys     []string
	DefaultSentinel string // JWT of clients that present none
	// AccountResolver says where accounts come from.
	AccountResolver          *ResolverOpts
	AccountResolverTLSConfig *tls.Config       // of connections to a URL
	ResolverPreloads         map[string]string // account JWTs by account key
	// ResolverPinnedAccounts, if not empty, are the only accounts, beside the
	// system account, whose users may connect.
	ResolverPinnedAccounts map[string]struct{}

	// Mappings are those of $G.
	Mappings []Mapping

	Websocket WebsocketOpts

	// JetStream stores messages in StoreDir/godwit, by default below the directory for
	// temporary files. The limits are bytes; 0 is 256 MiB and 1 TiB.
	// Everything is durable when it is acknowledged, unless SyncInterval says within which
	// time it is to be.
	JetStream          bool
	StoreDir           string
	JetStreamMaxMemory int64
	JetStreamMaxStore  int64
	SyncInterval       time.Duration
	// NoJetStreamStrict ignores what is unknown in requests.
	NoJetStreamStrict bool

	// CustomClientAuthentication, when set, decides alone who may connect.
	CustomClientAuthentication Authenticator

	// TLS of the client listener.
	TLS                       bool
	TLSVerify                 bool
	TLSMap                    bool
	TLSCert                   string
	TLSKey                    string
	TLSCaCert                 string
	TLSTimeout                float64
	TLSConfig                 *tls.Config
	TLSPinnedCerts            PinnedCertSet
	TLSRateLimit              int64 // handshakes a second
	TLSHandshakeFirst         bool
	TLSHandshakeFirstFallback time.Duration // 0: only TLS-first clients
	TLSOCSPPeer               *OCSPPeerConfig
	AllowNonTLS               bool

	// OCSPConfig is about stapling of all listeners; nil is OCSPModeAuto.
	OCSPConfig *OCSPConfig
	// OCSPCacheConfig is about the answers that checks of peers need; nil is a
	// local cache.
	OCSPCacheConfig *OCSPResponseCacheConfig

	// CheckConfig (-t) asks the command to check the configuration only.
	CheckConfig bool
	// Signal (-sl) asks the command to signal a running server.
	Signal string

	logtimeSet bool
	// commandLine is what the flags said, nil if there were none; Reread needs it.
	commandLine *commandLine
}

// WriteTimeoutPolicy says what a missed write deadline means.
type WriteTimeoutPolicy int

// Policies of `write_timeout`.
const (
	WriteTimeoutDefault WriteTimeoutPolicy = iota // close clients, retry peers
	WriteTimeoutClose
	WriteTimeoutRetry
)

// String is the policy's word in configuration files and in /varz.
func (p WriteTimeoutPolicy) String() string {
	switch p {
	case WriteTimeoutClose:
		return "close"
	case WriteTimeoutRetry:
		return "retry"
	}
	return "default"
}

// PinnedCertSet holds lower-case hex SHA-256 digests of the subject public key
// infos of the certificates that peers may present.
type PinnedCertSet map[string]struct{}

// Account is a statically configured account.
type Account struct {
	Name   string
	Nkey   string // identity only
	Limits AccountLimits
	// DefaultPermissions apply to users of the account without their own.
	DefaultPermissions *Permissions
	// Exports and Imports are not changed once they are checked (Validate). Where
	// an import renames wildcards, Local holds them as $1, $2 and so on.
	Exports  []*sharing.Export
	Imports  []*sharing.Import
	Mappings []Mapping
	// TraceDest is where messages are traced whose headers ask for it without
	// naming a destination; TraceSampling is how many of them, in percent.
	TraceDest     string
	TraceSampling int
}

// AccountLimits bound an account; -1 means unlimited.
type AccountLimits struct {
	MaxConnections   int64
	MaxSubscriptions int64 // per connection
	MaxPayload       int64 // bytes
	MaxLeafNodes     int64 // there are no leafnodes that could exceed it
}

// UnlimitedAccount returns limits that bound nothing.
func UnlimitedAccount() AccountLimits {
	return AccountLimits{MaxConnections: -1, MaxSubscriptions: -1, MaxPayload: -1, MaxLeafNodes: -1}
}

// User authenticates by name and password, or by certificate.
type User struct {
	Username               string
	Password               string // plain or bcrypt
	Permissions            *Permissions
	Account                *Account // nil is $G
	AllowedConnectionTypes map[string]struct{}
	ProxyRequired          bool
	// ConnectionDeadline ends the connection; zero is never. Set by embedders.
	ConnectionDeadline time.Time
}

// NkeyUser authenticates by signing the server's nonce.
type NkeyUser struct {
	Nkey                   string
	Permissions            *Permissions
	Account                *Account
	AllowedConnectionTypes map[string]struct{}
	ProxyRequired          bool
	ConnectionDeadline     time.Time
}

// Permissions are what one user may publish and subscribe to.
type Permissions struct {
	Publish   *SubjectPermission  `json:"publish"`
	Subscribe *SubjectPermission  `json:"subscribe"`
	Response  *ResponsePermission `json:"responses,omitempty"`
}

// SubjectPermission lists subjects; a nil Allow allows everything, an empty
// non-nil one nothing. Entries of Subscribe may be "subject queue".
type SubjectPermission struct {
	Allow []string `json:"allow,omitempty"`
	Deny  []string `json:"deny,omitempty"`
}

// ResponsePermission lets a responder publish to the reply subjects it was sent.
type ResponsePermission struct {
	MaxMsgs int           `json:"max"` // negative: no limit
	Expires time.Duration `json:"ttl"` // negative: never
}

// Defaults of allow_responses.
const (
	DefaultResponseMaxMsgs = 1
	DefaultResponseExpires = 2 * time.Minute
)

// Connection types that users can be restricted to.
const (
	ConnectionStandard   = "STANDARD"
	ConnectionWebsocket  = "WEBSOCKET"
	ConnectionLeafnode   = "LEAFNODE"
	ConnectionLeafnodeWS = "LEAFNODE_WS"
	ConnectionMQTT       = "MQTT"
	ConnectionMQTTWS     = "MQTT_WS"
	ConnectionInProcess  = "IN_PROCESS"
)

// Authenticator is how an embedding program decides who may connect. Check runs
// on the connection's reading goroutine and must not keep its argument.
type Authenticator interface {
	Check(ClientAuthentication) bool
}

// ClientAuthentication is what an Authenticator sees of a connecting client.
type ClientAuthentication interface {
	GetOpts() *ClientOpts
	GetTLSConnectionState() *tls.ConnectionState
	// RegisterUser binds the connection to the user's account and permissions.
	RegisterUser(*User)
	RemoteAddress() net.Addr
	GetNonce() []byte
	Kind() int
	GetID() uint64
}

// ClientOpts are the fields of a CONNECT.
type ClientOpts struct {
	Echo         bool   `json:"echo"`
	Verbose      bool   `json:"verbose"`
	Pedantic     bool   `json:"pedantic"`
	TLSRequired  bool   `json:"tls_required"`
	Nkey         string `json:"nkey,omitempty"`
	JWT          string `json:"jwt,omitempty"`
	Sig          string `json:"sig,omitempty"`
	ProxySig     string `json:"proxy_sig,omitempty"`
	Token        string `json:"auth_token,omitempty"`
	Username     string `json:"user,omitempty"`
	Password     string `json:"pass,omitempty"`
	Name         string `json:"name"`
	Lang         string `json:"lang"`
	Version      string `json:"version"`
	Protocol     int    `json:"protocol"`
	Account      string `json:"account,omitempty"`
	AccountNew   bool   `json:"new_account,omitempty"`
	Headers      bool   `json:"headers,omitempty"`
	NoResponders bool   `json:"no_responders,omitempty"`
}

// TLSOptions are the settings of one `tls {}` block.
type TLSOptions struct {
	CertFile         string
	KeyFile          string
	CaFile           string
	Certificates     []CertificatePair
	Verify           bool
	Map              bool // verify_and_map
	Insecure         bool
	Timeout          float64
	RateLimit        int64
	Ciphers          []uint16
	AllowInsecure    bool // allow_insecure_cipher_suites
	CurvePreferences []tls.CurveID
	PinnedCerts      PinnedCertSet
	MinVersion       uint16
	HandshakeFirst   bool
	FallbackDelay    time.Duration
	OCSPPeerConfig   *OCSPPeerConfig
}

// CertificatePair names the files of one certificate and its key.
type CertificatePair struct{ CertFile, KeyFile string }
