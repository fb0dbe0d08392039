package options

import (
	"testing"
	"time"
)

func TestJetStreamFromAFile(t *testing.T) {
	for text, want := range map[string]Options{
		"jetstream: true":     {JetStream: true},
		"jetstream: Enabled":  {JetStream: true},
		"jetstream: disabled": {},
		"jetstream {}":        {JetStream: true},
		"jetstream { enabled: false, store_dir: '/a' }":        {StoreDir: "/a"},
		"jetstream { disabled: true }":                         {},
		"jetstream { max_mem: 1G, max_file: 2TB }":             {JetStream: true, JetStreamMaxMemory: 1e9, JetStreamMaxStore: 2 << 40},
		"jetstream { store_dir: '/a', strict: false }":         {JetStream: true, StoreDir: "/a", NoJetStreamStrict: true},
		"jetstream { sync: always }":                           {JetStream: true},
		"jetstream { sync_interval: '2s' }":                    {JetStream: true, SyncInterval: 2 * time.Second},
		"jetstream: true, store_dir: '/b'":                     {JetStream: true, StoreDir: "/b"},
		"jetstream { domain: '', max_outstanding_catchup: 0 }": {JetStream: true},
	} {
		o, err := ProcessConfigString(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := Options{
			JetStream: o.JetStream, StoreDir: o.StoreDir, JetStreamMaxMemory: o.JetStreamMaxMemory,
			JetStreamMaxStore: o.JetStreamMaxStore, SyncInterval: o.SyncInterval, NoJetStreamStrict: o.NoJetStreamStrict,
		}
		if got.JetStream != want.JetStream || got.StoreDir != want.StoreDir || got.JetStreamMaxMemory != want.JetStreamMaxMemory ||
			got.JetStreamMaxStore != want.JetStreamMaxStore || got.SyncInterval != want.SyncInterval || got.NoJetStreamStrict != want.NoJetStreamStrict {
			t.Errorf("%s: on %v dir %q memory %d store %d sync %v lenient %v", text, got.JetStream, got.StoreDir,
				got.JetStreamMaxMemory, got.JetStreamMaxStore, got.SyncInterval, got.NoJetStreamStrict)
		}
	}
	refuse(t, "jetstream: perhaps", "Expected 'enabled' or 'disabled' for string value, got 'perhaps'")
	refuse(t, "jetstream: 1", "")
	refuse(t, "jetstream { store_dir: '/a' }\nstore_dir: '/b'", ":2:1: Duplicate 'store_dir' configuration")
}

// What JetStream does not go together with yet is refused, not ignored.
func TestJetStreamAlone(t *testing.T) {
	for text, want := range map[string]string{
		"jetstream: true, accounts { A {} }": "jetstream is not supported yet beside configured accounts",
	} {
		o, err := ProcessConfigString(text)
		if err != nil {
			t.Fatal(err)
		}
		o.SetDefaults()
		if err := o.Validate(); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	o, err := ProcessConfigString("jetstream: true, system_account: SYS, accounts { SYS {} }")
	if err != nil {
		t.Fatal(err)
	}
	o.SetDefaults()
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}
