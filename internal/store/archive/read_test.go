package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/legacy"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

const someState = `{"messages":2,"bytes":80,"first_seq":3,"first_ts":"2026-11-24T06:09:31Z","last_seq":9,"last_ts":"2026-11-24T06:09:32Z","consumer_count":0}`

func TestReadBinary(t *testing.T) {
	got := mustRead(t, entries(t,
		statePart(`{"messages":2,"bytes":80,"first_seq":3,"first_ts":"2026-11-24T06:09:31.5Z","last_seq":9,"last_ts":"0001-01-01T00:00:00Z","num_subjects":2,"num_deleted":5,"consumer_count":1,"later":{}}`),
		consumerPart("consumers/C", `{"config":{"name":"C","x":[1]},"state":{"delivered":{"consumer_seq":7,"stream_seq":12},"ack_floor":{"consumer_seq":1,"stream_seq":3},
			"pending":{"9":{"Sequence":7,"Timestamp":2000000001},"4":{"Sequence":2,"Timestamp":-5},"11":{"Sequence":8,"Timestamp":1}},"redelivered":{"9":3,"12":1}}}`),
		messagePart(3, "a.b", "", "one"), messagePart(7, "a", "NATS/1.0\r\n\r\n", ""), endPart))
	equal(t, "head", got.Head, Head{Format: Binary, Consumers: 1, State: store.State{
		Messages: 2, Bytes: 80, FirstSequence: 3, LastSequence: 9, FirstTime: 1795500571500000000, Subjects: 2,
	}})
	equal(t, "consumers", got.Consumers, []Consumer{{Name: "C", Config: []byte(`{"name":"C","x":[1]}`), State: &store.ConsumerState{
		Delivered: store.Pair{Consumer: 7, Stream: 9}, Floor: store.Pair{Consumer: 1, Stream: 3},
		Pending: []store.Outstanding{
			{Pair: store.Pair{Consumer: 2, Stream: 4}, Time: -5}, {Pair: store.Pair{Consumer: 7, Stream: 9}, Time: 2000000001},
		},
		Redelivered: []store.Redelivered{{Stream: 9, Count: 3}},
	}}})
	equal(t, "messages", got.Messages, []message{{3, 3, "a.b", "", "one"}, {7, 7, "a", "NATS/1.0\r\n\r\n", ""}})
}

