package legacy_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/legacy"
	"github.com/godwit-mq/godwit/internal/store/memory"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// A way is one combination of how a directory is written and how the server ends.
type way struct {
	version     string
	cipher      string // "", chacha, aes
	compression bool
	kill        bool
}

func (w way) String() string {
	name := w.version
	if w.cipher != "" {
		name += " " + w.cipher
	}
	if w.compression {
		name += " compressed"
	}
	if w.kill {
		return name + " killed"
	}
	return name + " stopped"
}

// hasTTL: life times of messages came with 2.11.
func (w way) hasTTL() bool { return w.version >= "v2.11" && w.version[:4] != "v2.9" }

func (w way) settings() string {
	if w.cipher == "" {
		return ""
	}
	return fmt.Sprintf("cipher: %s, key: %q", w.cipher, theKey)
}

const theKey = "a key of the tests"

// erases tells whether messages are erased where the client does not forbid it. Of old
// servers that is fatal to compressed blocks (2.10), and to tombstones (up to 2.12)
// unless there is an index.db, as after a stop.
func (w way) erases() bool {
	return w.version == "v2.15.2" || !w.kill && !(w.compression && w.version == "v2.10.29") && w.version != "v2.9.25"
}

func ways() (list []way) {
	for _, cipher := range []string{"", "chacha", "aes"} {
		for _, kill := range []bool{false, true} {
			list = append(list, way{"v2.15.2", cipher, false, kill}, way{"v2.15.2", cipher, true, kill})
		}
		for _, version := range []string{"v2.12.0", "v2.11.10", "v2.10.29"} {
			list = append(list, way{version, cipher, cipher != "chacha", cipher == "aes"})
			if cipher == "" {
				list = append(list, way{version, cipher, false, false}, way{version, cipher, false, true})
			}
		}
		list = append(list, way{"v2.9.25", cipher, false, false})
	}
	return list
}

// A message is what client and reader see of one.
type message struct {
	Seq                      uint64
	Time                     int64
	Subject, Header, Payload string
}

// A summary is the state of a stream as the server tells it.
type summary struct {
	Messages      uint64    `json:"messages"`
	Bytes         uint64    `json:"bytes"`
	FirstSequence uint64    `json:"first_seq"`
	LastSequence  uint64    `json:"last_seq"`
	LastTime      time.Time `json:"last_ts"`
}

// A progress is the state of a consumer as the server tells it.
type progress struct {
	Delivered struct {
		Consumer uint64 `json:"consumer_seq"`
		Stream   uint64 `json:"stream_seq"`
	} `json:"delivered"`
	Floor struct {
		Consumer uint64 `json:"consumer_seq"`
		Stream   uint64 `json:"stream_seq"`
	} `json:"ack_floor"`
	Pending     int `json:"num_ack_pending"`
	Redelivered int `json:"num_redelivered"`
}

// streams are the configurations, by name.
func streams(w way) map[string]map[string]any {
	all := map[string]map[string]any{
		// Blocks of 32,000 bytes follow from max_bytes.
		"LOG":   {"max_bytes": 120_000},
		"KV":    {"max_msgs_per_subject": 1, "max_bytes": 120_000, "allow_rollup_hdrs": true},
		"RING":  {"max_msgs": 50, "max_bytes": 120_000},
		"WORK":  {"retention": "workqueue", "max_bytes": 120_000},
		"GONE":  {},
		"FRESH": {},
	}
	for name, config := range all {
		config["name"], config["subjects"], config["storage"] = name, []string{name + ".>"}, "file"
		if w.compression {
			config["compression"] = "s2"
		}
	}
	if w.hasTTL() {
		all["TTL"] = map[string]any{"name": "TTL", "subjects": []string{"TTL.>"}, "storage": "file", "allow_msg_ttl": true}
	}
	return all
}

