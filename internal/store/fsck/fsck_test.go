package fsck

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit-mq/godwit/internal/journal"
	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/catalog"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

const testDir = "/data/godwit"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func small() block.Options {
	return block.Options{Journal: journal.Options{SegmentSize: 64 << 10, BatchBytes: 16 << 10, LiveSegments: 2}, CheckpointBytes: 1 << 20}
}

// A node is a store that a test fills.
type node struct {
	t       testing.TB
	node    *block.Node
	list    *catalog.Catalog
	streams map[string]*block.Stream
}

func open(t testing.TB, disk vfs.FS) *node {
	t.Helper()
	n := &node{t: t, streams: map[string]*block.Stream{}}
	var err error
	n.node, _, err = block.Open(disk, testDir, small())
	must(t, err)
	n.list, _, err = catalog.Open(disk, testDir, catalog.Options{})
	must(t, err)
	return n
}

func (n *node) stream(name string) (*block.Stream, catalog.ID) {
	n.t.Helper()
	id, err := n.list.Create(catalog.Asset{Kind: catalog.Stream, Account: "A", Name: name})
	must(n.t, err)
	s, err := n.node.CreateStream(block.ID(id), block.StreamOptions{ChunkSize: 1 << 10})
	must(n.t, err)
	n.streams[name] = s
	return s, id
}

// fill appends messages, some without a subject.
func (n *node) fill(s *block.Stream, count int) {
	n.t.Helper()
	for range count {
		seq := s.State().LastSequence + 1
		m := store.Message{Time: int64(seq), Subject: fmt.Appendf(nil, "s.%d", seq%5), Payload: bytes.Repeat([]byte{byte(seq)}, 100)}
		if seq%10 == 0 {
			m.Subject = nil
		}
		must(n.t, s.Append(&m, store.Decided))
	}
	n.commit(s)
}

func (n *node) commit(a interface{ Commit(func(error)) }) {
	n.t.Helper()
	done := make(chan error, 1)
	a.Commit(func(err error) { done <- err })
	must(n.t, <-done)
}

func (n *node) consumer(stream catalog.ID, name string, delivered uint64) {
	n.t.Helper()
	id, err := n.list.Create(catalog.Asset{Kind: catalog.Consumer, Parent: stream, Name: name})
	must(n.t, err)
	c, err := n.node.CreateConsumer(block.ID(id), store.Rules{Ack: store.AckExplicit})
	must(n.t, err)
	for i := uint64(1); i <= 3; i++ {
		must(n.t, c.Deliver(store.Delivery{Pair: store.Pair{Consumer: i, Stream: delivered - 3 + i}, Count: 1, Time: 5}))
	}
	must(n.t, c.Ack(store.Pair{Consumer: 1, Stream: delivered - 2}))
	n.commit(c)
}

func (n *node) close() {
	n.t.Helper()
	for _, s := range n.streams {
		must(n.t, s.Close())
	}
	must(n.t, n.list.Close())
	must(n.t, n.node.Close())
}

// filled is a disk with a store: ORDERS is on the disk with the latest in the journal
// alone, RESTED is all on the disk, with its index, EMPTY has nothing any more.
func filled(t testing.TB) (*faulty.Disk, []Stream) {
	t.Helper()
	disk := faulty.New(1)
	n := open(t, disk)
	orders, id := n.stream("ORDERS")
	n.fill(orders, 60)
	must(t, orders.Checkpoint())
	for _, seq := range []uint64{1, 2, 7, 8, 30} {
		_, err := orders.Remove(seq)
		must(t, err)
	}
	n.fill(orders, 40)
	n.consumer(id, "worker", 50)
	rested, _ := n.stream("RESTED")
	n.fill(rested, 50)
	must(t, rested.Skip(0, 50, 9))
	n.fill(rested, 50)
	must(t, rested.Rest())
	empty, _ := n.stream("EMPTY")
	n.fill(empty, 10)
	_, err := empty.Purge(store.Purge{})
	must(t, err)
	n.commit(empty)
	var want []Stream
	for i, name := range []string{"ORDERS", "RESTED", "EMPTY"} {
		state := n.streams[name].State()
		number := []uint64{1, 3, 4}[i]
		want = append(want, Stream{Number: number, Dir: fmt.Sprintf("%s/streams/%x", testDir, number), Account: "A", Name: name, Messages: state.Messages, Bytes: state.Bytes, First: state.FirstSequence, Last: state.LastSequence})
	}
	want[0].Consumers = []Consumer{{Number: 2, Name: "worker", Delivered: 50, Floor: 48, Pending: 2}}
	n.close()
	return disk, want
}

