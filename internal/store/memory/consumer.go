package memory

import "github.com/godwit-mq/godwit/internal/store"

// A Consumer is a consumer store in memory: progress that nothing keeps.
type Consumer struct {
	*store.Progress
}

// NewConsumer returns the store of a consumer that has not begun.
func NewConsumer(r store.Rules) *Consumer { return &Consumer{store.NewProgress(r)} }

var _ store.Consumer = (*Consumer)(nil)