// work does what clients do, for each stream.
func work(s *server, w way) {
	for name, config := range streams(w) {
		s.api("STREAM.CREATE."+name, config, nil)
	}
	random := rand.New(rand.NewPCG(1, 1))
	payload := func() []byte { return bytes.Repeat([]byte{'a' + byte(random.Uint32())%26, byte(random.Uint32())}, 250) }
	for i := range 180 {
		if i%3 == 0 {
			s.publish(fmt.Sprintf("LOG.%d", i%5), payload(), "Number", fmt.Sprint(i))
		} else {
			s.publish(fmt.Sprintf("LOG.%d", i%5), payload())
		}
		if i < 120 {
			s.publish(fmt.Sprintf("KV.%d", i%17), payload())
			s.publish(fmt.Sprintf("RING.%d", i), payload())
			s.publish(fmt.Sprintf("WORK.%d", i), payload())
		}
		if i < 10 {
			s.publish("GONE.x", payload())
		}
	}
	s.publish("LOG.empty", nil)
	for seq := uint64(5); seq < 180; seq += 9 {
		s.api("STREAM.MSG.DELETE.LOG", map[string]any{"seq": seq, "no_erase": seq%2 == 0 || !w.erases()}, nil)
	}
	s.api("STREAM.PURGE.LOG", map[string]any{"filter": "LOG.3", "keep": 4}, nil)
	s.api("STREAM.MSG.DELETE.LOG", map[string]any{"seq": 181, "no_erase": !w.erases()}, nil) // the last
	s.api("STREAM.PURGE.GONE", map[string]any{}, nil)
	if w.hasTTL() {
		s.publish("TTL.never", payload(), "Nats-TTL", "never")
		s.publish("TTL.short", payload(), "Nats-TTL", "1s")
		s.publish("TTL.long", payload(), "Nats-TTL", "1h")
		eventually(s.t, "a message expires", func() bool { return s.summary("TTL").Messages == 2 })
	}
	s.consume("LOG", "EXPLICIT", "explicit", 20, func(i int, m *nats.Msg) string { return []string{"+ACK", "-NAK", "+WPI"}[i%3] })
	s.consume("LOG", "ALL", "all", 10, func(i int, m *nats.Msg) string { return map[bool]string{true: "+ACK", false: ""}[i == 4] })
	s.consume("LOG", "NONE", "none", 10, func(i int, m *nats.Msg) string { return "" })
	s.consume("LOG", "UNUSED", "explicit", 0, nil)
	s.consume("WORK", "WORKER", "explicit", 70, func(i int, m *nats.Msg) string { return map[bool]string{true: "+ACK", false: ""}[i%7 != 6] })
}

// consume makes a durable consumer, and answers the first messages as answer says; what
// is not acknowledged is asked for once more.
func (s *server) consume(stream, name, policy string, count int, answer func(int, *nats.Msg) string) {
	s.t.Helper()
	s.api("CONSUMER.DURABLE.CREATE."+stream+"."+name, map[string]any{"stream_name": stream,
		"config": map[string]any{"durable_name": name, "ack_policy": policy, "deliver_policy": "all", "max_ack_pending": 1000}}, nil)
	fetch := func() *nats.Msg {
		m, err := s.nc.Request("$JS.API.CONSUMER.MSG.NEXT."+stream+"."+name, nil, patience)
		if err != nil {
			s.t.Fatalf("next of %s: %v", name, err)
		}
		return m
	}
	for i := range count {
		m := fetch()
		if text := answer(i, m); text == "+ACK" { // waits until it is done
			if _, err := s.nc.Request(m.Reply, []byte(text), patience); err != nil {
				s.t.Fatalf("ack %s: %v", name, err)
			}
		} else if text != "" {
			if err := s.nc.Publish(m.Reply, []byte(text)); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	if policy == "explicit" && count > 0 {
		fetch()
		fetch()
	}
}

func (s *server) summary(stream string) summary {
	s.t.Helper()
	var info struct {
		State summary `json:"state"`
	}
	s.api("STREAM.INFO."+stream, nil, &info)
	return info.State
}

// messages asks the server for all messages of a stream.
func (s *server) messages(stream string) (list []message) {
	s.t.Helper()
	state := s.summary(stream)
	for seq := state.FirstSequence; seq <= state.LastSequence && seq > 0; seq++ {
		var got struct {
			Message struct {
				Subject string
				Seq     uint64
				Hdrs    []byte
				Data    []byte
				Time    time.Time
			}
		}
		if err := s.try("STREAM.MSG.GET."+stream, map[string]any{"seq": seq}, &got); err != nil {
			if !strings.Contains(err.Error(), "no message found") {
				s.t.Fatalf("message %d of %s: %v", seq, stream, err)
			}
			continue
		}
		m := got.Message
		list = append(list, message{m.Seq, m.Time.UnixNano(), m.Subject, string(m.Hdrs), string(m.Data)})
	}
	return list
}

func TestDirectoriesOfServers(t *testing.T) {
	for _, w := range ways() {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			s := start(t, w.version, t.TempDir(), w.settings())
			work(s, w)
			wanted := map[string][]message{}
			states := map[string]summary{}
			consumers := map[string]progress{}
			for name := range streams(w) {
				wanted[name], states[name] = s.messages(name), s.summary(name)
			}
			for _, name := range []string{"LOG.EXPLICIT", "LOG.ALL", "LOG.NONE", "LOG.UNUSED", "WORK.WORKER"} {
				var p progress
				s.api("CONSUMER.INFO."+name, nil, &p)
				consumers[name] = p
			}
			// The states of consumers are written a little later; nothing else is. Old servers
			// empty the file first, and do not wait for that even when they are stopped.
			eventually(t, "the states of consumers are written", func() bool {
				return quiet(t, s.store, time.Second) && consumersAre(t, s.store, consumers) == ""
			})
			s.stop(map[bool]os.Signal{true: syscall.SIGKILL, false: syscall.SIGTERM}[w.kill])
			compare(t, w, s.store, wanted, states)
			if diff := consumersAre(t, s.store, consumers); diff != "" {
				t.Errorf("consumers (-want +got):\n%s", diff)
			}
		})
	}
}