func TestReadBinaryRefuses(t *testing.T) {
	oneConsumer := statePart(`{"last_seq":9,"consumer_count":1}`)
	state := statePart(someState)
	limits := Options{Limits: Limits{Payload: 20, Message: 10, Bytes: 100, Consumers: 1}}
	for _, c := range []struct {
		text string // a part of the error
		kind error
		list []part
	}{
		{"expected state.json first", ErrInvalid, []part{messagePart(1, "a", "", "")}},
		{"expected state.json first", ErrInvalid, []part{endPart}},
		{"error in state.json: ", ErrInvalid, []part{statePart("junk")}},
		{"error in state.json: ", ErrInvalid, []part{statePart(`{"consumer_count":-1}`)}},
		{"error in state.json: ", ErrInvalid, []part{statePart(`{"last_seq":18446744073709551615}`)}},
		{"2 consumers, at most 1", ErrLimit, []part{statePart(`{"consumer_count":2}`)}},
		{`expected consumer, found "a"`, ErrInvalid, []part{oneConsumer, messagePart(1, "a", "", "")}},
		{`expected consumer, found ""`, ErrInvalid, []part{oneConsumer, endPart}},
		{`consumer cannot be named "../x"`, ErrInvalid, []part{oneConsumer, consumerPart("consumers/../x", `{}`)}},
		{`consumer "C" is missing config`, ErrInvalid, []part{oneConsumer, consumerPart("consumers/C", `{"state":{}}`)}},
		{`consumer "C" is missing config`, ErrInvalid, []part{oneConsumer, consumerPart("consumers/C", `{"config":null,"state":{}}`)}},
		{`consumer "C" is missing state`, ErrInvalid, []part{oneConsumer, consumerPart("consumers/C", `{"config":{}}`)}},
		{`failed to decode consumer "C" state: `, ErrInvalid, []part{oneConsumer, consumerPart("consumers/C", `{"config":{},"state":7}`)}},
		{`"0" is no sequence`, ErrInvalid, []part{oneConsumer, consumerPart("consumers/C", `{"config":{},"state":{"redelivered":{"0":1}}}`)}},
		{"sequence 2 comes twice", ErrInvalid, []part{oneConsumer, consumerPart("consumers/C", `{"config":{},"state":{"pending":{"2":{},"2":{}}}}`)}},
		{"not an object of sequences", ErrInvalid, []part{oneConsumer, consumerPart("consumers/C", `{"config":{},"state":{"pending":[]}}`)}},
		{"expected message sequence", ErrInvalid, []part{state, consumerPart("consumers/C", `{}`)}},
		{"message sequence 2 out of order", ErrInvalid, []part{state, messagePart(2, "a", "", "")}},
		{"message sequence 5 out of order", ErrInvalid, []part{state, messagePart(5, "a", "", ""), messagePart(5, "a", "", "")}},
		{"message sequence 4611686018427387904 is beyond the highest", ErrInvalid, []part{state, messagePart(1<<62, "a", "", "")}},
		{"message sequence 4 exceeds maximum payload size", ErrLimit, []part{state, messagePart(4, "a", "12345678901", "1234567890")}},
		{"message sequence 4 exceeds maximum message size", ErrLimit, []part{state, messagePart(4, "a", "123", "12345678")}},
		{"message sequence 4 has a subject of 65536 bytes", ErrLimit, []part{state, messagePart(4, strings.Repeat("a", 1<<16), "", "")}},
		{"messages up to sequence 6 exceed 100 bytes", ErrLimit, []part{state, messagePart(4, "a", "", "1234567890"), messagePart(5, "a", "", "1234567890"), messagePart(6, "a", "", "1234567890")}},
		{`message sequence 4 has the subject "a\r\n"`, ErrInvalid, []part{state, messagePart(4, "a\r\n", "", "")}},
		{"it ends early", ErrInvalid, []part{state}},
		{"it ends early", ErrInvalid, []part{oneConsumer}},
		{"it ends early", ErrInvalid, []part{state, messagePart(4, "a", "", "")}},
		{"data behind its end", ErrInvalid, []part{state, endPart, endPart}},
	} {
		_, err := read(entries(t, c.list...), limits)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v, expected %s (%v)", err, c.text, c.kind)
		}
	}
}

func TestDetect(t *testing.T) {
	both(t, func(t *testing.T, f Format) {
		plain := decoded(t, archiveOf(t, f))
		if got, err := Detect(plain[:min(len(plain), DetectLen)]); got != f || err != nil {
			t.Errorf("%v %v", got, err)
		}
	})
	for _, junk := range []string{"", "NATSARC", "NATSARC2 and more", strings.Repeat("x", 4000)} {
		if _, err := Detect([]byte(junk)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.10q: %v", junk, err)
		}
		if _, err := read(pack(t, []byte(junk)), Options{}); !errors.Is(err, ErrInvalid) {
			t.Errorf("archive of %.10q: %v", junk, err)
		}
	}
	if _, err := Read(bytes.NewReader(archiveOf(t, Tar)), Options{}, Handler{}); !errors.Is(err, ErrInvalid) {
		t.Errorf("tar without a directory: %v", err)
	}
}

// Wherever an archive is cut off, it is noticed.
func TestTruncatedAtEveryByte(t *testing.T) {
	both(t, func(t *testing.T, f Format) {
		archive := archiveOf(t, f)
		plain := decoded(t, archive)
		for n := range archive {
			if _, err := read(archive[:n], Options{}); !errors.Is(err, ErrInvalid) {
				t.Fatalf("%d of %d bytes: %v", n, len(archive), err)
			}
		}
		for n := range plain {
			if _, err := read(pack(t, plain[:n]), Options{}); !errors.Is(err, ErrInvalid) {
				t.Fatalf("%d of %d plain bytes: %v", n, len(plain), err)
			}
		}
	})
}

// A flipped bit of an archive is noticed, or harmless.
func TestFlippedBits(t *testing.T) {
	both(t, func(t *testing.T, f Format) {
		archive := archiveOf(t, f)
		want := mustRead(t, archive)
		for bit := range len(archive) * 8 {
			archive[bit/8] ^= 1 << (bit % 8)
			if got, err := read(archive, Options{}); err == nil {
				equal(t, fmt.Sprintf("bit %d", bit), got, want)
			} else if !errors.Is(err, ErrInvalid) {
				t.Fatalf("bit %d: %v", bit, err)
			}
			archive[bit/8] ^= 1 << (bit % 8)
		}
	})
}

