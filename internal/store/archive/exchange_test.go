package archive

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/legacy"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// An exchange is what another program wants of this package: an archive read, and
// perhaps written again by way of a stream.
type exchange struct {
	In, Dump, Out string // files; Dump gets the contents as JSON
	Format        Format // of Out
	Name          string // of the stream, where In does not tell
	Config        json.RawMessage
}

// TestExchange lets the tests of interop, a module that cannot import this package, do
// to archives of other servers what it does.
func TestExchange(t *testing.T) {
	order, ok := os.LookupEnv("ARCHIVE_EXCHANGE")
	if !ok {
		t.Skip("there is no order: the tests of the module interop give one")
	}
	var x exchange
	must(t, json.Unmarshal([]byte(order), &x))
	archive, err := os.ReadFile(x.In)
	must(t, err)
	got := mustRead(t, archive)
	for _, p := range got.Head.Problems {
		if p.Grade > legacy.Difference { // the index tells of messages that limits removed
			t.Errorf("problem: %v", p)
		}
	}
	dump, err := json.Marshal(got)
	must(t, err)
	must(t, os.WriteFile(x.Dump, dump, 0o600))
	if x.Out == "" {
		return
	}
	s := newStream(t, store.Options{})
	_, err = Restore(bytes.NewReader(archive), Restoration{Options: Options{FS: faulty.New(1), Dir: unpackDir}, Into: Direct(s)})
	must(t, err)
	source := Source{Name: x.Name, Config: x.Config, Created: got.Head.Created, Time: time.Now(), State: s.State(), Consumers: got.Consumers, Messages: Direct(s)}
	must(t, os.WriteFile(x.Out, mustWrite(t, x.Format, source), 0o600))
}
