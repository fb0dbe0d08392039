package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"syscall"
	"testing"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// written is a segment with commits of one to three records, and what is in it.
type written struct {
	scanner scanner
	records map[Position]string
	last    Position // begin of the last commit
}

// writeSegment makes the content of a segment with the journal itself.
func writeSegment(t testing.TB, commits int) written {
	t.Helper()
	disk := faulty.New(1)
	options := small()
	options.SegmentSize = 32 << 10
	j, _ := openOn(t, disk, options)
	w := written{records: make(map[Position]string)}
	for i := range commits {
		var batch [][]byte
		for n := range 1 + i%3 {
			batch = append(batch, []byte(fmt.Sprintf("commit %d record %d %s", i, n, strings.Repeat("x", i*37%300))))
		}
		a, err := j.AppendWait(GroupID(1+i%2), batch...)
		must(t, err)
		pos := a.Position
		w.last = pos - commitHeader
		for n, data := range batch {
			w.records[pos] = fmt.Sprintf("%d/%d=%s", a.Group, a.First+uint64(n), data)
			pos += Position(RecordSize(len(data)))
		}
	}
	s := j.segments[w.last.Segment()]
	data, err := vfs.ReadFile(disk, testDir+"/"+s.name, 1<<20)
	must(t, err)
	w.scanner = scanner{identity: j.identity, seed: j.seed, generation: s.generation, data: data}
	must(t, j.Close())
	return w
}

// scan walks the segment as the last one of a log and compares.
func (w *written) scan(t testing.TB, what string) {
	t.Helper()
	found := make(map[Position]bool)
	var damage []Damage
	s := w.scanner
	s.damaged = func(d Damage) { damage = append(damage, d) }
	s.found = func(pos Position, r storedRecord) {
		if got := fmt.Sprintf("%d/%d=%s", r.group, r.sequence, r.data); w.records[pos] != got {
			t.Fatalf("%s: record %q invented at %v", what, got, pos)
		}
		found[pos] = true
	}
	limit := int64(len(s.data))
	_, cut := s.walk(0, bounds{limit: limit, proven: s.proven(0, limit)})
	for pos := range w.records {
		if found[pos] {
			continue
		}
		reported := false
		for _, d := range damage {
			reported = reported || d.From <= pos && pos < d.To
		}
		// The last commit has no witness: it may pass for a torn write, but not
		// for nothing.
		if pos > w.last && cut != nil {
			reported = reported || cut.From <= pos
		}
		if !reported {
			t.Fatalf("%s: record at %v is lost and not reported: damage %v, cut %+v", what, pos, damage, cut)
		}
	}
}

// TestEveryBitOfASegment: whichever bit of a whole segment flips, every record
// is found, or its loss is reported.
func TestEveryBitOfASegment(t *testing.T) {
	w := writeSegment(t, 7)
	w.scan(t, "no flip")
	if len(w.records) < 10 {
		t.Fatal("nothing to test with")
	}
	step := 1
	if testing.Short() {
		step = 13
	}
	for bit := 0; bit < 8*len(w.scanner.data); bit += step {
		w.scanner.data[bit/8] ^= 1 << (bit % 8)
		w.scan(t, fmt.Sprintf("bit %d of byte %d", bit%8, bit/8))
		w.scanner.data[bit/8] ^= 1 << (bit % 8)
	}
}

// TestEveryPageOfASegment: the same with whole pages gone, one or two.
func TestEveryPageOfASegment(t *testing.T) {
	w := writeSegment(t, 7)
	whole := bytes.Clone(w.scanner.data)
	pages := len(whole) / vfs.PageSize
	for a := range pages {
		for b := a; b < pages; b++ {
			copy(w.scanner.data, whole)
			clear(w.scanner.data[a*vfs.PageSize : (a+1)*vfs.PageSize])
			clear(w.scanner.data[b*vfs.PageSize : (b+1)*vfs.PageSize])
			w.scanPages(t, a, b)
		}
	}
}

