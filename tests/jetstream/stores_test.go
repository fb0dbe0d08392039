package jetstream

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/godwit-mq/godwit/tests/kit"
)

func TestKeyValue(t *testing.T) {
	b := start(t)
	kv := kit.Must[jetstream.KeyValue](t)(b.js.CreateKeyValue(b.ctx, jetstream.KeyValueConfig{Bucket: "B", History: 5, LimitMarkerTTL: time.Minute}))
	first := kit.Must[uint64](t)(kv.Create(b.ctx, "a", []byte("1")))
	if _, err := kv.Create(b.ctx, "a", nil); !errors.Is(err, jetstream.ErrKeyExists) {
		t.Errorf("created twice: %v", err)
	}
	second := kit.Must[uint64](t)(kv.Update(b.ctx, "a", []byte("2"), first))
	if _, err := kv.Update(b.ctx, "a", nil, first); err == nil {
		t.Error("updated an old revision")
	}
	kit.Must[uint64](t)(kv.Put(b.ctx, "b.c", []byte("3")))
	w := kit.Must[jetstream.KeyWatcher](t)(kv.Watch(b.ctx, "a", jetstream.IncludeHistory()))
	for _, want := range []string{"1", "2"} {
		if u := kit.Await(t, "an update", w.Updates()); string(u.Value()) != want {
			t.Fatalf("%s, want %s", u.Value(), want)
		}
	}
	if u := kit.Await(t, "the end of what is there", w.Updates()); u != nil {
		t.Fatalf("%v", u)
	}
	kit.OK(t, kv.Delete(b.ctx, "a", jetstream.LastRevision(second)))
	if u := kit.Await(t, "a deletion", w.Updates()); u.Operation() != jetstream.KeyValueDelete {
		t.Fatalf("%v", u)
	}
	kit.OK(t, w.Stop())
	b.restart()
	kv = kit.Must[jetstream.KeyValue](t)(b.js.KeyValue(b.ctx, "B"))
	if _, err := kv.Get(b.ctx, "a"); !errors.Is(err, jetstream.ErrKeyNotFound) {
		t.Errorf("a deleted key: %v", err)
	}
	if keys := kit.Must[[]string](t)(kv.Keys(b.ctx)); !slices.Equal(keys, []string{"b.c"}) {
		t.Errorf("keys %v", keys)
	}
	if e := kit.Must[jetstream.KeyValueEntry](t)(kv.Get(b.ctx, "b.c")); string(e.Value()) != "3" {
		t.Errorf("%s", e.Value())
	}
}

func TestObjectStore(t *testing.T) {
	b := start(t)
	objects := kit.Must[jetstream.ObjectStore](t)(b.js.CreateObjectStore(b.ctx, jetstream.ObjectStoreConfig{Bucket: "O"}))
	data := make([]byte, 3<<20)
	rand.NewChaCha8([32]byte{}).Read(data)
	kit.Must[*jetstream.ObjectInfo](t)(objects.PutBytes(b.ctx, "a", data))
	b.restart()
	objects = kit.Must[jetstream.ObjectStore](t)(b.js.ObjectStore(b.ctx, "O"))
	if got := kit.Must[[]byte](t)(objects.GetBytes(b.ctx, "a")); !bytes.Equal(got, data) {
		t.Error("another object came back")
	}
	kit.OK(t, objects.Delete(b.ctx, "a"))
	if _, err := objects.GetBytes(b.ctx, "a"); !errors.Is(err, jetstream.ErrObjectNotFound) {
		t.Errorf("a deleted object: %v", err)
	}
}