func open(t *testing.T, dir string) *legacy.Account {
	t.Helper()
	d, err := legacy.Open(vfs.OS, dir, legacy.Options{Key: theKey})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range d.Accounts {
		if a.Name == "ORDERS" {
			return a
		}
	}
	t.Fatalf("no account: %+v", d)
	return nil
}

// quiet reports whether no state of a consumer was written for a while.
func quiet(t *testing.T, dir string, span time.Duration) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "jetstream", "ORDERS", "streams", "*", "obs", "*", "o.dat"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || time.Since(info.ModTime()) < span {
			return false
		}
	}
	return len(files) > 0
}

// consumersAre says how the states of consumers on disk differ from those that the server
// told.
func consumersAre(t *testing.T, dir string, want map[string]progress) string {
	t.Helper()
	got := map[string]progress{}
	for _, stream := range open(t, dir).Streams {
		for _, c := range stream.Consumers {
			state, err := c.State()
			if err != nil {
				return err.Error()
			}
			if state == nil {
				state = &store.ConsumerState{}
			}
			var p progress
			p.Delivered.Consumer, p.Delivered.Stream = state.Delivered.Consumer, state.Delivered.Stream
			p.Floor.Consumer, p.Floor.Stream = state.Floor.Consumer, state.Floor.Stream
			p.Pending, p.Redelivered = len(state.Pending), len(state.Redelivered)
			got[stream.Name+"."+c.Name] = p
		}
	}
	return cmp.Diff(want, got)
}

// compare reads all streams and compares them with what the server told.
func compare(t *testing.T, w way, dir string, wanted map[string][]message, states map[string]summary) {
	t.Helper()
	account := open(t, dir)
	if len(account.Streams) != len(wanted) {
		t.Errorf("%d streams instead of %d", len(account.Streams), len(wanted))
	}
	for _, stream := range account.Streams {
		if len(stream.Problems) > 0 || stream.Created.IsZero() || !strings.Contains(string(stream.Config), `"name":"`+stream.Name+`"`) {
			t.Errorf("%s: created %v, config %s, problems %v", stream.Name, stream.Created, stream.Config, stream.Problems)
		}
		if want := map[string]legacy.Cipher{"": legacy.Plain, "chacha": legacy.ChaCha, "aes": legacy.AES}[w.cipher]; stream.Cipher != want {
			t.Errorf("%s: cipher %v", stream.Name, stream.Cipher)
		}
		c, err := stream.Survey()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range c.Problems {
			unlisted := strings.Contains(p.String(), "messages are there that it does not count") && (stream.Name == "KV" || stream.Name == "RING" || w.version < "v2.14")
			if p.Grade > legacy.Difference || !w.kill && p.Grade == legacy.Difference && !unlisted {
				t.Errorf("%s: %v", stream.Name, p)
			}
		}
		got, state := restore(t, stream, c)
		if diff := cmp.Diff(wanted[stream.Name], got); diff != "" {
			t.Errorf("%s: messages (-want +got):\n%s", stream.Name, diff)
		}
		if diff := cmp.Diff(states[stream.Name], state); diff != "" {
			t.Errorf("%s: state (-want +got):\n%s", stream.Name, diff)
		}
	}
	if w.compression {
		wrapped(t, dir, w.cipher)
	}
}

