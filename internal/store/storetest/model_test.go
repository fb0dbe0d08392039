package storetest

import (
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
)

func openModel(t testing.TB, o store.Options) store.Stream {
	m, err := NewModel(o, store.FileSize)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestModel: the model, by which implementations are judged, keeps the contract as
// far as it is told with few messages.
func TestModel(t *testing.T) {
	tooMany := map[string]bool{
		"many at once": true, "many holes": true, "search far": true, "last of all subjects": true,
		"next of one and of many filters": true, "totals of subjects": true, "pending by scan": true,
		"pending of many filters": true, "deleted at random": true, "snapshot": true, "bytes": true,
		"sequence of a time behind the last message": true, "each": true, "truncate to nothing": true,
	}
	for _, stories := range [][]story{
		appendingStories, readingStories, countingStories, removingStories, limitingStories, expiringStories,
	} {
		for _, s := range stories {
			if !tooMany[s.name] {
				t.Run(s.name, func(t *testing.T) { s.tell(t, openModel) })
			}
		}
	}
}