func checked(t testing.TB, disk vfs.FS) Report {
	t.Helper()
	r, err := Check(disk, Options{StoreDir: "/data", Node: small()})
	must(t, err)
	return r
}

// untouched checks, and makes sure that the disk is as it was.
func untouched(t testing.TB, disk *faulty.Disk) Report {
	t.Helper()
	before, operations := tree(t, disk, "/data"), disk.Operations()
	r := checked(t, disk)
	if diff := cmp.Diff(before, tree(t, disk, "/data")); diff != "" || disk.Operations() != operations {
		t.Fatalf("the check changed the disk (-before +after):\n%s", diff)
	}
	return r
}

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

func same(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestACleanStore(t *testing.T) {
	disk, want := filled(t)
	got := untouched(t, disk)
	same(t, "report", Report{Dir: testDir, Streams: want}, got)
	var text, encoded bytes.Buffer
	must(t, got.WriteText(&text))
	must(t, got.WriteJSON(&encoded))
	for _, line := range []string{"stream A > ORDERS: 95 messages, ", "first 3, last 100, 1 consumers\n", "stream A > EMPTY: 0 messages, 0 bytes, first 11, last 10, 0 consumers\n", "/data/godwit: 3 streams, clean\n"} {
		if !strings.Contains(text.String(), line) {
			t.Errorf("no %q in:\n%s", line, text.String())
		}
	}
	var again struct {
		Clean bool
		Report
	}
	must(t, json.Unmarshal(encoded.Bytes(), &again))
	same(t, "read from JSON", got, again.Report)
	if !again.Clean {
		t.Error("JSON says that it is not clean")
	}
	// The store still opens.
	open(t, disk).close()
}

// TestAfterPowerCuts: a store that the power left is clean, whenever that was.
func TestAfterPowerCuts(t *testing.T) {
	for cut := range 40 {
		disk := faulty.New(1)
		n := open(t, disk)
		s, id := n.stream("S")
		n.fill(s, 30)
		n.consumer(id, "c", 20)
		disk.CutAt(disk.Operations() + cut)
		// What fails now is what the power cut is about.
		for range 5 {
			if s.Append(&store.Message{Subject: []byte("x"), Payload: make([]byte, 3000)}, store.Decided) != nil {
				break
			}
			done := make(chan struct{})
			s.Commit(func(error) { close(done) })
			<-done
			if s.Checkpoint() != nil {
				break
			}
		}
		_, _ = n.node.Close(), n.list.Close()
		after := disk.Survive(uint64(cut))
		got := untouched(t, after)
		if !got.Clean() || len(got.Streams) != 1 || got.Streams[0].Messages < 30 || got.Streams[0].Consumers[0].Delivered != 20 {
			t.Errorf("cut at %d: %+v", cut, got)
		}
	}
}

func TestWhatCannotBeChecked(t *testing.T) {
	_, err := Check(faulty.New(1), Options{StoreDir: "/data"})
	if !errors.Is(err, ErrNoStore) {
		t.Error(err)
	}
	disk, _ := filled(t)
	n := open(t, disk)
	before := tree(t, disk, "/data")
	if _, err := Check(disk, Options{StoreDir: "/data"}); !errors.Is(err, ErrRunning) {
		t.Error(err)
	}
	same(t, "the store of a running server", before, tree(t, disk, "/data"))
	n.close()
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Stat {
			return syscall.EACCES
		}
		return nil
	})
	if _, err := Check(disk, Options{StoreDir: "/data"}); !errors.Is(err, syscall.EACCES) {
		t.Error(err)
	}
	disk.Fail(nil)
	if _, err := Check(disk, Options{StoreDir: "/data", ViewBytes: vfs.PageSize}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("without memory: %v", err)
	}
	if r := checked(t, disk); !r.Clean() {
		t.Errorf("afterwards: %+v", r)
	}
}

