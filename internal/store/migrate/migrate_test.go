package migrate

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/legacy"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

var workerState = store.ConsumerState{
	Delivered: store.Pair{Consumer: 9, Stream: 8}, Floor: store.Pair{Consumer: 3, Stream: 4},
	Pending:     []store.Outstanding{{Pair: store.Pair{Consumer: 4, Stream: 6}, Time: 9e9}, {Pair: store.Pair{Consumer: 9, Stream: 8}, Time: 10e9}},
	Redelivered: []store.Redelivered{{Stream: 6, Count: 2}},
}

// several makes a source with two accounts, and returns what a new store must have.
func several(t testing.TB, disk *faulty.Disk) map[string]migrated {
	t.Helper()
	want := map[string]migrated{}
	expect := func(s *source, list []message, first, last uint64, lastTime int64, fields string, consumers map[string]migratedConsumer) {
		m := migrated{Messages: list, Config: `{"name":"` + s.name + `"` + fields + `}`, Created: testCreated.UnixNano(), Consumers: consumers}
		m.State = store.State{FirstSequence: first, LastSequence: last, LastTime: lastTime}
		subjects := map[string]bool{}
		for i, x := range list {
			if i == 0 {
				m.State.FirstTime = x.Time
			}
			m.State.Messages++
			m.State.Bytes += store.FileSize(len(x.Subject), len(x.Header), len(x.Payload))
			subjects[x.Subject] = true
		}
		m.State.Subjects = len(subjects)
		want[s.account+">"+s.name] = m
	}
	rules := `,"ack_policy":"explicit","max_deliver":5`
	s := newSource(t, disk, "A", "ORDERS", `,"compression":"s2"`)
	s.block(1, numberedRun(3, 60), 10, 11)
	s.block(2, numberedRun(100, 160), 4, 160) // the last is gone, and remembered
	s.consumer("worker", rules, &workerState)
	s.consumer("fresh", `,"ack_policy":"none","max_deliver":-1`, nil)
	expect(s, without(append(numberedRun(3, 60), numberedRun(100, 160)...), 10, 11, 4, 160), 3, 160, 160e9, `,"compression":"s2"`, map[string]migratedConsumer{
		"worker": {`{"durable_name":"worker"` + rules + `}`, testCreated.UnixNano(), store.Rules{Ack: store.AckExplicit, MaxDeliver: 5}, &workerState},
		"fresh":  {`{"durable_name":"fresh","ack_policy":"none","max_deliver":-1}`, testCreated.UnixNano(), store.Rules{}, nil},
	})
	none := map[string]migratedConsumer{}
	s = newSource(t, disk, "A", "PURGED", "")
	s.block(7, nil, 1000)
	expect(s, nil, 1001, 1000, 1000e9, "", none)
	s = newSource(t, disk, "A", "FRESH", `,"first_seq":50`)
	expect(s, nil, 50, 49, 0, `,"first_seq":50`, none)
	s = newSource(t, disk, "A", "NEVER", "")
	s.block(1, nil)
	expect(s, nil, 0, 0, 0, "", none)
	s = newSource(t, disk, "B", "ORDERS", `,"allow_msg_ttl":true`)
	list := []message{
		{Seq: 1, Time: -5, Subject: "x", Header: "NATS/1.0\r\nNats-TTL: 1m30s\r\n\r\n", TTL: 90},
		{Seq: 2, Time: 3, Subject: "s", Header: "NATS/1.0\r\nNats-TTL: never\r\n\r\n", TTL: store.NeverExpires},
		{Seq: 3, Time: 3, Subject: "y.z", Header: "NATS/1.0\r\nNats-TTL: soon\r\n\r\n", Payload: "p"},
		{Seq: 4, Time: 2, Subject: "y.z", Header: "NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: 60\r\n\r\n", TTL: 60, Marker: true},
		{Seq: math.MaxUint32 * 8, Time: 3, Subject: "far", Header: "NATS/1.0\r\nKV-Operation: PURGE\r\n\r\n", Marker: true},
	}
	s.block(1, list)
	expect(s, list, 1, math.MaxUint32*8, 3, `,"allow_msg_ttl":true`, none)
	return want
}

