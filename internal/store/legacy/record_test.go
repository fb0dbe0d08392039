package legacy

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/store"
)

// The records are those of real files of an established server, stream ONE, block 1.
const (
	vectorMessage   = "2d000000 0100000000000000 ab120acd41e6ea18 0600 6f6e652e6131 7061796c6f61642031 b94ddafc8204c7b0"
	vectorHeader    = "4c000080 0600000000000000 0defcfdf41e6ea18 0700 6f6e652e686472 18000000 4e4154532f312e300d0a4b65793a2056616c75650d0a0d0a 7769746820686561646572 df85f4a6315d0760"
	vectorTombstone = "1e000000 0300000000000040 24fc80d441e6ea18 0000 8861d120bdacb069"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	must(t, err)
	return b
}

func TestRecordVectors(t *testing.T) {
	h := BlockHasher("ONE", 1)
	for _, test := range []struct {
		vector string
		want   Record
	}{
		{vectorMessage, Record{Sequence: 1, Time: 0x18eae641cd0a12ab, Subject: []byte("one.a1"), Payload: []byte("payload 1"), Size: 45}},
		{vectorHeader, Record{Sequence: 6, Time: 0x18eae641dfcfef0d, Subject: []byte("one.hdr"),
			Header: []byte("NATS/1.0\r\nKey: Value\r\n\r\n"), Payload: []byte("with header"), Size: 76}},
		{vectorTombstone, Record{Kind: Tombstone, Sequence: 3, Time: 0x18eae641d480fc24, Size: 30}},
	} {
		file := unhex(t, test.vector)
		got, err := DecodeRecord(h, file)
		must(t, err)
		if got.Subject = append([]byte(nil), got.Subject...); len(got.Payload) == 0 {
			got.Payload = nil
		}
		same(t, "record", test.want, got)
		again := AppendTombstone(nil, h, got.Sequence, got.Time)
		if got.Kind == Live {
			again, err = AppendRecord(nil, h, got.Sequence, got.Time, got.Subject, got.Header, got.Payload)
			must(t, err)
		}
		same(t, "bytes", file, again)
	}
}

func TestRecordsThatCannotBeWritten(t *testing.T) {
	h := BlockHasher("S", 1)
	large := make([]byte, store.SubjectMax+1)
	if _, err := AppendRecord(nil, h, 1, 0, large, nil, nil); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("long subject: %v", err)
	}
	for _, seq := range []uint64{0, store.SequenceMax + 1} {
		if _, err := AppendRecord(nil, h, seq, 0, nil, nil, nil); !errors.Is(err, store.ErrSequence) {
			t.Errorf("sequence %d: %v", seq, err)
		}
	}
}

