package archive

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func entryReaderOf(plain []byte) *entryReader {
	return &entryReader{r: bufio.NewReader(bytes.NewReader(plain))}
}

func plainEntries(t *testing.T, list ...part) []byte { return decoded(t, entries(t, list...)) }

// Go: TestRoundTrip server/archive/archive_test.go:23
// Go: TestHeaderFieldEncoding server/archive/archive_test.go:218
// Go: TestJetStreamSnapshotsAPIArchiveMessageLayout server/jetstream_test.go:4260
func TestEntries(t *testing.T) {
	list := []part{
		{entry{name: "alpha.txt", time: 100, header: 4, payload: 7}, "hello alpha"},
		{entry{name: "nested/beta.txt", time: 100, sequence: 42, header: 3, payload: 9}, "beta payload"},
		{entry{name: "nested/x.dat", time: -123, sequence: 1 << 60}, ""},
		{entry{name: "foo.bar", time: 12345, sequence: 99, header: 28, payload: 11}, "NATS/1.0\r\nNats-Msg-Id: X\r\n\r\nhello world"},
		{entry{name: "extremes", time: -1 << 63, sequence: 1<<64 - 1}, ""},
		{entry{name: strings.Repeat("n", entryNameMax), time: 1<<63 - 1}, ""},
		endPart,
	}
	r := entryReaderOf(plainEntries(t, list...))
	for _, want := range list {
		e, err := r.next()
		must(t, err)
		if e != want.entry {
			t.Fatalf("entry %.100v, expected %.100v", e, want.entry)
		}
		body, err := r.body(nil, 1<<62)
		must(t, err)
		if string(body) != want.body {
			t.Fatalf("body %q, expected %q", body, want.body)
		}
	}
	if body, err := r.body(nil, 1<<62); len(body) > 0 || err != nil {
		t.Errorf("a body is read twice: %q %v", body, err)
	}
	if _, err := r.next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// The bytes of an entry, each field by itself.
func TestEntryBytes(t *testing.T) {
	plain := plainEntries(t, part{entry{"ab", -2, 300, 1, 2}, "xyz"})
	if want := "NATSARC1" + "\x02" + "\x03" + "\xac\x02" + "\x01" + "\x02" + "ab" + "xyz"; string(plain) != want {
		t.Errorf("%q, expected %q", plain, want)
	}
}

// Go: TestNextSkipsUnreadPayload server/archive/archive_test.go:101
func TestNextPassesOverBodies(t *testing.T) {
	r := entryReaderOf(plainEntries(t, part{entry{name: "first", payload: 6}, "abcdef"}, part{entry{name: "second", payload: 11}, "second-body"}))
	e, err := r.next()
	must(t, err)
	some, err := r.body(nil, 3)
	must(t, err)
	if e.name != "first" || string(some) != "abc" {
		t.Fatalf("%+v, %q", e, some)
	}
	e, err = r.next()
	must(t, err)
	body, err := r.body(nil, 1<<62)
	must(t, err)
	if e.name != "second" || string(body) != "second-body" {
		t.Errorf("%+v, %q", e, body)
	}
}

// Go: TestEmptyArchiveReturnsEOF server/archive/archive_test.go:175
// Go: TestInvalidMagicIsRejected server/archive/archive_test.go:182
// Go: TestTruncatedHeaderIsInvalid server/archive/archive_test.go:191
// Go: TestTruncatedPayloadIsInvalid server/archive/archive_test.go:200
func TestBadEntries(t *testing.T) {
	good := plainEntries(t, part{entry{"first", 7, 3, 2, 4}, "abcdef"})
	for _, c := range []struct {
		name, plain string
		want        error
	}{
		{"empty", "", io.EOF},
		{"another magic", "not-a-valid-archive-stream", ErrInvalid},
		{"cut magic", magic[:5], ErrInvalid},
		{"nothing but magic", magic, io.EOF},
		{"cut head", string(good[:len(magic)+1]), ErrInvalid},
		{"cut name", string(good[:len(good)-8]), ErrInvalid},
		{"number beyond 64 bits", magic + strings.Repeat("\xff", 9) + "\x02", ErrInvalid},
		{"number without end", magic + strings.Repeat("\xff", 30), ErrInvalid},
		{"long name", magic + "\x81\x80\x40\x00\x00\x00\x00", ErrInvalid},
		{"header beyond 63 bits", magic + "\x00\x00\x01" + strings.Repeat("\x80", 9) + "\x01\x00", ErrInvalid},
		{"sum beyond 63 bits", magic + "\x00\x00\x01" + strings.Repeat("\xff", 8) + "\x7f\x01", ErrInvalid},
	} {
		if _, err := entryReaderOf([]byte(c.plain)).next(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, expected %v", c.name, err, c.want)
		}
	}
	r := entryReaderOf(good[:len(good)-3])
	e, err := r.next()
	if err != nil || e.header+e.payload != 6 {
		t.Fatalf("%+v %v", e, err)
	}
	if _, err := r.body(nil, 1<<62); !errors.Is(err, ErrInvalid) {
		t.Errorf("cut body: %v", err)
	}
	r = entryReaderOf(good[:len(good)-3])
	if _, err := r.next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.next(); !errors.Is(err, ErrInvalid) {
		t.Errorf("cut body that is passed over: %v", err)
	}
}