func TestEncryptedStores(t *testing.T) {
	key, err := seal.NewAESGCM(bytes.Repeat([]byte{1}, 32))
	must(t, err)
	disk, o := faulty.New(1), small()
	o.Cipher, o.Journal.Cipher = key, key
	n, _, err := block.Open(disk, testDir, o)
	must(t, err)
	list, _, err := catalog.Open(disk, testDir, catalog.Options{Cipher: key})
	must(t, err)
	id, err := list.Create(catalog.Asset{Kind: catalog.Stream, Account: "A", Name: "S"})
	must(t, err)
	s, err := n.CreateStream(block.ID(id), block.StreamOptions{})
	must(t, err)
	must(t, s.Append(&store.Message{Subject: []byte("x")}, store.Decided))
	must(t, s.Checkpoint())
	must(t, errors.Join(s.Close(), list.Close(), n.Close()))
	if r, err := Check(disk, Options{StoreDir: "/data", Node: o}); err != nil || !r.Clean() || r.Streams[0].Messages != 1 {
		t.Errorf("with the key: %+v, %v", r, err)
	}
	if _, err := Check(disk, Options{StoreDir: "/data", Node: small()}); err == nil {
		t.Error("it can be checked without the key")
	}
}

// flipIn flips a bit behind where some bytes are in a file.
func flipIn(t testing.TB, disk *faulty.Disk, pattern string, content []byte) string {
	t.Helper()
	for path, data := range tree(t, disk, "/data") {
		if at := strings.Index(data, string(content)); at >= 0 && strings.Contains(path, pattern) {
			must(t, disk.FlipBit(path, int64(at)*8+8*10))
			return path
		}
	}
	t.Fatalf("%q is in no file %s", content[:4], pattern)
	return ""
}

// TestDamagedChunks: the report names the file, the place and the sequences that are lost,
// and counts all others, with an index and without.
func TestDamagedChunks(t *testing.T) {
	for _, tc := range []struct {
		stream string
		number int
		seq    uint64
	}{{"ORDERS", 0, 20}, {"RESTED", 1, 20}, {"RESTED", 1, 49}, {"RESTED", 1, 101}, {"RESTED", 1, 150}} {
		t.Run(fmt.Sprint(tc.stream, " ", tc.seq), func(t *testing.T) {
			disk, want := filled(t)
			path := flipIn(t, disk, fmt.Sprintf("/streams/%x/", want[tc.number].Number), bytes.Repeat([]byte{byte(tc.seq)}, 100))
			got := untouched(t, disk)
			s := got.Streams[tc.number]
			if got.Clean() || len(s.Damage) != 1 {
				t.Fatalf("%+v", s)
			}
			d := s.Damage[0]
			lost := d.Last - d.First + 1
			if d.Messages > 0 { // where the index tells, holes are not counted
				lost = d.Messages
			}
			if d.File != path || d.Offset == 0 || d.First > tc.seq || d.Last < tc.seq || lost > 12 {
				t.Errorf("%+v, in %s", d, path)
			}
			if s.Messages+lost != want[tc.number].Messages {
				t.Errorf("%d messages of %d, and %d lost", s.Messages, want[tc.number].Messages, lost)
			}
			if s.First != want[tc.number].First && d.First != want[tc.number].First || s.Last != want[tc.number].Last {
				t.Errorf("from %d to %d", s.First, s.Last)
			}
			for i := range want {
				if i != tc.number {
					same(t, "another stream", want[i], got.Streams[i])
				}
			}
			if tail := fmt.Sprintf("sequences %d to %d)", d.First, d.Last); d.First != d.Last && !strings.HasSuffix(d.String(), tail) {
				t.Errorf("no %q in %v", tail, d)
			}
			var text bytes.Buffer
			must(t, got.WriteText(&text))
			if !strings.Contains(text.String(), "  damage: "+d.String()+"\n") || !strings.Contains(text.String(), "damaged in 1 places") {
				t.Errorf("text: %s", text.String())
			}
		})
	}
}

