package resolver

import (
	"crypto/sha256"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// plain is a store as one would write it without caring for speed.
type plain struct {
	lifetime time.Duration
	limit    int
	texts    map[string]string
	used     map[string]time.Time
	expires  map[string]int64
	order    []string // that which was used last at the end
}

func (p *plain) use(key string, now time.Time) {
	p.order = append(slices.DeleteFunc(p.order, func(k string) bool { return k == key }), key)
	p.used[key] = now
}

func (p *plain) remove(key string) {
	p.order = slices.DeleteFunc(p.order, func(k string) bool { return k == key })
	delete(p.texts, key)
	delete(p.used, key)
	delete(p.expires, key)
}

func (p *plain) save(key, text string, expires int64, now time.Time) {
	p.texts[key], p.expires[key] = text, expires
	p.use(key, now)
	for len(p.order) > p.limit {
		p.remove(p.order[0])
	}
}

func (p *plain) expire(now time.Time) {
	for _, key := range slices.Clone(p.order) {
		old := p.lifetime > 0 && !now.Before(p.used[key].Add(p.lifetime))
		if old || p.expires[key] > 0 && !now.Before(time.Unix(p.expires[key], 0)) {
			p.remove(key)
		}
	}
}

func (p *plain) hash() (h Hash) {
	for _, text := range p.texts {
		h.toggle(sha256.Sum256([]byte(text)))
	}
	return h
}

// A directory does what the plain store does, also when it is closed and opened
// again or reads its files anew.
func TestDirectoryProperty(outer *testing.T) {
	var signers []signer
	for range 6 {
		signers = append(signers, newAccount(outer))
	}
	rapid.Check(outer, func(t *rapid.T) {
		disk := faulty.New(1)
		now := time.Unix(2_000_000_000, 0)
		lifetime := time.Duration(rapid.SampledFrom([]int{0, 7}).Draw(t, "lifetime")) * time.Second
		p := &plain{
			lifetime: lifetime, limit: rapid.IntRange(1, 6).Draw(t, "limit"),
			texts: make(map[string]string), used: make(map[string]time.Time), expires: make(map[string]int64),
		}
		c := Config{
			Create: true, FS: disk, Shard: rapid.Bool().Draw(t, "shard"), Limit: p.limit, Evict: true, Lifetime: lifetime, CheckEvery: -1,
			Delete: DeleteRemoves, Now: func() time.Time { return now },
		}
		reopen := func() *Directory {
			d, err := OpenDirectory("/d", c)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		d := reopen()
		account := rapid.SampledFrom(signers)
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				if got, want := d.Keys(), slices.Sorted(maps.Keys(p.texts)); !slices.Equal(got, want) {
					t.Fatalf("accounts %v, want %v", got, want)
				}
				if d.Hash() != p.hash() {
					t.Fatalf("hash %x, want %x", d.Hash(), p.hash())
				}
			},
			"save": func(t *rapid.T) {
				a := account.Draw(t, "account")
				expires := now.Unix() + int64(rapid.SampledFrom([]int{0, 3, 10}).Draw(t, "in"))
				if expires == now.Unix() {
					expires = 0
				}
				text := a.claims(outer, rapid.StringMatching("[ab]").Draw(t, "name"), expires)
				if err := d.Save(a.public, text); err != nil {
					t.Fatal(err)
				}
				p.save(a.public, text, expires, now)
			},
			"load": func(t *rapid.T) {
				key := account.Draw(t, "account").public
				text, err := d.Load(key)
				if want, ok := p.texts[key]; text != want || ok != (err == nil) {
					t.Fatalf("%q, %v, want %q", text, err, want)
				} else if ok {
					p.use(key, now)
				}
			},
			"delete": func(t *rapid.T) {
				key := account.Draw(t, "account").public
				if err := d.Delete(key); err != nil {
					t.Fatal(err)
				}
				p.remove(key)
			},
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 5).Draw(t, "seconds")) * time.Second)
				d.Expire()
				p.expire(now)
			},
			"reload": func(t *rapid.T) {
				if err := d.Reload(); err != nil {
					t.Fatal(err)
				}
			},
			"reopen": func(t *rapid.T) {
				if err := d.Close(); err != nil {
					t.Fatal(err)
				}
				d = reopen()
				keys := slices.Sorted(maps.Keys(p.texts)) // files are found in this order
				if c.Shard {
					slices.SortFunc(keys, func(x, y string) int {
						if x[len(x)-2:] != y[len(y)-2:] {
							x, y = x[len(x)-2:], y[len(y)-2:]
						}
						if x < y {
							return -1
						}
						return 1
					})
				}
				for _, key := range keys {
					p.use(key, now)
				}
			},
		})
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestNextIsTheSoonest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newIndex(0)
		start := time.Unix(1000, 0)
		due := make(map[string]int64)
		for i, at := range rapid.SliceOfN(rapid.Int64Range(0, 20), 1, 30).Draw(t, "times") {
			key := string(rune('a' + i%12))
			x.put(key, key, Hash{byte(i)}, stamp{Expires: at}, start)
			due[key] = at
		}
		for second := int64(0); second <= 21; second++ {
			for i := x.next(time.Unix(second, 0)); i != nil; i = x.next(time.Unix(second, 0)) {
				if due[i.key] != second || second == 0 {
					t.Fatalf("%s is due at %d, not %d", i.key, due[i.key], second)
				}
				delete(due, i.key)
				x.remove(i)
			}
		}
		for key, at := range due {
			if at != 0 {
				t.Fatalf("%s, due at %d, was not found", key, at)
			}
			x.remove(x.items[key])
		}
		if x.hash != (Hash{}) || x.recent.Len() != 0 || len(x.soonest) != 0 || x.leastRecent() != nil {
			t.Fatalf("something is left of an empty index: %+v", x)
		}
	})
}
