package interest

// rebuildMax bounds the entries that are moved at once when a table shrinks,
// and so the time that one removal can take.
const rebuildMax = 1 << 16

// table is a map that gives memory back, which Go's maps do not.
type table[V any] struct {
	entries map[string]V
	peak    int // the largest number of entries since the map was made
}

func (t *table[V]) put(key string, v V) {
	if t.entries == nil {
		t.entries = make(map[string]V)
	}
	t.entries[key] = v
	t.peak = max(t.peak, len(t.entries))
}

func (t *table[V]) delete(key string) {
	delete(t.entries, key)
	n := len(t.entries)
	if n == 0 {
		*t = table[V]{}
		return
	}
	if t.peak < shrinkMin || n > t.peak/8 || n > rebuildMax {
		return
	}
	smaller := make(map[string]V, n)
	for k, v := range t.entries {
		smaller[k] = v
	}
	*t = table[V]{entries: smaller, peak: n}
}
