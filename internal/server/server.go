package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/client"
	"github.com/godwit-mq/godwit/internal/jetstream"
	"github.com/godwit-mq/godwit/internal/link"
	"github.com/godwit-mq/godwit/internal/logging"
	"github.com/godwit-mq/godwit/internal/monitor"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/system"
)

// Version is godwit's own version.
const Version = "0.1.0"

// CompatVersion is the version of the protocol's reference server whose
// features clients may expect. It is what INFO and /varz report, since client
// libraries decide by it what they may use.
const CompatVersion = "2.15.2"

// Errors of a server's life.
var (
	ErrRunning = errors.New("server is running already")
	ErrStopped = errors.New("server was shut down")
)

// state of a server's life.
type state int32

const (
	fresh state = iota
	starting
	running
	lameDuck
	stopping
	stopped
)

// Server is a running or startable server. Its methods may be called from any
// goroutine.
type Server struct {
	id   string // public nkey
	name string
	xkey string // public curve key
	// identity and curve are the keys with which the server signs and encrypts.
	identity, curve nkeys.KeyPair
	// startedAt is when Start was called, or New before that; Unix nanoseconds.
	startedAt atomic.Int64

	// given is the caller's struct: only the resolved port is written to it.
	given    *options.Options
	config   atomic.Pointer[configuration]
	log      logging.Switch
	ownLog   atomic.Bool // the log is where the options say
	flushers *link.Flushers
	limited  *logging.RateLimited
	stallLog rateCounter // of lines about stalled producers

	state    atomic.Int32
	ctx      context.Context // ended by Shutdown
	cancel   context.CancelFunc
	done     chan struct{} // closed when Shutdown has finished
	ready    chan struct{} // closed when the listeners are open
	startErr atomic.Pointer[error]

	nextID    atomic.Uint64
	clients   *registry
	monitor   *monitor.Server
	accounts  *accounts
	claims    *claims                          // nil unless in operator mode
	jetstream atomic.Pointer[jetstream.Engine] // nil without JetStream
	system    atomic.Pointer[system.Service]   // nil without a system account
	unbound   *client.Binding                  // of connections that have not authenticated
	counters  counters

	opening   sync.Mutex // held by Start
	mu        sync.Mutex
	listener  net.Listener
	web       *webListener
	profiler  *profiler
	portsFile string
	tasks     sync.WaitGroup // everything that Shutdown waits for
	rate      rateCounter
}

// counters are what the server counts beside its accounts.
type counters struct {
	total, slow, stale, stalls atomic.Int64
}

// New checks the options and returns a server that is not started. The options
// are copied.
func New(given *options.Options) (*Server, error) {
	if given == nil {
		given = &options.Options{}
	}
	opts := given.Clone()
	opts.SetDefaults()
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	s := &Server{
		given: given,
		done:  make(chan struct{}), ready: make(chan struct{}),
	}
	s.startedAt.Store(time.Now().UnixNano())
	s.limited = logging.NewRateLimited(&s.log, time.Second, nil)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.createKeys(); err != nil {
		return nil, err
	}
	s.name = opts.ServerName
	if s.name == "" {
		s.name = s.id
	}
	c, err := s.configure(opts, nil, opts.Port)
	if err != nil {
		return nil, err
	}
	s.config.Store(c)
	s.clients = newRegistry(opts.MaxClosedClients)
	if s.accounts, err = newAccounts(opts, s.name); err != nil {
		return nil, err
	}
	s.accounts.node.Describe = s.describe
	if s.claims, err = s.newClaims(opts); err != nil {
		return nil, err
	}
	s.unbound = &client.Binding{Account: s.accounts.global(), MaxPayload: -1, MaxSubs: -1}
	s.monitor = monitor.New(source{s})
	given.Port = portBeforeStart(opts.Port)
	return s, nil
}

// portBeforeStart is what a caller sees of a random port before it is known.
func portBeforeStart(port int) int {
	if port == options.RandomPort {
		return 0
	}
	return port
}

func (s *Server) createKeys() error {
	identity, err := nkeys.CreatePair(nkeys.PrefixByteServer)
	if err != nil {
		return fmt.Errorf("create server identity: %w", err)
	}
	s.identity = identity
	if s.id, err = identity.PublicKey(); err != nil {
		return fmt.Errorf("create server identity: %w", err)
	}
	curve, err := nkeys.CreateCurveKeysWithRand(rand.Reader)
	if err != nil {
		return fmt.Errorf("create server curve key: %w", err)
	}
	s.curve = curve
	if s.xkey, err = curve.PublicKey(); err != nil {
		return fmt.Errorf("create server curve key: %w", err)
	}
	return nil
}

