package seqset

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"testing"
)

// A node of a hand-made encoding: the members, all within reach of base.
type node struct {
	base    uint64
	height  uint16
	members []uint64
}

func encodeNodes(version byte, words, size int, nodes ...node) []byte {
	out := []byte{magic, version}
	out = binary.LittleEndian.AppendUint32(out, uint32(len(nodes)))
	out = binary.LittleEndian.AppendUint32(out, uint32(size))
	for _, n := range nodes {
		content := make([]uint64, words)
		for _, seq := range n.members {
			content[(seq-n.base)/64] |= 1 << ((seq - n.base) % 64)
		}
		out = binary.LittleEndian.AppendUint64(out, n.base)
		for _, w := range content {
			out = binary.LittleEndian.AppendUint64(out, w)
		}
		out = binary.LittleEndian.AppendUint16(out, n.height)
	}
	return out
}

// The bytes of version 2 are those that established peers write.
func TestEncodedBytes(t *testing.T) {
	got := of(1, 3, 64, 2048).Append([]byte("kept"))
	want := encodeNodes(version2, blockWords, 4,
		node{base: 2048, height: 2, members: []uint64{2048}}, node{height: 1, members: []uint64{1, 3, 64}})
	if !bytes.Equal(got[4:], want) || string(got[:4]) != "kept" {
		t.Fatalf("encoded\n%x, want\n%x", got, want)
	}
	head, _ := hex.DecodeString("160202000000040000000008000000000000" + "0100000000000000")
	if !bytes.HasPrefix(want, head) || len(want) != 10+2*266 {
		t.Fatalf("%d bytes %x", len(want), want[:len(head)])
	}
	set, n, err := Decode(append(want, 1, 2, 3))
	if err != nil || n != len(want) || !set.Equal(of(1, 3, 64, 2048)) {
		t.Fatalf("decoded %d bytes: %v", n, err)
	}
}

// Go: TestSeqSetDecodeV1 server/avl/seqset_test.go:323
func TestDecodeVersion1(t *testing.T) {
	nodes := []node{
		{base: 221_184, height: 2, members: []uint64{222_222}},
		{base: 0, height: 1, members: []uint64{22, 222, 2222}},
		{base: 2_220_032, height: 1, members: []uint64{2_222_222}},
	}
	encoded := encodeNodes(version1, version1Words, 5, nodes...)
	if len(encoded) != 10+3*522 {
		t.Fatalf("%d bytes", len(encoded))
	}
	set, n, err := Decode(encoded)
	if err != nil || n != len(encoded) {
		t.Fatalf("decoded %d bytes: %v", n, err)
	}
	if got := members(set); !slices.Equal(got, []uint64{22, 222, 2222, 222_222, 2_222_222}) {
		t.Fatalf("members %d", got)
	}
	wantShape(t, set, 4, 5)
	if _, _, err := Decode(encodeNodes(version1, version1Words, 6, nodes...)); err != ErrBadEncoding {
		t.Fatalf("a wrong number of members: %v", err)
	}
}

