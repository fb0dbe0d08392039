package heap

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"

	"github.com/godwit-mq/godwit/internal/seal"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// manifest is the file that says what makes up the heap. It is open only while it is
// read or written.
type manifest struct {
	header
	aead cipher.AEAD
	seed uint32
	end  int64 // of the valid edits, where the next one goes
	rest bool  // what lies behind a witness at the end must be cut off
}

// current reports whether the manifest is sealed as new ones are.
func (m *manifest) current(o *Options) bool {
	if o.Cipher == nil || m.mark.Kind == 0 {
		return o.Cipher == nil && m.mark.Kind == 0
	}
	_, err := m.mark.Open(manifestPurpose, o.Cipher)
	return err == nil
}

// begin makes the manifest that follows.
func (m *manifest) begin(o *Options, id identity) (manifest, error) {
	next := manifest{header: header{id: id, number: m.number + 1}}
	next.seed = seed(manifestMagic, id, next.number)
	var err error
	next.mark, next.aead, err = seal.New(o.Cipher, manifestPurpose, o.Random)
	return next, err
}

// whole returns a complete manifest that holds these edits.
func (m *manifest) whole(nextFile uint64, edits [][]byte, random io.Reader) ([]byte, error) {
	buf := make([]byte, headerSize)
	var err error
	for _, edit := range edits {
		if buf, err = m.encode(buf, int64(len(buf)), nextFile, edit, random); err != nil {
			return nil, err
		}
	}
	m.base, m.end = uint64(len(buf)), int64(len(buf))
	m.header.append(buf[:0], manifestMagic)
	return buf, nil
}

// encode appends an edit that goes to an offset.
func (m *manifest) encode(buf []byte, offset int64, nextFile uint64, edit []byte, random io.Reader) ([]byte, error) {
	at, start := len(buf), len(buf)+editHeader
	length := len(edit)
	if m.aead != nil {
		length += m.aead.Overhead()
	}
	buf = slices.Grow(buf, editHeader+length)[:start]
	p := buf[at:start]
	clear(p)
	copy(p, editMagic)
	le.PutUint32(p[8:], uint32(length))
	le.PutUint64(p[24:], uint64(offset))
	le.PutUint64(p[32:], nextFile)
	if m.aead == nil {
		buf = append(buf, edit...)
	} else {
		// A place may be written twice, after an edit was torn. So the nonce is random.
		if _, err := io.ReadFull(random, p[12:24]); err != nil {
			return nil, fmt.Errorf("nonce of an edit: %w", err)
		}
		buf = m.aead.Seal(buf, p[12:24], edit, p[:40])
	}
	m.sum(buf[at:])
	return buf, nil
}

func (m *manifest) witness() []byte {
	p := make([]byte, editHeader)
	copy(p, editMagic)
	p[4] = flagWitness
	le.PutUint64(p[24:], uint64(m.end))
	m.sum(p)
	return p
}

// sum fills in the checksums of an edit.
func (m *manifest) sum(p []byte) {
	le.PutUint32(p[40:], crc32.Update(crc32.Update(m.seed, castagnoli, p[:40]), castagnoli, p[editHeader:]))
	le.PutUint32(p[44:], crc32.Update(m.seed, castagnoli, p[:44]))
}

// editRecord is an edit as it is read.
type editRecord struct {
	witness  bool
	nextFile uint64
	stored   int64 // bytes, with the header
	data     []byte
}

var errBadEdit = errors.New("not an edit")

// read returns the edit at an offset, or errBadEdit. Its data is valid until the next
// read from the window.
func (m *manifest) read(w *window, offset int64) (editRecord, error) {
	p, err := w.bytes(offset, editHeader)
	if err != nil {
		return editRecord{}, err
	}
	if len(p) < editHeader || string(p[:4]) != editMagic || p[4]&^flagWitness != 0 ||
		le.Uint64(p[24:]) != uint64(offset) || le.Uint32(p[44:]) != crc32.Update(m.seed, castagnoli, p[:44]) {
		return editRecord{}, errBadEdit
	}
	r := editRecord{witness: p[4] == flagWitness, nextFile: le.Uint64(p[32:]), stored: editHeader + int64(le.Uint32(p[8:]))}
	if r.stored > w.size-offset || r.stored > editHeader+MaxEdit+seal.MaxOverhead {
		return editRecord{}, errBadEdit
	}
	if p, err = w.bytes(offset, int(r.stored)); err != nil {
		return editRecord{}, err
	}
	if le.Uint32(p[40:]) != crc32.Update(crc32.Update(m.seed, castagnoli, p[:40]), castagnoli, p[editHeader:]) {
		return editRecord{}, errBadEdit
	}
	r.data = p[editHeader:]
	if m.aead != nil && !r.witness {
		// Not in place: the window may be asked for the same bytes again.
		if w.plain, err = m.aead.Open(w.plain[:0], p[12:24], r.data, p[:40]); err != nil {
			return editRecord{}, errBadEdit
		}
		r.data = w.plain
	}
	return r, nil
}

