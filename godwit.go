package godwit

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/server"
)

// Version is godwit's own version. Clients and monitoring see CompatVersion.
const Version = server.Version

// CompatVersion is the version of the NATS server whose features clients may
// expect.
const CompatVersion = server.CompatVersion

// RandomPort as a port lets the system choose one.
const RandomPort = options.RandomPort

// Types of the configuration. The zero value of Options is usable.
type (
	Options              = options.Options
	User                 = options.User
	NkeyUser             = options.NkeyUser
	Account              = options.Account
	AccountLimits        = options.AccountLimits
	Permissions          = options.Permissions
	SubjectPermission    = options.SubjectPermission
	ResponsePermission   = options.ResponsePermission
	PinnedCertSet        = options.PinnedCertSet
	TLSConfigOpts        = options.TLSOptions
	ClientOpts           = options.ClientOpts
	Authentication       = options.Authenticator
	ClientAuthentication = options.ClientAuthentication
	WriteTimeoutPolicy   = options.WriteTimeoutPolicy
	MapDest              = options.Destination
	WebsocketOpts        = options.WebsocketOpts
	AuthCallout          = options.AuthCallout
	OCSPConfig           = options.OCSPConfig
	OCSPMode             = options.OCSPMode
	OCSPPeerConfig       = options.OCSPPeerConfig
	OCSPCacheConfig      = options.OCSPResponseCacheConfig
	OCSPCacheType        = options.OCSPCacheType
	ResolverOpts         = options.ResolverOpts
	ResolverKind         = options.ResolverKind
	Mapping              = options.Mapping
)

// Values of Options.WriteTimeout: what a missed write deadline means.
const (
	WriteTimeoutPolicyDefault = options.WriteTimeoutDefault
	WriteTimeoutPolicyClose   = options.WriteTimeoutClose
	WriteTimeoutPolicyRetry   = options.WriteTimeoutRetry
)

// Modes of OCSPConfig: which certificates are stapled.
const (
	OCSPModeAuto   = options.OCSPModeAuto
	OCSPModeAlways = options.OCSPModeAlways
	OCSPModeNever  = options.OCSPModeNever
	OCSPModeMust   = options.OCSPModeMust
)

// Types of OCSPCacheConfig: where answers about peers are kept.
const (
	OCSPCacheNone  = options.OCSPCacheNone
	OCSPCacheLocal = options.OCSPCacheLocal
)

// Kinds of ResolverOpts: where the claims of accounts come from.
const (
	ResolverMemory = options.ResolverMemory
	ResolverURL    = options.ResolverURL
	ResolverFull   = options.ResolverFull
	ResolverCache  = options.ResolverCache
)

// Logger takes the server's log lines. FromSlog makes one of an *slog.Logger.
type Logger = logging.Logger

// Ports lists the URLs of the open listeners.
type Ports = server.Ports

// ErrNotReady is returned by Run if the server was stopped before its
// listeners were open.
var ErrNotReady = errors.New("godwit: server did not become ready")

// FromSlog returns a Logger that writes to l. Trace lines get a level below
// slog.LevelDebug, fatal ones one above slog.LevelError.
func FromSlog(l *slog.Logger) Logger { return logging.FromSlog(l) }

// NewAccount returns an account without limits, for Options.Accounts and
// User.Account.
func NewAccount(name string) *Account {
	return &Account{Name: name, Limits: options.UnlimitedAccount()}
}

// ProcessConfigFile reads a configuration file. All errors of the file are
// reported together, each with its position. An empty path gives empty options.
func ProcessConfigFile(path string) (*Options, error) { return options.ProcessConfigFile(path) }

// ProcessConfigString is ProcessConfigFile for a text at hand.
func ProcessConfigString(text string) (*Options, error) { return options.ProcessConfigString(text) }

// ConfigureOptions parses a command line with the server's flags and the file
// that it names. One of the functions is called, and nil options are returned, if
// the command line asks for the version or for help; nothing ends the process.
func ConfigureOptions(fs *flag.FlagSet, args []string, printVersion, printHelp, printTLSHelp func()) (*Options, error) {
	return options.ConfigureOptions(fs, args, printVersion, printHelp, printTLSHelp)
}

// NewOCSPPeerConfig returns the defaults, with Verify false.
func NewOCSPPeerConfig() *OCSPPeerConfig { return options.NewOCSPPeerConfig() }

// NewOCSPCacheConfig returns the defaults: a local cache.
func NewOCSPCacheConfig() *OCSPCacheConfig { return options.NewOCSPResponseCacheConfig() }

// GenTLSConfig makes a TLS configuration of the settings of a `tls` block.
func GenTLSConfig(o *TLSConfigOpts) (*tls.Config, error) { return options.GenTLSConfig(o) }

// MergeOptions returns the options of a file with those of a command line over
// them.
func MergeOptions(file, flags *Options) *Options { return options.MergeOptions(file, flags) }

// ProcessCommandLineArgs tells which of the words version and help stand behind
// the parsed flags. No other words may.
func ProcessCommandLineArgs(fs *flag.FlagSet) (version, help bool, err error) {
	return options.ProcessCommandLineArgs(fs)
}

// RoutesFromStr splits a list of URLs at its commas. Texts that are no URLs are
// left out.
func RoutesFromStr(list string) []*url.URL { return options.RoutesFromStr(list) }

// RedactArgs masks the secrets of a command line in place.
func RedactArgs(args []string) { options.RedactArgs(args) }

// NoErrOnUnknownFields says, for all files that the process reads from now on,
// whether unknown keys of the top level are warned about only.
func NoErrOnUnknownFields(tolerate bool) { options.NoErrOnUnknownFields(tolerate) }

