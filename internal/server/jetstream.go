package server

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/godwit-mq/godwit/internal/jetstream"
	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/journal"
	monitorapi "github.com/godwit-mq/godwit/internal/monitor/api"
	"github.com/godwit-mq/godwit/internal/options"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/migrate"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// storeDir is where everything is stored.
func storeDir(o *options.Options) string {
	if o.StoreDir != "" {
		return o.StoreDir
	}
	return filepath.Join(os.TempDir(), "nats")
}

// startJetStream opens what is stored and serves it.
func (s *Server) startJetStream() error {
	o := s.current().Options
	if !o.JetStream {
		return nil
	}
	dir := storeDir(o)
	if o.StoreDir == "" {
		s.log.Warnf("Temporary storage directory used, data could be lost on system reboot")
	}
	if err := migrate.CheckStart(vfs.OS, dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("could not create storage directory - %w", err)
	}
	config := s.jetStreamConfig()
	engine, err := jetstream.Open(jetstream.Options{
		FS: vfs.OS, Dir: config.StoreDir,
		Storage:   block.Options{Journal: journal.Options{Direct: true, Interval: o.SyncInterval, OnEvent: s.journalEvent}},
		MaxMemory: config.MaxMemory, MaxStore: config.MaxStore, Lenient: o.NoJetStreamStrict, MaxPayload: int64(o.MaxPayload),
		Server: s.name, Version: CompatVersion, Log: &s.log,
	}, []jetstream.Enabled{{Account: s.accounts.global(), Tiers: api.Tiers{"": api.Unlimited()}}})
	if err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	s.jetstream.Store(engine)
	s.log.Noticef("Starting JetStream")
	s.log.Noticef("  Max Memory:      %d", config.MaxMemory)
	s.log.Noticef("  Max Storage:     %d", config.MaxStore)
	s.log.Noticef("  Store Directory: \"%s\"", config.StoreDir)
	if o.SyncInterval > 0 {
		s.log.Warnf("Messages are acknowledged before they are synced, within %v", o.SyncInterval)
	}
	return nil
}

// journalEvent logs what an operator has to know.
func (s *Server) journalEvent(e journal.Event) {
	if e.Err != nil {
		s.log.Errorf("JetStream journal: %v", e)
	}
}

// stopJetStream leaves everything so that the next start is quick.
func (s *Server) stopJetStream() {
	engine := s.jetstream.Swap(nil)
	if engine == nil {
		return
	}
	s.log.Noticef("Initiating JetStream Shutdown...")
	if err := engine.Close(); err != nil {
		s.log.Errorf("JetStream: %v", err)
	}
	s.log.Noticef("JetStream Shutdown")
}

// jetStreamConfig is the configuration in force.
func (s *Server) jetStreamConfig() monitorapi.JetStreamConfig {
	o := s.current().Options
	c := monitorapi.JetStreamConfig{
		MaxMemory: o.JetStreamMaxMemory, MaxStore: o.JetStreamMaxStore, StoreDir: filepath.Join(storeDir(o), migrate.StoreDir),
		SyncInterval: o.SyncInterval, SyncAlways: o.SyncInterval == 0, CompressOK: true, Strict: !o.NoJetStreamStrict,
	}
	if c.MaxMemory <= 0 {
		c.MaxMemory = defaultMemory
	}
	if c.MaxStore <= 0 {
		c.MaxStore = defaultStore
	}
	return c
}

const (
	defaultMemory = 256 << 20
	defaultStore  = 1 << 40
)

// JetStream implements monitor.Source.
func (s source) JetStream() *monitorapi.JSInfo {
	engine := s.jetstream.Load()
	if engine == nil {
		return nil
	}
	u := engine.Usage()
	info := &monitorapi.JSInfo{Config: s.jetStreamConfig(), Streams: u.Streams, Consumers: u.Consumers, Messages: u.Messages, Bytes: u.Memory + u.File, Total: 1}
	info.Memory, info.Store, info.Accounts = u.Memory, u.File, 1
	info.ReservedMemory, info.ReservedStore = uint64(u.ReservedMemory), uint64(u.ReservedFile)
	info.API = monitorapi.JetStreamAPIStats{Level: api.Level, Total: u.Requests, Errors: u.FailedRequests}
	return info
}