// Of the content of a Tar archive, records and metadata have checksums, too.
func TestFlippedBitsInFiles(t *testing.T) {
	plain := decoded(t, archiveOf(t, Tar))
	want := mustRead(t, pack(t, plain))
	at := bytes.Index(plain, []byte("msgs/1.blk"))
	block := plain[at+512:] // behind the header
	for bit := range 4 * 60 * 8 {
		block[bit/8] ^= 1 << (bit % 8)
		if got, err := read(pack(t, plain), Options{}); err == nil {
			// The lengths of subject and header have no checksum: their parts may be others.
			for i, m := range got.Messages {
				w := want.Messages[i]
				if m.Sequence != w.Sequence || m.Time != w.Time || m.Subject+m.Header+m.Payload != w.Subject+w.Header+w.Payload {
					t.Fatalf("bit %d: %+v", bit, m)
				}
			}
		} else if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrInvalid) {
			t.Fatalf("bit %d: %v", bit, err)
		}
		block[bit/8] ^= 1 << (bit % 8)
	}
}

func TestDamagedBlocks(t *testing.T) {
	plain := decoded(t, archiveOf(t, Tar))
	at := bytes.Index(plain, []byte("payload 3"))
	plain[at]++
	archive := pack(t, plain)
	if _, err := read(archive, Options{}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "1.blk") {
		t.Errorf("%v", err)
	}
	got, err := read(archive, Options{Damaged: true})
	must(t, err)
	if len(got.Messages) != 3 || got.Messages[1].Sequence != 5 || len(got.Head.Problems) == 0 || got.Head.Problems[0].Lost != (store.Range{First: 3, Count: 2}) {
		t.Errorf("%+v", got)
	}
}

// tarFiles are the files of a good archive.
func tarFiles(t *testing.T, more ...file) []file {
	t.Helper()
	meta, err := legacy.Meta{Created: testTime, Config: []byte(testConfig)}.Append(nil)
	must(t, err)
	block, err := legacy.AppendRecord(nil, legacy.BlockHasher(testName, 1), 1, 5, []byte("a"), nil, []byte("one"))
	must(t, err)
	return append([]file{
		{name: "meta.inf", content: string(meta)}, {name: "meta.sum", content: string(legacy.MetaSum(testName, meta))},
		{name: "msgs/1.blk", content: string(block)},
	}, more...)
}

func TestReadTarRefuses(t *testing.T) {
	good := tarFiles(t)
	meta := func(name string) []file {
		content := `{"Created":"2026-11-24T06:09:31Z","name":"` + name + `"}`
		return []file{{name: "meta.inf", content: content}, {name: "meta.sum", content: string(legacy.MetaSum(name, []byte(content)))}}
	}
	for _, c := range []struct {
		text string
		kind error
		list []file
	}{
		{"unexpected content", ErrInvalid, tarFiles(t, file{name: "../evil", content: "x"})},
		{"unexpected content", ErrInvalid, tarFiles(t, file{name: "msgs/../../evil", content: "x"})},
		{"unexpected content", ErrInvalid, tarFiles(t, file{name: "/tmp/evil", content: "x"})},
		{"unexpected content", ErrInvalid, tarFiles(t, file{name: `msgs\..\evil`, content: "x"})},
		{"unexpected content", ErrInvalid, tarFiles(t, file{name: "msgs/2.blk", content: "/etc/passwd", kind: tar.TypeSymlink})},
		{"unexpected content", ErrInvalid, tarFiles(t, file{name: "msgs/2.blk", content: "meta.inf", kind: tar.TypeLink})},
		{"unexpected content", ErrInvalid, tarFiles(t, file{name: "obs/C", kind: tar.TypeDir})},
		{"unexpected content", ErrInvalid, tarFiles(t, file{name: "msgs/2.blk", kind: tar.TypeFifo})},
		{"file already exists", fs.ErrExist, tarFiles(t, good[2])},
		{`failed where it was made: "no luck"`, ErrDamaged, tarFiles(t, file{name: "errors.txt", content: "no luck"})},
		{"no metadata of the stream", ErrInvalid, good[2:]},
		{"checksum", ErrInvalid, []file{good[0], {name: "meta.sum", content: "0011223344556677"}}},
		{"missing", ErrInvalid, []file{good[0]}},
		{"metadata of the stream", ErrInvalid, []file{{name: "meta.inf", content: "junk"}}},
		{`stream named "../x"`, ErrInvalid, meta("../x")},
		{`stream named ""`, ErrInvalid, meta("")},
		{"missing", ErrInvalid, tarFiles(t, file{name: "obs/C/o.dat", content: "\x16\x02\x00\x00\x00\x00\x00\x00"})},
		{"1 consumers, at most", ErrLimit, nil},
		{"has 4096 bytes", ErrLimit, tarFiles(t, file{name: "unknown", content: strings.Repeat("x", 4096)})},
		{"has 4096 bytes", ErrLimit, tarFiles(t, file{name: "msgs/2.blk", content: strings.Repeat("x", 4096)})},
	} {
		o := Options{Limits: Limits{Bytes: 2000}}
		archive := files(t, c.list...)
		if c.list == nil {
			o.Limits = Limits{Consumers: 1}
			archive = archiveOf(t, Tar)
			c.text = "2 consumers, at most 1"
		}
		if _, err := read(archive, o); !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v, expected %s (%v)", err, c.text, c.kind)
		}
	}
	if c := mustRead(t, files(t, tarFiles(t, file{name: "msgs/thw.db", content: "x"}, file{name: "batches/x/meta.inf"})...)); len(c.Messages) != 1 {
		t.Errorf("unknown files: %+v", c)
	}
}

