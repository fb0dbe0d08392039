package main

import (
	"fmt"
	"strings"
	"testing"
)

// The process list does not show what the server still knows.
func TestProcessListHasNoSecrets(t *testing.T) {
	for _, tc := range []struct{ flags, connect, shown string }{
		{"--user jonathan --pass=hunter2", `{"verbose":false,"user":"jonathan","pass":"hunter2"}`, "--user ******** --pass=*******"},
		{"-auth s3cr3t", `{"verbose":false,"auth_token":"s3cr3t"}`, "-auth ******"},
	} {
		c := serving(t, strings.Fields(tc.flags)...)
		p, _ := greet(t, c.address())
		fmt.Fprintf(p.conn, "CONNECT %s\r\nPING\r\n", tc.connect) // an error shows in the answer
		if line := p.line(); line != "PONG" {
			t.Errorf("%s: %q", tc.flags, line)
		}
		shown := strings.ReplaceAll(read(t, fmt.Sprintf("/proc/%d/cmdline", c.cmd.Process.Pid)), "\x00", " ")
		if !strings.HasSuffix(strings.TrimSpace(shown), "-p -1 "+tc.shown) {
			t.Errorf("%s is shown as %q", tc.flags, shown)
		}
	}
}
