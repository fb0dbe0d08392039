package legacy

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

var testState = store.ConsumerState{
	Delivered:   store.Pair{Consumer: 9, Stream: 8},
	Floor:       store.Pair{Consumer: 3, Stream: 3},
	Pending:     []store.Outstanding{{Pair: store.Pair{Consumer: 5, Stream: 6}, Time: 1_795_500_000e9}, {Pair: store.Pair{Consumer: 6, Stream: 8}, Time: 1_795_500_009e9}},
	Redelivered: []store.Redelivered{{Stream: 6, Count: 3}},
}

func TestDirectoryIsListed(t *testing.T) {
	for _, c := range ciphers {
		w := newWriter(t, c)
		w.indexed()
		w.consumer("C1", &testState)
		must(t, w.disk.MkdirAll(filepath.Join(w.dir, batchesDir, "Ab3dEf7h")))
		must(t, w.disk.MkdirAll(filepath.Join(testRoot, "$SYS", groupsDir, "S-R3F-abc")))
		changes := w.disk.Operations()
		for _, dir := range []string{testRoot, filepath.Dir(testRoot)} {
			d, err := Open(w.disk, dir, w.options())
			must(t, err)
			same(t, "problems", []Problem(nil), d.Problems)
			if len(d.Accounts) != 2 || d.Accounts[0].Name != "$G" || len(d.Accounts[0].Streams) != 1 {
				t.Fatalf("accounts: %+v", d.Accounts)
			}
			same(t, "groups", []string{"S-R3F-abc"}, d.Accounts[1].Groups)
			s := d.Accounts[0].Streams[0]
			same(t, "problems", []Problem(nil), s.Problems)
			same(t, "stream", []string{"$G", testStream, c.String()}, []string{s.Account, s.Name, s.Cipher.String()})
			same(t, "created", testCreated, s.Created)
			same(t, "config", `{"name":"ORDERS","subjects":["orders.\u003e"]}`, string(s.Config))
			same(t, "batches", []string{filepath.Join(s.Path, batchesDir, "Ab3dEf7h")}, s.Batches)
			survey, err := s.Survey()
			must(t, err)
			same(t, "messages", numberedMessages(1, 2, 3, 4, 6, 8), messages(t, survey))
			if len(s.Consumers) != 1 {
				t.Fatalf("consumers: %+v", s.Consumers)
			}
			consumer := s.Consumers[0]
			same(t, "consumer", []string{"C1", `{"durable_name":"C1"}`}, []string{consumer.Name, string(consumer.Config)})
			same(t, "created", testCreated, consumer.Created)
			state, err := consumer.State()
			must(t, err)
			same(t, "state", &testState, state)
		}
		if n := w.disk.Operations() - changes; n > 0 {
			t.Errorf("reading made %d changes", n)
		}
	}
}

func TestMissingDirectory(t *testing.T) {
	if _, err := Open(faulty.New(1), "nowhere", Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("directory: %v", err)
	}
	if _, err := OpenStream(faulty.New(1), "nowhere", "A", "S", Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stream: %v", err)
	}
	w := newWriter(t, Plain)
	must(t, w.disk.Remove(filepath.Join(w.dir, messagesDir)))
	if _, err := w.open(Options{}).Survey(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("messages: %v", err)
	}
}