// A file whose holes are in no proportion to its place in the archive.
func TestSparseFiles(t *testing.T) {
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	content := "0\n" + strings.Repeat("\x00", 510) // no data, all is a hole
	must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "msgs/1.blk", Size: int64(len(content)), Mode: 0o600, Format: tar.FormatPAX, PAXRecords: map[string]string{"VENDOR.x": "1"}}))
	_, err := w.Write([]byte(content))
	must(t, err)
	must(t, w.Close())
	// The writer has no sparse files: the records are put in place of another one.
	records := "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n33 GNU.sparse.realsize=999999999\n30 GNU.sparse.name=msgs/1.blk\n"
	block := plain.Bytes()
	copy(block[512:], append([]byte(records), make([]byte, 512-len(records))...))
	sum, size := block[148:156], block[124:136]
	copy(size, fmt.Sprintf("%011o\x00", len(records)))
	copy(sum, "        ")
	total := 0
	for _, b := range block[:512] {
		total += int(b)
	}
	copy(sum, fmt.Sprintf("%06o\x00 ", total))
	if h, err := tar.NewReader(bytes.NewReader(block)).Next(); err != nil || h.Size != 999999999 || h.Typeflag != tar.TypeReg {
		t.Fatalf("it is not a sparse file: %+v %v", h, err)
	}
	if _, err := read(pack(t, block), Options{}); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "unexpected content") {
		t.Errorf("%v", err)
	}
}

// A bad consumer of a Tar archive.
func TestBadConsumerOfTar(t *testing.T) {
	meta, err := legacy.Meta{Created: testTime, Name: "C", Config: []byte(`{"name":"C"}`)}.Append(nil)
	must(t, err)
	consumer := func(state string) []byte {
		return files(t, tarFiles(t, file{name: "obs/C/meta.inf", content: string(meta)},
			file{name: "obs/C/meta.sum", content: string(legacy.MetaSum(testName+"/C", meta))}, file{name: "obs/C/o.dat", content: state})...)
	}
	if _, err := read(consumer("junk"), Options{}); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), `error restoring consumer ["C"]: `) {
		t.Errorf("%v", err)
	}
	if c := mustRead(t, consumer("")); len(c.Consumers) != 1 || c.Consumers[0].State != nil || !c.Consumers[0].Created.Equal(testTime) {
		t.Errorf("without a state: %+v", c.Consumers)
	}
}