// Go: TestSeqSetDecodeNodeCountOverflow server/avl/seqset_test.go:342
func TestDecodeRefusesBadInput(t *testing.T) {
	count := func(version byte, nodes uint32, body int) []byte {
		out := make([]byte, headerLen+body)
		out[0], out[1] = magic, version
		binary.LittleEndian.PutUint32(out[2:], nodes)
		return out
	}
	for _, test := range []struct {
		name  string
		input []byte
		want  error
	}{
		{"nothing", nil, ErrBadEncoding},
		{"short header", count(version2, 0, 0)[:headerLen-1], ErrBadEncoding},
		{"other magic", append([]byte{21}, count(version2, 0, 0)[1:]...), ErrBadEncoding},
		{"version 0", count(0, 0, 0), ErrBadVersion},
		{"version 3", count(3, 0, 0), ErrBadVersion},
		{"version 1, all ones", count(version1, math.MaxUint32, 0), ErrBadEncoding},
		{"version 2, all ones", count(version2, math.MaxUint32, 0), ErrBadEncoding},
		{"version 1, product overflows", count(version1, 0x00800000, 0), ErrBadEncoding},
		{"version 2, product overflows", count(version2, 0x00800000, 0), ErrBadEncoding},
		{"version 1, one byte short", count(version1, 1, 521), ErrBadEncoding},
		{"version 2, one byte short", count(version2, 1, 265), ErrBadEncoding},
		{"version 1, one empty node", count(version1, 1, 522), nil},
		{"version 2, one empty node", count(version2, 1, 266), nil},
		{"version 2, no node", count(version2, 0, 0), nil},
		{"member beyond the last sequence", encodeNodes(version2, blockWords, 1,
			node{base: math.MaxUint64 - 1, height: 1, members: []uint64{1}}), ErrBadEncoding},
		{"last sequence", encodeNodes(version2, blockWords, 1,
			node{base: math.MaxUint64 - 1, height: 1, members: []uint64{math.MaxUint64}}), nil},
	} {
		set, _, err := Decode(test.input)
		if !errors.Is(err, test.want) || (err == nil) != (set != nil) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

// What a peer or a disk says about size, height, order and alignment is not
// believed.
func TestDecodeComputesAnew(t *testing.T) {
	for _, test := range []struct {
		name   string
		nodes  []node
		blocks int
	}{
		{"lying heights", []node{{0, 9, []uint64{5}}, {blockSpan, 0, []uint64{3000}}}, 2},
		{"twice the same block", []node{{0, 1, []uint64{5}}, {0, 1, []uint64{5, 6}}}, 1},
		{"an empty node", []node{{0, 1, nil}, {blockSpan, 2, []uint64{3000}}}, 1},
		{"a list instead of a tree", []node{{9 * blockSpan, 1, []uint64{9 * blockSpan}}, {0, 1, []uint64{4}}}, 2},
		{"aligned elsewhere", []node{{1000, 2, []uint64{1000, 3047}}, {3048, 1, []uint64{3048}}}, 2},
		{"mixed alignment", []node{{1000, 2, []uint64{1000, 3047}}, {2048, 1, []uint64{3048}}}, 2},
		{"words of a mixed alignment", []node{{64, 2, []uint64{70, 2100}}, {0, 1, []uint64{70, 71}}}, 2},
	} {
		want := &Set{}
		for _, n := range test.nodes {
			for _, seq := range n.members {
				want.Insert(seq)
			}
		}
		got, _, err := Decode(encodeNodes(version2, blockWords, 12345, test.nodes...))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		check(t, got)
		if !got.Equal(want) || got.Blocks() != test.blocks {
			t.Errorf("%s: members %d in %d blocks, want %d in %d", test.name, members(got), got.Blocks(), members(want), test.blocks)
		}
		encodedTree(t, got.Append(nil))
	}
}

// Any input is refused or becomes a sound set that survives another round.
func FuzzDecode(f *testing.F) {
	f.Add(of(1, 2, 3, 5000, 1<<50).Append(nil))
	f.Add(encodeNodes(version1, version1Words, 2, node{base: 64, height: 1, members: []uint64{64, 4000}}))
	f.Add(encodeNodes(version2, blockWords, 1, node{base: math.MaxUint64 - 1, height: 1, members: []uint64{math.MaxUint64}}))
	f.Add([]byte{magic, version2, 255, 255, 255, 255, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, input []byte) {
		set, n, err := Decode(input)
		if err != nil {
			if set != nil || n != 0 || (err != ErrBadEncoding && err != ErrBadVersion) {
				t.Fatalf("set %v, %d bytes, %v", set, n, err)
			}
			return
		}
		if n < headerLen || n > len(input) {
			t.Fatalf("read %d of %d bytes", n, len(input))
		}
		check(t, set)
		encoded := set.Append(nil)
		encodedTree(t, encoded)
		again, _, err := Decode(encoded)
		if err != nil || !again.Equal(set) {
			t.Fatalf("second round: %v", err)
		}
	})
}
