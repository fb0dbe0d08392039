package reload

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/options"
)

func TestCompareWebsocket(t *testing.T) {
	base := options.WebsocketOpts{Host: "h", Port: 1, NoTLS: true, Password: "secret"}
	for name, c := range map[string]struct {
		change  func(*options.WebsocketOpts)
		changed bool
		err     string
	}{
		"nothing": {func(*options.WebsocketOpts) {}, false, ""},
		"live":    {func(w *options.WebsocketOpts) { w.PingInterval = time.Second; w.AllowedOrigins = []string{"http://a"} }, true, ""},
		"port":    {func(w *options.WebsocketOpts) { w.Port, w.Host = 2, "i" }, true, "host, port changed"},
		"tls":     {func(w *options.WebsocketOpts) { w.TLSConfig = &tls.Config{} }, true, "tls changed"},
	} {
		next := base
		c.change(&next)
		changed, err := compareWebsocket(base, next)
		if changed != c.changed || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, %v", name, changed, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v shows the password", name, err)
		}
	}
}
