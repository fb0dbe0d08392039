package block_test

import (
	"testing"

	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/storetest"
)

// A settling stream goes to the disk again and again, so that most of what is read comes
// from there.
type settling struct {
	*block.Stream
	changes int
}

func (s *settling) settle(err error) error {
	if s.changes++; err == nil && s.changes%64 == 0 {
		return s.Checkpoint()
	}
	return err
}

func (s *settling) Append(m *store.Message, a store.Admission) error {
	return s.settle(s.Stream.Append(m, a))
}

func (s *settling) AppendBatch(batch []store.Message, a store.Admission) error {
	return s.settle(s.Stream.AppendBatch(batch, a))
}

func (s *settling) Skip(first, count uint64, now int64) error {
	return s.settle(s.Stream.Skip(first, count, now))
}

func (s *settling) Remove(seq uint64) (bool, error) {
	ok, err := s.Stream.Remove(seq)
	return ok, s.settle(err)
}

// contract runs a group of the tests that every store passes in all variants.
func contract(t *testing.T, group func(*testing.T, storetest.Open)) {
	inVariants(t, func(t *testing.T, v variant) {
		group(t, func(t testing.TB, o store.Options) store.Stream {
			return &settling{Stream: newSite(t, v, o).Stream}
		})
	})
}

// Go: TestFileStoreMsgHeaders
// Go: TestFileStoreTimeStamps
// Go: TestFileStoreInitialFirstSeq
// Go: TestFileStoreSkipMsgs
// Go: TestFileStoreSubjectForSeq
// Go: TestStoreSkipMsgsCarryForwardLastTime
// Go: TestStoreSkipMsgsCarryForwardLastTimeFromEmpty
// Go: TestStoreSkipMsgNoInterestAdvancesLastTime
func TestContractOfAppending(t *testing.T) { contract(t, storetest.Appending) }

// Go: TestFileStoreMultiLastSeqs
// Go: TestFileStoreMultiLastSeqsMaxAllowed
// Go: TestFileStoreAllLastSeqs
// Go: TestFileStoreMultiLastSeqsAndLoadLastMsgWithLazySubjectState
// Go: TestStoreMsgLoadNextMsgMulti
// Go: TestStoreLoadNextMsgWildcardStartBeforeFirstMatch
// Go: TestStoreMsgLoadPrevMsgMulti
// Go: TestStoreMsgLoadPrevMsg
// Go: TestStoreMsgLoadPrevMsgMultiFullWildcardSkip
// Go: TestStoreGetSeqFromTimeWithInteriorDeletesGap
// Go: TestStoreGetSeqFromTimeWithTrailingDeletes
// Go: TestStoreMultiLastMsgs
func TestContractOfReading(t *testing.T) { contract(t, storetest.Reading) }

// Go: TestFileStoreStreamStateDeleted
// Go: TestFileStoreSubjectsTotals
// Go: TestFileStoreNumPendingMulti
// Go: TestStoreSubjectStateConsistency
// Go: TestStoreSubjectStateConsistencyOptimization
// Go: TestStoreNumPendingLastPerSubjectExcludeOvercount
func TestContractOfCounting(t *testing.T) { contract(t, storetest.Counting) }

// Go: TestStoreCompactCleansUpDmap
// Go: TestStoreCompactFullyDeletedRange
// Go: TestStoreTruncateCleansUpDmap
// Go: TestStorePurgeExZero
// Go: TestStorePurgeExSequenceOne
// Go: TestStorePurgeExKeepWithInteriorDeletes
// Go: TestStoreStreamInteriorDeleteAccounting
func TestContractOfRemoving(t *testing.T) { contract(t, storetest.Removing) }

// Go: TestFileStoreMsgLimit
// Go: TestFileStoreBytesLimit
// Go: TestFileStoreBytesLimitWithDiscardNew
// Go: TestFileStoreUpdateMaxMsgsPerSubject
// Go: TestStoreMaxMsgsPerUpdateBug
// Go: TestStoreMaxMsgsPerUpdateToOneRemoveNewest
// Go: TestStoreDiscardNew
func TestContractOfLimiting(t *testing.T) { contract(t, storetest.Limiting) }

// Go: TestFileStoreMessageTTL
// Go: TestFileStoreUpdateConfigTTLState
// Go: TestStoreUpdateConfigTTLState
func TestContractOfExpiring(t *testing.T) { contract(t, storetest.Expiring) }

// Go: TestFileStoreConsumer
// Go: TestFileStoreConsumerDeliveredUpdates
func TestContractOfConsuming(t *testing.T) {
	inVariants(t, func(t *testing.T, v variant) {
		storetest.Consuming(t, func(t testing.TB, r store.Rules) store.Consumer { return newDesk(t, v, r).Consumer })
	})
}