// TestSeveralDamagedChunks are reported one by one, and what lies between is there.
func TestSeveralDamagedChunks(t *testing.T) {
	disk, want := filled(t)
	for _, seq := range []byte{5, 40, 120} {
		flipIn(t, disk, "/streams/3/", bytes.Repeat([]byte{seq}, 100))
	}
	s := untouched(t, disk).Streams[1]
	lost := uint64(0)
	for _, d := range s.Damage {
		lost += d.Messages
	}
	if len(s.Damage) != 3 || s.Messages+lost != want[1].Messages {
		t.Errorf("%d of %d messages: %v", s.Messages, want[1].Messages, s.Damage)
	}
}

// TestMissingFiles: a stream without files that had some, and one that lacks one of them.
func TestMissingFiles(t *testing.T) {
	disk, want := filled(t)
	must(t, disk.Remove(testDir+"/streams/3/1.chunks"))
	got := untouched(t, disk)
	if s := got.Streams[1]; got.Clean() || s.Messages != 0 || s.Last != want[1].Last {
		t.Errorf("%+v", s)
	}
	for _, name := range []string{"1.chunks", "manifest"} {
		must(t, disk.Remove(testDir+"/streams/1/"+name))
	}
	must(t, disk.Remove(testDir+"/streams/1"))
	got = untouched(t, disk)
	if s := got.Streams[0]; s.Name != "ORDERS" || len(s.Damage) != 1 || !strings.Contains(s.Damage[0].Reason, "cannot be loaded") {
		t.Errorf("%+v", s)
	}
}

// TestSingleBits: whichever bit is flipped, the check says something, or what it finds is
// what it was; it never fails but for files without which there is nothing to check.
func TestSingleBits(t *testing.T) {
	disk, want := filled(t)
	flips, silent := 0, 0
	for path, content := range tree(t, disk, "/data") {
		step := 1 + len(content)/60
		for at := 0; at < len(content); at += step {
			flips++
			after := disk.Clone(1)
			must(t, after.FlipBit(path, int64(at*8+at%8)))
			r, err := Check(after, Options{StoreDir: "/data", Node: small()})
			if err != nil {
				t.Errorf("%s, byte %d: %v", path, at, err)
				continue
			}
			if r.Clean() {
				silent++
				if diff := cmp.Diff(want, r.Streams); diff != "" {
					t.Errorf("%s, byte %d: nothing is said of\n%s", path, at, diff)
				}
			}
		}
	}
	t.Logf("%d flips, %d without a word", flips, silent)
}

