package legacy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/catalog"
	"github.com/godwit-mq/godwit/internal/store/fsck"
	"github.com/godwit-mq/godwit/internal/store/legacy"
	"github.com/godwit-mq/godwit/internal/store/migrate"
	"github.com/godwit-mq/godwit/internal/vfs"
)

func migrations() (list []way) {
	for _, version := range []string{"v2.15.2", "v2.12.0", "v2.10.29"} {
		list = append(list, way{version: version}, way{version: version, compression: true},
			way{version: version, cipher: "chacha"}, way{version: version, cipher: "aes", compression: true})
	}
	return append(list, way{version: "v2.15.2", kill: true}, way{version: "v2.15.2", cipher: "aes", compression: true, kill: true})
}

// files is the content of all files below a directory.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestMigration: what clients saw of streams and consumers is what the new store has, and
// the source is as it was.
func TestMigration(t *testing.T) {
	for _, w := range migrations() {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			s := start(t, w.version, t.TempDir(), w.settings())
			work(s, w)
			wanted, states, created := map[string][]message{}, map[string]summary{}, map[string]time.Time{}
			for name := range streams(w) {
				var info struct{ Created time.Time }
				s.api("STREAM.INFO."+name, nil, &info)
				wanted[name], states[name], created[name] = s.messages(name), s.summary(name), info.Created
			}
			consumers := map[string]progress{}
			for _, name := range []string{"LOG.EXPLICIT", "LOG.ALL", "LOG.NONE", "LOG.UNUSED", "WORK.WORKER"} {
				var p progress
				s.api("CONSUMER.INFO."+name, nil, &p)
				consumers[name] = p
			}
			eventually(t, "the states of consumers are written", func() bool {
				return quiet(t, s.store, time.Second) && consumersAre(t, s.store, consumers) == ""
			})
			s.stop(map[bool]os.Signal{true: syscall.SIGKILL, false: syscall.SIGTERM}[w.kill])

			before, to := files(t, s.store), t.TempDir()
			var problems []string
			report, err := migrate.Run(vfs.OS, migrate.Options{From: s.store, To: to, Key: theKey, OnProblem: func(p legacy.Problem) { problems = append(problems, p.String()) }})
			if err != nil || report.Damaged() {
				t.Fatalf("%v, problems %v", err, problems)
			}
			if diff := cmp.Diff(before, files(t, s.store)); diff != "" {
				t.Errorf("the source was changed:\n%s", diff)
			}
			migrated(t, filepath.Join(to, migrate.StoreDir), wanted, states, created, consumers)
			checked, err := fsck.Check(vfs.OS, fsck.Options{StoreDir: to})
			if err != nil || !checked.Clean() || len(checked.Streams) != len(states) {
				t.Errorf("check: %+v, %v", checked, err)
			}
		})
	}
}

// limitsOf are the limits in a configuration.
func limitsOf(t *testing.T, config []byte) store.Limits {
	t.Helper()
	var c struct {
		MaxMessages   int64 `json:"max_msgs"`
		MaxPerSubject int64 `json:"max_msgs_per_subject"`
	}
	if err := json.Unmarshal(config, &c); err != nil {
		t.Fatal(err)
	}
	return store.Limits{MaxMessages: c.MaxMessages, MaxPerSubject: c.MaxPerSubject}
}