// restore stores the messages anew under the limits of the stream, as a migration does
// that trusts index.db, and returns what is left.
func restore(t *testing.T, stream *legacy.Stream, c *legacy.Contents) (list []message, state summary) {
	t.Helper()
	limits := map[string]store.Limits{"KV": {MaxPerSubject: 1}, "RING": {MaxMessages: 50}}[stream.Name]
	into, err := memory.NewStream(store.Options{Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	next := uint64(1)
	fill := func(seq, now int64) {
		if uint64(seq) > next {
			if err := into.Skip(next, uint64(seq)-next, now); err != nil {
				t.Fatal(err)
			}
		}
		next = uint64(seq) + 1
	}
	bytes := map[uint64]uint64{}
	if err := c.Each(0, func(m *store.Message) bool {
		if c.Unlisted.Contains(m.Sequence) {
			return true
		}
		fill(int64(m.Sequence), m.Time)
		bytes[m.Sequence] = store.FileSize(len(m.Subject), len(m.Header), len(m.Payload))
		if err := into.Append(m, store.Decided); err != nil {
			t.Fatal(err)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	fill(int64(c.State.LastSequence+1), c.State.LastTime)
	all, err := store.NewFilter(">")
	if err != nil {
		t.Fatal(err)
	}
	if err := into.Each(all, 0, func(m *store.Message) bool {
		list = append(list, message{m.Sequence, m.Time, string(m.Subject), string(m.Header), string(m.Payload)})
		state.Bytes += bytes[m.Sequence]
		return true
	}); err != nil {
		t.Fatal(err)
	}
	s := into.State()
	state.Messages, state.FirstSequence, state.LastSequence = s.Messages, s.FirstSequence, s.LastSequence
	if c.State.LastTime != 0 {
		state.LastTime = time.Unix(0, c.State.LastTime).UTC()
	}
	return list, state
}

// wrapped makes sure that compressed blocks were among those read.
func wrapped(t *testing.T, dir, cipher string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "jetstream", "ORDERS", "streams", "LOG", "msgs", "*.blk"))
	if err != nil || len(files) < 2 {
		t.Fatalf("blocks: %v, %v", files, err)
	}
	smaller := 0
	for _, file := range files[:len(files)-1] {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if cipher == "" && legacy.IsWrapped(content) || len(content) < 25_000 {
			smaller++
		}
	}
	if smaller == 0 {
		t.Errorf("no block of %d is compressed", len(files))
	}
}

// TestWrittenBytesAreTheSame: what the codec writes is what servers wrote, to the byte:
// metadata, their checksums, and blocks made of the messages.
func TestWrittenBytesAreTheSame(t *testing.T) {
	s := start(t, "v2.15.2", t.TempDir(), "")
	s.api("STREAM.CREATE.S", map[string]any{"name": "S", "subjects": []string{"S.>"}, "storage": "file", "description": "a <b> & c"}, nil)
	for i := range 20 {
		s.publish(fmt.Sprintf("S.%d", i), []byte(base64.StdEncoding.EncodeToString([]byte{byte(i)})), "Number", fmt.Sprint(i))
	}
	s.api("STREAM.MSG.DELETE.S", map[string]any{"seq": 7, "no_erase": true}, nil)
	s.consume("S", "C", "explicit", 3, func(i int, m *nats.Msg) string { return "" })
	s.stop(syscall.SIGTERM)

	stream := open(t, s.store).Streams[0]
	metadata(t, stream.Path, "S", legacy.Meta{Created: stream.Created, Config: stream.Config})
	c := stream.Consumers[0]
	metadata(t, c.Path, "S/C", legacy.Meta{Created: c.Created, Name: c.Name, Config: c.Config})

	block, err := os.ReadFile(filepath.Join(stream.Path, "msgs", "1.blk"))
	if err != nil {
		t.Fatal(err)
	}
	var again []byte
	h := legacy.BlockHasher("S", 1)
	legacy.Scan(h, block, func(_ int, r *legacy.Record) bool {
		if r.Kind == legacy.Tombstone {
			again = legacy.AppendTombstone(again, h, r.Sequence, r.Time)
		} else {
			again, err = legacy.AppendRecord(again, h, r.Sequence, r.Time, r.Subject, r.Header, r.Payload)
		}
		return err == nil
	}, func(g legacy.Gap) bool { t.Errorf("gap %+v", g); return false })
	if err != nil || !bytes.Equal(block, again) || len(block) == 0 {
		t.Errorf("block of %d bytes became %d: %v", len(block), len(again), err)
	}
}

func metadata(t *testing.T, dir, key string, m legacy.Meta) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(dir, "meta.inf"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(dir, "meta.sum"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Append(nil)
	if err != nil || !bytes.Equal(file, again) || !bytes.Equal(sum, legacy.MetaSum(key, again)) {
		t.Errorf("%s became %s: %v", file, again, err)
	}
}

// TestServersReadWhatWasWritten: a directory made with the codec is opened by servers, and
// they give the same messages and the same state of the consumer.
func TestServersReadWhatWasWritten(t *testing.T) {
	for _, version := range []string{"v2.15.2", "v2.12.0", "v2.11.10", "v2.10.29"} {
		t.Run(version, func(t *testing.T) {
			dir := t.TempDir()
			root := filepath.Join(dir, "jetstream", "ORDERS", "streams", "S")
			created := time.Date(2026, 11, 24, 6, 9, 31, 672173055, time.UTC)
			h := legacy.BlockHasher("S", 1)
			var block []byte
			var want []message
			var err error
			for seq := uint64(3); seq <= 9; seq++ {
				m := message{seq, created.UnixNano() + int64(seq), fmt.Sprintf("S.%d", seq), "NATS/1.0\r\nA: b\r\n\r\n", fmt.Sprint("payload ", seq)}
				if block, err = legacy.AppendRecord(block, h, seq, m.Time, []byte(m.Subject), []byte(m.Header), []byte(m.Payload)); err != nil {
					t.Fatal(err)
				}
				if seq != 5 {
					want = append(want, m)
				}
			}
			block = legacy.AppendTombstone(block, h, 5, created.UnixNano()+5)
			block = legacy.AppendPlaceholder(block, h, 12, created.UnixNano()+9)
			state := store.ConsumerState{Delivered: store.Pair{Consumer: 4, Stream: 7}, Floor: store.Pair{Consumer: 2, Stream: 4},
				Pending: []store.Outstanding{{Pair: store.Pair{Consumer: 3, Stream: 6}, Time: created.UnixNano()}, {Pair: store.Pair{Consumer: 4, Stream: 7}, Time: created.UnixNano()}}}
			files := map[string][]byte{
				"msgs/1.blk":  block,
				"obs/C/o.dat": legacy.AppendConsumerState(nil, &state),
			}
			for dir, meta := range map[string]legacy.Meta{
				"":       {Created: created, Config: []byte(`{"name":"S","subjects":["S.>"],"retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msgs_per_subject":-1,"max_msg_size":-1,"discard":"old","storage":"file","num_replicas":1}`)},
				"obs/C/": {Created: created, Name: "C", Config: []byte(`{"durable_name":"C","name":"C","deliver_policy":"all","ack_policy":"explicit","ack_wait":3600000000000,"max_deliver":-1,"max_ack_pending":1000,"replay_policy":"instant","num_replicas":0}`)},
			} {
				content, err := meta.Append(nil)
				if err != nil {
					t.Fatal(err)
				}
				files[dir+"meta.inf"] = content
				files[dir+"meta.sum"] = legacy.MetaSum(map[string]string{"": "S", "obs/C/": "S/C"}[dir], content)
			}
			for name, content := range files {
				path := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s := start(t, version, dir, "")
			if diff := cmp.Diff(want, s.messages("S")); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			var p progress
			s.api("CONSUMER.INFO.S.C", nil, &p)
			if got := s.summary("S"); got.LastSequence != 12 || got.FirstSequence != 3 || p.Delivered.Stream != 7 || p.Floor.Consumer != 2 || p.Pending != 2 {
				t.Errorf("state %+v, consumer %+v", got, p)
			}
		})
	}
}