// Server is a messaging server inside of this process. Its methods may be
// called from any goroutine. On a nil Server only Shutdown and Running work, and
// those that change one connection fail.
type Server struct{ core *server.Server }

// NewServer checks the options and returns a server that is not started. The
// options are copied; only the port of the client listener is written back to
// the caller's struct once it is known. Two servers may share one struct.
func NewServer(o *Options) (*Server, error) {
	s, err := server.New(o)
	if err != nil {
		return nil, err
	}
	return &Server{core: s}, nil
}

// New is the older name of NewServer. It returns nil if the options are bad.
//
// Deprecated: use NewServer, which says why.
func New(o *Options) *Server {
	s, err := NewServer(o)
	if err != nil {
		return nil
	}
	return s
}

// NewServerFromConfig reads the file that o.ConfigFile names over the options
// and makes a server of the result.
func NewServerFromConfig(o *Options) (*Server, error) {
	if err := o.ProcessConfigFile(o.ConfigFile); err != nil {
		return nil, err
	}
	return NewServer(o)
}

// Start opens the listeners and returns when they are open, or with the error
// that prevented it; nothing is left open then. A server starts once.
func (s *Server) Start() error { return s.core.Start() }

// Run is Start.
func Run(s *Server) error { return s.Start() }

// RunContext starts the server, and stops it when the context ends. It returns
// once the server has ended: nil after an orderly end.
func (s *Server) RunContext(ctx context.Context) error {
	if err := s.Start(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		s.Shutdown()
	case <-s.core.Done():
	}
	return s.core.Err()
}

// Shutdown stops the server and returns when no goroutine of it is left. It may
// be called several times, concurrently, and before Start.
func (s *Server) Shutdown() {
	if s == nil {
		return
	}
	s.core.Shutdown()
	if _, ok := s.core.Logger().(io.Closer); ok {
		s.SetLogger(nil, false, false)
	}
}

// LameDuckShutdown stops accepting connections, asks clients to go elsewhere,
// closes those that stay one by one over the configured time, and shuts down.
// It returns when that is done.
func (s *Server) LameDuckShutdown() { s.core.LameDuckShutdown() }

// WaitForShutdown blocks until a Shutdown has finished, for ever if nobody
// calls it.
func (s *Server) WaitForShutdown() { <-s.core.Done() }

// WaitForShutdownContext is WaitForShutdown with a way out.
func (s *Server) WaitForShutdownContext(ctx context.Context) error {
	select {
	case <-s.core.Done():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ReadyForConnections waits until the configured listeners are open, at most
// for the given time, and reports whether they are.
func (s *Server) ReadyForConnections(timeout time.Duration) bool {
	select {
	case <-s.core.Ready():
		return s.core.Running()
	default: // so that a timeout of 0 is enough if they are open already
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-s.core.Ready():
		return s.core.Running()
	case <-s.core.Done():
		return false
	case <-timer.C:
		return false
	}
}

// SetLogger puts a logger in place; nil is silence. Debug and trace lines are
// passed on only if asked for. The former logger is closed if it is an
// io.Closer. Lines logged before are lost: call it before Start.
func (s *Server) SetLogger(l Logger, debug, trace bool) {
	s.core.SetLogger(l, debug, trace) // the error is in the log
}

// SetLoggerV2 is SetLogger; traceSystem asks for trace lines of the system
// account, too.
//
// Deprecated: set Options.TraceVerbose and use SetLogger.
func (s *Server) SetLoggerV2(l Logger, debug, trace, traceSystem bool) {
	s.core.TraceSystem(traceSystem)
	s.SetLogger(l, debug, trace)
}

// SetSlog puts an *slog.Logger in place.
func (s *Server) SetSlog(l *slog.Logger, debug, trace bool) {
	s.SetLogger(FromSlog(l), debug, trace)
}

// ConfigureLogger puts the logger in place that the options ask for: standard
// error, a file, or syslog; none with NoLog. Call it before Start to see the
// banner.
func (s *Server) ConfigureLogger() error { return s.core.ConfigureLogger() }

// ReOpenLogFile closes and opens the log file, after a rotation by others.
func (s *Server) ReOpenLogFile() error { return s.core.ReopenLog() }

// Reload reads the configuration file again and makes its changes take effect
// while the server runs: all of them, or none and an error. Connections that the
// changes do not concern notice nothing.
func (s *Server) Reload() error { return s.core.Reload() }

// ReloadOptions is Reload with options at hand in place of the file. They are
// copied.
func (s *Server) ReloadOptions(o *Options) error { return s.core.ReloadOptions(o) }

// HTTPHandler serves the monitoring endpoints, for a program that has an HTTP
// server of its own. It is never nil.
func (s *Server) HTTPHandler() http.Handler { return s.core.HTTPHandler() }

// ClientURL is where clients connect: nats:// or tls://, the configured host,
// and the port as far as it is known. See DialURL for a host that can be dialled.
func (s *Server) ClientURL() string { return s.core.ClientURL() }

// WebsocketURL is where clients connect over WebSocket: ws:// or wss://. It is empty
// while there is no such listener.
func (s *Server) WebsocketURL() string { return s.core.WebsocketURL() }

// DialURL is ClientURL with a host that can be dialled on this machine.
func (s *Server) DialURL() string { return s.core.DialURL() }

// InProcessConn returns a connection to the server that does not use the
// network, for nats.InProcessServer. It works between Start and Shutdown.
func (s *Server) InProcessConn() (net.Conn, error) { return s.core.InProcessConn() }