// migrated opens a new store as a server does, with the limits of its streams, and compares.
func migrated(t *testing.T, dir string, wanted map[string][]message, states map[string]summary, created map[string]time.Time, consumers map[string]progress) {
	t.Helper()
	node, recovery, err := block.Open(vfs.OS, dir, block.Options{})
	if err != nil || recovery.Damaged() {
		t.Fatalf("%+v, %v", recovery, err)
	}
	defer node.Close()
	list, found, err := catalog.Open(vfs.OS, dir, catalog.Options{})
	if err != nil || len(found.Damage) > 0 {
		t.Fatalf("%+v, %v", found, err)
	}
	defer list.Close()
	got := map[string]progress{}
	for _, a := range list.All() {
		if a.Kind == catalog.Consumer {
			continue
		}
		if a.Account != "ORDERS" || a.Created != created[a.Name].UnixNano() || !strings.Contains(string(a.Config), `"name":"`+a.Name+`"`) {
			t.Errorf("stream %+v", a)
		}
		messages, state := load(t, node, block.ID(a.ID), limitsOf(t, a.Config))
		if diff := cmp.Diff(wanted[a.Name], messages); diff != "" {
			t.Errorf("%s: messages (-want +got):\n%s", a.Name, diff)
		}
		if diff := cmp.Diff(states[a.Name], state); diff != "" {
			t.Errorf("%s: state (-want +got):\n%s", a.Name, diff)
		}
		delete(wanted, a.Name)
		for _, b := range list.Consumers(a.ID) {
			got[a.Name+"."+b.Name] = loadConsumer(t, node, block.ID(b.ID))
			if b.Created == 0 || !strings.Contains(string(b.Config), `"durable_name":"`+b.Name+`"`) {
				t.Errorf("consumer %+v", b)
			}
		}
	}
	if len(wanted) > 0 {
		t.Errorf("%d streams are missing", len(wanted))
	}
	if diff := cmp.Diff(consumers, got); diff != "" {
		t.Errorf("consumers (-want +got):\n%s", diff)
	}
}

func load(t *testing.T, node *block.Node, id block.ID, limits store.Limits) (list []message, state summary) {
	t.Helper()
	s, err := node.LoadStream(id, block.StreamOptions{Options: store.Options{Limits: limits}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := node.RecoverOne(id); err != nil {
		t.Fatal(err)
	}
	if err := s.Each(nil, 0, func(m *store.Message) bool {
		list = append(list, message{m.Sequence, m.Time, string(m.Subject), string(m.Header), string(m.Payload)})
		if strings.Contains(string(m.Header), "Nats-TTL") != (m.TTL != 0) {
			t.Errorf("message %d has the life time %d", m.Sequence, m.TTL)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	got := s.State()
	state = summary{Messages: got.Messages, Bytes: got.Bytes, FirstSequence: got.FirstSequence, LastSequence: got.LastSequence}
	if got.LastTime != 0 {
		state.LastTime = time.Unix(0, got.LastTime).UTC()
	}
	return list, state
}

func loadConsumer(t *testing.T, node *block.Node, id block.ID) (p progress) {
	t.Helper()
	c, err := node.LoadConsumer(id, store.Rules{Ack: store.AckExplicit})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := node.RecoverOne(id); err != nil {
		t.Fatal(err)
	}
	state := c.State()
	p.Delivered.Consumer, p.Delivered.Stream = state.Delivered.Consumer, state.Delivered.Stream
	p.Floor.Consumer, p.Floor.Stream = state.Floor.Consumer, state.Floor.Stream
	p.Pending, p.Redelivered = len(state.Pending), len(state.Redelivered)
	return p
}

// TestMigrationOfADamagedDirectory: a flipped byte in a block takes one message, and all
// others are there.
func TestMigrationOfADamagedDirectory(t *testing.T) {
	w := way{version: "v2.15.2"}
	s := start(t, w.version, t.TempDir(), "")
	s.api("STREAM.CREATE.S", map[string]any{"name": "S", "subjects": []string{"S.>"}, "storage": "file"}, nil)
	for i := range 50 {
		s.publish(fmt.Sprintf("S.%d", i), fmt.Appendf(nil, "payload %d.", i))
	}
	want := s.messages("S")
	s.stop(syscall.SIGTERM)
	path := filepath.Join(s.store, "jetstream", "ORDERS", "streams", "S", "msgs", "1.blk")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[bytes.Index(content, []byte("payload 20."))] ^= 4
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	var problems []string
	report, err := migrate.Run(vfs.OS, migrate.Options{From: filepath.Join(s.store, "jetstream"), To: to, OnProblem: func(p legacy.Problem) { problems = append(problems, p.String()) }})
	if err != nil || !report.Damaged() || !strings.Contains(strings.Join(problems, "\n"), "(sequence 21)") {
		t.Fatalf("%v, problems %v", err, problems)
	}
	node, _, err := block.Open(vfs.OS, filepath.Join(to, migrate.StoreDir), block.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	got, _ := load(t, node, 1, store.Limits{})
	if diff := cmp.Diff(append(want[:20:20], want[21:]...), got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}