// Start opens the listeners and returns when they are open, or with the error
// that prevented it; then everything that had been opened is closed again.
func (s *Server) Start() error {
	s.opening.Lock()
	if !s.state.CompareAndSwap(int32(fresh), int32(starting)) {
		s.opening.Unlock()
		if s.Running() {
			return ErrRunning
		}
		return ErrStopped
	}
	s.flushers = link.NewFlushers()
	s.startedAt.Store(time.Now().UnixNano())
	s.banner()
	err := s.open()
	s.opening.Unlock()
	if err != nil {
		s.startErr.Store(&err)
		s.log.Fatalf("%v", err)
		s.Shutdown()
		return err
	}
	if !s.state.CompareAndSwap(int32(starting), int32(running)) {
		return ErrStopped
	}
	close(s.ready)
	s.log.Noticef("Server is ready")
	return nil
}

// open opens everything, in the order in which operators expect the log lines.
func (s *Server) open() error {
	if err := s.startProfiler(); err != nil {
		return err
	}
	if err := writePidFile(s.current().PidFile); err != nil {
		return err
	}
	if err := s.startMonitor(); err != nil {
		return err
	}
	if err := s.loadSystem(); err != nil {
		return err
	}
	s.startSystem()
	certified := *s.current()
	if err := s.certify(&certified, nil); err != nil {
		return err
	}
	s.config.Store(&certified)
	s.runCertificates(certified.certs, nil)
	if err := s.startJetStream(); err != nil {
		return err
	}
	if err := s.listenWeb(); err != nil {
		return err
	}
	if !s.current().DontListen {
		if err := s.listen(); err != nil {
			return err
		}
	}
	return s.writePortsFile(s.current().PortsFileDir)
}

// banner logs who is starting.
func (s *Server) banner() {
	s.log.Noticef("Starting godwit")
	s.log.Noticef("  Version:  %s (compatible with %s)", Version, CompatVersion)
	s.log.Noticef("  Git:      [%s]", revision())
	s.log.Noticef("  Name:     %s", s.name)
	s.log.Noticef("  ID:       %s", s.id)
	if s.current().ConfigFile != "" {
		s.log.Noticef("Using configuration file: %s (%s)", s.current().ConfigFile, s.current().ConfigDigest)
	}
	if s.current().auth.PlaintextPasswords() {
		s.log.Warnf("Plaintext passwords detected, use nkeys or bcrypt")
	}
	for _, name := range s.current().auth.Passwordless() {
		s.log.Warnf("User %q has no password: anybody can connect as this user", name)
	}
	for _, warning := range s.current().StartWarnings() {
		s.log.Warnf("%s", warning)
	}
	for _, warning := range s.current().ConfigWarnings {
		s.log.Warnf("%v", warning)
	}
}

// Shutdown stops the server and returns when nothing of it runs any more. It
// may be called several times, before Start, and on a nil server.
func (s *Server) Shutdown() {
	if s == nil {
		return
	}
	for {
		now := s.state.Load()
		if now >= int32(stopping) {
			<-s.done
			return
		}
		if s.state.CompareAndSwap(now, int32(stopping)) {
			break
		}
	}
	s.log.Noticef("Initiating Shutdown...")
	if service := s.system.Load(); service != nil {
		service.ShuttingDown()
	}
	s.cancel()
	s.awaitStart()
	s.closeListener()
	s.closeWeb()
	for _, c := range s.clients.all() {
		c.Close(client.ServerShutdown)
	}
	s.stopJetStream()
	s.stopMonitor()
	s.stopClaims()
	s.stopProfiler()
	s.tasks.Wait()
	s.removePortsFile()
	if s.flushers != nil {
		s.flushers.Stop()
	}
	s.log.Noticef("Server Exiting..")
	s.state.Store(int32(stopped))
	close(s.done)
}

// awaitStart waits for the end of a Start that is under way.
func (s *Server) awaitStart() {
	s.opening.Lock()
	defer s.opening.Unlock()
}

// Done is closed when a shutdown has finished.
func (s *Server) Done() <-chan struct{} { return s.done }

// Ready is closed when the listeners are open.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Running reports whether the server was started and does not end.
func (s *Server) Running() bool {
	now := state(s.state.Load())
	return now == starting || now == running || now == lameDuck
}

// Err is why Start failed, nil if it did not.
func (s *Server) Err() error {
	if err := s.startErr.Load(); err != nil {
		return *err
	}
	return nil
}

// started is when the server was started.
func (s *Server) started() time.Time { return time.Unix(0, s.startedAt.Load()) }

// ID is the server's public nkey; Name its configured name, or the ID.
func (s *Server) ID() string { return s.id }

// Name is the server's name.
func (s *Server) Name() string { return s.name }

// XKey is the server's public curve key.
func (s *Server) XKey() string { return s.xkey }

// Options returns the options in force. They must not be changed.
func (s *Server) Options() *options.Options { return s.current().Options }

// Settings implements client.Server.
func (s *Server) Settings(web bool) *client.Settings {
	if web {
		return s.current().web
	}
	return s.current().settings
}

// Flushers implements client.Server.
func (s *Server) Flushers() *link.Flushers { return s.flushers }