// TestBadMetadata: what is said, what is still known, and that messages are read all the
// same.
func TestBadMetadata(t *testing.T) {
	for name, test := range map[string]struct {
		cipher  Cipher
		options Options
		change  func(w *writer)
		want    string // problem
		config  bool   // is known
		read    bool   // messages are
	}{
		"no meta.inf":     {Plain, Options{}, func(w *writer) { must(t, w.disk.Remove(filepath.Join(w.dir, metaFile))) }, "damage: meta.inf: bad metadata: missing", false, true},
		"no meta.sum":     {Plain, Options{}, func(w *writer) { must(t, w.disk.Remove(filepath.Join(w.dir, sumFile))) }, "doubtful: meta.sum: bad metadata: missing", true, true},
		"another sum":     {Plain, Options{}, func(w *writer) { w.put(filepath.Join(w.dir, sumFile), []byte("0011223344556677")) }, "doubtful: meta.sum: invalid checksum", true, true},
		"empty files":     {Plain, Options{}, func(w *writer) { w.put(filepath.Join(w.dir, metaFile), nil) }, "damage: meta.inf: bad metadata: unexpected end", false, true},
		"of another name": {Plain, Options{}, func(w *writer) { w.stream = "RETURNS"; w.rename() }, `doubtful: meta.inf: bad metadata: it is of a stream named "ORDERS"`, true, false},
		"no key":          {AES, Options{}, func(w *writer) {}, "damage: meta.key: encrypted, and no key was given", false, false},
		"wrong key":       {ChaCha, Options{Key: "x", PreviousKey: "y"}, func(w *writer) {}, "damage: meta.key: cannot be decrypted", false, false},
		"short key file":  {AES, Options{Key: testKey}, func(w *writer) { w.put(filepath.Join(w.dir, keyFile), []byte("123")) }, "damage: meta.key: cannot be decrypted with the given keys: key file of 3 bytes", false, true},
		"no key file":     {AES, Options{Key: testKey}, func(w *writer) { must(t, w.disk.Remove(filepath.Join(w.dir, keyFile))) }, "damage: meta.inf: bad metadata: invalid character", false, true},
		"previous key":    {AES, Options{Key: "new", PreviousKey: testKey}, func(w *writer) {}, "", true, true},
		"key of a plain":  {Plain, Options{Key: testKey}, func(w *writer) {}, "", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWriter(t, test.cipher)
			w.block(1, w.content(1, 1, 2), false)
			test.change(w)
			s := w.open(test.options)
			var got []string
			for _, p := range s.Problems {
				got = append(got, p.Grade.String()+": "+strings.TrimPrefix(p.String(), p.Grade.String()+": "+s.Path+"/"))
			}
			all := strings.Join(got, "\n")
			if (test.want == "") != (all == "") || !strings.Contains(all, test.want) {
				t.Errorf("problems: %q", all)
			}
			if (s.Config != nil) != test.config || test.config == s.Created.IsZero() {
				t.Errorf("config %s, created %v", s.Config, s.Created)
			}
			survey, err := s.Survey()
			must(t, err)
			if got := messages(t, survey); (len(got) == 2) != test.read || test.read == (len(graver(survey.Problems, Damage)) > 0) {
				t.Errorf("messages %v, problems %v", got, survey.Problems)
			}
		})
	}
}

// rename moves the metadata to the directory of another stream, checksum made anew.
func (w *writer) rename() {
	content := w.get(filepath.Join(w.dir, metaFile))
	dir := w.dir
	w.dir = filepath.Join(filepath.Dir(w.dir), w.stream)
	w.put(filepath.Join(w.dir, metaFile), content)
	w.put(filepath.Join(w.dir, sumFile), MetaSum(w.stream, content))
	w.put(w.blockPath(1), w.get(filepath.Join(dir, messagesDir, "1.blk")))
}

func TestBadConsumers(t *testing.T) {
	for name, test := range map[string]struct {
		cipher  Cipher
		options Options
		change  func(w *writer, dir string)
		problem string
		err     error // of State
		state   bool  // is there
	}{
		"good":           {Plain, Options{}, func(w *writer, dir string) {}, "", nil, true},
		"sealed":         {ChaCha, Options{PreviousKey: testKey}, func(w *writer, dir string) {}, "", nil, true},
		"no state":       {Plain, Options{}, func(w *writer, dir string) { must(t, w.disk.Remove(filepath.Join(dir, stateFile))) }, "", nil, false},
		"empty state":    {AES, Options{Key: testKey}, func(w *writer, dir string) { w.put(filepath.Join(dir, stateFile), nil) }, "o.dat: empty, as a crash", nil, false},
		"junk":           {Plain, Options{}, func(w *writer, dir string) { w.put(filepath.Join(dir, stateFile), []byte("junk")) }, "", store.ErrConsumerState, false},
		"sealed junk":    {AES, Options{Key: testKey}, func(w *writer, dir string) { w.put(filepath.Join(dir, stateFile), []byte("junk")) }, "", ErrKey, false},
		"no metadata":    {Plain, Options{}, func(w *writer, dir string) { must(t, w.disk.Remove(filepath.Join(dir, metaFile))) }, "meta.inf: bad metadata: missing", nil, true},
		"wrong checksum": {Plain, Options{}, func(w *writer, dir string) { w.put(filepath.Join(dir, sumFile), []byte("x")) }, "meta.sum: invalid checksum", nil, true},
		"no key":         {AES, Options{}, func(w *writer, dir string) {}, "meta.key: encrypted", ErrNoKey, false},
		"wrong key":      {AES, Options{Key: "x"}, func(w *writer, dir string) {}, "meta.key: cannot be decrypted", ErrKey, false},
		"another name": {Plain, Options{}, func(w *writer, dir string) {
			content := []byte(`{"Created":"2026-11-24T06:09:31Z","Name":"C2"}`)
			w.put(filepath.Join(dir, metaFile), content)
			w.put(filepath.Join(dir, sumFile), MetaSum(testStream+"/C1", content))
		}, `it is of a consumer named "C2"`, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWriter(t, test.cipher)
			w.consumer("C1", &testState)
			test.change(w, filepath.Join(w.dir, consumersDir, "C1"))
			s := w.open(test.options)
			var problems []string
			for _, p := range s.Problems {
				if strings.Contains(p.File, consumersDir) {
					problems = append(problems, p.String())
				}
			}
			if (test.problem == "") != (problems == nil) || !strings.Contains(strings.Join(problems, "\n"), test.problem) {
				t.Errorf("problems: %q", problems)
			}
			state, err := s.Consumers[0].State()
			if !errors.Is(err, test.err) || (state != nil) != test.state {
				t.Errorf("state %+v: %v", state, err)
			}
		})
	}
}