func TestRecordShapes(t *testing.T) {
	h := BlockHasher("ONE", 1)
	change := func(at int, b ...byte) []byte {
		buf := unhex(t, vectorHeader)
		copy(buf[at:], b)
		return buf
	}
	for name, test := range map[string]struct {
		buf  []byte
		want error
		text string
	}{
		"nothing":           {nil, ErrRecord, "cut short"},
		"cut":               {unhex(t, vectorHeader)[:70], ErrRecord, "70 of 76 bytes"},
		"too short":         {change(0, 29, 0, 0, 0), ErrRecord, "length of 29"},
		"huge":              {change(0, 0xff, 0xff, 0xff, 0x7f), ErrRecord, "length of 2147483647"},
		"subject too long":  {change(20, 0xff, 0xff), ErrRecord, "subject of 65535"},
		"header too long":   {change(29, 0xff, 0xff, 0xff, 0xff), ErrRecord, "header of 4294967295"},
		"header bit gone":   {change(3, 0), ErrChecksum, "sequence 6"},
		"sequence":          {change(4, 7), ErrChecksum, "sequence 7"},
		"of another stream": {unhex(t, strings.Replace(vectorTombstone, "8861", "8862", 1)), ErrChecksum, "sequence 3"},
	} {
		if _, err := DecodeRecord(h, test.buf); !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestScanResumes: behind each kind of damage the next good record is found.
func TestScanResumes(t *testing.T) {
	h := BlockHasher("S", 1)
	var block []byte
	var at []int
	for seq := uint64(1); seq <= 5; seq++ {
		at = append(at, len(block))
		block = numberedMessage(seq).record(t, block, h)
	}
	at = append(at, len(block))
	for name, test := range map[string]struct {
		damage func(b []byte) []byte
		want   string
	}{
		"payload bit":      {func(b []byte) []byte { b[at[2]+50] ^= 1; return b }, fmt.Sprintf("1 2 [%d+%d] 4 5", at[2], at[3]-at[2])},
		"length of third":  {func(b []byte) []byte { b[at[2]] ^= 4; return b }, fmt.Sprintf("1 2 [%d+%d] 4 5", at[2], at[3]-at[2])},
		"two records":      {func(b []byte) []byte { b[at[1]+9] ^= 1; b[at[2]+9] ^= 1; return b }, fmt.Sprintf("1 [%d+%d] 4 5", at[1], at[3]-at[1])},
		"bytes inserted":   {func(b []byte) []byte { return bytes.Join([][]byte{b[:at[1]], []byte("hello"), b[at[1]:]}, nil) }, fmt.Sprintf("1 [%d+5] 2 3 4 5", at[1])},
		"header bit":       {func(b []byte) []byte { b[at[1]+3] ^= 0x80; return b }, fmt.Sprintf("1 [%d+%d] 3 4 5", at[1], at[2]-at[1])},
		"cut":              {func(b []byte) []byte { return b[:len(b)-3] }, fmt.Sprintf("1 2 3 4 [%d+%d]", at[4], at[5]-at[4]-3)},
		"zeros at the end": {func(b []byte) []byte { return append(b, make([]byte, 100)...) }, fmt.Sprintf("1 2 3 4 5 [%d+100]", at[5])},
		"all zeros":        {func(b []byte) []byte { return make([]byte, len(b)) }, fmt.Sprintf("[0+%d]", at[5])},
	} {
		var got []string
		Scan(h, test.damage(bytes.Clone(block)), func(_ int, r *Record) bool {
			got = append(got, fmt.Sprint(r.Sequence))
			return true
		}, func(g Gap) bool {
			got = append(got, fmt.Sprintf("[%d+%d]", g.Offset, g.Length))
			return true
		})
		same(t, name, test.want, strings.Join(got, " "))
	}
}

// TestScanIsBounded: a block made to look like records everywhere ends the search.
func TestScanIsBounded(t *testing.T) {
	h := BlockHasher("S", 1)
	block := bytes.Repeat([]byte{0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 128<<10) // each is a head of 256 KiB
	var errs []string
	Scan(h, block, func(int, *Record) bool { t.Error("a record"); return false }, func(g Gap) bool {
		errs = append(errs, g.Err.Error())
		return true
	})
	if len(errs) != 1 || !strings.Contains(errs[0], "given up") {
		t.Errorf("gaps: %q", errs)
	}
}

// TestScanOfWhatWasAppended: any list of records is read as it was written, and with
// stretches of rubbish between them it is still all there.
func TestScanOfWhatWasAppended(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := BlockHasher("S", 9)
		var block []byte
		var want, got []string
		rubbish := rapid.Bool().Draw(rt, "rubbish")
		for seq := range rapid.Uint64Range(1, 20).Draw(rt, "records") {
			seq++
			if rubbish && rapid.Bool().Draw(rt, "here") {
				block = append(block, rapid.SliceOfN(rapid.Byte(), 1, 60).Draw(rt, "bytes")...)
			}
			switch rapid.IntRange(0, 2).Draw(rt, "kind") {
			case 0:
				block = AppendTombstone(block, h, seq, int64(seq))
				want = append(want, fmt.Sprint(Tombstone, seq))
			case 1:
				block = AppendPlaceholder(block, h, seq, int64(seq))
				want = append(want, fmt.Sprint(Placeholder, seq))
			default:
				subject, header := rapid.SliceOf(rapid.Byte()).Draw(rt, "subject"), rapid.SliceOf(rapid.Byte()).Draw(rt, "header")
				payload := rapid.SliceOf(rapid.Byte()).Draw(rt, "payload")
				block, _ = AppendRecord(block, h, seq, int64(seq), subject, header, payload)
				want = append(want, fmt.Sprintf("%d %d %x %x %x", Live, seq, subject, header, payload))
			}
		}
		Scan(h, block, func(_ int, r *Record) bool {
			if r.Kind == Live {
				got = append(got, fmt.Sprintf("%d %d %x %x %x", r.Kind, r.Sequence, r.Subject, r.Header, r.Payload))
			} else {
				got = append(got, fmt.Sprint(r.Kind, r.Sequence))
			}
			return true
		}, func(g Gap) bool {
			if !rubbish {
				rt.Errorf("gap %+v", g)
			}
			return true
		})
		if strings.Join(want, "\n") != strings.Join(got, "\n") {
			rt.Errorf("wrote\n%s\nread\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
	})
}

// FuzzScan: records and gaps cover the buffer without overlap.
func FuzzScan(f *testing.F) {
	f.Add(append(unhex(f, vectorMessage), unhex(f, vectorHeader)...))
	f.Add(append([]byte("junk"), unhex(f, vectorTombstone)...))
	f.Fuzz(func(t *testing.T, buf []byte) {
		h, next := BlockHasher("ONE", 1), 0
		Scan(h, buf, func(offset int, r *Record) bool {
			if offset != next || r.Size < RecordMin {
				t.Fatalf("record at %d, expected at %d, size %d", offset, next, r.Size)
			}
			next = offset + r.Size
			return true
		}, func(g Gap) bool {
			if g.Offset != next || g.Length <= 0 || g.Err == nil {
				t.Fatalf("gap %+v, expected at %d", g, next)
			}
			next = g.Offset + g.Length
			return true
		})
		if next != len(buf) {
			t.Fatalf("%d of %d bytes were looked at", next, len(buf))
		}
	})
}
