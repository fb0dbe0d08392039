package migrate

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/internal/journal"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/catalog"
	"github.com/godwit-mq/godwit/internal/store/legacy"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

var testCreated = time.Date(2026, 11, 24, 6, 9, 31, 672173055, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A message is a message of a test.
type message struct {
	Seq                      uint64
	Time                     int64
	Subject, Header, Payload string
	TTL                      int64
	Marker                   bool
}

// numbered is a message whose parts follow from its sequence.
func numbered(seq uint64) message {
	m := message{Seq: seq, Time: int64(seq) * 1e9, Subject: fmt.Sprintf("orders.%d", seq%7), Payload: fmt.Sprintf("payload %d ", seq) + strings.Repeat("x", int(seq%50))}
	if seq%3 == 0 {
		m.Header = "NATS/1.0\r\nKey: Value\r\n\r\n"
	}
	return m
}

func numberedRun(first, last uint64) (list []message) {
	for seq := first; seq <= last; seq++ {
		list = append(list, numbered(seq))
	}
	return list
}

func without(list []message, seqs ...uint64) (out []message) {
	gone := map[uint64]bool{}
	for _, seq := range seqs {
		gone[seq] = true
	}
	for _, m := range list {
		if !gone[m.Seq] {
			out = append(out, m)
		}
	}
	return out
}

// A source is a stream of an established server on a disk.
type source struct {
	t             testing.TB
	disk          *faulty.Disk
	account, name string
	dir           string
}

func newSource(t testing.TB, disk *faulty.Disk, account, name, fields string) *source {
	t.Helper()
	s := &source{t: t, disk: disk, account: account, name: name, dir: filepath.Join("/old/jetstream", account, "streams", name)}
	s.metadata(s.dir, name, legacy.Meta{Created: testCreated, Config: []byte(`{"name":"` + name + `"` + fields + `}`)})
	must(t, disk.MkdirAll(filepath.Join(s.dir, "msgs")))
	return s
}

func (s *source) put(path string, content []byte) {
	s.t.Helper()
	must(s.t, s.disk.MkdirAll(filepath.Dir(path)))
	must(s.t, vfs.WriteFile(s.disk, path, content))
}

func (s *source) metadata(dir, key string, m legacy.Meta) {
	s.t.Helper()
	content, err := m.Append(nil)
	must(s.t, err)
	s.put(filepath.Join(dir, "meta.inf"), content)
	s.put(filepath.Join(dir, "meta.sum"), legacy.MetaSum(key, content))
}

func (s *source) blockPath(number uint64) string {
	return filepath.Join(s.dir, "msgs", strconv.FormatUint(number, 10)+".blk")
}

// block writes a block of messages, with tombstones behind them.
func (s *source) block(number uint64, list []message, tombstones ...uint64) {
	s.t.Helper()
	h := legacy.BlockHasher(s.name, number)
	var buf []byte
	var err error
	for _, m := range list {
		buf, err = legacy.AppendRecord(buf, h, m.Seq, m.Time, []byte(m.Subject), []byte(m.Header), []byte(m.Payload))
		must(s.t, err)
	}
	for _, seq := range tombstones {
		buf = legacy.AppendTombstone(buf, h, seq, int64(seq)*1e9)
	}
	s.put(s.blockPath(number), buf)
}

// consumer writes a consumer; its state is nil if it has none.
func (s *source) consumer(name, fields string, state *store.ConsumerState) {
	s.t.Helper()
	dir := filepath.Join(s.dir, "obs", name)
	s.metadata(dir, s.name+"/"+name, legacy.Meta{Created: testCreated, Name: name, Config: []byte(`{"durable_name":"` + name + `"` + fields + `}`)})
	if state != nil {
		s.put(filepath.Join(dir, "o.dat"), legacy.AppendConsumerState(nil, state))
	}
}

// small is a node for tests.
func small() block.Options {
	return block.Options{Journal: journal.Options{SegmentSize: 64 << 10, BatchBytes: 16 << 10, LiveSegments: 2}, CheckpointBytes: 4 << 10}
}

func testOptions() Options {
	return Options{From: "/old/jetstream", To: "/new", Node: small()}
}

// outcome is what a run said.
type outcome struct {
	Report
	progress []string
	problems []string
	err      error
}

func run(disk vfs.FS, o Options) outcome {
	var out outcome
	o.OnProgress = func(line string) { out.progress = append(out.progress, line) }
	o.OnProblem = func(p legacy.Problem) { out.problems = append(out.problems, p.String()) }
	out.Report, out.err = Run(disk, o)
	return out
}

// A migrated stream is what the new store has of one.
type migrated struct {
	Messages  []message
	State     store.State
	Config    string
	Created   int64
	Consumers map[string]migratedConsumer
}

type migratedConsumer struct {
	Config  string
	Created int64
	Rules   store.Rules
	State   *store.ConsumerState // nil: there is none
}

// read opens the new store as a server does, all at once, and returns everything.
func read(t testing.TB, disk vfs.FS) map[string]migrated {
	t.Helper()
	node, recovery, err := block.Open(disk, "/new/godwit", small())
	must(t, err)
	if recovery.Damaged() {
		t.Errorf("journal: %+v", recovery)
	}
	list, found, err := catalog.Open(disk, "/new/godwit", catalog.Options{})
	must(t, err)
	if len(found.Damage) > 0 || found.Fresh {
		t.Errorf("catalog: %+v", found)
	}
	all := map[string]migrated{}
	streams, consumers := map[block.ID]*block.Stream{}, map[block.ID]*block.Consumer{}
	for _, a := range list.All() {
		if a.Kind == catalog.Stream {
			streams[block.ID(a.ID)], err = node.LoadStream(block.ID(a.ID), block.StreamOptions{})
			must(t, err)
			continue
		}
		rules, err := consumerRules(a.Config)
		must(t, err)
		consumers[block.ID(a.ID)], err = node.LoadConsumer(block.ID(a.ID), rules)
		must(t, err)
	}
	must(t, node.Recover())
	for _, a := range list.All() {
		if a.Kind != catalog.Stream {
			continue
		}
		s := streams[block.ID(a.ID)]
		m := migrated{Config: string(a.Config), Created: a.Created, State: s.State(), Consumers: map[string]migratedConsumer{}}
		if d := s.Report().Damage; len(d) > 0 {
			t.Errorf("%s: %v", a.Name, d)
		}
		must(t, s.Each(nil, 0, func(x *store.Message) bool {
			m.Messages = append(m.Messages, message{x.Sequence, x.Time, string(x.Subject), string(x.Header), string(x.Payload), x.TTL, x.Marker})
			return true
		}))
		for _, b := range list.Consumers(a.ID) {
			c := consumers[block.ID(b.ID)]
			one := migratedConsumer{Config: string(b.Config), Created: b.Created, Rules: c.Rules()}
			if c.Report().Records > 0 {
				state := c.State()
				one.State = &state
			}
			m.Consumers[b.Name] = one
		}
		all[a.Account+">"+a.Name] = m
	}
	must(t, list.Close())
	must(t, node.Close())
	return all
}

// tree is all files below a directory.
func tree(t testing.TB, fsys vfs.FS, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	list, err := fsys.ReadDir(dir)
	must(t, err)
	for _, e := range list {
		path := filepath.Join(dir, e.Name)
		if e.Dir {
			all[path+"/"] = ""
			for name, content := range tree(t, fsys, path) {
				all[name] = content
			}
			continue
		}
		content, err := vfs.ReadFile(fsys, path, 1<<30)
		must(t, err)
		all[path] = string(content)
	}
	return all
}

// isEmpty fails the test unless nothing is in a directory, if it is there.
func isEmpty(t testing.TB, fsys vfs.FS, dir string) {
	t.Helper()
	if list, err := fsys.ReadDir(dir); err == nil && len(list) > 0 {
		t.Errorf("left in %s: %+v", dir, list)
	}
}

func same(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func fails(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}
