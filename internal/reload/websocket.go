package reload

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/godwit-mq/godwit/internal/options"
)

// websocketFixed are the fields of the WebSocket listener that cannot change while
// it is open, with the names of their keys.
var websocketFixed = []struct{ field, key string }{
	{"Host", "host"}, {"Port", "port"}, {"NoTLS", "no_tls"}, {"HandshakeTimeout", "handshake_timeout"},
}

// compareWebsocket compares the settings of the WebSocket listener. The contents of
// certificates are not compared: new ones are used in any case.
func compareWebsocket(old, next options.WebsocketOpts) (changed bool, err error) {
	var fixed []string
	a, b := reflect.ValueOf(old), reflect.ValueOf(next)
	for _, f := range websocketFixed {
		if !a.FieldByName(f.field).Equal(b.FieldByName(f.field)) {
			fixed = append(fixed, f.key)
		}
	}
	if (old.TLSConfig == nil) != (next.TLSConfig == nil) {
		fixed = append(fixed, "tls")
	}
	if len(fixed) > 0 {
		// Values are not shown: there may be a password among them.
		return true, fmt.Errorf("config reload not supported for Websocket: %s changed", strings.Join(fixed, ", "))
	}
	old.TLSConfig, next.TLSConfig = nil, nil
	return !reflect.DeepEqual(old, next), nil
}