func TestEverythingArrives(t *testing.T) {
	for _, from := range []string{"/old/jetstream", "/old"} {
		disk := faulty.New(1)
		want := several(t, disk)
		before := tree(t, disk, "/old")
		o := testOptions()
		o.From = from
		got := run(disk, o)
		must(t, got.err)
		if got.Damaged() || len(got.problems) > 0 {
			t.Errorf("problems: %v", got.problems)
		}
		same(t, "the new store", want, read(t, disk))
		same(t, "the source", before, tree(t, disk, "/old"))
		if list, err := disk.ReadDir("/new"); err != nil || len(list) != 1 || list[0].Name != "godwit" {
			t.Errorf("in the directory: %+v, %v", list, err)
		}
		reports := map[string]StreamReport{}
		for _, r := range got.Streams {
			reports[r.Account+">"+r.Name] = r
		}
		for name, w := range want {
			same(t, name, StreamReport{w.account(name), w.name(name), w.State.Messages, w.State.Bytes, w.State.FirstSequence, w.State.LastSequence, len(w.Consumers), 0}, reports[name])
		}
		if text := strings.Join(got.progress, "\n"); !strings.Contains(text, "stream A > PURGED: 0 messages") || !strings.Contains(text, "verifying") {
			t.Errorf("progress: %s", text)
		}
	}
}

func (migrated) account(key string) string { return key[:1] }
func (migrated) name(key string) string    { return key[2:] }

// TestLargeStreams: journal and files go round several times.
func TestLargeStreams(t *testing.T) {
	disk := faulty.New(1)
	s := newSource(t, disk, "A", "LARGE", "")
	var list []message
	for seq := uint64(1); seq <= 3000; seq++ {
		m := numbered(seq)
		m.Payload = strings.Repeat(string(rune('a'+seq%26)), int(seq*37%3000))
		list = append(list, m)
	}
	list[1500].Payload = strings.Repeat("y", 300<<10)
	s.block(1, list[:1000])
	s.block(2, list[1000:2000])
	s.block(3, list[2000:])
	o := testOptions()
	o.Node = block.Options{CheckpointBytes: 1 << 20} // journal of the usual size: a commit is 1 MiB
	must(t, run(disk, o).err)
	got := read(t, disk)["A>LARGE"]
	same(t, "messages", len(list), len(got.Messages))
	if !cmp.Equal(list, got.Messages) {
		t.Error("messages differ")
	}
}

func TestEncryptedStores(t *testing.T) {
	disk := faulty.New(1)
	several(t, disk)
	key, err := seal.NewAESGCM(bytes.Repeat([]byte{1}, 32))
	must(t, err)
	o := testOptions()
	o.Node.Cipher, o.Node.Journal.Cipher = key, key
	must(t, run(disk, o).err)
	for name, content := range tree(t, disk, "/new") {
		if strings.Contains(content, "payload") || strings.Contains(content, "ORDERS") {
			t.Errorf("%s shows what is in it", name)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Options, *faulty.Disk)
		want   error
	}{
		"store exists":      {func(o *Options, d *faulty.Disk) { must(t, d.MkdirAll("/new/godwit")) }, ErrStoreExists},
		"into the source":   {func(o *Options, d *faulty.Disk) { o.From, o.To = "/old", "/old" }, ErrInside},
		"below the source":  {func(o *Options, d *faulty.Disk) { o.To = "/old/jetstream/A" }, ErrInside},
		"source is a store": {func(o *Options, d *faulty.Disk) { o.From = "/new/godwit.new/x" }, ErrInside},
		"no source":         {func(o *Options, d *faulty.Disk) { o.From = "/nowhere" }, fs.ErrNotExist},
		"wrong directory":   {func(o *Options, d *faulty.Disk) { o.From = "/old/jetstream/A/streams/ORDERS" }, ErrNothing},
		"no permission": {func(o *Options, d *faulty.Disk) {
			d.Fail(func(op faulty.Operation) error {
				if strings.HasSuffix(op.Name, "1.blk") {
					return syscall.EACCES
				}
				return nil
			})
		}, fs.ErrPermission},
		"no permission for metadata": {func(o *Options, d *faulty.Disk) {
			d.Fail(func(op faulty.Operation) error {
				if strings.HasSuffix(op.Name, "meta.inf") {
					return syscall.EACCES
				}
				return nil
			})
		}, fs.ErrPermission},
		"full disk": {func(o *Options, d *faulty.Disk) { d.SetCapacity(d.Used() + 100<<10) }, syscall.ENOSPC},
	} {
		t.Run(name, func(t *testing.T) {
			disk := faulty.New(1)
			several(t, disk)
			before := tree(t, disk, "/old")
			o := testOptions()
			tc.change(&o, disk)
			got := run(disk, o)
			fails(t, got.err, tc.want)
			disk.Fail(nil)
			same(t, "the source", before, tree(t, disk, "/old"))
			if name != "store exists" {
				isEmpty(t, disk, "/new")
			}
		})
	}
	if err := (&Options{}).check(); err == nil {
		t.Error("no directories are needed")
	}
	o := Options{From: "/data/jetstream", To: "/data"}
	must(t, o.check())
}