// scanPages: records outside of the cleared pages are found unless the log ends
// before them; nothing before a page that a later commit proves is missing.
func (w *written) scanPages(t testing.TB, a, b int) {
	t.Helper()
	found := make(map[Position]bool)
	s := w.scanner
	damage := 0
	s.damaged = func(Damage) { damage++ }
	s.found = func(pos Position, r storedRecord) {
		if got := fmt.Sprintf("%d/%d=%s", r.group, r.sequence, r.data); w.records[pos] != got {
			t.Fatalf("pages %d, %d: record %q invented", a, b, got)
		}
		found[pos] = true
	}
	limit := int64(len(s.data))
	stop, _ := s.walk(0, bounds{limit: limit, proven: s.proven(0, limit)})
	for pos := range w.records {
		page := int(pos.Offset() / vfs.PageSize)
		switch gone := page == a || page == b; {
		case gone && pos.Offset() < stop && damage == 0:
			t.Errorf("pages %d, %d: the loss of %v is not reported", a, b, pos)
		case !gone && pos.Offset() < stop && !found[pos]:
			t.Errorf("pages %d, %d: record at %v is not found", a, b, pos)
		}
	}
}

// TestFlippedBitsAtOpen: the same through Open, on the disk, after a crash.
func TestFlippedBitsAtOpen(t *testing.T) {
	disk := faulty.New(1)
	options := small()
	options.SegmentSize = 16 << 10
	options.CheckpointBytes = 1 << 30
	j, _ := openOn(t, disk, options)
	want := map[string]bool{}
	for i := range 6 {
		appendOne(t, j, GroupID(1+i%2), fmt.Sprintf("record %d", i))
		want[fmt.Sprintf("%d/%d=record %d", 1+i%2, 1+i/2, i)] = true
	}
	disk = disk.Clone(1) // the journal goes on preparing segments on its own
	list, err := disk.ReadDir(testDir)
	must(t, err)
	for _, info := range list {
		if info.Size == 0 {
			continue
		}
		step := int64(97)
		for bit := int64(0); bit < 8*info.Size; bit += step {
			damaged := disk.Clone(1)
			must(t, damaged.FlipBit(testDir+"/"+info.Name, bit))
			j, report, err := Open(damaged, testDir, options)
			if err != nil {
				t.Fatalf("bit %d of %s: %v", bit, info.Name, err)
			}
			seen := 0
			err = j.Replay(func(r Record, err error) error {
				if err != nil {
					return err
				}
				if !want[fmt.Sprintf("%d/%d=%s", r.Group, r.Sequence, r.Data)] {
					t.Errorf("bit %d of %s: invented %+v", bit, info.Name, r)
				}
				seen++
				return nil
			})
			if err != nil {
				t.Errorf("bit %d of %s: replay: %v", bit, info.Name, err)
			}
			if seen < len(want) && !report.Damaged() && report.Cut == nil {
				t.Errorf("bit %d of %s: %d of %d records, nothing reported", bit, info.Name, seen, len(want))
			}
			must(t, j.Close())
		}
	}
}

// TestFlippedBitsBeforeTheCheckpoint: recovery does not read there, but reading
// notices.
func TestFlippedBitsBeforeTheCheckpoint(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	a := appendOne(t, j, 1, "one")
	appendOne(t, j, 1, "two")
	must(t, j.Close())
	name := testDir + "/" + j.segments[a.Position.Segment()].name
	for bit := a.Position.Offset() * 8; bit < (a.Position.Offset()+recordHeader+3)*8; bit++ {
		damaged := disk.Clone(1)
		must(t, damaged.FlipBit(name, bit))
		j, _, err := Open(damaged, testDir, small())
		must(t, err)
		if _, err := j.Read(1, 1, nil); !errors.Is(err, ErrCorrupt) {
			t.Errorf("bit %d: %v", bit, err)
		}
		if _, err := j.ReadAt(a.Position, nil); !errors.Is(err, ErrCorrupt) {
			t.Errorf("bit %d: read at: %v", bit, err)
		}
		bad, err := j.Verify()
		if err != nil || len(bad) != 1 || bad[0].From != a.Position {
			t.Errorf("bit %d: verify: %v, %v", bit, bad, err)
		}
		if r, err := j.Read(1, 2, nil); err != nil || string(r.Data) != "two" {
			t.Errorf("bit %d: the neighbour: %v", bit, err)
		}
		must(t, j.Close())
	}
}

