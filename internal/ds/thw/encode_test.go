package thw

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"testing"
)

// Go: TestHashWheelEncodeDecode server/thw/thw_test.go:224
func TestEncodeAndDecode(t *testing.T) {
	w, model := &Wheel{}, map[key]int64{}
	for seq := range int64(100_000) {
		w.Add(uint64(seq), in(seq))
		model[key{uint64(seq), position(in(seq))}] = in(seq)
	}
	encoded := w.Append([]byte("kept"), 12345)
	if string(encoded[:4]) != "kept" || len(encoded) <= 4+headerLen {
		t.Fatalf("%d bytes", len(encoded))
	}
	decoded, stamp, err := Decode(encoded[4:])
	if err != nil || stamp != 12345 {
		t.Fatalf("stamp %d: %v", stamp, err)
	}
	check(t, decoded, model)
	if got, want := decoded.Next(math.MaxInt64), w.Next(math.MaxInt64); got != want {
		t.Fatalf("next is %d, want %d", got, want)
	}
	for i, g := range w.groups {
		for j := range g.slots {
			if got, want := decoded.groups[i].slots[j].low, g.slots[j].low; got != want {
				t.Fatalf("slot %d begins at %d, want %d", i*groupSlots+j, got, want)
			}
		}
	}
}

// A timer file that an established peer wrote.
func TestDecodeTimerFile(t *testing.T) {
	file, err := hex.DecodeString("01" + "0200000000000000" + "0400000000000000" +
		"96c6e9ce93b5f6ea31" + "02" + "d2a2b5fecce3f4ea31" + "01")
	if err != nil {
		t.Fatal(err)
	}
	w, stamp, err := Decode(file)
	if err != nil || stamp != 4 {
		t.Fatalf("stamp %d: %v", stamp, err)
	}
	const first, second = 1_795_504_199_298_361_513, 1_795_507_799_370_576_267
	if w.Len() != 2 || w.Remove(1, first) != nil || w.Remove(2, second) != nil {
		t.Fatalf("the wheel has other entries: %x", w.Append(nil, 0))
	}
}

// Go: TestHashWheelDecodeRejectsMalformed server/thw/thw_test.go:256
func TestDecodeRefusesBadInput(t *testing.T) {
	header := func(count uint64, rest ...byte) []byte {
		b := binary.LittleEndian.AppendUint64([]byte{version}, count)
		return append(binary.LittleEndian.AppendUint64(b, 0), rest...)
	}
	overlong := []byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}
	for _, test := range []struct {
		name  string
		input []byte
		want  error
	}{
		{"nothing", nil, io.ErrShortBuffer},
		{"short header", make([]byte, headerLen-1), io.ErrShortBuffer},
		{"other version", append([]byte{2}, header(0)[1:]...), ErrVersion},
		{"no entries", header(1), io.ErrUnexpectedEOF},
		{"no sequence", header(1, binary.AppendVarint(nil, 12345)...), io.ErrUnexpectedEOF},
		{"one entry of two", header(2, 2, 7), io.ErrUnexpectedEOF},
		{"a count beyond everything", header(math.MaxUint64, 2, 7), io.ErrUnexpectedEOF},
		{"time too long", header(1, append(overlong, 1)...), io.ErrUnexpectedEOF},
		{"sequence too long", header(1, append([]byte{2}, overlong...)...), io.ErrUnexpectedEOF},
	} {
		if w, _, err := Decode(test.input); !errors.Is(err, test.want) || w != nil {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if _, _, err := Decode(header(1, 2, 7, 0)); err == nil {
		t.Error("a byte after the last entry was accepted")
	}
	if w, _, err := Decode(header(2, 2, 7, 2, 7)); err != nil || w.Len() != 1 {
		t.Errorf("the same entry twice: %v", err)
	}
}

// Any input is refused or becomes a sound wheel that survives another round.
func FuzzDecode(f *testing.F) {
	w := &Wheel{}
	f.Add(w.Append(nil, 1))
	for seq := range int64(5) {
		w.Add(uint64(seq), in(seq*slots/2))
	}
	f.Add(w.Append(nil, 1<<63))
	f.Fuzz(func(t *testing.T, input []byte) {
		w, stamp, err := Decode(input)
		if err != nil {
			return
		}
		model := map[key]int64{}
		for i, g := range w.groups {
			if g == nil {
				continue
			}
			for j := range g.slots {
				for _, c := range g.slots[j].cells {
					if c.due != g.slots[j].mark {
						model[key{c.seq, uint64(i*groupSlots + j)}] = c.due
					}
				}
			}
		}
		check(t, w, model)
		again, sameStamp, err := Decode(w.Append(nil, stamp))
		if err != nil || sameStamp != stamp {
			t.Fatalf("second round: %v", err)
		}
		check(t, again, model)
	})
}
