package main

import (
	"time"
	_ "unsafe" // for the names of the reference's internals

	"unsafe"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"context"
)

//go:linkname lookupStream github.com/nats-io/nats-server/v2/server.(*Account).lookupStream
func lookupStream(*server.Account, string) (unsafe.Pointer, error)

//go:linkname streamStore github.com/nats-io/nats-server/v2/server.(*stream).Store
func streamStore(unsafe.Pointer) server.StreamStore

// A reference is an embedded reference server.
type reference struct{ server *server.Server }

func startReference(dir string, always bool) *reference {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true, SyncAlways: always,
	})
	check(err)
	s.Start()
	if !s.ReadyForConnections(60 * time.Second) {
		panic("the reference does not start")
	}
	return &reference{s}
}

func (r *reference) stop() {
	r.server.Shutdown()
	r.server.WaitForShutdown()
}

// create makes a stream and returns its store.
func (r *reference) create(config jetstream.StreamConfig) server.StreamStore {
	nc, err := nats.Connect(r.server.ClientURL())
	check(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	check(err)
	_, err = js.CreateStream(context.Background(), config)
	check(err)
	return r.store(config.Name)
}

func (r *reference) store(name string) server.StreamStore {
	p, err := lookupStream(r.server.GlobalAccount(), name)
	check(err)
	return streamStore(p)
}