// TestDamageInTheMiddle: a bad record among good ones is named, and all others
// are there.
func TestDamageInTheMiddle(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	a, err := j.AppendWait(1, []byte("a"), []byte("b"), []byte("c"))
	must(t, err)
	appendOne(t, j, 1, "d")
	second := a.Position + Position(RecordSize(1))
	must(t, disk.FlipBit(testDir+"/"+j.segments[a.Position.Segment()].name, (second.Offset()+recordHeader)*8))
	j, report := openOn(t, disk.Survive(1), small())
	expect(t, j, 1, "1=a", "3=c", "4=d")
	if len(report.Damage) != 1 || len(report.Damage[0].Records) != 1 || report.Damage[0].Records[0] != (LostRecord{1, 2}) || report.Damage[0].Rescued != 2 {
		t.Errorf("damage: %v", report.Damage)
	}
	if len(report.Lost) != 1 || report.Lost[0] != (Lost{1, 2, 2}) {
		t.Errorf("lost: %v", report.Lost)
	}
	if _, err := j.Read(1, 2, nil); !errors.Is(err, ErrCorrupt) {
		t.Errorf("read of the lost record: %v", err)
	}
	if a := appendOne(t, j, 1, "e"); a.First != 5 {
		t.Errorf("sequence %d", a.First)
	}
	// The gap stays known.
	_, report = openOn(t, disk.Survive(2), small())
	if len(report.Lost) != 1 {
		t.Errorf("lost, again: %v", report.Lost)
	}
}

// TestLostLastRecordKeepsItsSequence: the sequence of a record that is known to
// be lost is not given to another one.
func TestLostLastRecordKeepsItsSequence(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	appendOne(t, j, 1, "a")
	b := appendOne(t, j, 1, "b")
	appendOne(t, j, 2, "witness")
	must(t, disk.FlipBit(testDir+"/"+j.segments[b.Position.Segment()].name, (b.Position.Offset()+recordHeader)*8))
	j, report := openOn(t, disk.Survive(1), small())
	if len(report.Lost) != 1 || report.Lost[0] != (Lost{1, 2, 2}) {
		t.Errorf("%+v", report)
	}
	if a := appendOne(t, j, 1, "c"); a.First != 3 {
		t.Errorf("sequence %d", a.First)
	}
}

// TestMissingSegment: a segment file that has gone is reported, before and after
// the checkpoint.
func TestMissingSegment(t *testing.T) {
	for _, checkpoint := range []bool{true, false} {
		disk := faulty.New(1)
		options := small()
		options.CheckpointBytes = 1 << 30
		j, _ := openOn(t, disk, options)
		var middle Position
		for i := range 60 {
			a, err := j.AppendWait(1, make([]byte, 3000))
			must(t, err)
			if i == 30 {
				middle = a.Position
			}
		}
		if checkpoint {
			must(t, j.Checkpoint())
		}
		name := j.segments[middle.Segment()].name
		disk = disk.Survive(1)
		must(t, disk.Remove(testDir+"/"+name))
		j, report := openOn(t, disk, options)
		if len(report.Damage) == 0 || len(report.Lost) != 1 {
			t.Errorf("checkpoint %v: %+v", checkpoint, report)
		}
		live := j.Group(1)
		if lost := report.Lost[0]; live.Last != 60 || uint64(live.Live) != 60-(lost.Last-lost.First+1) {
			t.Errorf("checkpoint %v: %+v, lost %+v", checkpoint, live, lost)
		}
	}
}

// TestUnreadablePage: an I/O error is damage, not the end of the log.
func TestUnreadablePage(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	appendOne(t, j, 1, "a")
	b := appendOne(t, j, 1, "b")
	appendOne(t, j, 1, "c")
	name := testDir + "/" + j.segments[b.Position.Segment()].name
	bad := b.Position.Offset() / vfs.PageSize * vfs.PageSize
	fail := func(page int64) func(op faulty.Operation) error {
		return func(op faulty.Operation) error {
			if op.Kind == faulty.Read && op.Name == name && op.Offset <= page && page < op.Offset+int64(op.Length) {
				return syscall.EIO
			}
			return nil
		}
	}
	after := disk.Survive(1)
	after.Fail(fail(bad))
	j, report := openOn(t, after, small())
	expect(t, j, 1, "1=a", "3=c")
	if len(report.Damage) != 1 || !strings.Contains(report.Damage[0].Reason, "not readable") {
		t.Errorf("%+v", report)
	}
	must(t, j.Close())

	after = disk.Survive(1)
	after.Fail(fail(bad + vfs.PageSize)) // the last commit
	j, report = openOn(t, after, small())
	expect(t, j, 1, "1=a", "2=b")
	if report.Cut == nil || report.Cut.Err == nil || !report.Damaged() {
		t.Errorf("%+v", report)
	}
}

