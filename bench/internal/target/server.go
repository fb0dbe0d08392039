package target

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/godwit-mq/godwit/bench/internal/load"
)

const (
	startTimeout = 20 * time.Second
	stopTimeout  = 10 * time.Second
	logTail      = 2000 // bytes of a server's log shown when something went wrong
)

// Server is a running server process.
type Server struct {
	Address string // for clients
	Monitor string // base URL of the monitoring endpoint; empty if it was not asked for
	PID     int
	Config  string        // its configuration file
	Started time.Duration // from the start of the process to its greeting

	command *exec.Cmd
	log     string
	ended   chan struct{}
	err     error // of the process; readable once ended is closed
}

// Start starts the program with the configuration and returns when it greets a client.
func (l *Lab) Start(ctx context.Context, binary Binary, kind load.Config, monitor bool) (*Server, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	if !monitor {
		ports[1] = 0
	}
	text, err := l.configuration(kind, ports[0], ports[1], ports[2])
	if err != nil {
		return nil, err
	}
	l.started++
	base := filepath.Join(l.dir, fmt.Sprintf("server-%d", l.started))
	if err := os.WriteFile(base+".conf", text, 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(base + ".log")
	if err != nil {
		return nil, err
	}
	defer log.Close()

	s := &Server{Address: fmt.Sprintf("127.0.0.1:%d", ports[0]), Config: base + ".conf", log: base + ".log", ended: make(chan struct{})}
	if monitor {
		s.Monitor = fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	}
	s.command = exec.Command(binary.Path, "-c", base+".conf")
	s.command.Dir = l.dir
	s.command.Stdout, s.command.Stderr = log, log
	// A server must not outlive a benchmark that is killed.
	s.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", binary.Name, err)
	}
	s.PID = s.command.Process.Pid
	go func() {
		s.err = s.command.Wait()
		close(s.ended)
	}()
	if err := s.awaitGreeting(ctx); err != nil {
		s.kill()
		return nil, fmt.Errorf("start %s: %w%s", binary.Name, err, s.Log())
	}
	s.Started = time.Since(began)
	if kind.Web() {
		s.Address = fmt.Sprintf("127.0.0.1:%d", ports[2]) // it was opened before the one that greets
	}
	return s, nil
}

func (s *Server) awaitGreeting(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("no greeting within %v", startTimeout))
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-s.ended:
			return fmt.Errorf("the server ended: %v", s.err)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			if greets(s.Address) {
				return nil
			}
		}
	}
}

// greets tells whether a client that connects to the address is sent an INFO line.
func greets(address string) bool {
	conn, err := net.DialTimeout("tcp4", address, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && strings.HasPrefix(line, "INFO ")
}

// Stop ends the server. A server that had ended by itself, or that does not end when asked to, is an error.
func (s *Server) Stop() error {
	select {
	case <-s.ended:
		return fmt.Errorf("the server ended during the run: %v%s", s.err, s.Log())
	default:
	}
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.ended:
		return nil
	case <-time.After(stopTimeout):
		s.kill()
		return fmt.Errorf("the server did not end within %v of SIGTERM%s", stopTimeout, s.Log())
	}
}

func (s *Server) kill() {
	s.command.Process.Kill()
	<-s.ended
}

// Log returns the end of the server's log on lines of its own, for an error message.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.log)
	if err != nil || len(bytes.TrimSpace(text)) == 0 {
		return ""
	}
	return "\nits log ends with:\n" + string(bytes.TrimSpace(text[max(0, len(text)-logTail):]))
}

// freePorts returns different ports that were free a moment ago.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
