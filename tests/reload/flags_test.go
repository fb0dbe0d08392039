package reload_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/tests/kit"
)

// runFlags starts a server with a file, to which listen is added, and flags.
func runFlags(t testing.TB, text string, flags ...string) *site {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.conf")
	kit.Write(t, path, listen+text)
	never := func() { t.Error("nothing was to be printed") }
	o, err := godwit.ConfigureOptions(flag.NewFlagSet("godwit", flag.ContinueOnError), append([]string{"-c", path}, flags...),
		never, never, never)
	if err != nil {
		t.Fatal(err)
	}
	return runOptions(t, o)
}

// What the command line says holds for every file that is read later.
func TestFlagsStay(t *testing.T) {
	s := runFlags(t, "max_connections: 5\nauthorization { user: a, password: a }",
		"--user", "flag", "--pass", "secret", "--client_advertise", "me:1", "-n", "name")
	p := s.peer(`"user":"flag","pass":"secret"`)
	s.reload("max_connections: 6\nclient_advertise: \"you:2\"\nserver_name: other\nauthorization { user: b, password: b }")
	p.sync()
	if info := s.dial().info; info["host"] != "me" || info["server_name"] != "name" {
		t.Errorf("INFO: %v", info)
	}
	if n := s.varz().MaxConn; n != 6 {
		t.Errorf("max_connections is %d", n)
	}
	s.fails(`"user":"b","pass":"b"`)
}

// A switch on the command line is stronger than the file, in both directions.
func TestSwitchesStay(t *testing.T) {
	for _, c := range []struct {
		file, flag   string
		debug, trace bool
	}{
		{"", "", false, false},
		{"", "-D", true, false},
		{"", "-debug", true, false},
		{"", "-V", false, true},
		{"", "-DV", true, true},
		{"debug: false", "-D", true, false},
		{"debug: true", "", true, false},
		{"debug: true", "-D=false", false, false},
		{"debug: true", "-debug=false", false, false},
		{"trace: false", "-V", false, true},
		{"trace: false", "-trace", false, true},
		{"trace: true", "-V=false", false, false},
		{"trace: true", "-trace=false", false, false},
		{"trace_verbose: true", "-VV=false", false, false},
		{"debug: true, trace: true", "-DV=false", false, false},
		{"debug: false, trace: false", "-DVV", true, true},
	} {
		t.Run(c.file+" "+c.flag, func(t *testing.T) {
			var flags []string
			if c.flag != "" {
				flags = []string{c.flag}
			}
			s := runFlags(t, c.file, flags...)
			check := func(when string) {
				t.Helper()
				s.log.Take("")
				p := s.peer("")
				p.conn.Close()
				kit.Eventually(t, "the connection is gone", func() bool { return s.NumClients() == 0 })
				if got := s.log.Has("DBG "); got != c.debug {
					t.Errorf("%s: debug lines: %v", when, got)
				}
				if got := s.log.Has("TRC "); got != c.trace {
					t.Errorf("%s: trace lines: %v", when, got)
				}
			}
			check("before")
			s.reload(c.file + "\nmax_connections: 1000")
			check("after")
			if strings.Contains(c.flag, "=false") {
				return
			}
			// The file changes its mind, where the flag says nothing else.
			s.reload(fmt.Sprintf("debug: %v, trace: %v", c.debug, c.trace))
			check("at last")
		})
	}
}
