package interest

// searchMax is the length up to which a list is searched from end to end.
// Longer ones get a map from key to position.
const searchMax = 64

// shrinkMin is the capacity from which a list, and the number of entries from
// which a table, gives memory back when most of it has become unused.
const shrinkMin = 256

// roster is a list of things with different keys, in no order. The caller
// passes the function that gives the key of an item.
type roster[K comparable, E any] struct {
	items []E
	at    map[K]int // position by key; nil for a list of at most searchMax
}

// find returns the position of the item with the key, or -1.
func (r *roster[K, E]) find(key K, keyOf func(*E) K) int {
	if r.at != nil {
		if i, found := r.at[key]; found {
			return i
		}
		return -1
	}
	for i := range r.items {
		if keyOf(&r.items[i]) == key {
			return i
		}
	}
	return -1
}

// add appends an item whose key is not there yet.
func (r *roster[K, E]) add(e E, keyOf func(*E) K) {
	r.items = append(r.items, e)
	switch {
	case r.at != nil:
		r.at[keyOf(&e)] = len(r.items) - 1
	case len(r.items) > searchMax:
		r.number(keyOf)
	}
}

// remove takes the item at i out and puts the last one in its place.
func (r *roster[K, E]) remove(i int, keyOf func(*E) K) {
	last := len(r.items) - 1
	if r.at != nil {
		delete(r.at, keyOf(&r.items[i]))
	}
	if i != last {
		r.items[i] = r.items[last]
		if r.at != nil {
			r.at[keyOf(&r.items[i])] = i
		}
	}
	clear(r.items[last:])
	r.items = r.items[:last]
	r.shrink(keyOf)
}

// shrink gives memory back. A list shorter than half of searchMax drops its
// map: the gap to searchMax keeps a list around the limit from building maps
// over and over.
func (r *roster[K, E]) shrink(keyOf func(*E) K) {
	if r.at != nil && len(r.items) < searchMax/2 {
		r.at = nil
	}
	if cap(r.items) < shrinkMin || len(r.items) > cap(r.items)/4 {
		return
	}
	r.items = append(make([]E, 0, 2*len(r.items)), r.items...)
	if r.at != nil {
		r.number(keyOf)
	}
}

// number builds the map anew.
func (r *roster[K, E]) number(keyOf func(*E) K) {
	r.at = make(map[K]int, len(r.items))
	for i := range r.items {
		r.at[keyOf(&r.items[i])] = i
	}
}
