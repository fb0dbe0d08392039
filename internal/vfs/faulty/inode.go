package faulty

import (
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/godwit-mq/godwit/internal/vfs"
)

type page [vfs.PageSize]byte

// maxVersions bounds the remembered contents of a page between two syncs.
const maxVersions = 4

// inode is one file, whatever its names. Guarded by Disk.mu. Pages are never
// changed in place once they are stored, so disks that stem from one another
// may share them.
type inode struct {
	size    int64
	present map[int64]*page // what reads see; a missing page is zero

	durableSize int64
	durable     map[int64]*page // what the disk surely holds, where not dirty

	// dirty holds the earlier contents of each page written since the last
	// Sync, oldest first, without the present one; nil stands for zeros.
	dirty map[int64][]*page
}

func newInode() *inode {
	return &inode{present: map[int64]*page{}, durable: map[int64]*page{}, dirty: map[int64][]*page{}}
}

func (n *inode) read(p []byte, off int64) int {
	if off >= n.size {
		return 0
	}
	p = p[:min(int64(len(p)), n.size-off)]
	done := 0
	for done < len(p) {
		at := off + int64(done)
		number, skip := at/vfs.PageSize, at%vfs.PageSize
		want := min(len(p)-done, int(vfs.PageSize-skip))
		if pg := n.present[number]; pg != nil {
			copy(p[done:done+want], pg[skip:])
		} else {
			clear(p[done : done+want])
		}
		done += want
	}
	return done
}

// setPage gives a page new content and remembers the old one.
func (n *inode) setPage(number int64, content *page) {
	versions := append(n.dirty[number], n.present[number])
	if len(versions) > maxVersions {
		versions = versions[1:]
	}
	n.dirty[number] = versions
	n.present[number] = content
}

// write stores what there is room for and returns how much, and how many pages
// it took.
func (n *inode) write(p []byte, off, room int64) (done int, taken int64) {
	for done < len(p) {
		at := off + int64(done)
		number, skip := at/vfs.PageSize, at%vfs.PageSize
		want := min(len(p)-done, int(vfs.PageSize-skip))
		old := n.present[number]
		if old == nil {
			if room == taken {
				return done, taken
			}
			taken++
		}
		content := new(page)
		if old != nil {
			*content = *old
		}
		copy(content[skip:], p[done:done+want])
		n.setPage(number, content)
		done += want
		n.size = max(n.size, at+int64(want))
	}
	return done, taken
}

// truncate sets the length and returns how many pages became free.
func (n *inode) truncate(size int64) (freed int64) {
	n.size = size
	for number := range n.present {
		if number*vfs.PageSize >= size {
			n.setPage(number, nil)
			delete(n.present, number)
			freed++
		}
	}
	if skip := size % vfs.PageSize; skip != 0 {
		if old := n.present[size/vfs.PageSize]; old != nil {
			content := *old
			clear(content[skip:])
			n.setPage(size/vfs.PageSize, &content)
		}
	}
	return freed
}

// preallocate gives pages of zeros to the range up to size.
func (n *inode) preallocate(size, room int64) (taken int64, ok bool) {
	var missing []int64
	for number := int64(0); number*vfs.PageSize < size; number++ {
		if n.present[number] == nil {
			missing = append(missing, number)
		}
	}
	if room >= 0 && int64(len(missing)) > room {
		return 0, false
	}
	for _, number := range missing {
		n.setPage(number, new(page))
	}
	n.size = max(n.size, size)
	return int64(len(missing)), true
}

// sync makes everything that is dirty durable.
func (n *inode) sync() {
	for number := range n.dirty {
		n.store(number, n.present[number])
	}
	clear(n.dirty)
	n.durableSize = n.size
	n.dropBeyond()
}

func (n *inode) store(number int64, content *page) {
	if content == nil {
		delete(n.durable, number)
	} else {
		n.durable[number] = content
	}
}

func (n *inode) dropBeyond() {
	for number := range n.durable {
		if number*vfs.PageSize >= n.durableSize {
			delete(n.durable, number)
		}
	}
}

// failSync writes some of the dirty pages and forgets about all of them.
func (n *inode) failSync(random *rand.Rand) {
	for _, number := range slices.Sorted(maps.Keys(n.dirty)) {
		if random.IntN(2) == 0 {
			n.store(number, n.present[number])
		}
	}
	clear(n.dirty)
	if random.IntN(2) == 0 {
		n.durableSize = n.size
	}
	n.dropBeyond()
}

// flip inverts bits of one byte wherever the page is kept.
func (n *inode) flip(off int64, mask byte) {
	number, at := off/vfs.PageSize, off%vfs.PageSize
	changed := make(map[*page]*page)
	flipped := func(old *page) *page {
		if changed[old] == nil {
			content := new(page)
			if old != nil {
				*content = *old
			}
			content[at] ^= mask
			changed[old] = content
		}
		return changed[old]
	}
	n.present[number] = flipped(n.present[number])
	if off < n.durableSize {
		n.durable[number] = flipped(n.durable[number])
	}
	for i, version := range n.dirty[number] {
		n.dirty[number][i] = flipped(version)
	}
}

// survive returns the file as a power cut now may leave it.
func (n *inode) survive(random *rand.Rand) *inode {
	after := newInode()
	after.durableSize = n.durableSize
	if n.size != n.durableSize && random.IntN(2) == 0 {
		after.durableSize = n.size
	}
	for number, content := range n.durable {
		after.durable[number] = content
	}
	for _, number := range slices.Sorted(maps.Keys(n.dirty)) {
		after.store(number, n.outcome(number, random))
	}
	after.dropBeyond()
	if skip := after.durableSize % vfs.PageSize; skip != 0 {
		if last := after.durable[after.durableSize/vfs.PageSize]; last != nil {
			content := *last
			clear(content[skip:])
			after.durable[after.durableSize/vfs.PageSize] = &content
		}
	}
	after.size = after.durableSize
	for number, content := range after.durable {
		after.present[number] = content
	}
	return after
}

// outcome chooses what the disk holds of a dirty page.
func (n *inode) outcome(number int64, random *rand.Rand) *page {
	old, latest := n.durable[number], n.present[number]
	switch random.IntN(8) {
	case 0, 1, 2:
		return old
	case 3, 4, 5:
		return latest
	case 6:
		versions := n.dirty[number]
		return versions[random.IntN(len(versions))]
	}
	var torn page
	if old != nil {
		torn = *old
	}
	var target page
	if latest != nil {
		target = *latest
	}
	cut := random.IntN(vfs.PageSize)
	if random.IntN(4) > 0 {
		cut -= cut % 512 // most disks tear between sectors
	}
	if random.IntN(2) == 0 {
		copy(torn[:cut], target[:cut])
	} else {
		copy(torn[cut:], target[cut:])
	}
	return &torn
}
