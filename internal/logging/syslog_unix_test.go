//go:build unix

package logging

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// syslogServer is a datagram socket that syslog messages arrive at.
type syslogServer struct {
	conn net.PacketConn
}

func newSyslogServer(t *testing.T, network, address string) *syslogServer {
	t.Helper()
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &syslogServer{conn}
}

// receive returns the next message.
func (s *syslogServer) receive(t *testing.T) string {
	t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 64<<10)
	n, _, err := s.conn.ReadFrom(message)
	if err != nil {
		t.Fatal(err)
	}
	return string(message[:n])
}

func newRemote(t *testing.T, address string, opts SyslogOptions) *Syslog {
	t.Helper()
	logger, err := NewRemoteSyslog(address, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := logger.Close(); err != nil {
			t.Error(err)
		}
	})
	return logger
}

// Go: TestRemoteSysLogger logger/syslog_test.go:102
// Go: TestRemoteSysLoggerNotice logger/syslog_test.go:118
// Go: TestRemoteSysLoggerDebug logger/syslog_test.go:127
// Go: TestRemoteSysLoggerTrace logger/syslog_test.go:148
func TestRemoteSyslogByUDP(t *testing.T) {
	server := newSyslogServer(t, "udp", "127.0.0.1:0")
	logger := newRemote(t, "udp://"+server.conn.LocalAddr().String(), SyslogOptions{Debug: true, Trace: true})
	if !Enabled(logger, Debug) || !Enabled(logger, Trace) {
		t.Error("debug and trace are on, but not enabled")
	}
	// <facility * 8 + severity>: facility 3 is that of daemons.
	for level, priority := range map[Level]int{Trace: 31, Debug: 31, Notice: 29, Warn: 28, Error: 27, Fatal: 26} {
		Log(logger, level, "foo %s", "bar\n")
		message := server.receive(t)
		form := regexp.MustCompile(fmt.Sprintf(`^<%d>.*\[%d\]: foo bar\n$`, priority, os.Getpid()))
		if !form.MatchString(message) {
			t.Errorf("%v sent %q", level, message)
		}
	}
}

// Go: TestRemoteSysLoggerDebugDisabled logger/syslog_test.go:136
// Go: TestRemoteSysLoggerTraceDisabled logger/syslog_test.go:157
func TestRemoteSyslogSkipsLevelsThatAreOff(t *testing.T) {
	for _, opts := range []SyslogOptions{{}, {Debug: true}, {Trace: true}} {
		server := newSyslogServer(t, "udp", "127.0.0.1:0")
		logger := newRemote(t, "udp://"+server.conn.LocalAddr().String(), opts)
		if !opts.Debug {
			logger.Debugf("debug")
		}
		if !opts.Trace {
			logger.Tracef("trace")
		}
		logger.Noticef("the only one")
		if message := server.receive(t); !strings.HasSuffix(message, ": the only one\n") {
			t.Errorf("%+v: sent %q", opts, message)
		}
	}
}

// Go: TestSysLoggerTag logger/syslog_test.go:80
func TestSyslogLinesCarryTheTag(t *testing.T) {
	server := newSyslogServer(t, "udp", "127.0.0.1:0")
	address := "udp://" + server.conn.LocalAddr().String()

	former := os.Args[0]
	defer func() { os.Args[0] = former }()
	os.Args[0] = filepath.Join("somewhere", "ServerLoggerTag")
	newRemote(t, address, SyslogOptions{}).Noticef("foo")
	if message := server.receive(t); !strings.Contains(message, " ServerLoggerTag["+fmt.Sprint(os.Getpid())+"]: foo\n") {
		t.Errorf("sent %q", message)
	}
	newRemote(t, address, SyslogOptions{Tag: "other"}).Noticef("foo")
	if message := server.receive(t); !strings.Contains(message, " other[") {
		t.Errorf("sent %q", message)
	}
}

func TestRemoteSyslogByTCP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	received := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			received <- err.Error()
			return
		}
		defer conn.Close()
		all, _ := io.ReadAll(conn)
		received <- string(all)
	}()
	logger, err := NewRemoteSyslog("tcp://"+listener.Addr().String(), SyslogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	logger.Noticef("one")
	logger.Noticef("two")
	if err := logger.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(<-received, "\n")
	if len(lines) != 3 || !strings.HasSuffix(lines[0], ": one\n") || !strings.HasSuffix(lines[1], ": two\n") || lines[2] != "" {
		t.Errorf("received %q", lines)
	}
}

func TestRemoteSyslogThatIsNotThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "tcp://" + listener.Addr().String()
	listener.Close()
	if _, err := NewRemoteSyslog(address, SyslogOptions{}); err == nil || !strings.HasPrefix(err.Error(), "connect to syslog: ") {
		t.Errorf("error %v", err)
	}
	if _, err := NewRemoteSyslog("http://x:1", SyslogOptions{}); err == nil {
		t.Error("an address of another kind was accepted")
	}
}

// socketDir returns a directory whose path is short enough for a socket's name.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Go: TestSysLogger logger/syslog_test.go:31
// Go: TestSysLoggerWithDebugAndTrace logger/syslog_test.go:43
func TestLocalSyslog(t *testing.T) {
	path := filepath.Join(socketDir(t), "log")
	server := newSyslogServer(t, "unixgram", path)
	former := localSyslogSockets
	defer func() { localSyslogSockets = former }()
	localSyslogSockets = []string{path + ".missing", path}

	for _, on := range []bool{false, true} {
		logger, err := NewSyslog(SyslogOptions{Debug: on, Trace: on, Tag: "godwit"})
		if err != nil {
			t.Fatal(err)
		}
		if Enabled(logger, Debug) != on || Enabled(logger, Trace) != on {
			t.Errorf("enabled: debug %v, trace %v, want %v", Enabled(logger, Debug), Enabled(logger, Trace), on)
		}
		want := []string{"notice"}
		if on {
			want = []string{"debug", "trace", "notice"}
		}
		logger.Debugf("debug")
		logger.Tracef("trace")
		logger.Noticef("notice")
		for _, text := range want {
			message := server.receive(t)
			// The daemon of the machine knows the machine's name: it is not sent.
			form := regexp.MustCompile(`^<\d+>\w+ [ \d]\d \d\d:\d\d:\d\d godwit\[\d+\]: ` + text + `\n$`)
			if !form.MatchString(message) {
				t.Errorf("sent %q, want %q", message, text)
			}
		}
		if err := logger.Close(); err != nil {
			t.Fatal(err)
		}
	}

	localSyslogSockets = []string{path + ".missing"}
	if _, err := NewSyslog(SyslogOptions{}); err == nil || !strings.Contains(err.Error(), "no syslog daemon at "+path+".missing") {
		t.Errorf("without a daemon: %v", err)
	}
}

func TestRemoteSyslogByUnixSocket(t *testing.T) {
	path := filepath.Join(socketDir(t), "log")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	received := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			received <- err.Error()
			return
		}
		defer conn.Close()
		all, _ := io.ReadAll(conn)
		received <- string(all)
	}()
	logger, err := NewRemoteSyslog("unix://"+path, SyslogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	logger.Noticef("foo")
	if err := logger.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-received; !strings.HasSuffix(got, "]: foo\n") {
		t.Errorf("received %q", got)
	}
}