func TestTarNeedsAnEmptyDirectory(t *testing.T) {
	disk := faulty.New(1)
	must(t, disk.MkdirAll(unpackDir))
	must(t, vfs.WriteFile(disk, unpackDir+"/mine", []byte("x")))
	if _, err := Read(bytes.NewReader(archiveOf(t, Tar)), Options{FS: disk, Dir: unpackDir}, Handler{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v", err)
	}
	if entries, err := disk.ReadDir(unpackDir); err != nil || len(entries) != 1 {
		t.Errorf("what was there: %v %v", entries, err)
	}
}

// A full disk while unpacking is an error, and what was unpacked goes.
func TestUnpackToFullDisk(t *testing.T) {
	disk := faulty.New(1)
	disk.SetCapacity(vfs.PageSize * 2)
	_, err := Read(bytes.NewReader(archiveOf(t, Tar)), Options{FS: disk, Dir: unpackDir}, Handler{})
	if err == nil || errors.Is(err, ErrInvalid) || disk.Used() > 0 {
		t.Errorf("%v, %d bytes used", err, disk.Used())
	}
}

// What the caller does not ask for is passed over, and its errors come back as they are.
func TestHandlers(t *testing.T) {
	boom := errors.New("boom")
	both(t, func(t *testing.T, f Format) {
		archive := archiveOf(t, f)
		for name, h := range map[string]Handler{
			"nothing": {}, "head": {Begin: func(Head) error { return boom }},
			"consumers": {Consumer: func(*Consumer) error { return boom }}, "messages": {Message: func(*store.Message) error { return boom }},
		} {
			want := boom
			if name == "nothing" {
				want = nil
			}
			if _, err := Read(bytes.NewReader(archive), Options{FS: faulty.New(1), Dir: unpackDir}, h); !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := Read(io.MultiReader(bytes.NewReader(archive[:len(archive)/2]), failing{boom}), Options{FS: faulty.New(1), Dir: unpackDir}, Handler{})
		if !errors.Is(err, boom) || errors.Is(err, ErrInvalid) {
			t.Errorf("a reader that fails: %v", err)
		}
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Announced lengths cost nothing, and bombs go off in a small place.
func TestBombs(t *testing.T) {
	state := statePart(someState)
	zeros := func(head []byte, n int64) io.Reader { // an S2 bomb
		r, w := io.Pipe()
		go func() {
			z := s2.NewWriter(w, s2.WriterConcurrency(1))
			_, _ = z.Write(head)
			block := make([]byte, 1<<20)
			for ; n > 0; n -= int64(len(block)) {
				if _, err := z.Write(block); err != nil {
					break
				}
			}
			w.CloseWithError(z.Close())
		}()
		return r
	}
	plain := func(list ...part) []byte { return decoded(t, entries(t, list...)) }
	sparse := decoded(t, files(t, file{name: "meta.inf", content: "x"}))[:512]
	huge := func() []byte {
		var buf bytes.Buffer
		must(t, tar.NewWriter(&buf).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "msgs/1.blk", Size: 1 << 40}))
		return buf.Bytes()
	}
	for name, r := range map[string]io.Reader{
		"payload":             bytes.NewReader(entries(t, state, part{entry{"a", 1, 4, 0, math.MaxInt64}, ""})),
		"payload of the most": bytes.NewReader(entries(t, state, part{entry{"a", 1, 4, 0, store.SizeMax - 100}, "x"})),
		"header":              bytes.NewReader(entries(t, state, part{entry{"a", 1, 4, 1 << 40, 0}, ""})),
		"state":               bytes.NewReader(entries(t, part{entry{name: stateName, payload: 1 << 50}, ""})),
		"state of the most":   bytes.NewReader(entries(t, part{entry{name: stateName, payload: MetadataMax}, ""})),
		"name":                bytes.NewReader(pack(t, append([]byte(magic), 0xff, 0xff, 0x3f, 0, 0, 0, 0))),
		"consumers":           bytes.NewReader(entries(t, statePart(`{"consumer_count":9223372036854775807}`), endPart)),
		"zeros as a message":  zeros(plain(state, part{entry{"a", 1, 4, 0, 1 << 62}, ""}), 1<<30),
		"zeros at the end":    zeros(plain(state, endPart), 1<<30),
		"zeros as a tar":      zeros(nil, 1<<30),
		"file":                bytes.NewReader(pack(t, huge())),
		"zeros as a file":     zeros(huge(), 1<<30),
		"zeros behind a tar":  zeros(decoded(t, files(t, tarFiles(t)...)), 1<<30),
		"chunk of s2":         bytes.NewReader(append([]byte("\xff\x06\x00\x00S2sTwO\x00\xff\xff\xff"), sparse...)),
	} {
		o := Options{FS: faulty.New(1), Dir: unpackDir, Limits: Limits{Bytes: 1 << 20}}
		if strings.HasSuffix(name, "of the most") {
			o.Limits = Limits{}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read(r, o, Handler{Message: func(*store.Message) error { return nil }})
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 24<<20 {
			t.Errorf("%s: %d bytes of memory", name, used)
		}
		if c, ok := r.(io.Closer); ok {
			must(t, c.Close())
		}
	}
}
