package legacy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestUnwrapIsTheReverse(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		content := bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 8, 64).Draw(rt, "content"), rapid.IntRange(1, 2000).Draw(rt, "times"))
		got, err := Unwrap([]byte("x"), wrap(t, content), len(content), func(g Gap) { rt.Errorf("gap %+v", g) })
		if err != nil || !bytes.Equal(append([]byte("x"), content...), got) {
			rt.Errorf("%d bytes became %d: %v", len(content), len(got), err)
		}
	})
}

func TestUnwrapRefuses(t *testing.T) {
	good := wrap(t, []byte("0123456789abcdef"))
	for name, test := range map[string]struct {
		buf  []byte
		text string
	}{
		"plain":     {[]byte("0123456789"), "no head"},
		"no length": {[]byte("cmp\x01\x80"), "metadata incomplete"},
		"no body":   {[]byte("cmp\x01\x10abc"), "too short"},
		"algorithm": {append([]byte("cmp\x02"), good[4:]...), "algorithm 2 not known"},
		"too long":  {append([]byte("cmp\x00\x10"), make([]byte, 200)...), "at most 100 allowed"},
	} {
		if _, err := Unwrap(nil, test.buf, 100, nil); !errors.Is(err, ErrWrap) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUnwrapDoesNotNeedTheLength: servers up to 2.12 wrote another one.
func TestUnwrapDoesNotNeedTheLength(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 1000)
	wrapped := wrap(t, content)
	_, n := binary.Uvarint(wrapped[4:])
	wrapped = append(binary.AppendUvarint([]byte("cmp\x01"), uint64(len(wrapped))), wrapped[4+n:]...)
	got, err := Unwrap(nil, wrapped, len(content), func(g Gap) { t.Errorf("gap %+v", g) })
	if err != nil || !bytes.Equal(content, got) {
		t.Errorf("%d bytes: %v", len(got), err)
	}
}

// TestUnwrapIsBounded: chunks that decode to more than is allowed are left out.
func TestUnwrapIsBounded(t *testing.T) {
	wrapped := wrap(t, make([]byte, 1<<20))
	gaps := 0
	got, err := Unwrap(nil, wrapped, 10_000, func(g Gap) { gaps++ })
	if err != nil || gaps == 0 || len(got) > 10_000 || cap(got) > 64<<10 {
		t.Errorf("%d bytes, room for %d, %d gaps: %v", len(got), cap(got), gaps, err)
	}
}

// TestUnwrapPassesOverBadChunks: chunks of 4 KiB, one of them bad.
func TestUnwrapPassesOverBadChunks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	content := make([]byte, 20<<10)
	for i := range content {
		content[i] = byte(random.Uint32()) & 3
	}
	wrapped := wrap(t, content)
	wrapped[len(wrapped)/2] ^= 0x10
	var gaps []Gap
	got, err := Unwrap(nil, wrapped, len(content), func(g Gap) { gaps = append(gaps, g) })
	must(t, err)
	if len(gaps) != 1 || gaps[0].Length != 4<<10 || !errors.Is(gaps[0].Err, ErrWrap) {
		t.Fatalf("gaps: %v", gaps)
	}
	end := gaps[0].Offset + gaps[0].Length
	if len(got) != len(content) || !bytes.Equal(got[:gaps[0].Offset], content[:gaps[0].Offset]) || !bytes.Equal(got[end:], content[end:]) {
		t.Errorf("more than the bad chunk differs")
	}
}

// FuzzUnwrap: nothing grows beyond the limit.
func FuzzUnwrap(f *testing.F) {
	f.Add(wrap(f, []byte("0123456789abcdef")))
	f.Add(wrap(f, bytes.Repeat([]byte("ab"), 9000)))
	f.Add([]byte("cmp\x00\x100123456789abcdef"))
	f.Fuzz(func(t *testing.T, buf []byte) {
		got, err := Unwrap(nil, buf, 32<<10, func(g Gap) {
			if g.Err == nil || g.Offset < 0 || g.Length < 0 || g.Offset+g.Length > 32<<10 {
				t.Fatalf("gap %+v", g)
			}
		})
		if len(got) > 32<<10 || err == nil && len(got) < checksumLen {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	})
}
