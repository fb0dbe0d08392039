package target

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/bench/internal/load"
)

// behaviour is the environment variable that turns the test binary into a server.
const behaviour = "BENCH_TEST_SERVER"

func TestMain(m *testing.M) {
	if how := os.Getenv(behaviour); how != "" {
		serve(how)
		return
	}
	os.Exit(m.Run())
}

// serve is a server as far as starting and stopping are concerned.
func serve(how string) {
	if os.Args[1] == "-v" {
		fmt.Println("test-server: v1.2.3\nmore")
		return
	}
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	port := regexp.MustCompile(`(?m)^port: (\d+)$`).FindSubmatch(text)[1]
	fmt.Println("log line of the test server")
	if how == "exit" {
		os.Exit(3)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:"+string(port))
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	if monitor := regexp.MustCompile(`(?m)^http: "(.+)"$`).FindSubmatch(text); monitor != nil {
		go http.ListenAndServe(string(monitor[1]), http.NotFoundHandler())
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, "INFO {}\r\n")
			if how == "crash" {
				os.Exit(3)
			}
			conn.Close()
		}
	}()
	<-term
}

func newLab(t *testing.T, how string) (*Lab, Binary) {
	t.Helper()
	t.Setenv(behaviour, how)
	lab, err := NewLab(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := lab.Use(t.Context(), "test", self)
	if err != nil {
		t.Fatal(err)
	}
	return lab, binary
}

func TestServerStartsGreetsAndStops(t *testing.T) {
	lab, binary := newLab(t, "serve")
	if binary.Version != "test-server: v1.2.3" {
		t.Errorf("version %q", binary.Version)
	}
	for _, kind := range []load.Config{load.ConfigPlain, load.ConfigTLS, load.ConfigPermissions} {
		server, err := lab.Start(t.Context(), binary, kind, kind == load.ConfigPlain)
		if err != nil {
			t.Fatal(err)
		}
		if !greets(server.Address) {
			t.Error("no greeting from a started server")
		}
		if (server.Monitor != "") != (kind == load.ConfigPlain) {
			t.Errorf("%s: monitor %q", kind, server.Monitor)
		}
		if !strings.Contains(server.Log(), "log line of the test server") {
			t.Errorf("log is %q", server.Log())
		}
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
		if err := syscall.Kill(server.PID, 0); err == nil {
			t.Error("the process is still there")
		}
	}
}

func TestServerThatEndsAtOnceIsAnErrorWithItsLog(t *testing.T) {
	lab, binary := newLab(t, "exit")
	_, err := lab.Start(t.Context(), binary, load.ConfigPlain, false)
	if err == nil || !strings.Contains(err.Error(), "ended: exit status 3") || !strings.Contains(err.Error(), "log line") {
		t.Errorf("got %v", err)
	}
}

func TestServerThatCrashesDuringTheRunIsAnError(t *testing.T) {
	lab, binary := newLab(t, "crash")
	server, err := lab.Start(t.Context(), binary, load.ConfigPlain, false)
	if err != nil {
		// The greeting itself may be lost in the crash.
		if !strings.Contains(err.Error(), "ended: exit status 3") {
			t.Fatal(err)
		}
		return
	}
	<-server.ended
	if err := server.Stop(); err == nil || !strings.Contains(err.Error(), "ended during the run") {
		t.Errorf("got %v", err)
	}
}

func TestInterruptedStartLeavesNoProcess(t *testing.T) {
	lab, binary := newLab(t, "serve")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lab.Start(ctx, binary, load.ConfigPlain, false); err == nil {
		t.Error("a start that was cancelled succeeded")
	}
}

func TestUseRefusesWhatCannotRun(t *testing.T) {
	lab, _ := newLab(t, "serve")
	plain := t.TempDir() + "/file"
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{plain, plain + "-missing", t.TempDir()} {
		if _, err := lab.Use(t.Context(), "test", path); err == nil {
			t.Errorf("accepted %s", path)
		}
	}
}

func TestCertificateServesLocalhost(t *testing.T) {
	lab, _ := newLab(t, "serve")
	pair, err := tls.LoadX509KeyPair(lab.Certificate(), lab.key())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "localhost", CurrentTime: time.Now()}); err != nil {
		t.Error(err)
	}
}

func TestWebsocketConfiguration(t *testing.T) {
	lab, _ := newLab(t, "serve")
	for kind, compression := range map[load.Config]string{load.ConfigWeb: "compression: false", load.ConfigWebDeflate: "compression: true"} {
		text, err := lab.configuration(kind, 4222, 0, 4433)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`listen: "127.0.0.1:4433"`, "no_tls: true", compression} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: no %s in %s", kind, want, text)
			}
		}
	}
}

func TestPermissionConfigurationHasAllUsers(t *testing.T) {
	lab, _ := newLab(t, "serve")
	text, err := lab.configuration(load.ConfigPermissions, 4222, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{load.UserPlain, load.UserWithPermissions(0), load.UserWithPermissions(load.UserCount - 1)} {
		if !strings.Contains(string(text), fmt.Sprintf("{user: %q,", user)) {
			t.Errorf("no user %s", user)
		}
	}
	if open, closed := strings.Count(string(text), "{"), strings.Count(string(text), "}"); open != closed {
		t.Errorf("%d opening and %d closing braces", open, closed)
	}
	if n := strings.Count(string(text), "permissions:"); n != load.UserCount {
		t.Errorf("%d users with permissions, want %d", n, load.UserCount)
	}
	if _, err := lab.configuration("other", 1, 0, 0); err == nil {
		t.Error("an unknown configuration was accepted")
	}
}
