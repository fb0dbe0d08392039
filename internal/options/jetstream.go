package options

import (
	"errors"
	"strings"

	"github.com/godwit-mq/godwit/internal/conf"
)

// setJetstream reads the `jetstream` block, or what switches it on.
func setJetstream(d *decoder, e *conf.Entry) {
	jetstreamShape.check(d, e.Value)
	switch v := e.Value.Data.(type) {
	case bool:
		d.o.JetStream = v
	case string:
		switch strings.ToLower(v) {
		case "enabled", "enable":
			d.o.JetStream = true
		case "disabled", "disable", "":
			d.o.JetStream = false
		default:
			d.fail(e.Pos, "Expected 'enabled' or 'disabled' for string value, got '%s'", v)
		}
	case *conf.Map:
		d.o.JetStream = !asksForNothing(v) || len(v.Entries) == 0
		for _, item := range v.Entries {
			d.jetstreamKey(item)
		}
	default:
		d.mismatch(e, "map[string]interface {}")
	}
}

func (d *decoder) jetstreamKey(e *conf.Entry) {
	switch strings.ToLower(e.Key) {
	case "enabled", "enable":
		d.o.JetStream = d.bool(e)
	case "disabled", "disable":
		d.o.JetStream = !d.bool(e)
	case "store", "store_dir", "storedir":
		setStoreDir(d, e)
	case "max_memory_store", "max_mem_store", "max_mem":
		d.o.JetStreamMaxMemory = d.int(e)
	case "max_file_store", "max_file":
		d.o.JetStreamMaxStore = d.int(e)
	case "strict":
		d.o.NoJetStreamStrict = !d.bool(e)
	case "sync", "sync_interval":
		if s, ok := e.Value.Data.(string); ok && strings.EqualFold(s, "always") {
			return // as it is anyway
		}
		d.o.SyncInterval = d.duration(e)
	default:
		if _, known := jetstreamShape.keys[strings.ToLower(e.Key)]; known && !asksForNothing(e.Value.Data) {
			d.unsupported(e)
		}
	}
}

// setStoreDir reads where everything is stored. It can be said once.
func setStoreDir(d *decoder, e *conf.Entry) {
	if d.o.StoreDir != "" {
		d.fail(e.Pos, "Duplicate 'store_dir' configuration")
		return
	}
	d.o.StoreDir = d.path(e)
}

// checkJetStream refuses what JetStream cannot be combined with.
func (o *Options) checkJetStream() error {
	if !o.JetStream {
		return nil
	}
	if len(o.TrustedKeys) > 0 || len(o.TrustedOperators) > 0 {
		return errors.New("jetstream is not supported yet in operator mode")
	}
	for _, a := range o.Accounts {
		if a.Name != SystemAccount && a.Name != o.SystemAccount && a.Name != GlobalAccount {
			return errors.New("jetstream is not supported yet beside configured accounts")
		}
	}
	return nil
}
