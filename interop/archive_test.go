package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
)

// Formats of archives, as package archive numbers them.
const (
	binaryArchive = 1
	tarArchive    = 2
)

const jetStream = "jetstream: {store_dir: %q}\n"

// storedMessage is a message as clients see it.
type storedMessage struct {
	Sequence                 uint64
	Time                     int64
	Subject, Header, Payload string
}

// archiveContents is what package archive says that an archive holds.
type archiveContents struct {
	Head struct {
		Format int
		State  struct {
			Messages, FirstSequence, LastSequence uint64
			LastTime                              int64
		}
		Created time.Time
	}
	Consumers []struct {
		Name    string
		Created time.Time
		State   *struct {
			Delivered, Floor struct{ Consumer, Stream uint64 }
			Pending          []struct {
				Consumer, Stream uint64
				Time             int64
			}
			Redelivered []struct{ Stream, Count uint64 }
		}
	}
	Messages []storedMessage
}

// An archiver runs package archive, which cannot be imported from here, as a program.
type archiver struct{ binary, dir string }

func newArchiver(t *testing.T) archiver {
	t.Helper()
	a := archiver{dir: t.TempDir()}
	a.binary = filepath.Join(a.dir, "archive.test")
	if out, err := exec.Command("go", "test", "-C", "..", "-c", "-o", a.binary, "./internal/store/archive").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return a
}

// read reads an archive and writes it again in another format, unless that is 0.
func (a archiver) read(t *testing.T, archive []byte, format int, config string) (c archiveContents, converted []byte) {
	t.Helper()
	dir := t.TempDir()
	in, dump, out := filepath.Join(dir, "in"), filepath.Join(dir, "dump"), filepath.Join(dir, "out")
	if format == 0 {
		out = ""
	}
	if err := os.WriteFile(in, archive, 0o600); err != nil {
		t.Fatal(err)
	}
	var named struct{ Name string }
	if err := json.Unmarshal([]byte(config), &named); err != nil {
		t.Fatal(err)
	}
	order, err := json.Marshal(map[string]any{"In": in, "Dump": dump, "Out": out, "Format": format, "Name": named.Name, "Config": json.RawMessage(config)})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(a.binary, "-test.run", "^TestExchange$")
	cmd.Env = append(os.Environ(), "ARCHIVE_EXCHANGE="+string(order))
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("exchange: %v\n%s", err, text)
	}
	content, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &c); err != nil {
		t.Fatal(err)
	}
	if out != "" {
		if converted, err = os.ReadFile(out); err != nil {
			t.Fatal(err)
		}
	}
	return c, converted
}

// api asks the JetStream API and fails the test if the answer is an error.
func api(t *testing.T, nc *nats.Conn, subject, request string, answer any) {
	t.Helper()
	m, err := nc.Request("$JS.API."+subject, []byte(request), patience)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	checkAPI(t, subject, m.Data, answer)
}

func checkAPI(t *testing.T, subject string, data []byte, answer any) {
	t.Helper()
	var failure struct{ Error *struct{ Description string } }
	if err := json.Unmarshal(data, &failure); err != nil || failure.Error != nil {
		t.Fatalf("%s: %s (%v)", subject, data, err)
	}
	if answer != nil {
		if err := json.Unmarshal(data, answer); err != nil {
			t.Fatal(err)
		}
	}
}

// backup makes an archive of a stream.
func backup(t *testing.T, nc *nats.Conn, stream string) (archive []byte, state json.RawMessage) {
	t.Helper()
	inbox := nats.NewInbox()
	chunks, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = chunks.Unsubscribe() }()
	var begin struct{ State json.RawMessage }
	api(t, nc, "STREAM.SNAPSHOT."+stream, fmt.Sprintf(`{"deliver_subject":%q}`, inbox), &begin)
	for {
		m, err := chunks.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Data) == 0 {
			if status := m.Header.Get("Status"); status != "" && status != "204" {
				t.Fatalf("backup: %v", m.Header)
			}
			return archive, begin.State
		}
		archive = append(archive, m.Data...)
		if m.Reply != "" {
			if err := m.Respond(nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// restoreTo restores an archive to a server.
func restoreTo(t *testing.T, nc *nats.Conn, stream, config string, state json.RawMessage, archive []byte) {
	t.Helper()
	var begin struct {
		Subject string `json:"deliver_subject"`
	}
	api(t, nc, "STREAM.RESTORE."+stream, fmt.Sprintf(`{"config":%s,"state":%s}`, config, state), &begin)
	for {
		n := min(len(archive), 64<<10)
		m, err := nc.Request(begin.Subject, archive[:n], patience)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			checkAPI(t, "restore", m.Data, nil)
			return
		}
		if len(m.Data) > 0 {
			t.Fatalf("restore: %s", m.Data)
		}
		archive = archive[n:]
	}
}

// A view is what clients see of a stream and its consumers.
type view struct {
	First, Last uint64
	LastTime    time.Time
	Messages    []storedMessage
	Consumers   []consumerView
}

type consumerView struct {
	Name                     string
	Delivered, Floor         nats.SequencePair
	Outstanding, Redelivered int
}

func look(t *testing.T, nc *nats.Conn, stream string) (v view) {
	t.Helper()
	js, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	info, err := js.StreamInfo(stream)
	if err != nil {
		t.Fatal(err)
	}
	v.First, v.Last, v.LastTime = info.State.FirstSeq, info.State.LastSeq, info.State.LastTime
	for seq := max(v.First, 1); seq <= v.Last; seq++ {
		var got struct {
			Message struct {
				Subject    string
				Seq        uint64
				Hdrs, Data []byte
				Time       time.Time
			}
		}
		m, err := nc.Request("$JS.API.STREAM.MSG.GET."+stream, fmt.Appendf(nil, `{"seq":%d}`, seq), patience)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(m.Data), `"err_code":10037`) {
			continue // no message found
		}
		checkAPI(t, "get", m.Data, &got)
		g := got.Message
		v.Messages = append(v.Messages, storedMessage{g.Seq, g.Time.UnixNano(), g.Subject, string(g.Hdrs), string(g.Data)})
	}
	for c := range js.Consumers(stream) {
		v.Consumers = append(v.Consumers, consumerView{
			c.Name, nats.SequencePair{Consumer: c.Delivered.Consumer, Stream: c.Delivered.Stream},
			nats.SequencePair{Consumer: c.AckFloor.Consumer, Stream: c.AckFloor.Stream}, c.NumAckPending, c.NumRedelivered,
		})
	}
	return v
}