// find returns the offset of the next edit or witness from an offset on, or -1.
func (m *manifest) find(w *window, offset int64) (int64, error) {
	for offset+editHeader <= w.size {
		p, err := w.bytes(offset, windowSize/2)
		if err != nil {
			return 0, err
		}
		i := bytes.Index(p, []byte(editMagic))
		if i < 0 {
			offset += int64(len(p) - len(editMagic) + 1)
			continue
		}
		offset += int64(i)
		switch _, err := m.read(w, offset); err {
		case nil:
			return offset, nil
		case errBadEdit:
			offset++
		default:
			return 0, err
		}
	}
	return -1, nil
}

// Damage is a part of the manifest that cannot be read.
type Damage struct {
	Offset int64 // in bytes
	Length int64 // in bytes
	Edits  int   // that were replayed before it
}

// Recovery says what Open has found.
type Recovery struct {
	Edits int   // replayed
	Torn  int64 // bytes at the end of the manifest, of an edit that was never committed
	// Damage lists what is unreadable before the last edit, or known to have been
	// synced. With any, edits are missing from those replayed; no file that was found
	// is deleted until the heap is opened again, and Commit fails with ErrRewrite.
	// Scan finds chunks without the manifest: salvage before Rewrite.
	Damage []Damage
}

// replayed is what a replay learns apart from the Recovery.
type replayed struct {
	nextFile  uint64
	last      int64 // offset of the last edit
	witnessed bool  // everything is known to be synced
}

// replay delivers the edits in order.
func (m *manifest) replay(w *window, deliver func([]byte) error) (Recovery, replayed, error) {
	var report Recovery
	var state replayed
	at := int64(headerSize)
	for at < w.size {
		edit, err := m.read(w, at)
		if err == nil && !edit.witness {
			if err := deliver(edit.data); err != nil {
				return report, state, err
			}
			report.Edits++
			state.nextFile = max(state.nextFile, edit.nextFile)
			state.last = at
			at += edit.stored
			continue
		}
		if err != nil && err != errBadEdit {
			return report, state, err
		}
		witness := err == nil
		next, err := m.find(w, at+1)
		if err != nil {
			return report, state, err
		}
		if next < 0 {
			state.witnessed = witness
			break
		}
		report.Damage = append(report.Damage, Damage{at, next - at, report.Edits})
		at = next
	}
	if base := int64(min(m.base, math.MaxInt64)); at < base {
		report.Damage = append(report.Damage, Damage{at, base - at, report.Edits})
	}
	m.end = at
	rest := w.size - at
	if state.witnessed {
		rest -= editHeader
	}
	m.rest = rest > 0
	if len(report.Damage) == 0 {
		report.Torn = max(rest, 0)
	}
	return report, state, nil
}

// openManifest reads the header of the manifest.
func openManifest(fsys vfs.FS, name string, o *Options) (m manifest, w *window, err error) {
	file, err := fsys.OpenFile(name, 0)
	if err != nil {
		return m, nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	w = &window{file: file}
	if w.size, err = file.Size(); err != nil {
		return m, nil, err
	}
	if m.header, err = readHeader(file, name, manifestMagic); err != nil {
		return m, nil, err
	}
	m.seed = seed(manifestMagic, m.id, m.number)
	if m.aead, err = m.mark.Open(manifestPurpose, o.ciphers()...); err != nil {
		return m, nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, w, nil
}

// confirm makes durable what was replayed but may not have been synced: the end of a
// process comes between a write and its sync, or after a sync that failed. Then the
// bytes may be in memory alone, taken for clean: so they are written again.
func (m *manifest) confirm(fsys vfs.FS, dir string, w *window, last int64) error {
	if last >= int64(m.base) {
		p, err := w.bytes(last, int(m.end-last))
		if err != nil {
			return err
		}
		if _, err := w.file.WriteAt(p, last); err != nil {
			return err
		}
		if err := w.file.Sync(); err != nil {
			return err
		}
	}
	if err := fsys.SyncDir(dir); err != nil {
		return err
	}
	m.testify(w.file)
	return nil
}

// testify writes the witness that the edits are synced. It is not needed for anything
// that was promised, so it may fail.
func (m *manifest) testify(file vfs.File) { _, _ = file.WriteAt(m.witness(), m.end) }

// add appends an edit to the file and syncs it.
func (m *manifest) add(fsys vfs.FS, name string, nextFile uint64, edit []byte, random io.Reader) error {
	p, err := m.encode(nil, m.end, nextFile, edit, random)
	if err != nil {
		return err
	}
	file, err := fsys.OpenFile(name, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if m.rest {
		if err := file.Truncate(m.end); err != nil {
			return err
		}
	}
	if _, err := file.WriteAt(p, m.end); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	m.end += int64(len(p))
	m.rest = false
	m.testify(file)
	return nil
}

// replace puts a complete manifest in the place of the one there is.
func (m *manifest) replace(fsys vfs.FS, dir, temp, name string, data []byte) error {
	if err := writeNew(fsys, temp, data); err != nil {
		_ = fsys.Remove(temp) // a full disk needs the room; a left-over does no harm
		return err
	}
	if err := fsys.Rename(temp, name); err != nil {
		return err
	}
	if err := fsys.SyncDir(dir); err != nil {
		return err
	}
	if file, err := fsys.OpenFile(name, 0); err == nil {
		m.testify(file)
		file.Close()
	}
	return nil
}

func writeNew(fsys vfs.FS, name string, data []byte) error {
	file, err := fsys.OpenFile(name, vfs.Create|vfs.Truncate)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.WriteAt(data, 0); err != nil {
		return err
	}
	return file.Sync()
}
