package store

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

//go:linkname lookupStream github.com/nats-io/nats-server/v2/server.(*Account).lookupStream
func lookupStream(*server.Account, string) (unsafe.Pointer, error)

//go:linkname streamStore github.com/nats-io/nats-server/v2/server.(*stream).Store
func streamStore(unsafe.Pointer) server.StreamStore

// startReference starts an embedded reference server for one test.
func startReference(t *testing.T) (*server.Server, jetstream.JetStream) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the reference does not start")
	}
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		nc.Close()
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s, js
}

// referenceStore makes a stream and returns its store.
func referenceStore(t *testing.T, s *server.Server, js jetstream.JetStream, c jetstream.StreamConfig) server.StreamStore {
	t.Helper()
	if _, err := js.CreateStream(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	p, err := lookupStream(s.GlobalAccount(), c.Name)
	if err != nil {
		t.Fatal(err)
	}
	return streamStore(p)
}

// A storedMsg has the layout of the reference's StoreMsg, whose fields have no names
// outside.
type storedMsg struct {
	subject            string
	header, body, rest []byte
	sequence           uint64
	time               int64
}

func openMsg(sm *server.StoreMsg) *storedMsg { return (*storedMsg)(unsafe.Pointer(sm)) }