// archivedStreams are the streams of these tests: their names and configurations.
var archivedStreams = map[string]string{
	"ORDERS": `{"name":"ORDERS","subjects":["orders.>"],"retention":"limits","storage":"file","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msg_size":-1,"discard":"old","num_replicas":1,"max_msgs_per_subject":-1}`,
	"PURGED": `{"name":"PURGED","subjects":["purged.>"],"retention":"limits","storage":"file","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msg_size":-1,"discard":"old","num_replicas":1,"max_msgs_per_subject":-1}`,
	"FRESH":  `{"name":"FRESH","subjects":["fresh.>"],"retention":"limits","storage":"file","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msg_size":-1,"discard":"old","num_replicas":1,"max_msgs_per_subject":-1}`,
	"LATEST": `{"name":"LATEST","subjects":["latest.>"],"retention":"limits","storage":"file","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msg_size":-1,"discard":"old","num_replicas":1,"max_msgs_per_subject":1}`,
}

// fillStreams makes the streams on a server: with headers, messages larger than a chunk,
// deleted messages at the front, in the middle and at the end, and consumers in the
// middle of their work.
func fillStreams(t *testing.T, nc *nats.Conn) {
	t.Helper()
	js, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, config := range archivedStreams {
		api(t, nc, "STREAM.CREATE."+name, config, nil)
	}
	for i := range 400 {
		m := nats.NewMsg(fmt.Sprintf("orders.%d", i%7))
		m.Data = []byte(strings.Repeat(fmt.Sprintf("payload %d ", i), 1+i%50*100))
		if i%3 == 0 {
			m.Header.Set("Key", fmt.Sprint(i))
			m.Header.Set("Nats-Msg-Id", fmt.Sprint("id", i))
		}
		_, err := js.PublishMsg(m)
		check(err)
		_, err = js.Publish(fmt.Sprintf("latest.%d", i%7), m.Data)
		check(err)
	}
	for _, seq := range []uint64{1, 2, 50, 51, 52, 399, 400} {
		check(js.DeleteMsg("ORDERS", seq))
	}
	for range 5 {
		_, err := js.Publish("purged.x", []byte("gone"))
		check(err)
	}
	check(js.PurgeStream("PURGED"))
	for _, name := range []string{"WORK", "IDLE"} {
		api(t, nc, "CONSUMER.CREATE.ORDERS."+name, fmt.Sprintf(`{"stream_name":"ORDERS","config":{"name":%[1]q,"durable_name":%[1]q,"ack_policy":"explicit","ack_wait":3600000000000,"deliver_policy":"all","replay_policy":"instant"}}`, name), nil)
	}
	sub, err := js.PullSubscribe("", "", nats.Bind("ORDERS", "WORK"))
	check(err)
	batch, err := sub.Fetch(10, nats.MaxWait(patience))
	check(err)
	if len(batch) != 10 {
		t.Fatalf("%d messages", len(batch))
	}
	for _, i := range []int{0, 1, 4} {
		check(batch[i].AckSync())
	}
	check(batch[5].Nak())
	eventually(t, "a redelivery", func() bool { // new messages may come before it
		again, err := sub.Fetch(1, nats.MaxWait(patience))
		check(err)
		meta, err := again[0].Metadata()
		check(err)
		return meta.NumDelivered == 2
	})
}