func TestKeys(t *testing.T) {
	disk := faulty.New(1)
	s := newSource(t, disk, "A", "SEALED", "")
	s.block(1, numberedRun(1, 5))
	s.put(filepath.Join(s.dir, "meta.key"), bytes.Repeat([]byte{1}, 72))
	o := testOptions()
	fails(t, run(disk, o).err, ErrKey)
	o.Key = "wrong"
	fails(t, run(disk, o).err, ErrKey)
	isEmpty(t, disk, "/new")
}

// TestAnotherMigrationIsNotDisturbed, as long as it runs.
func TestAnotherMigrationIsNotDisturbed(t *testing.T) {
	disk := faulty.New(1)
	want := several(t, disk)
	node, _, err := block.Open(disk, "/new/godwit.new", small())
	must(t, err)
	fails(t, run(disk, testOptions()).err, ErrBusy)
	if _, err := disk.Stat("/new/godwit.new/journal"); err != nil {
		t.Error(err)
	}
	must(t, node.Close())
	got := run(disk, testOptions())
	must(t, got.err)
	if !strings.Contains(got.progress[0], "removing /new/godwit.new") {
		t.Errorf("progress: %v", got.progress)
	}
	same(t, "the new store", want, read(t, disk))
}

// TestFlippedBytes: what a flipped byte of a block concerns is told, and all other messages
// arrive; in strict mode nothing does.
func TestFlippedBytes(t *testing.T) {
	disk := faulty.New(1)
	want := several(t, disk)
	orders := want["A>ORDERS"]
	path := "/old/jetstream/A/streams/ORDERS/msgs/1.blk"
	content, err := vfs.ReadFile(disk, path, 1<<20)
	must(t, err)
	at := int64(bytes.Index(content, []byte("payload 33")))
	must(t, disk.FlipBit(path, at*8+3))

	o := testOptions()
	o.Strict = true
	got := run(disk, o)
	fails(t, got.err, ErrDamage)
	isEmpty(t, disk, "/new")
	if !got.Damaged() || len(got.problems) != 1 {
		t.Errorf("problems: %v", got.problems)
	}

	got = run(disk, testOptions())
	must(t, got.err)
	if !got.Damaged() || got.Problems[legacy.Damage] != 1 || len(got.problems) != 1 || !strings.Contains(got.problems[0], path+" at ") || !strings.Contains(got.problems[0], "(sequence 33)") {
		t.Errorf("problems: %v", got.problems)
	}
	orders.Messages = without(orders.Messages, 33)
	orders.State.Messages--
	orders.State.Bytes -= store.FileSize(len("orders.5"), len("NATS/1.0\r\nKey: Value\r\n\r\n"), len(numbered(33).Payload))
	want["A>ORDERS"] = orders
	same(t, "the new store", want, read(t, disk))
}

// TestWhateverByteIsFlipped: each byte of a small source in turn. What is not told has no
// effect, no other message gets lost, and the result is a whole store.
func TestWhateverByteIsFlipped(t *testing.T) {
	disk := faulty.New(1)
	s := newSource(t, disk, "A", "S", `,"first_seq":1`)
	s.block(1, numberedRun(1, 4), 2)
	s.consumer("c", `,"ack_policy":"explicit"`, &store.ConsumerState{Delivered: store.Pair{Consumer: 3, Stream: 3}, Floor: store.Pair{Consumer: 1, Stream: 1},
		Pending: []store.Outstanding{{Pair: store.Pair{Consumer: 3, Stream: 3}, Time: 5e9}}})
	reference := disk.Clone(1)
	must(t, run(reference, testOptions()).err)
	want := read(t, reference)
	silent := 0
	for path, content := range tree(t, disk, "/old") {
		for at := range content {
			after := disk.Clone(1)
			must(t, after.FlipBit(path, int64(at*8+at%8)))
			got := run(after, testOptions())
			if got.err != nil {
				t.Fatalf("%s, byte %d: %v", path, at, got.err)
			}
			new := read(t, after)
			if !got.Damaged() {
				silent++
				// The state of a consumer has no checksum.
				if !strings.HasSuffix(path, "o.dat") && !cmp.Equal(want, new) {
					t.Errorf("%s, byte %d: nothing is said about\n%s", path, at, cmp.Diff(want, new))
				}
				continue
			}
			if strings.HasSuffix(path, ".blk") && len(new["A>S"].Messages) < 2 {
				t.Errorf("%s, byte %d: %d messages are left", path, at, len(new["A>S"].Messages))
			}
			if !strings.HasSuffix(path, ".blk") && !cmp.Equal(want["A>S"].Messages, new["A>S"].Messages) {
				t.Errorf("%s, byte %d: messages are others", path, at)
			}
		}
	}
	t.Logf("%d flips without a word", silent)
}

