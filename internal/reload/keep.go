package reload

import (
	"reflect"

	"github.com/godwit-mq/godwit/internal/options"
)

// codeOnly are the fields that neither a file nor a flag can set: what an embedding
// program said about them once holds for every file that is read later.
var codeOnly = map[string]bool{
	"AlwaysEnableNonce": true, "CustomClientAuthentication": true, "DisableShortFirstPing": true, "DontListen": true,
	"NoLog": true, "NoSigs": true,
}

// Keep copies to options that were read from a file what only code can say.
func Keep(old, next *options.Options) {
	a, b := reflect.ValueOf(old).Elem(), reflect.ValueOf(next).Elem()
	for name := range codeOnly {
		b.FieldByName(name).Set(a.FieldByName(name))
	}
	if next.Port == options.RandomPort {
		next.Port = old.Port // any port will do, so the present one does
	}
}
