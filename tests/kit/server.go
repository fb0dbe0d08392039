package kit

import (
	"path/filepath"
	"testing"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
)

// Reloadable starts a server with a configuration file, on a free port. The returned
// function replaces the file and lets the server read it again.
func Reloadable(t testing.TB, text string) (*godwit.Server, func(text string)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "server.conf")
	write := func(text string) { Write(t, file, "listen: 127.0.0.1:-1\n"+text) }
	write(text)
	o := Must[*godwit.Options](t)(godwit.ProcessConfigFile(file))
	o.NoLog = true
	s := godwittest.Run(t, o)
	return s, func(text string) {
		t.Helper()
		write(text)
		OK(t, s.Reload())
	}
}