// TestOnlyCommitOfASegment: where one commit is all that a segment has, its loss
// is reported too, and what cannot be read is not overwritten.
func TestOnlyCommitOfASegment(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	a := appendOne(t, j, 1, "alone")
	name := testDir + "/" + j.segments[a.Position.Segment()].name
	for bit := int64(0); bit < (a.Position.Offset()+recordHeader+5)*8; bit++ {
		damaged := disk.Clone(1)
		must(t, damaged.FlipBit(name, bit))
		j, report, err := Open(damaged, testDir, small())
		must(t, err)
		if report.Cut == nil && !report.Damaged() && len(contents(t, j)[1]) == 0 {
			t.Errorf("bit %d: nothing is reported", bit)
		}
		must(t, j.Close())
	}
	after := disk.Survive(1)
	after.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Read && op.Name == name && op.Offset < vfs.PageSize {
			return syscall.EIO
		}
		return nil
	})
	j, report := openOn(t, after, small())
	if len(report.Damage) != 1 || report.Damage[0].File != "00000001.seg" {
		t.Errorf("%+v", report)
	}
	for range 100 {
		b, err := j.AppendWait(2, make([]byte, 3000))
		must(t, err)
		must(t, j.Release(2, b.First))
	}
	must(t, j.Close())
	after.Fail(nil)
	data, err := vfs.ReadFile(after, name, 1<<20)
	if err != nil || !bytes.Contains(data, []byte("alone")) {
		t.Errorf("the unreadable segment was overwritten: %v", err)
	}
}

func TestDamagedCheckpoints(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	for i := range 100 {
		appendOne(t, j, 1, fmt.Sprint(i))
	}
	must(t, j.Release(1, 90))
	must(t, j.Close())
	one := disk.Clone(1)
	must(t, one.FlipBit(testDir+"/checkpoint-a", 1000))
	j, report := openOn(t, one, small())
	if len(report.Problems) != 1 || len(contents(t, j)[1]) != 10 {
		t.Errorf("one copy damaged: %+v", report)
	}
	must(t, j.Close())
	if _, report := openOn(t, one.Survive(1), small()); report.Damaged() {
		t.Errorf("the copy was not repaired: %+v", report)
	}

	both := disk.Clone(1)
	must(t, both.FlipBit(testDir+"/checkpoint-a", 1000))
	must(t, both.FlipBit(testDir+"/checkpoint-b", 1000))
	j, report = openOn(t, both, small())
	got := contents(t, j)[1]
	if len(report.Problems) != 2 || len(got) < 10 || got[len(got)-1] != "100=99" {
		t.Errorf("both copies damaged: %d records, %+v", len(got), report)
	}
	if a := appendOne(t, j, 1, "next"); a.First != 101 {
		t.Errorf("sequence %d", a.First)
	}
}

// TestForeignSegment: a file of another journal is left alone.
func TestForeignSegment(t *testing.T) {
	other := faulty.New(2)
	j, _ := openOn(t, other, small())
	a := appendOne(t, j, 1, "foreign")
	must(t, j.Close())
	data, err := vfs.ReadFile(other, testDir+"/"+j.segments[a.Position.Segment()].name, 1<<20)
	must(t, err)

	disk := faulty.New(1)
	j, _ = openOn(t, disk, small())
	appendOne(t, j, 1, "mine")
	must(t, j.Close())
	name := testDir + "/00000099.seg"
	must(t, vfs.WriteFile(disk, name, data))
	j, report := openOn(t, disk.Clone(1), small())
	if len(report.Problems) != 1 {
		t.Errorf("%+v", report)
	}
	expect(t, j, 1, "1=mine")
	if _, err := j.fs.Stat(name); err != nil {
		t.Errorf("the file: %v", err)
	}
}

