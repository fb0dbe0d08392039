package resolver

import (
	"container/heap"
	"container/list"
	"crypto/sha256"
	"math"
	"slices"
	"time"
)

// Hash stands for the contents of a store: the exclusive or of the SHA-256 of all
// JWTs in it. It is zero for an empty store.
type Hash [sha256.Size]byte

// toggle puts a JWT in, or takes it out again.
func (h *Hash) toggle(other Hash) {
	for i := range h {
		h[i] ^= other[i]
	}
}

// never is a time that does not come.
const never = math.MaxInt64

// item is a JWT in the index.
type item struct {
	key    string
	path   string   // of the file
	others []string // further files of the same account, which do not count
	hash   Hash
	stamp  stamp

	due      int64 // Unix nanoseconds; when to remove it
	position int   // in the heap
	recent   *list.Element
}

// index knows what is in a store, in which order it was used, and what is to be
// removed next. It is pure; the store guards it.
type index struct {
	lifetime time.Duration // since the last use; 0: as long as the JWT
	items    map[string]*item
	soonest  soonest
	recent   *list.List // of *item, that which was used last at the back
	hash     Hash
}

func newIndex(lifetime time.Duration) *index {
	return &index{lifetime: lifetime, items: make(map[string]*item), recent: list.New()}
}

// put adds a JWT, or replaces that of the same account.
func (x *index) put(key, path string, hash Hash, s stamp, now time.Time) *item {
	i := x.items[key]
	if i == nil {
		i = &item{key: key, due: never}
		x.items[key] = i
		i.recent = x.recent.PushBack(i)
		heap.Push(&x.soonest, i)
	} else {
		x.hash.toggle(i.hash)
	}
	i.path, i.hash, i.stamp = path, hash, s
	x.hash.toggle(hash)
	x.use(i, now)
	return i
}

// use makes an item the one that was used last.
func (x *index) use(i *item, now time.Time) {
	x.recent.MoveToBack(i.recent)
	due := int64(never)
	if i.stamp.Expires > 0 && i.stamp.Expires < never/int64(time.Second) {
		due = i.stamp.Expires * int64(time.Second)
	}
	if x.lifetime > 0 {
		if end := now.UnixNano(); end < never-int64(x.lifetime) {
			due = min(due, end+int64(x.lifetime))
		}
	}
	x.postpone(i, due)
}

// postpone sets when an item is to be removed.
func (x *index) postpone(i *item, due int64) {
	i.due = due
	heap.Fix(&x.soonest, i.position)
}

func (x *index) remove(i *item) {
	x.hash.toggle(i.hash)
	x.recent.Remove(i.recent)
	heap.Remove(&x.soonest, i.position)
	delete(x.items, i.key)
}

// next is an item whose time is over, or nil.
func (x *index) next(now time.Time) *item {
	if len(x.soonest) == 0 || x.soonest[0].due > now.UnixNano() {
		return nil
	}
	return x.soonest[0]
}

// leastRecent is the item that was not used for the longest time, or nil.
func (x *index) leastRecent() *item {
	if e := x.recent.Front(); e != nil {
		return e.Value.(*item)
	}
	return nil
}

// keys lists the accounts in order.
func (x *index) keys() []string {
	keys := make([]string, 0, len(x.items))
	for key := range x.items {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// soonest is a heap of items, that which is due first on top.
type soonest []*item

func (s soonest) Len() int           { return len(s) }
func (s soonest) Less(a, b int) bool { return s[a].due < s[b].due }

func (s soonest) Swap(a, b int) {
	s[a], s[b] = s[b], s[a]
	s[a].position, s[b].position = a, b
}

// Push is for package heap.
func (s *soonest) Push(x any) {
	i := x.(*item)
	i.position = len(*s)
	*s = append(*s, i)
}

// Pop is for package heap.
func (s *soonest) Pop() any {
	last := len(*s) - 1
	i := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	return i
}