// TestWitnesses: the last sequence is the highest that anything knows of.
func TestWitnesses(t *testing.T) {
	disk := faulty.New(1)
	s := newSource(t, disk, "A", "S", "")
	s.block(1, numberedRun(1, 5))
	state := workerState
	s.consumer("ahead", `,"ack_policy":"explicit"`, &state)
	beyond := store.ConsumerState{Delivered: store.Pair{Consumer: 1, Stream: 1 << 50}, Floor: store.Pair{Consumer: 1, Stream: 1 << 50}}
	s.consumer("beyond", `,"ack_policy":"explicit"`, &beyond)
	got := run(disk, testOptions())
	must(t, got.err)
	if got.Problems[legacy.Doubtful] != 1 || got.Problems[legacy.Damage] != 1 {
		t.Errorf("problems: %v", got.problems)
	}
	new := read(t, disk)["A>S"]
	if new.State.LastSequence != 8 || new.State.LastTime != 5e9 || len(new.Messages) != 5 {
		t.Errorf("state %+v", new.State)
	}
	same(t, "the consumer ahead", &state, new.Consumers["ahead"].State)
	if new.Consumers["beyond"].State != nil || new.Consumers["beyond"].Config == "" {
		t.Errorf("the consumer that is too far ahead: %+v", new.Consumers["beyond"])
	}
}

func TestConsumersThatCannotBeRead(t *testing.T) {
	disk := faulty.New(1)
	s := newSource(t, disk, "A", "S", "")
	s.block(1, numberedRun(1, 9))
	s.consumer("odd", `,"ack_policy":"some"`, nil)
	s.consumer("corrupt", `,"ack_policy":"all"`, nil)
	s.put(filepath.Join(s.dir, "obs", "corrupt", "o.dat"), []byte("no state"))
	s.consumer("lost", `,"ack_policy":"all"`, nil)
	must(t, disk.Remove(filepath.Join(s.dir, "obs", "lost", "meta.inf")))
	s.consumer("good", `,"ack_policy":"explicit"`, &workerState)
	got := run(disk, testOptions())
	must(t, got.err)
	if got.Problems[legacy.Damage] < 3 || got.Streams[0].Consumers != 2 {
		t.Errorf("%+v, %v", got.Streams, got.problems)
	}
	new := read(t, disk)["A>S"].Consumers
	if len(new) != 2 || new["corrupt"].State != nil || new["good"].State == nil {
		t.Errorf("consumers %+v", new)
	}
}

// TestAStreamWithoutConfiguration keeps its messages.
func TestAStreamWithoutConfiguration(t *testing.T) {
	disk := faulty.New(1)
	s := newSource(t, disk, "A", "S", "")
	s.block(1, numberedRun(1, 9))
	must(t, disk.Remove(filepath.Join(s.dir, "meta.inf")))
	empty := newSource(t, disk, "A", "EMPTY", "")
	must(t, disk.Remove(filepath.Join(empty.dir, "meta.inf")))
	noMessages := newSource(t, disk, "A", "NOMSGS", "")
	must(t, disk.Remove(filepath.Join(noMessages.dir, "msgs")))
	got := run(disk, testOptions())
	must(t, got.err)
	if !got.Damaged() {
		t.Errorf("problems: %v", got.problems)
	}
	new := read(t, disk)
	if len(new) != 2 || new["A>S"].Config != "" || !cmp.Equal(new["A>S"].Messages, numberedRun(1, 9)) || new["A>NOMSGS"].Config == "" {
		t.Errorf("%+v", new)
	}
}