func TestEncryption(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	gcm, err := seal.NewAESGCM(key)
	must(t, err)
	chacha, err := seal.NewChaCha20Poly1305(key)
	must(t, err)
	if _, err := seal.NewAESGCM(key[:16]); err == nil {
		t.Error("a short key was accepted")
	}
	disk := faulty.New(1)
	secret := "the secret of the journal"
	for life, c := range []Cipher{nil, gcm, chacha, gcm} {
		options := small()
		options.Cipher, options.OldCiphers = c, []Cipher{gcm, chacha}
		j, report := openOn(t, disk, options)
		if report.Damaged() {
			t.Fatalf("life %d: %+v", life, report)
		}
		a := appendOne(t, j, 1, fmt.Sprint(secret, life))
		appendOne(t, j, 1, "")
		var want []string
		for i := range life + 1 {
			want = append(want, fmt.Sprintf("%d=%s%d", 2*i+1, secret, i), fmt.Sprintf("%d=", 2*i+2))
		}
		expect(t, j, 1, want...)
		data, err := vfs.ReadFile(disk, testDir+"/"+j.segments[a.Position.Segment()].name, 1<<20)
		must(t, err)
		if bytes.Contains(data, []byte(secret)) != (c == nil) {
			t.Errorf("life %d: plain text on the disk: %v", life, c != nil)
		}
		disk = disk.Survive(uint64(life))
	}
	other, err := seal.NewAESGCM(bytes.Repeat([]byte{8}, 32))
	must(t, err)
	for _, options := range []Options{small(), {Cipher: other}, {OldCiphers: []Cipher{gcm}}} {
		options.SegmentSize = 64 << 10
		if _, _, err := Open(disk.Clone(1), testDir, options); !errors.Is(err, ErrKey) {
			t.Errorf("open with the wrong keys: %v", err)
		}
	}
}

// TestEncryptedRecordsAreBound: a record with good checksums but at another
// place, or for another group, does not decrypt.
func TestEncryptedRecordsAreBound(t *testing.T) {
	disk := faulty.New(1)
	options := small()
	options.Cipher, _ = seal.NewAESGCM(make([]byte, 32))
	j, _ := openOn(t, disk, options)
	a := appendOne(t, j, 1, "one")
	s := j.segments[a.Position.Segment()]
	name := testDir + "/" + s.name
	f, err := disk.OpenFile(name, 0)
	must(t, err)
	raw := make([]byte, recordHeader+3+j.overhead)
	_, err = f.ReadAt(raw, a.Position.Offset())
	must(t, err)
	putHeader(raw, 2, 1, 3+j.overhead, flagRecord)
	sumRecord(j.seed, a.Position, raw)
	_, err = f.WriteAt(raw, a.Position.Offset())
	must(t, err)
	if _, err := j.ReadAt(a.Position, nil); !errors.Is(err, ErrCorrupt) || !errors.Is(err, errDecrypt) {
		t.Errorf("a record given to another group: %v", err)
	}
}

// TestRealDisk: the same on the operating system's files, through the page cache
// and past it.
func TestRealDisk(t *testing.T) {
	for _, direct := range []bool{false, true} {
		dir := t.TempDir()
		options := small()
		options.Direct = direct
		var want []string
		for life := range 3 {
			j, report, err := Open(vfs.OS, dir, options)
			must(t, err)
			if report.Damaged() {
				t.Fatalf("%+v", report)
			}
			for i := range 50 {
				data := strings.Repeat(fmt.Sprint(i%10), i*50)
				a := appendOne(t, j, 3, data)
				want = append(want, fmt.Sprintf("%d=%s", a.First, data))
			}
			expect(t, j, 3, want...)
			must(t, j.Close())
			if life == 1 {
				// As after a crash of an older version: no checkpoint at all.
				must(t, os.Remove(dir+"/checkpoint-a"))
				must(t, os.Remove(dir+"/checkpoint-b"))
			}
		}
	}
}

// TestCommitAtAnotherPlace: a commit that lies where it was not written, within its own
// segment, is no data and no damage.
func TestCommitAtAnotherPlace(t *testing.T) {
	disk := faulty.New(1)
	j, _ := openOn(t, disk, small())
	for _, data := range []string{"one", "two", "three"} {
		appendOne(t, j, 1, data)
	}
	written := j.Stats().Written
	j.mu.Lock()
	name := path.Join(testDir, j.segments[written.Segment()].name)
	j.mu.Unlock()
	crashed := disk.Clone(1)
	must(t, j.Close())
	f, err := crashed.OpenFile(name, 0)
	must(t, err)
	for page := int64(0); page < 2; page++ {
		content := make([]byte, vfs.PageSize)
		_, err := f.ReadAt(content, page*vfs.PageSize)
		must(t, err)
		_, err = f.WriteAt(content, written.Offset()+page*vfs.PageSize)
		must(t, err)
	}
	must(t, f.Close())
	j, report, err := Open(crashed, testDir, small())
	must(t, err)
	if report.Damaged() {
		t.Errorf("%+v", report)
	}
	expect(t, j, 1, "1=one", "2=two", "3=three")
	must(t, j.Close())
}
