package legacy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

const patience = 20 * time.Second

// builds are the binaries of released servers, each made once.
var builds struct {
	sync.Mutex
	dir    string
	failed map[string]string
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "legacy")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	builds.dir, builds.failed = dir, map[string]string{}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// binary returns the binary of a released server, or skips the test.
func binary(t *testing.T, version string) string {
	t.Helper()
	builds.Lock()
	defer builds.Unlock()
	dir := filepath.Join(builds.dir, version)
	path := filepath.Join(dir, "nats-server")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if builds.failed[version] == "" {
		cmd := exec.Command("go", "install", "github.com/nats-io/nats-server/v2@"+version)
		cmd.Env = append(os.Environ(), "GOBIN="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			builds.failed[version] = fmt.Sprintf("%v: %s", err, out)
		}
	}
	if reason := builds.failed[version]; reason != "" {
		t.Skipf("server %s cannot be built: %s", version, reason)
	}
	return path
}

// server is a running process and a connection to it.
type server struct {
	t     *testing.T
	store string // directory
	log   string
	cmd   *exec.Cmd
	nc    *nats.Conn
}

// start starts a released server on a store directory; settings are more lines for its
// jetstream block.
func start(t *testing.T, version, store, settings string) *server {
	t.Helper()
	path, dir := binary(t, version), t.TempDir()
	s := &server{t: t, store: store, log: filepath.Join(dir, "log")}
	config := filepath.Join(dir, "server.conf")
	text := fmt.Sprintf(`jetstream { store_dir: %q, %s }
		accounts { ORDERS { jetstream: enabled, users: [ {user: u, password: p} ] } }
		no_auth_user: u`, store, settings)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command(path, "-c", config, "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", dir)
	s.cmd.Stderr = log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop(syscall.SIGKILL)
		if t.Failed() {
			text, _ := os.ReadFile(s.log)
			t.Logf("log of %s:\n%s", version, text)
		}
	})
	eventually(t, "the server listens", func() bool {
		url := s.url(dir)
		if url == "" {
			return false
		}
		s.nc, err = nats.Connect(url, nats.MaxReconnects(0))
		return err == nil
	})
	t.Cleanup(s.nc.Close)
	eventually(t, "JetStream answers", func() bool {
		_, err := s.nc.Request("$JS.API.INFO", nil, patience)
		return err == nil
	})
	return s
}

// url reads where the server listens from its ports file, if that is written.
func (s *server) url(dir string) string {
	files, _ := filepath.Glob(filepath.Join(dir, "*.ports"))
	if len(files) != 1 {
		return ""
	}
	text, err := os.ReadFile(files[0])
	var ports struct{ NATS []string }
	if err != nil || json.Unmarshal(text, &ports) != nil || len(ports.NATS) == 0 {
		return ""
	}
	return ports.NATS[0]
}

func (s *server) stop(sig os.Signal) {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Signal(sig)
		_ = s.cmd.Wait() // its exit code is that of the signal
	}
}

// api makes a request, empty if it is nil, and reads the answer into out, which may be nil.
func (s *server) api(subject string, request, out any) {
	s.t.Helper()
	if err := s.try(subject, request, out); err != nil {
		s.t.Fatalf("%s: %v", subject, err)
	}
}

func (s *server) try(subject string, request, out any) error {
	var body []byte
	if request != nil { // nothing is not the same as null
		var err error
		if body, err = json.Marshal(request); err != nil {
			return err
		}
	}
	answer, err := s.nc.Request("$JS.API."+subject, body, patience)
	if err != nil {
		return err
	}
	var problem struct {
		Error *struct{ Description string }
	}
	if err := json.Unmarshal(answer.Data, &problem); err != nil {
		return err
	}
	if problem.Error != nil {
		return fmt.Errorf("answer: %s", problem.Error.Description)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer.Data, out)
}

// publish stores a message; pairs are header fields and their values.
func (s *server) publish(subject string, payload []byte, pairs ...string) {
	s.t.Helper()
	m := nats.NewMsg(subject)
	m.Data = payload
	for i := 0; i < len(pairs); i += 2 {
		m.Header.Set(pairs[i], pairs[i+1])
	}
	answer, err := s.nc.RequestMsg(m, patience)
	if err != nil {
		s.t.Fatal(err)
	}
	var ack struct{ Seq uint64 }
	if err := json.Unmarshal(answer.Data, &ack); err != nil || ack.Seq == 0 {
		s.t.Fatalf("publish %s: %s", subject, answer.Data)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}