// TestBatchesAndGroups are told of.
func TestBatchesAndGroups(t *testing.T) {
	for name, tc := range map[string]struct {
		header string
		grade  legacy.Grade
	}{
		"under way": {"", legacy.Note},
		"partly":    {"NATS/1.0\r\nNats-Batch-Id: b\r\nNats-Batch-Sequence: 1\r\n\r\n", legacy.Doubtful},
		"wholly":    {"NATS/1.0\r\nNats-Batch-Id: b\r\nNats-Batch-Commit: 1\r\n\r\n", legacy.Note},
	} {
		t.Run(name, func(t *testing.T) {
			disk := faulty.New(1)
			s := newSource(t, disk, "A", "S", "")
			s.block(1, []message{numbered(1), {Seq: 2, Subject: "x", Header: tc.header}})
			must(t, disk.MkdirAll(filepath.Join(s.dir, "batches", "abcdefgh")))
			must(t, disk.MkdirAll("/old/jetstream/A/_js_/S-R3F-x"))
			got := run(disk, testOptions())
			must(t, got.err)
			text := strings.Join(got.problems, "\n")
			if !strings.Contains(text, tc.grade.String()+": "+filepath.Join(s.dir, "batches", "abcdefgh")) || !strings.Contains(text, "the logs of 1 RAFT groups") {
				t.Errorf("problems: %s", text)
			}
		})
	}
}

// TestAChangingSourceIsNoticed: between the two readings a message goes.
func TestAChangingSourceIsNoticed(t *testing.T) {
	disk := faulty.New(1)
	s := newSource(t, disk, "A", "S", "")
	s.block(1, numberedRun(1, 9))
	s.put(filepath.Join(s.dir, "msgs", "odd file"), nil) // it is told of after the first
	o := testOptions()
	o.OnProblem = func(legacy.Problem) { s.block(1, numberedRun(1, 8)) }
	_, err := Run(disk, o)
	fails(t, err, ErrChanged)
	isEmpty(t, disk, "/new")
}

// TestPowerCuts: whenever the power goes, the source is as it was, there is no store or a
// whole one, and another run succeeds.
func TestPowerCuts(t *testing.T) {
	disk := faulty.New(1)
	want := several(t, disk)
	before := tree(t, disk, "/old")
	whole := disk.Clone(1)
	must(t, run(whole, testOptions()).err)
	operations := whole.Operations()
	stores, tried := 0, 0
	for cut := range operations {
		tried++
		broken := disk.Clone(uint64(cut))
		broken.CutAt(cut)
		if got := run(broken, testOptions()); got.err == nil {
			// Goroutines of the journal make the number of operations vary.
			broken.Cut()
		}
		after := broken.Survive(uint64(cut))
		if diff := cmp.Diff(before, tree(t, after, "/old")); diff != "" {
			t.Fatalf("cut at %d of %d: the source is another one:\n%s", cut, operations, diff)
		}
		if cut%3 == 0 { // and once more, while the new run begins
			after.CutAt(cut / 3)
			if got := run(after, testOptions()); got.err == nil {
				after.Cut()
			}
			after = after.Survive(uint64(cut))
		}
		if _, err := after.Stat("/new/godwit"); err == nil {
			stores++
		} else if got := run(after, testOptions()); got.err != nil {
			t.Fatalf("cut at %d of %d, second run: %v", cut, operations, got.err)
		}
		if diff := cmp.Diff(want, read(t, after)); diff != "" {
			t.Fatalf("cut at %d of %d (-want +got):\n%s", cut, operations, diff)
		}
		if list, err := after.ReadDir("/new"); err != nil || len(list) != 1 {
			t.Fatalf("cut at %d of %d: left behind: %+v, %v", cut, operations, list, err)
		}
	}
	t.Logf("%d operations, %d cuts, %d times the store was there", operations, tried, stores)
}

