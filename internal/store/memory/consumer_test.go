package memory

import (
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/storetest"
)

// Go: TestFileStoreConsumer server/filestore_test.go:2230
// Go: TestFileStoreConsumerDeliveredUpdates server/filestore_test.go:2899
func TestConsuming(t *testing.T) {
	storetest.Consuming(t, func(_ testing.TB, r store.Rules) store.Consumer { return NewConsumer(r) })
}

func TestConsumingRandom(t *testing.T) {
	storetest.ConsumingRandom(t, func(r store.Rules) store.Consumer { return NewConsumer(r) })
}