// sameConsumers compares consumers of an archive with what clients see.
func (c archiveContents) sameConsumers(t *testing.T, v view) {
	t.Helper()
	if len(c.Consumers) != len(v.Consumers) {
		t.Fatalf("%d consumers, expected %d", len(c.Consumers), len(v.Consumers))
	}
	for _, want := range v.Consumers {
		found := false
		for _, got := range c.Consumers {
			if got.Name != want.Name {
				continue
			}
			found = true
			if got.State == nil {
				t.Fatalf("consumer %s has no state", got.Name)
			}
			is := consumerView{got.Name, nats.SequencePair(got.State.Delivered), nats.SequencePair(got.State.Floor), len(got.State.Pending), len(got.State.Redelivered)}
			if diff := cmp.Diff(want, is); diff != "" {
				t.Errorf("consumer (-server +archive):\n%s", diff)
			}
		}
		if !found {
			t.Errorf("consumer %s is not in the archive", want.Name)
		}
	}
}

// afterBinary is what v2.15.2 makes of a stream that it restores from its own format: it
// forgets when deleted messages at the end were stored, and puts consumers at the
// beginning of the stream.
func (v view) afterBinary() view {
	v.First = max(v.First, 1)
	v.LastTime = time.Time{}
	if n := len(v.Messages); n > 0 {
		v.LastTime = time.Unix(0, v.Messages[n-1].Time).UTC()
	}
	v.Consumers = append([]consumerView(nil), v.Consumers...)
	for i := range v.Consumers {
		c := &v.Consumers[i]
		c.Delivered.Stream, c.Floor.Stream = max(c.Delivered.Stream, v.First-1), max(c.Floor.Stream, v.First-1)
	}
	return v
}

// startReference starts a server with JetStream.
func startReference(t *testing.T, name string) *nats.Conn {
	t.Helper()
	return startServer(t, name, fmt.Sprintf(jetStream, t.TempDir())).connect()
}

// oldServer builds another version of the reference, or skips the test.
func oldServer(t *testing.T, version string) string {
	t.Helper()
	name := "nats-server-" + version
	if binaries[name] == "" {
		dir := filepath.Join(filepath.Dir(binaries["nats-server"]), version)
		cmd := exec.Command("go", "install", "github.com/nats-io/nats-server/v2@"+version)
		cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("server %s cannot be built: %v\n%s", version, err, out)
		}
		binaries[name] = filepath.Join(dir, "nats-server")
	}
	return name
}

// TestArchives: what limits removed is still in the blocks of a tar archive (so LATEST is
// not compared there, but only when it is restored under the same limits). An archive that a server made holds what its clients see; and written
// again in either format, servers restore it to the same, as far as they know the format.
func TestArchives(t *testing.T) {
	a := newArchiver(t)
	for _, from := range []string{"v2.15.2", "v2.14.9", "v2.12.0", "v2.10.29"} {
		t.Run("from "+from, func(t *testing.T) {
			name, made := "nats-server", binaryArchive
			if from != "v2.15.2" {
				name, made = oldServer(t, from), tarArchive
			}
			nc := startReference(t, name)
			fillStreams(t, nc)
			for stream, config := range archivedStreams {
				want := look(t, nc, stream)
				archive, state := backup(t, nc, stream)
				contents, toTar := a.read(t, archive, tarArchive, config)
				_, toBinary := a.read(t, archive, binaryArchive, config)
				if contents.Head.Format != made || contents.Head.State.FirstSequence != want.First || contents.Head.State.LastSequence != want.Last {
					t.Fatalf("%s: %+v, expected %d to %d", stream, contents.Head, want.First, want.Last)
				}
				if diff := cmp.Diff(want.Messages, contents.Messages); !(made == tarArchive && stream == "LATEST") && diff != "" {
					t.Fatalf("%s (-server +archive):\n%s", stream, diff)
				}
				if want.Last > 0 && contents.Head.State.LastTime != want.LastTime.UnixNano() {
					t.Errorf("%s: last time %d, expected %d", stream, contents.Head.State.LastTime, want.LastTime.UnixNano())
				}
				contents.sameConsumers(t, want)
				type way struct {
					to, format string
					archive    []byte
				}
				back := []way{{"v2.15.2", "binary", toBinary}, {"v2.15.2", "tar", toTar}}
				if from == "v2.15.2" {
					back = append(back, way{"v2.15.2", "binary, its own,", archive}, way{"v2.14.9", "tar", toTar}, way{"v2.12.0", "tar", toTar}, way{"v2.10.29", "tar", toTar})
				} else {
					back = append(back, way{from, "tar", toTar}, way{"v2.15.2", "tar, its own,", archive})
				}
				for _, b := range back {
					t.Run(fmt.Sprintf("%s as %s to %s", stream, b.format, b.to), func(t *testing.T) {
						name := "nats-server"
						if b.to != "v2.15.2" {
							name = oldServer(t, b.to)
						}
						into := startReference(t, name)
						restoreTo(t, into, stream, config, state, b.archive)
						want := want
						if strings.HasPrefix(b.format, "binary") {
							want = want.afterBinary()
						}
						if diff := cmp.Diff(want, look(t, into, stream)); diff != "" {
							t.Errorf("(-before +after):\n%.4000s", diff)
						}
					})
				}
			}
		})
	}
}