// TestFailingWrites leave nothing, and the next run succeeds.
func TestFailingWrites(t *testing.T) {
	disk := faulty.New(1)
	want := several(t, disk)
	for _, kind := range []faulty.Kind{faulty.Create, faulty.Write, faulty.Sync, faulty.Rename, faulty.SyncDir, faulty.Mkdir} {
		for skip := 0; skip < 60; skip += 19 {
			broken := disk.Clone(1)
			n := 0
			broken.Fail(func(op faulty.Operation) error {
				if op.Kind != kind || !strings.HasPrefix(op.Name, "/new") {
					return nil
				}
				if n++; n > skip && n < skip+40 {
					return syscall.EIO
				}
				return nil
			})
			got := run(broken, testOptions())
			broken.Fail(nil)
			if got.err != nil {
				if !errors.Is(got.err, syscall.EIO) {
					t.Errorf("%v after %d: %v", kind, skip, got.err)
				}
				if _, err := broken.Stat("/new/godwit"); err == nil {
					// Only the last sync of the directory can fail behind it.
					if kind != faulty.SyncDir {
						t.Errorf("%v after %d: a store in spite of %v", kind, skip, got.err)
					}
					must(t, broken.Rename("/new/godwit", "/new/other"))
				}
				must(t, run(broken, testOptions()).err)
			}
			if diff := cmp.Diff(want, read(t, broken)); diff != "" {
				t.Errorf("%v after %d (-want +got):\n%s", kind, skip, diff)
			}
		}
	}
}

func TestCheckStart(t *testing.T) {
	disk := faulty.New(1)
	must(t, CheckStart(disk, "/old"))
	must(t, disk.MkdirAll("/old/jetstream/A/streams/.gone"))
	must(t, vfs.WriteFile(disk, "/old/jetstream/file", nil))
	must(t, disk.MkdirAll("/old/jetstream/B"))
	must(t, CheckStart(disk, "/old"))
	newSource(t, disk, "A", "S", "").block(1, numberedRun(1, 3))
	err := CheckStart(disk, "/old")
	if err == nil || !strings.Contains(err.Error(), `godwit migrate --from "/old/jetstream" --to "/old"`) {
		t.Fatal(err)
	}
	o := testOptions()
	o.To = "/old"
	must(t, run(disk, o).err) // the command that it names
	must(t, CheckStart(disk, "/old"))
	disk.Fail(func(faulty.Operation) error { return syscall.EIO })
	fails(t, CheckStart(disk, "/old"), syscall.EIO)
}

func TestParseTTL(t *testing.T) {
	for text, want := range map[string]int64{
		"never": store.NeverExpires, "NEVER": store.NeverExpires, "1h": 3600, "90s": 90, "1.9s": 1, "1s": 1,
		"0": 0, "5": 5, "9223372036854775807": math.MaxInt64,
		"": -2, "0s": -2, "999ms": -2, "-1": -2, "-5s": -2, "soon": -2, "9223372036854775808": -2, "never ": -2,
	} {
		got, ok := parseTTL(text)
		if !ok {
			got = -2
		}
		if got != want {
			t.Errorf("%q: %d instead of %d", text, got, want)
		}
	}
}

func FuzzInterpret(f *testing.F) {
	for _, ttl := range []string{"never", "1h", "5", "-1", "0", "1.5s", "\xff"} {
		f.Add([]byte("NATS/1.0\r\nNats-TTL: " + ttl + "\r\nNats-Marker-Reason: MaxAge\r\n\r\n"))
	}
	f.Add([]byte("NATS/1.0\r\nNats-TTL"))
	f.Fuzz(func(t *testing.T, header []byte) {
		m := store.Message{Header: header, TTL: 99, Marker: true}
		interpret(&m)
		if m.TTL < 0 && m.TTL != store.NeverExpires {
			t.Errorf("life time %d", m.TTL)
		}
		if m.TTL != 0 && !bytes.Contains(header, []byte(headerTTL)) || m.Marker && len(header) == 0 {
			t.Errorf("%+v from nothing", m)
		}
	})
}

// FuzzConfigurations: whatever is in them, they are read or refused.
func FuzzConfigurations(f *testing.F) {
	f.Add([]byte(`{"first_seq":5,"compression":"s2","ack_policy":"all","max_deliver":-1}`))
	f.Add([]byte(`{"first_seq":-5}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, config []byte) {
		if c, err := readStreamConfig(config); err == nil && c.FirstSequence > store.SequenceMax {
			t.Errorf("%+v", c)
		}
		if r, err := consumerRules(config); err == nil && (r.Ack > store.AckExplicit || r.MaxDeliver < 0) {
			t.Errorf("%+v", r)
		}
	})
}

func TestTimesOfCreation(t *testing.T) {
	for _, tc := range []struct {
		time time.Time
		want int64
	}{
		{time.Time{}, 0},
		{testCreated, testCreated.UnixNano()},
		{time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), math.MinInt64},
		{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), math.MaxInt64},
	} {
		if got := unixNano(tc.time); got != tc.want {
			t.Errorf("%v: %d", tc.time, got)
		}
	}
}