// TestNothingIsSkippedInSilence: what is not a stream is named.
func TestNothingIsSkippedInSilence(t *testing.T) {
	w := newWriter(t, Plain)
	streams := filepath.Dir(w.dir)
	for _, dir := range []string{testRoot + "/.snap-staging", testRoot + "/$G/__snapshots__", streams + "/.GONE", w.dir + "/" + purgedDir} {
		must(t, w.disk.MkdirAll(dir))
	}
	for _, file := range []string{testRoot + "/file", streams + "/file", w.dir + "/file", w.dir + "/obs/file"} {
		w.put(file, nil)
	}
	d, err := Open(w.disk, "data", Options{})
	must(t, err)
	if len(d.Accounts) != 1 || len(d.Accounts[0].Streams) != 1 {
		t.Fatalf("accounts: %+v", d.Accounts)
	}
	all := append(d.Problems, d.Accounts[0].Streams[0].Problems...)
	for _, p := range all {
		if p.Grade != Note {
			t.Errorf("problem: %v", p)
		}
	}
	if len(all) != 8 {
		t.Errorf("problems: %v", all)
	}
}

// TestBatchDirectory: the directory of an unfinished batch is read as a stream of its own.
func TestBatchDirectory(t *testing.T) {
	for _, c := range ciphers {
		outer := newWriter(t, c)
		w := *outer
		w.stream, w.dir = "Ab3dEf7h", filepath.Join(outer.dir, batchesDir, "Ab3dEf7h")
		w.metadata(w.dir, w.stream, w.stream, Meta{Config: []byte(`{"name":"` + w.stream + `"}`)})
		w.block(1, w.content(1, 1, 2), false)
		s := outer.open(outer.options())
		batch, err := OpenStream(w.disk, s.Batches[0], s.Account, filepath.Base(s.Batches[0]), w.options())
		must(t, err)
		same(t, "problems", []Problem(nil), batch.Problems)
		survey, err := batch.Survey()
		must(t, err)
		same(t, "messages", numberedMessages(1, 2), messages(t, survey))
	}
}

// TestEverySingleBit: no bit of a stream directory can change without being noticed, or
// without effect.
func TestEverySingleBit(t *testing.T) {
	for _, c := range ciphers {
		w := newWriter(t, c)
		w.consumer("C1", &testState)
		first := w.content(1, 1, 2, 3, 4)
		second := AppendTombstone(w.content(2, 6, 7, 8), w.hasher(2), 7, 7e9)
		w.block(1, first, true)
		w.block(2, second, false)
		w.block(3, w.content(3, 9), false)
		w.index(9, 9e9, []indexed{
			{number: 1, first: 1, last: 4, live: numberedMessages(1, 2, 3, 4)},
			{number: 2, first: 6, last: 8, live: numberedMessages(6, 8)},
			{number: 3, first: 9, last: 9, live: numberedMessages(9), content: w.content(3, 9)},
		})
		want, problems, config := w.everything(t)
		if len(problems) > 0 {
			t.Fatalf("problems: %q", problems)
		}
		for file, size := range w.files(w.dir) {
			for bit := range size * 8 {
				if c != Plain && bit%8 != bit/8%8 {
					continue // with keys, one bit of each byte is enough
				}
				must(t, w.disk.FlipBit(file, bit))
				got, problems, nowConfig := w.everything(t)
				if len(problems) == 0 && (!equalMessages(want, got) || config != nowConfig) {
					t.Errorf("%v: bit %d of %s: nothing is said, and there are %v", c, bit, file, got)
				}
				must(t, w.disk.FlipBit(file, bit))
			}
		}
	}
}

// everything reads all messages, all problems, and the metadata.
func (w *writer) everything(t *testing.T) (list []message, found []string, config string) {
	s := w.open(w.options())
	c, err := s.Survey()
	must(t, err)
	for _, p := range append(s.Problems, c.Problems...) {
		found = append(found, p.String())
	}
	config = s.Created.String() + string(s.Config)
	for _, consumer := range s.Consumers {
		config += consumer.Created.String() + string(consumer.Config)
		if _, err := consumer.State(); err != nil {
			found = append(found, err.Error())
		}
	}
	return messages(t, c), found, config
}

func equalMessages(a, b []message) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// files lists the files below a directory with their sizes.
func (w *writer) files(dir string) map[string]int64 {
	list := map[string]int64{}
	entries, err := w.disk.ReadDir(dir)
	must(w.t, err)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name)
		if !e.Dir {
			list[path] = e.Size
			continue
		}
		for name, size := range w.files(path) {
			list[name] = size
		}
	}
	return list
}