func TestCatalogs(t *testing.T) {
	disk, want := filled(t)
	lost := disk.Clone(1)
	must(t, lost.Remove(testDir+"/catalog/manifest"))
	got := untouched(t, lost)
	if got.Clean() || len(got.Damage) != 1 || len(got.Streams) != 3 {
		t.Fatalf("without a catalog: %+v", got)
	}
	for i, s := range got.Streams {
		want[i].Account, want[i].Name, want[i].Consumers = "", "", nil
		same(t, "a stream without a name", want[i], s)
	}
	if text := fmt.Sprint(got.Notes); !strings.Contains(text, "no catalog knows the stream with number 4") || !strings.Contains(text, "no catalog knows number 2, of which the journal has") {
		t.Errorf("notes: %s", text)
	}
	damaged := disk.Clone(1)
	must(t, damaged.FlipBit(testDir+"/catalog/manifest", 3)) // the header
	if got := untouched(t, damaged); got.Clean() || len(got.Streams) != 3 {
		t.Errorf("with a damaged catalog: %+v", got)
	}
	partly := disk.Clone(1)
	must(t, partly.FlipBit(testDir+"/catalog/manifest", 200*8))
	n := open(t, partly) // which keeps a copy when it writes
	must(t, n.list.Drop(3))
	n.close()
	got = untouched(t, partly)
	if text := fmt.Sprint(got.Notes); !strings.Contains(text, "a copy of a damaged catalog") || !strings.Contains(text, "was damaged before") || !strings.Contains(text, "is being deleted") {
		t.Errorf("notes: %s", text)
	}
}

func TestStrays(t *testing.T) {
	disk, want := filled(t)
	for _, name := range []string{"core", "streams/file", "streams/1/x.chunk", "streams/zz/1.chunks"} {
		must(t, disk.MkdirAll(filepath.Dir(testDir+"/"+name)))
		must(t, vfs.WriteFile(disk, testDir+"/"+name, []byte("x")))
	}
	n := open(t, disk)
	_, err := n.list.Create(catalog.Asset{Kind: catalog.Stream, Account: "A", Name: "BEGUN"})
	must(t, err)
	n.close()
	got := untouched(t, disk)
	same(t, "streams", want, got.Streams[:3])
	if !got.Clean() {
		t.Errorf("damage: %+v", got)
	}
	var files []string
	for _, note := range got.Notes {
		files = append(files, note.File)
	}
	same(t, "notes", []string{testDir + "/core", testDir + "/streams/1/x.chunk", testDir + "/streams/file", testDir + "/streams/zz", testDir + "/streams/5"}, files)
}

// TestAConsumerAheadOfItsStream is damage.
func TestAConsumerAheadOfItsStream(t *testing.T) {
	disk := faulty.New(1)
	n := open(t, disk)
	s, id := n.stream("S")
	n.fill(s, 10)
	n.consumer(id, "ahead", 15)
	n.close()
	got := untouched(t, disk)
	if c := got.Streams[0].Consumers[0]; got.Clean() || len(c.Damage) != 1 || c.Damage[0].First != 11 || c.Damage[0].Last != 15 {
		t.Errorf("%+v", c)
	}
	var text bytes.Buffer
	must(t, got.WriteText(&text))
	if !strings.Contains(text.String(), "damage of consumer ahead: it has seen sequence 15") {
		t.Error(text.String())
	}
}

// TestADiskThatFailsNowAndThen does not keep the check from its end.
func TestADiskThatFailsNowAndThen(t *testing.T) {
	disk, want := filled(t)
	for every := range 12 {
		n := 0
		disk.Fail(func(op faulty.Operation) error {
			if op.Kind != faulty.Read || !strings.HasSuffix(op.Name, ".chunks") {
				return nil
			}
			if n++; n%(every+1) == 0 {
				return syscall.EIO
			}
			return nil
		})
		r, err := Check(disk, Options{StoreDir: "/data", Node: small()})
		disk.Fail(nil)
		if err != nil || len(r.Streams) != 3 || every == 0 && r.Clean() {
			t.Errorf("every %d: %+v, %v", every+1, r, err)
		}
	}
	same(t, "afterwards", want, untouched(t, disk).Streams)
}

func TestDamageIsBounded(t *testing.T) {
	var s Stream
	for range DamageMax + 5 {
		s.differs("x")
	}
	r := Report{Streams: []Stream{s}}
	var text bytes.Buffer
	must(t, r.WriteText(&text))
	if len(s.Damage) != DamageMax || s.Untold != 5 || !strings.Contains(text.String(), "in 5 more places") || !strings.Contains(text.String(), "damaged in 10005 places") {
		t.Errorf("%d and %d", len(s.Damage), s.Untold)
	}
}
